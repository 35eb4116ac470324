/* SPDX-License-Identifier: ISC */
/*
 * Starts the network process, and waits for its end.  After fork(2) the child
 * executes dazaid again, so that it has an address-space layout of its own and
 * none of the vault's memory.
 */
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "cred.h"
#include "log.h"
#include "sandbox.h"

/*
 * Uids that no distribution gives to users: 60706 to 61183 are unused in
 * https://systemd.io/UIDS-GIDS.
 */
#define CHILD_UID	   60706
#define CHILD_UIDS	   478
#define CHILD_NOT_EXECUTED 100	 /* exit status, plus the errno of execve(2) */
#define CHILD_START_MS	   10000 /* ms; usually the start takes 5 */
#define CHILD_STATUS_MS	   500	 /* ms; see child_failure() */

static const char child_not_started[] = "it could not start";

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
 * Sets become_uid and become_gid to those of NETWORK_USER.  Returns false if
 * there is no such user, or if it is root or the owner.
 */
static bool
child_own_user(FILE *f, struct imsg_config *config)
{
	const struct passwd *pw;

	while ((pw = fgetpwent(f)) != NULL) {
		if (strcmp(pw->pw_name, NETWORK_USER) == 0 && pw->pw_uid != 0 &&
		    pw->pw_uid != config->owner) {
			config->become_uid = pw->pw_uid;
			config->become_gid = pw->pw_gid;
			return (true);
		}
	}
	return (false);
}

/*
 * Sets the uid and gid that network changes to when root starts it:
 * NETWORK_USER, if /etc/passwd has that user.  Otherwise a uid that neither the
 * owner nor anybody in /etc/passwd has.  It depends on our pid, so that two
 * daemons seldom have the same.  (If they do, no system call that is allowed to
 * one network process can affect the other.)  getpwuid(3) would ask other
 * sources as well, and load a megabyte of their code into the vault.
 */
void
child_user(struct imsg_config *config)
{
	FILE *f;
	uid_t uid = CHILD_UID + (uid_t)getpid() % CHILD_UIDS;

	if (!sandbox_may_become()) {
		log_info("network keeps our uid: root lacks CAP_SETUID, "
			 "CAP_SETGID or CAP_SYS_CHROOT here");
		return;
	}
	f = fopen("/etc/passwd", "re");
	if (f == NULL || !child_own_user(f, config)) {
		while (uid == config->owner ||
		    (f != NULL && child_uid_taken(f, uid)))
			uid++;
		config->become_uid = config->become_gid = uid;
	}
	if (f != NULL)
		(void)fclose(f);
	if (cred_exists(config->become_uid))
		return;
	log_info("network keeps our uid: this user namespace has no uid %lu",
	    (unsigned long)config->become_uid);
	config->become_uid = config->become_gid = 0;
}

static void
child_exec(int fd)
{
	char  title[] = CHILD_TITLE;
	char *argv[] = { title, NULL };
	char *envp[] = { NULL };

	/* dup2(2) of a descriptor to itself would leave it close-on-exec. */
	if (fd == CHILD_FD)
		fd = dup(fd);
	if (fd != -1 && dup2(fd, CHILD_FD) != -1) {
		closefrom(CHILD_FD + 1);
		execve("/proc/self/exe", argv, envp);
	}
	_exit(CHILD_NOT_EXECUTED + (errno < 128 ? errno : 0));
}

/*
 * Starts network and stores its pid in *pid.  Returns the vault's end of the
 * socketpair, the caller's to close; -1 with errno.  Network itself gives up
 * its rights; child_wait() waits until it has.
 */
int
child_start(const struct imsg_config *config, pid_t *pid)
{
	const struct imsg im = { .type = IMSG_CONFIG, .u.config = *config };
	sigset_t	  all, was;
	int		  sp[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) == -1)
		return (-1);
	/* Until execve(2) the child has the vault's signal handlers. */
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &was);
	if ((*pid = fork()) == 0)
		child_exec(sp[1]);
	(void)sigprocmask(SIG_SETMASK, &was, NULL);
	if (*pid == -1)
		return (-1);
	close(sp[1]);
	/* If network has ended already, child_wait() says why. */
	if (imsg_send(sp[0], &im, 0) == -1 && errno != EPIPE)
		return (-1);
	return (sp[0]);
}

/*
 * Returns why network, the child pid, has not started.  The kernel closes its
 * socket a moment before wait(2) has its status, so waits for that, but at most
 * CHILD_STATUS_MS: network may have closed the socket and go on.
 */
static const char *
child_failure(pid_t pid)
{
	static char   why[64];
	struct pollfd pfd = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int	      status;

	(void)poll(&pfd, 1, CHILD_STATUS_MS);
	close(pfd.fd);
	if (waitpid(pid, &status, WNOHANG) != pid)
		return (child_not_started);
	if (WIFSIGNALED(status))
		(void)snprintf(why, sizeof(why), "killed by SIG%s",
		    sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) >= CHILD_NOT_EXECUTED)
		(void)snprintf(why, sizeof(why), "/proc/self/exe: %s",
		    strerror(WEXITSTATUS(status) - CHILD_NOT_EXECUTED));
	else
		return (child_not_started); /* network has logged why */
	return (why);
}

/*
 * Waits until network, the child pid at the other end of fd, has given up its
 * rights.  Returns NULL, or why it has not.
 */
const char *
child_wait(int fd, pid_t pid)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct imsg   im;

	if (poll(&pfd, 1, CHILD_START_MS) != 1)
		return (strerror(ETIMEDOUT));
	switch (imsg_recv(fd, IMSG_FROM_NETWORK, IMSG_AT_START, &im)) {
	case IMSG_OK:
		return (im.type == IMSG_READY ? NULL : child_not_started);
	case IMSG_EOF:
		return (child_failure(pid));
	default:
		return (child_not_started);
	}
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
 * Shuts fd down, so that network handles all messages that were sent on it,
 * reads EOF and exits.  Waits for that, but at most ms.  Async-signal-safe, but
 * changes errno.
 */
void
child_end(int fd, int64_t ms)
{
	const struct timespec wait = { ms / 1000, (long)(ms % 1000 * 1000000) };
	struct pollfd	      pfd = { .fd = fd, .events = POLLRDHUP };

	(void)shutdown(fd, SHUT_WR);
	/* If RLIMIT_NOFILE was lowered to 0, fd cannot be polled. */
	if (ppoll(&pfd, 1, &wait, NULL) == -1 && errno == EINVAL)
		(void)ppoll(NULL, 0, &wait, NULL);
}
