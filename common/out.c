/* SPDX-License-Identifier: ISC */
/*
 * Writes to a descriptor that we share with the program that started us, and
 * never waits for its reader: a line for which there is no room is dropped.
 * O_NONBLOCK cannot do that, as the shell, which shares the open file, would
 * get it too.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "out.h"

/*
 * Opens the file of fd again, so that we can set O_NONBLOCK for us alone.  A
 * terminal may belong to another user, as after su(1); /dev/tty opens it all
 * the same if it is the one that controls us.
 */
static int
out_reopen(int fd)
{
	const int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char	  path[32];
	int	  own;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, flags);
	if (own == -1 && isatty(fd) && tcgetsid(fd) == getsid(0))
		own = open("/dev/tty", flags);
	return (own);
}

/*
 * Prepares to write to fd, which stays open and the caller's.  Nothing is
 * written to a device that cannot be opened again: poll(2) says that it has
 * room as soon as a byte fits, and write(2) would then block in the middle of a
 * line.
 */
void
out_open(struct out *o, int fd)
{
	struct stat st;

	o->fd = fd;
	o->kind = OUT_FILE;
	if (fstat(fd, &st) == -1 || S_ISREG(st.st_mode))
		return;
	if (S_ISSOCK(st.st_mode)) {
		o->kind = OUT_SOCKET;
		return;
	}
	o->kind = OUT_OWN;
	if ((o->fd = out_reopen(fd)) == -1 && S_ISFIFO(st.st_mode)) {
		o->fd = fd;
		o->kind = OUT_SHARED;
	}
}

/*
 * Writes to a pipe whose O_NONBLOCK flag we share with other processes:
 * RWF_NOWAIT keeps this one write from blocking, and leaves the flag alone.
 */
static ssize_t
out_shared(int fd, const char *text, size_t len)
{
	const struct timespec now = { 0, 0 };
	struct pollfd	      pfd = { .fd = fd, .events = POLLOUT };
	struct iovec	      iov;
	ssize_t		      n;

	memcpy(&iov.iov_base, &text, sizeof(text)); /* drops the const */
	iov.iov_len = len;
	n = pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);
	/*
	 * Old kernels do not have RWF_NOWAIT.  If poll(2) reports room in a
	 * pipe, PIPE_BUF bytes fit.
	 */
	if (n == -1 && (errno == EOPNOTSUPP || errno == ENOSYS) &&
	    ppoll(&pfd, 1, &now, NULL) == 1 && (pfd.revents & POLLOUT) != 0)
		n = write(fd, text, len);
	return (n);
}

/*
 * Writes a line of at most PIPE_BUF bytes, or drops it.  Async-signal-safe, but
 * changes errno.
 */
void
out_write(const struct out *o, const char *text, size_t len)
{
	ssize_t n = 0;

	switch (o->kind) {
	case OUT_SOCKET:
		n = send(o->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case OUT_SHARED:
		n = out_shared(o->fd, text, len);
		break;
	case OUT_OWN:
	case OUT_FILE:
		if (o->fd != -1)
			n = write(o->fd, text, len);
		break;
	}
	(void)n; /* if it failed, there is nowhere to report it */
}
