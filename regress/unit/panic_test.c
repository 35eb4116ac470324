/* SPDX-License-Identifier: ISC */
/*
 * What the enumeration of the panic controller and the session, in
 * session_test.c, and the vault in replay_vault do not show: returns at the
 * deadline, arming, long times, and signal handlers in the middle of the end.
 */
#include "case.h"
#include "world.h"

#define GRACE 5

static struct panic p;

/* It ended once, in that way and for that reason. */
static void
require_ended(enum panic_event how, const char *reason, bool killed)
{
	ATF_REQUIRE_MSG(world.wrong == NULL, "not so: %s", world.wrong);
	ATF_REQUIRE(p.over);
	ATF_REQUIRE_EQ(1, world.wiped);
	ATF_REQUIRE_EQ(1, world.removed);
	ATF_REQUIRE_EQ(1, world.logged);
	ATF_REQUIRE_EQ(how, world.how);
	ATF_REQUIRE_STREQ(reason, world.reason);
	ATF_REQUIRE_EQ(killed, world.felled);
	ATF_REQUIRE_EQ(killed, world.killed);
	ATF_REQUIRE_EQ(!killed, world.exited);
	ATF_REQUIRE_EQ(NEVER, panic_deadline(&p));
}

CASE(at_the_deadline_it_is_too_late,
    "a return or CANCEL at the deadline finds the panic executed")
{
	world_begin(&p, GRACE, true);
	panic_lost(&p, 10, "lost");
	panic_returned(&p, 10 + GRACE, "back");
	require_ended(PANIC_EXECUTED, "lost", true);
	world_begin(&p, GRACE, true);
	panic_order(&p, 10, "SIGUSR1");
	ATF_REQUIRE(!panic_cancel(&p, 1LL << 50));
	require_ended(PANIC_EXECUTED, "SIGUSR1", true);
}

CASE(arming_is_a_ratchet,
    "nothing disarms, and after the end arming has no effect")
{
	world_begin(&p, GRACE, false);
	ATF_REQUIRE(panic_arm(&p));
	ATF_REQUIRE(!panic_arm(&p));
	world.armed = true;
	panic_hard(&p, "x");
	require_ended(PANIC_HARD, "x", true);
	world_begin(&p, GRACE, false);
	panic_hard(&p, "x");
	(void)panic_arm(&p);
	panic_hard(&p, "x");
	require_ended(PANIC_HARD, "x", false);
}

CASE(the_longest_times_do_not_overflow, "31 years of grace, 31 years from now")
{
	const int64_t longest = 1000000000LL * 1000;

	world_begin(&p, longest, true);
	panic_lost(&p, longest, "x");
	ATF_REQUIRE_EQ(2 * longest, panic_deadline(&p));
	panic_tick(&p, 2 * longest - 1);
	ATF_REQUIRE(!p.over && world.wiped == 0);
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
    "a signal handler that panics during any of the five steps of an armed "
    "panic lets the first one finish")
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
		require_ended(PANIC_EXECUTED, "loop", true);
	}
}
