/* SPDX-License-Identifier: ISC */
/*
 * The words and the panic controller of both models, dazai.pml and tethers.pml.
 *
 * model.sh makes flags.h.  It has the table of dazaid/imsg.c, as WHEN_HELLO and so on;
 * 0 for each change WRONG_X, and for each option, that is not asked for; and "hidden" for
 * each OF_N but that of the property P: what only property N needs is no part of the
 * state while another is checked.
 */
#include "flags.h"

#define holds(property, what)	assert(P != property || (what))
#define IF(condition, ...)	if :: condition -> __VA_ARGS__ :: else fi

/* Countdowns. */
#define GRACE			2	/* where that of a pending panic begins */
#define NEVER			9
#define RUNS(countdown)		(countdown != NEVER && countdown > 0)
#define STEP(when, countdown)	IF((when) && RUNS(countdown), countdown--)
#if P == 1 || P == 4
#define OF_BOUND
#define BOUND_RUNS		RUNS(bound)
#else
#define OF_BOUND		hidden
#define BOUND_RUNS		false
#endif

/* How the vault ends. */
#define ALIVE			0
#define EXECUTED		1
#define HARD			2
#define STOPPED			3

/* The vault: struct panic. */
byte	how;
bool	armed;
bool	pending;
bool	ordered;		/* CANCEL alone ends the pending panic */
byte	due = NEVER;
bool	wiped;
bool	dead;

OF_BOUND byte	bound = NEVER;	/* the first trigger's own countdown */
OF_5 byte	order_told;	/* of an order, and of no CANCEL since */

/* ARMED: from the start; otherwise perhaps. */
inline panic_init()
{
	if
	:: armed = true
	:: !ARMED
	fi
}

/* What ends the vault does not return; now is always now. */
inline finish(end)
{
	how = end;
	goto execute
}

inline panic_tick()
{
	IF(pending && due == 0, finish(EXECUTED))
}

/* panic_tick() is done */
inline panic_trigger()
{
	IF(bound == NEVER, bound = GRACE);
	if
	:: pending -> IF(WRONG_SECOND_MOVES, due = GRACE)
	:: !pending && armed -> pending = true; due = GRACE
	:: else -> finish(EXECUTED)
	fi;
	holds(4, due <= bound)
}

inline panic_order()
{
	panic_tick();
	order_told = true;
	trigger();
	ordered = true
}

inline panic_end_pending()
{
	holds(1, bound > 0);
	pending = false;
	ordered = false;
	due = NEVER;
	bound = NEVER
}
