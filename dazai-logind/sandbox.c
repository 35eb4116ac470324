/* SPDX-License-Identifier: ISC */
/*
 * Takes away the rights of this process once the tether is held.
 */
#include <sys/mman.h>

#include <fcntl.h>
#include <signal.h>

#include "filter.h"
#include "sandbox.h"

/*
 * Allows the calls that the loop, connecting again, sd-bus and syslog(3) need,
 * and none that opens a file or starts a program.  By pidfd, allows only the
 * signals of a panic.  Any other call kills the process, and the daemon takes
 * that for the loss of the tether.  Returns -1 with errno.
 */
int
sandbox_logind(void)
{
	static const struct filter_rule rules[] = {
		FILTER_ALLOW(sendmsg), /* to the bus */
		FILTER_ALLOW(getpid),  /* syslog, and sd-bus: not in a fork */
		FILTER_ALLOW(brk),     /* malloc */
		FILTER_ALLOW(munmap),
		FILTER_ALLOW(mremap),
		FILTER_ALLOW(madvise),
		FILTER_ALLOW(futex),
		FILTER_ALLOW(getrandom), /* sd-bus: for its hash tables */
		{ SCMP_SYS(mmap), 1,
		    { { 2, SCMP_CMP_EQ, PROT_READ | PROT_WRITE, 0 } } },
		/* the inhibitor */
		{ SCMP_SYS(fcntl), 1,
		    { { 1, SCMP_CMP_EQ, F_DUPFD_CLOEXEC, 0 } } },
		{ SCMP_SYS(pidfd_send_signal), 1,
		    { { 1, SCMP_CMP_EQ, SIGUSR2, 0 } } },
		{ SCMP_SYS(pidfd_send_signal), 1,
		    { { 1, SCMP_CMP_EQ, SIGCONT, 0 } } },
		{ SCMP_SYS(pidfd_send_signal), 1,
		    { { 1, SCMP_CMP_EQ, SIGKILL, 0 } } },
	};
	const struct filter_table tables[] = {
		filter_client,
		{ rules, sizeof(rules) / sizeof(rules[0]) },
	};

	return (filter_load(SCMP_ACT_KILL_PROCESS, tables, 2));
}
