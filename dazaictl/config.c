/* SPDX-License-Identifier: ISC */
/*
 * Reads the user's files in ~/.config/dazai, which name the secret of each
 * server or key.  They decide where secrets go, so nobody but the user may
 * write to them.
 */
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "config.h"
#include "oneline.h"

/*
 * Writes the path of the file name to path, of PATH_MAX bytes; false if there
 * is no directory for it.
 */
bool
config_path(const char *name, char *path)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int	    len;

	/* By the XDG specification, a relative path must be ignored. */
	if (xdg != NULL && xdg[0] == '/')
		len = snprintf(path, PATH_MAX, "%s/dazai/%s", xdg, name);
	else if (home != NULL && home[0] == '/')
		len = snprintf(path, PATH_MAX, "%s/.config/dazai/%s", home,
		    name);
	else
		return (false);
	if (len < 0 || len >= PATH_MAX)
		errx(EXIT_USAGE, "%s: the path is too long", name);
	return (true);
}

/*
 * Opens the user's file of this name.  If there is none, config_next() finds no
 * line.  Exits if others may have written the file.
 */
void
config_open(struct config *config, const char *name)
{
	struct stat st;
	int	    fd;

	memset(config, 0, sizeof(*config));
	if (!config_path(name, config->path))
		errx(EXIT_USAGE, "neither XDG_CONFIG_HOME nor HOME is a path");
	/* With O_NONBLOCK, open(2) does not wait for the writer of a FIFO. */
	fd = open(config->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd == -1 && errno == ENOENT)
		return;
	if (fd == -1 || fstat(fd, &st) == -1)
		err(EXIT_USAGE, "%s", oneline(config->path));
	if (!S_ISREG(st.st_mode))
		errx(EXIT_USAGE, "%s: is not a file", oneline(config->path));
	if (st.st_uid != geteuid())
		errx(EXIT_USAGE, "%s: belongs to uid %u, not to us",
		    oneline(config->path), (unsigned int)st.st_uid);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		errx(EXIT_USAGE, "%s: others may write to it (chmod go-w)",
		    oneline(config->path));
	if ((config->file = fdopen(fd, "r")) == NULL)
		err(EXIT_USAGE, "%s", oneline(config->path));
}

/* Exits with an error message about the last line. */
noreturn void
config_wrong(const struct config *config, const char *why)
{
	errx(EXIT_USAGE, "%s:%u: %s", oneline(config->path), config->number,
	    why);
}

/* Splits a line into its words. */
static void
config_split(struct config *config)
{
	static const char blank[] = " \t";
	char		 *at = config->line + strspn(config->line, blank);

	if (*at == '#')
		*at = '\0';
	for (config->words = 0; *at != '\0'; config->words++) {
		if (config->words == CONFIG_WORDS)
			config_wrong(config, "too many words");
		config->word[config->words] = at;
		at += strcspn(at, blank);
		if (*at != '\0')
			*at++ = '\0';
		at += strspn(at, blank);
	}
}

/*
 * Reads up to the next line that has words, which must be printable ASCII.  A
 * line that begins with # counts as empty.  Returns false at the end of the
 * file.
 */
bool
config_next(struct config *config)
{
	ssize_t len;
	char   *p;

	if (config->file == NULL)
		return (false);
	while (
	    (len = getline(&config->line, &config->size, config->file)) != -1) {
		config->number++;
		if (config->line[len - 1] == '\n')
			config->line[--len] = '\0';
		for (p = config->line; p < config->line + len; p++) {
			if ((*p < ' ' && *p != '\t') || *p > '~')
				config_wrong(config,
				    "not a line of printable ASCII");
		}
		config_split(config);
		if (config->words > 0)
			return (true);
	}
	if (ferror(config->file))
		err(EXIT_USAGE, "%s", oneline(config->path));
	return (false);
}

/* Closes the file, and frees the words of the last line. */
void
config_close(struct config *config)
{
	free(config->line);
	config->line = NULL;
	if (config->file != NULL)
		(void)fclose(config->file);
	config->file = NULL;
}
