/* SPDX-License-Identifier: ISC */
/*
 * The model's heartbeats and holders: who may guard, who does, and when that
 * ends.
 */
#include <stdio.h>
#include <stdlib.h>
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
	const usec t = model_arrived(p->gone, true);

	return (t == NEVER ? NEVER : t + BACKSTOP);
}

/* Returns whether p may have held its tether between inv and resp. */
static bool
guard_may(const struct peer *p, usec inv, usec resp)
{
	return (p->hello < resp && p->refused > inv && guard_gone(p) > inv);
}

/*
 * Returns whether a holder of the tether (-1: of any) other than peer except
 * may have lived between inv and resp.
 */
bool
guard_may_be(int tether, usec inv, usec resp, int except)
{
	int i;

	for (i = 0; i < l.npeers; i++) {
		if (i != except &&
		    (tether == -1 || l.peers[i].tether == tether) &&
		    guard_may(&l.peers[i], inv, resp))
			return (true);
	}
	return (false);
}

/*
 * Returns whether peer i may have come before until, after the loss of another
 * one of its tether.
 */
bool
guard_may_follow(int i, usec until)
{
	int k;

	for (k = 0; k < l.npeers; k++) {
		if (k != i && l.peers[k].tether == l.peers[i].tether &&
		    l.peers[k].hello < until &&
		    (l.peers[k].gone < until || l.peers[k].ends ||
			guard_miss(&l.peers[k]) < until))
			return (true);
	}
	return (false);
}

/*
 * Returns whether p held its tether from since to t, in every possible order of
 * events.
 */
static bool
guard_does(const struct peer *p, usec since, usec t)
{
	return (p->welcome < since && p->gone == NEVER && !p->quit &&
	    !p->ends && guard_miss(p) > t);
}

static bool
guard_does_one(int tether, usec since, usec t)
{
	const struct peer *p;

	for (p = l.peers; p < l.peers + l.npeers; p++) {
		if (p->tether == tether && guard_does(p, since, t))
			return (true);
	}
	return (false);
}

/* Returns whether a tether may have been lost, or be about to, until t. */
static bool
guard_may_be_lost(usec since, usec t)
{
	const struct peer *p;

	for (p = l.peers; p < l.peers + l.npeers; p++) {
		if (p->hello < t && !guard_does(p, since, t) &&
		    !guard_does_one(p->tether, since, t))
			return (true);
	}
	return (false);
}

/*
 * The answer to op says that nobody guarded: nobody holds, or a tether is lost,
 * or one hung up, which is yet to be judged.
 */
void
guard_unguarded(const struct op *op)
{
	int i;

	if (guard_may_be_lost(op->inv, op->resp))
		return;
	for (i = 0; i < l.npeers; i++) {
		if (guard_does(&l.peers[i], op->inv, op->resp))
			broken("%s: unguarded, but peer %d lives",
			    kind_names[op->kind], i);
	}
}

/* The answer to op says that the session was guarded. */
void
guard_guarded(const struct op *op)
{
	if (!guard_may_be(-1, op->inv, op->resp, -1))
		broken("%s: guarded, but nobody holds", kind_names[op->kind]);
	model_held(op, "says guarded");
}

/* Peer i was welcomed: no other one can be the heartbeat. */
void
guard_welcome(int i)
{
	const usec t = l.peers[i].welcome;
	int	   k;

	for (k = 0; k < l.npeers; k++) {
		if (k != i && l.peers[k].tether == 0 &&
		    guard_does(&l.peers[k], t, t))
			broken("two heartbeats at once, %d and %d", k, i);
	}
}

/* c is about to say HOLD, which is op, of the tether. */
void
guard_join(struct conn *c, struct op *op, int tether)
{
	struct peer *p = &l.peers[l.npeers];

	if (l.npeers == PEERS)
		broken("too many holders for the model");
	op->name = tether;
	op->of = c->peer = l.npeers++;
	memset(p, 0, sizeof(*p));
	p->tether = tether;
	p->hello = p->inv = op->inv;
	p->welcome = p->refused = p->gone = p->resp = NEVER;
	p->miss = -1;
}

/*
 * Returns whether no other holder of p's tether is left: what ends p is the
 * loss of the tether.
 */
bool
guard_is_last(const struct peer *p)
{
	const struct peer *k;

	for (k = l.peers; k < l.peers + l.npeers; k++) {
		if (k != p && k->tether == p->tether && k->refused == NEVER &&
		    k->gone == NEVER)
			return (false);
	}
	return (true);
}

/* The words for the loss of a tether: of its connection, or a PING's. */
const char *
guard_reason(int tether, bool missed)
{
	static char words[TETHERS][2][48];

	if (tether == 0)
		return (missed ? "ping deadline missed" :
				 "heartbeat connection dropped");
	(void)snprintf(words[tether][missed], sizeof(words[0][0]),
	    "tether %s lost%s", tether_names[tether],
	    missed ? ": ping deadline missed" : "");
	return (words[tether][missed]);
}

/*
 * We are about to close c.  Returns the trigger that this surely is, or -1.
 */
int
guard_hangup(struct conn *c)
{
	const usec   t = now();
	struct peer *p = c->peer != -1 ? &l.peers[c->peer] : NULL;
	bool	     sure;
	int	     i;

	if (p == NULL || p->gone != NEVER)
		return (-1);
	p->gone = t;
	if (p->refused != NEVER)
		return (-1);
	/* One that the vault may have given up already is no loss. */
	sure = p->welcome != NEVER && p->miss == -1 && guard_miss(p) > t &&
	    !p->quit && !p->ends && guard_is_last(p);
	i = model_trigger(guard_reason(p->tether, false), GRACEFUL, t, NEVER);
	l.triggers[i].tether = p->tether;
	l.triggers[i].sight = UNGUARDED;
	return (sure ? i : -1);
}

/* Kid i is about to be killed: those that named it are lost. */
void
guard_kid_ends(int i)
{
	static char  words[TETHERS][64];
	struct peer *p;
	int	     t;

	for (p = l.peers; p < l.peers + l.npeers; p++) {
		if ((p->watches & 1U << i) == 0 || p->refused != NEVER)
			continue;
		p->ends = true;
		(void)snprintf(words[p->tether], sizeof(words[0]),
		    "%s: the watched process ended",
		    guard_reason(p->tether, false));
		t = model_trigger(words[p->tether], GRACEFUL, now(), NEVER);
		l.triggers[t].tether = p->tether;
		l.triggers[t].sight = UNGUARDED;
		if ((p->watching & 1U << i) != 0 && p->gone == NEVER &&
		    p->miss == -1 && guard_is_last(p) &&
		    guard_miss(p) > now() + STALL)
			l.triggers[t].kid = i;
	}
}

/* Kid i has ended. */
void
guard_kid_ended(int i)
{
	struct trigger *t;

	for (t = l.triggers; t < l.triggers + l.ntriggers; t++) {
		if (t->kid == i)
			t->ack = now();
	}
}
