/* SPDX-License-Identifier: ISC */
/*
 * Watches whether the session's holders are alive: asks the kernel about the
 * connection and the processes of each, and reads its channel.  session.c
 * decides what a change means.
 *
 * The proof of life is a living process.  An open connection is not enough: its
 * descriptor may have been inherited, passed on or stolen.
 *
 * One epoll(7) instance, v.alive, watches the descriptors of all holders, so a
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

#define ALIVE_BYTES 64 /* most bytes read from a channel at a time */

_Static_assert(SESSION_FDS == ALIVE_WATCHED + SESSION_WATCHED, "see alive.h");

/*
 * Creates v.alive.  Its descriptor is close-on-exec, and readable when
 * alive_look() has something to do.  Returns -1 with errno.
 */
int
alive_open(void)
{
	return (epoll_create1(EPOLL_CLOEXEC));
}

/*
 * Watches h's descriptor i.  The end of a connection or process is reported
 * only once (EPOLLONESHOT), because the heartbeat keeps the descriptor until
 * network has reported what its client said.  Returns false if the descriptor
 * is not open, or the kernel cannot watch more.
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
 * watch of a connection, because network has it open, too.  The vault would
 * then take its events for those of the next holder in h's slot.
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

/* How many descriptors all holders but the heartbeat have open. */
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
 * h's connection or one of its processes has ended; how says which (NULL: the
 * connection).  Network takes a line from the socket only after it has sent its
 * message to the vault.  So if the socket is empty, the vault has received, or
 * will receive, everything that the client said.
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
 * alive_channel() will notice.
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
 * Sends the line, of len bytes, to every holder that uses its channel and has
 * room there.  Async-signal-safe, but changes errno.
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

/* Handles a CANCEL on h's channel. */
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

/* Events from the kernel. */

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
 * Handles the first n events: those of channels if channels is true, else all
 * others.
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
 * Asks the kernel about every holder, without waiting.  Handles all ends first
 * and then what has arrived on channels, so that a CANCEL of a holder that has
 * ended does not count.
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
