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
#define IDLERS	   15 /* over the same time */
#define IDLE_MS	   10000L
#define MIB	   (1024.0 * 1024)

/*
 * Start.
 */

static void
start(struct rival *v)
{
	const int64_t t = now_ns();

	subject_start(&v->s);
	subject_greet(&v->s);
	sample(v, us_since(t) / 1000);
	subject_know(&v->s);
	subject_stop(&v->s);
}

static void
starts(const char *name, uid_t uid)
{
	const struct figure f = { name, "ms", samples, uid, 0 };

	struct rival v[] = {
		RIVAL("dazaid", 0, start, HEARTBEAT, "dazaid -d -a -s @"),
		RIVAL("ssh-agent", 0.8, start, SSH_AGENT, "ssh-agent -D -a @"),
		RIVAL("gpg-agent", 1, start, GPG_AGENT,
		    "gpg-agent --homedir % --daemon"),
		RIVAL("two-process floor, its duties too", 0, start, HEARTBEAT,
		    "floor 2 @ 65536 again"),
	};

	compare(&f, v, NELEM(v));
}

void
figure_start(void)
{
	starts("start to WELCOME, root", 0);
	starts("start to WELCOME, user", somebody);
}

/* The sum of the numbers in the lines of a file in /proc/PID that have key. */
static long
proc_sum(pid_t pid, const char *file, const char *key)
{
	char  path[64], line[256], *at;
	FILE *f;
	long  sum = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	if ((f = fopen(path, "re")) == NULL)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		if ((at = strstr(line, key)) != NULL)
			sum += strtol(at + strlen(key), NULL, 10);
	}
	(void)fclose(f);
	return (sum);
}

/*
 * Memory.
 */

/* KiB of memory that only pid has, and its share of what is shared. */
static double
pss(pid_t pid)
{
	const long kib = proc_sum(pid, "smaps_rollup", "Pss:");

	if (kib == 0)
		errx(1, "%d: no Pss", pid);
	return ((double)kib);
}

static void
memory(struct rival *v)
{
	struct subject *s = &v->s;

	subject_guard(s);
	sample(v, pss(s->pid) + (s->child != 0 ? pss(s->child) : 0));
	subject_stop(s);
}

void
figure_memory(void)
{
	const struct figure f = { "memory (PSS), both processes", "KiB", few,
		somebody, ROOT };

	struct rival v[] = {
		RIVAL("dazaid", 0, memory, HEARTBEAT,
		    "dazaid -d -a -z 65536 -s @"),
		RIVAL("gpg-agent", 1, memory, GPG_AGENT,
		    "gpg-agent --homedir % --daemon"),
		RIVAL("ssh-agent", 0, memory, SSH_AGENT, "ssh-agent -D -a @"),
		RIVAL("two-process floor", 0, memory, HEARTBEAT,
		    "floor 2 @ 65536"),
	};

	compare(&f, v, NELEM(v));
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

/* As many as there are terminals: dazai-hb, or sleep(1). */
static void
terminals(struct rival *v, bool holds)
{
	static struct subject at[2 * TERMINALS];
	struct subject	     *s = holds ? at : at + TERMINALS;
	pid_t		      pid[TERMINALS];
	char		      command[256];
	int		      k;

	(void)snprintf(command, sizeof(command), "dazai-hb -b -n session -s %s",
	    v->s.sock);
	if (s->name == NULL) {
		for (k = 0; k < TERMINALS; k++)
			subject_init(&s[k], v->name, HEARTBEAT, somebody,
			    holds ? command : "sleep 60");
	}
	for (k = 0; k < TERMINALS; k++) {
		if (holds) {
			pid[k] = holder(&s[k]);
		} else {
			subject_start(&s[k]);
			pid[k] = s[k].pid;
		}
	}
	subject_settle(SLEEPER_MS);
	for (k = 0; k < TERMINALS; k++)
		sample(v, pss(pid[k]));
	if (holds)
		subject_stop(&v->s);
	for (k = 0; k < TERMINALS; k++) {
		if (holds)
			(void)waitpid(pid[k], NULL, 0);
		else
			subject_stop(&s[k]);
	}
}

static void
holding(struct rival *v)
{
	subject_guard(&v->s);
	terminals(v, true);
}

static void
sleeping(struct rival *v)
{
	terminals(v, false);
}

void
figure_holder(void)
{
	const struct figure f = { "memory (PSS), a dazai-hb, one of 4", "KiB",
		few, somebody, PLAIN | ROOT };

	struct rival v[] = {
		RIVAL("dazai-hb", 200, holding, HEARTBEAT, "dazaid -d -s @"),
		RIVAL("sleep(1)", 0, sleeping, HEARTBEAT, NULL),
	};

	compare(&f, v, NELEM(v));
}

/*
 * Idle.
 */

static long
switches(const struct subject *s)
{
	return (proc_sum(s->pid, "status", "ctxt_switches:") +
	    proc_sum(s->child, "status", "ctxt_switches:"));
}

/* Many daemons at once. */
static void
idling(struct rival *v)
{
	struct subject s[IDLERS];
	long	       before[IDLERS];
	int	       i;

	for (i = 0; i < IDLERS; i++) {
		subject_init(&s[i], "dazaid", HEARTBEAT, getuid(), v->client);
		subject_guard(&s[i]);
	}
	subject_settle(200);
	for (i = 0; i < IDLERS; i++)
		before[i] = switches(&s[i]);
	subject_settle(IDLE_MS);
	for (i = 0; i < IDLERS; i++) {
		sample(v, (double)(switches(&s[i]) - before[i]));
		subject_stop(&s[i]);
	}
}

static void
idle(const char *name, char *command)
{
	const struct figure f = { name, "", 1, getuid(), TAIL | PLAIN };

	struct rival v = { .name = "dazaid",
		.take = idling,
		.client = command };

	compare(&f, &v, 1);
}

void
figure_idle(void)
{
	char plain[] = "dazaid -d -a -l key=- -s @";
	char ttl[] = "dazaid -d -a -l key=- -t 600 -s @";

	idle("context switches in 10 s", plain);
	idle("context switches in 10 s, -t 600", ttl);
}

/*
 * Wipe.
 */

static struct secmem sm;

static void
sample_rate(struct rival *v, int64_t t)
{
	sample(v, (double)sm.len / MIB / 1024 / us_since(t) * 1e6);
}

static void
wiping(struct rival *v)
{
	const int64_t t = now_ns();

	(void)secmem_wipe(&sm);
	sample_rate(v, t);
}

/* memset(3) on open memory. */
static void
setting(struct rival *v)
{
	const int64_t t = now_ns();

	memset(sm.pages, 1, sm.len);
	sample_rate(v, t);
	(void)mprotect(sm.pages, sm.len, PROT_NONE);
}

/*
 * On memory that was just unsealed, as the arena is before its wipe: the
 * difference is the price of the seal.
 */
static void
unsealing(struct rival *v)
{
	const int64_t t = now_ns();

	(void)mprotect(sm.pages, sm.len, PROT_READ | PROT_WRITE);
	memset(sm.pages, 2, sm.len);
	sample_rate(v, t);
	(void)mprotect(sm.pages, sm.len, PROT_NONE);
}

static void
wipe(const char *name, size_t mib, size_t n)
{
	const struct figure f = { name, "GiB/s", n, getuid(), MORE };

	struct rival v[] = {
		RIVAL("dazaid", 0, wiping, HEARTBEAT, NULL),
		RIVAL("memset", 0.9, setting, HEARTBEAT, NULL),
		RIVAL("mprotect and memset", 0, unsealing, HEARTBEAT, NULL),
	};

	if (secmem_open(&sm, mib * 1024 * 1024 - SECMEM_CANARY, abort) == -1)
		err(1, "%s", name);
	compare(&f, v, NELEM(v));
	(void)munmap(sm.pages, sm.len);
}

void
figure_wipe(void)
{
	wipe("wipe, 1 MiB", 1, samples);
	wipe("wipe, 16 MiB", 16, samples);
	wipe("wipe, 64 MiB", 64, few);
}
