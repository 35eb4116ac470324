/* SPDX-License-Identifier: ISC */
/*
 * What running it costs: start, memory, processor time while idle, and the wipe
 * of a large arena.
 */
#include <sys/mman.h>
#include <sys/wait.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "secmem.h"

#define TERMINALS  4
#define SLEEPER_MS 20 /* until it has started */
#define IDLERS	   15 /* of each kind, over the same time */
#define IDLE_MS	   10000L
#define MIB	   (1024.0 * 1024)

/*
 * Start.
 */

static void
start(struct subject *s, struct series *to)
{
	const int64_t t = now_ns();

	subject_start(s);
	subject_greet(s);
	series_add(to, us_since(t) / 1000);
	subject_know(s);
	subject_stop(s);
}

static void
starts(const char *figure, uid_t uid)
{
	enum { OURS, SSH, GPG, FLOOR, KINDS };
	struct subject s[KINDS];
	struct series  t[KINDS] = { { 0 } };
	struct row     r = { .figure = figure, .unit = "ms", .ours = &t[OURS] };
	size_t	       i;
	int	       k;

	subject_init(&s[OURS], "dazaid", HEARTBEAT, uid, "dazaid -d -a -s @");
	subject_init(&s[SSH], "ssh-agent", SSH_AGENT, uid, "ssh-agent -D -a @");
	subject_init(&s[GPG], "gpg-agent", GPG_AGENT, uid,
	    "gpg-agent --homedir % --daemon");
	subject_init(&s[FLOOR], "two-process floor, its duties too", HEARTBEAT,
	    uid, "floor 2 @ 65536 again");
	for (i = 0; i < samples; i++) {
		for (k = 0; k < KINDS; k++)
			start(&s[k], &t[k]);
	}
	for (k = SSH; k < KINDS; k++) {
		r.name = s[k].name;
		r.other = &t[k];
		r.goal = k == SSH ? 0.8 : k == GPG ? 1 : 0;
		report(&r);
	}
}

void
figure_start(void)
{
	if (getuid() == 0)
		starts("start to WELCOME, root", 0);
	else
		report_missing("start to WELCOME, root", "needs root");
	starts("start to WELCOME, user", somebody);
}

/*
 * Memory.
 */

/* KiB of memory that only pid has, and its share of what is shared. */
static double
pss(pid_t pid)
{
	char  path[64], line[256];
	FILE *f;
	long  kib = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	if ((f = fopen(path, "re")) == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "Pss:", 4) == 0)
			kib = strtol(line + 4, NULL, 10);
	}
	(void)fclose(f);
	if (kib == -1)
		errx(1, "%s: no Pss", path);
	return ((double)kib);
}

static void
memory(struct subject *s, struct series *to)
{
	subject_guard(s);
	series_add(to, pss(s->pid) + (s->child != 0 ? pss(s->child) : 0));
	subject_stop(s);
}

void
figure_memory(void)
{
	enum { OURS, GPG, SSH, FLOOR, KINDS };
	struct subject s[KINDS];
	struct series  m[KINDS] = { { 0 } };
	struct row     r = { .figure = "memory (PSS), both processes",
		    .unit = "KiB",
		    .ours = &m[OURS] };
	size_t	       i;
	int	       k;

	if (getuid() != 0) {
		report_missing(r.figure, "needs root");
		return;
	}
	subject_init(&s[OURS], "dazaid", HEARTBEAT, somebody,
	    "dazaid -d -a -z 65536 -s @");
	subject_init(&s[GPG], "gpg-agent", GPG_AGENT, somebody,
	    "gpg-agent --homedir % --daemon");
	subject_init(&s[SSH], "ssh-agent", SSH_AGENT, somebody,
	    "ssh-agent -D -a @");
	subject_init(&s[FLOOR], "two-process floor", HEARTBEAT, somebody,
	    "floor 2 @ 65536");
	for (i = 0; i < few; i++) {
		for (k = 0; k < KINDS; k++)
			memory(&s[k], &m[k]);
	}
	for (k = GPG; k < KINDS; k++) {
		r.name = s[k].name;
		r.other = &m[k];
		r.goal = k == GPG ? 1 : 0;
		report(&r);
	}
}

/* Has a dazai-hb hold for us in the background; returns its pid. */
static pid_t
holder(struct subject *s)
{
	static const char before[] = "in the background: pid ";
	char		  path[96], log[512], *at;
	FILE		 *f;
	int		  status;

	(void)snprintf(path, sizeof(path), "%s/log", s->dir);
	(void)unlink(path);
	subject_start(s);
	if (waitpid(s->pid, &status, 0) == -1 ||
	    (f = fopen(path, "re")) == NULL)
		err(1, "dazai-hb");
	close(s->pidfd);
	log[fread(log, 1, sizeof(log) - 1, f)] = '\0';
	(void)fclose(f);
	if (status != 0 || (at = strstr(log, before)) == NULL)
		errx(1, "dazai-hb: status %d: %s", status, log);
	return ((pid_t)strtol(at + strlen(before), NULL, 10));
}

/* One sleep(1), while TERMINALS of them run. */
static void
sleepers(struct subject *s, struct series *to)
{
	int k;

	for (k = 0; k < TERMINALS; k++)
		subject_start(&s[k]);
	subject_settle(SLEEPER_MS);
	for (k = 0; k < TERMINALS; k++)
		series_add(to, pss(s[k].pid));
	for (k = 0; k < TERMINALS; k++)
		subject_stop(&s[k]);
}

/* One dazai-hb, likewise. */
void
figure_holder(void)
{
	struct subject ours, hb[TERMINALS], sleeping[TERMINALS];
	struct series  m = { 0 }, least = { 0 };
	struct row     r = { .figure = "memory (PSS), a dazai-hb, one of 4",
		    .unit = "KiB",
		    .ours = &m,
		    .goal = 200 };
	pid_t	       pid[TERMINALS];
	char	       command[256];
	size_t	       i;
	int	       k;

	if (getuid() != 0) {
		report_missing(r.figure, "needs root");
		return;
	}
	subject_init(&ours, "dazaid", HEARTBEAT, somebody, "dazaid -d -s @");
	(void)snprintf(command, sizeof(command), "dazai-hb -b -n session -s %s",
	    ours.sock);
	for (k = 0; k < TERMINALS; k++) {
		subject_init(&hb[k], "dazai-hb", HEARTBEAT, somebody, command);
		subject_init(&sleeping[k], "sleep(1)", HEARTBEAT, somebody,
		    "sleep 60");
	}
	for (i = 0; i < few; i++) {
		subject_guard(&ours);
		for (k = 0; k < TERMINALS; k++)
			pid[k] = holder(&hb[k]);
		for (k = 0; k < TERMINALS; k++)
			series_add(&m, pss(pid[k]));
		subject_stop(&ours);
		for (k = 0; k < TERMINALS; k++)
			(void)waitpid(pid[k], NULL, 0);
		sleepers(sleeping, &least);
	}
	report(&r);
	r.name = sleeping[0].name;
	r.other = &least;
	r.goal = 0;
	report(&r);
}

/*
 * Idle.
 */

static long
switches(pid_t pid)
{
	char  path[64], line[256], *value;
	FILE *f;
	long  n = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if ((f = fopen(path, "re")) == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		if ((value = strstr(line, "ctxt_switches:")) != NULL)
			n += strtol(value + strlen("ctxt_switches:"), NULL, 10);
	}
	(void)fclose(f);
	return (n);
}

static void
idle(const char *figure, struct subject *s, const long *before)
{
	struct series	 woken = { 0 };
	const struct row r = { .figure = figure,
		.unit = "",
		.ours = &woken,
		.tail = true };
	int		 i;

	for (i = 0; i < IDLERS; i++) {
		series_add(&woken,
		    (double)(switches(s[i].pid) + switches(s[i].child) -
			before[i]));
		subject_stop(&s[i]);
	}
	report(&r);
}

void
figure_idle(void)
{
	static struct subject s[2 * IDLERS];
	long		      before[2 * IDLERS];
	int		      i;

	for (i = 0; i < 2 * IDLERS; i++) {
		subject_init(&s[i], "dazaid", HEARTBEAT, getuid(),
		    i < IDLERS ? "dazaid -d -a -l key=- -s @" :
				 "dazaid -d -a -l key=- -t 600 -s @");
		subject_guard(&s[i]);
	}
	subject_settle(200);
	for (i = 0; i < 2 * IDLERS; i++)
		before[i] = switches(s[i].pid) + switches(s[i].child);
	subject_settle(IDLE_MS);
	idle("context switches in 10 s", s, before);
	idle("context switches in 10 s, -t 600", s + IDLERS, before + IDLERS);
}

/*
 * Wipe.
 */

static double
gib_per_s(const struct secmem *sm, int64_t t)
{
	return ((double)sm->len / MIB / 1024 / us_since(t) * 1e6);
}

/*
 * Compares with memset(3) on open memory, and on memory that was just unsealed,
 * as the arena is before its wipe: the difference is the price of the seal.
 */
static void
wipe(const char *figure, size_t mib, size_t n)
{
	struct secmem sm;
	struct series ours = { 0 }, open = { 0 }, opened = { 0 };
	struct row    r = { .figure = figure,
		   .unit = "GiB/s",
		   .name = "memset",
		   .ours = &ours,
		   .other = &open,
		   .goal = 0.9,
		   .more = true };
	size_t	      i;
	int64_t	      t;

	if (secmem_open(&sm, mib * 1024 * 1024 - SECMEM_CANARY, abort) == -1)
		err(1, "%s", figure);
	for (i = 0; i < n; i++) {
		t = now_ns();
		(void)secmem_wipe(&sm);
		series_add(&ours, gib_per_s(&sm, t));
		t = now_ns();
		memset(sm.pages, 1, sm.len);
		series_add(&open, gib_per_s(&sm, t));
		(void)mprotect(sm.pages, sm.len, PROT_NONE);
		t = now_ns();
		(void)mprotect(sm.pages, sm.len, PROT_READ | PROT_WRITE);
		memset(sm.pages, 2, sm.len);
		series_add(&opened, gib_per_s(&sm, t));
		(void)mprotect(sm.pages, sm.len, PROT_NONE);
	}
	(void)munmap(sm.pages, sm.len);
	report(&r);
	r.name = "mprotect and memset";
	r.other = &opened;
	r.goal = 0;
	report(&r);
}

void
figure_wipe(void)
{
	wipe("wipe, 1 MiB", 1, samples);
	wipe("wipe, 16 MiB", 16, samples);
	wipe("wipe, 64 MiB", 64, few);
}
