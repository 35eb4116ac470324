/* SPDX-License-Identifier: ISC */
/*
 * Overwrites what the kernel keeps of a secret that went through a socket or a
 * pipe.  It frees their buffers without wiping them, but the next buffers of
 * the same size are the same memory.  Each processor has free buffers of its
 * own, and the daemon may have run on another one, so we move to each of them.
 */
#include <sys/socket.h>

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "residue.h"

/* Bytes: the most that a user's pipe may have (pipe(7)). */
#define RESIDUE_PIPE (1 << 20)

static char residue_zeros[64 * 1024]; /* the most that is sent at once */

/* Fills a socket: its buffers reuse the memory that the secret went through. */
static void
residue_fill_socket(size_t len)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		sv) == -1)
		return;
	while (send(sv[0], residue_zeros, len, MSG_NOSIGNAL) > 0)
		continue;
	close(sv[0]);
	close(sv[1]);
}

/* Fills a pipe: the pages that were freed last are the first that it gets. */
static void
residue_fill_pipe(size_t len)
{
	int pv[2];

	if (pipe2(pv, O_NONBLOCK | O_CLOEXEC) == -1)
		return;
	(void)fcntl(pv[1], F_SETPIPE_SZ, RESIDUE_PIPE);
	while (write(pv[1], residue_zeros, len) > 0)
		continue;
	close(pv[0]);
	close(pv[1]);
}

static void
residue_everywhere(void (*fill)(size_t), size_t len)
{
	cpu_set_t all, one;
	int	  cpu;

	CPU_ZERO(&all);
	if (sched_getaffinity(0, sizeof(all), &all) == -1)
		fill(len);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET((size_t)cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET((size_t)cpu, &one);
		(void)sched_setaffinity(0, sizeof(one), &one);
		fill(len);
	}
}

/*
 * Overwrites the freed buffers of a socket that len bytes went through, as far
 * as possible.  Changes the processors that this process may use, so call it
 * at the end of the program.
 */
void
residue_socket(size_t len)
{
	residue_everywhere(residue_fill_socket,
	    len < sizeof(residue_zeros) ? len : sizeof(residue_zeros));
}

/* Likewise those of a pipe, which must be closed by now. */
void
residue_pipe(void)
{
	residue_everywhere(residue_fill_pipe, sizeof(residue_zeros));
}
