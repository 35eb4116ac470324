/* SPDX-License-Identifier: ISC */
/*
 * Overwrites the copies of a secret in the kernel's buffers of a socket or
 * pipe.  The kernel frees these buffers without wiping them, and uses the same
 * memory for the next buffers of the same size.  Each processor has its own
 * free buffers: a socket's are on the processor on which the sender ran, and a
 * pipe's on the one on which the reader closed it.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <unistd.h>

#include "residue.h"

#define RESIDUE_PIPE  (1 << 20) /* bytes: the most of a user's pipe, pipe(7) */
#define RESIDUE_SENDS 128	/* in one call; their array fills two pages */

static char	 residue_zeros[64 * 1024]; /* the most that is sent at once */
static cpu_set_t residue_were;	/* our former set of processors, ... */
static bool	 residue_moved; /* ... if it was changed */

/*
 * Keeps this process on a processor until residue_leave(): on the one with this
 * number, or, if that is negative, on the current one.  So it can overwrite the
 * buffers that are freed there.
 */
void
residue_stay(int cpu)
{
	cpu_set_t one;

	if (cpu < 0)
		cpu = sched_getcpu();
	if (cpu < 0 || cpu >= CPU_SETSIZE ||
	    sched_getaffinity(0, sizeof(residue_were), &residue_were) == -1)
		return;
	CPU_ZERO(&one);
	CPU_SET((size_t)cpu, &one);
	residue_moved = sched_setaffinity(0, sizeof(one), &one) == 0;
}

/* Ends what residue_stay() began. */
void
residue_leave(void)
{
	if (residue_moved)
		(void)sched_setaffinity(0, sizeof(residue_were), &residue_were);
	residue_moved = false;
}

/*
 * Overwrites, as far as possible, the freed buffers of a socket into which len
 * bytes were sent on this processor: fills a socket with messages of that size.
 * Some 280 small messages fit (the default SO_SNDBUF, divided by the kernel's
 * charge for each), which is more than its caches have free at a time.
 */
void
residue_socket(size_t len)
{
	static struct mmsghdr msgs[RESIDUE_SENDS];
	struct iovec	      iov = { residue_zeros, len };
	int		      sv[2], i;

	if (len > sizeof(residue_zeros))
		iov.iov_len = sizeof(residue_zeros);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		sv) == -1)
		return;
	for (i = 0; i < RESIDUE_SENDS; i++) {
		msgs[i].msg_hdr.msg_iov = &iov;
		msgs[i].msg_hdr.msg_iovlen = 1;
	}
	/* sendmmsg(2) sends fewer when the socket's buffer is full. */
	while (
	    sendmmsg(sv[0], msgs, RESIDUE_SENDS, MSG_NOSIGNAL) == RESIDUE_SENDS)
		continue;
	close(sv[0]);
	close(sv[1]);
}

/*
 * Overwrites, likewise, the pages of a pipe that was closed on this processor.
 * The pages that were freed last are the first that a new pipe gets.
 */
void
residue_pipe(void)
{
	struct iovec iov[RESIDUE_PIPE / sizeof(residue_zeros)];
	size_t	     i;
	int	     pv[2];

	if (pipe2(pv, O_NONBLOCK | O_CLOEXEC) == -1)
		return;
	(void)fcntl(pv[1], F_SETPIPE_SZ, RESIDUE_PIPE);
	for (i = 0; i < sizeof(iov) / sizeof(iov[0]); i++) {
		iov[i].iov_base = residue_zeros;
		iov[i].iov_len = sizeof(residue_zeros);
	}
	(void)!writev(pv[1], iov, (int)(sizeof(iov) / sizeof(iov[0])));
	close(pv[0]);
	close(pv[1]);
}
