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
	    "exec " DAZAID "%s -s%s -g%.3f -t%.3f -z%zu%s%s%s%s%s",
	    s->front ? "" : " -d", l.sock, (double)s->grace / 1e6,
	    (double)s->timeout / 1e6, s->size, s->armed ? " -a" : "",
	    s->verbose ? " -v" : "", s->load ? " -ln0=-" : "",
	    s->other ? " -unobody" : "",
	    s->front ? " -- /bin/sh" : ""); /* checked, never run */
}

static void
daemon_exec(int in, int out, int err)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, STDIN_FILENO) != -1 &&
	    (!l.setup.front || dup2(out, STDOUT_FILENO) != -1) &&
	    dup2(err, STDERR_FILENO) != -1)
		(void)execl("/bin/sh", "sh", "-c", l.command, (char *)NULL);
	_exit(127);
}

/* The secret of -l, which counts as the first PUT. */
static void
daemon_load(int fd)
{
	unsigned char bytes[64];
	struct op    *op;

	if (l.setup.load) {
		op = &l.ops[l.nops++];
		memset(op, 0, sizeof(*op));
		op->kind = K_PUT;
		op->result = A_OK;
		op->size = op->moved = sizeof(bytes);
		op->id = ++l.ids;
		op->of = -1;
		secret_fill(op->id, op->size, 0, bytes, sizeof(bytes));
		if (write(fd, bytes, sizeof(bytes)) != (ssize_t)sizeof(bytes))
			fatal("write to the daemon");
	}
	close(fd);
}

/* Reads what the log has. */
void
daemon_log(void)
{
	ssize_t n = -1;

	while (l.logfd != -1 && l.loglen < LOG - 1 &&
	    (n = read(l.logfd, l.log + l.loglen, LOG - 1 - l.loglen)) > 0)
		l.loglen += (size_t)n;
	/* Of a process in front; in another life it is the end of all. */
	if (n == 0) {
		close(l.logfd);
		l.logfd = -1;
	}
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

/* A child of this process, or 0. */
pid_t
daemon_child(pid_t parent)
{
	char  path[64], line[64] = "";
	FILE *fp;

	(void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children",
	    (long)parent, (long)parent);
	if ((fp = fopen(path, "re")) != NULL) {
		(void)!fgets(line, sizeof(line), fp);
		(void)fclose(fp);
	}
	return ((pid_t)strtol(line, NULL, 10));
}

void
daemon_start(void)
{
	pid_t network;
	int   in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1 ||
	    pipe2(err, O_CLOEXEC) == -1)
		fatal("pipe");
	(void)fcntl(err[0], F_SETPIPE_SZ, LOG_PIPE);
	daemon_command();
	if ((l.vault = fork()) == 0)
		daemon_exec(in[0], out[1], err[1]);
	if (l.vault == -1)
		fatal("fork");
	close(in[0]);
	close(out[1]);
	close(err[1]);
	l.logfd = err[0];
	(void)fcntl(l.logfd, F_SETFL, O_NONBLOCK);
	daemon_load(in[1]);
	if (l.setup.front) {
		front_start(l.vault, out[0]);
		l.vault = daemon_child(l.vault);
	} else {
		close(out[0]);
		daemon_wait_ready();
	}
	l.vaultfd = pidfd_open(l.vault, 0);
	if ((network = daemon_child(l.vault)) <= 1)
		fatal("no network process in /proc/PID/task/PID/children");
	l.networkfd = pidfd_open(network, 0);
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

static void
daemon_stop(bool network)
{
	*(network ? &l.network_stopped : &l.vault_stopped) = true;
	(void)pidfd_send_signal(network ? l.networkfd : l.vaultfd, SIGSTOP,
	    NULL, 0);
	if (network)
		l.network_stop = now() + MS;
}

static void
daemon_continue(bool network)
{
	(void)pidfd_send_signal(network ? l.networkfd : l.vaultfd, SIGCONT,
	    NULL, 0);
	*(network ? &l.network_stopped : &l.vault_stopped) = false;
	*(network ? &l.network_cont : &l.vault_cont) = now();
}

/* Sends sig to the vault or to network, and tells the model what may follow. */
void
daemon_signal(bool network, int sig)
{
	const usec		   inv = now();
	const struct daemon_order *o = daemon_orders;
	struct trigger		  *t;
	bool			   kills = network && sig == SIGKILL;

	note("SIG%s to %s", sigabbrev_np(sig), network ? "network" : "vault");
	if (sig == SIGSTOP) {
		daemon_stop(network);
		return;
	}
	if (sig == SIGCONT) {
		daemon_continue(network);
		return;
	}
	(void)pidfd_send_signal(network ? l.networkfd : l.vaultfd, sig, NULL,
	    0);
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
