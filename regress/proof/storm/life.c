/* SPDX-License-Identifier: ISC */
/*
 * One life of a daemon: its acts at their times; then, if it still lives, an
 * end.
 */
#include <sys/stat.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storm.h"

#define REST (300 * MS) /* for a last act that may have no effect */

struct life l;

static void
life_act(const struct act *a)
{
	int i;

	l.counts->acts++;
	switch (a->deed) {
	case D_SIGNAL_VAULT:
	case D_SIGNAL_NETWORK:
		daemon_signal(a->deed == D_SIGNAL_NETWORK, a->n);
		break;
	case D_KILL_KID:
		kid_kill(a->n);
		break;
	default:
		if (a != &l.last || a->deed != D_CLOSE) {
			conn_act(a);
			return;
		}
		for (i = 0; i < GUARDS; i++)
			conn_close(&l.conns[i]);
	}
}

/*
 * The loop.
 */

enum { P_VAULT, P_LOG, P_CONNS, P_MAX = P_CONNS + CONNS };

static void
life_ended(void)
{
	if (waitpid(l.vault, &l.status, WNOHANG) != l.vault)
		return;
	l.end = now();
	note("the daemon has ended, status %#x", (unsigned int)l.status);
}

/* One turn: sleeps until something happens, at most until the given time. */
static void
life_turn(usec until)
{
	struct pollfd	pfd[P_MAX];
	const usec	t = now();
	struct conn    *c;
	struct timespec ts;
	int		i;

	pfd[P_VAULT] = (struct pollfd){ l.end == NEVER ? l.vaultfd : -1, POLLIN,
		0 };
	pfd[P_LOG] = (struct pollfd){ l.end == NEVER ? l.logfd : -1, POLLIN,
		0 };
	for (i = 0; i < CONNS; i++) {
		c = &l.conns[i];
		pfd[P_CONNS + i] = (struct pollfd){ c->fd, 0, 0 };
		if (!conn_wants(c, t, &pfd[P_CONNS + i].events)) {
			pfd[P_CONNS + i].fd = -1;
			if (c->fd != -1 && c->pace > t && c->pace < until)
				until = c->pace;
		}
	}
	ts.tv_sec = until > t ? (until - t) / 1000000 : 0;
	ts.tv_nsec = until > t ? (until - t) % 1000000 * 1000 : 0;
	if (ppoll(pfd, P_MAX, &ts, NULL) == -1)
		fatal("ppoll");
	model_time(now());
	if (pfd[P_LOG].revents != 0)
		daemon_log();
	for (i = 0; i < CONNS; i++) {
		if (pfd[P_CONNS + i].revents != 0)
			conn_ready(&l.conns[i], pfd[P_CONNS + i].revents);
	}
	if (pfd[P_VAULT].revents != 0)
		life_ended();
	if (l.end == NEVER && now() > model_bound(t))
		broken("the daemon has not ended, and should have");
}

/* Returns whether an answer that must come is still awaited. */
static bool
life_owes(usec since)
{
	const struct conn *c;
	int		   i;

	if (l.network_stopped || l.vault_stopped)
		return (false);
	for (i = 0; i < CONNS; i++) {
		c = &l.conns[i];
		if (c->fd == -1 || c->queued == 0 ||
		    l.ops[c->queue[0]].manner == STUCK)
			continue;
		if (now() > (c->active > since ? c->active : since) + SLOW)
			broken("%s of %s gets no answer",
			    kind_names[l.ops[c->queue[0]].kind], c->name);
		return (true);
	}
	return (false);
}

static void
life_acts(void)
{
	const struct act *a = l.acts;

	while (l.end == NEVER &&
	    (a < l.acts + l.nacts || now() < l.start + l.setup.span)) {
		while (l.end == NEVER && a < l.acts + l.nacts &&
		    l.start + a->at <= now())
			life_act(a++);
		life_turn(
		    l.start + (a < l.acts + l.nacts ? a->at : l.setup.span));
	}
}

/* All acts are done: waits for the answers, then ends the daemon. */
static void
life_last(void)
{
	const usec since = now();
	usec	   rest;

	while (l.end == NEVER && life_owes(since))
		life_turn(now() + REST);
	while (l.last.deed == K_QUIT && l.last.who < HEARTS - 1 &&
	    l.conns[l.last.who].fd == -1)
		l.last.who++;
	if (l.end == NEVER && model_bound(now()) == NEVER)
		life_act(&l.last);
	for (rest = now() + REST; l.end == NEVER;) {
		if (now() >= rest && model_bound(now()) == NEVER) {
			if (l.vault_stopped)
				daemon_signal(false, SIGCONT);
			daemon_signal(false, SIGTERM);
		}
		life_turn(now() < rest ? rest : now() + REST);
	}
}

/* Reads what the daemon sent before its end. */
static void
life_rest(void)
{
	const usec   patience = now() + SLOW;
	struct conn *c;
	int	     i, open = 1;

	if (l.network_stopped)
		daemon_signal(true, SIGCONT);
	while (open > 0) {
		for (i = open = 0; i < CONNS; i++) {
			c = &l.conns[i];
			if (c->fd == -1)
				continue;
			if (c->queued > 0 && l.ops[c->queue[0]].manner == STUCK)
				conn_close(c);
			else
				open++;
		}
		if (now() > patience)
			broken(
			    "the daemon has ended, its connections have not");
		if (open > 0)
			life_turn(now() + REST);
	}
	daemon_log();
}

static void
life_begin(uint64_t seed, uint64_t number, const char *dir, bool root,
    struct counts *counts)
{
	l.seed = seed;
	l.number = number;
	l.counts = counts;
	l.end = l.odd = NEVER;
	conn_begin();
	rng_seed(seed, number);
	plan_life(root);
	(void)snprintf(l.dir, sizeof(l.dir), "%s/%llu", dir,
	    (unsigned long long)number);
	(void)snprintf(l.sock, sizeof(l.sock), "%s/s", l.dir);
	(void)snprintf(l.ctl, sizeof(l.ctl), "%s.ctl", l.sock);
	if (mkdir(l.dir, 0700) == -1 ||
	    (l.setup.other && chown(l.dir, NOBODY, NOBODY) == -1))
		fatal(l.dir);
}

/* Runs one life of seed in a directory of its own under dir. */
void
life_run(uint64_t seed, uint64_t number, const char *dir, bool root,
    struct counts *counts)
{
	life_begin(seed, number, dir, root, counts);
	kids_start();
	daemon_start();
	l.start = now();
	life_acts();
	life_last();
	life_rest();
	end_verdict();
	counts->lives++;
}
