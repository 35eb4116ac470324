/* SPDX-License-Identifier: ISC */
/*
 * The vault of dazai.pml: the heartbeat's part of struct session, and the loop.
 */

/* panic_trigger(), panic_tick() is done */
inline trigger()
{
	owed = true;
	told = true;
	panic_trigger()
}

inline order()
{
	by = NOBODY;
	panic_order()
}

/* session_lose(), panic_tick() is done */
inline lose(whose)
{
	IF(guarded,
		guarded = false;
		ping = NEVER;
		by = whose;
		trigger())
}

/* session_tick() */
inline tick()
{
	panic_tick();
	IF(ping == 0, lose(heartbeat))
}

/* panic_end_pending(), on the word of the client who */
inline panic_ends(who)
{
	holds(5, hello_said[who] && !refused[who]);
	panic_end_pending();
	told = false;
	owed = owed && gone[who]
}

/* session_hold() */
inline hold(who)
{
	tick();
	guarded = true;
	IF(TIMEOUT, ping = PINGS);
	IF(pending && (!ordered || WRONG_RETURN_UNDOES),
		holds(5, !order_told);
		panic_ends(who))
}

#define IMSG_STATE_NOW	(heartbeat != NOBODY -> IMSG_GUARDED : \
			(lost_due -> IMSG_DROPPED : IMSG_UNGUARDED))

/* vault_notify(): never blocks.  A hostile network may read or not. */
inline vault_say(what)
{
	if
	:: HOSTILE && !net_dead
	:: HOSTILE -> finish(HARD)
	:: !HOSTILE && (net_dead || len(v2n) == V2N_ROOM) ->
		holds(9, net_dead);
		finish(HARD)
	:: !HOSTILE && !(net_dead || len(v2n) == V2N_ROOM) -> v2n!what, peer
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
	IF(!WRONG_SILENT_DROP, vault_say(DROP))
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
	IF(!WRONG_DEAD_CANCELS,
		IF(HUNG_UP, vault_hung_up());
		IF(hangup != NEVER && pending, vault_drop(); late = true))
}

/* HELLO of the first client stands for HELLO and the WATCH of the process in front. */
inline vault_front_guarded()
{
	front_guarded = front_guarded || from == 0;
	front = front && !WRONG_ANY_GUARDS && (from != 0 || WRONG_FRONT_STAYS)
}

inline vault_hello()
{
	heartbeat = from;
	peer = from;
	owed = owed || gone[from];
	vault_too_late();
	IF(!late,
		hold(from);
		taken = true;
		vault_say(WELCOME));
	vault_front_guarded()
}

/* holder_message() */
inline vault_ping()
{
	tick();
	IF(guarded,
		IF(TIMEOUT, ping = PINGS);
		moved = true);
	IF(guarded || WRONG_PONG_ANYHOW, vault_say(PONG))
}

inline vault_cancel()
{
	vault_too_late();
	if
	:: late
	:: else ->
		IF(!WRONG_LATE_CANCEL, tick());
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
	IF(from != peer, finish(HARD));
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
	IF(!WRONG_GET_UNTICKED, tick());
	IF(GIVES || (WRONG_GIVES_HUNG_UP && guarded && !pending),
		holds(3, CALM);
		transfer = 1)
}

#define MAY(message)	(type == message && (WHEN_##message & IMSG_STATE_NOW))
#define MAY_COME	(MAY(HELLO) || MAY(PING) || MAY(CANCEL) || MAY(QUIT) || MAY(LOST) || \
			MAY(PANIC) || MAY(ARM) || MAY(STATUS) || MAY(READY) || MAY(GET))

/* vault_dispatch() of a message that imsg_recv() accepted */
inline vault_dispatch()
{
	IF(!MAY_COME || (WRONG_TABLE && type == QUIT && lost_due && heartbeat == NOBODY),
		finish(HARD));
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
	IF(front && front_ended, finish(STOPPED));
	front_ended = false;
	tick();
	IF((!guarded && heartbeat != NOBODY) ||
	    (guarded && hangup == 0 && !WRONG_NO_BACKSTOP),
		vault_drop());
	IF(!GIVES && !WRONG_GETS_GO_ON, transfer = 0);
	if
	:: transfer > 0 -> holds(3, CALM); transfer--
	:: true
	fi
}

#define FRONT_ENDED	(front && front_gone && !WRONG_FRONT_IGNORED)
#define WAKES		(HUNG_UP || signals > 0 || nempty(n2v) || net_dead || DUE || \
			transfer > 0 || FRONT_ENDED)

proctype vault()
{
	mtype	type;
	byte	from, was, k;
	bool	late, readable, front_ended;

	panic_init();
	/* vault_turn(): ppoll(2), the heartbeat's hangup, signals */
end:	do
	:: atomic { dead || WAKES ->
		IF(dead, goto out);
		alone = net_dead && empty(n2v) && signals == 0;
		readable = nempty(n2v) || net_dead;
		front_ended = FRONT_ENDED;
		IF(HUNG_UP,
			vault_hung_up();
			IF(WRONG_ACTS_AT_ONCE, vault_drop()));
		IF(signals > 0, signals = 0; order())
	   };
	/* vault_network() */
	do
	:: atomic { !dead && (readable || silent) && k < MESSAGES &&
	    (nempty(n2v) || net_dead) ->
		k = k + !WRONG_ENDLESS_READ;
		if
		:: n2v?type, from -> vault_dispatch()
		:: empty(n2v) && WRONG_GRACEFUL_DEATH -> order(); k = MESSAGES
		:: empty(n2v) && !WRONG_GRACEFUL_DEATH -> finish(HARD)
		fi
	   }
	:: atomic { dead || !(readable || silent) || k == MESSAGES ||
	    (empty(n2v) && !net_dead) ->
		IF(silent && k < MESSAGES, hangup = 0);
		k = 0;
		readable = false;
		IF(dead, goto out);
		vault_deadlines();
		break
	   }
	od
	od;

	/* panic_execute(): the handler may come between any two */
execute:
	atomic {
		IF(dead, goto out);
		holds(2, how == STOPPED || !quit_said[by]);
		holds(2, how != HARD || net_dead);
		holds(10, how != STOPPED || bye || !front_guarded)
	}
	atomic { IF(dead, goto out); over = over || !WRONG_LATE_OVER }
	atomic { IF(dead, goto out); wipe() }
	over = true;
	/* effects_done(): BYE; network has all of the time that it needs, or none */
	atomic {
		IF(!dead && bye && how == STOPPED && !net_dead && len(v2n) < V2N_ROOM,
			v2n!BYE, peer)
	}
	dead = true;
out:	transfer = 0
}
