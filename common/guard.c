/* SPDX-License-Identifier: ISC */
/*
 * Who guards: BUSY does not say.  The guarding dazai-hb therefore holds a
 * record lock on the daemon's pid file, at the offset that is the pid of the
 * process it watches; F_GETLK tells both pids to whoever asks, and the kernel
 * drops the lock when its holder dies.  Nothing depends on it but the words of
 * one line.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"

#define GUARD_TRIES 20 /* of 10 ms */

static int guard_fd = -1;

/* path is the socket's. */
void
guard_open(const char *path)
{
	char file[PATH_MAX];

	(void)snprintf(file, sizeof(file), "%s.pid", path);
	guard_fd = open(file, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

/* We guard, for pid. */
void
guard_claim(pid_t pid)
{
	struct flock fl = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = pid,
		.l_len = 1 };

	(void)fcntl(guard_fd, F_SETLK, &fl);
}

void
guard_release(void)
{
	struct flock fl = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	(void)fcntl(guard_fd, F_SETLK, &fl);
}

/* The name of pid in name, "a process" if it cannot be had. */
static void
guard_name(pid_t pid, char *name, size_t size)
{
	char  file[64];
	FILE *f;

	(void)snprintf(file, sizeof(file), "/proc/%ld/comm", (long)pid);
	if ((f = fopen(file, "re")) == NULL ||
	    fgets(name, (int)size, f) == NULL)
		(void)snprintf(name, size, "a process");
	if (f != NULL)
		(void)fclose(f);
	name[strcspn(name, "\n")] = '\0';
}

/* Who holds the lock, into fl; one who has just been welcomed is about to take
 * it. */
static bool
guard_ask(struct flock *fl)
{
	const struct timespec wait = { 0, 10000000 };
	int		      i;

	for (i = 0; i < GUARD_TRIES; i++) {
		*fl = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
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
	char	     name[32], file[64], tty[64];
	ssize_t	     len;

	text[0] = '\0';
	if (!guard_ask(&fl))
		return;
	guard_name((pid_t)fl.l_start, name, sizeof(name));
	(void)snprintf(file, sizeof(file), "/proc/%lld/fd/0",
	    (long long)fl.l_start);
	len = readlink(file, tty, sizeof(tty) - 1);
	tty[len > 0 ? len : 0] = '\0';
	if (strncmp(tty, "/dev/", 5) != 0 || strcmp(tty, "/dev/null") == 0)
		tty[0] = '\0';
	(void)snprintf(text, size,
	    ", by dazai-hb %ld for process %lld (%s%s%s)", (long)fl.l_pid,
	    (long long)fl.l_start, name, tty[0] != '\0' ? " on " : "",
	    tty[0] != '\0' ? tty + 5 : "");
}
