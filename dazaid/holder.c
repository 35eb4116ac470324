/* SPDX-License-Identifier: ISC */
/*
 * Takes and drops the session's holders, and handles network's messages about
 * each.  alive.c watches whether they live; session.c decides what their end
 * means.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alive.h"
#include "channel.h"
#include "event.h"
#include "files.h"
#include "holder.h"
#include "log.h"
#include "name.h"
#include "registry.h"
#include "vault.h"

/*
 * Closes h's descriptors.  Also shuts its connection down, because network has
 * it open, too, and could pass it again for another HOLD.
 */
static void
holder_close(struct session_holder *h)
{
	unsigned int i;

	if (h->fds[ALIVE_CONNECTION] != -1)
		(void)shutdown(h->fds[ALIVE_CONNECTION], SHUT_RDWR);
	for (i = 0; i < SESSION_FDS; i++)
		alive_close(h, i);
}

/* Tells the watchers that h is lost, unless its tether was released. */
static void
holder_report(const struct session_holder *h)
{
	const struct session_tether *t = &v.session.tethers[h->tether];

	if (t->holders > 0 || t->lost)
		event_send(IMSG_EVENT_LOST, t->name, h->pid, 0, h->how);
}

/* Closes the connections of lost holders, and tells network to do the same. */
void
holder_drop_lost(void)
{
	struct session_holder *h;

	for (h = v.session.holders; h < v.session.holders + SESSION_HOLDERS;
	     h++) {
		if (h->state != SESSION_LOST || h->fds[ALIVE_CONNECTION] == -1)
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
 * Tells the client the name of h's tether, over the channel, where network
 * cannot change it.
 */
static void
holder_tell_tether(struct session_holder *h)
{
	char line[ALIVE_LINE];

	if (h->fds[ALIVE_CHANNEL] == -1)
		return;
	(void)snprintf(line, sizeof(line), "TETHER %s\n",
	    v.session.tethers[h->tether].name);
	alive_answer(h, line);
}

/*
 * Sends text and a channel to the client at fd.  Returns the channel; -1 if it
 * cannot be sent.  While a panic is pending, sends nothing to a client that has
 * hung up, because such a client cannot end the panic.  Executes a panic that
 * is due first.
 */
static int
holder_offer(int fd, const char *text, bool hung_up)
{
	session_tick(&v.session, vault_now());
	if (v.panic.pending && hung_up)
		return (-1);
	return (channel_offer(fd, text));
}

/*
 * Makes the connection of im, from the client who, a holder of the tether name
 * (NULL: the heartbeat).  channel is the one that the client got with WELCOME
 * or HOLDING.  If it is -1, the client got neither, and the answer to network
 * has the number 0: network must send the line.  hung_up is true if the client
 * had hung up before.  Returns false if there is no slot for one more holder.
 */
static bool
holder_take(const struct imsg *im, const char *name, const struct ucred *who,
    int channel, bool hung_up)
{
	const bool	       was_guarded = session_guarded(&v.session);
	struct session_holder *h;
	struct timespec	       ts;
	bool		       watched;

	h = session_hold(&v.session, name, im->peerid, vault_now(), hung_up);
	if (h == NULL)
		return (false);
	h->pid = who->pid;
	h->fds[ALIVE_CONNECTION] = im->fd;
	h->fds[ALIVE_CHANNEL] = channel;
	if (h->state == SESSION_LOST)
		return (true);
	h->fds[ALIVE_PROCESS] = registry_open(who->pid, im->fd);
	watched = alive_watch(h, ALIVE_CONNECTION) &&
	    (channel == -1 || alive_watch(h, ALIVE_CHANNEL)) &&
	    alive_watch(h, ALIVE_PROCESS);
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	if (!was_guarded)
		v.since = ts.tv_sec;
	if (name == NULL)
		log_info("guarded by pid %ld", (long)who->pid);
	else
		log_info("tether %s held by pid %ld", name, (long)who->pid);
	if (v.session.timeout != 0)
		log_info("pid %ld must send a PING every %lld.%03lld s",
		    (long)who->pid, (long long)v.session.timeout / 1000,
		    (long long)v.session.timeout % 1000);
	holder_tell_tether(h);
	vault_notify(name == NULL ? IMSG_WELCOME : IMSG_HOLDING, h->peerid,
	    channel != -1);
	event_send(IMSG_EVENT_GUARDED, v.session.tethers[h->tether].name,
	    h->pid, 0, NULL);
	if (h->fds[ALIVE_PROCESS] == -1)
		alive_ended(h, "its process ended");
	else if (!watched)
		alive_ended(h, "it cannot be watched");
	alive_look();
	return (true);
}

/* HELLO: the connection of im becomes the heartbeat. */
static bool
holder_hello(const struct imsg *im)
{
	struct ucred who;
	pid_t	     pid;
	bool	     hung_up;
	int	     channel = -1, front;

	if (!vault_knows(im->fd, FILES_HEARTBEAT, &who) ||
	    !session_has_room(&v.session, NULL))
		return (false);
	hung_up = holder_has_hung_up(im->fd);
	if ((im->u.number.n & IMSG_HELLO_UNSENT) == 0)
		channel = holder_offer(im->fd, "WELCOME\n", hung_up);
	if (!holder_take(im, NULL, &who, channel, hung_up))
		return (false);
	if ((front = vault_take_front(who.pid)) != -1)
		close(front);
	pid = (pid_t)(im->u.number.n & ~IMSG_HELLO_UNSENT);
	if (pid != who.pid)
		log_debug("the heartbeat's HELLO named pid %ld", (long)pid);
	return (true);
}

/*
 * Returns whether name is valid for a tether.  Network must have checked that;
 * if it is not valid, network is hostile.
 */
static bool
holder_name_ok(const char *name)
{
	return (memchr(name, '\0', NAME_TETHER_BYTES) != NULL &&
	    name_tether_ok(name));
}

/*
 * HOLD.  Only the vault sends HOLDING.  So if network passes on the connection
 * of a client that has asked for something else, the client reads an answer
 * that it does not expect.  A client that has hung up already is lost at once.
 */
static bool
holder_hold(const struct imsg *im)
{
	const char  *name = im->u.tether.name;
	struct ucred who;
	bool	     hung_up;
	int	     channel;

	if (!vault_knows(im->fd, FILES_CONTROL, &who) ||
	    !holder_name_ok(name) ||
	    strcmp(name, SESSION_HEARTBEAT_NAME) == 0 ||
	    session_find(&v.session, im->peerid) != NULL)
		return (false);
	if (vault_has_fd() && session_has_room(&v.session, name)) {
		hung_up = holder_has_hung_up(im->fd);
		channel = holder_offer(im->fd, "HOLDING\n", hung_up);
		if (channel == -1)
			hung_up = holder_has_hung_up(im->fd);
		if (channel != -1 || hung_up)
			return (holder_take(im, name, &who, channel, hung_up));
	}
	vault_answer(im->peerid, IMSG_ANSWER_BUSY);
	close(im->fd);
	return (true);
}

/*
 * RELEASE: tells the tether's holders, and releases it.  holder_drop_lost()
 * then disconnects them.
 */
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
	alive_look();
	for (h = v.session.holders; h < v.session.holders + SESSION_HOLDERS;
	     h++) {
		if (h->state == SESSION_LIVE && h->fds[ALIVE_CHANNEL] != -1 &&
		    strcmp(v.session.tethers[h->tether].name, name) == 0)
			alive_answer(h, "RELEASED\n");
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

/*
 * WATCH: opens a pidfd of pid; h is lost when that process ends.  If h is the
 * heartbeat and pid runs the command of dazaid -- COMMAND, uses the pidfd that
 * was opened when the daemon started.
 */
static void
holder_watch(struct session_holder *h, pid_t pid)
{
	enum imsg_answer answer = IMSG_ANSWER_INVALID_PID;
	char		 line[ALIVE_LINE];
	unsigned int	 i = ALIVE_WATCHED;

	while (i < SESSION_FDS && h->fds[i] != -1)
		i++;
	if (i < SESSION_FDS && h->state == SESSION_LIVE &&
	    h == &v.session.holders[SESSION_HEARTBEAT])
		h->fds[i] = vault_take_front(pid);
	if (i < SESSION_FDS && h->fds[i] == -1 && pid > 1 && vault_has_fd())
		h->fds[i] = registry_open_owned(pid);
	if (i < SESSION_FDS && h->fds[i] != -1) {
		if (alive_watch(h, i))
			answer = IMSG_ANSWER_OK;
		else
			alive_ended(h, "it cannot be watched");
	}
	if (answer == IMSG_ANSWER_OK && h->fds[ALIVE_CHANNEL] != -1) {
		(void)snprintf(line, sizeof(line), "WATCHING %ld\n", (long)pid);
		alive_answer(h, line);
	}
	vault_answer(h->peerid, answer);
}

/*
 * TETHERS: sends network the tether after the number after, or a message that
 * there is none.  The heartbeat has the number 1; 0 asks for the first.
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

/* Network has closed h's connection: frees h. */
static void
holder_left(struct session_holder *h)
{
	/* Otherwise holder_drop_lost() has reported the loss. */
	const bool news = h->fds[ALIVE_CONNECTION] != -1;

	/* close(2) can block (SO_LINGER), so the panic comes first. */
	session_left(&v.session, h, vault_now());
	if (news)
		holder_report(h);
	holder_close(h);
}

/* Handles a CANCEL of h that network has reported. */
static void
holder_cancel_line(struct session_holder *h)
{
	struct imsg im = { .type = IMSG_STILL_LOST, .peerid = h->peerid };

	alive_look();
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
 * Handles a line of h that network has reported.  If the holder uses its
 * channel, the vault ignores PING and CANCEL on the connection; network still
 * gets an answer, because it waits for one.
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

/*
 * Handles a message of network about holders: HELLO to LOST, HOLD or RELEASE.
 * Returns false if network must be hostile.
 */
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
