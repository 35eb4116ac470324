/* SPDX-License-Identifier: ISC */
/*
 * Idle child processes that clients register.  None is reaped before the end of
 * the life, so that its pid cannot become another process's, which would then
 * be killed.
 */
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "storm.h"

#define SOON (50 * MS) /* a process that was killed ends */

/* Forks a child that waits to be killed, and is its owner's also in /proc. */
static void
kid_start(struct kid *k)
{
	char ready;
	int  p[2];

	if (pipe2(p, O_CLOEXEC) == -1 || (k->pid = fork()) == -1)
		fatal("pipe, fork");
	if (k->pid == 0) {
		if (l.setup.other && setresuid(NOBODY, NOBODY, NOBODY) == -1)
			_exit(1);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* As after exec: /proc then shows the true owner. */
		(void)prctl(PR_SET_DUMPABLE, 1);
		(void)signal(SIGTERM, SIG_DFL);
		(void)!write(p[1], "", 1);
		for (;;)
			(void)pause();
	}
	close(p[1]);
	k->pidfd = pidfd_open(k->pid, 0);
	if (read(p[0], &ready, 1) != 1 || k->pidfd == -1)
		fatal("a kid that does not start");
	close(p[0]);
}

void
kids_start(void)
{
	int i;

	for (i = 0; i < KIDS; i++)
		kid_start(&l.kids[i]);
}

/* Has the process of this pidfd ended, or does it so within the time? */
bool
kid_is_dead(int pidfd, usec wait)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };

	return (poll(&pfd, 1, (int)(wait / MS)) == 1);
}

void
kid_kill(int i)
{
	struct kid *k = &l.kids[i];

	note("SIGKILL to kid %d", i);
	k->killed = true;
	guard_kid_ends(i);
	(void)pidfd_send_signal(k->pidfd, SIGKILL, NULL, 0);
	if (kid_is_dead(k->pidfd, SOON))
		guard_kid_ended(i);
}

/*
 * Returns whether kid i may be registered at the end (sure: is, in every
 * order): there is a REGISTER that no UNREGISTER need have followed.
 */
static bool
kid_is_registered(int i, bool sure)
{
	const struct op *r, *u;
	bool		 is;

	for (r = l.ops; r < l.ops + l.nops; r++) {
		if (r->kind != K_REGISTER || r->name != i ||
		    (sure ? r->result != A_OK : r->result == A_REFUSED))
			continue;
		is = true;
		for (u = l.ops; u < l.ops + l.nops; u++) {
			if (u->kind == K_UNREGISTER && u->name == i &&
			    (sure ? u->resp > r->inv :
				    u->result == A_OK && r->result == A_OK &&
					u->inv > r->resp))
				is = false;
		}
		if (is)
			return (true);
	}
	return (false);
}

/*
 * The daemon has ended.  executed: it may have killed the registered kids, and
 * must have if there is no doubt.  Those that we killed do not count.
 */
void
kids_verdict(bool executed, bool doubted)
{
	struct kid *k;
	int	    i;

	for (i = 0; i < KIDS; i++) {
		k = &l.kids[i];
		if (!k->killed && executed && !doubted &&
		    kid_is_registered(i, true) && !kid_is_dead(k->pidfd, SLOW))
			broken("kid %d is registered and outlives the panic",
			    i);
		if (!k->killed && !(executed && kid_is_registered(i, false)) &&
		    kid_is_dead(k->pidfd, 0))
			broken("kid %d should not be dead", i);
	}
	for (i = 0; i < KIDS; i++) {
		(void)pidfd_send_signal(l.kids[i].pidfd, SIGKILL, NULL, 0);
		(void)waitpid(l.kids[i].pid, NULL, 0);
	}
}
