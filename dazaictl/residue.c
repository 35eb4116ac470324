/* SPDX-License-Identifier: ISC */
/*
 * Overwrites what the kernel keeps of a secret that went through a socket or a
 * pipe.  It frees their buffers without wiping them, but the next buffers of
 * the same size are the same memory.  Each processor has free buffers of its
 * own: those of the processor on which the sender of a socket ran, and those of
 * the processor on which the reader of a pipe closed it.
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
static cpu_set_t residue_were;		   /* the processors of before, ... */
static bool	 residue_moved;		   /* ... if they are others now */

/*
 * Stays, until residue_leave(), on the processor of this number, or if it is
 * negative on the one where this process happens to be, so that what is freed
 * there can be overwritten there.
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
 * Of small messages some 280 fit (the default of SO_SNDBUF by what each is
 * charged), more than the kernel's caches have free at a time.
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
	/* It sends fewer when the socket's buffer is full. */
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
