/* SPDX-License-Identifier: ISC */
/*
 * The time from the loss of the session (the client's close(2), or kill(2) with
 * SIGUSR2) to the moment at which a pidfd shows that the vault has ended.
 */
#include <err.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define DEATH_MS	20000
#define DEATH_LOADED_MS 20 /* that the load has run before */
#define LOOPS		4  /* of them */

enum way { CLOSE, USR2 };

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

/*
 * One life: microseconds from the loss to the end; with probe, to the end of
 * the wipe.
 */
static double
death(struct subject *s, enum way way, const struct load *load, bool probe)
{
	struct pollfd p;
	double	      took;
	int64_t	      t;

	subject_guard(s);
	if (probe && probe_open(s->pid) == -1)
		err(1, "uprobe");
	p = (struct pollfd){ .fd = s->pidfd, .events = POLLIN };
	if (load != NULL) {
		load_pause(load, false);
		subject_settle(DEATH_LOADED_MS);
	}
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
	if (load != NULL)
		load_pause(load, true);
	if (probe)
		took = (double)(probe_last() - t) / 1000;
	if (took < 0)
		errx(1, "%s: not seen to wipe", s->name);
	subject_gone(s);
	return (took);
}

/* The subjects to compare, the same for each way to die. */
struct deaths {
	struct subject ours, one, two;
	struct subject one_duties, two_duties;
	struct series  dead, dead_one, dead_two, wiped, wiped_one;
	struct series dead_duties; /* of the floor, which it is compared with */
};

static void
deaths_init(struct deaths *d, uid_t uid)
{
	memset(d, 0, sizeof(*d));
	subject_init(&d->ours, "dazaid", HEARTBEAT, uid,
	    "dazaid -d -a -g 0 -z 65536 -l key=- -s @");
	subject_init(&d->one, "one-process floor", HEARTBEAT, uid,
	    "floor 1 @ 65536");
	subject_init(&d->two, "two-process floor", HEARTBEAT, uid,
	    "floor 2 @ 65536");
	subject_init(&d->one_duties, "one-process floor, its duties too",
	    HEARTBEAT, uid, "floor 1 @ 65536 duties");
	subject_init(&d->two_duties, "two-process floor, its duties too",
	    HEARTBEAT, uid, "floor 2 @ 65536 duties");
}

static void
deaths_compare(struct deaths *d, const char *figure, struct subject *s,
    struct series *other, double goal)
{
	const struct row r = { .figure = figure,
		.unit = "µs",
		.name = s->name,
		.ours = &d->dead,
		.other = other,
		.goal = goal };

	report(&r);
}

static void
deaths_eof(const char *figure, uid_t uid, bool probe)
{
	struct deaths d;
	struct row    r = { .unit = "µs" };
	size_t	      i;

	deaths_init(&d, uid);
	for (i = 0; i < samples; i++) {
		series_add(&d.dead, death(&d.ours, CLOSE, NULL, false));
		series_add(&d.dead_two, death(&d.two, CLOSE, NULL, false));
		series_add(&d.dead_one, death(&d.one, CLOSE, NULL, false));
		series_add(&d.dead_duties,
		    death(&d.two_duties, CLOSE, NULL, false));
		if (probe) {
			series_add(&d.wiped, death(&d.ours, CLOSE, NULL, true));
			series_add(&d.wiped_one,
			    death(&d.one, CLOSE, NULL, true));
		}
	}
	deaths_compare(&d, figure, &d.two_duties, &d.dead_duties, 1.2);
	report_samples(figure, d.ours.name, &d.dead);
	report_samples(figure, d.two.name, &d.dead_two);
	report_samples(figure, d.one.name, &d.dead_one);
	if (!probe)
		return;
	r.figure = "EOF to wiped";
	r.ours = &d.wiped;
	r.name = "its EOF to dead";
	r.other = &d.dead;
	r.goal = 0.6;
	report(&r);
	r.name = "one-process floor, wiped";
	r.other = &d.wiped_one;
	r.goal = 1;
	report(&r);
	report_samples(figure, "dazaid, wiped", &d.wiped);
}

void
figure_eof(void)
{
	if (getuid() == 0) {
		deaths_eof("EOF to dead, root", 0, true);
	} else {
		report_missing("EOF to dead, root", "needs root");
		report_missing("EOF to wiped", "needs root");
	}
	deaths_eof("EOF to dead, user", somebody, false);
}

/* The loss of a tether's last holder, beside that of the heartbeat. */
void
figure_tether(void)
{
	static const char command[] =
	    "dazaid -d -a -g 0 -z 65536 -l key=- -s @";
	struct subject heartbeat, tether, many;
	struct series  dropped = { 0 }, lost = { 0 }, lost_many = { 0 };
	struct row     r = { .figure = "tether lost to wiped",
		    .unit = "µs",
		    .name = "heartbeat lost to wiped",
		    .ours = &lost,
		    .other = &dropped,
		    .goal = 1.1 };
	size_t	       i;

	if (getuid() != 0) {
		report_missing(r.figure, "needs root");
		return;
	}
	subject_init(&heartbeat, "dazaid", HEARTBEAT, 0, command);
	subject_init(&tether, "dazaid", TETHER, 0, command);
	subject_init(&many, "dazaid", TETHER, 0, command);
	many.nothers = SUBJECT_OTHERS;
	for (i = 0; i < samples; i++) {
		series_add(&dropped, death(&heartbeat, CLOSE, NULL, true));
		series_add(&lost, death(&tether, CLOSE, NULL, true));
		series_add(&lost_many, death(&many, CLOSE, NULL, true));
	}
	report(&r);
	r.figure = "tether lost to wiped, 63 other holders";
	r.ours = &lost_many;
	r.name = "without them";
	r.other = &lost;
	r.goal = 1.2;
	report(&r);
}

static void
deaths_usr2(const char *figure, uid_t uid)
{
	struct deaths d;
	size_t	      i;

	deaths_init(&d, uid);
	for (i = 0; i < samples; i++) {
		series_add(&d.dead, death(&d.ours, USR2, NULL, false));
		series_add(&d.dead_duties,
		    death(&d.one_duties, USR2, NULL, false));
	}
	deaths_compare(&d, figure, &d.one_duties, &d.dead_duties, 1.2);
}

void
figure_usr2(void)
{
	if (getuid() == 0)
		deaths_usr2("SIGUSR2 to dead, root", 0);
	else
		report_missing("SIGUSR2 to dead, root", "needs root");
	deaths_usr2("SIGUSR2 to dead, user", somebody);
}

static void
load_spin(const char *arg)
{
	volatile unsigned int n = 0;

	(void)arg;
	for (;;)
		n++;
}

static void
deaths_loaded(const char *eof, const char *usr2, uid_t uid)
{
	struct load   load;
	struct deaths d, e;
	size_t	      i;

	deaths_init(&d, uid);
	deaths_init(&e, uid);
	load_start(&load, LOOPS, load_spin, NULL);
	for (i = 0; i < samples; i++) {
		series_add(&d.dead, death(&d.ours, CLOSE, &load, false));
		series_add(&d.dead_duties,
		    death(&d.two_duties, CLOSE, &load, false));
		series_add(&e.dead, death(&e.ours, USR2, &load, false));
		series_add(&e.dead_duties,
		    death(&e.one_duties, USR2, &load, false));
	}
	load_stop(&load);
	deaths_compare(&d, eof, &d.two_duties, &d.dead_duties, 1.3);
	deaths_compare(&e, usr2, &e.one_duties, &e.dead_duties, 1.3);
}

void
figure_load(void)
{
	if (getuid() == 0)
		deaths_loaded("EOF to dead, 4 busy loops, root",
		    "SIGUSR2 to dead, 4 busy loops, root", 0);
	else
		report_missing("4 busy loops, root", "needs root");
	deaths_loaded("EOF to dead, 4 busy loops, user",
	    "SIGUSR2 to dead, 4 busy loops, user", somebody);
}
