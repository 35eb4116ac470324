/* SPDX-License-Identifier: ISC */
/*
 * Two processes: the one that the user has started, in front, and another one
 * that holds, which is not its child.  The one in front waits until the other
 * one holds.
 *
 * Then, with -b, it exits; with -- COMMAND it executes the command.  So the
 * command has the same terminal, signals, descriptors and parent as without
 * dazai-hb, and its own exit status.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "front.h"
#include "heartbeat.h"
#include "oneline.h"
#include "program.h"

#define FRONT_READY 255 /* sent on the pipe instead of an exit code */

static int front_pipe = -1; /* to the process in front */

/*
 * Runs when the other process exits, and tells the one in front the exit code.
 */
static void
front_tell(int code, void *unused)
{
	const unsigned char byte = (unsigned char)code;

	(void)unused;
	(void)!write(front_pipe, &byte, 1);
}

/* Tells the process in front, if there is one, that the session is held. */
void
front_ready(void)
{
	if (front_pipe == -1)
		return;
	(void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	front_tell(FRONT_READY, NULL);
	close(front_pipe);
	front_pipe = -1;
}

/*
 * Waits until the other process holds.  If that exits instead, exits with its
 * code.
 */
static void
front_wait(int fd)
{
	unsigned char code = EXIT_USAGE;
	ssize_t	      n;

	while ((n = read(fd, &code, 1)) == -1 && errno == EINTR)
		;
	/* It has printed the reason on standard error. */
	if (n != 1 || code != FRONT_READY)
		exit(n == 1 && code != EXIT_LET_GO ? code : EXIT_USAGE);
}

/*
 * Prepares the process that will hold: closes all descriptors but 0 to 2 and
 * its end of the pipe.
 */
static void
front_other(int fd)
{
	if (dup3(fd, STDERR_FILENO + 1, O_CLOEXEC) == -1 &&
	    fd != STDERR_FILENO + 1)
		err(EXIT_USAGE, "dup3");
	/* If one of 0 to 2 was closed, the pipe must not have its number. */
	if (fd <= STDERR_FILENO)
		close(fd);
	front_pipe = STDERR_FILENO + 1;
	closefrom(STDERR_FILENO + 2);
	if (on_exit(front_tell, NULL) != 0)
		errx(EXIT_USAGE, "on_exit");
}

/* Makes the pipe, and the other process; returns as fork(2). */
static pid_t
front_fork(int fds[2])
{
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) == -1 || (child = fork()) == -1)
		err(EXIT_USAGE, "pipe, fork");
	close(fds[child != 0]);
	return (child);
}

/*
 * Returns in the process that will hold in the background.  Until it holds, it
 * ends together with the one in front: if the user interrupts that, nothing
 * must go on.
 */
void
front_background(void)
{
	const pid_t parent = getpid();
	int	    fds[2];

	if (front_fork(fds) != 0) {
		front_wait(fds[0]);
		_exit(EXIT_LET_GO);
	}
	if (prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) == -1 ||
	    getppid() != parent)
		_exit(EXIT_USAGE);
	front_other(fds[1]);
}

/* Returns in the process that will hold, with the pid of the command. */
pid_t
front_command(char *argv[])
{
	const pid_t pid = getpid();
	int	    code, fds[2];
	pid_t	    child;

	/* If we noticed that only later, the session would be lost unused. */
	if ((code = program_check(argv[0])) != 0)
		err(code, "%s", oneline(argv[0]));
	if ((child = front_fork(fds)) != 0) {
		(void)waitpid(child, NULL, 0);
		front_wait(fds[0]);
		(void)execvp(argv[0], argv);
		err(errno == ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_NOT_RUN, "%s",
		    oneline(argv[0]));
	}
	/* The command must not have a child that it has not started. */
	if ((child = fork()) != 0)
		_exit(child == -1 ? EXIT_USAGE : 0);
	front_other(fds[1]);
	return (pid);
}
