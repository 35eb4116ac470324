/* SPDX-License-Identifier: ISC */
/*
 * Signals are handled in two ways.  Collected signals are blocked, and the loop
 * reads them from a descriptor: a flood of other events could delay a flag that
 * ppoll(2)'s mask protects, but not a descriptor.  The others have a handler
 * that runs at once, because they end the vault and must not wait for the loop.
 */
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "signals.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Ignores the signals that must neither end nor stop the process: for a closed
 * pipe, a file that may not grow (ulimit -f), Ctrl-Z, and the use of a terminal
 * in the background.  Resets SIGCHLD, which our parent may have ignored.  But
 * process 1 of a PID namespace inherits every orphan; it ignores SIGCHLD, so
 * that the kernel reaps them.
 */
void
signals_ignore(void)
{
	static const int sigs[] = { SIGPIPE, SIGXFSZ, SIGTSTP, SIGTTIN,
		SIGTTOU };
	size_t		 i;

	for (i = 0; i < NELEM(sigs); i++)
		(void)signal(sigs[i], SIG_IGN);
	(void)signal(SIGCHLD, getpid() == 1 ? SIG_IGN : SIG_DFL);
}

/*
 * Collects the n signals at sigs from now on.  Returns the descriptor from
 * which to read them, or -1 with errno.  Resets signals that our parent has
 * ignored or blocked.
 */
int
signals_collect(const int *sigs, size_t n)
{
	sigset_t set;
	size_t	 i;

	sigemptyset(&set);
	for (i = 0; i < n; i++) {
		sigaddset(&set, sigs[i]);
		(void)signal(sigs[i], SIG_DFL);
	}
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	return (signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

/*
 * Returns the next collected signal of fd, or 0.  If sender is not NULL, stores
 * the uid of the sender there, which is 0 for the kernel, too.
 */
int
signals_next(int fd, uid_t *sender)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return (0);
	if (sender != NULL)
		*sender = si.ssi_uid;
	return ((int)si.ssi_signo);
}

/*
 * Installs hard for SIGUSR2 and SIGQUIT, and fatal for every other signal that
 * would end the process, with the default action restored on entry: if a
 * handler sends the signal to its own process, the process dies when the
 * handler returns.  The handlers run on their own stack, because SIGSEGV can
 * mean that the stack is full.
 */
void
signals_at_once(void (*hard)(int), void (*fatal)(int))
{
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP,
		SIGABRT, SIGSYS, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO,
		SIGPWR, SIGSTKFLT };
	static unsigned char stack[64 * 1024];
	struct sigaction     sa;
	stack_t		     ss;
	size_t		     i;
	int		     sig;

	memset(&ss, 0, sizeof(ss));
	ss.ss_sp = stack;
	ss.ss_size = sizeof(stack);
	(void)sigaltstack(&ss, NULL);

	memset(&sa, 0, sizeof(sa));
	sigfillset(&sa.sa_mask);
	sa.sa_flags = SA_ONSTACK;
	sa.sa_handler = hard;
	(void)sigaction(SIGUSR2, &sa, NULL);
	(void)sigaction(SIGQUIT, &sa, NULL);
	sa.sa_flags = (int)(SA_ONSTACK | SA_RESETHAND);
	sa.sa_handler = fatal;
	for (i = 0; i < NELEM(sigs); i++)
		(void)sigaction(sigs[i], &sa, NULL);
	for (sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		(void)sigaction(sig, &sa, NULL);
}

/*
 * Blocks signals 32 and 33, which would end the process.  The C library uses
 * them itself: sigaction(3) refuses them, and sigprocmask(3) unblocks them.
 * So call this last.
 */
void
signals_hide(void)
{
	const uint64_t hidden = 1ULL << 31 | 1ULL << 32;

	(void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, &hidden, NULL,
	    sizeof(hidden));
}
