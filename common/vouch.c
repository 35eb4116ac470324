/* SPDX-License-Identifier: ISC */
/*
 * A client's connection ends in network, which is not trusted.  Still, a client
 * can recognise a message of the vault: the kernel tells it which process sent
 * the message, and which one made the listening socket.  The latter is the
 * vault.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vouch.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76 /* Linux 6.5 */
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 4
#endif
#define VOUCH_PIDFS 0x50494446 /* PIDFS_MAGIC, Linux 6.9 */

/* Closes a pidfd and returns its inode; 0 if the kernel has no pidfs. */
static ino_t
vouch_inode(int pidfd)
{
	struct statfs sfs;
	struct stat   st;
	ino_t	      inode = 0;

	/*
	 * Before pidfs all pidfds share one inode, which would prove nothing.
	 */
	if (fstatfs(pidfd, &sfs) == 0 && sfs.f_type == VOUCH_PIDFS &&
	    fstat(pidfd, &st) == 0)
		inode = st.st_ino;
	close(pidfd);
	return (inode);
}

/*
 * Makes the kernel name the sender of each message that arrives on the socket
 * fd.  Call this before connect(2).  Returns -1 with errno.
 */
int
vouch_ask(int fd)
{
	const int on = 1;

	return (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
}

/*
 * Finds out which process is the vault from fd, a connection on which nothing
 * has been sent yet.  Returns -1 with errno, EPROTONOSUPPORT if the vault is in
 * another PID namespace and the kernel (before Linux 6.9) cannot tell processes
 * apart there.
 */
int
vouch_init(struct vouch *v, int fd)
{
	const int    on = 1;
	struct ucred who;
	socklen_t    len = sizeof(who), plen = sizeof(int);
	int	     pidfd;

	v->inode = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == -1)
		return (-1);
	v->pid = who.pid;
	if (v->pid != 0)
		return (0);
	if (setsockopt(fd, SOL_SOCKET, SO_PASSPIDFD, &on, sizeof(on)) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &plen) == 0)
		v->inode = vouch_inode(pidfd);
	errno = EPROTONOSUPPORT;
	return (v->inode != 0 ? 0 : -1);
}

/* The ancillary data of a message. */
struct vouch_extra {
	pid_t pid;
	int   pidfd;
	int   channel;
};

/*
 * Returns the descriptor in cmsg.  If there are several, closes them and
 * returns -1.
 */
static int
vouch_only(struct cmsghdr *cmsg)
{
	const size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	size_t	     i;
	int	     fd = -1;

	for (i = 0; i < n; i++) {
		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
		if (n > 1)
			close(fd);
	}
	return (n == 1 ? fd : -1);
}

static void
vouch_control(struct msghdr *msg, struct vouch_extra *e)
{
	struct ucred	who;
	struct cmsghdr *cmsg;

	*e = (struct vouch_extra){ 0, -1, -1 };
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL;
	     cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET)
			continue;
		if (cmsg->cmsg_type == SCM_CREDENTIALS &&
		    cmsg->cmsg_len == CMSG_LEN(sizeof(who))) {
			memcpy(&who, CMSG_DATA(cmsg), sizeof(who));
			e->pid = who.pid;
		} else if (cmsg->cmsg_type == SCM_RIGHTS) {
			e->channel = vouch_only(cmsg);
		} else if (cmsg->cmsg_type == SCM_PIDFD &&
		    cmsg->cmsg_len == CMSG_LEN(sizeof(int))) {
			memcpy(&e->pidfd, CMSG_DATA(cmsg), sizeof(int));
		}
	}
}

/*
 * As recv(2).  *vouched says whether the vault itself sent these bytes.  If it
 * sent a descriptor with them, that is *channel, the caller's to close; -1
 * otherwise.
 */
ssize_t
vouch_recv(const struct vouch *v, int fd, void *buf, size_t size, int flags,
    bool *vouched, int *channel)
{
	union {
		struct cmsghdr align;
		char	       space[CMSG_SPACE(sizeof(struct ucred)) +
		      2 * CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec	   iov = { buf, size };
	struct msghdr	   msg;
	struct vouch_extra e;
	ssize_t		   n;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	*vouched = false;
	*channel = -1;
	if ((n = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC)) <= 0)
		return (n);
	vouch_control(&msg, &e);
	*vouched = v->pid != 0 ?
	    e.pid == v->pid :
	    e.pidfd != -1 && vouch_inode(e.pidfd) == v->inode;
	if (v->pid != 0 && e.pidfd != -1)
		close(e.pidfd);
	if (*vouched)
		*channel = e.channel;
	else if (e.channel != -1)
		close(e.channel);
	return (n);
}
