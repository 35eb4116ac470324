/* SPDX-License-Identifier: ISC */
/*
 * Replays a corpus without libFuzzer: runs the fuzz target that it is linked
 * with on each file of a directory, and then on VARIATIONS inputs made of these
 * files by chance, the same ones every time.  A broken rule aborts; the last
 * line on stdout names the input that broke it, which is in the file "input".
 *
 * usage: replay_TARGET [DIRECTORY]
 *
 * DIRECTORY is the target's own in proof/fuzz/corpus unless it is given.  Takes
 * about a second; `make check' runs it for every target.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX  16384 /* bytes */
#define INPUTS	   1024
#define VARIATIONS 5000

#pragma weak LLVMFuzzerInitialize /* not every target has one */

static struct input {
	char   *name;
	uint8_t data[INPUT_MAX];
	size_t	len;
} inputs[INPUTS];
static size_t	inputs_n;
static uint64_t replay_state;
static int	replay_file;

static void
replay_read(const char *dir)
{
	struct dirent **files;
	struct input   *in;
	char		path[4096];
	FILE	       *f;
	int		i, n;

	n = scandir(dir, &files, NULL, alphasort);
	CHECK(n != -1, "no directory %s", dir);
	for (i = 0; i < n; i++) {
		if (files[i]->d_name[0] == '.')
			continue;
		CHECK(inputs_n < INPUTS, "too many files in %s", dir);
		in = &inputs[inputs_n++];
		in->name = files[i]->d_name;
		(void)snprintf(path, sizeof(path), "%s/%s", dir, in->name);
		CHECK((f = fopen(path, "re")) != NULL, "cannot open %s", path);
		in->len = fread(in->data, 1, INPUT_MAX, f);
		CHECK(!ferror(f) && in->len < INPUT_MAX,
		    "%s cannot be read, or is too long", path);
		(void)fclose(f);
	}
	CHECK(inputs_n > 0, "no input in %s", dir);
}

/* The target gets memory of just the input's size, for AddressSanitizer. */
static void
replay_run(const struct input *in)
{
	uint8_t *exact = malloc(in->len + (in->len == 0));

	CHECK(exact != NULL && ftruncate(replay_file, 0) == 0 &&
		pwrite(replay_file, in->data, in->len, 0) == (ssize_t)in->len,
	    "no room for an input");
	memcpy(exact, in->data, in->len);
	(void)LLVMFuzzerTestOneInput(exact, in->len);
	free(exact);
}

/* A number below n, or 0: xorshift64. */
static size_t
replay_random(size_t n)
{
	replay_state ^= replay_state << 13;
	replay_state ^= replay_state >> 7;
	replay_state ^= replay_state << 17;
	return (n > 0 ? (size_t)(replay_state >> 33) % n : 0);
}

/* Puts len bytes of from in the place of gone bytes of in at. */
static void
replay_splice(struct input *in, size_t at, size_t gone, const uint8_t *from,
    size_t len)
{
	if (in->len - gone + len > INPUT_MAX)
		return;
	memmove(in->data + at + len, in->data + at + gone, in->len - at - gone);
	if (len > 0)
		memcpy(in->data + at, from, len);
	in->len += len - gone;
}

/* Makes variation n: an input with one to eight places changed. */
static struct input
replay_variation(size_t n)
{
	struct input	    in;
	const struct input *other;
	uint8_t		    byte;
	size_t		    changes, at, from, len;

	replay_state = (n + 1) * 0x9e3779b97f4a7c15ULL;
	in = inputs[replay_random(inputs_n)];
	for (changes = replay_random(8) + 1; changes > 0; changes--) {
		other = &inputs[replay_random(inputs_n)];
		at = replay_random(in.len + 1);
		from = replay_random(other->len + 1);
		len = replay_random(other->len - from + 1);
		switch (replay_random(4)) {
		case 0:
			byte = (uint8_t)replay_random(256);
			replay_splice(&in, at, at < in.len, &byte, 1);
			break;
		case 1:
			replay_splice(&in, at, replay_random(in.len - at + 1),
			    other->data, 0);
			break;
		case 2:
			replay_splice(&in, at, 0, other->data + from,
			    len < 16 ? len : 16);
			break;
		default:
			replay_splice(&in, at, in.len - at, other->data + from,
			    len);
		}
	}
	return (in);
}

static void
replay_all(void)
{
	struct input in;
	size_t	     i;

	for (i = 0; i < inputs_n; i++) {
		(void)dprintf(STDOUT_FILENO, "%s\n", inputs[i].name);
		replay_run(&inputs[i]);
	}
	for (i = 0; i < VARIATIONS; i++) {
		(void)dprintf(STDOUT_FILENO, "variation %zu\n", i);
		in = replay_variation(i);
		replay_run(&in);
	}
}

int
main(int argc, char **argv)
{
	static const char prefix[] = "/replay_";
	char		  dir[4096];
	const char	 *name = strrchr(argv[0], '/');

	CHECK(argc <= 2 && name != NULL, "usage: see replay.c");
	(void)snprintf(dir, sizeof(dir), "%.*s/../proof/fuzz/corpus/%s",
	    (int)(name - argv[0]), argv[0], name + strlen(prefix));
	if (argc > 1)
		(void)snprintf(dir, sizeof(dir), "%s", argv[1]);
	replay_read(dir);
	if (LLVMFuzzerInitialize != NULL)
		(void)LLVMFuzzerInitialize(&argc, &argv);
	replay_file = open("input", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	CHECK(replay_file != -1, "no file for inputs");
	replay_all();
	(void)unlink("input");
	return (0);
}
