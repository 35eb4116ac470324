/* SPDX-License-Identifier: ISC */
/*
 * Writing to a descriptor that we share with whoever started us, without ever
 * waiting for its reader: what there is no room for is dropped.  O_NONBLOCK
 * would belong to the open file, and so to the shell as well.
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
 * Opens what fd is anew, for a description of our own.  A terminal may be
 * somebody else's, as after su(1); if it is the one that controls us, /dev/tty
 * opens it.
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
 * Prepares to write to fd, which stays open and the caller's.  A device that
 * cannot be opened anew gets nothing: one that is asked by poll(2) whether it
 * has room says yes to a byte, and then waits in the middle of a line.
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
 * A pipe that is not ours: the kernel is told for this one write not to wait.
 */
static ssize_t
out_shared(int fd, const char *text, size_t len)
{
	const struct timespec now = { 0, 0 };
	struct pollfd	      pfd = { .fd = fd, .events = POLLOUT };
	struct iovec	      iov;
	ssize_t		      n;

	memcpy(&iov.iov_base, &text,
	    sizeof(text)); /* which is const, and stays so */
	iov.iov_len = len;
	n = pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);
	/*
	 * Old kernels cannot.  A pipe that has room has it for PIPE_BUF bytes.
	 */
	if (n == -1 && (errno == EOPNOTSUPP || errno == ENOSYS) &&
	    ppoll(&pfd, 1, &now, NULL) == 1 && (pfd.revents & POLLOUT) != 0)
		n = write(fd, text, len);
	return (n);
}

/*
 * Writes a line of at most PIPE_BUF bytes, or not.  Async-signal-safe, and
 * clobbers errno.
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
	(void)n; /* dropped, and nobody left to tell */
}
