/* SPDX-License-Identifier: ISC */
/* Clients of the control socket that hold a tether. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"

const char *const tether_names[TETHERS] = { "heartbeat", "t1", "t2", "t3" };

/* The number of the tether with this name, or -1. */
int
holder_tether(const char *name, size_t len)
{
	int t;

	for (t = 0; t < TETHERS; t++) {
		if (strlen(tether_names[t]) == len &&
		    strncmp(tether_names[t], name, len) == 0)
			return (t);
	}
	return (-1);
}

static struct op *
holder_say(struct conn *c, enum kind kind, const char *line)
{
	struct op *op = &l.ops[conn_op(c, kind)];

	note("holder %d: %.*s", c->slot, (int)strcspn(line, "\n"), line);
	conn_say(c, line, strlen(line));
	return (op);
}

static void
holder_hold(struct conn *c, const struct act *a)
{
	struct op *op;
	char	   line[32];

	conn_open(c, l.ctl, a->other);
	if (c->fd == -1)
		return;
	l.held = true;
	op = &l.ops[conn_op(c, K_HOLD)];
	op->name = a->n;
	guard_join(c, op, a->n);
	op->of = c->peer;
	(void)snprintf(line, sizeof(line), "HOLD %s\n", tether_names[a->n]);
	note("holder %d, peer %d: HOLD %s", c->slot, c->peer,
	    tether_names[a->n]);
	conn_say(c, line, strlen(line));
}

void
holder_act(const struct act *a)
{
	struct conn *c = &l.holders[a->who];

	if (a->deed == D_HOLD) {
		holder_hold(c, a);
	} else if (a->deed == D_CLOSE) {
		conn_close(c);
	} else if (c->fd == -1 || c->ending || c->queued > QUEUE / 2) {
		return;
	} else if (a->deed == D_PING) {
		heart_ping(c, a->n);
	} else if (a->deed == D_CANCEL) {
		(void)holder_say(c, K_CANCEL, "CANCEL\n");
	} else if (a->deed == D_WATCH) {
		guard_watch(c, &l.ops[conn_op(c, K_WATCH)], a->n);
	} else if (a->deed == D_NOISE) {
		(void)holder_say(c, K_NOISE, "STATUS\n");
	} else if (a->deed == D_SHUT) {
		conn_shut(c);
	}
}

static void
holder_taken(struct conn *c, const struct op *op)
{
	struct peer *p = &l.peers[c->peer];

	p->welcome = p->resp = op->resp;
}

/* Returns whether line is a possible answer to op. */
static bool
holder_answer(struct conn *c, struct op *op, const char *line)
{
	switch (op->kind) {
	case K_HOLD:
		if (strcmp(line, "HOLDING") != 0)
			return (false);
		holder_taken(c, op);
		break;
	case K_CANCEL:
		return (heart_cancel(op, line));
	case K_WATCH:
		return (guard_watching(&l.peers[c->peer], op, line));
	case K_NOISE:
		return (strncmp(line, "ERROR bad-request ", 18) == 0);
	default:
		return (false);
	}
	model_answered(op);
	return (true);
}

void
holder_line(struct conn *c, const char *line)
{
	struct op *op = c->queued > 0 ? &l.ops[c->queue[0]] : NULL;

	if (control_busy(c, line)) {
		l.peers[c->peer].refused = now();
		return;
	}
	if (op == NULL)
		broken("holder %d is told, unasked: %s", c->slot, line);
	op->resp = now();
	if (op->kind == K_PING && strcmp(line, "PONG") == 0) {
		if (op->count == 1)
			note("holder %d reads PONG, the last one", c->slot);
		heart_pong(c, op);
		return;
	}
	note("holder %d reads %s", c->slot, line);
	if (!holder_answer(c, op, line))
		broken("holder %d said %s, and is told: %s", c->slot,
		    kind_names[op->kind], line);
	conn_done(c);
}

/* The daemon has closed c. */
void
holder_lost(struct conn *c)
{
	struct peer *p = &l.peers[c->peer];
	const usec   t = now();

	if (p->gone != NEVER)
		return;
	p->gone = t;
	if (p->welcome == NEVER && control_yields(c)) {
		p->refused = t;
		l.ops[c->queue[0]].void_ = true;
		return;
	}
	if (guard_miss(p) > t && !c->ending && !p->ends && p->released == NEVER)
		model_odd("holder %d was cut off", c->slot);
}
