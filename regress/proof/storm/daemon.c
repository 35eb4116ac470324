/* SPDX-License-Identifier: ISC */
/* The daemon of this life: our child, with its log in a pipe. */
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

#define LOG_PIPE (1 << 20) /* a line that finds no room is dropped */

/* The command of this life; a shell execs it. */
static void
daemon_command(void)
{
	const struct setup *s = &l.setup;

	(void)snprintf(l.command, sizeof(l.command),
	    "exec " DAZAID " -d -s%s -g%.3f -t%.3f -z%zu%s%s%s", l.sock,
	    (double)s->grace / 1e6, (double)s->timeout / 1e6, s->size,
	    s->armed ? " -a" : "", s->verbose ? " -v" : "",
	    s->other ? " -unobody" : "");
}

/* Reads what the log has. */
void
daemon_log(void)
{
	ssize_t n;

	while (l.loglen < LOG - 1 &&
	    (n = read(l.logfd, l.log + l.loglen, LOG - 1 - l.loglen)) > 0)
		l.loglen += (size_t)n;
}

static void
daemon_wait_ready(void)
{
	const usec    until = now() + 2 * SLOW;
	struct pollfd pfd = { .fd = l.logfd, .events = POLLIN };

	while (strstr(l.log, "vault: ready") == NULL) {
		if (now() > until || poll(&pfd, 1, 1000) == -1)
			broken("the daemon does not get ready");
		if (pfd.revents != 0)
			daemon_log();
		if (pfd.revents == POLLHUP &&
		    strstr(l.log, "timed out") != NULL)
			fatal("this machine is too busy to start a daemon");
		if (pfd.revents == POLLHUP)
			broken("the daemon does not start");
	}
}

/* The vault's only child. */
static pid_t
daemon_network(void)
{
	char  path[64], line[64] = "";
	FILE *fp;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children",
	    (long)l.vault, (long)l.vault);
	if ((fp = fopen(path, "re")) == NULL ||
	    fgets(line, sizeof(line), fp) == NULL)
		fatal(path);
	(void)fclose(fp);
	return ((pid_t)strtol(line, NULL, 10));
}

void
daemon_start(void)
{
	int err[2];

	if (pipe2(err, O_CLOEXEC) == -1)
		fatal("pipe");
	(void)fcntl(err[0], F_SETPIPE_SZ, LOG_PIPE);
	daemon_command();
	if ((l.vault = fork()) == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (dup2(err[1], STDERR_FILENO) != -1)
			(void)execl("/bin/sh", "sh", "-c", l.command,
			    (char *)NULL);
		_exit(127);
	}
	if (l.vault == -1)
		fatal("fork");
	close(err[1]);
	l.logfd = err[0];
	(void)fcntl(l.logfd, F_SETFL, O_NONBLOCK);
	daemon_wait_ready();
	l.vaultfd = pidfd_open(l.vault, 0);
	l.networkfd = pidfd_open(daemon_network(), 0);
	if (l.vaultfd == -1 || l.networkfd == -1)
		fatal("pidfd_open");
}

/* What a signal to the vault, or to network, does. */
static const struct daemon_order {
	int sig;
	enum class class;
	const char *reason;
} daemon_orders[] = {
	{ SIGUSR1, GRACEFUL, "SIGUSR1" },
	{ SIGHUP, GRACEFUL, "SIGHUP" },
	{ SIGUSR2, HARD, "SIGUSR2" },
	{ SIGQUIT, HARD, "SIGQUIT" },
	{ SIGTERM, STOP, "SIGTERM" },
	{ SIGINT, STOP, "SIGINT" },
	{ SIGKILL, KILL, "SIGKILL to the vault" },
};

/* Sends sig to the vault or to network, and tells the model what may follow. */
void
daemon_signal(bool network, int sig)
{
	const usec		   inv = now();
	const int		   fd = network ? l.networkfd : l.vaultfd;
	const struct daemon_order *o = daemon_orders;
	struct trigger		  *t;
	bool			   kills = network && sig == SIGKILL;

	note("SIG%s to %s", sigabbrev_np(sig), network ? "network" : "vault");
	if (sig == SIGSTOP)
		*(network ? &l.network_stopped : &l.vault_stopped) = true;
	(void)pidfd_send_signal(fd, sig, NULL, 0);
	if (sig == SIGCONT) {
		*(network ? &l.network_stopped : &l.vault_stopped) = false;
		*(network ? &l.network_cont : &l.vault_cont) = now();
	}
	if (sig == SIGSTOP || sig == SIGCONT)
		return;
	while (o->sig != sig)
		o++;
	t = &l.triggers[model_trigger(
	    kills ? "network process lost, killed by SIGKILL" : o->reason,
	    kills ? HARD : o->class, inv, now())];
	t->network = network && !kills;
	if (!network && (o->class == HARD || o->class == KILL))
		t->sight = AT_ONCE;
}

/* Kills the daemon and removes its files. */
void
daemon_kill(void)
{
	if (l.vaultfd > 0)
		(void)pidfd_send_signal(l.vaultfd, SIGKILL, NULL, 0);
	if (l.networkfd > 0)
		(void)pidfd_send_signal(l.networkfd, SIGKILL, NULL, 0);
}
