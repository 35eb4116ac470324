/* SPDX-License-Identifier: ISC */
/*
 * What the heartbeat lives as long as: processes, and paths.  Nothing is polled
 * for: the kernel says when a process has ended, or a directory has changed.
 */
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "watch.h"

#define WATCH_LINKS 40 /* followed, as the kernel does (path_resolution(7)) */
#define WATCH_MASK                                                            \
	(IN_ATTRIB | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | \
	    IN_MOVED_TO | IN_MOVE_SELF | IN_UNMOUNT)

static struct {
	int   fd; /* pidfd */
	pid_t pid;
} watch_pids[WATCH_PIDS];
static size_t watch_npids;

/* A path is there as long as it leads to the same file. */
static struct {
	const char *path;
	dev_t	    dev;
	ino_t	    ino;
} watch_paths[WATCH_PATHS];
static size_t watch_npaths;
static int    watch_inotify = -1;

/* Watches the process pid.  Returns NULL, or what is wrong. */
const char *
watch_pid(pid_t pid)
{
	const int fd = pidfd_open(pid, 0);

	if (fd == -1)
		return (strerror(errno));
	if (watch_npids == WATCH_PIDS) {
		close(fd);
		return ("too many of them");
	}
	watch_pids[watch_npids].fd = fd;
	watch_pids[watch_npids++].pid = pid;
	return (NULL);
}

/* The pid of the nth process that is watched, or 0. */
pid_t
watch_nth(size_t n)
{
	return (n < watch_npids ? watch_pids[n].pid : 0);
}

/* Has the kernel report changes of path, and of every directory above it. */
static int
watch_ancestors(const char *path)
{
	char  dir[PATH_MAX];
	char *slash;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	for (;;) {
		if (inotify_add_watch(watch_inotify, dir,
			WATCH_MASK | IN_DONT_FOLLOW) == -1)
			return (-1);
		if ((slash = strrchr(dir, '/')) == NULL || dir[1] == '\0')
			return (0);
		slash[slash == dir ? 1 : 0] = '\0';
	}
}

/* What the link at path leads to, as an absolute path into it. */
static int
watch_follow(char *path)
{
	char	to[PATH_MAX], next[2 * PATH_MAX];
	ssize_t n = readlink(path, to, sizeof(to) - 1);

	if (n == -1)
		return (-1);
	to[n] = '\0';
	if (to[0] == '/')
		(void)snprintf(next, sizeof(next), "%s", to);
	else
		(void)snprintf(next, sizeof(next), "%.*s/%s",
		    (int)(strrchr(path, '/') - path), path, to);
	if (strlen(next) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	(void)strlcpy(path, next, PATH_MAX);
	return (0);
}

/* Every name and directory by which path is reached is watched. */
static int
watch_chain(const char *path)
{
	char	    at[PATH_MAX], real[PATH_MAX];
	struct stat st;
	int	    links;

	(void)snprintf(at, sizeof(at), "%s", path);
	for (links = 0; links < WATCH_LINKS; links++) {
		if (lstat(at, &st) == -1 || watch_ancestors(at) == -1)
			return (-1);
		if (!S_ISLNK(st.st_mode))
			break;
		if (watch_follow(at) == -1)
			return (-1);
	}
	return (realpath(path, real) == NULL ? -1 : watch_ancestors(real));
}

/*
 * Watches path, which stays the caller's.  It may be a link: then the link and
 * what it leads to are watched.  Returns NULL, or what is wrong.
 */
const char *
watch_path(const char *path)
{
	char	    cwd[PATH_MAX], *whole;
	struct stat st;

	if (watch_npaths == WATCH_PATHS)
		return ("too many of them");
	if (watch_inotify == -1)
		watch_inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (watch_inotify == -1 || getcwd(cwd, sizeof(cwd)) == NULL ||
	    asprintf(&whole, "%s%s%s", path[0] == '/' ? "" : cwd,
		path[0] == '/' ? "" : "/", path) == -1)
		return (strerror(errno));
	if (strlen(whole) >= PATH_MAX)
		return (strerror(ENAMETOOLONG));
	/* Watched before it is looked at: no change can be missed. */
	if (watch_chain(whole) == -1 || stat(whole, &st) == -1)
		return (strerror(errno));
	watch_paths[watch_npaths].path = whole;
	watch_paths[watch_npaths].dev = st.st_dev;
	watch_paths[watch_npaths++].ino = st.st_ino;
	return (NULL);
}

/* Fills in what to poll, at most WATCH_PFD entries; returns how many. */
nfds_t
watch_poll(struct pollfd *pfd)
{
	size_t i;

	for (i = 0; i < watch_npids; i++)
		pfd[i] = (struct pollfd){ watch_pids[i].fd, POLLIN, 0 };
	pfd[i] = (struct pollfd){ watch_inotify, POLLIN, 0 };
	return (watch_npids + 1);
}

static bool
watch_path_ended(void)
{
	char	    events[sizeof(struct inotify_event) + NAME_MAX + 1];
	struct stat st;
	size_t	    i;

	while (read(watch_inotify, events, sizeof(events)) > 0)
		continue;
	for (i = 0; i < watch_npaths; i++) {
		if (stat(watch_paths[i].path, &st) == -1 ||
		    st.st_dev != watch_paths[i].dev ||
		    st.st_ino != watch_paths[i].ino)
			return (true);
	}
	return (false);
}

/* Whether one of those has ended, by the n entries of watch_poll(). */
bool
watch_ended(const struct pollfd *pfd, nfds_t n)
{
	nfds_t i;

	for (i = 0; i + 1 < n; i++) {
		if (pfd[i].revents != 0)
			return (true);
	}
	return (pfd[i].revents != 0 && watch_path_ended());
}
