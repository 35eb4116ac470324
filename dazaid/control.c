/* SPDX-License-Identifier: ISC */
/*
 * The control socket, in network: sends the vault one message for each request
 * line, and the client the answer to it.
 *
 * The bytes after a PUT line are a secret's, and only the vault may read them.
 * So a request is read one byte at a time.  MSG_PEEK would not do: a client
 * that does not wait for GO would show its secret to network.  For the same
 * reason a refused PUT closes the connection: the secret after it would be read
 * here, as if it were requests.
 */
#include <sys/socket.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "control.h"
#include "line.h"
#include "network.h"
#include "num.h"
#include "request.h"
#include "secmem.h"

#define CONTROL_TURN   256 /* bytes read of one client before the next one */
#define CONTROL_ANSWER 512 /* bytes of the longest answer */

static struct conn control_conns[CONTROL_CONNS];
static char	   control_bufs[CONTROL_CONNS][CONN_BUFS];

void
control_init(void)
{
	size_t i;

	for (i = 0; i < CONTROL_CONNS; i++)
		conn_init(&control_conns[i], control_bufs[i]);
}

/* Takes the connection fd of a client that may connect, or refuses it. */
void
control_accept(int fd)
{
	struct conn *c = conn_free_slot(control_conns, CONTROL_CONNS);

	if (c == NULL)
		conn_refuse(fd, "BUSY\n");
	else
		conn_open(c, fd, network_now() + CONN_MS);
}

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

/* LIST is one request a secret, while there is room for the answer. */
static void
control_list(struct conn *c)
{
	struct imsg im = { .type = IMSG_LIST, .u.list.after = c->listed };

	if (c->out <= CONN_OUT - CONTROL_ANSWER)
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
		c->listing = true;
		c->listed = 0;
		break;
	case IMSG_PUT:
		c->putting = true;
		break;
	}
	control_ask(c, im);
}

/* Does the line in inbuf, or what there is of it, begin with PUT? */
static bool
control_is_put(const struct conn *c)
{
	size_t i = 0;

	while (i < c->in && (c->inbuf[i] == ' ' || c->inbuf[i] == '\t'))
		i++;
	return (c->in - i >= 3 && strncasecmp(c->inbuf + i, "PUT", 3) == 0);
}

/* inbuf is one line. */
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
		conn_answer(c, refusal);
	}
	c->closing = refusal != NULL && put;
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
				conn_answer(c,
				    "ERROR bad-request the line is "
				    "too long\n");
			c->closing = !c->skip && control_is_put(c);
			c->skip = true;
			c->in = 0;
			if (c->closing) {
				control_flush(c);
				return;
			}
		}
	}
}

/*
 * Is a request of c wanted now?  Not before all answers are sent, since the
 * vault, too, writes to this connection.
 */
static bool
control_reads(const struct conn *c)
{
	return (!c->asked && !c->listing && !c->closing && c->out == 0);
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

/* poll(2) has returned revents for c, or 0: c's time is up. */
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
control_status(struct conn *c, const struct imsg_report *s)
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
	conn_answer(c, line);
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
	conn_answer(c, line);
	c->listed = e->id;
	control_list(c);
}

/* The client whose request im answers; NULL if it has gone. */
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

/* Handles the vault's answer to a request. */
void
control_reply(const struct imsg *im)
{
	struct conn *c = control_asker(im);

	if (c == NULL)
		return;
	c->asked = false;
	c->due = network_now() + CONN_MS;
	switch (im->type) {
	case IMSG_REPORT:
		control_status(c, &im->u.report);
		break;
	case IMSG_ENTRY:
		control_entry(c, &im->u.entry);
		break;
	case IMSG_ANSWER:
		c->listing = false;
		if (im->u.number.n == IMSG_ANSWER_CUT) {
			control_close(c);
			return;
		}
		conn_answer(c, request_answer(im->u.number.n));
		c->closing = c->putting && im->u.number.n != IMSG_ANSWER_OK;
		c->putting = false;
		break;
	}
	control_flush(c);
}
