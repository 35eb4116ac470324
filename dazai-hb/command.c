/* SPDX-License-Identifier: ISC */
/*
 * dazai-hb -- COMMAND: as with ssh-agent(1), the process that was started
 * becomes the command, and the heartbeat is a child of it.  So the command has
 * the terminal, every signal, and the exit status to itself.
 */
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "command.h"
#include "heartbeat.h"

static int command_pipe = -1; /* to the process that waits */

/* Becomes the command when the heartbeat is held, or ends as that ended. */
static noreturn void
command_wait(int fd, pid_t heartbeat, char *argv[])
{
	ssize_t n;
	char	c;
	int	status;

	while ((n = read(fd, &c, 1)) == -1 && errno == EINTR)
		continue;
	close(fd);
	if (n == 1) {
		execvp(argv[0], argv);
		/* As env(1) has it.  Our end is the end of the heartbeat. */
		err(errno == ENOENT ? 127 : 126, "%s", argv[0]);
	}
	while (waitpid(heartbeat, &status, 0) == -1 && errno == EINTR)
		continue;
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_USAGE);
}

/*
 * Returns in a child, the heartbeat-to-be, with the pid of the process that is
 * to become the command argv; that process does so after command_ready().
 */
pid_t
command_fork(char *argv[])
{
	const pid_t command = getpid();
	pid_t	    child;
	int	    p[2];

	if (pipe2(p, O_CLOEXEC) == -1 || (child = fork()) == -1)
		err(EXIT_USAGE, "fork");
	if (child != 0) {
		close(p[1]);
		command_wait(p[0], child, argv);
	}
	close(p[0]);
	command_pipe = p[1];
	return (command);
}

/* The heartbeat is held: the command may start. */
void
command_ready(void)
{
	if (command_pipe == -1)
		return;
	(void)!write(command_pipe, "", 1);
	close(command_pipe);
	command_pipe = -1;
}
