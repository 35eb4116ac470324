/* SPDX-License-Identifier: ISC */
/*
 * A model of clients, network and vault for spin(1).  model.sh checks each property in
 * every order of events, and that each is broken by changes that must break it.
 *
 * Modelled, function by function:
 *
 *	dazaid/panic.c		all but the order of the effects; -g 0 is like dry-run
 *	dazaid/session.c	the heartbeat; tethers.pml has the other tethers
 *	dazaid/vault.c		vault_turn() and what it calls for a heartbeat; the watch of
 *				the process in front; the handler of the hard signals,
 *				between any two steps
 *	dazaid/holder.c, alive.c	HELLO, PING, CANCEL, QUIT, LOST and the hangup
 *	dazaid/serve.c		serve_get(), serve_arm()
 *	dazaid/transfer.c	a GET: its first piece at once, the rest by turns, cut
 *	dazaid/effects.c	wipe, BYE, the end
 *	dazaid/network.c	heart_accept(), network_vault(), and the 10 s before HELLO
 *	dazaid/heart.c		all but the words
 *	dazaid/imsg.c		the table: model.sh makes when.h of it
 *
 * A client can do anything: it sends up to LINES lines in any order, and may hang up at
 * any time, with lines unread, or stay for good.  A line is the name of its message.  The
 * heartbeat's descriptor in the vault is the client's number; gone[] is what poll(2)
 * tells about it.  One event of network's, one message to the vault, and one turn's
 * deadlines are one step each: what a single-threaded process does between two system
 * calls that the others can notice.  Time is three countdowns, of a pending panic, of the
 * 100 ms after a hangup and of the PINGs, which step together at any time (see the
 * process time): slow machines are among the executions, clocks that stand still are not.
 *
 * Not modelled: who may connect (uid, SO_PEERCRED), the start, bytes and the length of
 * lines, how many PINGs one message stands for, channels, running out of slots
 * and descriptors, PUT, LIST and the rest of the control socket, the expiry of secrets,
 * registered and watched processes and their groups, last words, SIGTERM and the crash
 * signals, suspend, a vault that is stopped or killed.
 *
 * A hostile network is only checked for property 1.  As in the code, it can make a living
 * client a heartbeat, and send PING and CANCEL in its name: a panic can end so, but not in
 * the name of a client that hung up.  That QUIT is no panic (2) holds if network has the
 * time that it is given, PROMPT: the 100 ms in dry-run, the window when armed.
 *
 * Options: CLIENTS (the last is a STRANGER, which never says HELLO), LINES, TIMEOUT (there
 * is a PING deadline), SIGNALS (graceful triggers), HARD_SIGNAL, GETS, ARMS (by a
 * request), ARMED (from the start), FRONT (dazaid -- COMMAND, whose process in front is the
 * first client), and of network STOPS, DIES, HOSTILE.  P is the property whose assertions
 * are checked.  A change that must break a property is the name after "ifdef WRONG_".
 */
#include "when.h"
#ifdef WRONG_TABLE
#undef WHEN_QUIT
#define WHEN_QUIT	IMSG_GUARDED
#endif

#ifndef P
#define P		0
#endif
#ifndef CLIENTS
#define CLIENTS		2
#endif
#ifndef LINES
#define LINES		2
#endif
#ifndef SIGNALS
#define SIGNALS		0
#endif
#ifndef GETS
#define GETS		0
#endif

#define GRACE		2	/* countdowns, where they begin */
#define HANGUP		1
#define PINGS		2
#define NEVER		9
#define MESSAGES	2	/* VAULT_MESSAGES */
/* Messages in a socket: of the vault, more than an honest network leaves unread. */
#ifdef HOSTILE
#define ROOM		1
#else
#define ROOM		2
#endif
#define V2N_ROOM	4
#define NOBODY		CLIENTS
#ifdef STRANGER
#define IS_STRANGER(c)	(c == CLIENTS - 1)
#else
#define IS_STRANGER(c)	false
#endif

#define holds(property, what)	assert(P != property || (what))

/* All of enum imsg_type in dazaid/imsg.h; those with a WHEN_ are sent here. */
mtype = {
	CONFIG, LISTENER, WELCOME, PONG, CANCELLED, NOTHING_PENDING, BYE, DROP, ANSWER,
	REPORT, ENTRY, LOG, READY, SIGNAL, HELLO, PING, CANCEL, QUIT, LOST, STATUS, ARM, LIST,
	REGISTER, UNREGISTER, PUT, GET, DEL, PANIC, HOLDING, STILL_LOST, TETHER, EVENT, HOLD,
	WATCH, RELEASE, TETHERS, EVENTS
}

/*
 * The world: sockets and processes.
 */

#define NOT_YET		0	/* of conn[] */
#define BACKLOG		1	/* connected, not accepted */
#define OPEN		2
#define CLOSED		3	/* by network */

chan	sock[CLIENTS] = [LINES] of { mtype };	/* sent, not handled yet */
byte	conn[CLIENTS + 1];
bool	gone[CLIENTS + 1];		/* the client's end is closed */
chan	n2v = [ROOM] of { mtype, byte };
chan	v2n = [V2N_ROOM] of { mtype, byte };
chan	ctl = [1] of { mtype };		/* requests at the control socket */
byte	signals;			/* SIGUSR1 in the signalfd */
bool	front_gone;			/* the process in front has ended */
bool	dead;				/* the vault */
bool	net_dead;

/*
 * The state of network.
 */

byte	heart_current = NOBODY;
bool	heart_welcomed;
bool	asked[CLIENTS + 1];
bool	dropped[CLIENTS + 1];

/*
 * The state of the vault: struct vault, struct session, struct panic.
 */

byte	heartbeat = NOBODY;
byte	peer = NOBODY;
bool	lost_due;
bool	bye;
byte	hangup = NEVER;
bool	silent;
bool	armed;
bool	over;
bool	pending;
bool	ordered;		/* CANCEL alone ends the pending panic */
bool	guarded;
byte	due = NEVER;
byte	ping = NEVER;
byte	transfer;		/* pieces of a GET still to be sent */
#ifdef FRONT
bool	front = true;		/* the process in front is watched */
#else
bool	front;
#endif

/*
 * What only the properties need.
 */

#define ALIVE		0	/* of how */
#define EXECUTED	1
#define HARD		2
#define STOPPED		3

byte	how;
byte	fires;
bool	wiped;

/* Kept for one property alone; no part of the state while another is checked. */
#if P != 1
#define OF_1	hidden
#else
#define OF_1
#endif
#if P != 2
#define OF_2	hidden
#else
#define OF_2
#endif
#if P != 3
#define OF_3	hidden
#else
#define OF_3
#endif
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
#if P != 6
#define OF_6	hidden
#else
#define OF_6
#endif
#if P != 7
#define OF_7	hidden
#else
#define OF_7
#endif
#if P != 10
#define OF_10	hidden
#else
#define OF_10
#endif
OF_1 byte	owed;		/* a trigger that no entitled client has cancelled */
OF_2 byte	by = NOBODY;	/* the client whose loss the last trigger was */
OF_2 byte	greeted[CLIENTS + 1];	/* has said HELLO */
OF_2 byte	quit_said[CLIENTS + 1];	/* and then QUIT, in time */
OF_3 byte	told;		/* of a trigger, and of no cancel since */
OF_4 byte	bound = NEVER;	/* the first trigger's own countdown */
OF_5 byte	hello_said[CLIENTS + 1];
OF_5 byte	cancel_said[CLIENTS + 1];
OF_5 byte	refused[CLIENTS + 1];
OF_5 byte	order_told;	/* of an order, and of no CANCEL since */
OF_6 byte	alone;		/* the vault could see that network is dead */
OF_10 byte	front_guarded;	/* the first client has been the heartbeat */
OF_7 byte	moved;		/* the PING deadline, for the PONG that is due */
OF_7 byte	taken;		/* the HELLO, for the WELCOME that is due */
OF_7 byte	ended;		/* the panic, for the CANCELLED that is due */

#define HUNG_UP		(heartbeat != NOBODY && hangup == NEVER && gone[heartbeat])
#define DUE		(ping == 0 || (pending && due == 0) || hangup == 0)
#define GIVES		(guarded && !pending && !over && hangup == NEVER)

/*
 * Clients.
 */

#define IN_TIME		(how == ALIVE && ping != 0 && (!pending || due > 0))
/* A line before HELLO, or a second HELLO, has no effect: only P 5 checks it. */
#define ANY_LINE	(P == 5)
#define HEARD		((conn[me] == BACKLOG || conn[me] == OPEN) && !dropped[me])

proctype client(byte me)
{
	mtype	line;
	byte	said;

	/* The second client comes after the first: they are alike. */
	atomic { me == 0 || conn[me - 1] != NOT_YET -> conn[me] = BACKLOG };
end:	do
#ifndef HOSTILE		/* which does not read the lines */
	:: atomic { !dead && said < LINES && HEARD ->
		if
		:: !IS_STRANGER(me) && (ANY_LINE || said == 0) ->
			line = HELLO; hello_said[me] = true; greeted[me] = true
#ifdef TIMEOUT
		:: ANY_LINE || said > 0 -> line = PING
#endif
		:: ANY_LINE || said > 0 -> line = CANCEL; cancel_said[me] = true
		:: ANY_LINE || said > 0 ->
			line = QUIT;
			quit_said[me] = quit_said[me] ||
			    (greeted[me] && IN_TIME)
		fi;
		sock[me]!line;
		line = 0;
		said++
	   }
#endif
	:: atomic { !dead ->
		gone[me] = true;
		owed = owed || heartbeat == me;
		break
	   }
#if P == 1 || P == 6 || P >= 9
	:: break		/* stays for good; otherwise it may just never go on */
#endif
	od;
	said = 0
}

/* The process in front, which becomes the first client by execve(2). */
proctype front_process()
{
end:	atomic { !dead -> front_gone = true; gone[0] = true; owed = owed || heartbeat == 0 }
}

/*
 * Signals, and the clients of the control socket.
 */

proctype operator()
{
	byte	n = SIGNALS, gets = GETS;

end:	do
	:: atomic { n > 0 && !dead -> n--; signals++ }
	:: atomic { n > 0 && !dead && empty(ctl) -> n--; ctl!PANIC }
	:: atomic { gets > 0 && !dead && empty(ctl) -> gets--; ctl!GET }
#ifdef ARMS
	:: atomic { !armed && !dead && empty(ctl) -> ctl!ARM }
#endif
	od
}

/*
 * Time.  Free, it may run on at any moment.  PROMPT, it leaves both processes the time
 * that the code means them to have: it waits until all that was said has been seen to;
 * armed, only the window of a pending panic waits.
 */

#define CLIENT_READY(c)	(conn[c] == OPEN && !asked[c] && \
			(len(sock[c]) > 0 || gone[c] || dropped[c]))
#define TO_SEE(c)	(conn[c] == BACKLOG || CLIENT_READY(c))
#define UNTOLD		(heartbeat != NOBODY && !guarded)
#if CLIENTS == 3
#define QUIET		(!UNTOLD && len(n2v) == 0 && len(v2n) == 0 && !HUNG_UP && \
			!TO_SEE(0) && !TO_SEE(1) && !TO_SEE(2))
#else
#define QUIET		(!UNTOLD && len(n2v) == 0 && len(v2n) == 0 && !HUNG_UP && \
			!TO_SEE(0) && !TO_SEE(1))
#endif
#ifdef PROMPT
#define WINDOW_RUNS	QUIET
#define OTHERS_RUN	(armed || QUIET)
#else
#define WINDOW_RUNS	(P != 9)	/* there, a return is always in time */
#define OTHERS_RUN	true
#endif
#define RUNS(countdown)	(countdown != NEVER && countdown > 0)

proctype time()
{
	bool	window, others;

end:	do
	:: atomic { !over &&
	    ((WINDOW_RUNS && (RUNS(due) || BOUND_RUNS)) ||
	    (OTHERS_RUN && (RUNS(ping) || RUNS(hangup)))) ->
		window = WINDOW_RUNS;
		others = OTHERS_RUN;
		if
		:: window && RUNS(due) -> due--
		:: else
		fi;
		if
		:: window && BOUND_RUNS -> bound--
		:: else
		fi;
		if
		:: others && RUNS(ping) -> ping--
		:: else
		fi;
		if
		:: others && RUNS(hangup) -> hangup--
		:: else
		fi;
		window = false;
		others = false
	   }
	od
}

/*
 * Network.
 */

#define NOBODY_YET(c)	(conn[c] == OPEN && c != heart_current && !asked[c])

/* close(2): the lines of the client are lost, also future ones */
inline net_close(c)
{
	conn[c] = CLOSED;
	asked[c] = false;
	dropped[c] = false;
	do
	:: sock[c]?line
	:: empty(sock[c]) -> break
	od;
	line = 0
}

/* heart_close() */
inline heart_close(c)
{
	if
	:: c == heart_current ->
		n2v!LOST, c;
		heart_current = NOBODY;
		heart_welcomed = false
	:: else
	fi;
	net_close(c)
}

/* heart_refuse(c, "BUSY\n") */
inline heart_busy(c)
{
	refused[c] = true;
	net_close(c)
}

inline heart_asks(type, c)
{
	asked[c] = true;
	n2v!type, c
}

/* heart_line(), heart_hello(), heart_pings() */
inline heart_line(c)
{
	if
	:: dropped[c] && line != QUIT
	:: else ->
		if
		:: line == HELLO ->
			if
			:: c == heart_current
			:: c != heart_current && heart_current != NOBODY -> heart_busy(c)
			:: heart_current == NOBODY ->
				heart_asks(HELLO, c);
				heart_current = c
			fi
		:: line == CANCEL && c != heart_current
#ifdef WRONG_REFUSED_CANCELS
			if
			:: heart_current != NOBODY && heart_welcomed && !asked[heart_current] ->
				heart_asks(CANCEL, heart_current)
			:: else
			fi
#endif
		:: line != HELLO && line != CANCEL && c != heart_current
		:: line == PING && c == heart_current ->
			heart_asks(PING, c);
#ifdef WRONG_EARLY_PONG
			holds(7, moved)
#endif
		:: line == CANCEL && c == heart_current -> heart_asks(CANCEL, c)
		:: line == QUIT && c == heart_current -> heart_asks(QUIT, c)
		fi
	fi;
	line = 0
}

/* heart_ready(): a line, or the end.  It is taken when the vault has been told. */
inline heart_ready(c)
{
	if
	:: sock[c]?line -> heart_line(c)
	:: empty(sock[c]) -> heart_close(c)
	fi
}

/* heart_accept(): the heartbeat may have hung up since poll(2) */
inline newcomer(c)
{
	if
	:: heart_current != NOBODY && CLIENT_READY(heart_current) ->
		from = heart_current;
		heart_ready(from);
		from = 0
	:: else
	fi;
	if
	:: heart_current != NOBODY ->
#ifdef WRONG_REFUSED_CANCELS
		refused[c] = true;
		conn[c] = OPEN
#else
		heart_busy(c)
#endif
	:: else ->
		conn[c] = OPEN
#ifdef WRONG_BARE_CANCELS
		;
		heart_asks(HELLO, c);
		heart_current = c
#endif
	fi
}

/* heart_welcome(): everybody else is refused */
inline heart_welcome(c)
{
	holds(7, taken);
	taken = false;
	heart_welcomed = true;
	i = 0;
	do
	:: i < CLIENTS ->
		if
		:: i != c && conn[i] == OPEN -> heart_busy(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

/* heart_drop(): looks for a QUIT */
inline heart_drop(c)
{
	dropped[c] = true;
#ifdef WRONG_DROP_FORGETS_QUIT
	do
	:: sock[c]?line
	:: empty(sock[c]) -> break
	od;
#endif
	do
	:: conn[c] == OPEN && !asked[c] -> heart_ready(c)
	:: else -> break
	od
}

/* heart_reply() */
inline heart_reply(c)
{
	asked[c] = false;
	if
	:: type == WELCOME -> heart_welcome(c)
	:: type == PONG -> holds(7, moved); moved = false
	:: type == CANCELLED -> holds(7, ended); ended = false
	:: type == NOTHING_PENDING
	:: type == BYE -> holds(7, wiped); goto exit
	:: type == DROP -> heart_drop(c)
	fi
}

/* network_vault(): what the table allows */
inline network_vault()
{
	v2n?type, from;
	assert(type != WELCOME || !heart_welcomed);
	if
	:: heart_current != NOBODY && from == heart_current -> heart_reply(from)
	:: else
	fi;
	type = 0;
	from = 0
}

#ifdef WRONG_TAKES_FIRST
#define LINES_OF(c) \
	:: atomic { !dead && CLIENT_READY(c) && nempty(sock[c]) -> sock[c]?line }; \
	   atomic { nfull(n2v) -> heart_line(c) }
#else
#define LINES_OF(c)
#endif
#define EVENTS_OF(c) \
	LINES_OF(c) \
	:: atomic { !dead && CLIENT_READY(c) && nfull(n2v) -> heart_ready(c) } \
	:: atomic { !dead && conn[c] == BACKLOG && nfull(n2v) -> newcomer(c) } \
	:: atomic { !dead && NOBODY_YET(c) && nfull(n2v) -> heart_close(c) }

proctype network()
{
	mtype	line, type;
	byte	from, i;

end:	do
	:: atomic { nempty(v2n) && nfull(n2v) -> network_vault() }
	:: dead && empty(v2n) -> goto exit
	EVENTS_OF(0)
	EVENTS_OF(1)
#if CLIENTS == 3
	EVENTS_OF(2)
#endif
	:: atomic { !dead && nempty(ctl) && nfull(n2v) -> ctl?line; n2v!line, NOBODY; line = 0 }
#ifdef STOPS
	:: !dead -> break
#endif
#ifdef DIES
	:: !dead -> goto exit
#endif
	od;
end_stopped:
	false;
exit:	net_dead = true
}

/*
 * Network taken over: says whatever it likes in any order, with whatever descriptor of
 * a client's it ever had.
 */
proctype hostile()
{
	byte	c;

end:	do
	:: atomic { !dead && nfull(n2v) ->
		if
		:: conn[0] != NOT_YET -> c = 0
		:: conn[1] != NOT_YET -> c = 1
#if CLIENTS == 3
		:: conn[2] != NOT_YET -> c = 2
#endif
		fi;
		if
		:: n2v!HELLO, c
		:: n2v!PING, c
		:: n2v!CANCEL, c
		:: n2v!QUIT, c
		:: n2v!LOST, c
		:: n2v!PANIC, NOBODY
		:: n2v!STATUS, NOBODY
		:: n2v!READY, NOBODY
		fi;
		c = 0
	   }
	:: !dead -> break
	:: goto exit
	od;
end_stopped:
	false;
exit:	net_dead = true
}

/*
 * The panic controller.  What ends the vault does not return; now is always now.
 */

inline finish(end)
{
	how = end;
	goto execute
}

/* panic_trigger(), panic_tick() done */
inline trigger()
{
	owed = true;
	told = true;
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
	:: !pending && !armed -> finish(EXECUTED)
	fi
}

inline panic_tick()
{
	if
	:: pending && due == 0 -> finish(EXECUTED)
	:: else
	fi
}

/* session_lose(), panic_tick() done */
inline lose(whose)
{
	if
	:: guarded ->
		guarded = false;
		ping = NEVER;
		by = whose;
		trigger()
	:: else
	fi
}

/* panic_order() */
inline order()
{
	panic_tick();
	by = NOBODY;
	order_told = true;
	trigger();
	ordered = true
}

/* session_tick() */
inline tick()
{
	panic_tick();
	if
	:: ping == 0 -> lose(heartbeat)
	:: else
	fi
}

/* panic_end_pending(), on the word of the client who */
inline panic_ends(who)
{
	holds(1, bound > 0);
	holds(5, hello_said[who] && !refused[who]);
	pending = false;
	ordered = false;
	due = NEVER;
	told = false;
	bound = NEVER;
	owed = owed && gone[who]
}

/* session_hold() */
inline hold(who)
{
	tick();
	guarded = true;
#ifdef TIMEOUT
	ping = PINGS;
#endif
	if
#ifdef WRONG_RETURN_UNDOES
	:: pending ->
#else
	:: pending && !ordered ->
#endif
		holds(5, !order_told);
		panic_ends(who)
	:: else
	fi
}

/*
 * The vault.
 */

#define IMSG_STATE_NOW	(heartbeat != NOBODY -> IMSG_GUARDED : \
			(lost_due -> IMSG_DROPPED : IMSG_UNGUARDED))

/* vault_notify(): never blocks */
inline vault_say(what)
{
	if
#ifdef HOSTILE		/* it may read or not */
	:: !net_dead
	:: finish(HARD)
#else
	:: net_dead || len(v2n) == V2N_ROOM ->
		holds(9, net_dead);
		finish(HARD)
	:: else -> v2n!what, peer
#endif
	fi
}

inline vault_gone()
{
	was = heartbeat;
	heartbeat = NOBODY;
	hangup = NEVER;
	silent = false;
	panic_tick();
	lose(was);
	was = 0
}

inline vault_drop()
{
	lost_due = true;
	vault_gone();
#ifndef WRONG_SILENT_DROP
	vault_say(DROP)
#endif
}

/*
 * vault_hung_up(): with nothing unread no more will come, once what has come was seen to;
 * but network may have told of a line and not have taken it yet.
 */
inline vault_hung_up()
{
	hangup = HANGUP;
	if
	:: empty(sock[heartbeat]) -> silent = true
	:: true
	fi
}

/* alive_look(): the kernel's word of this moment */
inline vault_too_late()
{
	late = false;
#ifndef WRONG_DEAD_CANCELS
	if
	:: HUNG_UP -> vault_hung_up()
	:: else
	fi;
	if
	:: hangup != NEVER && pending -> vault_drop(); late = true
	:: else
	fi
#endif
}

/* the end of the process in front is from now on the loss of its heartbeat */
inline vault_front_guarded()
{
	front_guarded = front_guarded || from == 0;
#ifdef WRONG_ANY_GUARDS
	front = false;
#endif
#ifndef WRONG_FRONT_STAYS
	front = front && from != 0;
#endif
	skip
}

inline vault_hello()
{
	heartbeat = from;
	peer = from;
	owed = owed || gone[from];
	vault_too_late();
	if
	:: !late ->
		hold(from);
		taken = true;
		vault_say(WELCOME)
	:: else
	fi;
	vault_front_guarded()
}

/* holder_message() */
inline vault_ping()
{
	tick();
	if
	:: guarded ->
#ifdef TIMEOUT
		ping = PINGS;
#endif
		moved = true;
		vault_say(PONG)
	:: else ->
#ifdef WRONG_PONG_ANYHOW
		vault_say(PONG)
#else
		skip
#endif
	fi
}

inline vault_cancel()
{
	vault_too_late();
	if
	:: late
	:: else ->
#ifndef WRONG_LATE_CANCEL
		tick();
#endif
		if
		:: guarded && pending ->
			holds(5, cancel_said[from]);
			order_told = false;
			panic_ends(from);
			ended = true;
			vault_say(CANCELLED)
		:: guarded && !pending -> vault_say(NOTHING_PENDING)
		:: !guarded
		fi
	fi
}

inline vault_peer()
{
	if
	:: from != peer -> finish(HARD)
	:: else
	fi;
	if
	:: type == PING -> vault_ping()
	:: type == CANCEL -> vault_cancel()
	:: type == QUIT -> bye = true; finish(STOPPED)
	:: type == LOST -> lost_due = false; vault_gone()
	fi
}

#define CALM	(!told && !pending && hangup == NEVER && ping != 0)

/* serve_get(), transfer_get() */
inline serve_get()
{
#ifndef WRONG_GET_UNTICKED
	tick();
#endif
	if
#ifdef WRONG_GIVES_HUNG_UP
	:: guarded && !pending ->
#else
	:: GIVES ->
#endif
		holds(3, CALM);
		transfer = 1
	:: else
	fi
}

#define MAY_COME(type) \
	((type == HELLO && (WHEN_HELLO & IMSG_STATE_NOW)) || \
	(type == PING && (WHEN_PING & IMSG_STATE_NOW)) || \
	(type == CANCEL && (WHEN_CANCEL & IMSG_STATE_NOW)) || \
	(type == QUIT && (WHEN_QUIT & IMSG_STATE_NOW)) || \
	(type == LOST && (WHEN_LOST & IMSG_STATE_NOW)) || \
	(type == PANIC && (WHEN_PANIC & IMSG_STATE_NOW)) || \
	(type == ARM && (WHEN_ARM & IMSG_STATE_NOW)) || \
	(type == STATUS && (WHEN_STATUS & IMSG_STATE_NOW)) || \
	(type == READY && (WHEN_READY & IMSG_STATE_NOW)) || \
	(type == GET && (WHEN_GET & IMSG_STATE_NOW)))

/* vault_dispatch() of a message that imsg_recv() accepted */
inline vault_dispatch()
{
	if
	:: !MAY_COME(type) -> finish(HARD)
	:: else
	fi;
	if
	:: type == HELLO -> vault_hello()
	:: type == PANIC -> order()
	:: type == GET -> serve_get()
	:: type == ARM -> armed = true
	:: type == STATUS
	:: type == READY -> finish(HARD)
	:: type == PING || type == CANCEL || type == QUIT || type == LOST ->
		vault_peer()
	fi;
	type = 0;
	from = 0;
	late = false
}

/* the end of vault_turn() */
inline vault_deadlines()
{
	if
	:: front && front_ended -> finish(STOPPED)
	:: else
	fi;
	front_ended = false;
	tick();
	if
	:: !guarded && heartbeat != NOBODY -> vault_drop()
#ifndef WRONG_NO_BACKSTOP
	:: guarded && hangup == 0 -> vault_drop()
#endif
	:: else
	fi;
	if
#ifndef WRONG_GETS_GO_ON
	:: !GIVES -> transfer = 0
#endif
	:: else
	fi;
	if
	:: transfer > 0 -> holds(3, CALM); transfer--
	:: true
	fi
}

inline hangup_noted()
{
	if
	:: HUNG_UP ->
		vault_hung_up();
#ifdef WRONG_ACTS_AT_ONCE
		vault_drop()
#endif
	:: else
	fi
}

#ifdef WRONG_FRONT_IGNORED
#define FRONT_ENDED	false
#else
#define FRONT_ENDED	(front && front_gone)
#endif

proctype vault()
{
	mtype	type;
	byte	from, was, k;
	bool	late, readable, front_ended;

	if
	:: armed = true
#ifndef ARMED
	:: skip
#endif
	fi;
	/* vault_turn(): ppoll(2), the heartbeat's hangup, signals */
end:	do
	:: atomic { dead || HUNG_UP || signals > 0 || nempty(n2v) || net_dead || DUE ||
	    transfer > 0 || FRONT_ENDED ->
		if
		:: dead -> goto out
		:: else
		fi;
		alone = net_dead && empty(n2v) && signals == 0;
		readable = nempty(n2v) || net_dead;
		front_ended = FRONT_ENDED;
		hangup_noted();
		if
		:: signals > 0 -> signals = 0; order()
		:: else
		fi
	   };
	/* vault_network() */
	do
	:: atomic { !dead && (readable || silent) &&
	    k < MESSAGES &&
	    (nempty(n2v) || net_dead) ->
#ifndef WRONG_ENDLESS_READ
		k++;
#endif
		if
		:: n2v?type, from -> vault_dispatch()
		:: empty(n2v) ->
#ifdef WRONG_GRACEFUL_DEATH
			order(); k = MESSAGES
#else
			finish(HARD)
#endif
		fi
	   }
	:: atomic { dead || !(readable || silent) || k == MESSAGES ||
	    (empty(n2v) && !net_dead) ->
		if
		:: silent && k < MESSAGES -> hangup = 0
		:: else
		fi;
		k = 0;
		readable = false;
		if
		:: dead -> goto out
		:: else
		fi;
		vault_deadlines();
		break
	   }
	od
	od;

	/* panic_execute(): the handler may come between any two */
execute:
	atomic {
		if
		:: dead -> goto out
		:: else
		fi;
		holds(2, how == STOPPED || !quit_said[by]);
		holds(2, how != HARD || net_dead);
		holds(10, how != STOPPED || bye || !front_guarded)
	}
#ifndef WRONG_LATE_OVER
	atomic {
		if
		:: dead -> goto out
		:: else -> over = true
		fi
	}
#endif
	atomic {
		if
		:: dead -> goto out
		:: else ->
			fires++;
			wiped = true;
			holds(8, fires == 1)
		fi
	}
#ifdef WRONG_LATE_OVER
	over = true;
#endif
	/* effects_done(): BYE; network has all of the time that it needs, or none */
	atomic {
		if
		:: !dead && bye && how == STOPPED && !net_dead && len(v2n) < V2N_ROOM ->
			v2n!BYE, peer
		:: else
		fi
	}
	dead = true;
out:	transfer = 0
}

/* SIGUSR2: vault_on_hard(), which interrupts whatever the vault does */
proctype handler()
{
end:	atomic { !dead ->
		if
		:: over
		:: else ->
			over = true;
			fires++;
			wiped = true;
			how = HARD;
			holds(8, fires == 1);
			dead = true
		fi
	}
}

/* When nothing can happen, no client waits for an answer and no hangup is unseen. */
#define WAITS(c)	(asked[c] || (gone[c] && (conn[c] == OPEN || conn[c] == BACKLOG)))
proctype idle()
{
end:	timeout;
	holds(9, dead || (!lost_due && hangup == NEVER && !gone[heartbeat] &&
	    heartbeat == heart_current && !WAITS(0) && !WAITS(1)));
	holds(10, dead || front_guarded || !front_gone)
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
#if CLIENTS == 3
		run client(2);
#endif
		run time();
#if SIGNALS > 0 || GETS > 0 || defined(ARMS)
		run operator();
#endif
#ifdef HARD_SIGNAL
		run handler();
#endif
#ifdef FRONT
		run front_process();
#endif
#if P >= 9
		run idle()
#endif
	}
}

#if P == 1
ltl p1 { []<> (!owed || wiped) }
#elif P == 4
ltl p4 { [] (!pending || due <= bound) }
#elif P == 6
ltl p6 { [] (net_dead -> <> wiped) && [] (alone -> <> (how == HARD)) }
#endif
