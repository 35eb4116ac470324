/* SPDX-License-Identifier: ISC */
/*
 * What is left of a secret in the kernel, after it has gone through a socket: its
 * buffers are freed, and not wiped.  The next ones of the same size are the same memory,
 * though.
 */
#include <sys/socket.h>

#include <sched.h>
#include <unistd.h>

#include "residue.h"

static char	residue_zeros[64 * 1024];	/* the most that is sent at once */

/* As many buffers as a socket may have, all at a time. */
static void
residue_fill(size_t len)
{
	int	sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
	    sv) == -1)
		return;
	while (send(sv[0], residue_zeros, len, MSG_NOSIGNAL) > 0)
		continue;
	close(sv[0]);
	close(sv[1]);
}

/*
 * Overwrites the buffers that len bytes have gone through, as far as the kernel lets us:
 * on each processor, because each has free buffers of its own, and the daemon may have
 * been on another one.  To be called at our end, for it moves us.
 */
void
residue_overwrite(size_t len)
{
	cpu_set_t	all, one;
	int		cpu;

	if (len > sizeof(residue_zeros))
		len = sizeof(residue_zeros);
	CPU_ZERO(&all);
	if (sched_getaffinity(0, sizeof(all), &all) == -1)
		residue_fill(len);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((size_t)cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET((size_t)cpu, &one);
		(void)sched_setaffinity(0, sizeof(one), &one);
		residue_fill(len);
	}
}
