/* SPDX-License-Identifier: ISC */
/*
 * dazai-hb -- COMMAND: this process becomes the command, and another one, which
 * the command does not have as a child, holds for it.  So the command has the
 * terminal, the signals, the descriptors and the parent that it would have
 * without us, and ends with a status of its own.
 */
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "heartbeat.h"

#define COMMAND_READY	  255 /* beside exit codes, on the pipe */
#define COMMAND_NOT_FOUND 127 /* as env(1) */
#define COMMAND_NOT_RUN	  126

static int command_pipe = -1; /* to the process that becomes the command */

/* May dir, of len bytes, with name in it be executed? */
static bool
command_there(const char *dir, size_t len, const char *name)
{
	char file[PATH_MAX];

	(void)snprintf(file, sizeof(file), "%.*s%s%s", (int)len, dir,
	    len == 0 ? "./" : "/", name);
	return (access(file, X_OK) == 0);
}

/*
 * Ends the program if there is no such command.  Later that would be the loss
 * of a session that was never used.
 */
static void
command_check(const char *name)
{
	const char *dir = getenv("PATH");
	size_t	    len;

	if (dir == NULL)
		dir = "/bin:/usr/bin";
	if (strchr(name, '/') != NULL) {
		if (access(name, X_OK) == -1)
			err(errno == ENOENT ? COMMAND_NOT_FOUND :
					      COMMAND_NOT_RUN,
			    "%s", name);
		return;
	}
	for (;; dir += len + 1) {
		len = strcspn(dir, ":");
		if (command_there(dir, len, name))
			return;
		if (dir[len] == '\0')
			errc(COMMAND_NOT_FOUND, ENOENT, "%s", name);
	}
}

/* The other process runs this at its exit. */
static void
command_tell(int code, void *unused)
{
	const unsigned char byte = (unsigned char)code;

	(void)unused;
	(void)!write(command_pipe, &byte, 1);
}

/* The command may start: the session is held. */
void
command_ready(void)
{
	if (command_pipe == -1)
		return;
	command_tell(COMMAND_READY, NULL);
	close(command_pipe);
	command_pipe = -1;
}

/* Becomes the command as soon as the other process says so over fd. */
static noreturn void
command_become(int fd, char *argv[])
{
	unsigned char code = EXIT_USAGE;
	ssize_t	      n;

	while ((n = read(fd, &code, 1)) == -1 && errno == EINTR)
		;
	/* Its reason is on standard error. */
	if (n != 1 || code != COMMAND_READY)
		exit(n == 1 && code != EXIT_LET_GO ? code : EXIT_USAGE);
	(void)execvp(argv[0], argv);
	err(errno == ENOENT ? COMMAND_NOT_FOUND : COMMAND_NOT_RUN, "%s",
	    argv[0]);
}

/*
 * Returns in the process that is to hold for the command, with its pid; it has
 * no descriptor but 0 to 2 and its own.
 */
pid_t
command_start(char *argv[])
{
	const pid_t pid = getpid();
	int	    fds[2], status;
	pid_t	    child;

	command_check(argv[0]);
	if (pipe2(fds, O_CLOEXEC) == -1 || (child = fork()) == -1)
		err(EXIT_USAGE, "pipe, fork");
	if (child != 0) {
		close(fds[1]);
		(void)waitpid(child, &status, 0);
		command_become(fds[0], argv);
	}
	/* The command must not find a child that it has not started. */
	if ((child = fork()) != 0)
		_exit(child == -1 ? EXIT_USAGE : 0);
	if (dup3(fds[1], STDERR_FILENO + 1, O_CLOEXEC) == -1 &&
	    fds[1] != STDERR_FILENO + 1)
		err(EXIT_USAGE, "dup3");
	command_pipe = STDERR_FILENO + 1;
	closefrom(STDERR_FILENO + 2);
	if (on_exit(command_tell, NULL) != 0)
		errx(EXIT_USAGE, "on_exit");
	return (pid);
}
