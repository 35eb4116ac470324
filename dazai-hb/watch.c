/* SPDX-License-Identifier: ISC */
/*
 * Watches the processes and paths whose end is the end of the session.
 */
#include <sys/pidfd.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "watch.h"

static int    watch_pids[HEARTBEAT_WATCHED]; /* pidfds */
static nfds_t watch_npids;

/*
 * Returns a pidfd of a process that runs; -1 with errno.  A zombie would be the
 * loss of a tether that was just taken.
 */
static int
watch_process(pid_t pid)
{
	const int     fd = pidfd_open(pid, 0);
	struct pollfd pfd = { fd, POLLIN, 0 };

	if (fd == -1 || poll(&pfd, 1, 0) == 0)
		return (fd);
	close(fd);
	errno = ESRCH;
	return (-1);
}

/* Watches the processes and paths of o; exits if one does not exist. */
void
watch_open(const struct heartbeat_options *o)
{
	unsigned int i;
	int	     fd;

	for (i = 0; i < o->npids; i++) {
		if ((fd = watch_process(o->pids[i])) == -1)
			err(EXIT_USAGE, "--watch-pid %ld", (long)o->pids[i]);
		watch_pids[watch_npids++] = fd;
	}
	for (i = 0; i < o->npaths; i++)
		path_open(o->paths[i]);
}

/* Fills in at most WATCH_PFD entries.  Returns the number of entries. */
nfds_t
watch_poll(struct pollfd *pfd)
{
	nfds_t n;

	for (n = 0; n < watch_npids; n++)
		pfd[n] = (struct pollfd){ watch_pids[n], POLLIN, 0 };
	return (n + path_poll(pfd + n));
}

/* Returns whether one of these n entries, after poll(2), reports an end. */
bool
watch_ended(const struct pollfd *pfd, nfds_t n)
{
	nfds_t i;

	for (i = 0; i < n && i < watch_npids; i++) {
		if (pfd[i].revents != 0)
			return (true);
	}
	return (n > watch_npids && path_ended(pfd + watch_npids));
}

/* Asks the kernel whether a process or path has ended by now. */
bool
watch_look(void)
{
	const struct timespec at_once = { 0, 0 };
	struct pollfd	      pfd[WATCH_PFD];
	const nfds_t	      n = watch_poll(pfd);

	return (ppoll(pfd, n, &at_once, NULL) == -1 || watch_ended(pfd, n));
}
