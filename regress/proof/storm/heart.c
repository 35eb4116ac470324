/* SPDX-License-Identifier: ISC */
/* Clients that guard: heartbeats, and holders of other tethers. */
#include <string.h>

#include "storm.h"

const char *const tether_names[TETHERS] = { "heartbeat", "t1", "t2", "t3" };

/* HELLO, or HOLD of this tether, on a new connection. */
static void
heart_join(struct conn *c, const struct act *a)
{
	struct op *op;

	conn_open(c, a->n == 0 ? l.sock : l.ctl, a->other);
	if (c->fd == -1)
		return;
	op = conn_op(c, K_HOLD);
	guard_join(c, op, a->n);
	note("%s is peer %d", c->name, c->peer);
	if (a->n == 0)
		conn_line(c, "HELLO 1"); /* the pid need not be true */
	else
		conn_line(c, "HOLD %s", tether_names[a->n]);
}

static void
heart_ping(struct conn *c, struct op *op)
{
	struct peer *p = &l.peers[c->peer];

	op->late = l.setup.timeout != 0 && p->pings == 0 && p->resp != NEVER &&
	    op->inv > p->resp + l.setup.timeout + TICK;
	p->pings++;
	conn_line(c, "PING");
}

static void
heart_quit(struct conn *c, struct op *op)
{
	l.peers[c->peer].quit = true;
	op->of = model_trigger("QUIT from the heartbeat", STOP, op->inv, NEVER);
	conn_line(c, "QUIT");
}

/* Names a kid, whose end is the client's. */
static void
heart_watch(struct conn *c, struct op *op, int kid)
{
	op->name = kid;
	l.peers[c->peer].watches |= 1U << kid;
	if (l.kids[kid].killed)
		guard_kid_ends(kid);
	conn_line(c, "WATCH %ld", (long)l.kids[kid].pid);
}

void
heart_act(struct conn *c, const struct act *a)
{
	if (a->deed == K_HOLD)
		heart_join(c, a);
	else if (a->deed == D_CLOSE)
		conn_close(c);
	else if (c->fd == -1 || c->ending || c->queued > QUEUE / 2)
		return;
	else if (a->deed == K_PING)
		heart_ping(c, conn_op(c, K_PING));
	else if (a->deed == K_QUIT)
		heart_quit(c, conn_op(c, K_QUIT));
	else if (a->deed == K_WATCH)
		heart_watch(c, conn_op(c, K_WATCH), a->n);
	else {
		(void)conn_op(c, K_CANCEL);
		conn_line(c, "CANCEL");
	}
}

/*
 * What is answered.
 */

/* c never held its tether. */
static void
heart_refuse(struct conn *c)
{
	int i;

	l.peers[c->peer].refused = now();
	for (i = 0; i < c->queued; i++)
		l.ops[c->queue[i]].void_ = true;
}

static void
heart_busy(struct conn *c)
{
	struct peer *p = &l.peers[c->peer];

	if (p->welcome != NEVER ||
	    (p->tether == 0 && !guard_may_be(0, c->opened, now(), c->peer)))
		broken("%s reads BUSY, but nobody else guards", c->name);
	heart_refuse(c);
	p->hello = NEVER;
	c->ending = true;
}

static void
heart_pong(struct peer *p, const struct op *op)
{
	if (op->late)
		broken("PONG to a PING behind the deadline");
	p->inv = op->inv;
	p->resp = op->resp;
	p->pings--;
	if (p->miss != -1)
		l.triggers[p->miss].void_ = true;
	p->miss = -1;
}

/* The answer to a CANCEL; false if it is none. */
static bool
heart_cancel(struct op *op, const char *line)
{
	int t;

	op->void_ = strcmp(line, "CANCELLED") != 0;
	if (!op->void_) {
		model_cancelled(op);
		return (true);
	}
	if (strcmp(line, "NOTHING-PENDING") == 0) {
		model_not_pending(op, "finds nothing");
		return (true);
	}
	if (strncmp(line, "ERROR lost ", 11) != 0)
		return (false);
	line += 11;
	for (t = 0; t < TETHERS; t++) {
		if (strncmp(line, tether_names[t], strcspn(line, " ")) == 0) {
			model_lost(op, t);
			return (true);
		}
	}
	return (false);
}

/* Returns whether line is a possible answer to op. */
static bool
heart_answer(struct conn *c, struct op *op, const char *line)
{
	struct peer *p = &l.peers[c->peer];

	if (op->kind == K_HOLD) {
		if (strcmp(line, p->tether == 0 ? "WELCOME" : "HOLDING") != 0)
			return (false);
		/* No PONG can have come before. */
		p->welcome = p->resp = op->resp;
		if (p->tether == 0)
			guard_welcome(c->peer);
		return (true);
	}
	if (p->welcome == NEVER)
		return (false);
	switch (op->kind) {
	case K_PING:
		heart_pong(p, op);
		return (strcmp(line, "PONG") == 0);
	case K_CANCEL:
		return (heart_cancel(op, line));
	case K_WATCH:
		if (strcmp(line, "OK") == 0)
			p->watching |= 1U << op->name;
		else /* it has ended, or they are too many */
			return (strcmp(line, "ERROR invalid pid") == 0);
		return (true);
	default: /* QUIT */
		l.triggers[op->of].ack = op->resp;
		l.triggers[op->of].sight = AT_ONCE;
		return (strcmp(line, "BYE") == 0);
	}
}

void
heart_line(struct conn *c, const char *line)
{
	struct op *op = c->queued > 0 ? &l.ops[c->queue[0]] : NULL;

	note("%s reads %s", c->name, line);
	if (strcmp(line, "BUSY") == 0) {
		heart_busy(c);
		return;
	}
	if (op == NULL)
		broken("%s is told, unasked: %s", c->name, line);
	op->resp = now();
	op->result = A_OK;
	model_answered(op);
	if (!heart_answer(c, op, line))
		broken("%s said %s, and is told: %s", c->name,
		    kind_names[op->kind], line);
	conn_done(c);
}

/* The daemon has closed c: it has given it up, or has ended. */
void
heart_lost(struct conn *c)
{
	struct peer *p = &l.peers[c->peer];
	const usec   t = now();

	if (p->welcome == NEVER)
		heart_refuse(c);
	if (p->gone != NEVER)
		return;
	p->gone = t;
	if (p->refused == NEVER && guard_miss(p) > t && !c->ending && !p->ends)
		model_odd("%s was cut off", c->name);
}
