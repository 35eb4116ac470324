/* SPDX-License-Identifier: ISC */
/*
 * Holding: sends requests to the daemon and its vault, and handles the answers.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "come.h"
#include "front.h"
#include "guard.h"
#include "heartbeat.h"
#include "hold.h"
#include "notice.h"
#include "num.h"
#include "sandbox.h"
#include "say.h"
#include "watch.h"
#include "wire.h"

#define HOLD_NAMED 4 /* processes that a holder may name to the vault */

/* Asks to be the heartbeat, or a holder of the tether. */
void
hold_ask(void)
{
	char line[32];

	hb.state = ASKED;
	if (hb.o->tether != NULL)
		(void)snprintf(line, sizeof(line), "HOLD %s\n", hb.o->tether);
	else
		(void)snprintf(line, sizeof(line), "HELLO %ld\n",
		    (long)hb.session);
	wire_send(line);
}

/*
 * BUSY: another heartbeat guards, or there is no room for one more holder.
 * After a loss, the daemon may not have noticed yet that our old connection has
 * ended.
 */
static void
hold_busy(void)
{
	char who[192];

	if (hb.guarded) {
		hb.busy = true;
		come_again();
		return;
	}
	if (hb.o->tether != NULL && clock_ms(CLOCK_MONOTONIC) < hb.patient) {
		come_later();
		return;
	}
	if (hb.o->tether != NULL)
		heartbeat_fail(EXIT_BUSY, "%s: no room for one more holder",
		    wire_daemon()->path);
	guard_who(who, sizeof(who));
	heartbeat_fail(EXIT_BUSY, "guarded already%s", who);
}

/*
 * Names our processes to the vault, which then watches them itself: if we are
 * stopped, our connection alone does not keep the session alive.
 */
static void
hold_name(void)
{
	char	     line[32];
	unsigned int i;

	if (!hb.status.same || wire_forwarded())
		return;
	hb.due = clock_ms(CLOCK_MONOTONIC) + ANSWER_MS;
	for (i = 0; i < hb.o->npids && i < HOLD_NAMED; i++) {
		(void)snprintf(line, sizeof(line), "WATCH %ld\n",
		    (long)hb.o->pids[i]);
		wire_send(line);
		hb.naming++;
	}
}

/* Prints that we guard; in the background, also our pid. */
static void
hold_say(void)
{
	const long maker = (long)wire_daemon()->maker.pid;

	if (hb.o->background)
		say("guarding %ld with dazaid %ld, in the background: pid %ld",
		    (long)hb.session, maker, (long)getpid());
	else
		say("guarding %ld with dazaid %ld", (long)hb.session, maker);
}

/*
 * Call this when the vault has answered every WATCH.  If one of our processes
 * has ended, exits: the vault may watch another one that got its pid.  The
 * first time, prints that we guard, closes the terminal and gives up all
 * rights.
 */
void
hold_settle(void)
{
	if (watch_look())
		exit(EXIT_LET_GO);
	if (hb.settled)
		return;
	hb.settled = true;
	notice_claim();
	hold_say();
	if (hb.detached)
		say_close();
	/*
	 * A shell waits for this line.  If what follows fails, that is a loss.
	 */
	front_ready();
	if (sandbox_heartbeat(hb.terminal) == -1)
		err(EXIT_USAGE, "sandbox");
}

/* The vault or network has answered a WATCH. */
static void
hold_named(void)
{
	if (hb.naming > 0 && --hb.naming == 0)
		hold_settle();
}

/* Returns whether line is printable, as every answer of a daemon is. */
static bool
hold_is_text(const char *line)
{
	while (*line >= ' ' && *line <= '~')
		line++;
	return (*line == '\0');
}

/* WELCOME or HOLDING has come, with the vault's channel, or -1. */
static void
hold_welcome(int channel)
{
	if (!wire_welcome(channel))
		heartbeat_fail(EXIT_REFUSED,
		    "%s: the answer did not come from the vault",
		    wire_daemon()->path);
	hb.state = GUARDING;
	/* Once we send a byte, the vault ignores PINGs forged by network. */
	wire_send_vault(WIRE_PING);
	if (hb.o->tether == NULL)
		guard_claim(hb.session);
	hb.guarded = true;
	hold_name();
	if (hb.naming == 0)
		hold_settle();
}

/* Returns whether we have named pid; network may have named another process. */
static bool
hold_has_named(const char *pid)
{
	int64_t	     n;
	unsigned int i;

	if (num_int(pid, 1, INT32_MAX, &n) != NULL)
		return (false);
	for (i = 0; i < hb.o->npids && i < HOLD_NAMED; i++) {
		if (hb.o->pids[i] == (pid_t)n)
			return (true);
	}
	return (false);
}

/* The vault tells which tether we hold: network may have asked for another. */
static void
hold_check_tether(const char *name)
{
	const char *asked = hb.o->tether != NULL ? hb.o->tether : "heartbeat";

	if (strcmp(name, asked) != 0)
		heartbeat_fail(EXIT_REFUSED,
		    "%s: another tether is held than %s", wire_daemon()->path,
		    asked);
}

/* Handles a line from the vault. */
void
hold_answer(const char *line, int channel)
{
	const char *lost = "ERROR lost ", *watching = "WATCHING ";
	const char *tether = "TETHER ";

	(void)channel;
	if (hb.o->verbose && !wire_forwarded())
		say("%s", hold_is_text(line) ? line : "(no text)");
	if (strcmp(line, "CANCELLED") == 0) {
		say("panic cancelled");
	} else if (strcmp(line, "NOTHING-PENDING") == 0) {
		say("no panic is pending");
	} else if (strncmp(line, lost, strlen(lost)) == 0) {
		say("not cancelled: tether %s is lost", line + strlen(lost));
	} else if (strncmp(line, tether, strlen(tether)) == 0) {
		hold_check_tether(line + strlen(tether));
	} else if (strncmp(line, watching, strlen(watching)) == 0) {
		if (hold_has_named(line + strlen(watching)))
			hold_named();
	} else if (strncmp(line, "EVENT ", strlen("EVENT ")) == 0 &&
	    hold_is_text(line)) {
		notice_event(line + strlen("EVENT "));
	} else if (strcmp(line, "RELEASED") == 0) {
		say("released");
		exit(EXIT_LET_GO);
	}
}

/* Handles a line from the daemon, with the channel that came with it, or -1. */
void
hold_line(const char *line, int channel)
{
	const bool asked = hb.state == ASKED || hb.state == LEARNING;

	if (hb.o->verbose)
		say("%s", hold_is_text(line) ? line : "(no text)");
	if (hb.state == ASKED &&
	    strcmp(line, hb.o->tether != NULL ? "HOLDING" : "WELCOME") == 0) {
		hold_welcome(channel);
	} else if (asked && strcmp(line, "BUSY") == 0) {
		hold_busy();
	} else if (asked) {
		heartbeat_fail(EXIT_REFUSED, "%s: not the answer of a dazaid",
		    wire_daemon()->path);
	} else if (hb.state == GUARDING &&
	    strcmp(line, "ERROR invalid pid") == 0) {
		hold_named();
	} else if (strcmp(line, "BYE") == 0) {
		say("the daemon has ended cleanly");
		exit(EXIT_LET_GO);
	} else if (wire_forwarded()) {
		hold_answer(line, channel);
	}
}
