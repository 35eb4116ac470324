/* SPDX-License-Identifier: ISC */
/*
 * Tells the terminal of the session, in one line, what becomes of a panic.  The
 * terminal is opened for each line and closed again: a descriptor that stayed
 * open could keep the session from ending.  A terminal that is full, or has
 * been hung up, gets nothing and delays nothing.
 *
 * Of many dazai-hb on one terminal, one writes, and when it has ended, another
 * one.  That other one may have been slow, and have yet to read of events that
 * the first one has told.  So of the events that it reads in one go, it tells
 * the last one only.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guard.h"
#include "notice.h"
#include "process.h"

#define NOTICE_PATH 64	/* bytes of the terminal's path */
#define NOTICE_LINE 256 /* bytes of a line */

static char *notice_path; /* NULL: there is no terminal */
static dev_t notice_dev;
static bool  notice_told;   /* that the secrets are wiped */
static bool  notice_writes; /* the lock is ours: no other dazai-hb writes */
static char  notice_line[NOTICE_LINE]; /* not written yet, or "" */

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

	notice_dev = process_terminal(pid);
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

/* From now on this dazai-hb writes to the terminal, unless another one does. */
void
notice_claim(void)
{
	if (notice_path != NULL)
		notice_writes = guard_writes(notice_dev);
}

/* Writes the line, if there is one, unless the user has said "mesg n". */
void
notice_flush(void)
{
	struct stat st;
	int	    fd;

	if (notice_path == NULL || notice_line[0] == '\0')
		return;
	notice_claim();
	if (notice_writes && (fd = open(notice_path, NOTICE_FLAGS)) != -1) {
		if (fstat(fd, &st) == 0 && st.st_rdev == notice_dev &&
		    (st.st_mode & S_IWGRP) != 0)
			(void)!write(fd, notice_line, strlen(notice_line));
		close(fd);
	}
	notice_line[0] = '\0';
}

/*
 * Notes a line for the terminal, which the next notice_flush() writes.  text is
 * a vault's event: "pending SECONDS REASON", "cancelled BY" or "executed
 * REASON".
 */
void
notice_event(const char *text)
{
	char *const line = notice_line;
	const char *more = strchr(text, ' ');
	int	    seconds;

	if (more == NULL)
		return;
	more++;
	if (notice_writes)
		notice_flush();
	if (strncmp(text, "pending ", 8) == 0) {
		seconds = (int)strcspn(more, " ");
		text = more + seconds;
		(void)snprintf(line, NOTICE_LINE,
		    "\r\ndazai: PANIC PENDING: in %.*s s:%s; %s\r\n", seconds,
		    more, text,
		    strncmp(text, " tether ", 8) == 0 ||
			    strncmp(text, " heartbeat ", 11) == 0 ?
			"it ends when that is held again" :
			"to cancel it: dazai_cancel");
	} else if (strncmp(text, "cancelled ", 10) == 0) {
		(void)snprintf(line, NOTICE_LINE,
		    "\r\ndazai: panic cancelled by %s\r\n", more);
	} else if (strncmp(text, "executed ", 9) == 0) {
		(void)snprintf(line, NOTICE_LINE,
		    "\r\ndazai: PANIC: the secrets are wiped: %s\r\n", more);
		notice_told = true;
	}
}

/* Tells the terminal that the daemon has ended, unless a panic was told. */
void
notice_ended(void)
{
	if (notice_told)
		return;
	(void)strlcpy(notice_line,
	    "\r\ndazai: the daemon ended: session UNGUARDED\r\n",
	    sizeof(notice_line));
	notice_flush();
}

/*
 * After the end of the daemon: should this dazai-hb wait for others to end?
 * Without the one that writes, one that reads of the end only now would write.
 */
bool
notice_waits(void)
{
	return (notice_writes && !guard_alone(notice_dev));
}
