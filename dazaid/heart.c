/* SPDX-License-Identifier: ISC */
/*
 * The heartbeat socket, in network: splits the clients' input into lines, and
 * sends the vault a message for each.
 *
 * While the vault handles a message of a connection, network reads no more from
 * that connection.  So answers keep their order, and each connection has at
 * most one message at the vault.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "answer.h"
#include "heart.h"
#include "line.h"
#include "log.h"
#include "network.h"
#include "request.h"

#define HEART_ANSWER 32 /* bytes of the longest answer, PONGs aside */
#define HEART_PING   5	/* bytes of "PING\n", and of "PONG\n" */

static struct conn  heart_conns[HEART_CONNS];
static char	    heart_bufs[HEART_CONNS][CONN_BUFS];
static struct conn *heart_current;  /* has said HELLO; NULL: there is none */
static bool	    heart_welcomed; /* the vault has taken heart_current */

void
heart_init(void)
{
	size_t i;

	for (i = 0; i < HEART_CONNS; i++)
		conn_init(&heart_conns[i], heart_bufs[i]);
}

/* True while there is a heartbeat that the vault has welcomed. */
bool
heart_is_welcomed(void)
{
	return (heart_welcomed);
}

/* Returns whether c has room for the answer to one more line. */
static bool
heart_has_room(const struct conn *c)
{
	return (c->out <= CONN_OUT - HEART_ANSWER);
}

static void
heart_close(struct conn *c)
{
	if (c == heart_current) {
		(void)network_send_number(IMSG_LOST, c, 0);
		heart_current = NULL;
		heart_welcomed = false;
	}
	close(c->fd);
	c->fd = -1;
}

/* Removes the first used bytes, which were handled, from inbuf. */
static void
heart_consume(struct conn *c, size_t used)
{
	c->in -= used;
	memmove(c->inbuf, c->inbuf + used, c->in);
	c->used += used;
}

/*
 * heart_read() only peeks at input.  This removes from the socket the lines
 * that have been handled and, if no whole line is left, the beginning of a
 * line in inbuf.  So a line leaves the socket after its message was sent to
 * the vault: if the client has hung up and its socket is empty, the vault has
 * everything.
 */
static void
heart_drain(struct conn *c)
{
	char	discarded[LINE_BYTES];
	size_t	done = c->used;
	ssize_t got;

	if (!c->asked && heart_has_room(c))
		done += c->in;
	while (c->taken < done) {
		got = recv(c->fd, discarded, done - c->taken, MSG_DONTWAIT);
		if (got == -1 && errno == EINTR)
			continue;
		if (got <= 0) {
			heart_close(c);
			return;
		}
		c->taken += (size_t)got;
	}
	c->taken -= c->used;
	c->used = 0;
}

/* Sends text after the unsent answers, and then closes. */
static void
heart_refuse(struct conn *c, const char *text)
{
	conn_flush(c);
	conn_refuse(c->fd, text);
	c->fd = -1;
}

/* Takes the connection fd of a client that may connect, or refuses it. */
void
heart_accept(int fd)
{
	struct conn *c;

	/*
	 * The heartbeat may have hung up since poll(2), and fd may be its
	 * successor: check before answering BUSY.
	 */
	if (heart_current != NULL)
		heart_ready(heart_current, POLLIN);
	if (heart_current != NULL)
		conn_refuse(fd, "BUSY\n");
	else if ((c = conn_free_slot(heart_conns, HEART_CONNS)) == NULL)
		conn_refuse(fd, "");
	else
		conn_open(c, fd, network_now() + CONN_MS);
}

/*
 * Sends the vault c's HELLO.  The vault itself sends WELCOME, unless earlier
 * answers are still unsent: then network sends it after those
 * (IMSG_HELLO_UNSENT).
 */
static bool
heart_offer(struct conn *c, struct imsg *im)
{
	conn_flush(c);
	if (c->out > 0)
		im->u.number.n |= IMSG_HELLO_UNSENT;
	return (network_send(im, c));
}

/* HELLO: c is the heartbeat once the vault has welcomed it. */
static void
heart_hello(struct conn *c, struct imsg *im)
{
	if (c == heart_current) {
		conn_answer(c, "WELCOME\n");
	} else if (heart_current != NULL) {
		heart_refuse(c, "BUSY\n");
	} else if (heart_offer(c, im)) {
		heart_current = c;
		c->asked = true;
	} else {
		heart_refuse(c, "");
	}
}

/*
 * Sends the vault a PING, whose line was removed already, together with the
 * PINGs that directly follow in inbuf, as far as there is room for the PONGs.
 */
static void
heart_pings(struct conn *c)
{
	const size_t room = (CONN_OUT - c->out) / HEART_PING;
	uint32_t     count = 1;
	size_t	     used = 0;

	while (count < room && c->in - used >= HEART_PING &&
	    strncasecmp(c->inbuf + used, "PING\n", HEART_PING) == 0) {
		used += HEART_PING;
		count++;
	}
	heart_consume(c, used);
	c->asked = true;
	(void)network_send_number(IMSG_PING, c, count);
}

static void
heart_line(struct conn *c, const char *line, size_t used)
{
	struct imsg im;
	const char *refusal;

	refusal = request_parse_heartbeat(line, c == heart_current, &im);
	heart_consume(c, used);
	if (c->dropped && im.type != IMSG_QUIT)
		return;
	if (refusal != NULL) {
		conn_answer(c, refusal);
	} else if (im.type == IMSG_HELLO) {
		heart_hello(c, &im);
	} else if (im.type == IMSG_PING) {
		heart_pings(c);
	} else {
		c->asked = true;
		(void)network_send(&im, c);
	}
}

/* Handles the lines in inbuf while there is room for answers. */
static void
heart_lines(struct conn *c)
{
	const char *line;
	size_t	    used;

	while (c->fd != -1 && !c->asked && heart_has_room(c)) {
		if ((line = line_next(c->inbuf, c->in, &used)) == NULL) {
			if (c->in < LINE_BYTES)
				return;
			if (!c->skip)
				conn_answer(c, "ERR line-too-long\n");
			c->skip = true;
			heart_consume(c, c->in);
		} else if (c->skip) {
			c->skip = false;
			heart_consume(c, used);
		} else {
			heart_line(c, line, used);
		}
	}
}

/*
 * Handles lines and sends answers, until there is no whole line or no room for
 * its answer.  heart_drain() relies on this: if there is room, inbuf contains
 * no whole line.
 */
static void
heart_run(struct conn *c)
{
	bool was_full;

	conn_flush(c);
	do {
		heart_lines(c);
		if (c->fd == -1)
			return;
		was_full = !heart_has_room(c);
		conn_flush(c);
	} while (was_full && heart_has_room(c) && !c->asked);
	heart_drain(c);
}

/* Peeks at new input; heart_drain() takes it from the socket. */
static void
heart_read(struct conn *c)
{
	ssize_t got;

	got = recv(c->fd, c->inbuf + c->taken, LINE_BYTES - c->taken,
	    MSG_PEEK | MSG_DONTWAIT);
	if (got == -1 && (errno == EAGAIN || errno == EINTR)) {
		/*
		 * An urgent byte makes poll(2) return, but MSG_PEEK does not
		 * see it.  This discards it.
		 */
		(void)recv(c->fd, c->inbuf, 0, MSG_DONTWAIT);
		return;
	}
	if (got <= 0) {
		heart_close(c);
		return;
	}
	c->in = c->taken + (size_t)got;
	heart_run(c);
}

/* Returns whether to read more input of c now. */
static bool
heart_reads(const struct conn *c)
{
	return (!c->asked && c->in < LINE_BYTES && heart_has_room(c));
}

/* Adds the heartbeat, if there is one, to the entries to poll. */
void
heart_poll_heartbeat(struct conn_poll *cp)
{
	if (heart_current != NULL && !heart_current->asked)
		conn_poll(cp, heart_current, heart_reads(heart_current));
}

/* Adds every other connection to the entries to poll. */
void
heart_poll(struct conn_poll *cp)
{
	struct conn *c;

	for (c = heart_conns; c < heart_conns + HEART_CONNS; c++) {
		if (c->fd != -1 && c != heart_current && !c->asked)
			conn_poll(cp, c, heart_reads(c));
	}
}

/* Handles revents of c, from poll(2); 0 means that c's time is up. */
void
heart_ready(struct conn *c, short revents)
{
	if (c->fd == -1 || c->asked)
		return;
	if (revents == 0) {
		if (c != heart_current)
			heart_close(c);
		return;
	}
	if (c->out > 0)
		heart_run(c);
	if ((revents & ~POLLOUT) != 0 && c->fd != -1 && heart_reads(c))
		heart_read(c);
}

/*
 * The vault has accepted the heartbeat: answers all other connections with
 * BUSY.  If said is set, the vault itself has sent WELCOME.
 */
static void
heart_welcome(bool said)
{
	struct conn *c;

	heart_welcomed = true;
	if (!said)
		conn_answer(heart_current, "WELCOME\n");
	for (c = heart_conns; c < heart_conns + HEART_CONNS; c++) {
		if (c->fd != -1 && c != heart_current)
			heart_refuse(c, "BUSY\n");
	}
}

/*
 * The vault has dropped the heartbeat.  Disconnects the client, but still looks
 * for a QUIT in its earlier input, which makes this a clean end.
 */
static void
heart_drop(struct conn *c)
{
	log_debug("the vault dropped the heartbeat");
	c->dropped = true;
	(void)shutdown(c->fd, SHUT_RDWR);
	heart_run(c);
	while (c->fd != -1 && !c->asked)
		heart_read(c);
}

/*
 * Handles a message of the vault about the heartbeat.  Returns false if im is
 * about something else.
 */
bool
heart_reply(const struct imsg *im)
{
	struct conn *c = heart_current;

	if (c == NULL || im->peerid != c->peerid)
		return (false);
	c->asked = false;
	switch (im->type) {
	case IMSG_WELCOME:
		heart_welcome(im->u.number.n != 0);
		break;
	case IMSG_ANSWER:
		conn_answer(c, request_answer(im->u.number.n));
		break;
	case IMSG_BYE:
		conn_answer(c, "BYE\n");
		conn_flush(c);
		_exit(0);
	case IMSG_DROP:
		heart_drop(c);
		return (true);
	default:
		answer_holder(c, im);
	}
	heart_run(c);
	return (true);
}
