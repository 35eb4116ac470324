/* SPDX-License-Identifier: ISC */
/*
 * Takes rights away from each process, in this order: limits at the start;
 * then, right before its loop, privileges, the file system (network only) and
 * every system call that is not in its table.
 *
 * In network, a call that is not in the table kills the process by SIGSYS, and
 * the vault panics.  In the vault, SIGSYS can be caught, so that its handler
 * wipes before the vault dies.
 *
 * Built with SANITIZE, both may also make the calls that the sanitizers'
 * runtime needs.  That build is for the tests, and is never installed.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "channel.h"
#include "filter.h"
#include "log.h"
#include "sandbox.h"

#ifndef PIDFD_SIGNAL_PROCESS_GROUP
#define PIDFD_SIGNAL_PROCESS_GROUP 4 /* Linux 6.9 */
#endif

#define NELEM(a)   (sizeof(a) / sizeof((a)[0]))
#define CALL(name) SCMP_SYS(name)
#define IS(n, v)                                     \
	{                                            \
		n, SCMP_CMP_EQ, (scmp_datum_t)(v), 0 \
	}
/* For an int or a uid_t, of which the kernel ignores the upper half. */
#define IS32(n, v)                                               \
	{                                                        \
		n, SCMP_CMP_MASKED_EQ, UINT32_MAX, (uint32_t)(v) \
	}

/* The calls that both processes make in their loops. */
static const struct filter_rule sandbox_both[] = {
	FILTER_ALLOW(ppoll),	  /* the loop */
	FILTER_ALLOW(recvmsg),	  /* imsg */
	FILTER_ALLOW(sendmsg),	  /* imsg; a secret to its client */
	FILTER_ALLOW(write),	  /* log */
	FILTER_ALLOW(pwritev2),	  /* log; the vault's last words */
	FILTER_ALLOW(getsockopt), /* SO_PEERCRED, SO_PEERPIDFD */
	FILTER_ALLOW(recvfrom), /* a client's bytes; in the vault, a secret's */
	/* a dropped connection, in every process that has it open */
	FILTER_ALLOW(shutdown),
	FILTER_ALLOW(close),
	FILTER_ALLOW(clock_gettime),   /* where the vDSO cannot */
	FILTER_ALLOW(restart_syscall), /* ppoll after SIGSTOP and SIGCONT */
	FILTER_ALLOW(rt_sigreturn),
	FILTER_ALLOW(exit_group),
#ifdef SANITIZE
	FILTER_ALLOW(brk),
	FILTER_ALLOW(mmap),
	FILTER_ALLOW(munmap),
	FILTER_ALLOW(mprotect),
	FILTER_ALLOW(mremap),
	FILTER_ALLOW(madvise),
	FILTER_ALLOW(futex),
	FILTER_ALLOW(sched_yield),
	FILTER_ALLOW(sched_getaffinity),
	FILTER_ALLOW(sigaltstack),
	FILTER_ALLOW(rt_sigaction),
	FILTER_ALLOW(rt_sigprocmask),
	FILTER_ALLOW(getpid),
	FILTER_ALLOW(gettid),
	FILTER_ALLOW(tgkill),
	FILTER_ALLOW(getrlimit),
	FILTER_ALLOW(prlimit64),
	FILTER_ALLOW(readlink),
	FILTER_ALLOW(open),
	FILTER_ALLOW(openat),
	FILTER_ALLOW(read),
	FILTER_ALLOW(pread64),
	FILTER_ALLOW(lseek),
	FILTER_ALLOW(newfstatat),
	FILTER_ALLOW(fstat),
	FILTER_ALLOW(fcntl),
	FILTER_ALLOW(prctl),
	FILTER_ALLOW(clone),
	FILTER_ALLOW(wait4),
	FILTER_ALLOW(getuid),
	FILTER_ALLOW(geteuid),
	FILTER_ALLOW(getgid),
	FILTER_ALLOW(getegid),
	FILTER_ALLOW(process_vm_readv),
	FILTER_ALLOW(poll),
#endif
};

/*
 * The calls of every vault.  sandbox_vault() adds those whose arguments depend
 * on this vault.
 */
static const struct filter_rule sandbox_any_vault[] = {
	FILTER_ALLOW(pidfd_open),  /* to register a process */
	FILTER_ALLOW(getsockname), /* is it a client of our sockets? */
	FILTER_ALLOW(getcpu),	   /* for GET's cpu=, if not by rseq(2) */
	FILTER_ALLOW(sendto),	   /* answers, secrets, syslog */
	/* are bytes unread of a client that hung up? */
	{ CALL(ioctl), 1, { IS32(1, FIONREAD) } },
	/* a channel to a client, which network never has */
	{ CALL(socketpair), 1, { IS32(0, AF_UNIX) } },
	/* no descriptors over it */
	{ CALL(setsockopt), 2,
	    { IS32(1, SOL_SOCKET), IS32(2, SO_PASSRIGHTS) } },
	/* how network died; whether it is stopped */
	{ CALL(wait4), 1, { IS(2, WNOHANG) } },
	{ CALL(wait4), 1, { IS(2, WNOHANG | WUNTRACED) } },
	{ CALL(pidfd_send_signal), 2, { IS32(1, 0), IS32(3, 0) } },
	{ CALL(pidfd_send_signal), 2, { IS32(1, SIGKILL), IS32(3, 0) } },
	/* SIGKILL to the group of a registered process */
	{ CALL(pidfd_send_signal), 2,
	    { IS32(1, SIGKILL), IS32(3, PIDFD_SIGNAL_PROCESS_GROUP) } }
};

/* As root, asks the kernel to kill other processes when memory runs out. */
static void
sandbox_spare(void)
{
	int fd;

	if (geteuid() != 0 ||
	    (fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)) == -1)
		return;
	(void)!write(fd, "-1000", 5);
	close(fd);
}

/*
 * Forbids core dumps, and forbids other processes to attach to us or to read
 * our /proc.  Both processes call this when they start.  Raises the limits of
 * locked memory and open descriptors to what the administrator allows.  Returns
 * -1 with errno.
 */
int
sandbox_limits(void)
{
	static const int    raise[] = { RLIMIT_MEMLOCK, RLIMIT_NOFILE };
	const struct rlimit none = { 0, 0 };
	struct rlimit	    rl;
	size_t		    i;

	sandbox_spare();
	for (i = 0; i < NELEM(raise); i++) {
		if (getrlimit((unsigned int)raise[i], &rl) == -1)
			return (-1);
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit((unsigned int)raise[i], &rl);
	}
	if (setrlimit(RLIMIT_CORE, &none) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return (-1);
	return (0);
}

/*
 * Gives up all capabilities but those in keep, a bit set of the first 32.  Also
 * clears the ambient ones, because execve(2) would restore them.
 */
static int
sandbox_capabilities(uint32_t keep)
{
	struct __user_cap_header_struct hdr;
	struct __user_cap_data_struct	data[_LINUX_CAPABILITY_U32S_3];

	hdr.version = _LINUX_CAPABILITY_VERSION_3;
	hdr.pid = 0;
	if (syscall(SYS_capget, &hdr, data) == -1 ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1)
		return (-1);
	data[0].permitted &= keep;
	data[0].effective &= keep;
	data[1].permitted = data[1].effective = 0;
	data[0].inheritable = data[1].inheritable = 0;
	return ((int)syscall(SYS_capset, &hdr, data));
}

/*
 * Returns whether root has the capabilities that network needs to change its
 * uid and root directory: a container may lack them.  If the kernel does not
 * say, returns true, and network then fails to start if it lacks them.
 */
bool
sandbox_may_become(void)
{
	const uint32_t needed = 1U << CAP_SETUID | 1U << CAP_SETGID |
	    1U << CAP_SYS_CHROOT;
	struct __user_cap_header_struct hdr;
	struct __user_cap_data_struct	data[_LINUX_CAPABILITY_U32S_3];

	hdr.version = _LINUX_CAPABILITY_VERSION_3;
	hdr.pid = 0;
	return (syscall(SYS_capget, &hdr, data) == -1 ||
	    (data[0].effective & needed) == needed);
}

/*
 * The vault: no open, no socket, no exec, no fork.  It may kill only itself and
 * processes of which it has a pidfd.  It may change only the arena's
 * protection, and never to executable.  It may change its uid only to the
 * owner's and back.  It may remove files; the filter cannot check which ones.
 *
 * Of root's capabilities it keeps those that its end needs: to remove files
 * from the directory of its user, to kill with that user's uid, and for the
 * kernel to kill network (PR_SET_PDEATHSIG): network has another uid, and the
 * kernel checks the vault's CAP_KILL.
 */
int
sandbox_vault(const struct sandbox_vault *sv)
{
	const uint32_t keep = 1U << CAP_DAC_OVERRIDE | 1U << CAP_FOWNER |
	    1U << CAP_SETUID | 1U << CAP_KILL;
	const uintptr_t		 arena = (uintptr_t)sv->arena;
	const struct filter_rule rules[] = {
		{ CALL(mprotect), 3,
		    { IS(0, arena), IS(1, sv->arena_len), IS(2, PROT_NONE) } },
		{ CALL(mprotect), 3,
		    { IS(0, arena), IS(1, sv->arena_len),
			IS(2, PROT_READ | PROT_WRITE) } },
		{ CALL(munmap), 2, { IS(0, arena), IS(1, sv->arena_len) } },
		{ CALL(read), 1, { IS(0, sv->signals) } },
		{ CALL(read), 1, { IS(0, sv->files) } },
		/* whether a holder is lost, without waiting */
		{ CALL(epoll_pwait), 2, { IS(0, sv->alive), IS32(3, 0) } },
		{ CALL(epoll_ctl), 1, { IS(0, sv->alive) } },
		{ CALL(newfstatat), 1, { IS(0, sv->dirfd) } },
		{ CALL(timerfd_settime), 1, { IS(0, sv->timer) } },
		{ CALL(unlinkat), 1, { IS(0, sv->dirfd) } },
		{ CALL(kill), 1, { IS(0, getpid()) } },
		/* only in root's vault, which has /proc */
		{ CALL(newfstatat), 1, { IS32(0, sv->procfd) } },
		{ CALL(setresuid), 3,
		    { IS32(0, sv->owner), IS32(1, sv->owner), IS32(2, 0) } },
		{ CALL(setresuid), 3, { IS32(0, 0), IS32(1, 0), IS32(2, 0) } }
	};
	const struct filter_table tables[] = {
		{ sandbox_both, NELEM(sandbox_both) },
		{ sandbox_any_vault, NELEM(sandbox_any_vault) },
		{ rules, NELEM(rules) - (sv->procfd == -1 ? 3 : 0) },
	};

	/* Making the files with another uid may have reset this. */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    sandbox_capabilities(geteuid() == 0 ? keep : 0) == -1)
		return (-1);
	return (filter_load(SCMP_ACT_TRAP, tables, NELEM(tables)));
}

/*
 * Changes to path if it is an empty directory in which only root can make
 * files.
 */
static bool
sandbox_enter_empty(const char *path)
{
	DIR	   *d = opendir(path);
	struct stat st;
	size_t	    entries = 0;
	bool	    entered;

	if (d == NULL)
		return (false);
	while (readdir(d) != NULL)
		entries++;
	entered = entries == 2 && fstat(dirfd(d), &st) == 0 && st.st_uid == 0 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0 && fchdir(dirfd(d)) == 0;
	(void)closedir(d);
	return (entered);
}

/* Makes a directory of our own, changes to it, and removes it at once. */
static bool
sandbox_enter_own(void)
{
	/* In a container /run may be read-only. */
	static const char *const in[] = { "/run", "/tmp", "/dev/shm" };
	char			 own[32];
	size_t			 i;

	for (i = 0; i < NELEM(in); i++) {
		(void)snprintf(own, sizeof(own), "%s/dazaid.XXXXXXXXXX", in[i]);
		if (mkdtemp(own) != NULL)
			return (chdir(own) == 0 && rmdir(own) == 0);
	}
	return (false);
}

/*
 * Changes the root directory to an empty one: one that other daemons use for
 * this purpose, or else one of our own.  Returns NULL, or what failed, with
 * errno.
 */
static const char *
sandbox_empty_root(void)
{
	static const char *const dirs[] = { "/var/empty", "/var/lib/empty",
		"/usr/share/empty", "/run/sshd" };
	size_t			 i;

	for (i = 0; i < NELEM(dirs) && !sandbox_enter_empty(dirs[i]); i++)
		continue;
	if (i == NELEM(dirs) && !sandbox_enter_own())
		return ("cannot make an empty root directory in /run or /tmp");
	return (chroot(".") == -1 ? "chroot" : NULL);
}

/*
 * Takes all rights from network, and makes it die with the vault.  If uid is
 * not 0, also takes the file system away, and changes to uid and gid.  Returns
 * NULL, or what failed, with errno.
 *
 * The change of uid resets PR_SET_DUMPABLE and PR_SET_PDEATHSIG, so they are
 * set after it.  If the vault died before that, network reads EOF.
 */
const char *
sandbox_network(uid_t uid, gid_t gid)
{
	static const struct filter_rule rules[] = {
		FILTER_ALLOW(accept4),
		FILTER_ALLOW(read), /* signals */
		FILTER_ALLOW(dup),  /* the spare descriptor */
		/* answers, and lines on the connected socket of syslog */
		{ CALL(sendto), 1, { IS(4, 0) } },
	};
	static const struct filter_table tables[] = {
		{ sandbox_both, NELEM(sandbox_both) },
		{ rules, NELEM(rules) },
	};
	const char *failed;

	if (uid != 0) {
		if ((failed = sandbox_empty_root()) != NULL)
			return (failed);
		if (setgroups(0, NULL) == -1 ||
		    setresgid(gid, gid, gid) == -1 ||
		    setresuid(uid, uid, uid) == -1)
			return ("cannot change to its own uid");
	}
	if (sandbox_capabilities(0) == -1)
		return ("capabilities");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1)
		return ("prctl");
	if (filter_load(SCMP_ACT_KILL_PROCESS, tables, NELEM(tables)) == -1)
		return ("seccomp");
	return (NULL);
}
