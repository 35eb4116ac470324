/* SPDX-License-Identifier: ISC */
/*
 * The programs that are measured: starts, greets and ends each in the same way.
 * Each has a directory of its own in a tmpfs, as $XDG_RUNTIME_DIR is one.
 */
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define PATIENCE_MS 20000
#define RETRY_NS    20000 /* between two tries to connect */

static const char *subject_bin; /* the directory of bench and floor */
static const char *subject_tmp;

int64_t
now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

double
us_since(int64_t t)
{
	return ((double)(now_ns() - t) / 1000);
}

void
subject_where(const char *bin, const char *tmp)
{
	subject_bin = bin;
	subject_tmp = tmp;
}

/*
 * Opens its file while we may: its user may not be able to reach it, and the
 * time to find it is not the program's.
 */
static int
subject_program(const char *name)
{
	char path[4096];
	int  fd = -1;

	if (strcmp(name, "dazaid") == 0 || strcmp(name, "dazai-hb") == 0)
		(void)snprintf(path, sizeof(path), "%s/../../../%s/%s",
		    subject_bin, name, name);
	else if (strcmp(name, "floor") == 0)
		(void)snprintf(path, sizeof(path), "%s/floor", subject_bin);
	else
		(void)snprintf(path, sizeof(path), "/usr/bin/%s", name);
	if ((fd = open(path, O_PATH | O_CLOEXEC)) == -1)
		err(1, "%s", path);
	return (fd);
}

/*
 * Sets what to run.  command is split at blanks; "@" is the socket, "%" the
 * directory.  Its standard input is the file "secret" there.
 */
void
subject_init(struct subject *s, const char *name, enum greeting greeting,
    uid_t uid, const char *command)
{
	static int number;
	char	  *word, *rest;
	size_t	   n = 0;
	int	   fd;
	char	   path[96];

	memset(s, 0, sizeof(*s));
	s->name = name;
	s->greeting = greeting;
	s->nothers = greeting == TETHERS ? SUBJECT_OTHERS : 0;
	s->uid = uid;
	(void)snprintf(s->command, sizeof(s->command), "%s", command);
	(void)snprintf(s->dir, sizeof(s->dir), "%s/%d", subject_tmp, number++);
	(void)snprintf(s->sock, sizeof(s->sock), "%s/%s", s->dir,
	    greeting == GPG_AGENT ? "S.gpg-agent" : "sock");
	(void)snprintf(s->greeted, sizeof(s->greeted), "%s%s", s->sock,
	    greeting == TETHER || greeting == TETHERS ? ".ctl" : "");
	if (mkdir(s->dir, 0700) == -1 || chown(s->dir, uid, uid) == -1)
		err(1, "%s", s->dir);
	(void)snprintf(path, sizeof(path), "%s/secret", s->dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd == -1 || write(fd, "Qx7~0123456789abcdef0123456789~Z", 32) != 32)
		err(1, "%s", path);
	close(fd);
	rest = s->command;
	while ((word = strsep(&rest, " ")) != NULL && n < SUBJECT_ARGS - 1)
		s->argv[n++] = strcmp(word, "@") == 0 ? s->sock :
		    strcmp(word, "%") == 0	      ? s->dir :
							word;
	s->program = subject_program(s->argv[0]);
	s->heart = s->pidfd = -1;
}

static void
subject_exec(const struct subject *s)
{
	char  home[80], path[96];
	char *envp[] = { home, NULL };
	int   in, out;

	(void)snprintf(home, sizeof(home), "HOME=%s", s->dir);
	(void)snprintf(path, sizeof(path), "%s/secret", s->dir);
	in = open(path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "%s/log", s->dir);
	out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (in == -1 || dup2(in, 0) == -1 || out == -1 || dup2(out, 1) == -1 ||
	    dup2(out, 2) == -1 || setsid() == -1)
		_exit(126);
	if (getuid() != s->uid &&
	    (setgroups(0, NULL) == -1 ||
		setresgid(s->uid, s->uid, s->uid) == -1 ||
		setresuid(s->uid, s->uid, s->uid) == -1))
		_exit(126);
	(void)syscall(SYS_execveat, s->program, "", s->argv, envp,
	    AT_EMPTY_PATH);
	_exit(127);
}

/* Forks; the program may not answer yet when this returns. */
void
subject_start(struct subject *s)
{
	(void)unlink(s->sock);
	s->child = 0;
	if ((s->pid = fork()) == 0)
		subject_exec(s);
	if (s->pid == -1 || (s->pidfd = pidfd_open(s->pid, 0)) == -1)
		err(1, "%s", s->name);
}

/* Connects; -1 if nobody listens. */
int
subject_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int		   fd;

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 &&
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1) {
		close(fd);
		fd = -1;
	}
	return (fd);
}

void
say(int fd, const char *bytes, size_t len)
{
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		err(1, "not taken");
}

/*
 * Reads an answer of at most size - 1 bytes, which must begin with text: up to
 * the end of a line, or, without text, whatever there is.
 */
void
want(int fd, char *buf, size_t size, const char *text)
{
	size_t	len = 0;
	ssize_t n;

	do {
		if ((n = recv(fd, buf + len, size - 1 - len, 0)) <= 0)
			err(1, "wanted '%s'", text);
		len += (size_t)n;
	} while (*text != '\0' && buf[len - 1] != '\n');
	buf[len] = '\0';
	if (strncmp(buf, text, strlen(text)) != 0)
		errx(1, "wanted '%s', got '%s'", text, buf);
}

/* Has fd, a connection to the control socket, hold this tether. */
static void
subject_hold(int fd, const char *line)
{
	char buf[64];

	if (fd == -1)
		err(1, "the control socket");
	say(fd, line, strlen(line));
	want(fd, buf, sizeof(buf), "HOLDING\n");
}

/* Connects as soon as possible. */
static int
subject_reach(const struct subject *s)
{
	const struct timespec retry = { 0, RETRY_NS };
	const int64_t	      end = now_ns() + PATIENCE_MS * 1000000LL;
	int		      fd;

	while ((fd = subject_connect(s->greeted)) == -1) {
		if (now_ns() > end)
			errx(1, "%s: does not answer, see %s/log", s->name,
			    s->dir);
		(void)nanosleep(&retry, NULL);
	}
	return (fd);
}

/* Waits until it takes connections, and makes none. */
void
subject_await(const struct subject *s)
{
	close(subject_reach(s));
}

/* The connections that hold tethers, the last of which is lost. */
static void
subject_holders(struct subject *s)
{
	int i;

	for (i = 0; i < s->nothers; i++) {
		s->others[i] = subject_connect(s->greeted);
		subject_hold(s->others[i], "HOLD other\n");
	}
	subject_hold(s->heart, "HOLD session\n");
}

/* GPG's agent goes into the background by itself, and prints its pid. */
static void
subject_adopt(struct subject *s)
{
	char buf[256];

	(void)waitpid(s->pid, NULL, 0);
	close(s->pidfd);
	say(s->heart, "GETINFO pid\n", 12);
	want(s->heart, buf, sizeof(buf), "D ");
	s->pid = (pid_t)strtol(buf + 2, NULL, 10);
	if ((s->pidfd = pidfd_open(s->pid, 0)) == -1)
		err(1, "%s", s->name);
}

/* Connects as soon as possible, and reads the first answer. */
void
subject_greet(struct subject *s)
{
	static const char identities[] = { 0, 0, 0, 1, 11 };
	char		  buf[256];

	s->heart = subject_reach(s);
	switch (s->greeting) {
	case HEARTBEAT:
		say(s->heart, "HELLO 1\n", 8);
		want(s->heart, buf, sizeof(buf), "WELCOME\n");
		break;
	case TETHER:
	case TETHERS:
		subject_holders(s);
		break;
	case SSH_AGENT:
		say(s->heart, identities, sizeof(identities));
		want(s->heart, buf, sizeof(buf), "");
		break;
	case GPG_AGENT:
		want(s->heart, buf, sizeof(buf), "OK");
		break;
	}
}

/* The first number in a file, or 0. */
long
number_in(const char *path)
{
	char  line[64] = "";
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return (0);
	(void)!fgets(line, sizeof(line), f);
	(void)fclose(f);
	return (strtol(line + strcspn(line, "0123456789"), NULL, 10));
}

/* Learns the pids, after the greeting. */
void
subject_know(struct subject *s)
{
	char path[64];

	if (s->greeting == GPG_AGENT)
		subject_adopt(s);
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", s->pid,
	    s->pid);
	s->child = (pid_t)number_in(path);
}

/* Starts and greets it, and waits until it sleeps. */
void
subject_guard(struct subject *s)
{
	subject_start(s);
	subject_greet(s);
	subject_know(s);
	subject_settle(2);
}

void
subject_settle(long ms)
{
	const struct timespec ts = { 0, ms * 1000000 };

	(void)nanosleep(&ts, NULL);
}

/* Reaps it and its child, which we have adopted. */
void
subject_gone(struct subject *s)
{
	struct pollfd p = { .fd = s->pidfd, .events = POLLIN };
	int	      i;

	if (poll(&p, 1, PATIENCE_MS) != 1)
		errx(1, "%s: does not end", s->name);
	(void)waitpid(s->pid, NULL, 0);
	if (s->child != 0)
		(void)waitpid(s->child, NULL, 0);
	close(s->pidfd);
	if (s->heart != -1)
		close(s->heart);
	for (i = 0; i < s->nothers; i++)
		close(s->others[i]);
	s->heart = s->pidfd = -1;
}

void
subject_stop(struct subject *s)
{
	(void)kill(s->pid, SIGKILL);
	subject_gone(s);
}
