/* SPDX-License-Identifier: ISC */
/* Clients of the control socket that hold a tether. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"

#define WATCHED 4 /* processes that a holder may name */

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

/* Names a kid whose end is the holder's. */
static void
holder_watch(struct conn *c, int kid)
{
	char line[32];

	(void)snprintf(line, sizeof(line), "WATCH %ld\n",
	    (long)l.kids[kid].pid);
	l.peers[c->peer].watches |= 1U << kid;
	if (l.kids[kid].killed)
		guard_kid_ends(kid);
	holder_say(c, K_WATCH, line)->name = kid;
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
		holder_watch(c, a->n);
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

static void
holder_watching(const struct conn *c, const struct op *op)
{
	struct peer *p = &l.peers[c->peer];

	if (op->result == A_OK) {
		p->watching |= 1U << op->name;
		p->watched++;
	} else if (!l.kids[op->name].killed && p->watched < WATCHED)
		broken("WATCH of kid %d, which lives, is refused", op->name);
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
		op->result = strcmp(line, "OK") == 0 ? A_OK : A_INVALID;
		if (op->result != A_OK &&
		    strcmp(line, "ERROR invalid pid") != 0)
			return (false);
		holder_watching(c, op);
		break;
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
