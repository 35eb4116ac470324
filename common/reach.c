/* SPDX-License-Identifier: ISC */
/*
 * Connects to a daemon, and checks that it can be trusted: the files on the way
 * must be the user's own, and the process that listens the user's or root's.
 */
#include <sys/stat.h>
#include <sys/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cred.h"
#include "reach.h"

/* Writes errno's text to r->why, and returns result. */
static enum reach_result
reach_errno(struct reach *r, enum reach_result result)
{
	(void)snprintf(r->why, sizeof(r->why), "%s%s: %s", r->path, r->suffix,
	    strerrordesc_np(errno));
	return (result);
}

/*
 * Checks that the socket's file is ours; root accepts a file of any user.
 * Another user could put a link there, to the socket of a service that root
 * runs and that this user partly controls: SO_PEERCRED would say root.
 */
static enum reach_result
reach_check(struct reach *r)
{
	const char *what = NULL;
	struct stat st;

	if (fstat(r->file, &st) == -1)
		return (reach_errno(r, REACH_FAILED));
	if (S_ISLNK(st.st_mode))
		what = "is a symbolic link";
	else if (!S_ISSOCK(st.st_mode))
		what = "is no socket";
	if (what != NULL)
		(void)snprintf(r->why, sizeof(r->why), "%s%s: %s", r->path,
		    r->suffix, what);
	else if (r->uid != 0 && st.st_uid != r->uid)
		(void)snprintf(r->why, sizeof(r->why),
		    "%s%s: this socket belongs to uid %lu, not to you", r->path,
		    r->suffix, (unsigned long)st.st_uid);
	else {
		r->owner = st.st_uid;
		return (REACH_FOUND);
	}
	return (REACH_REFUSED);
}

/* Closes r's directory and file, if they are open; r->fd is the caller's. */
void
reach_close(struct reach *r)
{
	if (r->dir != -1)
		close(r->dir);
	if (r->file != -1)
		close(r->file);
	r->dir = r->file = -1;
}

/* Opens the directory and the file of path; what was open is closed. */
static enum reach_result
reach_open(struct reach *r)
{
	char name[SOCKPATH_SIZE + sizeof(".ctl")], why[SOCKPATH_WHY];
	bool private;

	reach_close(r);
	r->dir = sockpath_opendir(r->path, false, &private, why);
	if (r->dir == -1 && (errno == ENOENT || errno == ENOTDIR))
		return (REACH_NO_DAEMON);
	if (r->dir == -1) {
		(void)snprintf(r->why, sizeof(r->why), "%s", why);
		return (REACH_REFUSED);
	}
	(void)snprintf(name, sizeof(name), "%s%s", sockpath_name(r->path),
	    r->suffix);
	r->file = openat(r->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (r->file == -1 && errno == ENOENT)
		return (REACH_NO_DAEMON);
	if (r->file == -1)
		return (reach_errno(r, REACH_REFUSED));
	return (reach_check(r));
}

/* Makes a socket that gives up after r->seconds.  Returns -1 with errno. */
static int
reach_socket(const struct reach *r)
{
	const struct timeval tv = { r->seconds, 0 };
	const int	     type = SOCK_STREAM | SOCK_CLOEXEC |
	    (r->seconds == 0 ? SOCK_NONBLOCK : 0);
	int fd;

	if ((fd = socket(AF_UNIX, type, 0)) == -1)
		return (-1);
	if (vouch_ask(fd) == -1) {
		close(fd);
		return (-1);
	}
	if (r->seconds != 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	}
	return (fd);
}

/*
 * Connects r->fd to r->file, which was checked, and not to its path, where
 * another file may be by now.  Returns 0, or -1 with errno.
 */
static int
reach_by_file(const struct reach *r)
{
	struct sockaddr_un sun;
	char		   path[32];
	int		   rc;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", r->file);
	sockpath_addr(path, &sun);
	do
		rc = connect(r->fd, (const struct sockaddr *)&sun, sizeof(sun));
	while (rc == -1 && errno == EINTR);
	return (rc);
}

/* The listening process must be ours or root's. */
static enum reach_result
reach_check_maker(struct reach *r)
{
	const bool ours = cred_allowed(r->fd, r->uid, &r->maker);

	if (!ours && !(r->any && r->uid == 0 && r->maker.uid == r->owner)) {
		(void)snprintf(r->why, sizeof(r->why),
		    "%s%s: the daemon runs as uid %lu, not as you or root",
		    r->path, r->suffix, (unsigned long)r->maker.uid);
		return (REACH_REFUSED);
	}
	if (vouch_init(&r->vouch, r->fd) == 0)
		return (REACH_FOUND);
	(void)snprintf(r->why, sizeof(r->why),
	    "%s%s: cannot tell who answers (another "
	    "PID namespace, and Linux before 6.9): %s",
	    r->path, r->suffix, strerrordesc_np(errno));
	return (REACH_REFUSED);
}

/* As reach_connect(), but r->fd may stay open. */
static enum reach_result
reach_try(struct reach *r)
{
	if ((r->fd = reach_socket(r)) == -1)
		return (reach_errno(r, REACH_FAILED));
	if (reach_by_file(r) == 0)
		return (reach_check_maker(r));
	switch (errno) {
	case ECONNREFUSED:
		return (REACH_NO_DAEMON);
	case EAGAIN:
		return (reach_errno(r, REACH_FULL));
	case ENOENT: /* the file is open, so /proc is missing */
		return (reach_errno(r, REACH_FAILED));
	default:
		return (reach_errno(r, REACH_REFUSED));
	}
}

/* As reach_find(), at r->file.  Keeps connect(2)'s errno. */
static enum reach_result
reach_connect(struct reach *r)
{
	const enum reach_result result = reach_try(r);
	const int		saved = errno;

	if (result != REACH_FOUND && r->fd != -1) {
		close(r->fd);
		r->fd = -1;
	}
	errno = saved;
	return (result);
}

/*
 * Writes to r->why that there is no daemon at any of the places.  All their
 * paths fit.
 */
static enum reach_result
reach_nowhere(struct reach *r, const struct sockpath *places, int error)
{
	size_t	     len = 0;
	unsigned int i;

	for (i = 0; i < places->n; i++)
		len += (size_t)snprintf(r->why + len, sizeof(r->why) - len,
		    "%s%s%s", i == 0 ? "" : ", ", places->path[i], r->suffix);
	(void)snprintf(r->why + len, sizeof(r->why) - len, ": no daemon: %s",
	    strerrordesc_np(error));
	return (REACH_NO_DAEMON);
}

/*
 * Connects to the socket whose name is the heartbeat socket's with suffix, at
 * the first of the places where a daemon listens.  If there is no daemon at a
 * place, tries the next one; any other error ends the search.  Unless the
 * result is REACH_FOUND, r->fd is -1, and r->why says what is wrong.
 */
enum reach_result
reach_find(struct reach *r, const struct sockpath *places, const char *suffix)
{
	enum reach_result result = REACH_NO_DAEMON;
	const char	 *why;
	unsigned int	  i;
	int		  error = 0;

	r->suffix = suffix;
	r->dir = r->file = r->fd = -1;
	r->uid = geteuid();
	if ((why = cred_ambiguous(r->uid)) != NULL) {
		(void)snprintf(r->why, sizeof(r->why), "%s", why);
		return (REACH_REFUSED);
	}
	for (i = 0; i < places->n && result == REACH_NO_DAEMON; i++) {
		r->path = places->path[i];
		if ((result = reach_open(r)) == REACH_FOUND)
			result = reach_connect(r);
		if (result == REACH_NO_DAEMON && error == 0)
			error = errno;
	}
	if (result == REACH_NO_DAEMON)
		return (reach_nowhere(r, places, error));
	return (result);
}

/* Connects to the same file again.  Returns as reach_find(). */
enum reach_result
reach_again(struct reach *r)
{
	const enum reach_result result = reach_connect(r);

	if (result == REACH_NO_DAEMON)
		(void)snprintf(r->why, sizeof(r->why), "%s%s: no daemon: %s",
		    r->path, r->suffix, strerrordesc_np(errno));
	return (result);
}
