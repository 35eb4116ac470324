/* SPDX-License-Identifier: ISC */
/*
 * Replays a corpus without libFuzzer: runs the fuzz target that it is linked
 * with on each file of a directory.  A broken rule aborts; the last file named
 * on stdout is the input that broke it.
 *
 * usage: replay_TARGET [DIRECTORY]
 *
 * DIRECTORY is the target's own in proof/fuzz/corpus unless it is given.  Takes
 * a fraction of a second; `make check' runs it for every target.
 */
#include <dirent.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define REPLAY_MAX ((size_t)1 << 16) /* bytes of an input */

#pragma weak LLVMFuzzerInitialize /* not every target has one */

/* The input is copied to memory of just its size, for AddressSanitizer. */
static void
replay_file(const char *path)
{
	uint8_t *data;
	size_t	 len;
	FILE	*f;

	if ((f = fopen(path, "re")) == NULL ||
	    (data = malloc(REPLAY_MAX)) == NULL)
		err(1, "%s", path);
	len = fread(data, 1, REPLAY_MAX, f);
	if (ferror(f) != 0 || len == REPLAY_MAX)
		errx(1, "%s: cannot be read, or is too long", path);
	(void)fclose(f);
	if ((data = realloc(data, len + 1)) == NULL)
		err(1, NULL);
	(void)LLVMFuzzerTestOneInput(data, len);
	free(data);
}

static void
replay_corpus(const char *dir)
{
	struct dirent **files;
	char		path[4096];
	int		i, n, ran = 0;

	if ((n = scandir(dir, &files, NULL, alphasort)) == -1)
		err(1, "%s", dir);
	for (i = 0; i < n; i++) {
		if (files[i]->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
		    files[i]->d_name);
		(void)dprintf(STDOUT_FILENO, "%s\n", path);
		replay_file(path);
		ran++;
	}
	if (ran == 0)
		errx(1, "%s: no input", dir);
}

int
main(int argc, char **argv)
{
	static const char prefix[] = "/replay_";
	char		  dir[4096];
	const char	 *name = strrchr(argv[0], '/');

	if (argc == 2) {
		(void)snprintf(dir, sizeof(dir), "%s", argv[1]);
	} else if (argc == 1 && name != NULL &&
	    strncmp(name, prefix, strlen(prefix)) == 0) {
		(void)snprintf(dir, sizeof(dir), "%.*s/../proof/fuzz/corpus/%s",
		    (int)(name - argv[0]), argv[0], name + strlen(prefix));
	} else {
		errx(2, "usage: replay_TARGET [DIRECTORY]");
	}
	if (LLVMFuzzerInitialize != NULL)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	replay_corpus(dir);
	return (0);
}
