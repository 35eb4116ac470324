/* SPDX-License-Identifier: ISC */
/*
 * The control socket, in network: sends the vault a message for each request
 * line, and sends the client the answer.
 *
 * A client need not wait for GO, so the bytes after a PUT line may be a secret.
 * Network must not read them, not even with MSG_PEEK.  Therefore it never reads
 * so far that a byte could belong to a secret.  For the same reason a refused
 * PUT closes the connection: network would read the secret after it as
 * requests.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "answer.h"
#include "control.h"
#include "line.h"
#include "network.h"
#include "request.h"
#include "session.h"
#include "transfer.h"

#define CONTROL_TURN 256 /* most bytes read of one client at a time */
/* The shortest line before a secret: "PUT a 1\n". */
#define CONTROL_PUT ((size_t)8)
/*
 * A connection that has been silent for so long is closed to make room for a
 * newcomer.  So even if hundreds are silent, a client that sends a request
 * waits less than a second.
 */
#define CONTROL_SILENT_MS 50

/* The vault's limits, in our terms. */
_Static_assert(CONTROL_HOLDERS == SESSION_HOLDERS - 1, "and the heartbeat");
_Static_assert(CONTROL_REQUESTS == TRANSFER_MAX, "each may be a PUT or GET");

static struct conn control_conns[CONTROL_CONNS];
static char	   control_bufs[CONTROL_CONNS][CONN_BUFS];

void
control_init(void)
{
	size_t i;

	for (i = 0; i < CONTROL_CONNS; i++)
		conn_init(&control_conns[i], control_bufs[i]);
}

static uint32_t
control_watchers(void)
{
	const struct conn *c;
	uint32_t	   n = 0;

	for (c = control_conns; c < control_conns + CONTROL_CONNS; c++)
		n += c->fd != -1 && c->watching;
	return (n);
}

/* Tells the vault how many watchers there are. */
static void
control_count_watchers(void)
{
	(void)network_send_number(IMSG_EVENTS, NULL, control_watchers());
}

static void
control_close(struct conn *c)
{
	const bool watched = c->watching;

	if (c->holding)
		(void)network_send_number(IMSG_LOST, c, 0);
	close(c->fd);
	c->fd = -1;
	c->holding = c->watching = false;
	if (watched)
		control_count_watchers();
}

static void
control_flush(struct conn *c)
{
	if (c->fd == -1)
		return;
	conn_flush(c);
	if (c->closing && c->out == 0)
		control_close(c);
}

/* Sends the vault a request; the answer comes to control_reply(). */
static void
control_ask(struct conn *c, struct imsg *im)
{
	c->asked = network_send(im, c);
	if (!c->asked)
		control_close(c);
}

/*
 * Asks the vault for the next line of LIST or TETHERS, if c's outbuf has room
 * for it.
 */
static void
control_next(struct conn *c)
{
	struct imsg im = { .type = c->listing, .u.list.after = c->listed };

	if (c->out <= CONN_OUT - ANSWER_BYTES)
		control_ask(c, &im);
}

/*
 * Makes c a watcher: it gets an EVENT line with the STATUS first, and then
 * each event.
 */
static void
control_watch(struct conn *c)
{
	struct imsg im = { .type = IMSG_STATUS };

	if (!c->watching && control_watchers() == CONTROL_WATCHERS) {
		conn_answer(c, request_answer(IMSG_ANSWER_BUSY));
		return;
	}
	c->watching = c->greeting = true;
	control_count_watchers();
	control_ask(c, &im);
}

static void
control_request(struct conn *c, struct imsg *im)
{
	switch (im->type) {
	case IMSG_PANIC:
		/* Answer first: the vault may end at once. */
		conn_answer(c, "OK\n");
		conn_flush(c);
		(void)network_send(im, NULL);
		return;
	case IMSG_LIST:
	case IMSG_TETHERS:
		c->listing = im->type;
		c->listed = 0;
		break;
	case IMSG_EVENTS:
		control_watch(c);
		return;
	case IMSG_PING:
		im->u.number.n = 1;
		break;
	case IMSG_PUT:
		c->putting = true;
		break;
	}
	control_ask(c, im);
}

/* How many bytes are in inbuf, leading blanks not counted. */
static size_t
control_words(const struct conn *c)
{
	size_t i = 0;

	while (i < c->in && (c->inbuf[i] == ' ' || c->inbuf[i] == '\t'))
		i++;
	return (c->in - i);
}

/* Returns whether inbuf is the beginning of a PUT, as far as it goes. */
static bool
control_may_put(const struct conn *c)
{
	const size_t len = control_words(c);

	return (
	    strncasecmp(c->inbuf + c->in - len, "PUT", len < 3 ? len : 3) == 0);
}

static bool
control_is_put(const struct conn *c)
{
	return (control_words(c) >= 3 && control_may_put(c));
}

/*
 * How many bytes after those in inbuf, the beginning of a line, may be read,
 * because they cannot belong to a secret.  It is at least one, for the newline.
 * If this line or the next one may be a PUT, it is what is left of the shortest
 * PUT.
 */
static size_t
control_safe(const struct conn *c)
{
	const size_t len = control_words(c);

	if (!control_may_put(c))
		return (1 + CONTROL_PUT);
	return (len < CONTROL_PUT ? CONTROL_PUT - len : 1);
}

/* Handles the line in inbuf, which contains nothing else. */
static void
control_line(struct conn *c)
{
	struct imsg im;
	const char *refusal;
	char	   *line;
	size_t	    used;
	bool	    put;

	put = control_is_put(c);
	if (!c->holding && !c->watching)
		c->due = network_now() + CONN_MS;
	line = line_next(c->inbuf, c->in, &used);
	c->in = 0;
	if (c->skip) {
		c->skip = false;
		return;
	}
	refusal = c->holding ? request_parse_holder(line, false, &im) :
			       request_parse(line, &im);
	if (refusal == NULL) {
		control_request(c, &im);
	} else {
		conn_answer(c, refusal);
	}
	c->closing = refusal != NULL && put;
	control_flush(c);
}

/*
 * Reads what has arrived of one line, up to its newline, and at most as many
 * bytes as are safe.  Returns as recv(2).
 */
static ssize_t
control_take(struct conn *c)
{
	char	   *at = c->inbuf + c->in;
	size_t	    most = control_safe(c);
	const char *end;
	ssize_t	    got;

	if (most > LINE_BYTES - c->in)
		most = LINE_BYTES - c->in;
	if (most > 1) {
		got = recv(c->fd, at, most, MSG_PEEK | MSG_DONTWAIT);
		if (got <= 0)
			return (got);
		end = memchr(at, '\n', (size_t)got);
		most = end != NULL ? (size_t)(end - at) + 1 : (size_t)got;
	}
	return (recv(c->fd, at, most, MSG_DONTWAIT));
}

/* The line in inbuf is too long: ignores it; after a PUT, closes c. */
static void
control_too_long(struct conn *c)
{
	if (!c->skip)
		conn_answer(c, "ERROR bad-request the line is too long\n");
	c->closing = !c->skip && control_is_put(c);
	c->skip = true;
	c->in = 0;
	if (c->closing)
		control_flush(c);
}

static void
control_read(struct conn *c)
{
	ssize_t got;
	size_t	turn;

	for (turn = 0; turn < CONTROL_TURN; turn += (size_t)got) {
		got = control_take(c);
		if (got == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			control_close(c);
			return;
		}
		c->in += (size_t)got;
		if (c->inbuf[c->in - 1] == '\n') {
			control_line(c);
			return;
		}
		if (c->in == LINE_BYTES) {
			control_too_long(c);
			if (c->fd == -1 || c->closing)
				return;
		}
	}
}

/*
 * Returns whether the next request of c may be read: only after all answers
 * were sent, because the vault writes to this connection, too.
 */
static bool
control_reads(const struct conn *c)
{
	return (!c->asked && c->listing == 0 && !c->closing && c->out == 0);
}

/*
 * Room for newcomers.
 */

/* How many connections are neither holders nor watchers. */
static unsigned int
control_asking(void)
{
	const struct conn *c;
	unsigned int	   n = 0;

	for (c = control_conns; c < control_conns + CONTROL_CONNS; c++)
		n += c->fd != -1 && !c->holding && !c->watching;
	return (n);
}

/* The time from which c may be closed for a newcomer; CONN_NEVER: never. */
static int64_t
control_yields(const struct conn *c)
{
	if (c->fd == -1 || c->asked || c->holding || c->watching)
		return (CONN_NEVER);
	return (c->due - CONN_MS + CONTROL_SILENT_MS);
}

/* True if c has sent something that will be read in the next turn. */
static bool
control_speaks(const struct conn *c)
{
	char byte;

	return (control_reads(c) &&
	    recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0);
}

/*
 * The time, in ms, from which a newcomer can be accepted: 0 for at once,
 * CONN_NEVER if a connection must end first.  Until then newcomers wait in the
 * listen queue.
 */
int64_t
control_admits(void)
{
	const struct conn *c;
	int64_t		   when = CONN_NEVER;

	if (control_asking() < CONTROL_REQUESTS)
		return (0);
	for (c = control_conns; c < control_conns + CONTROL_CONNS; c++) {
		if (control_yields(c) < when)
			when = control_yields(c);
	}
	return (when <= network_now() ? 0 : when);
}

/*
 * True if there is room for a newcomer.  If that is so only because a
 * connection can be closed, sets *silent to it: the one that has been silent
 * longest.
 */
bool
control_has_room(struct conn **silent)
{
	const int64_t now = network_now();
	struct conn  *c;

	*silent = NULL;
	if (control_asking() < CONTROL_REQUESTS)
		return (true);
	for (c = control_conns; c < control_conns + CONTROL_CONNS; c++) {
		if (control_yields(c) <= now && !control_speaks(c) &&
		    (*silent == NULL || c->due < (*silent)->due ||
			(c->due == (*silent)->due &&
			    c->peerid < (*silent)->peerid)))
			*silent = c;
	}
	return (*silent != NULL);
}

/*
 * Takes the connection fd of a client that may connect.  Closes silent for it,
 * if that is not NULL.
 */
void
control_accept(int fd, struct conn *silent)
{
	struct conn *c;

	if (silent != NULL)
		control_close(silent);
	if ((c = conn_free_slot(control_conns, CONTROL_CONNS)) == NULL)
		conn_refuse(fd, "BUSY\n");
	else
		conn_open(c, fd, network_now() + CONN_MS);
}

/* Adds every connection that is to be polled. */
void
control_poll(struct conn_poll *cp)
{
	struct conn *c;

	for (c = control_conns; c < control_conns + CONTROL_CONNS; c++) {
		if (c->fd != -1 && !c->asked)
			conn_poll(cp, c, control_reads(c));
	}
}

/* Handles revents of c, from poll(2); 0 means that c's time is up. */
void
control_ready(struct conn *c, short revents)
{
	if (c->fd == -1 || c->asked)
		return;
	if (revents == 0) {
		control_close(c);
		return;
	}
	control_flush(c);
	if (c->fd == -1)
		return;
	if (c->listing != 0)
		control_next(c);
	else if (control_reads(c))
		control_read(c);
}

/* A line of a listing was sent: asks for the next one, after id. */
static void
control_item(struct conn *c, uint64_t id)
{
	c->listed = id;
	control_next(c);
}

/* The client whose request im answers; NULL if its connection was closed. */
static struct conn *
control_asker(const struct imsg *im)
{
	struct conn *c;

	for (c = control_conns; c < control_conns + CONTROL_CONNS; c++) {
		if (c->fd != -1 && c->asked && c->peerid == im->peerid)
			return (c);
	}
	return (NULL);
}

/*
 * Sends e to all watchers, but not to one whose STATUS is still to come and
 * will show it.  Closes a watcher that does not read.
 */
static void
control_event(const struct imsg_event *e)
{
	struct conn *c;
	char	     line[ANSWER_BYTES];

	answer_event(line, e);
	for (c = control_conns; c < control_conns + CONTROL_CONNS; c++) {
		if (c->fd == -1 || !c->watching || c->greeting)
			continue;
		/* Do not close it while the vault handles a request of it. */
		if (c->out > CONN_OUT - 2 * ANSWER_BYTES) {
			if (!c->asked)
				control_close(c);
			continue;
		}
		conn_answer(c, line);
		/*
		 * The vault may be writing a secret to it: append the event
		 * after that.
		 */
		if (!c->asked)
			control_flush(c);
	}
}

/* The vault has declared a holder lost: closes its connection. */
static void
control_drop(const struct imsg *im)
{
	struct conn *c;

	for (c = control_conns; c < control_conns + CONTROL_CONNS; c++) {
		if (c->fd == -1 || c->peerid != im->peerid)
			continue;
		/*
		 * To the vault it may be a holder already, though its HOLD is
		 * unanswered.
		 */
		c->holding = true;
		control_close(c);
	}
}

/* Appends the line for im, a message from the vault. */
static void
control_answer(struct conn *c, const struct imsg *im)
{
	char line[ANSWER_BYTES] = "";

	switch (im->type) {
	case IMSG_REPORT:
		answer_status(line, &im->u.report);
		if (c->greeting)
			conn_answer(c, "EVENT ");
		c->greeting = false;
		break;
	case IMSG_ENTRY:
		answer_entry(line, &im->u.entry);
		break;
	case IMSG_TETHER:
		answer_tether(line, &im->u.tether);
		break;
	case IMSG_HOLDING:
		if (im->u.number.n == 0)
			conn_answer(c, "HOLDING\n");
		break;
	default:
		answer_holder(c, im);
	}
	conn_answer(c, line);
}

/* Handles a message from the vault that concerns control clients. */
void
control_reply(const struct imsg *im)
{
	struct conn *c;

	if (im->type == IMSG_EVENT) {
		control_event(&im->u.event);
		return;
	}
	if (im->type == IMSG_DROP) {
		control_drop(im);
		return;
	}
	if ((c = control_asker(im)) == NULL)
		return;
	c->asked = false;
	if (im->type == IMSG_HOLDING)
		c->holding = true;
	c->due = c->holding || c->watching ? CONN_NEVER :
					     network_now() + CONN_MS;
	switch (im->type) {
	case IMSG_ENTRY:
		control_answer(c, im);
		control_item(c, im->u.entry.id);
		break;
	case IMSG_TETHER:
		control_answer(c, im);
		control_item(c, im->u.tether.index);
		break;
	case IMSG_ANSWER:
		c->listing = 0;
		if (im->u.number.n == IMSG_ANSWER_CUT) {
			control_close(c);
			return;
		}
		conn_answer(c, request_answer(im->u.number.n));
		c->closing = c->putting && im->u.number.n != IMSG_ANSWER_OK;
		c->putting = false;
		break;
	default:
		control_answer(c, im);
		break;
	}
	control_flush(c);
}
