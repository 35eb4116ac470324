/* SPDX-License-Identifier: ISC */
/*
 * What the heartbeat gives up once it guards.  It has no secret; but it is
 * there for as long as the session is, and listens to a socket.
 */
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stddef.h>

#include "sandbox.h"

#ifdef SANITIZE
/* The search for leaks at the end traces us from a process of its own. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}
#endif

/*
 * Allows what the loop needs, connecting anew included, and nothing that opens
 * a file, starts a program or signals anybody.  Another call ends the process,
 * and so the session's guard: that triggers.  Returns -1 with errno.
 */
int
sandbox_heartbeat(void)
{
	static const int calls[] = {
		SCMP_SYS(ppoll),
		SCMP_SYS(read),
		SCMP_SYS(recvfrom),
		SCMP_SYS(sendto),
		SCMP_SYS(write),
		SCMP_SYS(pwritev2),
		SCMP_SYS(connect),
		SCMP_SYS(getsockopt),
		SCMP_SYS(close),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(restart_syscall),
		SCMP_SYS(exit_group),
#ifdef SANITIZE
		SCMP_SYS(mmap),
		SCMP_SYS(munmap),
		SCMP_SYS(mprotect),
		SCMP_SYS(madvise),
		SCMP_SYS(futex),
		SCMP_SYS(sched_yield),
		SCMP_SYS(sigaltstack),
		SCMP_SYS(getpid),
		SCMP_SYS(gettid),
		SCMP_SYS(openat),
		SCMP_SYS(readlink),
		SCMP_SYS(clone),
		SCMP_SYS(wait4),
		SCMP_SYS(prctl),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(brk),
		SCMP_SYS(rt_sigaction),
		SCMP_SYS(fstat),
#endif
	};
	const struct scmp_arg_cmp local = { 0, SCMP_CMP_EQ, AF_UNIX, 0 };
	const struct scmp_arg_cmp lock = { 1, SCMP_CMP_EQ, F_SETLK, 0 };
	scmp_filter_ctx		  ctx;
	size_t			  i;
	int			  rc = 0;

	if ((ctx = seccomp_init(SCMP_ACT_KILL_PROCESS)) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]) && rc == 0; i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	if (rc == 0)
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
		    SCMP_SYS(socket), 1, &local);
	if (rc == 0)
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
		    SCMP_SYS(fcntl), 1, &lock);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	errno = -rc;
	return (rc == 0 ? 0 : -1);
}
