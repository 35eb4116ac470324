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
#include "panic.pml"

#define MESSAGES	4	/* of a hostile network */
#define CONNS		4
#define FIRST		1	/* a countdown, where it begins */
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
byte	first = NEVER;		/* somebody must guard by then */

/*
 * What only the properties need.
 */

OF_5 byte	was_lost[2];	/* and no new connection holds it */
OF_5 byte	used[CONNS];	/* has been a holder */

#define EACH_CONN(what)	i = 0; do :: i < CONNS -> what; i++ :: else -> break od; i = 0
#define HUNG_UP(c)	(gone[c] || shut[c])
#define LIVES(c)	(state[c] == LIVE && !gone[c])
#define LIVING(t)	(LIVES(t) || LIVES(t + 2))
#define UNSEEN		(SEEN_NOT(0) || SEEN_NOT(1) || SEEN_NOT(2) || SEEN_NOT(3))
#define SEEN_NOT(c)	(!WRONG_NO_KERNEL && state[c] == LIVE && HUNG_UP(c))
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
		STEP(true, due);
		IF(BOUND_RUNS, bound--);
		STEP(true, first)
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
		IF(conn[c] != CLOSED, conn[c] = CLOSED; n2v!LOST, c);
		cancels[c] = false;
		c = 0
	   }
	LINES_OF(0)
	LINES_OF(1)
	LINES_OF(2)
	LINES_OF(3)
	:: atomic { STOPS && !dead -> net_stops = true; break }
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
 * The session.
 */

inline trigger()
{
	panic_trigger()
}

inline panic_ends()
{
	holds(5, !order_told && !was_lost[0] && !was_lost[1]);
	panic_end_pending()
}

/* session_lose() */
inline lose(c)
{
	IF(state[c] == LIVE,
		state[c] = LOST_YET;
		holders[TETHER_OF(c)]--;
		IF(holders[TETHER_OF(c)] == 0 || WRONG_ONE_IS_ALL,
			holds(2, !LIVING(TETHER_OF(c)));
			lost[TETHER_OF(c)] = true;
			was_lost[TETHER_OF(c)] = true;
			panic_tick();
			trigger()))
}

inline tick()
{
	panic_tick();
	IF(first == 0 && !pending, trigger())
}

/* session_hold() of connection from */
inline hold()
{
	tick();
	if
	:: pending && HUNG_UP(from) && !WRONG_DEAD_RETURNS -> state[from] = LOST_YET
	:: else ->
		state[from] = LIVE;
		holders[TETHER_OF(from)]++;
		lost[TETHER_OF(from)] = false;
		first = NEVER;
		was_lost[TETHER_OF(from)] = was_lost[TETHER_OF(from)] &&
		    (used[from] || gone[from]);
		IF(pending && (!ordered || WRONG_RETURN_UNDOES) &&
		    (!ANY_LOST || WRONG_ONE_RETURN_ENDS),
			panic_ends())
	fi;
	used[from] = true
}

/*
 * The vault.
 */

/* alive_look(), alive_seen() */
inline look()
{
	EACH_CONN(IF(SEEN_NOT(i), lose(i)))
}

/* holder_drop_lost() */
inline drop_lost()
{
	EACH_CONN(IF(state[i] == LOST_YET,
		state[i] = DROPPED;
		shut[i] = shut[i] || !(WRONG_OLD_RETURNS || WRONG_SILENT_DROP);
		IF(!WRONG_SILENT_DROP && !HOSTILE, drops!i)))
}

#define UNTAKEN		(!TAKEN && !ANY_LOST && !(WRONG_RELEASED_FOR_GOOD && (used[0] || used[1])))

/* session_wait_for_guard(): there is always a secret */
inline wait_for_guard()
{
	IF(TAKEN || ANY_LOST, first = NEVER);
	IF(UNGUARDED && UNTAKEN && first == NEVER, first = FIRST)
}

/* holder_hold(), holder_take(): a peerid is used once */
inline vault_hold()
{
	IF(state[from] != FREE, finish(HARD));
	hold();
	look()
}

inline vault_cancel()
{
	IF(state[from] == FREE, finish(HARD));
	look();
	tick();
	IF(state[from] == LIVE && pending && (!ANY_LOST || WRONG_CANCEL_WHILE_LOST),
		holds(5, !gone[from]);
		order_told = false;
		panic_ends())
}

inline vault_lost()
{
	IF(state[from] == FREE, finish(HARD));
	lose(from);
	shut[from] = shut[from] || !WRONG_OLD_RETURNS;
	state[from] = FREE
}

/* holder_release(), session_release() of tether from */
inline vault_release()
{
	IF(!WRONG_RELEASE_UNSEEN, look());
	tick();
	IF(holders[from] > 0 || (lost[from] && WRONG_RELEASES_LOST),
		holds(6, !OVER(from));
		lost[from] = false;
		EACH_CONN(IF(TETHER_OF(i) == from && state[i] == LIVE,
			state[i] = LOST_YET));
		holders[from] = 0;
		IF(pending && WRONG_RELEASE_ENDS, panic_ends()))
}

/* vault_may_give(), session_gives() */
inline serve_get()
{
	look();
	tick();
	IF((GUARDED && !pending) || (WRONG_ANY_TETHER_GIVES &&
	    ((TAKEN && !pending) || (pending && !ordered && (LIVING(0) || LIVING(1))))),
		holds(3, FREELY))
}

inline vault_dispatch()
{
	if
	:: type == HOLD -> assert(WHEN_HOLD & IMSG_UNGUARDED); vault_hold()
	:: type == CANCEL -> assert(WHEN_CANCEL & IMSG_UNGUARDED); vault_cancel()
	:: type == LOST -> assert(WHEN_LOST & IMSG_UNGUARDED); vault_lost()
	:: type == RELEASE -> assert(WHEN_RELEASE & IMSG_UNGUARDED); vault_release()
	:: type == PANIC -> panic_order()
	:: type == GET -> serve_get()
	fi;
	drop_lost()
}

proctype vault()
{
	mtype	type;
	byte	from, i;
	byte	misses = MISSES;
	bool	readable;

	panic_init();
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
		:: len(n2v) == 0 && readable && net_dead -> finish(HARD)
		:: !readable || (len(n2v) == 0 && !net_dead)
		fi;
		type = 0;
		from = 0;
		readable = false;
		tick();
		IF(misses > 0,
			misses--;
			if
			:: true -> lose(0)
			:: true -> lose(1)
			:: true -> lose(2)
			:: true -> lose(3)
			:: true
			fi);
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
		IF(HOSTILE, run hostile());
		IF(!HOSTILE, run network());
		run client(0);
		run client(1);
		run client(2);
		run client(3);
		run time();
		IF(ORDERS > 0 || RELEASES > 0 || GETS > 0, run operator());
		IF(P == 1 || P == 7 || P == 8, run idle())
	}
}
