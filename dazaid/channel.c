/* SPDX-License-Identifier: ISC */
/*
 * A channel is a socket between a client and the vault that network never had.
 * On the client's connection, which network has open, too, network can read
 * everything and pretend to be the vault.  It can neither read nor write a
 * channel.  Nor can it offer one of its own, because the kernel tells the
 * client which process has sent the descriptor (SCM_CREDENTIALS).
 */
#include <sys/socket.h>

#include <string.h>
#include <unistd.h>

#include "channel.h"

/*
 * Sends text on the connection fd, and the descriptor along with it.  Never
 * blocks; -1 with errno.
 */
int
channel_send(int fd, const char *text, int descriptor)
{
	union {
		struct cmsghdr align;
		char	       space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec	iov;
	struct msghdr	msg;
	struct cmsghdr *cmsg;

	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	memcpy(&iov.iov_base, &text, sizeof(text)); /* drops the const */
	iov.iov_len = strlen(text);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &descriptor, sizeof(int));
	return (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) == -1 ? -1 : 0);
}

/*
 * Sends text, at most a line, on the client's connection fd, and one end of a
 * new channel with it.  Never blocks.  Returns the other end, the caller's to
 * close.  If nothing can be sent, returns -1 with errno: EAGAIN if the socket
 * is full.
 *
 * If the client receives the text without asking for the descriptor, the kernel
 * closes that, and the caller sees the end of the channel.
 */
int
channel_offer(int fd, const char *text)
{
	const int none = 0;
	int	  sv[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1)
		return (-1);
	/* As on the listening sockets: see files_bind(). */
	(void)setsockopt(sv[0], SOL_SOCKET, SO_PASSRIGHTS, &none, sizeof(none));
	rc = channel_send(fd, text, sv[1]);
	close(sv[1]);
	if (rc == -1)
		close(sv[0]);
	return (rc == -1 ? -1 : sv[0]);
}
