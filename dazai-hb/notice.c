/* SPDX-License-Identifier: ISC */
/*
 * Tells the terminal of the session, in one line, what becomes of a panic.  The
 * terminal is opened for each line and closed again: a descriptor that stayed
 * open could keep the session from ending.  A terminal that is full, or has
 * been hung up, gets nothing and delays nothing.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "notice.h"

#define NOTICE_PATH 64	/* bytes of the terminal's path */
#define NOTICE_LINE 256 /* bytes of a line */

static char *notice_path; /* NULL: there is no terminal */
static dev_t notice_dev;
static bool  notice_told; /* that the secrets are wiped */

/* Which word after the name in /proc/PID/stat is the terminal (proc(5)). */
#define NOTICE_TTY 5

/* The controlling terminal of pid; 0 if it has none. */
static dev_t
notice_terminal(pid_t pid)
{
	char	     file[64], stat[512];
	char	    *at;
	unsigned int tty;
	int	     i;
	ssize_t	     n = -1;
	int	     fd;

	(void)snprintf(file, sizeof(file), "/proc/%ld/stat", (long)pid);
	if ((fd = open(file, O_RDONLY | O_CLOEXEC)) != -1) {
		n = read(fd, stat, sizeof(stat) - 1);
		close(fd);
	}
	stat[n > 0 ? n : 0] = '\0';
	/* state, parent, group, session, terminal: after the name in (). */
	at = strrchr(stat, ')');
	for (i = 0; i < NOTICE_TTY && at != NULL; i++)
		at = strchr(at + 1, ' ');
	if (at == NULL)
		return (0);
	tty = (unsigned int)strtoul(at + 1, NULL, 10);
	return (makedev((tty >> 8) & 0xfff,
	    (tty & 0xff) | ((tty >> 12) & 0xfff00)));
}

/* Looks for the path of notice_dev among the standard descriptors of pid. */
static bool
notice_find(pid_t pid, char *path)
{
	char	    file[64];
	struct stat st;
	ssize_t	    n;
	int	    fd;

	for (fd = 0; fd <= 2; fd++) {
		(void)snprintf(file, sizeof(file), "/proc/%ld/fd/%d", (long)pid,
		    fd);
		n = readlink(file, path, NOTICE_PATH - 1);
		path[n > 0 ? n : 0] = '\0';
		if (strncmp(path, "/dev/", 5) == 0 && stat(path, &st) == 0 &&
		    S_ISCHR(st.st_mode) && st.st_rdev == notice_dev)
			return (true);
	}
	return (false);
}

/*
 * Finds the terminal of the process pid.  Returns its path, which stays where
 * it is and cannot be changed any more, so that a filter can allow to open it
 * alone; NULL if there is none.
 */
const char *
notice_open(pid_t pid)
{
	char  path[NOTICE_PATH];
	void *page;

	notice_dev = notice_terminal(pid);
	if (notice_dev == 0 || !notice_find(pid, path))
		return (NULL);
	page = mmap(NULL, sizeof(path), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return (NULL);
	memcpy(page, path, sizeof(path));
	if (mprotect(page, sizeof(path), PROT_READ) == -1)
		return (NULL);
	notice_path = page;
	return (notice_path);
}

/*
 * Writes line, unless the user has said "mesg n" or another dazai-hb writes to
 * this terminal.
 */
static void
notice_write(const char *line)
{
	struct stat st;
	int	    fd;

	if (notice_path == NULL || !guard_writes(notice_dev) ||
	    (fd = open(notice_path, NOTICE_FLAGS)) == -1)
		return;
	if (fstat(fd, &st) == 0 && st.st_rdev == notice_dev &&
	    (st.st_mode & S_IWGRP) != 0)
		(void)!write(fd, line, strlen(line));
	close(fd);
}

/* text: "pending SECONDS REASON", "cancelled BY" or "executed REASON" */
void
notice_event(const char *text)
{
	char	    line[NOTICE_LINE];
	const char *more = strchr(text, ' ');
	int	    seconds;

	if (more == NULL)
		return;
	more++;
	line[0] = '\0';
	if (strncmp(text, "pending ", 8) == 0) {
		seconds = (int)strcspn(more, " ");
		text = more + seconds;
		(void)snprintf(line, sizeof(line),
		    "\r\ndazai: PANIC PENDING: in %.*s s:%s; %s\r\n", seconds,
		    more, text,
		    strncmp(text, " tether ", 8) == 0 ||
			    strncmp(text, " heartbeat ", 11) == 0 ?
			"it ends when that is held again" :
			"to cancel it: dazai_cancel");
	} else if (strncmp(text, "cancelled ", 10) == 0) {
		(void)snprintf(line, sizeof(line),
		    "\r\ndazai: panic cancelled by %s\r\n", more);
	} else if (strncmp(text, "executed ", 9) == 0) {
		(void)snprintf(line, sizeof(line),
		    "\r\ndazai: PANIC: the secrets are wiped: %s\r\n", more);
		notice_told = true;
	}
	if (line[0] != '\0')
		notice_write(line);
}

/* The daemon has ended, by a panic that was told or otherwise. */
void
notice_ended(void)
{
	if (!notice_told)
		notice_write(
		    "\r\ndazai: the daemon ended: session UNGUARDED\r\n");
}
