/* SPDX-License-Identifier: ISC */
/*
 * Sends and receives packets of any bytes and descriptors, also those that
 * dazaid/imsg.c would never send.  Makes only system calls that network's
 * sandbox allows.
 */
#include <sys/socket.h>
#include <sys/uio.h>

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "packet.h"

union packet_control {
	struct cmsghdr align;
	char	       space[CMSG_SPACE(ORDER_FDS * sizeof(int))];
};

/* Microseconds of CLOCK_MONOTONIC. */
int64_t
packet_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

static void
packet_init(struct msghdr *msg, struct iovec *iov, const struct packet *p,
    int headed)
{
	const void *head = &p->head, *bytes = p->bytes;

	memset(msg, 0, sizeof(*msg));
	memcpy(&iov[0].iov_base, &head, sizeof(head)); /* iovec is not const */
	memcpy(&iov[1].iov_base, &bytes, sizeof(bytes));
	iov[0].iov_len = sizeof(p->head);
	iov[1].iov_len = p->len;
	msg->msg_iov = headed ? iov : iov + 1;
	msg->msg_iovlen = headed ? 2 : 1;
}

/* headed: with an order's head, for the driver.  Returns -1 with errno. */
int
packet_send(int fd, const struct packet *p, int headed, int flags)
{
	union packet_control control;
	struct iovec	     iov[2];
	struct msghdr	     msg;
	struct cmsghdr	    *cmsg;

	packet_init(&msg, iov, p, headed);
	if (p->nfds > 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(p->nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(p->nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), p->fds, p->nfds * sizeof(int));
	}
	return (sendmsg(fd, &msg, flags | MSG_NOSIGNAL) == -1 ? -1 : 0);
}

/* Returns 1 for a packet, 0 at the end, -1 with errno. */
int
packet_recv(int fd, struct packet *p, int headed, int flags)
{
	union packet_control control;
	struct iovec	     iov[2];
	struct msghdr	     msg;
	struct cmsghdr	    *cmsg;
	ssize_t		     n;

	p->len = sizeof(p->bytes);
	p->nfds = 0;
	packet_init(&msg, iov, p, headed);
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	if ((n = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC)) <= 0)
		return ((int)n);
	p->len = (size_t)n - (headed ? sizeof(p->head) : 0);
	cmsg = CMSG_FIRSTHDR(&msg);
	if (cmsg != NULL && cmsg->cmsg_type == SCM_RIGHTS) {
		p->nfds = (unsigned int)((cmsg->cmsg_len - CMSG_LEN(0)) /
		    sizeof(int));
		memcpy(p->fds, CMSG_DATA(cmsg), p->nfds * sizeof(int));
	}
	return (1);
}

/* Closes the descriptors of a packet. */
void
packet_close(struct packet *p)
{
	while (p->nfds > 0)
		close(p->fds[--p->nfds]);
}
