/* SPDX-License-Identifier: ISC */
/*
 * The world that a panic controller acts on in the tests: it counts what is
 * done to it, and notes the first thing that is done out of order.
 */
#ifndef REGRESS_WORLD_H
#define REGRESS_WORLD_H

#include <atf-c.h>
#include <string.h>

#include "panic.h"

#define NEVER PANIC_NEVER

static struct world {
	unsigned int	 wiped; /* how often each was done */
	unsigned int	 felled;
	unsigned int	 removed;
	unsigned int	 logged; /* an end; "pending" and so on count apart */
	unsigned int	 killed;
	unsigned int	 exited;
	unsigned int	 pending;
	unsigned int	 cancelled;
	enum panic_event how;	 /* the end in the log */
	const char	*reason; /* the last one in the log */
	const char	*wrong;	 /* the first rule that was broken */
	bool		 armed;	 /* as the test knows it */
} world;

static void
world_expect(bool right, const char *rule)
{
	if (!right && world.wrong == NULL)
		world.wrong = rule;
}

static void
world_wipe(void)
{
	world_expect(world.wiped++ == 0, "wiped once");
}

static void
world_kill_registered(void)
{
	world_expect(world.wiped && !world.removed && !world.logged,
	    "registered processes are killed right after the wipe");
	world_expect(world.armed, "nothing is killed unarmed");
	world_expect(world.felled++ == 0, "killed once");
}

static void
world_remove_files(void)
{
	world_expect(world.wiped && !world.logged, "files go after the wipe");
	world_expect(world.removed++ == 0, "files go once");
}

static void
world_log(enum panic_event event, const char *reason)
{
	world_expect(reason != NULL, "a log line has a reason");
	world.reason = reason;
	if (event == PANIC_PENDING || event == PANIC_CANCELLED) {
		world_expect(!world.wiped, "no grace window after the end");
		world.pending += event == PANIC_PENDING;
		world.cancelled += event == PANIC_CANCELLED;
		return;
	}
	world_expect(world.wiped && world.removed,
	    "the end is logged after the wipe and the files");
	world_expect(world.logged++ == 0, "the end is logged once");
	world_expect(event != PANIC_STOPPED || !world.felled,
	    "a clean stop kills nothing");
	world.how = event;
}

static void
world_kill(void)
{
	world_expect(world.wiped && world.felled && world.removed &&
		world.logged,
	    "SIGKILL comes last");
	world_expect(world.how != PANIC_STOPPED, "a clean stop does not kill");
	world_expect(world.killed++ == 0 && !world.exited, "one end");
}

static void
world_done(void)
{
	world_expect(world.wiped && world.removed && world.logged,
	    "exit comes last");
	world_expect(!world.felled, "an exit spares registered processes");
	world_expect(world.exited++ == 0 && !world.killed, "one end");
}

static const struct panic_ops world_ops = { .wipe = world_wipe,
	.kill_registered = world_kill_registered,
	.remove_files = world_remove_files,
	.log = world_log,
	.kill = world_kill,
	.done = world_done };

static void
world_begin(struct panic *p, int64_t grace, bool armed)
{
	memset(&world, 0, sizeof(world));
	world.armed = armed;
	panic_init(p, &world_ops, grace, armed);
}

#endif
