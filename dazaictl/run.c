/* SPDX-License-Identifier: ISC */
/*
 * dazaictl run: registers this process, gets the secrets for the program, and
 * then executes the program.  If anything fails, it does not execute the
 * program.
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "arena.h"
#include "client.h"
#include "command.h"
#include "num.h"
#include "oneline.h"
#include "program.h"
#include "residue.h"
#include "run.h"
#include "secret.h"

#define RUN_MAX	   64		       /* secrets of one program */
#define RUN_FD_MAX 255		       /* the highest descriptor for a secret */
#define RUN_PIPE   ((size_t)64 * 1024) /* bytes: the default size of a pipe */
#define RUN_WHY	   512		       /* bytes of a message */
#define RUN_PIECE  ((size_t)16 * 1024) /* copied at once: locks little */

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3 */
#endif

/* One -e, -f or -i. */
static struct run_use {
	const char   *secret;
	const char   *var;    /* the variable; NULL: a descriptor */
	int	      fd;     /* the descriptor, in the program ... */
	int	      source; /* ... and here */
	size_t	      size;   /* bytes of the secret, ... */
	int	      cpu;    /* ... sent by the vault on this processor */
	struct secmem entry;  /* "VAR=VALUE" */
} uses[RUN_MAX];
static unsigned int nuses;

static struct secmem passing; /* for secrets that go to a descriptor */

/*
 * The command line.
 */

/*
 * Returns a new use of the secret that arg names after a '='.  Cuts arg off
 * before the '='.
 */
static struct run_use *
run_add(int option, char *arg)
{
	char *name = strchr(arg, '=');

	if (name == NULL)
		errx(EXIT_USAGE,
		    "-%c: %s: a '=' and a secret's name are missing", option,
		    oneline(arg));
	if (nuses == RUN_MAX)
		errx(EXIT_USAGE, "at most %d secrets can be given", RUN_MAX);
	*name++ = '\0';
	command_check_name(name);
	uses[nuses].secret = name;
	return (&uses[nuses++]);
}

static void
run_add_var(char *arg)
{
	struct run_use *u = run_add('e', arg);
	size_t		i;

	for (i = 0; isalnum((unsigned char)arg[i]) || arg[i] == '_'; i++)
		continue;
	if (i == 0 || arg[i] != '\0' || isdigit((unsigned char)arg[0]))
		errx(EXIT_USAGE, "-e: %s: not the name of a variable",
		    oneline(arg));
	for (i = 0; i < nuses - 1; i++) {
		if (uses[i].var != NULL && strcmp(uses[i].var, arg) == 0)
			errx(EXIT_USAGE, "-e: %s: given twice", arg);
	}
	u->var = arg;
}

/* Puts the secret of the last use on fd. */
static void
run_set_fd(int fd)
{
	unsigned int i;

	for (i = 0; i < nuses - 1; i++) {
		if (uses[i].var == NULL && uses[i].fd == fd)
			errx(EXIT_USAGE, "descriptor %d: given twice", fd);
	}
	uses[nuses - 1].fd = fd;
}

static void
run_add_fd(char *arg)
{
	const char *why;
	int64_t	    fd;

	(void)run_add('f', arg);
	if ((why = num_int(arg, 0, RUN_FD_MAX, &fd)) != NULL)
		errx(EXIT_USAGE, "-f: %s: %s", oneline(arg), why);
	if (fd == STDOUT_FILENO || fd == STDERR_FILENO)
		errx(EXIT_USAGE, "-f: %s: the program writes there",
		    oneline(arg));
	run_set_fd((int)fd);
}

static void
run_add_stdin(const char *name)
{
	if (nuses == RUN_MAX)
		errx(EXIT_USAGE, "at most %d secrets can be given", RUN_MAX);
	command_check_name(name);
	uses[nuses++].secret = name;
	run_set_fd(STDIN_FILENO);
}

/* Returns the program and its arguments. */
static char **
run_options(int argc, char *argv[])
{
	int ch;

	while ((ch = command_option(argc, argv, "+:e:f:i:", NULL)) != -1) {
		switch (ch) {
		case 'e':
			run_add_var(optarg);
			break;
		case 'f':
			run_add_fd(optarg);
			break;
		default:
			run_add_stdin(optarg);
		}
	}
	if (optind == argc)
		command_wrong("the program is missing");
	return (argv + optind);
}

/*
 * The process.
 */

/*
 * Occupies the descriptors for the secrets, so that no other file gets one of
 * their numbers.
 */
static void
run_reserve(void)
{
	const int    null = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned int i;

	if (null == -1)
		err(EXIT_USAGE, "/dev/null");
	for (i = 0; i < nuses; i++) {
		if (uses[i].var == NULL && uses[i].fd != null &&
		    dup3(null, uses[i].fd, O_CLOEXEC) == -1)
			err(EXIT_USAGE, "descriptor %d", uses[i].fd);
	}
}

/*
 * Makes this process lead a process group where it can: a panic then kills the
 * whole group.  A shell with job control has done so, unless we are a later
 * part of a pipeline.  In a script we are in the script's group, and stay there
 * if there is a terminal: in its own group the program could not read from the
 * terminal, would not get ^C and ^Z, and nobody would give the terminal back to
 * the script afterwards.  But a script ignores SIGINT for a program in the
 * background, so that ^C does not reach it; such a program leads a group.
 */
static void
run_lead(void)
{
	struct sigaction sa;
	int		 tty;

	if (getpgrp() == getpid())
		return;
	tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty != -1)
		close(tty);
	if (tty == -1 ||
	    (sigaction(SIGINT, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN))
		(void)setpgid(0, 0);
}

/*
 * Registers this process.  The daemon learns from the kernel which process has
 * connected.  If ssh(1) forwards the socket, that is an ssh on the daemon's
 * side.  So first checks that the process that listens here is the daemon.
 */
static void
run_register(int fd, const char *program)
{
	char	    why[RUN_WHY];
	const char *line;

	client_ask(fd, "STATUS");
	line = client_line(fd);
	if (!answer_is_status(line))
		client_refused(line);
	if (!client_is_near(line)) {
		(void)snprintf(why, sizeof(why),
		    "%s%s: the daemon is on another machine, or in another PID "
		    "namespace: its panic would not kill %s",
		    client_daemon()->path, client_daemon()->suffix, program);
		errx(EXIT_REFUSED, "%s", oneline(why));
	}
	client_ask(fd, "REGISTER");
	client_want(fd, "OK");
}

/*
 * The secrets.
 */

/* Exits with an error message about a secret, or with errno. */
static noreturn void
run_unfit(const struct run_use *u, const char *why)
{
	errx(EXIT_USAGE, "%s: %s", u->secret,
	    why != NULL ? why : strerror(errno));
}

/* Receives a secret of len bytes for the environment. */
static void
run_get_var(struct run_use *u, int channel, size_t len)
{
	const size_t   head = strlen(u->var) + 1;
	unsigned char *value;

	if (len > SIZE_MAX / 4)
		run_unfit(u, "too large");
	arena_grow(&u->entry, head + len + 1, 0);
	memcpy(u->entry.data, u->var, head - 1);
	u->entry.data[head - 1] = '=';
	value = u->entry.data + head;
	secret_receive(channel, value, len);
	if (memchr(value, '\0', len) != NULL)
		run_unfit(u, "has a NUL byte: a variable cannot, use -f or -i");
	while (len > 0 && value[len - 1] == '\n')
		len--;
	if (len == 0)
		run_unfit(u, "has only newlines, which -e drops");
	value[len] = '\0';
}

/* Writes the len bytes that come on channel to fd, which must not block. */
static void
run_copy(const struct run_use *u, int channel, int fd, size_t len)
{
	size_t piece;

	if (passing.pages == NULL)
		arena_grow(&passing, RUN_PIECE, 0);
	for (; len > 0; len -= piece) {
		piece = len < RUN_PIECE ? len : RUN_PIECE;
		secret_receive(channel, passing.data, piece);
		if (write(fd, passing.data, piece) != (ssize_t)piece)
			run_unfit(u, NULL);
	}
}

/*
 * Makes a pipe with room for len bytes, and returns its end for writing; -1 if
 * the kernel refuses that size.
 */
static int
run_open_pipe(struct run_use *u, size_t len)
{
	int p[2], size;

	if (len > RUN_PIPE || pipe2(p, O_CLOEXEC) == -1)
		return (-1);
	/* If the user has many pipes, the kernel makes new ones smaller. */
	if ((size = fcntl(p[1], F_GETPIPE_SZ)) < (int)len)
		size = fcntl(p[1], F_SETPIPE_SZ, (int)RUN_PIPE);
	if (size < (int)len || fcntl(p[1], F_SETFL, O_NONBLOCK) == -1) {
		close(p[0]);
		close(p[1]);
		return (-1);
	}
	u->source = p[0];
	return (p[1]);
}

static int
run_open_memory(void)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int		   fd = memfd_create("secret", flags | MFD_NOEXEC_SEAL);

	if (fd == -1 && errno == EINVAL)
		fd = memfd_create("secret", flags);
	return (fd);
}

/* Seals the file fd against changes; returns it opened for reading only. */
static int
run_seal(const struct run_use *u, int fd)
{
	char path[32];
	int  own;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fchmod(fd, S_IRUSR) == -1 ||
	    fcntl(fd, F_ADD_SEALS,
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) ==
		-1 ||
	    (own = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		run_unfit(u, NULL);
	close(fd);
	return (own);
}

/* Receives a secret of len bytes for a descriptor. */
static void
run_get_fd(struct run_use *u, int channel, size_t len)
{
	int fd;

	if ((fd = run_open_pipe(u, len)) != -1) {
		run_copy(u, channel, fd, len);
		close(fd);
		return;
	}
	if ((fd = run_open_memory()) == -1)
		run_unfit(u, NULL);
	run_copy(u, channel, fd, len);
	u->source = run_seal(u, fd);
}

/* Gets every secret from the daemon at the other end of fd. */
static void
run_get(int fd)
{
	struct run_use *u;
	int		channel;

	for (u = uses; u < uses + nuses; u++) {
		client_speak_of(u->secret);
		u->size = secret_request(fd, u->secret, &channel, &u->cpu);
		if (u->var != NULL)
			run_get_var(u, channel, u->size);
		else
			run_get_fd(u, channel, u->size);
		close(channel);
	}
	arena_close(&passing);
}

/* Overwrites the copies of the secrets in the kernel's socket buffers. */
static void
run_overwrite(void)
{
	struct run_use *u;

	for (u = uses; u < uses + nuses; u++) {
		if (u->size == 0)
			continue;
		residue_stay(u->cpu);
		residue_socket(u->size);
		residue_leave();
		u->size = 0;
	}
}

/*
 * The same in another process, because we must not change the set of processors
 * on which the program may run.
 */
static void
run_overwrite_apart(void)
{
	const pid_t pid = nuses > 0 ? fork() : -1;

	if (pid == 0) {
		run_overwrite();
		_exit(0);
	}
	while (pid != -1 && waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
}

/*
 * The program.
 */

static void
run_place_descriptors(void)
{
	const struct run_use *u;

	for (u = uses; u < uses + nuses; u++) {
		if (u->var != NULL)
			continue;
		if (dup2(u->source, u->fd) == -1)
			err(EXIT_USAGE, "descriptor %d", u->fd);
		close(u->source);
	}
}

/* Returns whether a secret replaces the variable entry, "VAR=VALUE". */
static bool
run_replaces(const char *entry)
{
	const struct run_use *u;
	size_t		      len;

	for (u = uses; u < uses + nuses; u++) {
		len = u->var != NULL ? strlen(u->var) : 0;
		if (len > 0 && strncmp(entry, u->var, len) == 0 &&
		    entry[len] == '=')
			return (true);
	}
	return (false);
}

/* Puts the secrets, which stay in their arenas, into the environment. */
static void
run_set_environment(void)
{
	const struct run_use *u;
	char		    **env, **e;
	size_t		      n = 0;

	for (e = environ; *e != NULL; e++)
		n++;
	if ((env = calloc(n + nuses + 1, sizeof(*env))) == NULL)
		err(EXIT_USAGE, "environment");
	n = 0;
	for (e = environ; *e != NULL; e++) {
		if (!run_replaces(*e))
			env[n++] = *e;
	}
	for (u = uses; u < uses + nuses; u++) {
		if (u->var != NULL)
			env[n++] = (char *)u->entry.data;
	}
	environ = env;
}

/* The command run: executes the program, or exits. */
void
run_program(const struct sockpath *places, int argc, char *argv[])
{
	char	       **program = run_options(argc, argv);
	struct sigaction ignore = { .sa_handler = SIG_IGN }, was;
	int		 fd, code;

	/*
	 * Check this first: a secret that can be read once must not be wasted.
	 */
	if ((code = program_check(program[0])) != 0)
		err(code, "%s", oneline(program[0]));
	run_reserve();
	run_lead();
	fd = client_open(places, CLIENT_OURS);
	/* Register first, so that a panic from now on kills us. */
	run_register(fd, program[0]);
	/* If one secret cannot be read, the ones before it have been. */
	if (atexit(run_overwrite) != 0)
		err(EXIT_USAGE, "atexit");
	/* If a file in memory exceeds ulimit -f, get an error and no signal. */
	(void)sigaction(SIGXFSZ, &ignore, &was);
	run_get(fd);
	(void)sigaction(SIGXFSZ, &was, NULL);
	close(fd);
	run_overwrite_apart();
	run_place_descriptors();
	arena_leave();
	run_set_environment();
	(void)execvp(program[0], program);
	/* The exit codes of env(1). */
	err(errno == ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_NOT_RUN, "%s",
	    oneline(program[0]));
}
