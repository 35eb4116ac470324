/* SPDX-License-Identifier: ISC */
/*
 * Whether the session's holders are alive: what the kernel says of each one's
 * connection and processes, and what comes over its channel.  session.c decides
 * what that means.
 *
 * The proof of life is a living process.  An open connection is not enough: its
 * descriptor may have been inherited, passed on or stolen.
 *
 * The descriptors of all holders are in one epoll(7) instance, v.alive, so a
 * turn of the loop, or a GET, costs the same with 1 holder as with 64.
 */
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alive.h"
#include "vault.h"

#define ALIVE_BYTES 64 /* most that are read from a channel at a time */

_Static_assert(SESSION_FDS == ALIVE_WATCHED + SESSION_WATCHED, "see alive.h");

/*
 * Creates v.alive.  The descriptor is close-on-exec, and readable when
 * alive_look() has something to do.  Returns -1 with errno.
 */
int
alive_open(void)
{
	return (epoll_create1(EPOLL_CLOEXEC));
}

/*
 * Watches h's descriptor i.  The end of a connection or of a process is
 * reported once: it stays true, and the heartbeat keeps them until network has
 * reported what its client said.  Returns false if it is not open, or the
 * kernel can watch no more.
 */
bool
alive_watch(struct session_holder *h, unsigned int i)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT };

	if (i == ALIVE_CONNECTION)
		ev.events = EPOLLRDHUP | EPOLLONESHOT;
	else if (i == ALIVE_CHANNEL)
		ev.events = EPOLLIN;
	ev.data.u32 = (uint32_t)(h - v.session.holders) * SESSION_FDS + i;
	return (epoll_ctl(v.alive, EPOLL_CTL_ADD, h->fds[i], &ev) != -1);
}

/*
 * Closes h's descriptor i, if it is open.  close(2) alone would not end the
 * watch of a connection: network has it open, too, and its events would be
 * taken for those of the next holder in h's slot.
 */
void
alive_close(struct session_holder *h, unsigned int i)
{
	if (h->fds[i] == -1)
		return;
	if (epoll_ctl(v.alive, EPOLL_CTL_DEL, h->fds[i], NULL) == -1 &&
	    errno != ENOENT)
		panic_hard(&v.panic, "poll failed");
	close(h->fds[i]);
	h->fds[i] = -1;
}

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
 * client does not read it, closes it.  If the client has closed it,
 * alive_channel() is to see that.
 */
void
alive_answer(struct session_holder *h, const char *line)
{
	if (send(h->fds[ALIVE_CHANNEL], line, strlen(line),
		MSG_DONTWAIT | MSG_NOSIGNAL) == -1 &&
	    errno != EPIPE)
		alive_close(h, ALIVE_CHANNEL);
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
		alive_close(h, ALIVE_CHANNEL);
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

/* Acts on an event of h's descriptor i. */
static void
alive_event(struct session_holder *h, unsigned int i)
{
	if (h->fds[i] == -1)
		return;
	switch (i) {
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

/*
 * Acts on the first n events: on those of channels if channels is true, else on
 * all others.
 */
static void
alive_events(const struct epoll_event *events, int n, bool channels)
{
	unsigned int fd;
	int	     i;

	for (i = 0; i < n; i++) {
		fd = events[i].data.u32 % SESSION_FDS;
		if ((fd == ALIVE_CHANNEL) == channels)
			alive_event(&v.session.holders[events[i].data.u32 /
					SESSION_FDS],
			    fd);
	}
}

/*
 * Asks the kernel about every holder, without waiting, and acts on what has
 * ended, and then on what has come over channels: a CANCEL of a holder that has
 * ended since must not count.
 */
void
alive_look(void)
{
	static struct epoll_event events[SESSION_HOLDERS * SESSION_FDS];
	const int		  max = SESSION_HOLDERS * SESSION_FDS;
	int			  n;

	n = epoll_pwait(v.alive, events, max, 0, NULL);
	if (n == -1 && errno != EINTR)
		panic_hard(&v.panic, "poll failed");
	alive_events(events, n, false);
	alive_events(events, n, true);
}
