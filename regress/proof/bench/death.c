/* SPDX-License-Identifier: ISC */
/*
 * The time from the loss of the session (the client's close(2), or kill(2) with
 * SIGUSR2) to the moment at which a pidfd shows that the vault has ended.
 */
#include <err.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "bench.h"

#define DEATH_MS	20000
#define DEATH_LOADED_MS 20 /* that the load has run before */
#define LOOPS		4  /* of them */
#define OURS		"dazaid -d -a -g 0 -z 65536 -l key=- -s @"
#define ONE_DUTIES	"floor 1 @ 65536 duties"
#define TWO_DUTIES	"floor 2 @ 65536 duties"

enum way { CLOSE, USR2 };

static int loops; /* busy ones, meanwhile */

/*
 * The observer gets real-time priority if it may, so that it does not wait for
 * a processor and the figure is the subject's alone.
 */
static void
death_watch(bool first)
{
	const struct sched_param  param = { .sched_priority = 1 };
	static struct sched_param were;
	static int		  policy;

	if (first) {
		policy = sched_getscheduler(0);
		(void)sched_getparam(0, &were);
		(void)sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK,
		    &param);
	} else {
		(void)sched_setscheduler(0, policy, &were);
	}
}

static void
load_spin(const char *arg)
{
	volatile unsigned int n = 0;

	(void)arg;
	for (;;)
		n++;
}

/*
 * One life: microseconds from the loss to the end; with probe, to the end of
 * the wipe.
 */
static void
death(struct rival *v, enum way way, bool probe)
{
	struct subject *s = &v->s;
	struct load	load;
	struct pollfd	p;
	double		took;
	int64_t		t;

	subject_guard(s);
	if (probe && probe_open(s->pid) == -1)
		err(1, "uprobe");
	p = (struct pollfd){ .fd = s->pidfd, .events = POLLIN };
	load_start(&load, loops, load_spin, NULL);
	if (loops > 0)
		subject_settle(DEATH_LOADED_MS);
	death_watch(true);
	t = now_ns();
	if (way == CLOSE) {
		close(s->heart);
		s->heart = -1;
	} else {
		(void)kill(s->pid, SIGUSR2);
	}
	if (poll(&p, 1, DEATH_MS) != 1)
		errx(1, "%s: does not die", s->name);
	took = us_since(t);
	death_watch(false);
	load_stop(&load);
	if (probe)
		took = (double)(probe_last() - t) / 1000;
	if (took < 0)
		errx(1, "%s: not seen to wipe", s->name);
	subject_gone(s);
	sample(v, took);
}

static void
dead_by_close(struct rival *v)
{
	death(v, CLOSE, false);
}

static void
dead_by_usr2(struct rival *v)
{
	death(v, USR2, false);
}

static void
wiped(struct rival *v)
{
	death(v, CLOSE, true);
}

/* By the end of the heartbeat's connection, or by SIGUSR2. */
static void
deaths(const char *name, bool eof, uid_t uid, double goal)
{
	const struct figure f = { name, "µs", samples, uid, 0 };
	void (*take)(struct rival *) = eof ? dead_by_close : dead_by_usr2;
	struct rival v[] = {
		RIVAL("dazaid", 0, take, HEARTBEAT, OURS),
		RIVAL(eof ? "two-process floor, its duties too" :
			    "one-process floor, its duties too",
		    goal, take, HEARTBEAT, eof ? TWO_DUTIES : ONE_DUTIES),
		RIVAL("two-process floor", UNLISTED, take, HEARTBEAT,
		    "floor 2 @ 65536"),
		RIVAL("one-process floor", UNLISTED, take, HEARTBEAT,
		    "floor 1 @ 65536"),
	};

	compare(&f, v, eof ? NELEM(v) : 2);
}

void
figure_eof(void)
{
	const struct figure f = { "EOF to wiped", "µs", samples, 0, 0 };

	struct rival v[] = {
		RIVAL("dazaid", 0, wiped, HEARTBEAT, OURS),
		RIVAL("its EOF to dead", 0.6, dead_by_close, HEARTBEAT, OURS),
		RIVAL("one-process floor, wiped", 1, wiped, HEARTBEAT,
		    "floor 1 @ 65536"),
	};

	deaths("EOF to dead, root", true, 0, 1.2);
	compare(&f, v, NELEM(v));
	deaths("EOF to dead, user", true, somebody, 1.2);
}

/* The loss of a tether's last holder, beside that of the heartbeat. */
void
figure_tether(void)
{
	struct figure f = { "tether lost to wiped", "µs", samples, 0, 0 };
	struct rival  lost[] = {
		 RIVAL("dazaid", 0, wiped, TETHER, OURS),
		 RIVAL("heartbeat lost to wiped", 1.1, wiped, HEARTBEAT, OURS),
	};
	struct rival many[] = {
		RIVAL("dazaid", 0, wiped, TETHERS, OURS),
		RIVAL("without them", 1.2, wiped, TETHER, OURS),
	};

	compare(&f, lost, NELEM(lost));
	f.name = "tether lost to wiped, 63 other holders";
	compare(&f, many, NELEM(many));
}

void
figure_usr2(void)
{
	deaths("SIGUSR2 to dead, root", false, 0, 1.2);
	deaths("SIGUSR2 to dead, user", false, somebody, 1.2);
}

void
figure_load(void)
{
	loops = LOOPS;
	deaths("EOF to dead, 4 busy loops, root", true, 0, 1.3);
	deaths("SIGUSR2 to dead, 4 busy loops, root", false, 0, 1.3);
	deaths("EOF to dead, 4 busy loops, user", true, somebody, 1.3);
	deaths("SIGUSR2 to dead, 4 busy loops, user", false, somebody, 1.3);
	loops = 0;
}
