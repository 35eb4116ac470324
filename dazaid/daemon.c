/* SPDX-License-Identifier: ISC */
/*
 * Goes into the background, and lets the process that the shell waits for exit
 * when the daemon is ready.
 */
#include <sys/pidfd.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "options.h"
#include "prompt.h"

static int		     daemon_pipe = -1; /* to the front process */
static volatile pid_t	     daemon_child;
static volatile sig_atomic_t daemon_interrupted; /* by Ctrl-C */

static void
daemon_forward(int sig)
{
	int saved = errno;

	if (sig == SIGINT)
		daemon_interrupted = 1;
	(void)kill(daemon_child, sig);
	errno = saved;
}

/* Ctrl-Z did not stop us, but it has ended the daemon's prompt: ask again. */
static void
daemon_not_stopped(void)
{
	(void)kill(daemon_child, SIGCONT);
}

static const int daemon_sigs[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1,
	SIGUSR2 };

/* Ends the daemon, because nobody would guard it, and exits. */
static noreturn void
daemon_command_failed(int code, const char *what)
{
	const int error = errno;

	(void)kill(daemon_child, SIGTERM);
	errno = error;
	err(code, "%s", what);
}

/*
 * Returns the arguments of a dazai-hb that runs the command under a heartbeat
 * of the daemon at path, and sets DAZAI_SOCK for it.
 */
static char **
daemon_arguments(const char *path, char *command[])
{
	static char name[] = "dazai-hb", s[] = "-s", end[] = "--";
	char	  **argv, *sock = strdup(path);
	size_t	    n = 0;

	while (command[n] != NULL)
		n++;
	argv = calloc(n + 5, sizeof(*argv)); /* with a NULL at the end */
	if (argv != NULL && sock != NULL &&
	    setenv("DAZAI_SOCK", path, 1) == 0) {
		argv[0] = name;
		argv[1] = s;
		argv[2] = sock;
		argv[3] = end;
		memcpy(argv + 4, command, n * sizeof(*argv));
		return (argv);
	}
	daemon_command_failed(1, "the command");
}

/*
 * Executes dazai-hb: the one beside our own program, or else the first in
 * $PATH.
 */
static noreturn void
daemon_command(const char *path, char *command[])
{
	char	    **argv = daemon_arguments(path, command);
	char	      own[PATH_MAX], *slash;
	const ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);

	own[len > 0 ? len : 0] = '\0';
	if ((slash = strrchr(own, '/')) != NULL &&
	    (size_t)(slash + 1 - own) + strlen(argv[0]) < sizeof(own)) {
		(void)strlcpy(slash + 1, argv[0],
		    sizeof(own) - (size_t)(slash + 1 - own));
		(void)execv(own, argv);
	}
	(void)execvp(argv[0], argv);
	daemon_command_failed(errno == ENOENT ? 127 : 126, argv[0]);
}

/*
 * Tells the user that the daemon is not guarded yet, and how to guard it; not
 * if dazai.sh's function, which sets the variable, is going to guard it.
 */
static void
daemon_hint(const struct options *o)
{
	if ((getenv("DAZAI_SHELL") == NULL || o->sock != NULL ||
		o->user != NULL) &&
	    isatty(STDERR_FILENO))
		warnx("not guarded yet: dazai_guard");
}

/*
 * Runs in the process that the shell has started and waits for.  Waits until
 * the daemon is ready or has ended, and exits with 0 or 1, or ends by SIGINT as
 * the daemon did.  fd is the pipe of daemon_ready(), mask the signal mask from
 * before the fork.
 */
static void
daemon_front(int fd, const sigset_t *mask, const struct options *o)
{
	struct sigaction sa;
	size_t		 i;
	ssize_t		 n;
	char		 c;
	int		 status;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = daemon_forward;
	sa.sa_flags = SA_RESTART;
	for (i = 0; i < sizeof(daemon_sigs) / sizeof(daemon_sigs[0]); i++)
		(void)sigaction(daemon_sigs[i], &sa, NULL);
	prompt_stops(daemon_not_stopped);
	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	while ((n = read(fd, &c, 1)) == -1 && errno == EINTR)
		;
	if (n == 1 && o->command != NULL)
		daemon_command(o->path, o->command);
	if (n == 1) {
		daemon_hint(o);
		_exit(0);
	}
	if (n == -1) { /* the daemon may run, but we cannot tell: end it */
		warn("pipe");
		(void)kill(daemon_child, SIGTERM);
	}
	if (waitpid(daemon_child, &status, 0) != -1 && WIFSIGNALED(status))
		warnx("the daemon was ended by signal %d before it was ready",
		    WTERMSIG(status));
	if (daemon_interrupted) { /* end so that a script ends, too */
		(void)signal(SIGINT, SIG_DFL);
		(void)raise(SIGINT);
	}
	_exit(1);
}

/*
 * Returns a pidfd of our parent pid, which will run a command.  The caller
 * closes it.
 */
static int
daemon_parent(pid_t pid)
{
	const int fd = pidfd_open(pid, 0);

	if (fd == -1 || getppid() != pid)
		errx(1, "the process in front has ended");
	return (fd);
}

/*
 * Forks.  The child becomes the daemon, and returns a pidfd of the parent if
 * that will run a command, otherwise -1.  The parent never returns: see
 * daemon_front().
 */
int
daemon_fork(const struct options *o)
{
	const pid_t front = getpid();
	sigset_t    set, mask;
	size_t	    i;
	int	    p[2];

	if (pipe2(p, O_CLOEXEC) == -1)
		err(1, "pipe");
	sigemptyset(&set);
	for (i = 0; i < sizeof(daemon_sigs) / sizeof(daemon_sigs[0]); i++)
		sigaddset(&set, daemon_sigs[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &mask);
	if ((daemon_child = fork()) == -1)
		err(1, "fork");
	if (daemon_child != 0) {
		close(p[1]);
		closefrom(p[0] + 1);
		daemon_front(p[0], &mask, o);
	}
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	close(p[0]);
	daemon_pipe = p[1];
	return (o->command != NULL ? daemon_parent(front) : -1);
}

/*
 * In the background, leaves the caller's session and directory, and redirects
 * standard input, output and error to /dev/null.  In the foreground, redirects
 * only standard input.  Returns -1 with errno if there is no /dev/null: our
 * caller could then wait for ever for the end of a pipe.
 */
int
daemon_detach(int background)
{
	int fd;

	if (background) {
		(void)setsid();
		if (chdir("/") == -1)
			log_warn("chdir /");
	}
	if ((fd = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
		return (background ? -1 : 0);
	(void)dup2(fd, STDIN_FILENO);
	if (background) {
		(void)dup2(fd, STDOUT_FILENO);
		(void)dup2(fd, STDERR_FILENO);
	}
	close(fd);
	return (0);
}

/*
 * Tells the waiting process that clients can connect.  Returns -1 with errno if
 * that fails, but not if the waiting process has ended.
 */
int
daemon_ready(void)
{
	if (daemon_pipe != -1) {
		if (write(daemon_pipe, "", 1) == -1 && errno != EPIPE)
			return (-1);
		close(daemon_pipe);
		daemon_pipe = -1;
	}
	return (0);
}
