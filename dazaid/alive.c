/* SPDX-License-Identifier: ISC */
/*
 * Whether the session's holders are alive: what the kernel says of each one's
 * connection and processes, and what comes over its channel.  session.c decides
 * what that means.
 *
 * The proof of life is a living process.  An open connection is not enough: its
 * descriptor may have been inherited, passed on or stolen.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alive.h"
#include "vault.h"

#define ALIVE_BYTES 64 /* most that are read from a channel at a time */

_Static_assert(SESSION_FDS == ALIVE_WATCHED + SESSION_WATCHED, "see alive.h");

/*
 * Of each entry that the last alive_poll() has filled in: the holder, and which
 * of its descriptors.
 */
static struct {
	struct session_holder *h;
	unsigned int	       fd;
} alive_polled[ALIVE_PFD];

/* How many descriptors the holders beside the heartbeat have open. */
unsigned int
alive_fds(void)
{
	const struct session_holder *h;
	unsigned int		     i, n = 0;

	for (h = v.session.holders + 1; h < v.session.holders + SESSION_HOLDERS;
	     h++) {
		for (i = 0; i < SESSION_FDS && h->state != SESSION_FREE; i++)
			n += h->fds[i] != -1;
	}
	return (n);
}

/*
 * h's connection or one of its processes has ended; how says which, NULL for
 * the connection.  Network takes a line from the socket only after it has sent
 * its message to the vault.  So if no byte is left to read, the vault has, or
 * will get, everything that the client said.
 */
void
alive_ended(struct session_holder *h, const char *how)
{
	int unread;

	session_ended(&v.session, h, vault_now(),
	    ioctl(h->fds[ALIVE_CONNECTION], FIONREAD, &unread) != -1 &&
		unread == 0,
	    how);
}

/*
 * Channels.
 */

/*
 * Sends h an answer over its channel.  If the channel is full, because the
 * client does not read it, closes it.
 */
void
alive_answer(struct session_holder *h, const char *line)
{
	if (send(h->fds[ALIVE_CHANNEL], line, strlen(line),
		MSG_DONTWAIT | MSG_NOSIGNAL) != -1)
		return;
	close(h->fds[ALIVE_CHANNEL]);
	h->fds[ALIVE_CHANNEL] = -1;
}

/*
 * Sends the line, of len bytes, to every holder that uses its channel.  One
 * whose channel has no room for it does not get it.  Async-signal-safe, but
 * changes errno.
 */
void
alive_tell(const char *line, size_t len)
{
	const struct session_holder *h;

	for (h = v.session.holders; h < v.session.holders + SESSION_HOLDERS;
	     h++) {
		if (h->state == SESSION_LIVE && h->private &&
		    h->fds[ALIVE_CHANNEL] != -1)
			(void)send(h->fds[ALIVE_CHANNEL], line, len,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

/* A CANCEL over h's channel. */
static void
alive_cancel(struct session_holder *h)
{
	const struct session_tether *lost;
	char			     line[ALIVE_LINE];

	switch (session_cancel(&v.session, h, vault_now())) {
	case SESSION_CANCELLED:
		alive_answer(h, "CANCELLED\n");
		break;
	case SESSION_NOTHING_PENDING:
		alive_answer(h, "NOTHING-PENDING\n");
		break;
	case SESSION_STILL_LOST:
		lost = session_first_lost(&v.session);
		(void)snprintf(line, sizeof(line), "ERROR lost %s\n",
		    lost->name);
		alive_answer(h, line);
		break;
	case SESSION_TOO_LATE:
		break;
	}
}

/*
 * Reads h's channel.  ALIVE_CANCEL is a CANCEL, and every other byte a PING.
 * After the first byte, the vault ignores PINGs and CANCELs that network
 * reports for h.  The end of the channel is the loss of h, unless h has never
 * used it: then the client uses its connection instead.
 */
static void
alive_channel(struct session_holder *h)
{
	char	bytes[ALIVE_BYTES];
	ssize_t i, n;

	n = recv(h->fds[ALIVE_CHANNEL], bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(h->fds[ALIVE_CHANNEL]);
		h->fds[ALIVE_CHANNEL] = -1;
		if (h->private)
			alive_ended(h, NULL);
		return;
	}
	h->private = true;
	for (i = 0; i < n && h->fds[ALIVE_CHANNEL] != -1; i++) {
		if (bytes[i] == ALIVE_CANCEL)
			alive_cancel(h);
		else if (session_ping(&v.session, h, vault_now()))
			alive_answer(h, "PONG\n");
	}
}

/*
 * What the kernel reports.
 */

/*
 * Adds h's open descriptors to pfd, after the n entries that are there, and
 * returns the new number of entries.
 */
static nfds_t
alive_add(struct session_holder *h, struct pollfd *pfd, nfds_t n)
{
	unsigned int i;

	for (i = 0; i < SESSION_FDS; i++) {
		if (h->fds[i] == -1)
			continue;
		pfd[n].fd = h->fds[i];
		pfd[n].events = i == ALIVE_CONNECTION ? POLLRDHUP : POLLIN;
		pfd[n].revents = 0;
		alive_polled[n].h = h;
		alive_polled[n++].fd = i;
	}
	return (n);
}

/* Fills in what to poll, at most ALIVE_PFD entries; returns how many. */
nfds_t
alive_poll(struct pollfd *pfd)
{
	struct session_holder *h;
	nfds_t		       n = 0;

	for (h = v.session.holders; h < v.session.holders + SESSION_HOLDERS;
	     h++) {
		if (h->state == SESSION_LIVE)
			n = alive_add(h, pfd, n);
	}
	return (n);
}

/* Acts on what poll(2) has found in the n entries of alive_poll(). */
void
alive_seen(const struct pollfd *pfd, nfds_t n)
{
	struct session_holder *h;
	nfds_t		       i;

	for (i = 0; i < n; i++) {
		h = alive_polled[i].h;
		if (pfd[i].revents == 0 || h->state != SESSION_LIVE)
			continue;
		switch (alive_polled[i].fd) {
		case ALIVE_CONNECTION:
			alive_ended(h, NULL);
			break;
		case ALIVE_CHANNEL:
			alive_channel(h);
			break;
		case ALIVE_PROCESS:
			alive_ended(h, "its process ended");
			break;
		default:
			alive_ended(h, "the watched process ended");
			break;
		}
	}
}

/* Polls every holder without waiting, and acts on what has ended. */
void
alive_look(void)
{
	static struct pollfd  pfd[ALIVE_PFD];
	const struct timespec at_once = { 0, 0 };
	const nfds_t	      n = alive_poll(pfd);

	if (ppoll(pfd, n, &at_once, NULL) == -1 && errno != EINTR)
		panic_hard(&v.panic, "poll failed");
	alive_seen(pfd, n);
}
