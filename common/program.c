/* SPDX-License-Identifier: ISC */
/*
 * Checks whether a command can be executed, before anything is started.
 */
#include <sys/stat.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

/* Returns whether file may be executed.  access(2) says yes for directories. */
static bool
program_runs(const char *file)
{
	struct stat st;

	if (access(file, X_OK) == -1 || stat(file, &st) == -1)
		return (false);
	errno = EACCES;
	return (S_ISREG(st.st_mode));
}

/* Returns whether name in the directory dir, of len bytes, may be executed. */
static bool
program_there(const char *dir, size_t len, const char *name)
{
	char file[PATH_MAX];

	(void)snprintf(file, sizeof(file), "%.*s%s%s", (int)len, dir,
	    len == 0 ? "./" : "/", name);
	return (program_runs(file));
}

/*
 * Looks for the command as execvp(3) does.  Returns 0, or the exit code for the
 * failure, with errno.  Skips files in $PATH that may not be executed.
 */
int
program_check(const char *name)
{
	const char *dir = getenv("PATH");
	size_t	    len;

	if (strchr(name, '/') != NULL) {
		if (program_runs(name))
			return (0);
		return (errno == ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_NOT_RUN);
	}
	if (dir == NULL)
		dir = "/bin:/usr/bin";
	for (;; dir += len + 1) {
		len = strcspn(dir, ":");
		if (program_there(dir, len, name))
			return (0);
		if (dir[len] == '\0')
			break;
	}
	errno = ENOENT;
	return (PROGRAM_NOT_FOUND);
}
