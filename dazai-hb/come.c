/* SPDX-License-Identifier: ISC */
/*
 * Decides when to connect to the daemon, and to connect again, and asks it for
 * STATUS before anything else.
 */
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "come.h"
#include "guard.h"
#include "heartbeat.h"
#include "hold.h"
#include "ping.h"
#include "sockpath.h"
#include "wire.h"

#define COME_RETRY_MS 50 /* between attempts to connect, or to reconnect */

static int come_ask = -1; /* connection for STATUS; -1 unless LEARNING */

static noreturn void
come_no_daemon(enum reach_result result)
{
	int code = EXIT_USAGE;

	if (hb.guarded && result == REACH_NO_DAEMON)
		heartbeat_ended();
	if (result == REACH_NO_DAEMON)
		code = EXIT_NO_DAEMON;
	else if (result == REACH_REFUSED)
		code = EXIT_REFUSED;
	heartbeat_fail(code, "%s", wire_daemon()->why);
}

/*
 * Tries again later, because -W was given, and there is no daemon yet, or no
 * room in it.
 */
void
come_later(void)
{
	wire_close();
	wire_forget();
	guard_close();
	hb.state = AWAY;
	hb.retry = clock_ms(CLOCK_MONOTONIC) + COME_RETRY_MS;
	hb.due = hb.patient + ANSWER_MS;
}

/*
 * The answer to STATUS has come, or will not come: sets the interval of PINGs,
 * and asks to hold.
 */
static void
come_learned(void)
{
	if (come_ask != -1)
		close(come_ask);
	come_ask = -1;
	ping_interval();
	hold_ask();
}

/*
 * Connects, and asks for STATUS.  Stays AWAY, to try again later, if there is
 * no daemon yet, or it has no room for a connection.
 */
void
come_connect(void)
{
	const bool	  first = !wire_known();
	enum reach_result result;

	result = wire_open(&hb.o->places, hb.o->tether != NULL ? ".ctl" : "");
	if (first && (result == REACH_FOUND || result == REACH_FULL))
		guard_open(wire_daemon()->dir,
		    sockpath_name(wire_daemon()->path));
	if (first && result == REACH_NO_DAEMON &&
	    clock_ms(CLOCK_MONOTONIC) < hb.patient) {
		come_later();
		return;
	}
	if (result == REACH_FULL) {
		hb.retry = clock_ms(CLOCK_MONOTONIC) + COME_RETRY_MS;
		return;
	}
	if (result != REACH_FOUND)
		come_no_daemon(result);
	hb.busy = false;
	if (hb.settled || hb.guarded) {
		hold_ask();
		return;
	}
	hb.due = clock_ms(CLOCK_MONOTONIC) + ANSWER_MS;
	hb.state = LEARNING;
	come_ask = status_ask(wire_daemon()->path, wire_daemon()->maker.pid);
	if (come_ask == -1)
		come_learned();
}

/*
 * The connection is lost.  Connects again while the daemon lives: it may only
 * have missed our PINGs, and a new heartbeat within the grace ends the panic.
 */
void
come_again(void)
{
	if (hb.state == QUITTING)
		exit(EXIT_LET_GO);
	if (!hb.guarded)
		heartbeat_fail(EXIT_REFUSED,
		    "%s: the daemon closed the connection without an answer",
		    wire_daemon()->path);
	hb.retry = clock_ms(CLOCK_MONOTONIC);
	if (hb.state == GUARDING) {
		hb.due = hb.retry + ANSWER_MS;
		if (hb.o->tether == NULL)
			guard_release();
	} else {
		hb.retry += COME_RETRY_MS; /* later the second time */
	}
	wire_close();
	hb.naming = 0;
	hb.state = AWAY;
}

/* Returns the entry to poll for the answer to STATUS. */
struct pollfd
come_poll(void)
{
	return ((struct pollfd){ come_ask, POLLIN, 0 });
}

/* Reads the answer to STATUS. */
void
come_learn(void)
{
	if (hb.state == LEARNING && status_read(come_ask, &hb.status))
		come_learned();
}
