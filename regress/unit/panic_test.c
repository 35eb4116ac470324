/* SPDX-License-Identifier: ISC */
/*
 * What the enumeration of the panic controller and the session, in
 * session_test.c, does not show: hard panics, clean stops, arming, long times,
 * and signal handlers in the middle of the end.
 */
#include "case.h"
#include "world.h"

#define GRACE 5

static struct panic p;

CASE(nothing_happens_by_itself, "a new controller has no deadline and waits")
{
	world_begin(&p, GRACE, true);
	panic_tick(&p, NEVER - 1);
	ATF_REQUIRE_EQ(NEVER, panic_deadline(&p));
	ATF_REQUIRE(!panic_cancel(&p, 0));
	require_alive(&p);
}

CASE(a_return_ends_the_panic_of_a_loss_alone,
    "a return takes back a loss, but not an order, however it came")
{
	world_begin(&p, GRACE, true);
	panic_returned(&p, 1, "back");
	ATF_REQUIRE_EQ(0, world.cancelled);
	panic_lost(&p, 10, "lost");
	panic_returned(&p, 10 + GRACE - 1, "back");
	ATF_REQUIRE_EQ(1, world.cancelled);
	ATF_REQUIRE_EQ(NEVER, panic_deadline(&p));
	panic_order(&p, 20, "SIGUSR1");
	panic_returned(&p, 21, "back");
	ATF_REQUIRE_EQ(20 + GRACE, panic_deadline(&p));
	ATF_REQUIRE(panic_cancel(&p, 22));
	panic_lost(&p, 30, "lost");
	panic_order(&p, 31, "PANIC");
	panic_returned(&p, 32, "back");
	ATF_REQUIRE_EQ(30 + GRACE, panic_deadline(&p));
	require_alive(&p);
}

CASE(at_the_deadline_it_is_too_late,
    "a return or CANCEL at the deadline finds the panic executed")
{
	world_begin(&p, GRACE, true);
	panic_lost(&p, 10, "lost");
	panic_returned(&p, 10 + GRACE, "back");
	require_ended(&p, PANIC_EXECUTED, "lost", true);
	world_begin(&p, GRACE, true);
	panic_order(&p, 10, "SIGUSR1");
	ATF_REQUIRE(!panic_cancel(&p, 1LL << 50));
	require_ended(&p, PANIC_EXECUTED, "SIGUSR1", true);
}

CASE(a_hard_panic_has_no_grace,
    "a hard panic is executed at once, armed or not, pending or not")
{
	world_begin(&p, GRACE, false);
	panic_hard(&p, "SIGUSR2");
	require_ended(&p, PANIC_HARD, "SIGUSR2", false);
	world_begin(&p, GRACE, true);
	panic_order(&p, 10, "SIGUSR1");
	panic_hard(&p, "SIGUSR2");
	require_ended(&p, PANIC_HARD, "SIGUSR2", true);
	panic_tick(&p, 1000);
	require_ended(&p, PANIC_HARD, "SIGUSR2", true);
}

CASE(a_clean_stop_never_kills,
    "a clean stop kills nothing, not even while a panic is pending")
{
	world_begin(&p, GRACE, true);
	panic_lost(&p, 0, "lost");
	panic_stop(&p, "SIGTERM");
	require_ended(&p, PANIC_STOPPED, "SIGTERM", false);
	panic_lost(&p, 1, "lost");
	panic_order(&p, 1, "SIGUSR1");
	panic_hard(&p, "SIGUSR2");
	require_ended(&p, PANIC_STOPPED, "SIGTERM", false);
}

CASE(arming_is_a_ratchet,
    "nothing disarms, and after the end arming has no effect")
{
	world_begin(&p, GRACE, false);
	ATF_REQUIRE(panic_arm(&p));
	ATF_REQUIRE(!panic_arm(&p));
	world.armed = true;
	panic_hard(&p, "x");
	require_ended(&p, PANIC_HARD, "x", true);
	world_begin(&p, GRACE, false);
	panic_hard(&p, "x");
	(void)panic_arm(&p);
	panic_hard(&p, "x");
	require_ended(&p, PANIC_HARD, "x", false);
}

CASE(the_longest_times_do_not_overflow, "31 years of grace, 31 years from now")
{
	const int64_t longest = 1000000000LL * 1000;

	world_begin(&p, longest, true);
	panic_lost(&p, longest, "x");
	ATF_REQUIRE_EQ(2 * longest, panic_deadline(&p));
	panic_tick(&p, 2 * longest - 1);
	require_alive(&p);
}

/*
 * A signal can interrupt any step of the end.  Its handler's own panic must let
 * the first one finish.
 */
static int interrupt_at, step;

static void
interrupt(void)
{
	if (step++ == interrupt_at) {
		panic_hard(&p, "handler");
		panic_stop(&p, "handler");
		panic_tick(&p, NEVER - 1);
	}
}

static void
late_wipe(void)
{
	interrupt();
	world_wipe();
}

static void
late_kill_registered(void)
{
	interrupt();
	world_kill_registered();
}

static void
late_remove_files(void)
{
	interrupt();
	world_remove_files();
}

static void
late_log(enum panic_event event, const char *reason)
{
	interrupt();
	world_log(event, reason);
}

static void
late_kill(void)
{
	interrupt();
	world_kill();
}

CASE(a_handler_in_the_middle_of_the_end_lets_it_finish,
    "a signal handler that panics during any of the five steps of an armed panic lets the first one finish")
{
	static const struct panic_ops late = { .wipe = late_wipe,
		.kill_registered = late_kill_registered,
		.remove_files = late_remove_files,
		.log = late_log,
		.kill = late_kill,
		.done = world_done };

	for (interrupt_at = 0; interrupt_at < 5; interrupt_at++) {
		world_begin(&p, 0, true);
		p.ops = &late;
		step = 0;
		panic_lost(&p, 0, "loop");
		ATF_REQUIRE_EQ(5, step);
		require_ended(&p, PANIC_EXECUTED, "loop", true);
	}
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, nothing_happens_by_itself);
	ATF_TP_ADD_TC(tp, a_return_ends_the_panic_of_a_loss_alone);
	ATF_TP_ADD_TC(tp, at_the_deadline_it_is_too_late);
	ATF_TP_ADD_TC(tp, a_hard_panic_has_no_grace);
	ATF_TP_ADD_TC(tp, a_clean_stop_never_kills);
	ATF_TP_ADD_TC(tp, arming_is_a_ratchet);
	ATF_TP_ADD_TC(tp, the_longest_times_do_not_overflow);
	ATF_TP_ADD_TC(tp, a_handler_in_the_middle_of_the_end_lets_it_finish);
	return (atf_no_error());
}
