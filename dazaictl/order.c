/* SPDX-License-Identifier: ISC */
/*
 * Orders a panic, and watches until the vault has ended.  An answer over the
 * connection is only network's word: it could say OK and pass nothing on.  The
 * vault, which is the process that listens, is therefore watched by pidfd, and
 * signalled by it if the order does not reach it over the connection.
 */
#include <sys/pidfd.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "order.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define ORDER_WIRE_MS 100 /* for the connection, before a signal is sent */

static struct order {
	int	fd;	/* the connection */
	int	pidfd;	/* the vault's, or -1 ... */
	int	error;	/* ... and why */
	bool	dazaid; /* it is one, as far as /proc tells */
	int64_t start;
	size_t	len;
	char	line[128]; /* the answer */
} order;

/*
 * Opens a pidfd of the process that listens at the other end of fd.  Before
 * Linux 6.5 there is only its pid, which may be another process's by now; but
 * if that happened, the daemon has ended, and the connection with it.
 */
static int
order_pidfd(int fd, pid_t pid)
{
	struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };
	socklen_t     len = sizeof(int);
	int	      pidfd;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return (pidfd);
	if (errno != ENOPROTOOPT || pid <= 0)
		return (-1);
	pidfd = pidfd_open(pid, 0);
	if (pidfd != -1 && poll(&pfd, 1, 0) != 0) {
		close(pidfd);
		errno = ESRCH;
		return (-1);
	}
	return (pidfd);
}

/*
 * Is pid a dazaid?  An ssh(1) that forwards the socket of another machine
 * listens here too, and must not be signalled.  A process that /proc does not
 * show is taken for one.
 */
static bool
order_is_dazaid(pid_t pid)
{
	static const char name[] = "dazaid\n";
	char		  file[64], comm[32];
	ssize_t		  n;
	int		  fd;

	(void)snprintf(file, sizeof(file), "/proc/%ld/comm", (long)pid);
	if (pid <= 0 || (fd = open(file, O_RDONLY | O_CLOEXEC)) == -1)
		return (true);
	n = read(fd, comm, sizeof(comm));
	close(fd);
	return (n == -1 ||
	    (n == sizeof(name) - 1 && memcmp(comm, name, (size_t)n) == 0));
}

/* Milliseconds until ms after the start; 0 when that is over. */
static int
order_left(int64_t ms)
{
	const int64_t left = order.start + ms - clock_ms(CLOCK_MONOTONIC);

	if (left <= 0)
		return (0);
	return (left < INT32_MAX ? (int)left : INT32_MAX);
}

/* Waits for the vault's end until ms after the start; false if it lives on. */
static bool
order_ended(int64_t ms)
{
	struct pollfd pfd = { .fd = order.pidfd, .events = POLLIN };
	int	      left;

	do {
		left = order_left(ms);
		if (poll(&pfd, 1, left) == 1)
			return (true);
	} while (left > 0);
	return (false);
}

static bool
order_has_line(void)
{
	return (memchr(order.line, '\n', order.len) != NULL);
}

/* Receives what has come of the answer; false if no more is to come. */
static bool
order_receive(void)
{
	const ssize_t n = recv(order.fd, order.line + order.len,
	    sizeof(order.line) - 1 - order.len, MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (true);
	if (n <= 0)
		return (false);
	order.len += (size_t)n;
	return (!order_has_line());
}

/* Has the answer OK come, until ms after the start? */
static bool
order_answered(int64_t ms)
{
	struct pollfd pfd = { .fd = order.fd, .events = POLLIN };
	int	      left;

	do {
		left = order_left(ms);
		if (!order_has_line() && poll(&pfd, 1, left) == 1 &&
		    !order_receive())
			break;
	} while (left > 0 && !order_has_line());
	return (strncmp(order.line, "OK\n", 3) == 0);
}

/* Ends the program, if an answer has come, for one that is not OK. */
static void
order_check_refusal(void)
{
	if (order_answered(0) || !order_has_line())
		return;
	order.line[strcspn(order.line, "\n")] = '\0';
	client_refused(order.line);
}

/* Sends the vault sig; returns false if that is not possible or not allowed. */
static bool
order_signal(int sig)
{
	return (order.dazaid && order.pidfd != -1 &&
	    pidfd_send_signal(order.pidfd, sig, NULL, 0) == 0);
}

/* Waits for the vault's end until ms after the start, or ends the program. */
static void
order_see_end(int64_t ms)
{
	const long pid = (long)client_daemon()->maker.pid;

	if (order.pidfd != -1 && order.dazaid && order_ended(ms))
		return;
	order_check_refusal();
	if (order.pidfd == -1)
		errx(EXIT_CUT, "process %ld cannot be watched: %s", pid,
		    strerror(order.error));
	if (!order.dazaid)
		errx(EXIT_CUT,
		    "process %ld is no dazaid: the daemon's end cannot be seen",
		    pid);
	errx(EXIT_CUT, "the daemon, process %ld, has not ended in %.10g s", pid,
	    (double)ms / 1000);
}

/* Panics at once.  Only the end counts, whatever the answer is. */
static void
order_hard(int64_t ms)
{
	if (!order_ended(ms < ORDER_WIRE_MS ? ms : ORDER_WIRE_MS))
		(void)order_signal(SIGUSR2);
	order_see_end(ms);
}

/* Panics with the daemon's grace, and waits for its end if ms is not 0. */
static void
order_graceful(int64_t ms)
{
	if (!order_answered(ORDER_WIRE_MS) && !order_signal(SIGUSR1)) {
		order_check_refusal();
		client_want(order.fd, "OK");
	}
	if (ms != 0)
		order_see_end(ms);
}

/*
 * Orders a panic of a daemon at one of the places; hard: at once.  Returns when
 * the vault has ended, for which it waits at most ms.  If it is not hard and ms
 * is 0, it returns when the order was taken.
 */
void
order_panic(const struct sockpath *places, bool hard, int64_t ms)
{
	pid_t pid;

	order.fd = client_open(places, CLIENT_ANY);
	pid = client_daemon()->maker.pid;
	order.pidfd = order_pidfd(order.fd, pid);
	order.error = errno;
	order.dazaid = order_is_dazaid(pid);
	order.start = clock_ms(CLOCK_MONOTONIC);
	client_ask(order.fd, hard ? "PANIC hard" : "PANIC");
	if (hard)
		order_hard(ms);
	else
		order_graceful(ms);
}
