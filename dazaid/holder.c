/* SPDX-License-Identifier: ISC */
/*
 * The session's holders, as the vault sees them: what network reports of each,
 * what the kernel says of its connection and its processes, and what comes over
 * its channel.  session.c decides what that means.
 *
 * The proof of life is a living process.  An open connection is not enough: its
 * descriptor may have been inherited, passed on or stolen.
 */
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "channel.h"
#include "event.h"
#include "files.h"
#include "holder.h"
#include "log.h"
#include "registry.h"
#include "vault.h"

#define HOLDER_BYTES 64 /* of a channel, read at once */
#define HOLDER_LINE  64 /* of the longest answer on a channel */

/* Which of a holder's descriptors is which. */
enum { HOLDER_CONNECTION, HOLDER_CHANNEL, HOLDER_PROCESS, HOLDER_WATCHED };

/* What was polled: the holder, and which of its descriptors. */
static struct {
	struct session_holder *h;
	unsigned int	       fd;
} holder_polled[HOLDER_PFD];

/* How many descriptors the holders beside the heartbeat have open. */
unsigned int
holder_fds(void)
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
 * The kernel's word.
 */

/* Adds what h has open to pfd, and returns how much that is. */
static nfds_t
holder_add(struct session_holder *h, struct pollfd *pfd, nfds_t n)
{
	unsigned int i;

	for (i = 0; i < SESSION_FDS; i++) {
		if (h->fds[i] == -1)
			continue;
		pfd[n].fd = h->fds[i];
		pfd[n].events = i == HOLDER_CONNECTION ? POLLRDHUP : POLLIN;
		pfd[n].revents = 0;
		holder_polled[n].h = h;
		holder_polled[n++].fd = i;
	}
	return (n);
}

/* Fills in what to poll, at most HOLDER_PFD entries; returns how many. */
nfds_t
holder_poll(struct pollfd *pfd)
{
	struct session_holder *h;
	nfds_t		       n = 0;

	for (h = v.session.holders; h < v.session.holders + SESSION_HOLDERS;
	     h++) {
		if (h->state == SESSION_LIVE)
			n = holder_add(h, pfd, n);
	}
	return (n);
}

/*
 * Something of h has ended.  A line leaves the socket only after network has
 * sent its message: with no byte left to read, all that the client said is on
 * its way to the vault.
 */
static void
holder_ended(struct session_holder *h, const char *how)
{
	int unread;

	session_ended(&v.session, h, vault_now(),
	    ioctl(h->fds[HOLDER_CONNECTION], FIONREAD, &unread) != -1 &&
		unread == 0,
	    how);
}

static void holder_channel(struct session_holder *);

/* Acts on what poll(2) has found in the n entries of holder_poll(). */
void
holder_seen(const struct pollfd *pfd, nfds_t n)
{
	struct session_holder *h;
	nfds_t		       i;

	for (i = 0; i < n; i++) {
		h = holder_polled[i].h;
		if (pfd[i].revents == 0 || h->state != SESSION_LIVE)
			continue;
		switch (holder_polled[i].fd) {
		case HOLDER_CONNECTION:
			holder_ended(h, NULL);
			break;
		case HOLDER_CHANNEL:
			holder_channel(h);
			break;
		case HOLDER_PROCESS:
			holder_ended(h, "its process ended");
			break;
		default:
			holder_ended(h, "the watched process ended");
			break;
		}
	}
}

/* Asks the kernel about every holder, now, and not at the next turn. */
void
holder_look(void)
{
	static struct pollfd  pfd[HOLDER_PFD];
	const struct timespec at_once = { 0, 0 };
	const nfds_t	      n = holder_poll(pfd);

	if (ppoll(pfd, n, &at_once, NULL) == -1 && errno != EINTR)
		panic_hard(&v.panic, "the vault cannot poll");
	holder_seen(pfd, n);
}

/*
 * Channels.
 */

/* Answers h.  A client that does not read its channel gets no other answer. */
static void
holder_answer(struct session_holder *h, const char *line)
{
	if (send(h->fds[HOLDER_CHANNEL], line, strlen(line),
		MSG_DONTWAIT | MSG_NOSIGNAL) != -1)
		return;
	close(h->fds[HOLDER_CHANNEL]);
	h->fds[HOLDER_CHANNEL] = -1;
}

/* A CANCEL over h's channel. */
static void
holder_cancel(struct session_holder *h)
{
	const struct session_tether *lost;
	char			     line[HOLDER_LINE];

	switch (session_cancel(&v.session, h, vault_now())) {
	case SESSION_CANCELLED:
		holder_answer(h, "CANCELLED\n");
		break;
	case SESSION_NOTHING_PENDING:
		holder_answer(h, "NOTHING-PENDING\n");
		break;
	case SESSION_STILL_LOST:
		lost = session_first_lost(&v.session);
		(void)snprintf(line, sizeof(line), "ERROR lost %s\n",
		    lost->name);
		holder_answer(h, line);
		break;
	case SESSION_TOO_LATE:
		break;
	}
}

/*
 * h's channel has bytes, or has ended.  Each byte is a PING, but HOLDER_CANCEL,
 * which is a CANCEL.  From the first byte on, network can say neither in h's
 * name.  A client that did not take the channel keeps to its connection.
 */
static void
holder_channel(struct session_holder *h)
{
	char	bytes[HOLDER_BYTES];
	ssize_t i, n;

	n = recv(h->fds[HOLDER_CHANNEL], bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(h->fds[HOLDER_CHANNEL]);
		h->fds[HOLDER_CHANNEL] = -1;
		if (h->private)
			holder_ended(h, NULL);
		return;
	}
	h->private = true;
	for (i = 0; i < n && h->fds[HOLDER_CHANNEL] != -1; i++) {
		if (bytes[i] == HOLDER_CANCEL)
			holder_cancel(h);
		else if (session_ping(&v.session, h, vault_now()))
			holder_answer(h, "PONG\n");
	}
}

/*
 * Coming and going.
 */

/* Closes what h has open. */
static void
holder_close(struct session_holder *h)
{
	unsigned int i;

	for (i = 0; i < SESSION_FDS; i++) {
		if (h->fds[i] != -1)
			close(h->fds[i]);
		h->fds[i] = -1;
	}
}

static void
holder_report(const struct session_holder *h)
{
	event_send(IMSG_EVENT_LOST, v.session.tethers[h->tether].name, h->pid,
	    0, h->how);
}

/* Gives up the connections of holders that are lost, and has network do so. */
void
holder_drop_lost(void)
{
	struct session_holder *h;

	for (h = v.session.holders; h < v.session.holders + SESSION_HOLDERS;
	     h++) {
		if (h->state != SESSION_LOST || h->fds[HOLDER_CONNECTION] == -1)
			continue;
		holder_report(h);
		holder_close(h);
		vault_notify(IMSG_DROP, h->peerid, 0);
	}
}

static bool
holder_has_hung_up(int fd)
{
	const struct timespec at_once = { 0, 0 };
	struct pollfd	      pfd = { fd, POLLRDHUP, 0 };

	return (ppoll(&pfd, 1, &at_once, NULL) != 0);
}

/*
 * The connection of im, from the client who, holds the tether of this name
 * (NULL: it is the heartbeat) from now on.  Tells the client so itself, with a
 * channel, and has network do it (n is 0) if it cannot.  Returns false if there
 * is no room for one more.
 */
static bool
holder_take(const struct imsg *im, const char *name, const struct ucred *who)
{
	struct session_holder *h;
	struct timespec	       ts;

	h = session_hold(&v.session, name, im->peerid, vault_now(),
	    holder_has_hung_up(im->fd));
	if (h == NULL)
		return (false);
	h->pid = who->pid;
	h->fds[HOLDER_CONNECTION] = im->fd;
	if (h->state == SESSION_LOST)
		return (true);
	h->fds[HOLDER_PROCESS] = registry_open(who->pid, im->fd);
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	v.since = ts.tv_sec;
	if (name == NULL)
		log_info("guarded by pid %ld", (long)who->pid);
	else
		log_info("tether %s held by pid %ld", name, (long)who->pid);
	if (name != NULL || (im->u.number.n & IMSG_HELLO_UNSENT) == 0)
		h->fds[HOLDER_CHANNEL] = channel_offer(im->fd,
		    name == NULL ? "WELCOME\n" : "HOLDING\n");
	vault_notify(name == NULL ? IMSG_WELCOME : IMSG_HOLDING, h->peerid,
	    h->fds[HOLDER_CHANNEL] != -1);
	event_send(IMSG_EVENT_GUARDED, v.session.tethers[h->tether].name,
	    h->pid, 0, NULL);
	if (h->fds[HOLDER_PROCESS] == -1)
		holder_ended(h, "its process ended");
	holder_look();
	return (true);
}

static bool
holder_hello(const struct imsg *im)
{
	struct ucred who;
	pid_t	     pid;

	if (!vault_knows(im->fd, FILES_HEARTBEAT, &who) ||
	    !holder_take(im, NULL, &who))
		return (false);
	pid = (pid_t)(im->u.number.n & ~IMSG_HELLO_UNSENT);
	if (pid != who.pid)
		log_debug("which calls itself pid %ld", (long)pid);
	return (true);
}

/* Returns false if network can only be hostile: it has parsed the name. */
static bool
holder_name_ok(const char *name)
{
	return (memchr(name, '\0', IMSG_TETHER_BYTES) != NULL &&
	    session_name_ok(name));
}

static bool
holder_hold(const struct imsg *im)
{
	const char  *name = im->u.tether.name;
	struct ucred who;

	if (!vault_knows(im->fd, FILES_CONTROL, &who) ||
	    !holder_name_ok(name) ||
	    strcmp(name, SESSION_HEARTBEAT_NAME) == 0 ||
	    session_find(&v.session, im->peerid) != NULL)
		return (false);
	if (vault_has_fd() && holder_take(im, name, &who))
		return (true);
	vault_answer(im->peerid, IMSG_ANSWER_BUSY);
	close(im->fd);
	return (true);
}

/* Tells the holders of the tether that it is released; they are lost next. */
static bool
holder_release(const struct imsg *im)
{
	const char	      *name = im->u.tether.name;
	struct session_holder *h;
	struct ucred	       who;
	bool		       released;

	if (!vault_knows(im->fd, FILES_CONTROL, &who) || !holder_name_ok(name))
		return (false);
	close(im->fd);
	for (h = v.session.holders; h < v.session.holders + SESSION_HOLDERS;
	     h++) {
		if (h->state == SESSION_LIVE && h->fds[HOLDER_CHANNEL] != -1 &&
		    strcmp(v.session.tethers[h->tether].name, name) == 0)
			holder_answer(h, "RELEASED\n");
	}
	released = session_release(&v.session, name, vault_now());
	if (released) {
		log_info("tether %s released", name);
		event_send(IMSG_EVENT_RELEASED, name, who.pid, 0, NULL);
	}
	vault_answer(im->peerid,
	    released ? IMSG_ANSWER_OK : IMSG_ANSWER_NO_SUCH_TETHER);
	return (true);
}

/* The end of a process that h names is h's loss, too. */
static void
holder_watch(struct session_holder *h, pid_t pid)
{
	enum imsg_answer answer = IMSG_ANSWER_INVALID_PID;
	char		 line[HOLDER_LINE];
	unsigned int	 i = HOLDER_WATCHED;

	while (i < SESSION_FDS && h->fds[i] != -1)
		i++;
	if (i < SESSION_FDS && pid > 1 && vault_has_fd() &&
	    (h->fds[i] = registry_open_owned(pid)) != -1)
		answer = IMSG_ANSWER_OK;
	if (answer == IMSG_ANSWER_OK && h->fds[HOLDER_CHANNEL] != -1) {
		(void)snprintf(line, sizeof(line), "WATCHING %ld\n", (long)pid);
		holder_answer(h, line);
	}
	vault_answer(h->peerid, answer);
}

/*
 * The tether after the one of this number, in TETHERS.  Numbers begin with 1,
 * which is the heartbeat's.
 */
void
holder_tethers(uint32_t peerid, uint64_t after)
{
	struct imsg		     im;
	struct imsg_tether	    *t = &im.u.tether;
	const struct session_tether *from;
	const struct session_holder *h;
	uint64_t		     i;

	for (i = after; i < SESSION_TETHERS; i++) {
		from = &v.session.tethers[i];
		if (from->holders > 0 || from->lost)
			break;
	}
	if (i >= SESSION_TETHERS) {
		vault_answer(peerid, IMSG_ANSWER_OK);
		return;
	}
	memset(&im, 0, sizeof(im));
	im.type = IMSG_TETHER;
	im.peerid = peerid;
	t->index = (uint32_t)i + 1;
	t->holders = from->holders;
	t->lost = from->lost;
	memcpy(t->name, from->name, sizeof(t->name));
	for (h = v.session.holders; h < v.session.holders + SESSION_HOLDERS;
	     h++) {
		if (t->pid == 0 && h->state == SESSION_LIVE && h->tether == i)
			t->pid = (uint32_t)h->pid;
	}
	vault_send(&im);
}

/* Network's last word about h. */
static void
holder_left(struct session_holder *h)
{
	const bool news = h->state != SESSION_LOST;

	/* Closing can take long (SO_LINGER), so the panic comes first. */
	session_left(&v.session, h, vault_now());
	if (news)
		holder_report(h);
	holder_close(h);
}

/* A CANCEL of h, as network reports it. */
static void
holder_cancel_line(struct session_holder *h)
{
	struct imsg im = { .type = IMSG_STILL_LOST, .peerid = h->peerid };

	holder_look();
	switch (session_cancel(&v.session, h, vault_now())) {
	case SESSION_CANCELLED:
		vault_notify(IMSG_CANCELLED, h->peerid, 0);
		break;
	case SESSION_NOTHING_PENDING:
		vault_notify(IMSG_NOTHING_PENDING, h->peerid, 0);
		break;
	case SESSION_STILL_LOST:
		memcpy(im.u.tether.name, session_first_lost(&v.session)->name,
		    sizeof(im.u.tether.name));
		vault_send(&im);
		break;
	case SESSION_TOO_LATE:
		break;
	}
}

/*
 * A line of h, as network reports it.  A holder that uses its channel has said
 * neither PING nor CANCEL: network is told only to go on.
 */
static void
holder_line(struct session_holder *h, const struct imsg *im)
{
	if (im->type == IMSG_WATCH)
		holder_watch(h, (pid_t)im->u.number.n);
	else if (h->private)
		vault_notify(IMSG_PONG, h->peerid, 0);
	else if (im->type == IMSG_CANCEL)
		holder_cancel_line(h);
	else if (session_ping(&v.session, h, vault_now()))
		vault_notify(IMSG_PONG, h->peerid, im->u.number.n);
}

/* A message about a holder.  Returns false if network can only be hostile. */
bool
holder_message(const struct imsg *im)
{
	struct session_holder *h;

	if (im->type == IMSG_HELLO)
		return (holder_hello(im));
	if (im->type == IMSG_HOLD)
		return (holder_hold(im));
	if (im->type == IMSG_RELEASE)
		return (holder_release(im));
	if ((h = session_find(&v.session, im->peerid)) == NULL)
		return (false);
	switch (im->type) {
	case IMSG_PING:
	case IMSG_CANCEL:
	case IMSG_WATCH:
		holder_line(h, im);
		break;
	case IMSG_QUIT:
		if (h != &v.session.holders[SESSION_HEARTBEAT])
			return (false);
		v.bye = true;
		panic_stop(&v.panic, "QUIT from the heartbeat");
		break;
	case IMSG_LOST:
		holder_left(h);
		break;
	}
	return (true);
}
