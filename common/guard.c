/* SPDX-License-Identifier: ISC */
/*
 * Records which process is guarded, and by which dazai-hb, because the daemon's
 * BUSY does not say that.  The guarding dazai-hb holds a record lock on the
 * daemon's pid file, at the offset that is the pid of the process it watches.
 * F_GETLK tells both pids to any other process, and the kernel drops the lock
 * when dazai-hb dies.  Another lock makes sure that of many dazai-hb on one
 * terminal only one writes to it.  Nothing but messages depends on these locks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"
#include "process.h"
#include "sockpath.h"

#define GUARD_TRIES 20 /* of 10 ms */

/* Offsets up to here are pids; above it each terminal has two. */
#define GUARD_PIDS ((off_t)INT32_MAX)

static int guard_fd = -1;

/*
 * Opens the pid file of the daemon whose heartbeat socket is name in the
 * directory dir, for the functions below.  Without the file they lock nothing.
 */
void
guard_open(int dir, const char *name)
{
	char file[SOCKPATH_SIZE + sizeof(".pid")];

	(void)snprintf(file, sizeof(file), "%s.pid", name);
	guard_fd = openat(dir, file,
	    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void
guard_close(void)
{
	if (guard_fd != -1)
		close(guard_fd);
	guard_fd = -1;
}

/*
 * Locks the byte at offset, without waiting; false if another process has it.
 * type is F_WRLCK, or F_RDLCK for a lock that many can have.
 */
static bool
guard_lock(short type, off_t offset)
{
	struct flock fl = { .l_type = type,
		.l_whence = SEEK_SET,
		.l_start = offset,
		.l_len = 1 };

	return (fcntl(guard_fd, F_SETLK, &fl) == 0 ||
	    (errno != EAGAIN && errno != EACCES));
}

/* Takes the lock which shows that this process guards and watches pid. */
void
guard_claim(pid_t pid)
{
	(void)guard_lock(F_WRLCK, pid);
}

static off_t
guard_offset(dev_t terminal)
{
	return (GUARD_PIDS + 2 * (off_t)terminal);
}

/*
 * Returns whether this process writes to the terminal: the first one that asks
 * does, until it ends.  From now on guard_alone() counts this process.
 */
bool
guard_writes(dev_t terminal)
{
	(void)guard_lock(F_RDLCK, guard_offset(terminal) + 1);
	return (guard_lock(F_WRLCK, guard_offset(terminal)));
}

/* Returns whether all other callers of guard_writes() have ended. */
bool
guard_alone(dev_t terminal)
{
	return (guard_lock(F_WRLCK, guard_offset(terminal) + 1));
}

/* Gives up the lock of guard_claim(). */
void
guard_release(void)
{
	struct flock fl = { .l_type = F_UNLCK,
		.l_whence = SEEK_SET,
		.l_len = GUARD_PIDS };

	(void)fcntl(guard_fd, F_SETLK, &fl);
}

/*
 * Stores the lock's holder in *fl.  Tries for a moment, because a dazai-hb
 * that was just welcomed takes the lock a little later.
 */
static bool
guard_ask(struct flock *fl)
{
	const struct timespec wait = { 0, 10000000 };
	int		      i;

	for (i = 0; i < GUARD_TRIES; i++) {
		*fl = (struct flock){ .l_type = F_WRLCK,
			.l_whence = SEEK_SET,
			.l_len = GUARD_PIDS };
		if (fcntl(guard_fd, F_GETLK, fl) == -1)
			return (false);
		if (fl->l_type != F_UNLCK)
			return (true);
		(void)nanosleep(&wait, NULL);
	}
	return (false);
}

/*
 * Writes ", by dazai-hb N for process N (NAME on TTY)", as far as it is known;
 * size is that of text.
 */
void
guard_who(char *text, size_t size)
{
	struct flock fl;
	char	     who[192];

	text[0] = '\0';
	if (!guard_ask(&fl))
		return;
	process_words((pid_t)fl.l_start, who, sizeof(who));
	(void)snprintf(text, size, ", by dazai-hb %ld for %s", (long)fl.l_pid,
	    who);
}
