/* SPDX-License-Identifier: ISC */
/*
 * The registered processes, which a panic kills.  Each has a pidfd, so that
 * another process with the same pid is never killed.  If a process leads its
 * process group, the whole group is killed, where the kernel can do that.
 *
 * Root's vault kills with the uid of the owner.  Otherwise a user could make it
 * kill processes of others.  While it has that uid, the owner can signal the
 * vault, so this comes after the wipe.
 */
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "registry.h"

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP 4 /* Linux 6.9 */
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/* On i386 and arm, SYS_setresuid takes uids of 16 bits. */
#ifdef SYS_setresuid32
#define REGISTRY_SETRESUID SYS_setresuid32
#else
#define REGISTRY_SETRESUID SYS_setresuid
#endif

static struct {
	int   fd; /* pidfd */
	pid_t pid;
} registry[REGISTRY_MAX]; /* the first registry_n are taken */
static volatile unsigned int registry_n;
static uid_t		     registry_owner;
static int		     registry_proc = -1; /* /proc, of root's vault */
static bool  registry_group;	 /* the kernel can kill a process's group */
static pid_t registry_own_group; /* which the vault must not kill */

/* Returns whether the kernel has the flag: it refuses unknown ones. */
static bool
registry_can_groups(int pidfd)
{
	return (pidfd_send_signal(pidfd, 0, NULL, PIDFD_SIGNAL_PROCESS_GROUP) ==
		0 ||
	    errno != EINVAL);
}

/*
 * owner is the user whose processes may be registered.  Root, who may kill any
 * process, needs /proc to find out to whom one belongs.  Fails if a container's
 * filter refuses pidfds, because no holder could be watched.  Returns NULL, or
 * what failed, with errno.
 */
const char *
registry_init(uid_t owner)
{
	const int pidfd = pidfd_open(getpid(), 0);

	if (pidfd == -1)
		return ("pidfd_open");
	registry_owner = owner;
	registry_group = registry_can_groups(pidfd);
	close(pidfd);
	if (geteuid() == 0)
		registry_proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return (geteuid() == 0 && registry_proc == -1 ? "/proc" : NULL);
}

/* Returns whether a panic kills the groups of the registered processes, too. */
bool
registry_groups(void)
{
	return (registry_group);
}

/*
 * Stores the vault's own group, which must not be killed.  Call this before the
 * sandbox, which forbids getpgrp(2).
 */
void
registry_own(void)
{
	registry_own_group = getpgrp();
}

/* The descriptor of /proc that registry_add() uses; -1 unless root's vault. */
int
registry_procfd(void)
{
	return (registry_proc);
}

/* How many processes are registered.  Async-signal-safe. */
unsigned int
registry_count(void)
{
	return (registry_n);
}

/*
 * The pid of the registered process number i, below registry_count().
 * Async-signal-safe.
 */
pid_t
registry_pid(unsigned int i)
{
	return (registry[i].pid);
}

static unsigned int
registry_find(pid_t pid)
{
	unsigned int i;

	for (i = 0; i < registry_n && registry[i].pid != pid; i++)
		;
	return (i);
}

/* Whether pid is registered. */
bool
registry_has(pid_t pid)
{
	return (registry_find(pid) < registry_n);
}

/*
 * Returns whether the owner could kill the process pid, whose pidfd is fd.
 * With pid 0 the caller knows that the process is the owner's.
 */
static bool
registry_is_owners(int fd, pid_t pid)
{
	char	    name[16];
	struct stat st;

	if (registry_proc != -1 && pid != 0) {
		(void)snprintf(name, sizeof(name), "%ld", (long)pid);
		if (fstatat(registry_proc, name, &st, 0) == -1 ||
		    st.st_uid != registry_owner)
			return (false);
	}
	/*
	 * If the process is still alive, /proc/PID was that of this process.
	 * The same call checks that we may signal it.
	 */
	return (pidfd_send_signal(fd, 0, NULL, 0) == 0);
}

/*
 * Returns a pidfd of pid, the caller's to close; -1 with errno.  client is a
 * connection that pid itself has made, or -1.  From a connection the kernel
 * finds the right process even if it has ended and another one has its pid.
 */
int
registry_open(pid_t pid, int client)
{
	socklen_t len = sizeof(int);
	int	  fd;

	if (client != -1) {
		if (getsockopt(client, SOL_SOCKET, SO_PEERPIDFD, &fd, &len) ==
		    0)
			return (fd);
		if (errno != ENOPROTOOPT) /* before Linux 6.5 */
			return (-1);
	}
	return (pidfd_open(pid, 0));
}

/*
 * Returns a pidfd of the owner's process pid, the caller's to close; -1 with
 * errno.
 */
int
registry_open_owned(pid_t pid)
{
	const int fd = registry_open(pid, -1);

	if (fd != -1 && !registry_is_owners(fd, pid)) {
		close(fd);
		errno = EPERM;
		return (-1);
	}
	return (fd);
}

/*
 * Registers pid, unless it is registered already.  client is the process's own
 * connection, if it registers itself and the kernel reports that it is the
 * owner's; else -1.  Returns -1 with ENOSPC if there is no room, and with
 * another errno if there is no such process, or the owner could not kill it.
 */
int
registry_add(pid_t pid, int client)
{
	int fd;

	if (registry_has(pid))
		return (0);
	if (registry_n == REGISTRY_MAX) {
		errno = ENOSPC;
		return (-1);
	}
	if ((fd = registry_open(pid, client)) == -1)
		return (-1);
	if (!registry_is_owners(fd, client != -1 ? 0 : pid)) {
		close(fd);
		errno = EPERM;
		return (-1);
	}
	registry[registry_n].fd = fd;
	registry[registry_n].pid = pid;
	registry_n++;
	return (0);
}

static void
registry_close(unsigned int i)
{
	close(registry[i].fd);
	registry[i] = registry[registry_n - 1];
	registry_n--;
}

/* Returns -1 if pid is not registered. */
int
registry_remove(pid_t pid)
{
	const unsigned int i = registry_find(pid);

	if (i == registry_n)
		return (-1);
	registry_close(i);
	return (0);
}

/*
 * Fills in pfd, with one entry for each process, at most REGISTRY_MAX.  Returns
 * the number of entries.
 */
nfds_t
registry_poll(struct pollfd *pfd)
{
	unsigned int i;

	for (i = 0; i < registry_n; i++)
		pfd[i] = (struct pollfd){ registry[i].fd, POLLIN, 0 };
	return (registry_n);
}

/*
 * Removes processes that have ended, as poll(2) has found; none may be added
 * or removed in between.
 */
void
registry_forget(const struct pollfd *pfd, nfds_t n)
{
	/*
	 * From the end, because the last entry moves to the place of a removed
	 * one.
	 */
	while (n-- > 0) {
		if (pfd[n].revents != 0)
			registry_close((unsigned int)n);
	}
}

/*
 * Sends SIGKILL to a registered process and to its group.  The kernel refuses
 * the latter unless the process leads the group.  Spares the vault's own group,
 * because the vault must still remove its files.
 */
static void
registry_kill_one(unsigned int i)
{
	if (registry_group && registry[i].pid != registry_own_group)
		(void)pidfd_send_signal(registry[i].fd, SIGKILL, NULL,
		    PIDFD_SIGNAL_PROCESS_GROUP);
	(void)pidfd_send_signal(registry[i].fd, SIGKILL, NULL, 0);
}

/*
 * Sends SIGKILL to all registered processes.  Async-signal-safe, but changes
 * errno.  Calls syscall(2), because setresuid(3) need not be async-signal-safe.
 */
void
registry_kill(void)
{
	const bool   as_owner = registry_proc != -1 && registry_owner != 0;
	unsigned int i;

	if (registry_n == 0 ||
	    (as_owner &&
		syscall(REGISTRY_SETRESUID, registry_owner, registry_owner,
		    0) == -1))
		return;
	for (i = 0; i < registry_n; i++)
		registry_kill_one(i);
	if (as_owner)
		(void)syscall(REGISTRY_SETRESUID, 0, 0, 0);
}
