/* SPDX-License-Identifier: ISC */
/*
 * Watches whether the file of a path exists.  The path may lead through links.
 * A link, a directory on the way or the file itself may be moved away.  When
 * the kernel reports such a change (by inotify, or in the list of mounts),
 * walks the path again.  Keeps no file open that could keep a file system busy.
 */
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heartbeat.h"
#include "oneline.h"
#include "path.h"

#define PATH_LINKS 40 /* the kernel's own limit */
#define PATH_STAT  (STATX_TYPE | STATX_INO | STATX_BTIME)

/* Events of a file or link, and events of a directory's entries. */
#define PATH_SELF  (IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
#define PATH_ENTRY (IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

static struct path {
	char	    *name; /* absolute */
	struct statx file; /* the file of that name */
} paths[HEARTBEAT_WATCHED];
static unsigned int path_n;
static int	    path_inotify = -1;
static int	    path_mounts = -1;

/* A walk along a path: done has no links, and rest was not looked up yet. */
struct path_walk {
	char	     done[PATH_MAX];
	char	     rest[PATH_MAX];
	unsigned int links;
};

static bool
path_watch(const char *name, uint32_t mask)
{
	return (inotify_add_watch(path_inotify, name,
		    mask | IN_DONT_FOLLOW | IN_MASK_ADD) != -1);
}

/* Moves the first component of w->rest to w->done; false if none is left. */
static bool
path_next(struct path_walk *w)
{
	const char  *part = w->rest + strspn(w->rest, "/");
	const size_t part_len = strcspn(part, "/");
	size_t	     len = strlen(w->done);

	if (part_len == 0)
		return (false);
	if (part_len == 2 && strncmp(part, "..", 2) == 0) {
		while (len > 0 && w->done[--len] != '/')
			;
		w->done[len] = '\0';
	} else if (part_len != 1 || part[0] != '.') {
		(void)snprintf(w->done + len, sizeof(w->done) - len, "/%.*s",
		    (int)part_len, part);
	}
	memmove(w->rest, part + part_len, strlen(part + part_len) + 1);
	return (true);
}

/* w->done is a link: continues with its target. */
static bool
path_follow(struct path_walk *w)
{
	char	     target[PATH_MAX];
	const size_t left = strlen(w->rest) + 1;
	ssize_t	     n;

	n = readlinkat(AT_FDCWD, w->done, target, sizeof(target));
	if (n == -1)
		return (false);
	errno = w->links == PATH_LINKS ? ELOOP : ENAMETOOLONG;
	if (w->links++ == PATH_LINKS || (size_t)n + 1 + left > sizeof(w->rest))
		return (false);
	memmove(w->rest + n + 1, w->rest, left);
	memcpy(w->rest, target, (size_t)n);
	w->rest[n] = '/';
	if (target[0] == '/')
		w->done[0] = '\0';
	else
		*strrchr(w->done, '/') = '\0';
	return (true);
}

/* Returns whether inotify does not report the end of files in dir. */
static bool
path_is_silent(const char *dir)
{
	struct statfs fs;

	return (statfs(dir, &fs) == 0 &&
	    (fs.f_type == PROC_SUPER_MAGIC || fs.f_type == SYSFS_MAGIC));
}

/*
 * Watches every file on the way to name, and looks at each only after that, so
 * that no change is missed.  Stores the file at the end of the way in *file.
 * Returns false with errno if it does not exist, or cannot be watched.
 *
 * A directory or device that we may not read cannot be watched itself.  It is
 * enough if its directory can be watched, and the other way round.
 *
 * If first is set, the sandbox, which forbids statfs(2), is not loaded yet.
 * Then fails with ENOTSUP if the end of a file or link on the way would go
 * unnoticed.
 */
static bool
path_walk(const char *name, struct statx *file, bool first)
{
	struct path_walk w = { .done = "", .links = 0 };
	const char	*at;
	bool		 entries, self, silent;

	if (strlen(name) + 2 > sizeof(w.rest)) {
		errno = ENAMETOOLONG;
		return (false);
	}
	memcpy(w.rest, name, strlen(name) + 1);
	if (statx(AT_FDCWD, "/", 0, PATH_STAT, file) == -1)
		return (false);
	for (;;) {
		at = w.done[0] == '\0' ? "/" : w.done;
		entries = path_watch(at, PATH_SELF | PATH_ENTRY);
		silent = first && path_is_silent(at);
		errno = ENOTSUP;
		if (!path_next(&w))
			return (!silent);
		at = w.done[0] == '\0' ? "/" : w.done;
		self = path_watch(at, PATH_SELF);
		if (!entries && !self)
			return (false);
		if (statx(AT_FDCWD, at, AT_SYMLINK_NOFOLLOW, PATH_STAT, file) ==
		    -1)
			return (false);
		errno = ENOTSUP;
		if (S_ISLNK(file->stx_mode) && (silent || !path_follow(&w)))
			return (false);
	}
}

static bool
path_same(const struct statx *a, const struct statx *b)
{
	return (a->stx_ino == b->stx_ino &&
	    a->stx_dev_major == b->stx_dev_major &&
	    a->stx_dev_minor == b->stx_dev_minor &&
	    a->stx_btime.tv_sec == b->stx_btime.tv_sec &&
	    a->stx_btime.tv_nsec == b->stx_btime.tv_nsec);
}

static void
path_init(void)
{
	path_inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	path_mounts = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	if (path_inotify == -1 || path_mounts == -1)
		err(EXIT_USAGE, "--watch-path: inotify, /proc/self/mounts");
}

/*
 * Also watches the path name.  Exits if there is no such file, or if it cannot
 * be watched.
 */
void
path_open(const char *name)
{
	struct path *p = &paths[path_n];
	char	    *dir = NULL;

	if (path_inotify == -1)
		path_init();
	/* Not the current directory: it may be a variable that is not set. */
	if (name[0] == '\0')
		errx(EXIT_USAGE, "--watch-path: the path is empty");
	if (name[0] != '/' && (dir = getcwd(NULL, 0)) == NULL)
		err(EXIT_USAGE, "--watch-path %s", oneline(name));
	if (asprintf(&p->name, "%s/%s", dir == NULL ? "" : dir, name) == -1 ||
	    !path_walk(p->name, &p->file, true)) {
		if (errno == ENOTSUP)
			errx(EXIT_USAGE,
			    "--watch-path %s: in /proc and /sys the kernel "
			    "does not tell when a file is gone",
			    oneline(name));
		err(EXIT_USAGE, "--watch-path %s", oneline(name));
	}
	free(dir);
	path_n++;
}

/* Fills in at most PATH_PFD entries.  Returns the number of entries. */
nfds_t
path_poll(struct pollfd *pfd)
{
	if (path_inotify == -1)
		return (0);
	pfd[0] = (struct pollfd){ path_inotify, POLLIN, 0 };
	pfd[1] = (struct pollfd){ path_mounts, POLLPRI, 0 };
	return (PATH_PFD);
}

/*
 * Returns whether a file no longer exists, or is another one now.  pfd has the
 * entries of path_poll(), after poll(2).
 */
bool
path_ended(const struct pollfd *pfd)
{
	char	     events[4096];
	struct statx now;
	unsigned int i;

	if (pfd[0].revents == 0 && pfd[1].revents == 0)
		return (false);
	(void)!read(path_inotify, events, sizeof(events));
	for (i = 0; i < path_n; i++) {
		if (!path_walk(paths[i].name, &now, false) ||
		    !path_same(&paths[i].file, &now))
			return (true);
	}
	return (false);
}
