/* SPDX-License-Identifier: ISC */
/*
 * Clients of the heartbeat socket: heartbeats, clients that are refused, and
 * clients that never say HELLO.
 */
#include <sys/socket.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

#define LONG_LINE 8193
#define STRANGER  (9000 * MS) /* less than the time there is for a HELLO */

static struct op *
heart_say(struct conn *c, enum kind kind, const char *line)
{
	struct op *op = &l.ops[conn_op(c, kind)];

	note("heart %d: %s", c->slot, line);
	conn_say(c, line, strlen(line));
	return (op);
}

void
heart_ping(struct conn *c, int n)
{
	static char  flood[6000 * 5];
	struct peer *p = c->peer != -1 ? &l.peers[c->peer] : NULL;
	struct op   *op = &l.ops[conn_op(c, K_PING)];
	int	     i;

	op->count = (unsigned int)n;
	for (i = 0; i < n * 5; i++)
		flood[i] = "PING\n"[i % 5];
	note("%s %d: PING, %d times", c->holder ? "holder" : "heart", c->slot,
	    n);
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
	(void)conn_op(c, K_LONG);
	note("heart %d: a line of %d", c->slot, LONG_LINE);
	conn_say(c, line, LONG_LINE + 1);
}

static void
heart_hello(struct conn *c)
{
	struct op *op = &l.ops[conn_op(c, K_HELLO)];
	char	   line[32];

	guard_join(c, op, 0);
	op->of = c->peer;
	note("heart %d, peer %d: HELLO", c->slot, c->peer);
	/* It need not be true, and ends no watch. */
	(void)snprintf(line, sizeof(line), "HELLO %ld\n",
	    l.setup.front && c->slot % 2 == 1 ? (long)l.kids[FRONT].pid : 1L);
	conn_say(c, line, strlen(line));
}

static void
heart_quit(struct conn *c)
{
	if (c->peer != -1) {
		l.peers[c->peer].quit = true;
		(void)model_trigger("QUIT from the heartbeat", STOP, now(),
		    NEVER);
	}
	(void)heart_say(c, K_QUIT, "QUIT\n");
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

void
heart_act(const struct act *a)
{
	struct conn *c = &l.hearts[a->who];

	if (a->deed == D_CONNECT) {
		conn_open(c, l.sock, a->other);
		note("heart %d connects", c->slot);
	} else if (a->deed == D_CROWD) {
		heart_crowd(a->n);
	} else if (a->deed == D_CLOSE) {
		conn_close(c);
	} else if (c->fd == -1 || c->ending || c->queued > QUEUE / 2) {
		return;
	} else if (a->deed == D_HELLO) {
		heart_hello(c);
	} else if (a->deed == D_PING) {
		heart_ping(c, a->n);
	} else if (a->deed == D_CANCEL) {
		(void)heart_say(c, K_CANCEL, "CANCEL\n");
	} else if (a->deed == D_WATCH) {
		guard_watch(c, &l.ops[conn_op(c, K_WATCH)], a->n);
	} else if (a->deed == D_QUIT) {
		heart_quit(c);
	} else if (a->deed == D_NOISE) {
		(void)heart_say(c, K_NOISE, "noise of a stranger\n");
	} else if (a->deed == D_BAD_PID) {
		(void)heart_say(c, K_BAD_PID, "HELLO 0x1\n");
	} else if (a->deed == D_LONG) {
		heart_long(c);
	} else {
		conn_shut(c);
	}
}

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
		broken("heart %d reads BUSY, but nobody else guards", c->slot);
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
	p->welcome = op->resp;
	/* No PONG can have come before. */
	p->resp = op->resp;
	model_answered(op);
	guard_welcome(c->peer);
}

/* A PONG to op, which may have more to come. */
void
heart_pong(struct conn *c, struct op *op)
{
	struct peer *p = &l.peers[c->peer];

	guard_pong(p, op);
	p->pings--;
	if (--op->count > 0)
		return;
	model_answered(op);
	conn_done(c);
}

/* The answer to a CANCEL; false if it is none. */
bool
heart_cancel(struct op *op, const char *line)
{
	int t;

	if (strcmp(line, "CANCELLED") == 0) {
		model_answered(op);
		model_cancelled(op);
		return (true);
	}
	op->void_ = true;
	if (strcmp(line, "NOTHING-PENDING") == 0) {
		model_answered(op);
		model_not_pending(op, op->resp, "finds nothing", false);
		return (true);
	}
	if (strncmp(line, "ERROR lost ", 11) != 0 ||
	    (t = holder_tether(line + 11, strcspn(line + 11, " "))) == -1)
		return (false);
	model_answered(op);
	model_lost(op, t);
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

void
heart_line(struct conn *c, const char *line)
{
	struct op *op = c->queued > 0 ? &l.ops[c->queue[0]] : NULL;

	if (strcmp(line, "BUSY") == 0) {
		note("heart %d reads BUSY", c->slot);
		heart_busy(c);
		return;
	}
	if (op == NULL)
		broken("heart %d is told, unasked: %s", c->slot, line);
	if (op->kind == K_PING && heart_is_welcome(c) &&
	    strcmp(line, "PONG") == 0) {
		op->resp = now();
		if (op->count == 1)
			note("heart %d reads PONG, the last one", c->slot);
		heart_pong(c, op);
		return;
	}
	note("heart %d reads %s", c->slot, line);
	op->resp = now();
	op->result = A_OK;
	if (op->kind == K_HELLO && strcmp(line, "WELCOME") == 0)
		heart_welcome(c, op);
	else if (heart_is_welcome(c) &&
	    ((op->kind == K_CANCEL && heart_cancel(op, line)) ||
		(op->kind == K_WATCH &&
		    guard_watching(&l.peers[c->peer], op, line))))
		;
	else if (op->kind == K_QUIT && heart_is_welcome(c) &&
	    strcmp(line, "BYE") == 0)
		heart_bye(op);
	else if (!(op->kind == K_BAD_PID && strcmp(line, "ERR bad-pid") == 0) &&
	    !(op->kind == K_LONG && strcmp(line, "ERR line-too-long") == 0) &&
	    !(strcmp(line, "ERR unknown-verb") == 0 && heart_is_unknown(c, op)))
		broken("heart %d said %s, and is told: %s", c->slot,
		    kind_names[op->kind], line);
	if (op->resp != NEVER)
		conn_done(c);
}

/* The daemon has closed c. */
void
heart_lost(struct conn *c)
{
	struct peer *p = c->peer != -1 ? &l.peers[c->peer] : NULL;
	const usec   t = now();

	if (p != NULL && p->welcome == NEVER)
		heart_refuse(c, t);
	if (p != NULL && p->gone == NEVER) {
		/* The daemon has given it up, or has ended. */
		p->gone = t;
		if (p->welcome != NEVER && guard_miss(p) > t && !c->ending &&
		    !p->ends)
			model_odd("heart %d was cut off", c->slot);
	} else if (p == NULL && !c->ending && !l.crowded &&
	    t < c->opened + STRANGER) {
		model_odd("stranger %d was cut off", c->slot);
	}
}
