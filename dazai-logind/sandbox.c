/* SPDX-License-Identifier: ISC */
/*
 * The rights that are given up once the tether is held.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <signal.h>

#include "filter.h"
#include "sandbox.h"

#ifdef SANITIZE
/*
 * LeakSanitizer would trace this process from another one at the end, which
 * the filter forbids.
 */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}
#endif

/*
 * Allows what the loop, sd-bus and syslog(3) need, connecting again included,
 * and nothing that opens a file or starts a program.  The signals that may be
 * sent, by pidfd, are those of a panic.  Any other call kills the process, and
 * the daemon takes that for the loss of the tether.  Returns -1 with errno.
 */
int
sandbox_logind(void)
{
	static const struct filter_rule rules[] = {
		FILTER_ALLOW(ppoll),
		FILTER_ALLOW(read),
		FILTER_ALLOW(recvfrom),
		FILTER_ALLOW(recvmsg),
		FILTER_ALLOW(setsockopt), /* SO_PASSCRED, SO_PASSPIDFD */
		FILTER_ALLOW(fstatfs),	  /* is it a pidfd? */
		FILTER_ALLOW(sendto),
		FILTER_ALLOW(sendmsg), /* to the bus */
		FILTER_ALLOW(write),
		FILTER_ALLOW(pwritev2),
		FILTER_ALLOW(connect),
		FILTER_ALLOW(getsockopt),
		FILTER_ALLOW(close),
		FILTER_ALLOW(clock_gettime),
		FILTER_ALLOW(rt_sigreturn),
		FILTER_ALLOW(restart_syscall),
		FILTER_ALLOW(exit_group),
		FILTER_ALLOW(getpid), /* syslog, and sd-bus: not in a fork */
		FILTER_ALLOW(brk),    /* malloc */
		FILTER_ALLOW(munmap),
		FILTER_ALLOW(mremap),
		FILTER_ALLOW(madvise),
		FILTER_ALLOW(futex),
		FILTER_ALLOW(getrandom), /* sd-bus: for its hash tables */
		{ SCMP_SYS(mmap), 1,
		    { { 2, SCMP_CMP_EQ, PROT_READ | PROT_WRITE, 0 } } },
		{ SCMP_SYS(socket), 1, { { 0, SCMP_CMP_EQ, AF_UNIX, 0 } } },
		/* the inhibitor */
		{ SCMP_SYS(fcntl), 1,
		    { { 1, SCMP_CMP_EQ, F_DUPFD_CLOEXEC, 0 } } },
		/* fstat(3) of glibc 2.39 and later, and before */
		FILTER_ALLOW(fstat),
		{ SCMP_SYS(newfstatat), 1,
		    { { 3, SCMP_CMP_EQ, AT_EMPTY_PATH, 0 } } },
		{ SCMP_SYS(pidfd_send_signal), 1,
		    { { 1, SCMP_CMP_EQ, SIGUSR2, 0 } } },
		{ SCMP_SYS(pidfd_send_signal), 1,
		    { { 1, SCMP_CMP_EQ, SIGCONT, 0 } } },
		{ SCMP_SYS(pidfd_send_signal), 1,
		    { { 1, SCMP_CMP_EQ, SIGKILL, 0 } } },
#ifdef SANITIZE
		FILTER_ALLOW(mmap),
		FILTER_ALLOW(mprotect),
		FILTER_ALLOW(sched_yield),
		FILTER_ALLOW(sigaltstack),
		FILTER_ALLOW(gettid),
		FILTER_ALLOW(openat),
		FILTER_ALLOW(readlink),
		FILTER_ALLOW(clone),
		FILTER_ALLOW(wait4),
		FILTER_ALLOW(prctl),
		FILTER_ALLOW(rt_sigprocmask),
		FILTER_ALLOW(rt_sigaction),
#endif
	};
	const struct filter_table table = { rules,
		sizeof(rules) / sizeof(rules[0]) };

	return (filter_load(SCMP_ACT_KILL_PROCESS, &table, 1));
}
