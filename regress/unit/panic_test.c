/* SPDX-License-Identifier: ISC */
/*
 * The panic controller: each of its rules by name, and then every sequence of
 * events to a depth, compared with a model that is written from the design, not
 * from panic.c.
 */
#include <atf-c.h>
#include <stdio.h>
#include <string.h>

#include "panic.h"

#define GRACE	 5
#define TIMEOUT	 7
#define NEVER	 PANIC_NEVER
#define LONG_AGO (100000) /* when the tests begin, in ms */

#ifdef SANITIZE
#define DEPTH 6
#else
#define DEPTH 8
#endif

/*
 * The world that a controller acts on.
 */

struct world {
	struct panic	 p;
	unsigned int	 wiped;	 /* how often each was done */
	unsigned int	 felled; /* the registered processes */
	unsigned int	 cleaned;
	unsigned int	 logged; /* an end; the rest by itself: */
	unsigned int	 killed;
	unsigned int	 exited;
	unsigned int	 opened; /* windows: "pending" */
	unsigned int	 cancelled;
	enum panic_event how;	 /* the end in the log */
	const char	*reason; /* the last one in the log */
	const char	*wrong;	 /* the first rule that was broken */
};

static void
broken(struct world *w, const char *what)
{
	if (w->wrong == NULL)
		w->wrong = what;
}

static void
on_wipe(void *ctx)
{
	struct world *w = ctx;

	if (w->wiped++ != 0)
		broken(w, "wiped twice");
}

static void
on_kill_registered(void *ctx)
{
	struct world *w = ctx;

	if (!w->wiped)
		broken(w, "the registered killed before the wipe");
	if (w->cleaned || w->logged || w->killed || w->exited)
		broken(w, "the registered killed after more than the wipe");
	if (!w->p.armed)
		broken(w, "the registered killed unarmed");
	if (w->felled++ != 0)
		broken(w, "the registered killed twice");
}

static void
on_clean(void *ctx)
{
	struct world *w = ctx;

	if (!w->wiped)
		broken(w, "files removed before the wipe");
	if (w->cleaned++ != 0)
		broken(w, "files removed twice");
}

static void
on_log(void *ctx, enum panic_event event, const char *reason)
{
	struct world *w = ctx;

	w->reason = reason;
	if (reason == NULL)
		broken(w, "logged without a reason");
	switch (event) {
	case PANIC_PENDING:
		w->opened++;
		break;
	case PANIC_CANCELLED:
		w->cancelled++;
		break;
	default:
		if (!w->wiped || !w->cleaned)
			broken(w, "logged before the wipe, or the files");
		if (w->logged++ != 0)
			broken(w, "ended twice in the log");
		if (event == PANIC_STOPPED && w->felled)
			broken(w, "the registered killed at a clean stop");
		w->how = event;
		return;
	}
	if (w->wiped)
		broken(w, "a window after the end");
}

static void
on_kill(void *ctx)
{
	struct world *w = ctx;

	if (!w->wiped || !w->felled || !w->cleaned || !w->logged)
		broken(w, "killed before the rest was done");
	if (!w->p.armed)
		broken(w, "killed unarmed");
	if (w->how == PANIC_STOPPED)
		broken(w, "killed at a clean stop");
	if (w->killed++ != 0 || w->exited != 0)
		broken(w, "killed twice, or after the end");
}

static void
on_done(void *ctx)
{
	struct world *w = ctx;

	if (!w->wiped || !w->cleaned || !w->logged)
		broken(w, "exited before the rest was done");
	if (w->felled)
		broken(w, "exited, with the registered killed");
	if (w->exited++ != 0 || w->killed != 0)
		broken(w, "exited twice, or after the end");
}

static const struct panic_ops ops = { .wipe = on_wipe,
	.kill_registered = on_kill_registered,
	.clean = on_clean,
	.log = on_log,
	.kill = on_kill,
	.done = on_done };

static struct panic *
begin(struct world *w, int64_t grace, int64_t timeout, bool armed)
{
	memset(w, 0, sizeof(*w));
	panic_init(&w->p, &ops, w, grace, timeout, armed);
	return (&w->p);
}

static void
require_alive(const struct world *w)
{
	ATF_REQUIRE_MSG(w->wrong == NULL, "%s", w->wrong);
	ATF_REQUIRE(!w->p.over);
	ATF_REQUIRE_EQ(0,
	    w->wiped + w->felled + w->cleaned + w->logged + w->killed +
		w->exited);
}

/* It is over, in that way, for that reason, and nothing happens any more. */
static void
require_ended(struct world *w, enum panic_event how, const char *reason,
    bool killed)
{
	ATF_REQUIRE_MSG(w->wrong == NULL, "%s", w->wrong);
	ATF_REQUIRE(w->p.over);
	ATF_REQUIRE_EQ(1, w->wiped);
	ATF_REQUIRE_EQ(1, w->cleaned);
	ATF_REQUIRE_EQ(1, w->logged);
	ATF_REQUIRE_EQ(how, w->how);
	ATF_REQUIRE_STREQ(reason, w->reason);
	ATF_REQUIRE_EQ(killed ? 1 : 0, w->felled);
	ATF_REQUIRE_EQ(killed ? 1 : 0, w->killed);
	ATF_REQUIRE_EQ(killed ? 0 : 1, w->exited);
	ATF_REQUIRE(!panic_gives(&w->p));
	ATF_REQUIRE_EQ(NEVER, panic_deadline(&w->p));
}

/*
 * Rules, one by one.
 */

ATF_TC_WITHOUT_HEAD(a_new_controller_waits_for_nothing);
ATF_TC_BODY(a_new_controller_waits_for_nothing, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, TIMEOUT, true);

	ATF_REQUIRE_EQ(NEVER, panic_deadline(p));
	ATF_REQUIRE(!panic_gives(p));
	panic_tick(p, NEVER - 1);
	require_alive(&w);
}

ATF_TC_WITHOUT_HEAD(before_the_first_heartbeat_nothing_is_lost);
ATF_TC_BODY(before_the_first_heartbeat_nothing_is_lost, tc)
{
	struct world  w;
	struct panic *p = begin(&w, 0, TIMEOUT, true);

	panic_lost(p, 1, "x");
	ATF_REQUIRE(!panic_ping(p, 2));
	ATF_REQUIRE(!panic_cancel(p, 3));
	panic_tick(p, 1000000);
	require_alive(&w);
	ATF_REQUIRE_EQ(NEVER, panic_deadline(p));
}

ATF_TC_WITHOUT_HEAD(dry_run_wipes_at_once_and_does_not_kill);
ATF_TC_BODY(dry_run_wipes_at_once_and_does_not_kill, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, false);

	panic_heartbeat(p, 0);
	panic_lost(p, 1, "lost");
	require_ended(&w, PANIC_EXECUTED, "lost", false);
	ATF_REQUIRE_EQ(0, w.opened);
}

ATF_TC_WITHOUT_HEAD(dry_run_trigger_wipes_at_once_and_does_not_kill);
ATF_TC_BODY(dry_run_trigger_wipes_at_once_and_does_not_kill, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, false);

	panic_trigger(p, 1, "SIGUSR1");
	require_ended(&w, PANIC_EXECUTED, "SIGUSR1", false);
}

ATF_TC_WITHOUT_HEAD(armed_panic_waits_for_its_grace_and_kills);
ATF_TC_BODY(armed_panic_waits_for_its_grace_and_kills, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_heartbeat(p, 0);
	panic_lost(p, 10, "lost");
	require_alive(&w);
	ATF_REQUIRE_EQ(1, w.opened);
	ATF_REQUIRE_EQ(10 + GRACE, panic_deadline(p));
	panic_tick(p, 10 + GRACE - 1);
	require_alive(&w);
	panic_tick(p, 10 + GRACE);
	require_ended(&w, PANIC_EXECUTED, "lost", true);
}

ATF_TC_WITHOUT_HEAD(armed_panic_without_grace_kills_at_once);
ATF_TC_BODY(armed_panic_without_grace_kills_at_once, tc)
{
	struct world  w;
	struct panic *p = begin(&w, 0, 0, true);

	panic_heartbeat(p, 0);
	panic_lost(p, 1, "lost");
	require_ended(&w, PANIC_EXECUTED, "lost", true);
	ATF_REQUIRE_EQ(0, w.opened);
}

ATF_TC_WITHOUT_HEAD(second_trigger_does_not_move_the_deadline);
ATF_TC_BODY(second_trigger_does_not_move_the_deadline, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_heartbeat(p, 0);
	panic_trigger(p, 10, "first");
	panic_trigger(p, 12, "second");
	panic_lost(p, 13, "third");
	ATF_REQUIRE_EQ(1, w.opened);
	ATF_REQUIRE_EQ(10 + GRACE, panic_deadline(p));
	panic_tick(p, 10 + GRACE);
	require_ended(&w, PANIC_EXECUTED, "first", true);
}

ATF_TC_WITHOUT_HEAD(a_trigger_counts_without_any_heartbeat);
ATF_TC_BODY(a_trigger_counts_without_any_heartbeat, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_trigger(p, 10, "SIGHUP");
	ATF_REQUIRE_EQ(10 + GRACE, panic_deadline(p));
	panic_tick(p, 1000);
	require_ended(&w, PANIC_EXECUTED, "SIGHUP", true);
}

ATF_TC_WITHOUT_HEAD(missed_ping_is_a_loss);
ATF_TC_BODY(missed_ping_is_a_loss, tc)
{
	struct world  w;
	struct panic *p = begin(&w, 0, TIMEOUT, true);

	panic_heartbeat(p, 10);
	ATF_REQUIRE_EQ(10 + TIMEOUT, panic_deadline(p));
	panic_tick(p, 10 + TIMEOUT - 1);
	require_alive(&w);
	panic_tick(p, 10 + TIMEOUT);
	require_ended(&w, PANIC_EXECUTED, "ping deadline missed", true);
}

ATF_TC_WITHOUT_HEAD(missed_ping_opens_the_window_of_a_loss);
ATF_TC_BODY(missed_ping_opens_the_window_of_a_loss, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, TIMEOUT, true);

	panic_heartbeat(p, 10);
	panic_tick(p, 10 + TIMEOUT);
	require_alive(&w);
	ATF_REQUIRE(!p->guarded);
	ATF_REQUIRE_EQ(1, w.opened);
	ATF_REQUIRE_STREQ("ping deadline missed", w.reason);
	ATF_REQUIRE_EQ(10 + TIMEOUT + GRACE, panic_deadline(p));
	panic_heartbeat(p, 10 + TIMEOUT + GRACE - 1);
	ATF_REQUIRE_EQ(1, w.cancelled);
	ATF_REQUIRE(panic_gives(p));
}

ATF_TC_WITHOUT_HEAD(ping_moves_the_deadline_and_nothing_else_does);
ATF_TC_BODY(ping_moves_the_deadline_and_nothing_else_does, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, TIMEOUT, false);

	panic_heartbeat(p, 10);
	ATF_REQUIRE(panic_ping(p, 12));
	ATF_REQUIRE_EQ(12 + TIMEOUT, panic_deadline(p));
	ATF_REQUIRE(!panic_cancel(p, 13));
	(void)panic_arm(p);
	panic_tick(p, 14);
	ATF_REQUIRE_EQ(12 + TIMEOUT, panic_deadline(p));
	panic_trigger(p, 15, "x");
	ATF_REQUIRE(panic_ping(p, 16));
	ATF_REQUIRE(panic_cancel(p, 17));
	ATF_REQUIRE_EQ(16 + TIMEOUT, panic_deadline(p));
}

ATF_TC_WITHOUT_HEAD(ping_at_its_deadline_is_too_late);
ATF_TC_BODY(ping_at_its_deadline_is_too_late, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, TIMEOUT, false);

	panic_heartbeat(p, 10);
	ATF_REQUIRE(!panic_ping(p, 10 + TIMEOUT));
	require_ended(&w, PANIC_EXECUTED, "ping deadline missed", false);
	/* With a window there is no session any more that could say PING. */
	p = begin(&w, GRACE, TIMEOUT, true);
	panic_heartbeat(p, 10);
	ATF_REQUIRE(!panic_ping(p, 10 + TIMEOUT));
	require_alive(&w);
	ATF_REQUIRE_EQ(10 + TIMEOUT + GRACE, panic_deadline(p));
	ATF_REQUIRE(!panic_ping(p, 10 + TIMEOUT + 1));
	panic_heartbeat(p, 10 + TIMEOUT + 2);
	ATF_REQUIRE(panic_ping(p, 10 + TIMEOUT + 3));
}

ATF_TC_WITHOUT_HEAD(ping_means_nothing_without_a_timeout);
ATF_TC_BODY(ping_means_nothing_without_a_timeout, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, false);

	panic_heartbeat(p, 10);
	ATF_REQUIRE_EQ(NEVER, panic_deadline(p));
	ATF_REQUIRE(panic_ping(p, 11));
	ATF_REQUIRE_EQ(NEVER, panic_deadline(p));
	panic_tick(p, NEVER - 1);
	require_alive(&w);
}

ATF_TC_WITHOUT_HEAD(pings_do_not_hold_a_pending_panic_back);
ATF_TC_BODY(pings_do_not_hold_a_pending_panic_back, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, TIMEOUT, true);
	int64_t	      t;

	panic_heartbeat(p, 10);
	panic_trigger(p, 10, "SIGUSR1");
	for (t = 10; t < 10 + GRACE; t++) {
		ATF_REQUIRE(panic_ping(p, t));
		ATF_REQUIRE_EQ(10 + GRACE, panic_deadline(p));
	}
	require_alive(&w);
	ATF_REQUIRE(!panic_ping(p, t));
	require_ended(&w, PANIC_EXECUTED, "SIGUSR1", true);
}

ATF_TC_WITHOUT_HEAD(cancel_from_the_living_heartbeat_ends_the_window);
ATF_TC_BODY(cancel_from_the_living_heartbeat_ends_the_window, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_heartbeat(p, 0);
	panic_trigger(p, 10, "SIGUSR1");
	ATF_REQUIRE(panic_cancel(p, 10 + GRACE - 1));
	require_alive(&w);
	ATF_REQUIRE_EQ(1, w.cancelled);
	ATF_REQUIRE_EQ(NEVER, panic_deadline(p));
	ATF_REQUIRE(!panic_cancel(p, 10 + GRACE - 1));
	panic_tick(p, 1000);
	require_alive(&w);
	/* And the next one has a whole window again. */
	panic_trigger(p, 2000, "again");
	ATF_REQUIRE_EQ(2000 + GRACE, panic_deadline(p));
	panic_tick(p, 2000 + GRACE);
	require_ended(&w, PANIC_EXECUTED, "again", true);
}

ATF_TC_WITHOUT_HEAD(cancel_after_the_loss_is_refused);
ATF_TC_BODY(cancel_after_the_loss_is_refused, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_heartbeat(p, 0);
	panic_lost(p, 10, "lost");
	ATF_REQUIRE(!panic_cancel(p, 11));
	ATF_REQUIRE_EQ(0, w.cancelled);
	ATF_REQUIRE_EQ(10 + GRACE, panic_deadline(p));
}

ATF_TC_WITHOUT_HEAD(cancel_at_the_deadline_is_too_late);
ATF_TC_BODY(cancel_at_the_deadline_is_too_late, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_heartbeat(p, 0);
	panic_trigger(p, 10, "SIGUSR1");
	ATF_REQUIRE(!panic_cancel(p, 10 + GRACE));
	require_ended(&w, PANIC_EXECUTED, "SIGUSR1", true);
}

ATF_TC_WITHOUT_HEAD(a_new_heartbeat_after_a_loss_cancels);
ATF_TC_BODY(a_new_heartbeat_after_a_loss_cancels, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_heartbeat(p, 0);
	panic_lost(p, 10, "lost");
	panic_heartbeat(p, 10 + GRACE - 1);
	require_alive(&w);
	ATF_REQUIRE_EQ(1, w.cancelled);
	ATF_REQUIRE(panic_gives(p));
	ATF_REQUIRE_EQ(NEVER, panic_deadline(p));
}

ATF_TC_WITHOUT_HEAD(a_new_heartbeat_at_the_deadline_is_too_late);
ATF_TC_BODY(a_new_heartbeat_at_the_deadline_is_too_late, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_heartbeat(p, 0);
	panic_lost(p, 10, "lost");
	panic_heartbeat(p, 10 + GRACE);
	require_ended(&w, PANIC_EXECUTED, "lost", true);
}

ATF_TC_WITHOUT_HEAD(the_first_heartbeat_does_not_cancel);
ATF_TC_BODY(the_first_heartbeat_does_not_cancel, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_trigger(p, 10, "SIGUSR1");
	panic_heartbeat(p, 11);
	ATF_REQUIRE_EQ(0, w.cancelled);
	ATF_REQUIRE(!panic_gives(p));
	ATF_REQUIRE_EQ(10 + GRACE, panic_deadline(p));
	ATF_REQUIRE(panic_cancel(p, 12));
	ATF_REQUIRE(panic_gives(p));
}

/* That an older one was lost and made up for is no licence. */
ATF_TC_WITHOUT_HEAD(the_living_heartbeat_cannot_cancel_by_hello);
ATF_TC_BODY(the_living_heartbeat_cannot_cancel_by_hello, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_heartbeat(p, 0);
	panic_lost(p, 1, "lost");
	panic_heartbeat(p, 2);
	ATF_REQUIRE_EQ(1, w.cancelled);
	panic_trigger(p, 10, "SIGUSR1");
	panic_heartbeat(p, 11);
	ATF_REQUIRE_EQ(1, w.cancelled);
	ATF_REQUIRE_EQ(10 + GRACE, panic_deadline(p));
}

ATF_TC_WITHOUT_HEAD(hard_panic_has_no_grace);
ATF_TC_BODY(hard_panic_has_no_grace, tc)
{
	struct world w;

	panic_hard(begin(&w, GRACE, 0, true), "SIGUSR2");
	require_ended(&w, PANIC_HARD, "SIGUSR2", true);
	panic_hard(begin(&w, GRACE, 0, false), "SIGUSR2");
	require_ended(&w, PANIC_HARD, "SIGUSR2", false);
}

ATF_TC_WITHOUT_HEAD(hard_panic_does_not_wait_for_a_window);
ATF_TC_BODY(hard_panic_does_not_wait_for_a_window, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_trigger(p, 10, "SIGUSR1");
	panic_hard(p, "SIGUSR2");
	require_ended(&w, PANIC_HARD, "SIGUSR2", true);
	panic_tick(p, 1000);
	require_ended(&w, PANIC_HARD, "SIGUSR2", true);
}

ATF_TC_WITHOUT_HEAD(a_clean_stop_never_kills);
ATF_TC_BODY(a_clean_stop_never_kills, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, TIMEOUT, true);

	panic_heartbeat(p, 0);
	panic_stop(p, "SIGTERM");
	require_ended(&w, PANIC_STOPPED, "SIGTERM", false);
	p = begin(&w, GRACE, TIMEOUT, true);
	panic_trigger(p, 0, "SIGUSR1");
	panic_stop(p, "SIGTERM");
	require_ended(&w, PANIC_STOPPED, "SIGTERM", false);
	panic_hard(p, "SIGUSR2");
	require_ended(&w, PANIC_STOPPED, "SIGTERM", false);
}

/* In each way to the end; that it is in its place, the table of ops has seen
 * to. */
ATF_TC_WITHOUT_HEAD(the_registered_are_killed_with_us_and_never_without);
ATF_TC_BODY(the_registered_are_killed_with_us_and_never_without, tc)
{
	struct world  w;
	struct panic *p;
	unsigned int  armed;

	for (armed = 0; armed <= 1; armed++) {
		panic_trigger(begin(&w, 0, 0, armed), 0, "x");
		ATF_REQUIRE_EQ(armed, w.felled);
		panic_hard(begin(&w, GRACE, 0, armed), "x");
		ATF_REQUIRE_EQ(armed, w.felled);
		panic_stop(begin(&w, GRACE, 0, armed), "x");
		ATF_REQUIRE_EQ(0, w.felled);
		p = begin(&w, 0, TIMEOUT, armed);
		panic_heartbeat(p, 0);
		panic_tick(p, TIMEOUT);
		ATF_REQUIRE_EQ(armed, w.felled);
	}
	p = begin(&w, GRACE, 0, true);
	panic_trigger(p, 0, "x");
	panic_tick(p, GRACE - 1);
	ATF_REQUIRE_EQ(0, w.felled);
	panic_tick(p, GRACE);
	require_ended(&w, PANIC_EXECUTED, "x", true);
	/* Armed after the end: too late. */
	p = begin(&w, GRACE, 0, false);
	panic_hard(p, "x");
	(void)panic_arm(p);
	panic_hard(p, "x");
	require_ended(&w, PANIC_HARD, "x", false);
}

ATF_TC_WITHOUT_HEAD(quit_and_then_the_close_is_no_panic);
ATF_TC_BODY(quit_and_then_the_close_is_no_panic, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	panic_heartbeat(p, 0);
	panic_stop(p, "QUIT");
	panic_lost(p, 1, "lost");
	panic_tick(p, 1000);
	require_ended(&w, PANIC_STOPPED, "QUIT", false);
}

ATF_TC_WITHOUT_HEAD(arming_is_a_ratchet);
ATF_TC_BODY(arming_is_a_ratchet, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, false);

	ATF_REQUIRE(panic_arm(p));
	ATF_REQUIRE(!panic_arm(p));
	ATF_REQUIRE(p->armed);
	panic_hard(p, "x");
	require_ended(&w, PANIC_HARD, "x", true);
	p = begin(&w, GRACE, 0, true);
	ATF_REQUIRE(!panic_arm(p));
	ATF_REQUIRE(p->armed);
}

ATF_TC_WITHOUT_HEAD(secrets_are_given_only_to_a_calm_guarded_session);
ATF_TC_BODY(secrets_are_given_only_to_a_calm_guarded_session, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, 0, true);

	ATF_REQUIRE(!panic_gives(p));
	panic_heartbeat(p, 0);
	ATF_REQUIRE(panic_gives(p));
	panic_trigger(p, 1, "x");
	ATF_REQUIRE(!panic_gives(p));
	ATF_REQUIRE(panic_cancel(p, 2));
	ATF_REQUIRE(panic_gives(p));
	panic_lost(p, 3, "lost");
	ATF_REQUIRE(!panic_gives(p));
	panic_heartbeat(p, 4);
	ATF_REQUIRE(panic_gives(p));
	panic_stop(p, "x");
	ATF_REQUIRE(!panic_gives(p));
}

ATF_TC_WITHOUT_HEAD(a_clock_that_jumped_finds_the_deadline_missed);
ATF_TC_BODY(a_clock_that_jumped_finds_the_deadline_missed, tc)
{
	struct world  w;
	struct panic *p = begin(&w, GRACE, TIMEOUT, true);

	panic_heartbeat(p, 10);
	panic_trigger(p, 11, "SIGUSR1");
	ATF_REQUIRE(!panic_ping(p, 1LL << 50));
	require_ended(&w, PANIC_EXECUTED, "SIGUSR1", true);
}

ATF_TC_WITHOUT_HEAD(the_longest_times_do_not_overflow);
ATF_TC_BODY(the_longest_times_do_not_overflow, tc)
{
	const int64_t longest = 1000000000LL * 1000;
	struct world  w;
	struct panic *p = begin(&w, longest, longest, true);

	panic_heartbeat(p, longest);
	ATF_REQUIRE_EQ(2 * longest, panic_deadline(p));
	panic_trigger(p, longest, "x");
	panic_tick(p, 2 * longest - 1);
	require_alive(&w);
	panic_tick(p, 2 * longest);
	require_ended(&w, PANIC_EXECUTED, "x", true);
}

/*
 * A signal in the middle of the end: the handler's own panic must leave the one
 * that is under way to finish, whichever of its steps it came in.
 */

static struct {
	int at; /* the step to interrupt */
	int step;
} interrupt;

static void
interrupted(struct world *w)
{
	if (interrupt.step++ == interrupt.at) {
		panic_hard(&w->p, "handler");
		panic_stop(&w->p, "handler");
		panic_tick(&w->p, NEVER - 1);
	}
}

static void
late_wipe(void *ctx)
{
	interrupted(ctx);
	on_wipe(ctx);
}

static void
late_kill_registered(void *ctx)
{
	interrupted(ctx);
	on_kill_registered(ctx);
}

static void
late_clean(void *ctx)
{
	interrupted(ctx);
	on_clean(ctx);
}

static void
late_log(void *ctx, enum panic_event event, const char *reason)
{
	interrupted(ctx);
	on_log(ctx, event, reason);
}

static void
late_kill(void *ctx)
{
	interrupted(ctx);
	on_kill(ctx);
}

ATF_TC_WITHOUT_HEAD(a_handler_in_the_middle_of_the_end_lets_it_finish);
ATF_TC_BODY(a_handler_in_the_middle_of_the_end_lets_it_finish, tc)
{
	static const struct panic_ops late = { .wipe = late_wipe,
		.kill_registered = late_kill_registered,
		.clean = late_clean,
		.log = late_log,
		.kill = late_kill,
		.done = on_done };
	struct world		      w;
	struct panic		     *p;
	int			      at;

	for (at = 0; at < 5; at++) {
		p = begin(&w, 0, 0, true);
		p->ops = &late;
		interrupt.at = at;
		interrupt.step = 0;
		panic_trigger(p, 0, "loop");
		ATF_REQUIRE_EQ(5, interrupt.step);
		require_ended(&w, PANIC_EXECUTED, "loop", true);
	}
}

/*
 * The model.  A session is with us or not; a window closes at some time or is
 * not open; a PING is wanted by some time or is not.
 */

struct model {
	int64_t grace;
	int64_t timeout;
	int64_t window; /* closes then; NEVER: not open */
	int64_t ping;	/* wanted before; NEVER: not */
	bool	armed;
	bool	session;
	bool	orphaned; /* the session was lost, and none came since */
	bool	dead;
	enum panic_event how; /* of its death */
};

static void
model_die(struct model *m, enum panic_event how)
{
	if (m->dead)
		return;
	m->dead = true;
	m->how = how;
	m->session = false;
	m->window = m->ping = NEVER;
}

static void
model_alarm(struct model *m, int64_t now)
{
	if (m->window != NEVER)
		return;
	if (m->armed && m->grace > 0)
		m->window = now + m->grace;
	else
		model_die(m, PANIC_EXECUTED);
}

static void
model_lose(struct model *m, int64_t now)
{
	if (!m->session)
		return;
	m->session = false;
	m->orphaned = true;
	m->ping = NEVER;
	model_alarm(m, now);
}

static void
model_time(struct model *m, int64_t now)
{
	if (m->window <= now)
		model_die(m, PANIC_EXECUTED);
	if (m->ping <= now)
		model_lose(m, now);
}

/*
 * Every sequence.
 */

enum event {
	HEARTBEAT,
	PING,
	CANCEL,
	LOST,
	TRIGGER,
	HARD,
	STOP,
	ARM,
	TICK,
	STEP, /* a moment passes, and nobody looks */
	GRACE_PASSES,
	TIMEOUT_PASSES,
	EVENTS
};

static const char *const event_names[EVENTS] = { "heartbeat", "ping", "cancel",
	"lost", "trigger", "hard", "stop", "arm", "tick", "+1", "+grace",
	"+timeout" };

static struct walk {
	unsigned long long sequences; /* walked to the depth or the end */
	unsigned long long covered;   /* of the depth, those included */
	int		   depth;
	enum event	   path[DEPTH];
	char		   where[64];
} walk;

struct node {
	struct world w;
	struct model m;
	int64_t	     now;
};

static void
fail_at(int n, const char *what)
{
	int i;

	printf("%s:", walk.where);
	for (i = 0; i <= n; i++)
		printf(" %s", event_names[walk.path[i]]);
	printf("\n");
	atf_tc_fail("%s, after %d events in: %s", what, n + 1, walk.where);
}

/* Copies a node; the controller's context is its own world. */
static void
node_copy(struct node *to, const struct node *from)
{
	memcpy(to, from, sizeof(*to));
	to->w.p.ctx = &to->w;
}

static bool
node_same(const struct node *a, struct node *b)
{
	const unsigned char *abytes, *bbytes;

	b->w.p.ctx = a->w.p.ctx;
	/* Padding included: all of them are copies of one. */
	abytes = (const unsigned char *)a;
	bbytes = (const unsigned char *)b;
	return (memcmp(abytes, bbytes, sizeof(*a)) == 0);
}

static const char *
node_event(struct node *n, enum event e)
{
	struct panic *p = &n->w.p;
	struct model *m = &n->m;
	bool	      was, would;

	if (e < HARD || e == TICK)
		model_time(m, n->now);
	switch (e) {
	case HEARTBEAT:
		panic_heartbeat(p, n->now);
		if (m->dead)
			break;
		if (m->orphaned)
			m->window = NEVER;
		m->session = true;
		m->orphaned = false;
		m->ping = m->timeout > 0 ? n->now + m->timeout : NEVER;
		break;
	case PING:
		if (panic_ping(p, n->now) != m->session)
			return ("ping does not tell the truth");
		if (m->session && m->timeout > 0)
			m->ping = n->now + m->timeout;
		break;
	case CANCEL:
		would = m->session && m->window != NEVER;
		if (panic_cancel(p, n->now) != would)
			return ("cancel does not tell the truth");
		if (would)
			m->window = NEVER;
		break;
	case LOST:
		panic_lost(p, n->now, "lost");
		model_lose(m, n->now);
		break;
	case TRIGGER:
		panic_trigger(p, n->now, "trigger");
		if (!m->dead)
			model_alarm(m, n->now);
		break;
	case HARD:
		panic_hard(p, "hard");
		model_die(m, PANIC_HARD);
		break;
	case STOP:
		panic_stop(p, "stop");
		model_die(m, PANIC_STOPPED);
		break;
	case ARM:
		was = m->armed;
		if (panic_arm(p) == was)
			return ("arm does not tell the truth");
		m->armed = true;
		break;
	case TICK:
		panic_tick(p, n->now);
		break;
	case STEP:
		n->now++;
		break;
	case GRACE_PASSES:
		n->now += m->grace;
		break;
	case TIMEOUT_PASSES:
		n->now += m->timeout;
		break;
	case EVENTS:
		break;
	}
	return (NULL);
}

/* The end is whole, and is the one that the model says. */
static const char *
node_check_end(const struct node *n)
{
	const struct world *w = &n->w;
	const bool	    kills = n->m.armed && n->m.how != PANIC_STOPPED;

	if (w->wiped != 1 || w->cleaned != 1 || w->logged != 1)
		return ("not wiped, cleaned and logged once");
	if (w->how != n->m.how)
		return ("not the end that it should be");
	/* Armed too late, the end was a rehearsal's. */
	if (w->killed + w->exited != 1 || (w->killed == 1 && !kills))
		return ("not killed or exited once, as it should");
	if (w->felled != w->killed)
		return ("the registered not killed with us, or without");
	return (NULL);
}

/* What must hold after whatever happened. */
static const char *
node_check(const struct node *before, const struct node *n, enum event e)
{
	const struct world *w = &n->w;
	const struct model *m = &n->m;
	int64_t		    due = m->window < m->ping ? m->window : m->ping;
	const char	   *why;

	if (w->wrong != NULL)
		return (w->wrong);
	if (w->p.over != m->dead)
		return (m->dead ? "due, and not done" : "done, and not due");
	if (m->dead && (why = node_check_end(n)) != NULL)
		return (why);
	if (m->dead && !before->m.dead &&
	    (w->killed == 1) != (m->armed && m->how != PANIC_STOPPED))
		return ("killed and should not, or not and should");
	if (!m->dead &&
	    (w->wiped || w->felled || w->cleaned || w->logged || w->killed ||
		w->exited))
		return ("an effect without an end");
	if (panic_deadline(&w->p) != due)
		return ("the deadline is not right");
	if (panic_gives(&w->p) != (m->session && m->window == NEVER))
		return ("gives, and should not, or not and should");
	if (w->p.pending != (m->window != NEVER) && !m->dead)
		return ("pending and should not, or not and should");
	if (w->cancelled != before->w.cancelled && e != CANCEL &&
	    (e != HEARTBEAT || (before->m.session && before->m.ping > n->now)))
		return ("cancelled by what may not");
	if (before->w.p.pending && w->p.pending && w->p.due > before->w.p.due &&
	    w->cancelled == before->w.cancelled)
		return ("a trigger moved the deadline later");
	return (NULL);
}

/* The deadline is the very moment from which a tick does something. */
static const char *
node_check_deadline(const struct node *n)
{
	struct node other;
	int64_t	    due = panic_deadline(&n->w.p);

	if (due > n->now) {
		node_copy(&other, n);
		panic_tick(&other.w.p, due - 1);
		if (!node_same(n, &other))
			return ("a tick before the deadline did something");
	}
	if (due != NEVER) {
		node_copy(&other, n);
		panic_tick(&other.w.p, due > n->now ? due : n->now);
		if (other.w.wrong != NULL)
			return (other.w.wrong);
		if (!other.w.p.over && !(n->w.p.guarded && !other.w.p.guarded))
			return ("a tick at the deadline did nothing");
	}
	return (NULL);
}

/* After the end every event leaves all as it is, but for being armed. */
static void
walk_dead(const struct node *n, int depth)
{
	struct node other;
	const char *why;
	int	    e;

	for (e = 0; e < EVENTS && depth < walk.depth; e++) {
		node_copy(&other, n);
		walk.path[depth] = (enum event)e;
		if ((why = node_event(&other, (enum event)e)) != NULL)
			fail_at(depth, why);
		other.w.p.armed = n->w.p.armed;
		other.m.armed = n->m.armed;
		other.now = n->now;
		if (!node_same(n, &other))
			fail_at(depth, "something happened after the end");
	}
}

static void
walk_on(const struct node *n, int depth)
{
	struct node	   next;
	const char	  *why;
	int		   e, rest, events = 0;
	unsigned long long below;

	for (e = 0; e < EVENTS; e++) {
		if ((e == GRACE_PASSES && n->m.grace == 0) ||
		    (e == TIMEOUT_PASSES && n->m.timeout == 0))
			continue;
		node_copy(&next, n);
		walk.path[depth] = (enum event)e;
		if ((why = node_event(&next, (enum event)e)) != NULL ||
		    (why = node_check(n, &next, (enum event)e)) != NULL ||
		    (why = node_check_deadline(&next)) != NULL)
			fail_at(depth, why);
		if (next.m.dead) {
			walk_dead(&next, depth + 1);
		} else if (depth + 1 < walk.depth) {
			walk_on(&next, depth + 1);
			continue;
		}
		walk.sequences++;
		events = EVENTS - (n->m.grace == 0) - (n->m.timeout == 0);
		for (below = 1, rest = depth + 1; rest < walk.depth; rest++)
			below *= (unsigned int)events;
		walk.covered += below;
	}
}

static void
walk_all(int64_t grace, int64_t timeout, bool armed)
{
	struct node n;

	memset(&n, 0, sizeof(n));
	n.now = LONG_AGO;
	(void)begin(&n.w, grace, timeout, armed);
	n.m.grace = grace;
	n.m.timeout = timeout;
	n.m.window = n.m.ping = NEVER;
	n.m.armed = armed;
	(void)snprintf(walk.where, sizeof(walk.where),
	    "%s, grace %d, timeout %d", armed ? "armed" : "dry-run", (int)grace,
	    (int)timeout);
	walk_on(&n, 0);
}

/*
 * All that can happen in DEPTH events.  What is dead is not walked further:
 * that each event leaves it as it is covers all that could follow.
 */
ATF_TC_WITHOUT_HEAD(every_sequence_of_events_keeps_the_rules);
ATF_TC_BODY(every_sequence_of_events_keeps_the_rules, tc)
{
	int i;

	walk.depth = DEPTH;
	for (i = 0; i < 8; i++)
		walk_all(i & 1 ? GRACE : 0, i & 2 ? TIMEOUT : 0, i & 4);
	printf("%llu sequences of up to %d events walked, "
	       "which cover all %llu of %d events\n",
	    walk.sequences, DEPTH, walk.covered, DEPTH);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_new_controller_waits_for_nothing);
	ATF_TP_ADD_TC(tp, before_the_first_heartbeat_nothing_is_lost);
	ATF_TP_ADD_TC(tp, dry_run_wipes_at_once_and_does_not_kill);
	ATF_TP_ADD_TC(tp, dry_run_trigger_wipes_at_once_and_does_not_kill);
	ATF_TP_ADD_TC(tp, armed_panic_waits_for_its_grace_and_kills);
	ATF_TP_ADD_TC(tp, armed_panic_without_grace_kills_at_once);
	ATF_TP_ADD_TC(tp, second_trigger_does_not_move_the_deadline);
	ATF_TP_ADD_TC(tp, a_trigger_counts_without_any_heartbeat);
	ATF_TP_ADD_TC(tp, missed_ping_is_a_loss);
	ATF_TP_ADD_TC(tp, missed_ping_opens_the_window_of_a_loss);
	ATF_TP_ADD_TC(tp, ping_moves_the_deadline_and_nothing_else_does);
	ATF_TP_ADD_TC(tp, ping_at_its_deadline_is_too_late);
	ATF_TP_ADD_TC(tp, ping_means_nothing_without_a_timeout);
	ATF_TP_ADD_TC(tp, pings_do_not_hold_a_pending_panic_back);
	ATF_TP_ADD_TC(tp, cancel_from_the_living_heartbeat_ends_the_window);
	ATF_TP_ADD_TC(tp, cancel_after_the_loss_is_refused);
	ATF_TP_ADD_TC(tp, cancel_at_the_deadline_is_too_late);
	ATF_TP_ADD_TC(tp, a_new_heartbeat_after_a_loss_cancels);
	ATF_TP_ADD_TC(tp, a_new_heartbeat_at_the_deadline_is_too_late);
	ATF_TP_ADD_TC(tp, the_first_heartbeat_does_not_cancel);
	ATF_TP_ADD_TC(tp, the_living_heartbeat_cannot_cancel_by_hello);
	ATF_TP_ADD_TC(tp, hard_panic_has_no_grace);
	ATF_TP_ADD_TC(tp, hard_panic_does_not_wait_for_a_window);
	ATF_TP_ADD_TC(tp, a_clean_stop_never_kills);
	ATF_TP_ADD_TC(tp, the_registered_are_killed_with_us_and_never_without);
	ATF_TP_ADD_TC(tp, quit_and_then_the_close_is_no_panic);
	ATF_TP_ADD_TC(tp, arming_is_a_ratchet);
	ATF_TP_ADD_TC(tp, secrets_are_given_only_to_a_calm_guarded_session);
	ATF_TP_ADD_TC(tp, a_clock_that_jumped_finds_the_deadline_missed);
	ATF_TP_ADD_TC(tp, the_longest_times_do_not_overflow);
	ATF_TP_ADD_TC(tp, a_handler_in_the_middle_of_the_end_lets_it_finish);
	ATF_TP_ADD_TC(tp, every_sequence_of_events_keeps_the_rules);

	return (atf_no_error());
}
