/* SPDX-License-Identifier: ISC */
/*
 * Orders a panic, or a wipe of every secret, each over a new connection.  Only
 * the end of the vault proves a panic.
 */
#include <sys/pidfd.h>
#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "order.h"
#include "peer.h"
#include "wire.h"

#define ORDER_WIRE_MS	100   /* for the connection, before a signal is sent */
#define ORDER_ANSWER_MS 10000 /* for the answer to DEL */

static struct {
	int	vault;	/* its pidfd */
	bool	dazaid; /* the vault's process is a dazaid, and not ssh -L */
	int	empty;	/* the connection over which DEL was sent, or -1 */
	int64_t due;	/* when to stop waiting for the answer */
} order = { .vault = -1, .empty = -1, .due = -1 };

/*
 * Finds out which process is the vault, from a connection and its pid.  Returns
 * a pidfd, which stays ours; -1 with errno.  Opens files, so call it before the
 * sandbox.
 */
int
order_open(int fd, pid_t pid)
{
	order.vault = peer_pidfd(fd, pid);
	order.dazaid = peer_is_dazaid(pid);
	return (order.vault);
}

/*
 * Waits for the vault's end, until a time of CLOCK_MONOTONIC in ms.  Returns
 * false if it still runs.
 */
static bool
order_ended(int64_t until)
{
	struct pollfd	pfd = { .fd = order.vault, .events = POLLIN };
	struct timespec ts;
	int64_t		left;

	do {
		left = until - clock_ms(CLOCK_MONOTONIC);
		if (left < 0)
			left = 0;
		ts = (struct timespec){ left / 1000,
			(long)(left % 1000 * 1000000) };
		if (ppoll(&pfd, 1, &ts, NULL) == 1)
			return (true);
	} while (left > 0);
	return (false);
}

static void
order_signal(int sig)
{
	if (order.dazaid)
		(void)pidfd_send_signal(order.vault, sig, NULL, 0);
}

/*
 * Orders a panic without grace.  Blocks, because nothing else matters
 * meanwhile.  Returns true when the vault has ended, false if it has not after
 * ms.
 *
 * If the order over the connection has no effect, sends signals, which even
 * reach a vault that is stopped.  If they have no effect either, sends SIGKILL,
 * which is better than to let the machine sleep with secrets.
 */
bool
order_panic(int64_t ms)
{
	const int64_t now = clock_ms(CLOCK_MONOTONIC);

	(void)wire_send_aside("PANIC hard\n"); /* the connection stays open */
	if (order_ended(
		now + (ms / 2 < ORDER_WIRE_MS ? ms / 2 : ORDER_WIRE_MS)))
		return (order.dazaid);
	order_signal(SIGUSR2);
	order_signal(SIGCONT);
	if (order_ended(now + ms / 2))
		return (order.dazaid);
	order_signal(SIGKILL);
	return (order_ended(now + ms) && order.dazaid);
}

/* Orders the daemon to wipe every secret. */
void
order_empty(void)
{
	if (order.empty != -1)
		close(order.empty);
	order.empty = wire_send_aside("DEL *\n");
	order.due = clock_ms(CLOCK_MONOTONIC) +
	    (order.empty == -1 ? 0 : ORDER_ANSWER_MS);
}

/*
 * Fills in one entry.  Returns the time until which to poll, in ms of
 * CLOCK_MONOTONIC; -1: for ever.
 */
int64_t
order_poll(struct pollfd *pfd)
{
	*pfd = (struct pollfd){ order.empty, POLLIN, 0 };
	return (order.due);
}

/*
 * Returns the result of order_empty(): NULL if it is not known yet, "" for
 * success, or an error message.  pfd is the entry of order_poll(), after
 * poll(2).
 */
const char *
order_emptied(const struct pollfd *pfd)
{
	const char *why = NULL;
	char	    answer[8];
	ssize_t	    n;

	if (order.due == -1)
		return (NULL);
	if (pfd->revents != 0 && order.empty != -1) {
		n = recv(order.empty, answer, sizeof(answer), MSG_DONTWAIT);
		if (n == 3 && memcmp(answer, "OK\n", 3) == 0)
			why = "";
		else if (n != -1 || (errno != EAGAIN && errno != EINTR))
			why = n > 0 ? "it refuses" : "no answer";
	} else if (order.due <= clock_ms(CLOCK_MONOTONIC)) {
		why = order.empty == -1 ? "no connection" : "no answer";
	}
	if (why == NULL)
		return (NULL);
	if (order.empty != -1)
		close(order.empty);
	order.empty = -1;
	order.due = -1;
	return (why);
}
