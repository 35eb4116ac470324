/* SPDX-License-Identifier: ISC */
/*
 * A model of the holders of two tethers, network and vault for spin(1), beside that of
 * the heartbeat in dazai.pml, whose head says how both are written and how time runs.
 *
 * Modelled, function by function:
 *
 *	dazaid/panic.c		all but the order of the effects
 *	dazaid/session.c	tethers with any number of holders, each lost on its own, and
 *				the deadline of a secret that nobody guards
 *	dazaid/vault.c		vault_turn() and what it calls for a holder
 *	dazaid/holder.c, alive.c	HOLD, CANCEL, LOST, RELEASE and the hangup
 *	dazaid/serve.c		serve_get()
 *	dazaid/network.c, control.c	HOLD, CANCEL, LOST, RELEASE, DROP
 *
 * A connection is used once: its client says HOLD, then any lines, and may hang up at any
 * time or stay for good.  A client that comes back has another connection.  Two connections
 * of each tether may come, one after another, at any time; connection c is one of tether
 * c % 2.  gone[c] is what poll(2) tells about the client's end, or about one of its
 * processes.
 *
 * A holder may be any client: a dazai-hb, dazai-logind.
 *
 * Not modelled: the heartbeat and its QUIT (see dazai.pml), channels, the answers to
 * clients, running out of slots, PINGs: a deadline of one is missed at any time, or never;
 * CANCEL of the second connection of a tether, which would be like the first one's.
 *
 * A hostile network says MESSAGES things in the name of any connection that has come.  It
 * can make a living client that has not held yet a holder, and release a tether.  It cannot
 * make a holder of a connection that has been one, or whose client is gone.
 *
 * Every execution ends: what must come in the end (1, 7) has come when nothing can happen
 * any more.
 *
 * Options: ORDERS, RELEASES, GETS (how many), MISSES (PING deadlines), UNGUARDED
 * (a secret waits for a guard), ARMED (from the start), and of network STOPS, HOSTILE.  P
 * is the property.
 */
#include "when.h"

#ifndef P
#define P		0
#endif
#ifndef ORDERS
#define ORDERS		0
#endif
#ifndef RELEASES
#define RELEASES	0
#endif
#ifndef GETS
#define GETS		0
#endif
#ifndef MISSES
#define MISSES		0
#endif

#define MESSAGES	4	/* of a hostile network */
#define CONNS		4
#define GRACE		2	/* countdowns, where they begin */
#define FIRST		1
#define NEVER		9
#define TETHER_OF(c)	((c) % 2)

#define holds(property, what)	assert(P != property || (what))

mtype = { HOLD, CANCEL, LOST, RELEASE, PANIC, GET }

/*
 * The world.
 */

#define NOT_YET		0	/* of conn[] */
#define COME		1	/* its HOLD is unread */
#define HELD		2	/* network has passed it on */
#define CLOSED		3	/* by network */

byte	conn[CONNS];
bool	gone[CONNS];		/* the client has hung up or ended */
bool	shut[CONNS];		/* the vault has given it up */
bool	cancels[CONNS];		/* a CANCEL is unread */
chan	n2v = [1] of { mtype, byte };
chan	drops = [CONNS] of { byte };	/* DROP, to network */
bool	dead;				/* the vault */
bool	net_stops;
bool	net_dead;

/*
 * The state of the vault: struct session, struct panic.
 */

#define FREE		0	/* of state[] */
#define LIVE		1
#define LOST_YET	2	/* SESSION_LOST: not dropped yet */
#define DROPPED		3	/* the same, network was told */

byte	state[CONNS];
byte	holders[2];
bool	lost[2];
bool	armed;
bool	pending;
bool	ordered;
byte	due = NEVER;
byte	first = NEVER;		/* somebody must guard by then */

/*
 * What only the properties need.
 */

bool	wiped;
#if P != 1 && P != 4
#define OF_4	hidden
#define BOUND_RUNS	false
#else
#define OF_4
#define BOUND_RUNS	RUNS(bound)
#endif
#if P != 5
#define OF_5	hidden
#else
#define OF_5
#endif
OF_4 byte	bound = NEVER;	/* the first trigger's own countdown */
OF_5 byte	order;		/* that no CANCEL has taken back */
OF_5 byte	was_lost[2];	/* and no new connection holds it */
OF_5 byte	used[CONNS];	/* has been a holder */

#define HUNG_UP(c)	(gone[c] || shut[c])
#define LIVES(c)	(state[c] == LIVE && !gone[c])
#define RUNS(countdown)	(countdown != NEVER && countdown > 0)
#define LIVING(t)	(LIVES(t) || LIVES(t + 2))
#define UNSEEN		(SEEN_NOT(0) || SEEN_NOT(1) || SEEN_NOT(2) || SEEN_NOT(3))
#ifdef WRONG_NO_KERNEL
#define SEEN_NOT(c)	false
#else
#define SEEN_NOT(c)	(state[c] == LIVE && HUNG_UP(c))
#endif
/* No one who lives holds t, which was taken and not released. */
#define OVER(t)		(lost[t] || (holders[t] > 0 && !LIVING(t)))
#define TAKEN		(holders[0] > 0 || holders[1] > 0)
#define ANY_LOST	(lost[0] || lost[1])
#define GUARDED		(TAKEN && !ANY_LOST)
#define FREELY		(!OVER(0) && !OVER(1) && !pending)

/*
 * Clients, those who order, release and ask, and time.
 */

proctype client(byte me)
{
	/* The connections of one tether are alike: the second comes after the first. */
	atomic { me < 2 || conn[me - 2] != NOT_YET -> conn[me] = COME };
end:	do
	:: atomic { !dead && me < 2 && conn[me] == HELD && !cancels[me] && pending && P == 5 ->
		cancels[me] = true
	   }
	:: atomic { !dead -> gone[me] = true; break }
	:: P == 1 || P == 7 || P == 8 -> break	/* stays for good */
	od
}

/* Network passes on what they say. */
#define PASSES		(!dead && !net_stops && nfull(n2v))
proctype operator()
{
	byte	orders = ORDERS, releases = RELEASES, gets = GETS;

end:	do
	:: atomic { orders > 0 && PASSES -> orders--; n2v!PANIC, 0 }
	:: atomic { gets > 0 && PASSES -> gets--; n2v!GET, 0 }
	:: atomic { releases > 0 && PASSES -> releases--; n2v!RELEASE, 0 }
	od
}

proctype time()
{
end:	do
	:: atomic { !dead && (RUNS(due) || BOUND_RUNS || RUNS(first)) ->
		if
		:: RUNS(due) -> due--
		:: else
		fi;
		if
		:: BOUND_RUNS -> bound--
		:: else
		fi;
		if
		:: RUNS(first) -> first--
		:: else
		fi
	   }
	od
}

/*
 * Network: control_line(), control_close(), control_drop().
 */

#define LINES_OF(c) \
	:: atomic { !dead && conn[c] == COME && nfull(n2v) -> \
		conn[c] = HELD; n2v!HOLD, c } \
	:: atomic { !dead && conn[c] == HELD && cancels[c] && nfull(n2v) -> \
		cancels[c] = false; n2v!CANCEL, c } \
	:: atomic { !dead && conn[c] == HELD && !cancels[c] && HUNG_UP(c) && nfull(n2v) -> \
		conn[c] = CLOSED; n2v!LOST, c }

proctype network()
{
	byte	c;

end:	do
	:: atomic { nempty(drops) && nfull(n2v) ->
		drops?c;
		if
		:: conn[c] != CLOSED -> conn[c] = CLOSED; n2v!LOST, c
		:: else
		fi;
		cancels[c] = false;
		c = 0
	   }
	LINES_OF(0)
	LINES_OF(1)
	LINES_OF(2)
	LINES_OF(3)
#ifdef STOPS
	:: atomic { !dead -> net_stops = true; break }
#endif
	:: dead -> goto exit
	od;
end_stopped:
	false;
exit:	net_dead = true
}

proctype hostile()
{
	byte	c, said;

end:	do
	:: atomic { !dead && said < MESSAGES && nfull(n2v) ->
		said++;
		if
		:: c = 0
		:: c = 1
		:: c = 2
		:: c = 3
		fi;
		if
		:: conn[c] != NOT_YET -> n2v!HOLD, c
		:: state[c] != FREE -> n2v!CANCEL, c
		:: state[c] != FREE -> n2v!LOST, c
		:: n2v!PANIC, 0
		:: RELEASES > 0 -> n2v!RELEASE, 0
		fi;
		c = 0
	   }
	:: !dead -> break
	:: goto exit
	:: dead -> goto exit
	od;
end_stopped:
	false;
exit:	net_dead = true
}

/*
 * The panic controller.
 */

#define finish		goto execute

/* panic_trigger(), panic_tick() done */
inline trigger()
{
	if
	:: bound == NEVER -> bound = GRACE
	:: else
	fi;
	if
	:: pending ->
#ifdef WRONG_SECOND_MOVES
		due = GRACE
#else
		skip
#endif
	:: !pending && armed -> pending = true; due = GRACE
	:: !pending && !armed -> finish
	fi;
	holds(4, due <= bound)
}

inline panic_tick()
{
	if
	:: pending && due == 0 -> finish
	:: else
	fi
}

inline order_panic()
{
	panic_tick();
	order = true;
	trigger();
	ordered = true
}

/* panic_end_pending() */
inline panic_ends()
{
	holds(1, bound > 0);
	holds(5, !order && !was_lost[0] && !was_lost[1]);
	pending = false;
	ordered = false;
	due = NEVER;
	bound = NEVER
}

/*
 * The session.
 */

/* session_lose() */
inline lose(c)
{
	if
	:: state[c] == LIVE ->
		state[c] = LOST_YET;
		holders[TETHER_OF(c)]--;
		if
#ifdef WRONG_ONE_IS_ALL
		:: true ->
#else
		:: holders[TETHER_OF(c)] == 0 ->
#endif
			holds(2, !LIVING(TETHER_OF(c)));
			lost[TETHER_OF(c)] = true;
			was_lost[TETHER_OF(c)] = true;
			panic_tick();
			trigger()
		:: else
		fi
	:: else
	fi
}

inline tick()
{
	panic_tick();
	if
	:: first == 0 && !pending -> trigger()
	:: else
	fi
}

/* session_hold() of connection from */
inline hold()
{
	tick();
	if
#ifndef WRONG_DEAD_RETURNS
	:: pending && HUNG_UP(from) -> state[from] = LOST_YET
#endif
	:: else ->
		state[from] = LIVE;
		holders[TETHER_OF(from)]++;
		lost[TETHER_OF(from)] = false;
		first = NEVER;
		was_lost[TETHER_OF(from)] = was_lost[TETHER_OF(from)] &&
		    (used[from] || gone[from]);
		if
#ifdef WRONG_ONE_RETURN_ENDS
		:: pending && !ordered -> panic_ends()
#else
#ifdef WRONG_RETURN_UNDOES
		:: pending && !ANY_LOST -> panic_ends()
#else
		:: pending && !ordered && !ANY_LOST -> panic_ends()
#endif
#endif
		:: else
		fi
	fi;
	used[from] = true
}

/* session_release() of tether from */
inline release()
{
	tick();
	if
#ifdef WRONG_RELEASES_LOST
	:: holders[from] > 0 || lost[from] ->
#else
	:: holders[from] > 0 ->
#endif
		holds(6, !lost[from]);
		lost[from] = false;
		free = 0;
		do
		:: free < CONNS ->
			if
			:: TETHER_OF(free) == from && state[free] == LIVE ->
				state[free] = LOST_YET
			:: else
			fi;
			free++
		:: else -> break
		od;
		free = 0;
		holders[from] = 0
#ifdef WRONG_RELEASE_ENDS
		;
		if
		:: pending -> panic_ends()
		:: else
		fi
#endif
	:: else
	fi
}

/*
 * The vault.
 */

/* alive_look(), alive_seen() */
inline look()
{
	i = 0;
	do
	:: i < CONNS ->
		if
		:: SEEN_NOT(i) -> lose(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

/* holder_drop_lost() */
inline drop_lost()
{
	i = 0;
	do
	:: i < CONNS ->
		if
		:: state[i] == LOST_YET ->
			state[i] = DROPPED;
#if !defined(WRONG_OLD_RETURNS) && !defined(WRONG_SILENT_DROP)
			shut[i] = true;
#endif
#if !defined(WRONG_SILENT_DROP) && !defined(HOSTILE)
			drops!i
#endif
			skip
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

/* session_wait_for_guard(): there is always a secret */
inline wait_for_guard()
{
#ifdef UNGUARDED
	if
	:: TAKEN || ANY_LOST -> first = NEVER
#ifdef WRONG_RELEASED_FOR_GOOD
	:: !(TAKEN || ANY_LOST) && first == NEVER && !used[0] && !used[1] -> first = FIRST
#else
	:: !(TAKEN || ANY_LOST) && first == NEVER -> first = FIRST
#endif
	:: else
	fi
#endif
	skip
}

/* holder_hold(), holder_take(): a peerid is used once */
inline vault_hold()
{
	if
	:: state[from] != FREE -> finish
	:: else
	fi;
	hold();
	look()
}

inline vault_cancel()
{
	if
	:: state[from] == FREE -> finish
	:: else
	fi;
	look();
	tick();
	if
	:: state[from] == LIVE && pending ->
		if
#ifndef WRONG_CANCEL_WHILE_LOST
		:: ANY_LOST
#endif
		:: else ->
			holds(5, !gone[from]);
			order = false;
			panic_ends()
		fi
	:: else
	fi
}

inline vault_lost()
{
	if
	:: state[from] == FREE -> finish
	:: else
	fi;
	lose(from);
#ifndef WRONG_OLD_RETURNS
	shut[from] = true;
#endif
	state[from] = FREE
}

/* vault_may_give(), session_gives() */
inline serve_get()
{
	look();
	tick();
	if
#ifdef WRONG_ANY_TETHER_GIVES
	:: TAKEN && !pending -> holds(3, FREELY)
	:: TAKEN && pending && !ordered && (LIVING(0) || LIVING(1)) -> holds(3, FREELY)
#else
	:: GUARDED && !pending -> holds(3, FREELY)
#endif
	:: else
	fi
}

inline vault_dispatch()
{
	if
	:: type == HOLD -> assert(WHEN_HOLD & IMSG_UNGUARDED); vault_hold()
	:: type == CANCEL -> assert(WHEN_CANCEL & IMSG_UNGUARDED); vault_cancel()
	:: type == LOST -> assert(WHEN_LOST & IMSG_UNGUARDED); vault_lost()
	:: type == RELEASE -> assert(WHEN_RELEASE & IMSG_UNGUARDED); release()
	:: type == PANIC -> order_panic()
	:: type == GET -> serve_get()
	fi;
	drop_lost()
}

proctype vault()
{
	mtype	type;
	byte	from, i, free;
	byte	misses = MISSES;
	bool	readable;

	if
	:: armed = true
#ifndef ARMED
	:: skip
#endif
	fi;
	wait_for_guard();
	/* vault_turn() */
end:	do
	:: atomic { UNSEEN || nempty(n2v) || net_dead || due == 0 || first == 0 || misses > 0 ->
		readable = nempty(n2v) || net_dead;
		look()
	   };
	atomic {
		if
		:: len(n2v) > 0 && readable -> n2v?type, from; vault_dispatch()
		:: len(n2v) == 0 && readable && net_dead -> finish
		:: !readable || (len(n2v) == 0 && !net_dead)
		fi;
		type = 0;
		from = 0;
		readable = false;
		tick();
		if
		:: misses > 0 ->
			misses--;
			if
			:: true -> lose(0)
			:: true -> lose(1)
			:: true -> lose(2)
			:: true -> lose(3)
			:: true
			fi
		:: else
		fi;
		drop_lost();
		wait_for_guard()
	}
	od;

execute:
	atomic { wiped = true; dead = true }
}

/* When nothing can happen, what must come has come, and both know the same holders. */
#define SAME(c)		((state[c] == LIVE) == (conn[c] == HELD && !gone[c]))
#define ALL_SAME	(SAME(0) && SAME(1) && SAME(2) && SAME(3))
proctype idle()
{
end:	timeout;
	holds(1, dead || (!OVER(0) && !OVER(1) && !pending));
	holds(7, dead || TAKEN);
	holds(8, dead || ALL_SAME)
}

init {
	atomic {
		run vault();
#ifdef HOSTILE
		run hostile();
#else
		run network();
#endif
		run client(0);
		run client(1);
		run client(2);
		run client(3);
		run time();
#if ORDERS > 0 || RELEASES > 0 || GETS > 0
		run operator();
#endif
#if P == 1 || P == 7 || P == 8
		run idle()
#endif
	}
}
