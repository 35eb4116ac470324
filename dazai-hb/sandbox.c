/* SPDX-License-Identifier: ISC */
/*
 * The rights that the heartbeat gives up once it guards.  It has no secret, but
 * it runs as long as the session does, and reads from a socket.
 */
#include <sys/socket.h>

#include <fcntl.h>

#include "filter.h"
#include "notice.h"
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
 * Allows what the loop needs, connecting again included, and nothing that opens
 * a file, starts a program or sends a signal; but to write to the terminal, if
 * that is not NULL: an address that holds its path, and is read-only for good.
 * Any other call kills the process, and the daemon takes that for the loss of
 * the heartbeat.  Returns -1 with errno.
 */
int
sandbox_heartbeat(const char *terminal)
{
	static const struct filter_rule rules[] = {
		FILTER_ALLOW(ppoll),
		FILTER_ALLOW(read),
		FILTER_ALLOW(recvfrom),
		FILTER_ALLOW(recvmsg),
		FILTER_ALLOW(setsockopt), /* SO_PASSCRED, SO_PASSPIDFD */
		FILTER_ALLOW(fstatfs),	  /* is it a pidfd? */
		FILTER_ALLOW(sendto),
		FILTER_ALLOW(write),
		FILTER_ALLOW(pwritev2),
		FILTER_ALLOW(connect),
		FILTER_ALLOW(getsockopt),
		FILTER_ALLOW(close),
		FILTER_ALLOW(clock_gettime),
		FILTER_ALLOW(statx), /* path.c */
		FILTER_ALLOW(readlinkat),
		FILTER_ALLOW(inotify_add_watch),
		FILTER_ALLOW(rt_sigreturn),
		FILTER_ALLOW(restart_syscall),
		FILTER_ALLOW(exit_group),
		{ SCMP_SYS(socket), 1, { { 0, SCMP_CMP_EQ, AF_UNIX, 0 } } },
		{ SCMP_SYS(fcntl), 1, { { 1, SCMP_CMP_EQ, F_SETLK, 0 } } },
		/* fstat(3) of glibc 2.39 and later, and before */
		FILTER_ALLOW(fstat),
		{ SCMP_SYS(newfstatat), 1,
		    { { 3, SCMP_CMP_EQ, AT_EMPTY_PATH, 0 } } },
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
	const struct filter_rule  open_terminal = { SCMP_SYS(openat), 2,
		 { { 1, SCMP_CMP_EQ, (scmp_datum_t)(uintptr_t)terminal, 0 },
		     { 2, SCMP_CMP_EQ, NOTICE_FLAGS, 0 } } };
	const struct filter_table tables[] = {
		{ rules, sizeof(rules) / sizeof(rules[0]) },
		{ &open_terminal, 1 },
	};

	return (filter_load(SCMP_ACT_KILL_PROCESS, tables,
	    terminal != NULL ? 2 : 1));
}
