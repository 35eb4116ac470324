/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_CONFIG_H
#define DAZAICTL_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdnoreturn.h>

#define CONFIG_WORDS 3 /* most words of a line */

/* A file whose lines consist of words. */
struct config {
	FILE	    *file; /* NULL: there is no such file */
	char	     path[PATH_MAX];
	char	    *line; /* the last line, for getline(3) */
	size_t	     size;
	unsigned int number; /* of that line, from 1 */
	char	    *word[CONFIG_WORDS];
	unsigned int words;
};

bool	      config_path(const char *, char *);
void	      config_open(struct config *, const char *);
bool	      config_next(struct config *);
void	      config_close(struct config *);
noreturn void config_wrong(const struct config *, const char *);

#endif
