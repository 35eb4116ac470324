/* SPDX-License-Identifier: ISC */
/*
 * Two processes: the one that was started, in front, and another one that
 * holds, which is not its child.  The one in front waits until the other holds.
 *
 * With -b it ends then.  With -- COMMAND it becomes the command.  So the
 * command has the terminal, the signals, the descriptors and the parent that it
 * would have without us, and its own exit status.
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

#define FRONT_READY 255 /* beside exit codes, on the pipe */

static int front_pipe = -1; /* to the process in front */

/* Tells the process in front the exit code; runs at the exit of the other. */
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

/* Waits until the other process holds, or ends with the code of that one. */
static void
front_wait(int fd)
{
	unsigned char code = EXIT_USAGE;
	ssize_t	      n;

	while ((n = read(fd, &code, 1)) == -1 && errno == EINTR)
		;
	/* Its reason is on standard error. */
	if (n != 1 || code != FRONT_READY)
		exit(n == 1 && code != EXIT_LET_GO ? code : EXIT_USAGE);
}

/*
 * Returns in the process that is to hold; it has no descriptor but 0 to 2 and
 * its end of the pipe.
 */
static void
front_other(int fd)
{
	if (dup3(fd, STDERR_FILENO + 1, O_CLOEXEC) == -1 &&
	    fd != STDERR_FILENO + 1)
		err(EXIT_USAGE, "dup3");
	/* If it was closed, the pipe must not be standard output, or error. */
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
 * Returns in the process that is to hold, in the background.  Until it holds it
 * ends with the one in front: if the user interrupts that, nothing must go on.
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

/* Returns in the process that is to hold for the command, with its pid. */
pid_t
front_command(char *argv[])
{
	const pid_t pid = getpid();
	int	    code, fds[2];
	pid_t	    child;

	/* Seen only later, it would be the loss of a session never used. */
	if ((code = program_check(argv[0])) != 0)
		err(code, "%s", oneline(argv[0]));
	if ((child = front_fork(fds)) != 0) {
		(void)waitpid(child, NULL, 0);
		front_wait(fds[0]);
		(void)execvp(argv[0], argv);
		err(errno == ENOENT ? PROGRAM_NOT_FOUND : PROGRAM_NOT_RUN, "%s",
		    oneline(argv[0]));
	}
	/* The command must not find a child that it has not started. */
	if ((child = fork()) != 0)
		_exit(child == -1 ? EXIT_USAGE : 0);
	front_other(fds[1]);
	return (pid);
}
