/* SPDX-License-Identifier: ISC */
/* The model's heartbeats: who may guard, who does, and when that ends. */
#include <string.h>

#include "storm.h"

#define BACKSTOP (100 * MS) /* network's time to report a hangup */

/* The earliest time at which p can miss its PING deadline. */
usec
guard_miss(const struct peer *p)
{
	return (l.setup.timeout == 0 ? NEVER : p->inv + l.setup.timeout - TICK);
}

/* By then both processes know that p has hung up. */
static usec
guard_gone(const struct peer *p)
{
	usec t = p->gone;

	if (t == NEVER || l.vault_stopped || l.network_stopped)
		return (NEVER);
	if (l.vault_cont > t)
		t = l.vault_cont;
	if (l.network_cont > t)
		t = l.network_cont;
	return (t + BACKSTOP + STALL);
}

/*
 * Returns whether a heartbeat other than peer except may have lived between inv
 * and resp.
 */
bool
guard_may_be(usec inv, usec resp, int except)
{
	int i;

	for (i = 0; i < l.npeers; i++) {
		if (i != except && l.peers[i].hello < resp &&
		    l.peers[i].refused > inv && guard_gone(&l.peers[i]) > inv)
			return (true);
	}
	return (false);
}

/*
 * Returns whether peer i may have come before until, after the loss of another
 * one.
 */
bool
guard_may_follow(int i, usec until)
{
	int k;

	for (k = 0; k < l.npeers; k++) {
		if (k != i && !l.peers[k].busy && l.peers[k].hello < until &&
		    (l.peers[k].gone < until ||
			guard_miss(&l.peers[k]) < until))
			return (true);
	}
	return (false);
}

/*
 * Returns whether p was the heartbeat from since to t, in every possible order
 * of events.
 */
static bool
guard_does(const struct peer *p, usec since, usec t)
{
	return (p->welcome < since && p->gone == NEVER && !p->quit &&
	    guard_miss(p) > t);
}

/* The answer to op says that there was no heartbeat. */
void
guard_unguarded(const struct op *op)
{
	int i;

	for (i = 0; i < l.npeers; i++) {
		if (guard_does(&l.peers[i], op->inv, op->resp))
			broken("%s: unguarded, but heartbeat %d lives",
			    kind_names[op->kind], i);
	}
}

/* The answer to op says that there was a heartbeat. */
void
guard_guarded(const struct op *op)
{
	if (!guard_may_be(op->inv, op->resp, -1))
		broken("%s: guarded, but there is no heartbeat",
		    kind_names[op->kind]);
}

/* Peer i was welcomed: no other one can be the heartbeat. */
void
guard_welcome(int i)
{
	const usec t = l.peers[i].welcome;
	int	   k;

	for (k = 0; k < l.npeers; k++) {
		if (k != i && guard_does(&l.peers[k], t, t))
			broken("two heartbeats at once, %d and %d", k, i);
	}
}

/* c is about to send its first HELLO, which is op. */
void
guard_hello(struct conn *c, const struct op *op)
{
	struct peer *p;

	if (c->peer != -1)
		return;
	if (l.npeers == PEERS)
		broken("too many heartbeats for the model");
	c->peer = l.npeers++;
	p = &l.peers[c->peer];
	memset(p, 0, sizeof(*p));
	p->hello = p->inv = op->inv;
	p->welcome = p->refused = p->gone = p->resp = NEVER;
	p->miss = -1;
}

/*
 * We are about to close c, or our direction of it.  Returns the trigger that
 * this surely is, or -1.
 */
int
guard_hangup(struct conn *c)
{
	const usec   t = now();
	struct peer *p;
	bool	     sure;
	int	     i;

	if (c->peer == -1 || l.peers[c->peer].gone != NEVER)
		return (-1);
	p = &l.peers[c->peer];
	p->gone = t;
	if (p->refused != NEVER)
		return (-1);
	/* One that the vault may have given up already is no loss. */
	sure = p->welcome != NEVER && p->miss == -1 && guard_miss(p) > t &&
	    !p->quit;
	i = model_trigger("heartbeat connection dropped", GRACEFUL, t, NEVER);
	l.triggers[i].sight = GET_IN_A_TURN;
	return (sure ? i : -1);
}

/* A PONG to op, or to a part of it, has arrived. */
void
guard_pong(struct peer *p, const struct op *op)
{
	if (op->late)
		broken("PONG to a PING behind the deadline");
	p->inv = op->inv;
	p->resp = now();
	if (p->miss != -1)
		l.triggers[p->miss].void_ = true;
	p->miss = -1;
}
