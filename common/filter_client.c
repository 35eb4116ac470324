/* SPDX-License-Identifier: ISC */
/*
 * The calls of every program that holds a tether: it waits, talks with the
 * daemon, connects again, and ends.
 */
#include <sys/socket.h>

#include <fcntl.h>

#include "filter.h"

#ifdef SANITIZE
/*
 * At the end LeakSanitizer would trace this process from another one, which the
 * filter forbids.
 */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}
#endif

static const struct filter_rule filter_client_rules[] = {
	FILTER_ALLOW(ppoll),
	FILTER_ALLOW(read),
	FILTER_ALLOW(recvfrom),
	FILTER_ALLOW(recvmsg),
	FILTER_ALLOW(setsockopt), /* SO_PASSCRED, SO_PASSPIDFD */
	FILTER_ALLOW(fstatfs),	  /* whether it is a pidfd */
	FILTER_ALLOW(sendto),
	FILTER_ALLOW(write),
	FILTER_ALLOW(pwritev2),
	FILTER_ALLOW(connect),
	FILTER_ALLOW(getsockopt),
	FILTER_ALLOW(close),
	FILTER_ALLOW(clock_gettime),
	FILTER_ALLOW(rt_sigreturn),
	FILTER_ALLOW(restart_syscall),
	FILTER_ALLOW(exit_group),
	{ SCMP_SYS(socket), 1, { { 0, SCMP_CMP_EQ, AF_UNIX, 0 } } },
	/* fstat(3) of glibc 2.39 and later, and before */
	FILTER_ALLOW(fstat),
	{ SCMP_SYS(newfstatat), 1, { { 3, SCMP_CMP_EQ, AT_EMPTY_PATH, 0 } } },
#ifdef SANITIZE
	FILTER_ALLOW(mmap),
	FILTER_ALLOW(munmap),
	FILTER_ALLOW(mprotect),
	FILTER_ALLOW(madvise),
	FILTER_ALLOW(futex),
	FILTER_ALLOW(sched_yield),
	FILTER_ALLOW(sigaltstack),
	FILTER_ALLOW(getpid),
	FILTER_ALLOW(gettid),
	FILTER_ALLOW(openat),
	FILTER_ALLOW(readlink),
	FILTER_ALLOW(clone),
	FILTER_ALLOW(wait4),
	FILTER_ALLOW(prctl),
	FILTER_ALLOW(rt_sigprocmask),
	FILTER_ALLOW(brk),
	FILTER_ALLOW(rt_sigaction),
#endif
};

const struct filter_table filter_client = { filter_client_rules,
	sizeof(filter_client_rules) / sizeof(filter_client_rules[0]) };
