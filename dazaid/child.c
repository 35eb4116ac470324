/* SPDX-License-Identifier: ISC */
/*
 * Starting the network process: forked, then executed anew, so that it has an
 * address-space layout of its own and none of the vault's memory.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "child.h"

#define CHILD_UID      60706
#define CHILD_UIDS     478
#define CHILD_START_MS 10000 /* it needs some 5; a machine can be busy */

static bool
child_uid_taken(FILE *f, uid_t uid)
{
	const struct passwd *pw;

	rewind(f);
	while ((pw = fgetpwent(f)) != NULL) {
		if (pw->pw_uid == uid)
			return (true);
	}
	return (false);
}

/*
 * A uid for network that is nobody else's: one of those that nobody hands out
 * (60706 to 61183, unused in https://systemd.io/UIDS-GIDS), by our pid, so that
 * two daemons hardly have the same (if they do, it is no right over each other:
 * neither can make a call that would be one).  Should somebody in /etc/passwd
 * have it all the same, the next one. getpwuid(3) would ask others as well, and
 * load a megabyte of their code into the vault.
 */
uid_t
child_uid(void)
{
	FILE *f = fopen("/etc/passwd", "re");
	uid_t uid = CHILD_UID + (uid_t)getpid() % CHILD_UIDS;

	if (f == NULL)
		return (uid);
	while (child_uid_taken(f, uid))
		uid++;
	(void)fclose(f);
	return (uid);
}

static void
child_exec(int fd)
{
	char  title[] = CHILD_TITLE;
	char *argv[] = { title, NULL };
	char *envp[] = { NULL };

	/* dup2 of a descriptor on itself would leave it close-on-exec. */
	if (fd == CHILD_FD)
		fd = dup(fd);
	if (fd != -1 && dup2(fd, CHILD_FD) != -1) {
		closefrom(CHILD_FD + 1);
		execve("/proc/self/exe", argv, envp);
	}
	_exit(1);
}

/*
 * Starts network; it has what it needs when this returns the vault's end of the
 * socketpair, and goes on by itself up to child_wait().  -1 with errno.
 */
int
child_start(const struct imsg_config *config, pid_t *pid)
{
	const struct imsg im = { .type = IMSG_CONFIG, .u.config = *config };
	sigset_t	  all, was;
	int		  sp[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) == -1)
		return (-1);
	/* Until it is executed anew the vault's handlers are its own. */
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &was);
	if ((*pid = fork()) == 0)
		child_exec(sp[1]);
	(void)sigprocmask(SIG_SETMASK, &was, NULL);
	if (*pid == -1)
		return (-1);
	close(sp[1]);
	return (imsg_send(sp[0], &im, 0) == -1 ? -1 : sp[0]);
}

/*
 * Waits for network, at the other end of fd: when this returns 0 it has no
 * rights any more.  -1 with errno, ECHILD if it gave up and has said why.
 */
int
child_wait(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct imsg   im;

	if (poll(&pfd, 1, CHILD_START_MS) != 1) {
		errno = ETIMEDOUT;
		return (-1);
	}
	if (imsg_recv(fd, IMSG_FROM_NETWORK, IMSG_AT_START, &im) != IMSG_OK ||
	    im.type != IMSG_READY) {
		errno = ECHILD;
		return (-1);
	}
	return (0);
}

/* True if a signal has stopped the child pid.  Async-signal-safe. */
bool
child_is_stopped(pid_t pid)
{
	int status;

	return (waitpid(pid, &status, WNOHANG | WUNTRACED) == pid &&
	    WIFSTOPPED(status));
}

/*
 * Lets network handle all messages that were sent on fd, and end: it sees EOF
 * after the last one.  Waits for that, but at most ms.  Async-signal-safe.
 */
void
child_end(int fd, int64_t ms)
{
	const struct timespec wait = { ms / 1000, ms % 1000 * 1000000 };
	struct pollfd	      pfd = { .fd = fd, .events = POLLRDHUP };

	(void)shutdown(fd, SHUT_WR);
	(void)ppoll(&pfd, 1, &wait, NULL);
}
