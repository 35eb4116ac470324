/* SPDX-License-Identifier: ISC */
/*
 * Orders a panic, and waits until the vault has ended.  An answer on the
 * connection proves nothing: network could send OK and not pass the order on.
 * So this opens a pidfd of the vault, which is the process that listens, to see
 * its end, and to signal it if the order does not reach it over the connection.
 */
#include <sys/pidfd.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "client.h"
#include "clock.h"
#include "order.h"
#include "peer.h"

#define ORDER_WIRE_MS 100 /* for the connection, before a signal is sent */

static struct order {
	int	fd;	/* the connection */
	int	pidfd;	/* the vault's, or -1 ... */
	int	error;	/* ... and why */
	bool	dazaid; /* the process is a dazaid, as far as /proc shows */
	int64_t start;
	size_t	len;
	char	line[128]; /* the answer */
} order;

/* Returns the ms that are left until ms after order.start; 0 if none are. */
static int
order_left(int64_t ms)
{
	const int64_t left = order.start + ms - clock_ms(CLOCK_MONOTONIC);

	if (left <= 0)
		return (0);
	return (left < INT32_MAX ? (int)left : INT32_MAX);
}

/*
 * Waits for the vault's end until ms after the start; returns false if it still
 * runs.
 */
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

/*
 * Receives what has arrived of the answer; returns false if no more will come.
 */
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

/* Waits for the answer until ms after the start; returns whether it is OK. */
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

/* Exits if an answer has come that is not OK. */
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

/*
 * Waits for the vault's end until ms after the start; exits if it still runs.
 */
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
		    "process %ld, which serves the socket, is not dazaid: "
		    "cannot see whether the daemon has ended",
		    pid);
	errx(EXIT_CUT, "the daemon, process %ld, has not ended in %.10g s", pid,
	    (double)ms / 1000);
}

/* Prints the result of the order. */
static void
order_tell(bool ended)
{
	const long  pid = (long)client_daemon()->maker.pid;
	char	    left[32];
	const char *line = NULL;

	if (!ended && order_has_line()) {
		client_ask(order.fd, "STATUS");
		line = client_next(order.fd);
	}
	if (ended || (order_has_line() && line == NULL))
		printf("the secrets are wiped: the daemon, process %ld, has "
		       "ended\n",
		    pid);
	else if (line != NULL && answer_is_status(line))
		printf("a panic is pending: in %s s, unless it is cancelled "
		       "(pkill -USR1 dazai-hb)\n",
		    answer_value(line, "left=", left, sizeof(left)));
	else
		printf("a panic is ordered: the daemon, process %ld, was sent "
		       "SIGUSR1\n",
		    pid);
}

/*
 * After PANIC hard: waits at most ms for the vault's end, and signals it
 * meanwhile.  Only the end counts, whatever the answer is.
 */
static void
order_hard(int64_t ms)
{
	if (!order_ended(ms < ORDER_WIRE_MS ? ms : ORDER_WIRE_MS))
		(void)order_signal(SIGUSR2);
	order_see_end(ms);
	order_tell(true);
}

/*
 * After PANIC: also signals the vault, because OK proves nothing.  If the vault
 * has got the order, the signal has no further effect.  If ms is not 0, waits
 * at most ms for its end.
 */
static void
order_graceful(int64_t ms)
{
	if (order_answered(ORDER_WIRE_MS)) {
		/*
		 * Signal at once: after a CANCEL, it would begin a new panic.
		 */
		(void)order_signal(SIGUSR1);
		(void)order_ended(ORDER_WIRE_MS);
	} else if (!order_signal(SIGUSR1)) {
		order_check_refusal();
		client_want(order.fd, "OK");
	}
	if (ms != 0)
		order_see_end(ms);
	order_tell(ms != 0);
}

/*
 * Orders a panic of a daemon at one of the places; a hard one has no grace.
 * Waits at most ms until the vault has ended.  If the panic is not hard and ms
 * is 0, returns when the daemon has accepted the order.
 */
void
order_panic(const struct sockpath *places, bool hard, int64_t ms)
{
	pid_t pid;

	order.fd = client_open(places, CLIENT_ANY);
	pid = client_daemon()->maker.pid;
	order.pidfd = peer_pidfd(order.fd, pid);
	order.error = errno;
	order.dazaid = peer_is_dazaid(pid);
	order.start = clock_ms(CLOCK_MONOTONIC);
	client_ask(order.fd, hard ? "PANIC hard" : "PANIC");
	if (hard)
		order_hard(ms);
	else
		order_graceful(ms);
}
