/* SPDX-License-Identifier: ISC */
/*
 * Writes a line to the session's terminal when a panic is pending, cancelled or
 * executed.  Opens the terminal for each line and closes it again: an open
 * descriptor could keep the session from ending.  If the terminal is full or
 * was hung up, drops the line, and never waits.
 *
 * Of many dazai-hb on one terminal, only one writes.  When it has ended,
 * another one does.  The latter may be slow, and still receive events that the
 * former has reported.  So if it reads several events at once, it reports only
 * the last one.
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
static bool  notice_told;   /* we have written that the secrets are wiped */
static bool  notice_writes; /* we have the lock: no other dazai-hb writes */
static char  notice_line[NOTICE_LINE]; /* not written yet, or "" */

/* Finds the path of notice_dev among the standard descriptors of pid. */
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
 * Finds the terminal of the process pid.  Returns its path, in memory that is
 * read-only from now on, so that a filter can allow only this address for
 * open(2); NULL if there is none.
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

/* Writes the line, if there is one, unless the user has typed "mesg n". */
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

/* Notes that the daemon has ended, unless a panic was reported. */
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
 * Returns whether this dazai-hb, after the end of the daemon, must wait for
 * others to end: if the one that writes exited, another that notices the end
 * later would write it again.
 */
bool
notice_waits(void)
{
	return (notice_writes && !guard_alone(notice_dev));
}
