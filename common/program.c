/* SPDX-License-Identifier: ISC */
/*
 * Whether a command could be executed, before anything is done for it.
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

/* May file be executed?  Of a directory access(2) says so, too. */
static bool
program_runs(const char *file)
{
	struct stat st;

	if (access(file, X_OK) == -1 || stat(file, &st) == -1)
		return (false);
	errno = EACCES;
	return (S_ISREG(st.st_mode));
}

/* May dir, of len bytes, with name in it be executed? */
static bool
program_there(const char *dir, size_t len, const char *name)
{
	char file[PATH_MAX];

	(void)snprintf(file, sizeof(file), "%.*s%s%s", (int)len, dir,
	    len == 0 ? "./" : "/", name);
	return (program_runs(file));
}

/*
 * Looks for the command as execvp(3) does.  Returns 0; or, with errno, the exit
 * code for it.  A file in $PATH that may not be executed is not found.
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
