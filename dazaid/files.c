/* SPDX-License-Identifier: ISC */
/*
 * The names that a daemon leaves in the file system, its socket and its pid
 * file: taking them without touching anybody else's, and giving them back.
 */
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "sockpath.h"

#define FILES_BACKLOG	128
#define FILES_NAME	(SOCKPATH_SIZE + sizeof(".pid"))

struct files_name {
	char	name[FILES_NAME];	/* in the directory */
	dev_t	dev;
	ino_t	ino;				/* 0: not ours */
};

static int			files_dir = -1;
static int			files_sock = -1;
static struct files_name	files_socket, files_pid;

static void
files_remember(struct files_name *f, const struct stat *st)
{
	f->dev = st->st_dev;
	f->ino = st->st_ino;
}

/* Whether the file at fd holds nothing but a pid, as one of ours does. */
static bool
files_is_pid(int fd)
{
	char	buf[32];
	ssize_t	n, digits;

	if ((n = pread(fd, buf, sizeof(buf), 0)) == -1 || n == sizeof(buf))
		return (false);
	for (digits = 0; digits < n && buf[digits] >= '0' && buf[digits] <= '9';)
		digits++;
	return (n == 0 || (digits > 0 && digits == n - 1 && buf[n - 1] == '\n'));
}

/*
 * Opens the pid file and locks it, which makes us the one daemon on this path
 * for as long as we live.  Returns the descriptor, never to be closed; -1 with
 * *why otherwise (NULL: errno).
 */
static int
files_lock(const char **why)
{
	struct stat	st, now;
	int		fd;

	*why = NULL;
	for (;;) {
		fd = openat(files_dir, files_pid.name, O_RDWR | O_CREAT |
		    O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
		if (fd == -1)
			return (-1);
		if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
		    st.st_uid != geteuid() || !files_is_pid(fd)) {
			*why = "in the way, and no pid file of ours";
			return (-1);
		}
		if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
			*why = "another dazaid holds it";
			return (-1);
		}
		/* A daemon that ended may have removed it before we had the lock. */
		if (fstatat(files_dir, files_pid.name, &now,
		    AT_SYMLINK_NOFOLLOW) == 0 && now.st_ino == st.st_ino &&
		    now.st_dev == st.st_dev)
			break;
		close(fd);
	}
	files_remember(&files_pid, &st);
	return (fd);
}

/* Makes way for our socket.  Returns NULL, or why what is there must stay. */
static const char *
files_make_way(const struct sockaddr_un *sun)
{
	struct stat	st;
	int		s, rc;

	if (fstatat(files_dir, files_socket.name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return (errno == ENOENT ? NULL : strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return ("in the way, and no socket");
	if (st.st_uid != geteuid())
		return ("in the way: a socket of somebody else's");
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s == -1)
		return (strerror(errno));
	rc = connect(s, (const struct sockaddr *)sun, sizeof(*sun));
	/* Only "refused" is a sure sign that nobody listens any more. */
	if (rc == -1 && errno == ECONNREFUSED)
		rc = unlinkat(files_dir, files_socket.name, 0);
	else
		rc = 1;
	close(s);
	if (rc == -1)
		return (strerror(errno));
	return (rc == 0 ? NULL : "in use: a daemon answers there");
}

static const char *
files_bind(const struct sockaddr_un *sun)
{
	struct stat	st;
	mode_t		mask;
	int		rc;

	files_sock = socket(AF_UNIX,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (files_sock == -1)
		return (strerror(errno));
	mask = umask(0177);
	rc = bind(files_sock, (const struct sockaddr *)sun, sizeof(*sun));
	umask(mask);
	if (rc == -1 || fstatat(files_dir, files_socket.name, &st,
	    AT_SYMLINK_NOFOLLOW) == -1)
		return (strerror(errno));
	files_remember(&files_socket, &st);
	return (NULL);
}

/*
 * Takes path for our socket, and path with .pid for our pid file, as the
 * effective user.  Nobody can connect yet.  What is there and is not a stale
 * socket or pid file of that user's stays untouched.  Returns NULL, or what is
 * wrong, as "PATH: why"; files_remove() then removes what was made.
 */
const char *
files_claim(const char *path)
{
	static char		 error[SOCKPATH_SIZE + 128];
	char			 dir[SOCKPATH_SIZE], base[SOCKPATH_SIZE];
	const char		*why;
	struct sockaddr_un	 sun;
	int			 fd;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	(void)snprintf(base, sizeof(base), "%s", path);
	(void)snprintf(files_socket.name, sizeof(files_socket.name), "%s",
	    basename(base));
	(void)snprintf(files_pid.name, sizeof(files_pid.name), "%s.pid",
	    basename(base));
	sockpath_addr(path, &sun);

	files_dir = open(dirname(dir), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (files_dir == -1) {
		(void)snprintf(error, sizeof(error), "%s: %s", path,
		    strerror(errno));
		return (error);
	}
	if ((fd = files_lock(&why)) == -1) {
		(void)snprintf(error, sizeof(error), "%s.pid: %s", path,
		    why != NULL ? why : strerror(errno));
		return (error);
	}
	if ((why = files_make_way(&sun)) != NULL ||
	    (why = files_bind(&sun)) != NULL) {
		(void)snprintf(error, sizeof(error), "%s: %s", path, why);
		return (error);
	}
	if (ftruncate(fd, 0) == -1 ||
	    dprintf(fd, "%ld\n", (long)getpid()) == -1) {
		(void)snprintf(error, sizeof(error), "%s.pid: %s", path,
		    strerror(errno));
		return (error);
	}
	return (NULL);
}

/* Lets clients connect; returns the socket, the caller's to close, or -1. */
int
files_listen(void)
{
	return (listen(files_sock, FILES_BACKLOG) == -1 ? -1 : files_sock);
}

/* The directory of both files, for as long as the process lives. */
int
files_dirfd(void)
{
	return (files_dir);
}

static void
files_remove_one(struct files_name *f)
{
	struct stat	st;

	if (f->ino != 0 && fstatat(files_dir, f->name, &st,
	    AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == f->ino &&
	    st.st_dev == f->dev)
		(void)unlinkat(files_dir, f->name, 0);
	f->ino = 0;
}

/*
 * Removes what files_claim() made, unless somebody else has put something in its
 * place since.  Async-signal-safe.
 */
void
files_remove(void)
{
	files_remove_one(&files_socket);
	files_remove_one(&files_pid);
}
