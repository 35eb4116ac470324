/* SPDX-License-Identifier: ISC */
/*
 * The process at the other end of a client's connection: the one that listens,
 * which is the vault, or an ssh(1) that forwards a daemon's socket.
 */
#include <sys/pidfd.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peer.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/*
 * Opens a pidfd of the process that listens at the other end of fd, the
 * caller's to close.  Before Linux 6.5 the kernel has only its pid, which may
 * be another process's by now.  But in that case the daemon has ended, and the
 * connection with it.  Returns -1 with errno.
 */
int
peer_pidfd(int fd, pid_t pid)
{
	struct pollfd pfd = { .fd = fd, .events = POLLRDHUP };
	socklen_t     len = sizeof(int);
	int	      pidfd;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return (pidfd);
	if (errno != ENOPROTOOPT || pid <= 0)
		return (-1);
	pidfd = pidfd_open(pid, 0);
	if (pidfd != -1 && poll(&pfd, 1, 0) != 0) {
		close(pidfd);
		errno = ESRCH;
		return (-1);
	}
	return (pidfd);
}

/*
 * Returns whether pid is a dazaid.  An ssh(1) that forwards the socket of
 * another machine listens, too, and must not be signalled.  Returns true if
 * /proc does not show the process.
 */
bool
peer_is_dazaid(pid_t pid)
{
	static const char name[] = "dazaid\n";
	char		  file[64], comm[32];
	ssize_t		  n;
	int		  fd;

	(void)snprintf(file, sizeof(file), "/proc/%ld/comm", (long)pid);
	if (pid <= 0 || (fd = open(file, O_RDONLY | O_CLOEXEC)) == -1)
		return (true);
	n = read(fd, comm, sizeof(comm));
	close(fd);
	return (n == -1 ||
	    (n == sizeof(name) - 1 && memcmp(comm, name, (size_t)n) == 0));
}
