/* SPDX-License-Identifier: ISC */
/*
 * A file that says which secrets to load, and by which commands: a line is
 *
 *	NAME [reads=N] [ttl=SECONDS] [newline=keep] COMMAND...
 *
 * or has a "?" for a command.  The whole file is read before any command is
 * run.
 */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "loadfile.h"
#include "name.h"
#include "num.h"

#define LOADFILE_BLANK " \t"

/* Cuts the first word off *rest, which then begins with the next one. */
static char *
loadfile_word(char **rest)
{
	char *word = *rest;

	*rest += strcspn(*rest, LOADFILE_BLANK);
	if (**rest != '\0')
		*(*rest)++ = '\0';
	*rest += strspn(*rest, LOADFILE_BLANK);
	return (word);
}

/*
 * If *rest begins with an option, removes it, and returns its key; otherwise
 * returns NULL.  *why is set to an error message about the value, or to NULL.
 */
static const char *
loadfile_option(struct loadfile_entry *e, char **rest, const char **why)
{
	static const char *const keys[] = { "reads=", "ttl=", "newline=" };
	const char		*value;
	int64_t			 n;
	size_t			 i;

	*why = NULL;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strncmp(*rest, keys[i], strlen(keys[i])) != 0)
			continue;
		value = loadfile_word(rest) + strlen(keys[i]);
		if (i == 0 &&
		    (*why = num_int(value, 1, UINT32_MAX, &n)) == NULL)
			e->reads = (uint32_t)n;
		else if (i == 1 && (*why = num_ms(value, &e->ttl)) == NULL &&
		    e->ttl == 0)
			*why = "too small";
		else if (i == 2 && !(e->keep = strcmp(value, "keep") == 0))
			*why = "can only be keep";
		return (keys[i]);
	}
	return (NULL);
}

/*
 * Parses a line, which is neither empty nor a comment, into the next entry.
 * Returns -1 with an error message in why, of size bytes.
 */
static int
loadfile_line(struct loadfile *lf, char *line, unsigned int number, char *why,
    size_t size)
{
	struct loadfile_entry *e = &lf->entry[lf->n], *other;
	const char	      *option, *wrong;

	*why = '\0';
	if (lf->n == LOADFILE_MAX) {
		(void)snprintf(why, size, "more than %d secrets", LOADFILE_MAX);
		return (-1);
	}
	memset(e, 0, sizeof(*e));
	e->line = number;
	e->name = loadfile_word(&line);
	if (!name_ok(e->name))
		(void)snprintf(why, size, NAME_RULE);
	for (other = lf->entry; other < e && *why == '\0'; other++) {
		if (strcmp(other->name, e->name) == 0)
			(void)snprintf(why, size, "%s: is in line %u already",
			    e->name, other->line);
	}
	while (*why == '\0' &&
	    (option = loadfile_option(e, &line, &wrong)) != NULL) {
		if (wrong != NULL)
			(void)snprintf(why, size, "%s: %s %s", e->name, option,
			    wrong);
	}
	if (*why == '\0' && *line == '\0')
		(void)snprintf(why, size, "%s: the command is missing",
		    e->name);
	if (*why == '\0' && line[0] == '?' && line[1] != '\0')
		(void)snprintf(why, size, "%s: unexpected text after the ?",
		    e->name);
	e->command = strcmp(line, "?") == 0 ? NULL : line;
	lf->n++;
	return (*why == '\0' ? 0 : -1);
}

/*
 * Parses the len bytes of the file in lf->text, fewer than LOADFILE_BYTES.
 * Returns as loadfile_read().
 */
int
loadfile_parse(struct loadfile *lf, const char *path, size_t len, char *why)
{
	char	    *at = lf->text, *line;
	unsigned int number = 0;
	size_t	     used;
	char	     wrong[LOADFILE_WHY / 2];

	lf->n = 0;
	if (len > 0 && at[len - 1] != '\n')
		at[len++] = '\n';
	while ((line = line_next(at, len, &used)) != NULL) {
		at += used;
		len -= used;
		number++;
		if (*line == '\0' || *line == '#' ||
		    loadfile_line(lf, line, number, wrong, sizeof(wrong)) == 0)
			continue;
		(void)snprintf(why, LOADFILE_WHY, "%s:%u: %s", path, number,
		    wrong);
		return (-1);
	}
	return (0);
}

/*
 * Checks that nobody but owner or root can have written the commands in the
 * file at fd.  Returns NULL, or the reason why the file is refused.
 */
static const char *
loadfile_distrust(int fd, uid_t owner)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return (strerror(errno));
	if (!S_ISREG(st.st_mode))
		return ("is not a regular file");
	if (st.st_uid != owner && st.st_uid != 0)
		return ("belongs to another user");
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return ("others may write to it");
	return (NULL);
}

/*
 * Reads the file at path, which must belong to owner or root, and to which
 * nobody else may write.  Returns 0; or -1 with an error message in why
 * (LOADFILE_WHY bytes), which begins with the path.
 */
int
loadfile_read(struct loadfile *lf, const char *path, uid_t owner, char *why)
{
	const char *wrong = NULL;
	size_t	    len = 0;
	ssize_t	    n = 1;
	int	    fd;

	/* Do not wait for the writer of a FIFO. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd == -1) {
		(void)snprintf(why, LOADFILE_WHY, "%s: %s", path,
		    strerror(errno));
		return (-1);
	}
	wrong = loadfile_distrust(fd, owner);
	while (wrong == NULL && n > 0 && len < LOADFILE_BYTES) {
		n = read(fd, lf->text + len, LOADFILE_BYTES - len);
		if (n == -1)
			wrong = strerror(errno);
		else
			len += (size_t)n;
	}
	if (wrong == NULL && len == LOADFILE_BYTES)
		wrong = "too large";
	if (wrong == NULL && memchr(lf->text, '\0', len) != NULL)
		wrong = "has a NUL byte";
	close(fd);
	if (wrong == NULL)
		return (loadfile_parse(lf, path, len, why));
	(void)snprintf(why, LOADFILE_WHY, "%s: %s", path, wrong);
	return (-1);
}

/*
 * Runs an entry's command.  Its output goes to the descriptor out, its standard
 * input is empty, and it may ask on the terminal.  It gets SIGTERM when this
 * process ends.  Returns its pid, for waitpid(2); -1 with errno.  Resets
 * SIGCHLD, because the kernel would drop the status if SIGCHLD were ignored.
 */
pid_t
loadfile_run(const struct loadfile_entry *e, int out)
{
	const pid_t parent = getpid();
	pid_t	    pid;
	int	    null;

	(void)signal(SIGCHLD, SIG_DFL);
	if ((pid = fork()) != 0)
		return (pid);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (getppid() == parent && null != -1 &&
	    dup2(null, STDIN_FILENO) != -1 && dup2(out, STDOUT_FILENO) != -1)
		(void)execl("/bin/sh", "sh", "-c", "--", e->command,
		    (char *)NULL);
	warn("%s", null == -1 ? "/dev/null" : "/bin/sh");
	_exit(127);
}

/*
 * status is that of a command, from waitpid(2).  Returns NULL if the command
 * exited with 0; otherwise writes how it ended to why, of LOADFILE_WHY bytes,
 * and returns why.
 */
const char *
loadfile_failure(int status, char *why)
{
	const char *name;

	if (WIFSIGNALED(status)) {
		name = sigabbrev_np(WTERMSIG(status));
		(void)snprintf(why, LOADFILE_WHY,
		    "its command was ended by SIG%s",
		    name != NULL ? name : "NAL");
		return (why);
	}
	if (WEXITSTATUS(status) == 0)
		return (NULL);
	(void)snprintf(why, LOADFILE_WHY, "its command ended with status %d",
	    WEXITSTATUS(status));
	return (why);
}
