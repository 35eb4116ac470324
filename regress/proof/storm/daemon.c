/* SPDX-License-Identifier: ISC */
/* The daemon of this life: our child, with its log in a pipe. */
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

#define WORDS	 12	   /* of a command line */
#define LOG_PIPE (1 << 20) /* a line that finds no room is dropped */

static char *daemon_argv[WORDS + 1];

static void __attribute__((format(printf, 1, 2)))
daemon_word(const char *fmt, ...)
{
	static char   words[WORDS][96];
	static size_t n;
	va_list	      ap;

	if (n == WORDS)
		fatal("too many arguments");
	va_start(ap, fmt);
	(void)vsnprintf(words[n], sizeof(words[n]), fmt, ap);
	va_end(ap);
	daemon_argv[n] = words[n];
	n++;
}

static void
daemon_exec(int in, int out, int err)
{
	daemon_word("%s", DAZAID);
	if (!l.setup.front)
		daemon_word("-d");
	daemon_word("-s%s", l.sock);
	daemon_word("-g%.3f", (double)l.setup.grace / 1e6);
	daemon_word("-t%.3f", (double)l.setup.timeout / 1e6);
	daemon_word("-z%zu", l.setup.size);
	if (l.setup.armed)
		daemon_word("-a");
	if (l.setup.verbose)
		daemon_word("-v");
	if (l.setup.load)
		daemon_word("-ln0=-");
	if (l.setup.other)
		daemon_word("-unobody");
	if (l.setup.front) {
		daemon_word("--");
		daemon_word("/bin/sh"); /* checked, never run */
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in, STDIN_FILENO) != -1 &&
	    (!l.setup.front || dup2(out, STDOUT_FILENO) != -1) &&
	    dup2(err, STDERR_FILENO) != -1)
		(void)execv(DAZAID, daemon_argv);
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
	static size_t size;
	char	     *grown;
	ssize_t	      n;

	do {
		if (l.logfd == -1)
			return;
		if (size - l.loglen < 4096) {
			grown = realloc(l.log, size + (1 << 16));
			if (grown == NULL)
				fatal("realloc");
			l.log = grown;
			size += 1 << 16;
		}
		n = read(l.logfd, l.log + l.loglen, 4095);
		if (n > 0)
			l.loglen += (size_t)n;
		l.log[l.loglen] = '\0';
	} while (n > 0);
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

	while (l.log == NULL || strstr(l.log, "vault: ready") == NULL) {
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

static const char *
daemon_reason(int sig)
{
	switch (sig) {
	case SIGUSR1:
		return ("SIGUSR1");
	case SIGHUP:
		return ("SIGHUP");
	case SIGUSR2:
		return ("SIGUSR2");
	case SIGQUIT:
		return ("SIGQUIT");
	case SIGTERM:
		return ("SIGTERM");
	default:
		return ("SIGINT");
	}
}

/* Sends sig to the vault or to network, and tells the model what may follow. */
void
daemon_signal(bool network, int sig)
{
	const usec inv = now();
	enum class class = GRACEFUL;
	const char *reason = daemon_reason(sig);
	bool	   *stopped = network ? &l.network_stopped : &l.vault_stopped;
	struct trigger *t;

	note("%s to %s",
	    sig == SIGKILL     ? "SIGKILL" :
		sig == SIGSTOP ? "SIGSTOP" :
		sig == SIGCONT ? "SIGCONT" :
				 reason,
	    network ? "network" : "vault");
	if (sig == SIGUSR2 || sig == SIGQUIT)
		class = HARD;
	else if (sig == SIGTERM || sig == SIGINT)
		class = STOP;
	if (sig == SIGKILL) {
		class = network ? HARD : KILL;
		reason = network ? "network process lost, killed by SIGKILL" :
				   "SIGKILL to the vault";
	}
	if (sig == SIGSTOP)
		*stopped = true;
	if (pidfd_send_signal(network ? l.networkfd : l.vaultfd, sig, NULL,
		0) == -1 &&
	    errno != ESRCH)
		fatal("pidfd_send_signal");
	if (sig == SIGCONT) {
		*stopped = false;
		*(network ? &l.network_cont : &l.vault_cont) = now();
	}
	if (sig == SIGSTOP && network)
		l.network_stop = now() + MS;
	if (sig == SIGSTOP || sig == SIGCONT)
		return;
	t = &l.triggers[model_trigger(reason, class, inv, now())];
	t->network = network && sig != SIGKILL;
	if (!network && (class == HARD || class == KILL))
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
