/* SPDX-License-Identifier: ISC */
/*
 * Makes every system call in a process under the filters of dazaid/sandbox.c.
 * The process must die by SIGSYS, unless the call is listed here with its
 * reason; a listed call must work.  Tries the calls of this architecture, those
 * of x32 (a bit in the number) and those of i386 (int 0x80), if the kernel has
 * them.
 *
 * usage: calls [UID]
 *
 * UID: whom network is to become; 0: it stays who it is.  Takes about ten
 * seconds; hostile_test.sh runs it.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "num.h"
#include "sandbox.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))
#define CALLS	 600 /* the kernel has some 470 */
#define SURVIVED 77
#define PATIENCE 10 /* seconds, for a call that blocks */
#define NETWORK	 1
#define VAULT	 2
#define BOTH	 (NETWORK | VAULT)
#define ANY	 (-1L)	  /* an argument that is not checked */
#define SELF	 LONG_MIN /* stands for the caller's pid */

enum kind { NATIVE, X32, I386, KINDS };

static const char *const kinds[KINDS] = { "", "x32 ", "i386 " };

/* Calls that are allowed with any arguments, for whom, and why. */
static const struct call {
	long	    nr;
	int	    who;
	const char *why;
} calls[] = {
	{ SYS_ppoll, BOTH, "to wait in the loop" },
	{ SYS_recvmsg, BOTH, "messages of the other process" },
	{ SYS_sendmsg, BOTH, "messages to it; a secret to its client" },
	{ SYS_write, BOTH,
	    "the log, on a descriptor that cannot be asked not to wait" },
	{ SYS_pwritev2, BOTH, "the log, never waiting" },
	{ SYS_getsockopt, BOTH, "who is at the other end" },
	{ SYS_recvfrom, BOTH,
	    "network: a client's lines; vault: a secret of PUT" },
	{ SYS_shutdown, BOTH, "a connection that is given up" },
	{ SYS_close, BOTH, "what is done with" },
	{ SYS_clock_gettime, BOTH, "deadlines, where the vDSO cannot" },
	{ SYS_restart_syscall, BOTH,
	    "the kernel's own, after SIGSTOP and SIGCONT" },
	{ SYS_rt_sigreturn, BOTH, "the end of a signal handler" },
	{ SYS_exit_group, BOTH, "the end" },
	{ SYS_pidfd_open, VAULT, "to hold a process that is registered" },
	{ SYS_getsockname, VAULT,
	    "whether a connection came in by our socket" },
	{ SYS_sendto, VAULT, "GO for a PUT; syslog" },
	{ SYS_getcpu, VAULT, "the processor that GET is told" },
	{ SYS_accept4, NETWORK, "clients" },
	{ SYS_read, NETWORK, "signals" },
	{ SYS_dup, NETWORK, "the descriptor kept to turn a newcomer away" },
#ifndef __LP64__
	{ SYS_ppoll_time64, BOTH, "to wait in the loop" },
	{ SYS_clock_gettime64, BOTH, "deadlines, where the vDSO cannot" },
	{ SYS_sigreturn, BOTH, "the end of a signal handler" },
#endif
#ifdef __arm__
	{ SYS_recv, BOTH, "as recvfrom" },
	{ SYS_send, VAULT, "as sendto" },
	{ SYS_send, NETWORK, "as sendto, to no address" },
#endif
};

#ifdef __LP64__
#define STAT   SYS_newfstatat
#define SETUID SYS_setresuid
#define TIMER  SYS_timerfd_settime
#else
#define STAT   SYS_fstatat64
#define SETUID SYS_setresuid32
#define TIMER  SYS_timerfd_settime64
#endif

#ifdef __x86_64__
/*
 * A kernel that has these calls lets them pass every filter: it inserts
 * uretprobe and uprobe into traced programs.  Called from elsewhere they do
 * nothing, or raise SIGILL.
 */
#define UPROBES(nr) ((nr) == 335 || (nr) == 336)
#else
#define UPROBES(nr) false
#endif

/* What the sandbox of the vault is told in these tests. */
static struct sandbox_vault sv = { .owner = 65534 };
static uid_t		    become;

/* Calls that are allowed with some arguments only. */
static const struct limited {
	long	    nr;
	int	    who;
	bool	    good;
	long	    args[6];
	const char *why;
} * limited;
static size_t nlimited;

/* Arguments that are not given are 0. */
#define LIMIT(nr, who, good, why, ...) \
	limit((struct limited){ nr, who, good, { __VA_ARGS__ }, why })

static void
limit(struct limited l)
{
	static struct limited all[128];

	if (nlimited == NELEM(all))
		errx(1, "too many");
	all[nlimited++] = l;
	limited = all;
}

static void
limits_of_memory(void)
{
	const long arena = (long)(uintptr_t)sv.arena;
	const long len = (long)sv.arena_len;
	const long rw = PROT_READ | PROT_WRITE;

	LIMIT(SYS_mprotect, VAULT, true, "to close the arena", arena, len,
	    PROT_NONE);
	LIMIT(SYS_mprotect, VAULT, true, "to open it", arena, len, rw);
	LIMIT(SYS_mprotect, VAULT, false, "executable", arena, len,
	    rw | PROT_EXEC);
	LIMIT(SYS_mprotect, VAULT, false, "executable, not written", arena, len,
	    PROT_READ | PROT_EXEC);
	LIMIT(SYS_mprotect, VAULT, false, "beyond it", arena, len + 4096, rw);
	LIMIT(SYS_mprotect, VAULT, false, "before it", arena - 4096, len, rw);
	LIMIT(SYS_munmap, VAULT, true, "the end of the arena", arena, len);
	LIMIT(SYS_munmap, VAULT, false, "a part of it", arena, 4096);
	LIMIT(SYS_munmap, VAULT, false, "other memory", arena - 4096, len);
}

static void
limits_of_descriptors(void)
{
	const long pid = getpid();

	LIMIT(SYS_read, VAULT, true, "signals", sv.signals);
	LIMIT(SYS_read, VAULT, false, "a file", sv.dirfd);
	LIMIT(SYS_ioctl, VAULT, true, "whether a word of who hung up is unread",
	    -1, FIONREAD);
	LIMIT(SYS_ioctl, VAULT, false, "a terminal's input", -1, TIOCSTI);
	LIMIT(STAT, VAULT, true, "its files, before they go", sv.dirfd);
	LIMIT(STAT, VAULT, false, "any file", AT_FDCWD);
	LIMIT(SYS_unlinkat, VAULT, true, "its files go", sv.dirfd);
	LIMIT(SYS_unlinkat, VAULT, false, "any file", AT_FDCWD);
	LIMIT(TIMER, VAULT, true, "deadlines", sv.timer);
	LIMIT(TIMER, VAULT, false, "another timer", sv.signals);
	LIMIT(SYS_epoll_pwait, VAULT, true, "who has ended", sv.alive);
	LIMIT(SYS_epoll_pwait, VAULT, false, "to wait for it", sv.alive, 0, 0,
	    -1);
	LIMIT(SYS_epoll_pwait, VAULT, false, "others", sv.signals);
	LIMIT(SYS_epoll_ctl, VAULT, true, "to watch a holder", sv.alive);
	LIMIT(SYS_epoll_ctl, VAULT, false, "others", sv.signals);
	LIMIT(SYS_wait4, VAULT, true, "what network died of", -1, 0, WNOHANG);
	LIMIT(SYS_wait4, VAULT, false, "to wait for it", -1);
	LIMIT(SYS_sendto, NETWORK, true, "answers, and syslog", -1);
	LIMIT(SYS_sendto, NETWORK, false, "to an address", -1, 0, 0, 0, 1);
	LIMIT(SYS_kill, VAULT, true, "itself", SELF);
	LIMIT(SYS_kill, VAULT, false, "another", pid);
	LIMIT(SYS_kill, VAULT, false, "everybody", -1);
	LIMIT(SYS_pidfd_send_signal, VAULT, true, "whether one lives", -1);
	LIMIT(SYS_pidfd_send_signal, VAULT, true, "the end of the registered",
	    -1, SIGKILL);
	LIMIT(SYS_pidfd_send_signal, VAULT, true, "the end of their groups", -1,
	    SIGKILL, 0, 4);
	LIMIT(SYS_pidfd_send_signal, VAULT, false, "other signals", -1,
	    SIGTERM);
	LIMIT(SYS_pidfd_send_signal, VAULT, false, "other flags", -1, SIGKILL,
	    0, 2);
}

/* What a C library of a 32-bit machine may make in place of other calls. */
static void
limits_of_32_bits(void)
{
#ifndef __LP64__
	LIMIT(SYS_statx, VAULT, true, "its files, before they go", sv.dirfd);
	LIMIT(SYS_statx, VAULT, false, "any file", AT_FDCWD);
#endif
#ifdef SYS_socketcall
	/* Of socket, bind, connect and so on up to sendmmsg, numbered from 1.
	 */
	static const char *const who = "-----V-VBBBBBVBBBN--";
	int			 i;

	for (i = 1; i <= 20; i++) {
		const bool vault = who[i - 1] == 'V' || who[i - 1] == 'B';
		const bool network = who[i - 1] == 'N' || who[i - 1] == 'B';

		LIMIT(SYS_socketcall, VAULT, vault, "of these", i);
		LIMIT(SYS_socketcall, NETWORK, network, "of these", i);
	}
#endif
}

/* With /proc: what the vault of root may do besides. */
static void
limits_of_root(void)
{
	const long owner = (long)sv.owner;
	const bool is = sv.procfd != -1;

	if (is)
		LIMIT(STAT, VAULT, true, "whose a process is", sv.procfd);
	LIMIT(SETUID, VAULT, is, "to kill in the owner's name", owner, owner);
	LIMIT(SETUID, VAULT, is, "and back", 0);
	LIMIT(SETUID, VAULT, false, "somebody else", 1, 1);
	LIMIT(SETUID, VAULT, false, "for good", owner, owner, owner);
}

static void
vault_things(void)
{
	unsigned char *arena;
	int	       p[2];

	sv.arena_len = 8192;
	arena = mmap(NULL, sv.arena_len + 8192, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sv.dirfd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	sv.procfd = geteuid() == 0 ? open("/proc", O_PATH | O_CLOEXEC) : -1;
	if (arena == MAP_FAILED || sv.dirfd == -1 || pipe2(p, O_CLOEXEC) == -1)
		err(1, "what a vault has");
	sv.arena = arena + 4096;
	sv.signals = p[0];
	sv.timer = sv.alive = p[1];
	close(p[1]); /* closed, but allowed to be asked about */
}

/*
 * Attempts.
 */

#ifdef __x86_64__
static void
call_i386(long nr)
{
	long rc;

	__asm__ volatile("int $0x80"
			 : "=a"(rc)
			 : "a"(nr), "b"(-1L), "c"(-1L), "d"(-1L), "S"(-1L),
			 "D"(-1L)
			 : "memory", "r8", "r9", "r10", "r11");
	(void)rc;
}
#endif

static long self; /* the pid of the caller */

static void
make(enum kind kind, long nr, const long *a)
{
#ifdef __x86_64__
	if (kind == I386) {
		call_i386(nr);
		return;
	}
#endif
	if (kind == X32)
		nr |= 0x40000000;
	(void)syscall(nr, a[0] == SELF ? self : a[0], a[1], a[2], a[3], a[4],
	    a[5]);
}

/*
 * Returns the wait status of a process that makes the call under a filter; who
 * 0: under none.
 */
static int
attempt(int who, enum kind kind, long nr, const long *a)
{
	const pid_t pid = fork();
	int	    status;

	if (pid == -1)
		err(1, "fork");
	if (pid == 0) {
		(void)alarm(PATIENCE);
		self = getpid();
		if ((who == NETWORK &&
			sandbox_network(become, become) != NULL) ||
		    (who == VAULT && sandbox_vault(&sv) == -1))
			err(SURVIVED + 1, "sandbox");
		make(kind, nr, a);
		(void)syscall(SYS_exit_group, SURVIVED);
	}
	if (waitpid(pid, &status, 0) != pid ||
	    (WIFEXITED(status) && WEXITSTATUS(status) == SURVIVED + 1))
		errx(1, "there is no sandbox");
	return (status);
}

static const char *
name_of(long nr)
{
	static char number[32];
	char	   *name;

	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)nr);
	(void)snprintf(number, sizeof(number), "%s",
	    name != NULL ? name : "nothing");
	free(name);
	return (number);
}

static int
judge(int who, enum kind kind, long nr, bool may, const long *a,
    const char *why)
{
	const int  status = attempt(who, kind, nr, a);
	const bool dead = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;

	if (dead != may || (UPROBES(nr) && kind == NATIVE))
		return (0);
	printf("WRONG: %s: %scall %ld (%s), %s: %s\n",
	    who == VAULT ? "vault" : "network", kinds[kind], nr, name_of(nr),
	    why, dead ? "it dies of SIGSYS" : "it may");
	return (1);
}

static const struct call *
listed(int who, long nr)
{
	size_t i;

	for (i = 0; i < NELEM(calls); i++) {
		if (calls[i].nr == nr && (calls[i].who & who) != 0)
			return (&calls[i]);
	}
	return (NULL);
}

static int
every(int who, enum kind kind)
{
	const long  odd[] = { -1, INT32_MAX, INT32_MIN };
	const long  any[6] = { ANY, ANY, ANY, ANY, ANY, ANY };
	const char *process = who == VAULT ? "vault" : "network";
	long	    nr;
	int	    bad = 0, n = 0;

	for (nr = 0; nr < CALLS + (long)NELEM(odd); nr++) {
		const long	   at = nr < CALLS ? nr : odd[nr - CALLS];
		const struct call *call = kind == NATIVE ? listed(who, at) :
							   NULL;

		if (call != NULL)
			printf("%-8s %-18s %s\n", process, name_of(at),
			    call->why);
		bad += judge(who, kind, at, call != NULL, any, "not listed");
		n++;
	}
	printf("%s: %d %ssystem calls tried\n", process, n, kinds[kind]);
	return (bad);
}

static int
some(void)
{
	size_t i;
	int    bad = 0;

	for (i = 0; i < nlimited; i++) {
		const struct limited *l = &limited[i];

		printf("%-8s %-18s %s: %s\n",
		    l->who == VAULT ? "vault" : "network", name_of(l->nr),
		    l->good ? "only" : "never", l->why);
		bad += judge(l->who, NATIVE, l->nr, l->good, l->args, l->why);
	}
	return (bad);
}

/* Returns whether the kernel has such calls: tries one that always works. */
static bool
exists(enum kind kind)
{
	const long any[6] = { ANY, ANY, ANY, ANY, ANY, ANY };
	int	   status;

#ifndef __x86_64__
	if (kind != NATIVE)
		return (false);
#endif
	status = attempt(0, kind, kind == I386 ? 20 : SYS_getpid, any);
	return (WIFEXITED(status));
}

int
main(int argc, char *argv[])
{
	const char  *why;
	int64_t	     uid = 0;
	unsigned int kind;
	int	     bad;

	if (argc == 2 && (why = num_int(argv[1], 0, INT32_MAX, &uid)) != NULL)
		errx(1, "%s: %s", argv[1], why);
	become = (uid_t)uid;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	vault_things();
	limits_of_memory();
	limits_of_descriptors();
	limits_of_root();
	limits_of_32_bits();
	bad = some();
	for (kind = 0; kind < KINDS; kind++) {
		if (!exists(kind)) {
			printf("%scalls: this kernel has none\n", kinds[kind]);
			continue;
		}
		bad += every(NETWORK, kind);
		bad += every(VAULT, kind);
	}
	return (bad != 0);
}
