/* SPDX-License-Identifier: ISC */
/*
 * The process in front of dazaid -- COMMAND.  Where it would become dazai-hb it
 * becomes this program, by the name in $PATH; the clients that guard are those
 * of every other life.
 */
#include <sys/pidfd.h>
#include <sys/wait.h>

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

#define SOON (50 * MS) /* a process that was killed ends */

static void
front_exit(int sig)
{
	_exit(sig == SIGTERM ? 0 : 1);
}

/*
 * What this program does as dazai-hb.  Its child, the vault, is reaped by the
 * storm if we end first, so that it has the status in each case.
 */
void
front_main(void)
{
	siginfo_t si = { .si_pid = 0 };
	int	  status;

	(void)signal(SIGTERM, front_exit);
	(void)!write(STDOUT_FILENO, "", 1);
	if (waitid(P_ALL, 0, &si, WEXITED | WNOWAIT) == 0) {
		status = si.si_code == CLD_EXITED ? si.si_status << 8 :
						    si.si_status;
		(void)!write(STDOUT_FILENO, &status, sizeof(status));
	}
	for (;;)
		(void)pause();
}

/* Waits until the daemon is ready; out is the output of the process pid. */
void
front_start(pid_t pid, int out)
{
	struct pollfd pfd = { .fd = out, .events = POLLIN };
	struct kid   *k = &l.kids[FRONT];
	char	      c;

	l.front = out;
	k->pid = pid;
	k->news = -1;
	if ((k->pidfd = pidfd_open(pid, 0)) == -1)
		fatal("pidfd_open");
	if (poll(&pfd, 1, (int)(2 * SLOW / MS)) == 1 && read(out, &c, 1) == 1)
		return;
	daemon_log();
	if (strstr(l.log, "timed out") != NULL)
		fatal("this machine is too busy to start a daemon");
	broken("the daemon does not start");
}

/* The status of the vault, which has ended. */
int
front_status(void)
{
	int status;

	if (!l.kids[FRONT].killed) {
		if (read(l.front, &status, sizeof(status)) == sizeof(status))
			return (status);
	} else if (kid_is_dead(l.kids[FRONT].pidfd, SLOW) &&
	    waitpid(l.vault, &status, 0) == l.vault)
		return (status);
	fatal("the status of the vault");
}

/*
 * Ends the process in front: by SIGTERM it exits.  That stops the vault, unless
 * the heartbeat has named it, and is the loss of the heartbeat then.
 */
void
front_end(int sig)
{
	struct kid *k = &l.kids[FRONT];
	int	    t;

	if (!l.setup.front || k->killed)
		return;
	note("%s to the process in front",
	    sig == SIGTERM ? "SIGTERM" : "SIGKILL");
	k->killed = true;
	guard_kid_ends(FRONT);
	t = model_trigger("the command was never guarded", STOP, now(), NEVER);
	l.triggers[t].void_ = l.front_guarded;
	(void)pidfd_send_signal(k->pidfd, sig, NULL, 0);
	if (!kid_is_dead(k->pidfd, SOON))
		return;
	guard_kid_ended(FRONT);
	if (!l.front_named)
		l.triggers[t].ack = now();
}
