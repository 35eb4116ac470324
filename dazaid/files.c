/* SPDX-License-Identifier: ISC */
/*
 * The daemon's files: its two sockets, its pid file, and the file of its last
 * words.  Makes them without touching a file that is not ours, and removes all
 * but the last one when the daemon ends.
 */
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "files.h"
#include "log.h"
#include "oneline.h"
#include "sockpath.h"

#define FILES_BACKLOG 1024 /* many clients at once wait there */
/* Appended to the error if /tmp/dazai-UID is not ours. */
#define FILES_ELSEWHERE                                    \
	": choose another place by -s ~/.dazai.sock, and " \
	"DAZAI_SOCK for the clients"
#define FILES_NAME (SOCKPATH_SIZE + sizeof(".pid"))

/* Indices of the other files, after those of the sockets. */
enum { FILES_PID = FILES_SOCKETS, FILES_LAST, FILES_ALL };

static const char *const files_suffix[] = { [FILES_HEARTBEAT] = "",
	[FILES_CONTROL] = ".ctl",
	[FILES_PID] = ".pid",
	[FILES_LAST] = ".last" };

static struct files_name {
	dev_t		   dev;
	ino_t		   ino; /* 0: this file is not ours */
	int		   fd;
	struct sockaddr_un sun;		     /* of a socket */
	char		   name[FILES_NAME]; /* in the directory */
} files[FILES_ALL];
static int files_dir = -1;

static void
files_remember(struct files_name *f, const struct stat *st)
{
	f->dev = st->st_dev;
	f->ino = st->st_ino;
}

/* Returns whether the file at fd contains nothing but a pid, as ours do. */
static bool
files_is_pid(int fd)
{
	char	buf[32];
	ssize_t n, digits;

	if ((n = pread(fd, buf, sizeof(buf), 0)) == -1 || n == sizeof(buf))
		return (false);
	for (digits = 0;
	     digits < n && buf[digits] >= '0' && buf[digits] <= '9';)
		digits++;
	return (
	    n == 0 || (digits > 0 && digits == n - 1 && buf[n - 1] == '\n'));
}

/*
 * Opens f, the pid file or the file of last words, and makes it if there is
 * none.  An existing file may be of any kind and owner: the caller must check
 * *st first.  Returns the descriptor, or -1 with errno.
 */
static int
files_open(const struct files_name *f, struct stat *st)
{
	const int fd = openat(files_dir, f->name,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
	    0600);

	if (fd != -1 && fstat(fd, st) == -1) {
		close(fd);
		return (-1);
	}
	return (fd);
}

/* Returns whether it is a regular file of the effective user. */
static bool
files_is_ours(const struct stat *st)
{
	return (S_ISREG(st->st_mode) && st->st_uid == geteuid());
}

/*
 * Opens the pid file and locks it, so that this is the only daemon on this
 * path.  Returns the descriptor, which must stay open; or -1 with the reason in
 * *why or, if that is NULL, in errno.
 */
static int
files_lock(struct files_name *pid, const char **why)
{
	struct stat st, now;
	int	    fd;

	*why = NULL;
	for (;;) {
		if ((fd = files_open(pid, &st)) == -1)
			return (-1);
		if (!files_is_ours(&st) || !files_is_pid(fd)) {
			*why = "exists, and is not a pid file of this user's "
			       "dazaid; remove it, or choose another path (-s)";
			return (-1);
		}
		if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
			if (errno == EWOULDBLOCK)
				*why = "another dazaid runs here";
			return (-1);
		}
		/*
		 * A daemon that ended may have removed the file before we
		 * locked it.
		 */
		if (fstatat(files_dir, pid->name, &now, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    now.st_ino == st.st_ino && now.st_dev == st.st_dev)
			break;
		close(fd);
	}
	files_remember(pid, &st);
	return (fd);
}

/* Returns whether the file at fd is empty or contains last words. */
static bool
files_is_last(int fd)
{
	static const char word[] = "LAST ";
	char		  buf[sizeof(word) - 1];
	const ssize_t	  n = pread(fd, buf, sizeof(buf), 0);

	return (n == 0 ||
	    (n == sizeof(buf) && memcmp(buf, word, sizeof(buf)) == 0));
}

/*
 * Opens the file of the last words, without changing it: until the start has
 * succeeded, it keeps the words of the last daemon.  A file that this makes is
 * removed if the start fails.  Returns NULL, or an error message.
 */
static const char *
files_open_last(struct files_name *f)
{
	struct stat st;

	f->fd = files_open(f, &st);
	if (f->fd != -1 && files_is_ours(&st) && st.st_nlink == 1 &&
	    files_is_last(f->fd)) {
		if (st.st_size == 0)
			files_remember(f, &st);
		return (fchmod(f->fd, 0600) == -1 ? strerror(errno) : NULL);
	}
	if (f->fd == -1)
		return (strerror(errno));
	close(f->fd);
	f->fd = -1;
	return ("exists, and is not a file of last words");
}

/* Opens the file of the last words; if that fails, warns and goes on. */
static void
files_make_last(const char *path)
{
	const char *why = files_open_last(&files[FILES_LAST]);

	if (why != NULL)
		log_warnx("%s%s: %s: no last words", oneline(path),
		    files_suffix[FILES_LAST], why);
}

/* Removes a stale socket of ours.  Returns NULL, or why the file must stay. */
static const char *
files_make_way(const struct files_name *f)
{
	struct stat st;
	int	    s, rc;

	if (fstatat(files_dir, f->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return (errno == ENOENT ? NULL : strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return ("exists, and is not a socket; "
			"remove it, or choose another path (-s)");
	if (st.st_uid != geteuid())
		return ("exists, and is a socket of another user");
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s == -1)
		return (strerror(errno));
	rc = connect(s, (const struct sockaddr *)&f->sun, sizeof(f->sun));
	/* Only ECONNREFUSED proves that no process listens any more. */
	if (rc == -1 && errno == ECONNREFUSED)
		rc = unlinkat(files_dir, f->name, 0);
	else
		rc = 1;
	close(s);
	if (rc == -1)
		return (strerror(errno));
	return (rc == 0 ? NULL : "another program listens there");
}

static const char *
files_bind(struct files_name *f)
{
	const int   none = 0;
	struct stat st;
	mode_t	    mask;
	int	    rc;

	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (f->fd == -1)
		return (strerror(errno));
	/*
	 * Clients may not pass us descriptors: we would have to close them, and
	 * close(2) can block for as long as their owner likes (SO_LINGER).
	 * Accepted connections inherit this option.  Kernels before 6.16 do not
	 * have it.
	 */
	(void)setsockopt(f->fd, SOL_SOCKET, SO_PASSRIGHTS, &none, sizeof(none));
	mask = umask(0177);
	rc = bind(f->fd, (const struct sockaddr *)&f->sun, sizeof(f->sun));
	umask(mask);
	if (rc == -1 ||
	    fstatat(files_dir, f->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return (strerror(errno));
	files_remember(f, &st);
	return (NULL);
}

/*
 * Fills in the address of a socket; returns false if it is too long.  If
 * private is set, the directory is /tmp/dazai-UID: somebody may have replaced
 * it since it was checked, so the address goes through the checked descriptor.
 */
static bool
files_address(struct files_name *f, const char *path, bool private)
{
	char file[sizeof(f->sun.sun_path)];
	int  len;

	if (private)
		len = snprintf(file, sizeof(file), "/proc/self/fd/%d/%s",
		    files_dir, f->name);
	else
		len = snprintf(file, sizeof(file), "%s%s", path,
		    files_suffix[f - files]);
	sockpath_addr(file, &f->sun);
	return (len > 0 && (size_t)len < sizeof(file));
}

/*
 * Makes a socket, without listening on it.  Returns NULL, or an error message.
 */
static const char *
files_make_socket(struct files_name *f)
{
	const char *why = files_make_way(f);

	return (why != NULL ? why : files_bind(f));
}

/*
 * Makes both sockets and the other files.  Returns NULL, or an error message
 * about the file whose index is then in *which.
 */
static const char *
files_make(const char *path, bool private, unsigned int *which)
{
	struct files_name *pid = &files[FILES_PID];
	const char	  *why;

	*which = FILES_PID;
	if ((pid->fd = files_lock(pid, &why)) == -1)
		return (why != NULL ? why : strerror(errno));
	for (*which = 0; *which < FILES_SOCKETS; ++*which) {
		if (!files_address(&files[*which], path, private))
			return ("the path is too long");
		if ((why = files_make_socket(&files[*which])) != NULL)
			return (why);
	}
	*which = FILES_PID;
	if (ftruncate(pid->fd, 0) == -1 ||
	    dprintf(pid->fd, "%ld\n", (long)getpid()) == -1)
		return (strerror(errno));
	files_make_last(path);
	return (NULL);
}

/*
 * Makes the heartbeat's socket at path, and the control socket, the pid file
 * and the file of last words at path with .ctl, .pid and .last.  They belong to
 * the effective user, whatever the umask.  No client can connect yet.  An
 * existing file stays untouched unless it is a stale socket or pid file of that
 * user.  Returns NULL, or an error message "PATH: why"; files_remove() then
 * removes the files that were made.
 */
const char *
files_claim(const char *path)
{
	static char  error[SOCKPATH_WHY + sizeof(FILES_ELSEWHERE)];
	const mode_t mask = umask(077);
	const char  *why;
	unsigned int i;
	bool private;

	for (i = 0; i < FILES_ALL; i++)
		(void)snprintf(files[i].name, sizeof(files[i].name), "%s%s",
		    sockpath_name(path), files_suffix[i]);
	i = FILES_HEARTBEAT;
	files_dir = sockpath_opendir(path, true, &private, error);
	if (files_dir == -1 && private) {
		(void)strlcat(error, FILES_ELSEWHERE, sizeof(error));
		return (oneline(error));
	}
	why = files_dir == -1 ? strerror(errno) : files_make(path, private, &i);
	(void)umask(mask);
	if (why == NULL)
		return (NULL);
	(void)snprintf(error, sizeof(error), "%s%s: %s", path, files_suffix[i],
	    why);
	return (oneline(error));
}

/*
 * Lets clients connect to the socket which (FILES_HEARTBEAT, FILES_CONTROL).
 * Returns its descriptor, the caller's to close; -1 with errno.
 */
int
files_listen(unsigned int which)
{
	return (listen(files[which].fd, FILES_BACKLOG) == -1 ? -1 :
							       files[which].fd);
}

/*
 * Returns whether fd is a connection that was accepted on our socket which: the
 * kernel gives it the listener's name.  The family is checked first, because
 * getsockname(2) on a TCP socket waits for the process that has locked it, and
 * no signal ends that wait, not even SIGKILL.
 */
bool
files_accepted(unsigned int which, int fd)
{
	const char	  *path = files[which].sun.sun_path;
	struct sockaddr_un sun;
	socklen_t	   len = sizeof(sun), ilen = sizeof(int);
	int		   family = AF_UNSPEC;

	memset(&sun, 0, sizeof(sun));
	return (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &ilen) != -1 &&
	    family == AF_UNIX &&
	    getsockname(fd, (struct sockaddr *)&sun, &len) != -1 &&
	    strncmp(sun.sun_path, path, sizeof(sun.sun_path)) == 0);
}

/*
 * Returns the descriptor of the directory of all files, which stays open; -1
 * before files_claim().
 */
int
files_dirfd(void)
{
	return (files_dir);
}

/*
 * Returns the descriptor of the file of last words, the caller's to keep; -1 if
 * there is none.  From now on files_remove() leaves the file.
 */
int
files_last(void)
{
	files[FILES_LAST].ino = 0;
	return (files[FILES_LAST].fd);
}

/*
 * Returns a descriptor that is readable when the sockets may have been removed,
 * or -1 with errno.  The caller reads and ignores the events, and calls
 * files_reachable().
 */
int
files_watch(void)
{
	const int    fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	unsigned int i;

	for (i = 0; fd != -1 && i < FILES_SOCKETS; i++) {
		if (inotify_add_watch(fd, files[i].sun.sun_path,
			IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF) == -1)
			return (-1);
	}
	return (fd);
}

/*
 * Returns whether both sockets are still where clients look for them.  While
 * unlink(2) runs, the kernel reports it before the name is gone, and not again
 * afterwards; but by then the file has no link left.
 */
bool
files_reachable(void)
{
	struct stat  st;
	unsigned int i;

	for (i = 0; i < FILES_SOCKETS; i++) {
		if (fstatat(files_dir, files[i].name, &st,
			AT_SYMLINK_NOFOLLOW) == -1 ||
		    st.st_ino != files[i].ino || st.st_dev != files[i].dev ||
		    st.st_nlink == 0)
			return (false);
	}
	return (true);
}

static void
files_remove_one(struct files_name *f)
{
	struct stat st;

	if (f->ino != 0 &&
	    fstatat(files_dir, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_ino == f->ino && st.st_dev == f->dev)
		(void)unlinkat(files_dir, f->name, 0);
	f->ino = 0;
}

/*
 * Removes the files that files_claim() made, unless another file has taken the
 * place of one.  Async-signal-safe.
 */
void
files_remove(void)
{
	unsigned int i;

	/* The pid file last, because it carries the lock. */
	files_remove_one(&files[FILES_LAST]);
	for (i = 0; i <= FILES_PID; i++)
		files_remove_one(&files[i]);
}
