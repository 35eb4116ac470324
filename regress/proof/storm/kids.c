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

/*
 * Forks; returns the pid, and in *pidfd its pidfd, when the child is its
 * owner's, also in /proc.  The child registers itself if news is not NULL,
 * which becomes a pipe with the answer, and waits to be killed.
 */
static pid_t
kid_fork(int *pidfd, int *news)
{
	char  ready;
	int   p[2];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		fatal("pipe, fork");
	if (pid == 0) {
		if (l.setup.other && setresuid(NOBODY, NOBODY, NOBODY) == -1)
			_exit(1);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* As after exec: /proc then shows the true owner. */
		(void)prctl(PR_SET_DUMPABLE, 1);
		(void)signal(SIGTERM, SIG_DFL);
		if (p[1] != 3)
			p[1] = dup2(p[1], 3);
		(void)close_range(4, ~0U, 0);
		(void)!write(p[1], "", 1);
		if (news != NULL)
			kid_register(p[1]);
		for (;;)
			(void)pause();
	}
	close(p[1]);
	if (read(p[0], &ready, 1) != 1 || (*pidfd = pidfd_open(pid, 0)) == -1)
		fatal("a kid that does not start");
	if (news != NULL)
		*news = p[0];
	else
		close(p[0]);
	return (pid);
}

/* Starts k, which leads its group, as a command does, with another process. */
static void
kid_start(struct kid *k, bool itself)
{
	k->news = -1;
	k->pid = kid_fork(&k->pidfd, itself ? &k->news : NULL);
	k->mate = kid_fork(&k->matefd, NULL);
	if (setpgid(k->pid, k->pid) == -1 || setpgid(k->mate, k->pid) == -1)
		fatal("setpgid");
}

static void
kid_end(struct kid *k)
{
	(void)pidfd_send_signal(k->pidfd, SIGKILL, NULL, 0);
	(void)pidfd_send_signal(k->matefd, SIGKILL, NULL, 0);
	(void)waitpid(k->pid, NULL, 0);
	(void)waitpid(k->mate, NULL, 0);
	close(k->pidfd);
	close(k->matefd);
}

void
kids_start(void)
{
	int i;

	for (i = 0; i < KIDS; i++)
		kid_start(&l.kids[i], false);
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

/* Can the kernel kill the group of a process that is held by pidfd? */
static bool
kid_groups(const struct kid *k)
{
	return (pidfd_send_signal(k->pidfd, 0, NULL, PROCESS_GROUP) == 0 ||
	    errno != EINVAL);
}

/*
 * The daemon has ended.  executed: it may have killed the registered kids and
 * their groups, and must have if there is no doubt.  Kids that were killed
 * alone do not count, nor does what is left of their groups.
 */
void
kids_verdict(bool executed, bool doubted)
{
	struct kid *k;
	bool	    must;
	int	    i;

	for (i = 0; i < KIDS; i++) {
		k = &l.kids[i];
		must = !k->killed && k->sure && executed && !doubted;
		if (must && !kid_is_dead(k->pidfd, SLOW))
			broken("kid %d is registered and outlives the panic",
			    i);
		if (must && kid_groups(k) && !kid_is_dead(k->matefd, SLOW))
			broken("the group of kid %d outlives the panic", i);
		if (executed && k->maybe)
			continue;
		if (kid_is_dead(k->matefd, 0) ||
		    (!k->killed && kid_is_dead(k->pidfd, 0)))
			broken("kid %d or its group should not be dead", i);
	}
	for (i = 0; i < KIDS; i++)
		kid_end(&l.kids[i]);
	if (l.setup.front)
		(void)pidfd_send_signal(l.kids[FRONT].pidfd, SIGKILL, NULL, 0);
}
