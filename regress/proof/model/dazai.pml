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
 *	dazaid/imsg.c		the table: model.sh makes flags.h of it
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
 * Options: THIRD (there is a third client), STRANGER (which never says HELLO), LINES, TIMEOUT
 * (there is a PING deadline), SIGNALS (graceful triggers), HARD_SIGNAL, GETS, ARMS (by a
 * request), ARMED (from the start), FRONT (dazaid -- COMMAND, whose process in front is the
 * first client), and of network STOPS, DIES, HOSTILE.  P is the property whose assertions
 * are checked.  A change that must break a property is a name that begins with WRONG_.
 */
#include "panic.pml"

#define CLIENTS		3
#define HANGUP		1	/* countdowns, where they begin */
#define PINGS		2
#define MESSAGES	2	/* VAULT_MESSAGES */
/* Messages in a socket: of the vault, more than an honest network leaves unread. */
#define ROOM		(2 - HOSTILE)
#define V2N_ROOM	4
#define NOBODY		CLIENTS
#define IS_STRANGER(c)	(STRANGER && c == CLIENTS - 1)

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
bool	over;
bool	guarded;
byte	ping = NEVER;
byte	transfer;		/* pieces of a GET still to be sent */
bool	front = FRONT;		/* the process in front is watched */

/*
 * What only the properties need.
 */

byte	fires;
OF_1 byte	owed;		/* a trigger that no entitled client has cancelled */
OF_2 byte	by = NOBODY;	/* the client whose loss the last trigger was */
OF_2 byte	greeted[CLIENTS + 1];	/* has said HELLO */
OF_2 byte	quit_said[CLIENTS + 1];	/* and then QUIT, in time */
OF_3 byte	told;		/* of a trigger, and of no cancel since */
OF_5 byte	hello_said[CLIENTS + 1];
OF_5 byte	cancel_said[CLIENTS + 1];
OF_5 byte	refused[CLIENTS + 1];
OF_6 byte	alone;		/* the vault could see that network is dead */
OF_7 byte	moved;		/* the PING deadline, for the PONG that is due */
OF_7 byte	taken;		/* the HELLO, for the WELCOME that is due */
OF_7 byte	ended;		/* the panic, for the CANCELLED that is due */
OF_10 byte	front_guarded;	/* the first client has been the heartbeat */

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
	/* A hostile network does not read the lines. */
	:: atomic { !HOSTILE && !dead && said < LINES && HEARD ->
		if
		:: !IS_STRANGER(me) && (ANY_LINE || said == 0) ->
			line = HELLO; hello_said[me] = true; greeted[me] = true
		:: TIMEOUT && (ANY_LINE || said > 0) -> line = PING
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
	:: atomic { !dead ->
		gone[me] = true;
		owed = owed || heartbeat == me;
		break
	   }
	/* It stays for good.  Other properties need no end: it may just never go on. */
	:: P == 1 || P == 6 || P >= 9 -> break
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
	:: atomic { ARMS && !armed && !dead && empty(ctl) -> ctl!ARM }
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
#define QUIET		(!UNTOLD && len(n2v) == 0 && len(v2n) == 0 && !HUNG_UP && \
			!TO_SEE(0) && !TO_SEE(1) && !TO_SEE(2))
#define WINDOW_RUNS	(PROMPT -> QUIET : P != 9) /* in 9 a return is always in time */
#define OTHERS_RUN	(!PROMPT || armed || QUIET)

proctype time()
{
end:	do
	:: atomic { !over &&
	    ((WINDOW_RUNS && (RUNS(due) || BOUND_RUNS)) ||
	    (OTHERS_RUN && (RUNS(ping) || RUNS(hangup)))) ->
		STEP(WINDOW_RUNS, due);
		IF(WINDOW_RUNS && BOUND_RUNS, bound--);
		STEP(OTHERS_RUN, ping);
		STEP(OTHERS_RUN, hangup)
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
	IF(c == heart_current,
		n2v!LOST, c;
		heart_current = NOBODY;
		heart_welcomed = false);
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
		:: line == CANCEL && c != heart_current ->
			IF(WRONG_REFUSED_CANCELS && heart_current != NOBODY &&
			    heart_welcomed && !asked[heart_current],
				heart_asks(CANCEL, heart_current))
		:: line != HELLO && line != CANCEL && c != heart_current
		:: line == PING && c == heart_current ->
			heart_asks(PING, c);
			holds(7, !WRONG_EARLY_PONG || moved)
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
	IF(heart_current != NOBODY && CLIENT_READY(heart_current),
		from = heart_current;
		heart_ready(from);
		from = 0);
	if
	:: heart_current != NOBODY && WRONG_REFUSED_CANCELS ->
		refused[c] = true;
		conn[c] = OPEN
	:: heart_current != NOBODY && !WRONG_REFUSED_CANCELS -> heart_busy(c)
	:: else ->
		conn[c] = OPEN;
		IF(WRONG_BARE_CANCELS, heart_asks(HELLO, c); heart_current = c)
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
		IF(i != c && conn[i] == OPEN, heart_busy(i));
		i++
	:: else -> break
	od;
	i = 0
}

/* heart_drop(): looks for a QUIT */
inline heart_drop(c)
{
	dropped[c] = true;
	do
	:: WRONG_DROP_FORGETS_QUIT && nempty(sock[c]) -> sock[c]?line
	:: else -> break
	od;
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
	IF(heart_current != NOBODY && from == heart_current, heart_reply(from));
	type = 0;
	from = 0
}

#define EVENTS_OF(c) \
	:: atomic { WRONG_TAKES_FIRST && !dead && CLIENT_READY(c) && nempty(sock[c]) -> \
		sock[c]?line }; \
	   atomic { nfull(n2v) -> heart_line(c) } \
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
	EVENTS_OF(2)
	:: atomic { !dead && nempty(ctl) && nfull(n2v) -> ctl?line; n2v!line, NOBODY; line = 0 }
	:: STOPS && !dead -> break
	:: DIES && !dead -> goto exit
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
		:: conn[2] != NOT_YET -> c = 2
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

inline wipe()
{
	fires++;
	wiped = true;
	holds(8, fires == 1)
}

#include "vault.pml"

/* SIGUSR2: vault_on_hard(), which interrupts whatever the vault does */
proctype handler()
{
end:	atomic { !dead ->
		IF(!over,
			over = true;
			how = HARD;
			wipe();
			dead = true)
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
		IF(HOSTILE, run hostile());
		IF(!HOSTILE, run network());
		run client(0);
		run client(1);
		IF(THIRD, run client(2));
		run time();
		IF(SIGNALS > 0 || GETS > 0 || ARMS, run operator());
		IF(HARD_SIGNAL, run handler());
		IF(FRONT, run front_process());
		IF(P >= 9, run idle())
	}
}

#if P == 1
ltl p1 { []<> (!owed || wiped) }
#elif P == 6
ltl p6 { [] (net_dead -> <> wiped) && [] (alone -> <> (how == HARD)) }
#endif
