/* SPDX-License-Identifier: ISC */
/*
 * The control socket, in network: one request a line, passed on to the vault as
 * a message, and the words for how it went.
 *
 * What follows PUT's line are the bytes of a secret, and they are the vault's
 * to read. A request is therefore taken byte by byte: not even peeking
 * (MSG_PEEK) at more would do, as a client that does not wait for GO would show
 * us its secret so.  For the same reason a PUT that is refused ends the
 * connection: the secret behind it would be read here, and taken for requests.
 */
#include <sys/socket.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "line.h"
#include "network.h"
#include "num.h"
#include "request.h"
#include "secmem.h"

#define CONTROL_TURN   256 /* bytes of one client's before others are served */
#define CONTROL_ANSWER 512 /* bytes of the longest answer */

static void
control_close(struct conn *c)
{
	close(c->fd);
	c->fd = -1;
}

static void
control_flush(struct conn *c)
{
	if (c->fd == -1)
		return;
	conn_flush(c);
	if (c->last && c->out == 0)
		control_close(c);
}

/* Puts a question to the vault; the answer comes to control_answer(). */
static void
control_ask(struct conn *c, struct imsg *im)
{
	c->asked = network_send(im, c);
	if (!c->asked)
		control_close(c);
}

/* LIST is a question a secret, as many as there is room for answers. */
static void
control_list(struct conn *c)
{
	struct imsg im = { .type = IMSG_LIST, .u.id.id = c->listed };

	if (c->out <= CONN_OUT - CONTROL_ANSWER)
		control_ask(c, &im);
}

static void
control_request(struct conn *c, struct imsg *im)
{
	switch (im->type) {
	case IMSG_PANIC:
		/* Answer first: the vault may end at once. */
		conn_say(c, "OK\n");
		conn_flush(c);
		(void)network_send(im, NULL);
		return;
	case IMSG_LIST:
		c->listing = true;
		c->listed = 0;
		break;
	case IMSG_PUT:
		c->putting = true;
		break;
	}
	control_ask(c, im);
}

/* Whether what is there of the line, which may be no good otherwise, is a
 * PUT's. */
static bool
control_is_put(const struct conn *c)
{
	size_t i = 0;

	while (i < c->in && (c->inbuf[i] == ' ' || c->inbuf[i] == '\t'))
		i++;
	return (c->in - i >= 3 && strncasecmp(c->inbuf + i, "PUT", 3) == 0);
}

/* A line is there. */
static void
control_line(struct conn *c)
{
	struct imsg im;
	const char *refusal;
	char	   *line;
	size_t	    used;
	bool	    put;

	put = control_is_put(c);
	c->due = network_now() + CONN_MS;
	line = line_next(c->inbuf, c->in, &used);
	c->in = 0;
	if (c->skip) {
		c->skip = false;
		return;
	}
	if ((refusal = request_parse(line, &im)) == NULL) {
		control_request(c, &im);
	} else {
		conn_say(c, refusal);
	}
	c->last = refusal != NULL && put;
	control_flush(c);
}

static void
control_read(struct conn *c)
{
	char   *at;
	ssize_t got;
	int	i;

	for (i = 0; i < CONTROL_TURN; i++) {
		at = c->inbuf + c->in;
		got = recv(c->fd, at, 1, MSG_DONTWAIT);
		if (got == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			control_close(c);
			return;
		}
		c->in++;
		if (*at == '\n') {
			control_line(c);
			return;
		}
		if (c->in == LINE_BYTES) {
			if (!c->skip)
				conn_say(c,
				    "ERROR bad-request the line is "
				    "too long\n");
			c->last = !c->skip && control_is_put(c);
			c->skip = true;
			c->in = 0;
			if (c->last) {
				control_flush(c);
				return;
			}
		}
	}
}

/*
 * Whether a request is wanted now.  Not before all answers are sent: the vault,
 * too, speaks on this connection.
 */
bool
control_reads(const struct conn *c)
{
	return (!c->asked && !c->listing && !c->last && c->out == 0);
}

/* c's descriptor is ready, or its time is up (revents 0). */
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
	if (c->listing)
		control_list(c);
	else if (control_reads(c))
		control_read(c);
}

static void
control_status(struct conn *c, const struct imsg_state *s)
{
	static char line[CONTROL_ANSWER];
	char	    grace[NUM_PRINT], left[NUM_PRINT];

	(void)snprintf(line, sizeof(line),
	    "STATUS alive=1 armed=%" PRIu32 " grace=%s registered=%" PRIu32
	    " guarded=%" PRIu32 " pending=%" PRIu32
	    " memory=%s secrets=%" PRIu32 " left=%s heartbeat=%" PRIu32
	    " since=%" PRId64 " size=%" PRIu64 " room=%" PRIu64 "\n",
	    s->armed, num_print_ms(s->grace, grace), s->registered, s->guarded,
	    s->pending, secmem_name(s->memory), s->secrets,
	    num_print_ms(s->left, left), s->heartbeat, s->since, s->size,
	    s->room);
	conn_say(c, line);
}

static void
control_entry(struct conn *c, const struct imsg_entry *e)
{
	char line[CONTROL_ANSWER], left[NUM_PRINT] = "-",
				   reads[NUM_PRINT] = "-";

	if (e->reads != 0)
		(void)snprintf(reads, sizeof(reads), "%" PRIu32, e->reads);
	if (e->left != -1)
		(void)num_print_ms(e->left, left);
	(void)snprintf(line, sizeof(line), "%s %" PRIu64 " %s %s\n", e->name,
	    e->size, reads, left);
	conn_say(c, line);
	c->listed = e->id;
	control_list(c);
}

/* What the vault says to a request of c's. */
void
control_answer(struct conn *c, const struct imsg *im)
{
	c->asked = false;
	c->due = network_now() + CONN_MS;
	switch (im->type) {
	case IMSG_STATE:
		control_status(c, &im->u.state);
		break;
	case IMSG_ENTRY:
		control_entry(c, &im->u.entry);
		break;
	case IMSG_ANSWER:
		c->listing = false;
		if (im->u.number.n == ANSWER_CUT) {
			control_close(c);
			return;
		}
		conn_say(c, request_answer(im->u.number.n));
		c->last = c->putting && im->u.number.n != ANSWER_OK;
		c->putting = false;
		break;
	}
	control_flush(c);
}
