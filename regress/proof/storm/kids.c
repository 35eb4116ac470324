/* SPDX-License-Identifier: ISC */
/*
 * Idle child processes that clients register.  None is reaped before the end of
 * the life, so that its pid cannot become another process's, which would then
 * be killed.
 */
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

#define SOON	      (50 * MS) /* a process that was killed ends */
#define PROCESS_GROUP 4		/* PIDFD_SIGNAL_PROCESS_GROUP of Linux 6.9 */

/* Registers itself, and reports how that went. */
static void
kid_register(int news)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	char		   answer = '-';
	int		   fd;

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", l.ctl);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd != -1 &&
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
	    send(fd, "REGISTER\n", 9, MSG_NOSIGNAL) == 9)
		(void)!read(fd, &answer, 1);
	(void)!write(news, &answer, 1);
	close(fd);
	close(news);
}

/* What the child k or its mate does first. */
static void
kid_begin(void)
{
	if (l.setup.other && setresuid(NOBODY, NOBODY, NOBODY) == -1)
		_exit(1);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* As after exec: /proc then shows the true owner. */
	(void)prctl(PR_SET_DUMPABLE, 1);
	(void)signal(SIGTERM, SIG_DFL);
}

/* Adds a process to k's group, which k leads, as a command's children are. */
static void
kid_mate(struct kid *k)
{
	if ((k->mate = fork()) == -1)
		fatal("fork");
	if (k->mate == 0) {
		kid_begin();
		(void)close_range(3, ~0U, 0);
		for (;;)
			(void)pause();
	}
	if (setpgid(k->mate, k->pid) == -1)
		fatal("setpgid");
}

static void
kid_end(struct kid *k)
{
	(void)pidfd_send_signal(k->pidfd, SIGKILL, NULL, 0);
	(void)kill(k->mate, SIGKILL);
	(void)waitpid(k->pid, NULL, 0);
	(void)waitpid(k->mate, NULL, 0);
}

static void
kid_start(struct kid *k, bool itself)
{
	char ready;
	int  p[2];

	if (pipe2(p, O_CLOEXEC) == -1)
		fatal("pipe");
	if ((k->pid = fork()) == -1)
		fatal("fork");
	if (k->pid == 0) {
		kid_begin();
		(void)setpgid(0, 0);
		if (p[1] != 3)
			p[1] = dup2(p[1], 3);
		(void)close_range(4, ~0U, 0);
		(void)!write(p[1], "", 1);
		if (itself)
			kid_register(p[1]);
		for (;;)
			(void)pause();
	}
	close(p[1]);
	/* Before that /proc says that root owns it. */
	if (read(p[0], &ready, 1) != 1)
		fatal("a kid that does not start");
	k->news = p[0];
	if (!itself) {
		close(p[0]);
		k->news = -1;
	}
	if ((k->pidfd = pidfd_open(k->pid, 0)) == -1)
		fatal("pidfd_open");
	kid_mate(k);
}

void
kids_start(void)
{
	int i;

	for (i = 0; i < KIDS; i++)
		kid_start(&l.kids[i], false);
}

bool
kid_is_dead(const struct kid *k, usec wait)
{
	struct pollfd pfd = { .fd = k->pidfd, .events = POLLIN };

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
	if (kid_is_dead(k, SOON))
		guard_kid_ended(i);
}

/* A REGISTER or UNREGISTER of kid i is about to be sent. */
void
kid_asked(enum kind kind, int i)
{
	struct kid *k = &l.kids[i];

	if (kind == K_REGISTER) {
		k->maybe = true;
		k->regs++;
	} else {
		k->sure = false;
		k->unregs++;
	}
}

static bool
kid_is_watched(int i)
{
	const struct peer *p;

	for (p = l.peers; p < l.peers + l.npeers; p++) {
		if ((p->watches & 1U << i) != 0)
			return (true);
	}
	return (false);
}

/* Replaces kid i, if no operation refers to it. */
void
kid_self(int i)
{
	struct kid *k = &l.kids[i];

	if (k->killed || k->regs + k->unregs > 0 || k->reg + k->unreg > 0 ||
	    kid_is_watched(i))
		return;
	kid_end(k);
	close(k->pidfd);
	note("kid %d registers itself", i);
	kid_asked(K_REGISTER, i);
	k->self = now();
	kid_start(k, true);
}

/*
 * A REGISTER, begun at inv, was answered: the kid is registered, unless an
 * UNREGISTER that may have come later was under way.
 */
static void
kid_registered(struct kid *k, usec inv)
{
	if (k->unregs == 0 && k->unreg < inv)
		k->sure = true;
}

/* The answer to a kid that registers itself. */
void
kid_news(int i)
{
	struct kid *k = &l.kids[i];
	char	    answer = '-';

	if (read(k->news, &answer, 1) == 1)
		note("kid %d read %c", i, answer);
	close(k->news);
	k->news = -1;
	if (answer == 'E')
		broken("kid %d is refused when it registers itself", i);
	if (answer == 'O')
		kid_registered(k, k->self);
	if (answer != '-' && --k->regs == 0)
		k->reg = now();
}

/* The answer to another client. */
void
kid_answer(const struct op *op, int i)
{
	struct kid *k = &l.kids[i];

	if (op->kind == K_REGISTER) {
		if (op->result == A_INVALID && !k->killed)
			broken("REGISTER of kid %d, which lives, is refused",
			    i);
		if (op->result == A_OK)
			kid_registered(k, op->inv);
		if (--k->regs == 0)
			k->reg = op->resp;
		return;
	}
	if (op->result == A_OK && !k->maybe)
		broken("UNREGISTER of kid %d is OK, and it never was", i);
	if (--k->unregs > 0) /* that may have come before this one */
		return;
	k->unreg = op->resp;
	/*
	 * From now on it is not registered, unless somebody registers it again.
	 */
	if (k->regs == 0 && k->reg < op->inv)
		k->maybe = false;
}

/* Has the mate of k ended, or does so within the time? */
static bool
kid_mate_is_dead(const struct kid *k, usec wait)
{
	struct pollfd pfd = { .fd = pidfd_open(k->mate, 0), .events = POLLIN };
	bool	      dead;

	if (pfd.fd == -1)
		fatal("pidfd_open");
	dead = poll(&pfd, 1, (int)(wait / MS)) == 1;
	close(pfd.fd);
	return (dead);
}

/* Can the kernel kill the group of a process that is held by pidfd? */
static bool
kid_groups(const struct kid *k)
{
	return (pidfd_send_signal(k->pidfd, 0, NULL, PROCESS_GROUP) == 0 ||
	    errno != EINVAL);
}

/* As for kids, of a kid's group; the kid may have been killed alone. */
static void
kid_mate_verdict(const struct kid *k, int i, bool executed, bool doubted)
{
	if (!k->killed && k->sure && executed && !doubted && kid_groups(k) &&
	    !kid_mate_is_dead(k, SLOW))
		broken("kid %d is registered, and its group outlives the panic",
		    i);
	if ((!executed || !k->maybe) && kid_mate_is_dead(k, 0))
		broken("the group of kid %d is dead, and should not be", i);
}

/*
 * The daemon has ended.  executed: it may have killed the registered kids, and
 * must have if there is no doubt.
 */
void
kids_verdict(bool executed, bool doubted)
{
	struct kid *k;
	int	    i;

	for (i = 0; i < KIDS; i++) {
		k = &l.kids[i];
		if (!k->killed && k->sure && executed && !doubted &&
		    !kid_is_dead(k, SLOW))
			broken("kid %d is registered and outlives the panic",
			    i);
		if (!k->killed && (!executed || !k->maybe) && kid_is_dead(k, 0))
			broken("kid %d is dead, and should not be", i);
		kid_mate_verdict(k, i, executed, doubted);
		kid_end(k);
	}
	if (l.setup.front)
		(void)pidfd_send_signal(l.kids[FRONT].pidfd, SIGKILL, NULL, 0);
}
