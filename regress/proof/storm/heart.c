/* SPDX-License-Identifier: ISC */
/*
 * Clients that guard: heartbeats and holders of other tethers; and clients of
 * the heartbeat socket that are refused or never say HELLO.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

#define LONG_LINE 8193
#define STRANGER  (9000 * MS) /* less than the time there is for a HELLO */

const char *const tether_names[TETHERS] = { "heartbeat", "t1", "t2", "t3" };

/* The number of the tether with this name, or -1. */
int
heart_tether(const char *name, size_t len)
{
	int t;

	for (t = 0; t < TETHERS; t++) {
		if (strlen(tether_names[t]) == len &&
		    strncmp(tether_names[t], name, len) == 0)
			return (t);
	}
	return (-1);
}

/*
 * What is said.
 */

static void
heart_ping(struct conn *c, int n)
{
	static char  flood[6000 * 5];
	struct peer *p = c->peer != -1 ? &l.peers[c->peer] : NULL;
	struct op   *op = conn_op(c, K_PING);
	int	     i;

	op->count = (unsigned int)n;
	for (i = 0; i < n * 5; i++)
		flood[i] = "PING\n"[i % 5];
	note("%s: PING, %d times", c->name, n);
	if (p != NULL) {
		op->late = l.setup.timeout != 0 && p->pings == 0 &&
		    p->resp != NEVER &&
		    op->inv > p->resp + l.setup.timeout + TICK;
		op->of = c->peer;
		p->pings += (unsigned int)n;
	}
	l.counts->ops[K_PING] += (unsigned int)n - 1;
	conn_say(c, flood, (size_t)n * 5);
}

static void
heart_long(struct conn *c)
{
	char line[LONG_LINE + 2];

	memset(line, 'x', LONG_LINE);
	line[LONG_LINE] = '\n';
	note("%s: a line of %d", c->name, LONG_LINE);
	conn_say(c, line, LONG_LINE + 1);
}

/* HELLO, or HOLD of this tether. */
static void
heart_join(struct conn *c, const struct act *a)
{
	const int  tether = a->deed == K_HOLD ? a->n : 0;
	struct op *op;

	if (a->deed == K_HOLD)
		conn_open(c, l.ctl, a->other);
	if (c->fd == -1)
		return;
	op = conn_op(c, a->deed);
	op->name = tether;
	guard_join(c, op, tether);
	op->of = c->peer;
	note("%s is peer %d", c->name, c->peer);
	if (a->deed == K_HOLD) {
		l.held = true;
		conn_line(c, "HOLD %s", tether_names[tether]);
	} else {
		/* It need not be true, and ends no watch. */
		conn_line(c, "HELLO %ld",
		    l.setup.claim ? (long)l.kids[FRONT].pid : 1L);
	}
}

static void
heart_quit(struct conn *c)
{
	if (c->peer != -1) {
		l.peers[c->peer].quit = true;
		(void)model_trigger("QUIT from the heartbeat", STOP, now(),
		    NEVER);
	}
	(void)conn_op(c, K_QUIT);
	conn_line(c, "QUIT");
}

/* Many connections at once, which are closed again. */
static void
heart_crowd(int n)
{
	static struct conn crowd;
	int		   fds[128], i;

	note("a crowd of %d", n);
	l.crowded = true;
	for (i = 0; i < n; i++) {
		crowd.fd = crowd.peer = crowd.getting = -1;
		conn_open(&crowd, l.sock, false);
		fds[i] = crowd.fd;
	}
	for (i = 0; i < n; i++) {
		if (fds[i] != -1)
			close(fds[i]);
	}
}

/* What is said on a connection that is there. */
static void
heart_say(struct conn *c, const struct act *a)
{
	struct op *op;

	if (c->fd == -1 || c->ending || c->queued > QUEUE / 2)
		return;
	switch (a->deed) {
	case K_HELLO:
		heart_join(c, a);
		break;
	case K_PING:
		heart_ping(c, a->n);
		break;
	case K_QUIT:
		heart_quit(c);
		break;
	case D_SHUT:
		conn_shut(c);
		break;
	default:
		op = conn_op(c, a->deed);
		if (a->deed == K_WATCH)
			guard_watch(c, op, a->n);
		else if (a->deed == K_LONG)
			heart_long(c);
		else if (a->deed == K_BAD_PID)
			conn_line(c, "HELLO 0x1");
		else
			conn_line(c, a->deed == K_CANCEL ? "CANCEL" : "STATUS");
	}
}

void
heart_act(struct conn *c, const struct act *a)
{
	switch (a->deed) {
	case D_CONNECT:
		conn_open(c, l.sock, a->other);
		break;
	case K_HOLD:
		heart_join(c, a);
		break;
	case D_CROWD:
		heart_crowd(a->n);
		break;
	case D_CLOSE:
		conn_close(c);
		break;
	default:
		heart_say(c, a);
	}
}

/*
 * What is answered.
 */

static bool
heart_is_welcome(const struct conn *c)
{
	return (c->peer != -1 && l.peers[c->peer].welcome != NEVER);
}

static void
heart_refuse(struct conn *c, usec t)
{
	int i;

	if (c->peer != -1 && l.peers[c->peer].welcome == NEVER)
		l.peers[c->peer].refused = t;
	for (i = 0; i < c->queued; i++)
		l.ops[c->queue[i]].void_ = true;
}

static void
heart_busy(struct conn *c)
{
	if (heart_is_welcome(c) || !guard_may_be(0, c->opened, now(), c->peer))
		broken("%s reads BUSY, but nobody else guards", c->name);
	heart_refuse(c, now());
	if (c->peer != -1)
		l.peers[c->peer].busy = true;
	c->ending = true;
}

static void
heart_welcome(struct conn *c, struct op *op)
{
	struct peer *p = &l.peers[c->peer];

	if (p->welcome != NEVER)
		return;
	/* No PONG can have come before. */
	p->welcome = p->resp = op->resp;
	model_answered(op);
	if (p->tether == 0)
		guard_welcome(c->peer);
}

/* A PONG to op, which may have more to come. */
static void
heart_pong(struct conn *c, struct op *op)
{
	struct peer *p = &l.peers[c->peer];

	if (op->count == 1)
		note("%s reads PONG, the last one", c->name);
	guard_pong(p, op);
	p->pings--;
	if (--op->count > 0)
		return;
	model_answered(op);
	conn_done(c);
}

/* The answer to a CANCEL; false if it is none. */
static bool
heart_cancel(struct op *op, const char *line)
{
	int t;

	op->void_ = strcmp(line, "CANCELLED") != 0;
	if (!op->void_) {
		model_answered(op);
		model_cancelled(op);
	} else if (strcmp(line, "NOTHING-PENDING") == 0) {
		model_answered(op);
		model_not_pending(op, op->resp, "finds nothing", false);
	} else if (strncmp(line, "ERROR lost ", 11) == 0 &&
	    (t = heart_tether(line + 11, strcspn(line + 11, " "))) != -1) {
		model_answered(op);
		model_lost(op, t);
	} else {
		return (false);
	}
	return (true);
}

static void
heart_bye(struct op *op)
{
	model_answered(op);
	l.bye = op->resp;
	l.triggers[model_trigger("QUIT from the heartbeat", STOP, op->inv,
		       op->resp)]
	    .sight = AT_ONCE;
}

/* Returns whether "unknown-verb" is a possible answer to op. */
static bool
heart_is_unknown(const struct conn *c, struct op *op)
{
	if (op->kind == K_NOISE)
		return (true);
	if (heart_is_welcome(c))
		return (false);
	op->void_ = true;
	if (op->kind == K_PING && op->of != -1)
		l.peers[op->of].pings--;
	if (op->kind == K_PING && --op->count > 0)
		op->resp = NEVER;
	return (op->kind == K_PING || op->kind == K_CANCEL ||
	    op->kind == K_WATCH || op->kind == K_QUIT);
}

/* Returns whether line is a possible answer to op. */
static bool
heart_answer(struct conn *c, struct op *op, const char *line)
{
	const bool welcome = heart_is_welcome(c);

	if (c->role == HEART && strcmp(line, "ERR unknown-verb") == 0)
		return (heart_is_unknown(c, op));
	switch (op->kind) {
	case K_HELLO:
	case K_HOLD:
		if (strcmp(line, op->kind == K_HELLO ? "WELCOME" : "HOLDING") !=
		    0)
			return (false);
		heart_welcome(c, op);
		return (true);
	case K_CANCEL:
		return (welcome && heart_cancel(op, line));
	case K_WATCH:
		return (welcome && guard_watching(&l.peers[c->peer], op, line));
	case K_QUIT:
		if (!welcome || strcmp(line, "BYE") != 0)
			return (false);
		heart_bye(op);
		return (true);
	case K_NOISE:
		return (c->role == HOLDER &&
		    strncmp(line, "ERROR bad-request ", 18) == 0);
	case K_BAD_PID:
		return (strcmp(line, "ERR bad-pid") == 0);
	case K_LONG:
		return (strcmp(line, "ERR line-too-long") == 0);
	default:
		return (false);
	}
}

void
heart_line(struct conn *c, char *line)
{
	struct op *op = c->queued > 0 ? &l.ops[c->queue[0]] : NULL;

	if (c->role == HEART && strcmp(line, "BUSY") == 0) {
		heart_busy(c);
		return;
	}
	if (c->role == HOLDER && control_busy(c, line)) {
		l.peers[c->peer].refused = now();
		return;
	}
	if (op == NULL)
		broken("%s is told, unasked: %s", c->name, line);
	op->resp = now();
	if (op->kind == K_PING && heart_is_welcome(c) &&
	    strcmp(line, "PONG") == 0) {
		heart_pong(c, op);
		return;
	}
	note("%s reads %s", c->name, line);
	op->result = A_OK;
	if (!heart_answer(c, op, line))
		broken("%s said %s, and is told: %s", c->name,
		    kind_names[op->kind], line);
	if (op->resp != NEVER)
		conn_done(c);
}

/* The daemon has closed c: it has given it up, or has ended. */
void
heart_lost(struct conn *c)
{
	struct peer *p = c->peer != -1 ? &l.peers[c->peer] : NULL;
	const usec   t = now();

	if (p == NULL) {
		if (!c->ending && !l.crowded && t < c->opened + STRANGER)
			model_odd("stranger %s was cut off", c->name);
		return;
	}
	if (p->welcome == NEVER && (c->role == HEART || control_yields(c)))
		heart_refuse(c, t);
	if (p->gone != NEVER)
		return;
	p->gone = t;
	if (p->refused == NEVER && guard_miss(p) > t && !c->ending &&
	    !p->ends && p->released == NEVER)
		model_odd("%s was cut off", c->name);
}
