/* SPDX-License-Identifier: ISC */
/*
 * The model's heartbeats and holders: who may guard, who does, and when that
 * ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"

#define WATCHED	 4	    /* processes that a holder may name */
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
		    !l.peers[k].busy && l.peers[k].hello < until &&
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
	    !p->ends && p->released > t && guard_miss(p) > t);
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
		if (p->hello < t && !guard_does(p, since, t) && !p->busy &&
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

/* c is about to send its first HELLO, or HOLD, which is op. */
void
guard_join(struct conn *c, const struct op *op, int tether)
{
	const struct op *o;
	struct peer	*p;

	if (c->peer != -1)
		return;
	if (l.npeers == PEERS)
		broken("too many holders for the model");
	c->peer = l.npeers++;
	p = &l.peers[c->peer];
	memset(p, 0, sizeof(*p));
	p->tether = tether;
	p->hello = p->inv = op->inv;
	p->welcome = p->refused = p->gone = p->resp = p->released = NEVER;
	p->miss = -1;
	for (o = l.ops; o < l.ops + l.nops; o++) {
		if (o->kind == K_RELEASE && o->name == tether &&
		    o->resp == NEVER)
			p->released = op->inv;
	}
}

/*
 * Returns whether no other holder of p's tether is left: what ends p is the
 * loss of the tether, unless p was given up before.
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
	    !p->quit && !p->ends && p->released == NEVER && guard_is_last(p);
	i = model_trigger(guard_reason(p->tether, false), GRACEFUL, t, NEVER);
	l.triggers[i].tether = p->tether;
	/* Of a heartbeat network may still report a QUIT. */
	l.triggers[i].sight = p->tether == 0 ? GET_IN_A_TURN : GET_AT_ONCE;
	return (sure ? i : -1);
}

/*
 * RELEASE, which is op, is about to be sent: those that hold the tether may be
 * given up, and a loss that the vault has not seen yet may be none.
 */
void
guard_release(const struct op *op)
{
	struct peer *p;

	for (p = l.peers; p < l.peers + l.npeers; p++) {
		if (p->tether == op->name && p->released == NEVER)
			p->released = op->inv;
	}
	model_released(op->name);
}

/* RELEASE was OK, or there was no such tether. */
void
guard_released(const struct op *op)
{
	int i;

	if (op->result == A_OK &&
	    !guard_may_be(op->name, op->inv, op->resp, -1))
		broken("RELEASE: nobody holds it");
	for (i = 0; i < l.npeers && op->result != A_OK; i++) {
		const struct peer *p = &l.peers[i];

		if (p->tether == op->name && p->welcome < op->inv &&
		    p->gone == NEVER && !p->ends && p->released == op->inv &&
		    guard_miss(p) > op->resp)
			broken("RELEASE: no such tether, but peer %d lives", i);
	}
}

/* Names a kid, or the process in front, whose end is the holder's. */
void
guard_watch(struct conn *c, struct op *op, int kid)
{
	op->name = kid;
	if (c->peer != -1) {
		l.peers[c->peer].watches |= 1U << kid;
		l.front_named = l.front_named ||
		    (kid == FRONT && c->role == HEART);
		if (l.kids[kid].killed)
			guard_kid_ends(kid);
	}
	conn_line(c, "WATCH %ld", (long)l.kids[kid].pid);
}

/*
 * The answer to a WATCH, which is op, of p; false if it is none.  Only the
 * heartbeat of a user may name a process of root's, the one in front.
 */
bool
guard_watching(struct peer *p, struct op *op, const char *line)
{
	const bool foreign = op->name == FRONT && l.setup.other;

	if (strcmp(line, "OK") == 0) {
		p->watching |= 1U << op->name;
		p->watched++;
		if (op->name == FRONT && p->tether == 0 &&
		    guard_does(p, op->inv, op->resp))
			l.front_guarded = true;
	} else if (strcmp(line, "ERROR invalid pid") != 0) {
		return (false);
	} else if (!l.kids[op->name].killed && p->watched < WATCHED && !foreign)
		broken("WATCH of kid %d, which lives, is refused", op->name);
	model_answered(op);
	return (true);
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
		l.triggers[t].sight = p->tether == 0 ? UNGUARDED : GET_AT_ONCE;
		if ((p->watching & 1U << i) != 0 && p->gone == NEVER &&
		    p->miss == -1 && p->released == NEVER && guard_is_last(p) &&
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

/* Checks a line of TETHERS; returns which tether it is about. */
int
guard_listed(const struct op *op, const char *line)
{
	const struct peer *p;
	char		   name[24], number[12], state[8], pid[12];
	unsigned long	   holders, least = 0, most = 0;
	int		   t, n = 0;

	if (sscanf(line, "%23s %11s %7s %11s%n", name, number, state, pid,
		&n) != 4 ||
	    line[n] != '\0' || (t = heart_tether(name, strlen(name))) == -1)
		broken("TETHERS: %s", line);
	holders = strtoul(number, NULL, 10);
	for (p = l.peers; p < l.peers + l.npeers; p++) {
		least += p->tether == t && guard_does(p, op->inv, now());
		most += p->tether == t && guard_may(p, op->inv, now());
	}
	if (holders < least || holders > most)
		broken("TETHERS: %s, but there are %lu to %lu", line, least,
		    most);
	if (strcmp(state, holders > 0 ? "held" : "lost") != 0)
		broken("TETHERS: %s", line);
	if (holders == 0 && !model_triggered(t, now()))
		broken("TETHERS: %s, and it was not", line);
	return (t);
}

/* TETHERS has told of those in seen, a bit each. */
void
guard_list_ends(const struct op *op, int seen)
{
	int t;

	for (t = 0; t < TETHERS; t++) {
		if ((seen & 1 << t) == 0 &&
		    guard_does_one(t, op->inv, op->resp))
			broken("TETHERS: no %s, but somebody holds it",
			    tether_names[t]);
	}
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
