/* SPDX-License-Identifier: ISC */
/*
 * The heartbeat socket, in network: cuts what clients say into lines, and turns
 * each into one message for the vault.
 *
 * A connection with a question at the vault is left alone until the answer is
 * there: so answers come in order, and at most one a connection is under way.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "line.h"
#include "log.h"
#include "network.h"
#include "request.h"

#define ANSWER	   32 /* bytes of the longest, PONGs aside */
#define PING_BYTES 5  /* "PING\n", and "PONG\n" */

/* For the answer to one more line. */
static bool
heart_has_room(const struct conn *c)
{
	return (c->out <= CONN_OUT - ANSWER);
}

static void
heart_close(struct conn *c)
{
	if (c == n.heartbeat) {
		(void)network_tell(IMSG_LOST, c, 0);
		n.heartbeat = NULL;
		n.guarded = false;
	}
	close(c->fd);
	c->fd = -1;
}

/* The first used bytes of what came in are done with. */
static void
heart_use(struct conn *c, size_t used)
{
	c->in -= used;
	memmove(c->inbuf, c->inbuf + used, c->in);
	c->used += used;
}

/*
 * Takes from the socket what has been seen to, and what no line has come of
 * yet; the rest was only looked at, and stays.  So a line leaves the socket
 * when the vault has been told of it, not before: of a client that has hung up
 * and left nothing in there the vault need not wait for more.
 */
static void
heart_take(struct conn *c)
{
	char	unwanted[LINE_BYTES];
	size_t	done = c->used;
	ssize_t got;

	if (!c->asked && heart_has_room(c))
		done += c->in;
	while (c->taken < done) {
		got = recv(c->fd, unwanted, done - c->taken, MSG_DONTWAIT);
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

/* Says text, behind what is still to be said, and closes. */
static void
heart_dismiss(struct conn *c, const char *text)
{
	conn_flush(c);
	conn_dismiss(c->fd, text);
	c->fd = -1;
}

/* HELLO: c becomes the heartbeat, if the vault takes the client for real. */
static void
heart_hello(struct conn *c, struct imsg *im)
{
	if (c == n.heartbeat) {
		conn_say(c, "WELCOME\n");
	} else if (n.heartbeat != NULL) {
		heart_dismiss(c, "BUSY\n");
	} else if (network_send(im, c)) {
		n.heartbeat = c;
		c->asked = true;
	} else {
		heart_dismiss(c, "");
	}
}

/*
 * A PING, already taken from the buffer, and every other one right behind it
 * become one message: as many as there is room for PONGs.
 */
static void
heart_pings(struct conn *c)
{
	const size_t room = (CONN_OUT - c->out) / PING_BYTES;
	uint32_t     count = 1;
	size_t	     used = 0;

	while (count < room && c->in - used >= PING_BYTES &&
	    strncasecmp(c->inbuf + used, "PING\n", PING_BYTES) == 0) {
		used += PING_BYTES;
		count++;
	}
	heart_use(c, used);
	c->asked = true;
	(void)network_tell(IMSG_PING, c, count);
}

static void
heart_line(struct conn *c, const char *line, size_t used)
{
	struct imsg im;
	const char *refusal;

	refusal = request_parse_heartbeat(line, c == n.heartbeat, &im);
	heart_use(c, used);
	if (c->dropped && im.type != IMSG_QUIT)
		return;
	if (refusal != NULL) {
		conn_say(c, refusal);
	} else if (im.type == IMSG_HELLO) {
		heart_hello(c, &im);
	} else if (im.type == IMSG_PING) {
		heart_pings(c);
	} else {
		c->asked = true;
		(void)network_send(&im, c);
	}
}

/* Sees to the lines that are there, as long as there is room for answers. */
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
				conn_say(c, "ERR line-too-long\n");
			c->skip = true;
			heart_use(c, c->in);
		} else if (c->skip) {
			c->skip = false;
			heart_use(c, used);
		} else {
			heart_line(c, line, used);
		}
	}
}

/*
 * Lines in, answers out, as long as sending has made room for lines that waited
 * for it. So with room in the end there is no whole line left, which
 * heart_take() relies on.
 */
static void
heart_run(struct conn *c)
{
	bool waited;

	conn_flush(c);
	do {
		heart_lines(c);
		if (c->fd == -1)
			return;
		waited = !heart_has_room(c);
		conn_flush(c);
	} while (waited && heart_has_room(c) && !c->asked);
	heart_take(c);
}

/* Looks at what has come; heart_take() takes it. */
static void
heart_read(struct conn *c)
{
	ssize_t got;

	got = recv(c->fd, c->inbuf + c->taken, LINE_BYTES - c->taken,
	    MSG_PEEK | MSG_DONTWAIT);
	if (got == -1 && (errno == EAGAIN || errno == EINTR)) {
		/* An urgent byte, that poll(2) tells of and a peek does not,
		 * goes so. */
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

/* Whether more of what the client said is wanted now. */
bool
heart_reads(const struct conn *c)
{
	return (!c->asked && c->in < LINE_BYTES && heart_has_room(c));
}

/* c's descriptor is ready, or its time is up (revents 0). */
void
heart_ready(struct conn *c, short revents)
{
	if (c->fd == -1 || c->asked)
		return;
	if (revents == 0) {
		heart_close(c);
		return;
	}
	if (c->out > 0)
		heart_run(c);
	if ((revents & ~POLLOUT) != 0 && c->fd != -1 && heart_reads(c))
		heart_read(c);
}

/* There is a heartbeat now: nobody else is needed. */
static void
heart_welcome(struct conn *heartbeat)
{
	struct conn *c;

	n.guarded = true;
	conn_say(heartbeat, "WELCOME\n");
	for (c = n.conns; c < n.conns + CONNS; c++) {
		if (c->fd != -1 && c != heartbeat)
			heart_dismiss(c, "BUSY\n");
	}
}

/*
 * The vault has given this heartbeat up.  The client hears of it now; what it
 * had said before is looked through for a QUIT, which makes the end a clean
 * one.
 */
static void
heart_drop(struct conn *c)
{
	log_debug("heartbeat cut off");
	c->dropped = true;
	(void)shutdown(c->fd, SHUT_RDWR);
	heart_run(c);
	while (c->fd != -1 && !c->asked)
		heart_read(c);
}

/* What the vault says about the heartbeat c. */
void
heart_answer(struct conn *c, const struct imsg *im)
{
	uint32_t i;

	c->asked = false;
	switch (im->type) {
	case IMSG_WELCOME:
		heart_welcome(c);
		break;
	case IMSG_PONG:
		for (i = 0; i < im->u.number.n; i++)
			conn_say(c, "PONG\n");
		break;
	case IMSG_CANCELLED:
		conn_say(c, "CANCELLED\n");
		break;
	case IMSG_NOTHING_PENDING:
		conn_say(c, "NOTHING-PENDING\n");
		break;
	case IMSG_BYE:
		conn_say(c, "BYE\n");
		conn_flush(c);
		_exit(0);
	case IMSG_DROP:
		heart_drop(c);
		return;
	}
	heart_run(c);
}
