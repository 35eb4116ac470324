/* SPDX-License-Identifier: ISC */
/*
 * pty: runs a program on a terminal of its own, and drives it from a script on
 * standard input, which regress/README.md describes.
 */
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SHOWN_MAX (1 << 20) /* a test that shows more is astray */

static struct {
	pid_t	    pid;
	int	    fd;	      /* the terminal's other side, or -1 */
	int	    pidfd;    /* -1 once waited for */
	long	    patience; /* ms for each wait */
	const char *line;     /* of the script, at work */
	size_t	    len;      /* of what is shown */
	size_t	    seen;     /* end of what was expected last */
} pty = { .fd = -1, .pidfd = -1, .patience = 10000 };
static char shown[SHOWN_MAX];

static void
show(FILE *to)
{
	(void)fwrite(shown, 1, pty.len, to);
	if (pty.len > 0 && shown[pty.len - 1] != '\n')
		(void)putc('\n', to);
	(void)fflush(to);
}

static noreturn void
fail(const char *why)
{
	(void)fprintf(stderr, "pty: %s: %s\n-- the terminal showed:\n",
	    pty.line, why);
	show(stderr);
	if (pty.pidfd != -1)
		(void)kill(pty.pid, SIGKILL);
	exit(1);
}

static long
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((long)(ts.tv_sec * 1000) + ts.tv_nsec / 1000000);
}

static void
start(char *argv[])
{
	struct winsize ws = { .ws_row = 24, .ws_col = 240 };
	sigset_t       none;
	char	       pid[32];
	int	       sig;

	switch (pty.pid = forkpty(&pty.fd, NULL, NULL, &ws)) {
	case -1:
		err(1, "forkpty");
	case 0:
		/*
		 * Nothing that we inherited may change how the program behaves.
		 */
		for (sig = 1; sig < NSIG; sig++)
			(void)signal(sig, SIG_DFL);
		(void)sigemptyset(&none);
		(void)sigprocmask(SIG_SETMASK, &none, NULL);
		closefrom(STDERR_FILENO + 1);
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
	}
	if ((pty.pidfd = pidfd_open(pty.pid, 0)) == -1 ||
	    fcntl(pty.fd, F_SETFL, O_NONBLOCK) == -1 ||
	    fcntl(pty.fd, F_SETFD, FD_CLOEXEC) == -1)
		err(1, "%s", argv[0]);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)pty.pid);
	if (setenv("PTY_PID", pid, 1) == -1)
		err(1, "setenv");
}

static void
drain(void)
{
	ssize_t n;

	while (pty.fd != -1 && pty.len < sizeof(shown)) {
		n = read(pty.fd, shown + pty.len, sizeof(shown) - pty.len);
		if (n > 0) {
			pty.len += (size_t)n;
			continue;
		}
		if (n == -1 && errno == EAGAIN)
			return;
		/* EIO: nobody has the terminal open any more. */
		close(pty.fd);
		pty.fd = -1;
	}
}

/*
 * Waits for more on the terminal or, if asked, for the program's end, which it
 * returns; fails when the time is up.
 */
static int
pump(long until, int end)
{
	struct pollfd pfd[2] = { { .fd = pty.fd, .events = POLLIN },
		{ .fd = end ? pty.pidfd : -1, .events = POLLIN } };
	const long    left = until - now();

	if (left <= 0 || pty.len == sizeof(shown))
		fail(left <= 0 ? "in vain" : "too much is shown");
	if (poll(pfd, 2, (int)left) == -1 && errno != EINTR)
		err(1, "poll");
	drain();
	return (pfd[1].revents != 0);
}

/* Decodes the escapes of text in place; returns its length. */
static size_t
unescape(char *text)
{
	static const char names[] = "nrte\\", values[] = "\n\r\t\033\\";
	const char	 *p, *name;
	char		 *to = text, hex[3] = "";

	for (p = text; *p != '\0'; p++) {
		if (*p != '\\') {
			*to++ = *p;
		} else if (*++p == 'x' && isxdigit((unsigned char)p[1]) &&
		    isxdigit((unsigned char)p[2])) {
			memcpy(hex, p + 1, 2);
			*to++ = (char)strtol(hex, NULL, 16);
			p += 2;
		} else if (*p != '\0' && (name = strchr(names, *p)) != NULL) {
			*to++ = values[name - names];
		} else {
			fail("an unknown escape");
		}
	}
	return ((size_t)(to - text));
}

static void
do_expect(char *text)
{
	const size_t len = unescape(text);
	const long   until = now() + pty.patience;
	const char  *at;

	drain();
	while ((at = memmem(shown + pty.seen, pty.len - pty.seen, text, len)) ==
	    NULL) {
		if (pty.fd == -1)
			fail("the terminal is closed");
		(void)pump(until, 0);
	}
	pty.seen = (size_t)(at - shown) + len;
}

static void
type(const char *text, size_t len)
{
	if (pty.fd == -1 || write(pty.fd, text, len) != (ssize_t)len)
		fail("the terminal takes no more");
}

static void
do_send(char *text)
{
	type(text, unescape(text));
}

static void
do_key(char *name)
{
	if (strlen(name) != 3 || strncmp(name, "C-", 2) != 0)
		fail("an unknown key");
	name[2] &= 037;
	type(name + 2, 1);
}

static void
do_signal(char *name)
{
	const char *abbrev;
	int	    sig;

	for (sig = 1; sig < NSIG; sig++) {
		abbrev = sigabbrev_np(sig);
		if (abbrev == NULL || strcmp(abbrev, name) != 0)
			continue;
		if (pty.pidfd == -1 || kill(pty.pid, sig) == -1)
			fail("nobody is there");
		return;
	}
	fail("an unknown signal");
}

static void
do_hangup(char *arg)
{
	(void)arg;
	drain();
	close(pty.fd);
	pty.fd = -1;
}

static void
do_run(char *command)
{
	char *wrapped;

	/* The script is our standard input, not the command's. */
	if (asprintf(&wrapped, "{ %s\n} </dev/null", command) == -1)
		err(1, "asprintf");
	/* NOLINTNEXTLINE(cert-env33-c): a command of the test, by design */
	if (system(wrapped) != 0)
		fail("failed");
	free(wrapped);
}

static void
do_wait(char *arg)
{
	const long until = now() + pty.patience;
	int	   status;

	(void)arg;
	if (pty.pidfd == -1)
		fail("waited for already");
	while (!pump(until, 1))
		continue;
	if (waitpid(pty.pid, &status, 0) == -1)
		err(1, "waitpid");
	close(pty.pidfd);
	pty.pidfd = -1;
	(void)printf("%s %d\n", WIFSIGNALED(status) ? "signal" : "exit",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static void
do_show(char *arg)
{
	(void)arg;
	drain();
	show(stdout);
}

static void
command(void)
{
	static const struct {
		const char *verb;
		void (*act)(char *);
	} commands[] = { { "expect", do_expect }, { "send", do_send },
		{ "key", do_key }, { "signal", do_signal },
		{ "hangup", do_hangup }, { "run", do_run }, { "wait", do_wait },
		{ "show", do_show } };
	char  *verb = strdup(pty.line), *arg;
	size_t i;

	if (verb == NULL)
		err(1, "strdup");
	arg = verb + strcspn(verb, " ");
	if (*arg != '\0')
		*arg++ = '\0';
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].verb, verb) == 0)
			break;
	}
	if (i == sizeof(commands) / sizeof(commands[0]))
		fail("an unknown command");
	commands[i].act(arg);
	free(verb);
	(void)fflush(stdout);
}

int
main(int argc, char *argv[])
{
	char   *line = NULL;
	size_t	size = 0;
	ssize_t len;

	argv++;
	if (argc > 2 && strcmp(argv[0], "-t") == 0) {
		pty.patience = strtol(argv[1], NULL, 10) * 1000;
		argv += 2;
	}
	if (argv[0] == NULL || argv[0][0] == '-' || pty.patience <= 0)
		errx(2, "usage: pty [-t SECONDS] PROGRAM [ARG ...] <SCRIPT");
	(void)signal(SIGPIPE, SIG_IGN);
	start(argv);
	while ((len = getline(&line, &size, stdin)) != -1) {
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		pty.line = line;
		if (line[0] != '\0' && line[0] != '#')
			command();
	}
	free(line);
	if (pty.pidfd != -1)
		(void)kill(pty.pid, SIGKILL);
	return (0);
}
