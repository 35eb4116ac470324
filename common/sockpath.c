/* SPDX-License-Identifier: ISC */
/*
 * Finds the path of the socket, for the daemon and its clients.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "num.h"
#include "sockpath.h"

/* The directory of a user without a runtime directory; the uid follows. */
#define SOCKPATH_PRIVATE "/tmp/dazai-"

/* Returns whether dir is a directory that belongs to uid. */
static bool
sockpath_owns(const char *dir, uid_t uid)
{
	struct stat st;

	return (stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid);
}

/* Appends a path to sp, if it is not there yet.  Returns as sockpath_find(). */
static const char *
sockpath_add(struct sockpath *sp, const char *path)
{
	static char  why[SOCKPATH_WHY];
	const size_t len = strlen(path);
	unsigned int i;

	if (len == 0)
		return ("the socket path is empty");
	if (path[len - 1] == '/')
		return ("the socket path ends in a slash");
	if (len >= SOCKPATH_SIZE) {
		(void)snprintf(why, sizeof(why),
		    "the socket path is too long: %zu bytes, at most %zu", len,
		    SOCKPATH_SIZE - 1);
		return (why);
	}
	for (i = 0; i < sp->n; i++) {
		if (strcmp(sp->path[i], path) == 0)
			return (NULL);
	}
	memcpy(sp->path[sp->n++], path, len + 1);
	return (NULL);
}

/* Appends uid's default path in dir.  Returns as sockpath_find(). */
static const char *
sockpath_add_default(struct sockpath *sp, const char *dir, uid_t uid)
{
	char	   *path;
	const char *why;

	if (asprintf(&path, "%s/dazai-%u.sock", dir, uid) == -1)
		return (strerror(errno));
	why = sockpath_add(sp, path);
	free(path);
	return (why);
}

/*
 * Finds where the heartbeat socket may be.  If asked (the -s option) is not
 * NULL, that is the only place; else $DAZAI_SOCK, if it is set.  Otherwise the
 * places are the default names in rundir, if it is not NULL and belongs to uid;
 * in /run/user/UID, if that belongs to uid; and in /tmp/dazai-UID, which need
 * not exist yet.  The daemon takes the first of them.  Returns NULL, or an
 * error message that is valid until the next call.
 */
const char *
sockpath_find(const char *asked, uid_t uid, const char *rundir,
    struct sockpath *sp)
{
	char	    dir[32];
	const char *why = NULL;

	sp->n = 0;
	if (asked == NULL)
		asked = getenv("DAZAI_SOCK");
	if (asked != NULL)
		return (sockpath_add(sp, asked));
	if (rundir != NULL && sockpath_owns(rundir, uid))
		why = sockpath_add_default(sp, rundir, uid);
	(void)snprintf(dir, sizeof(dir), "/run/user/%u", uid);
	if (why == NULL && sockpath_owns(dir, uid))
		why = sockpath_add_default(sp, dir, uid);
	(void)snprintf(dir, sizeof(dir), SOCKPATH_PRIVATE "%u", uid);
	return (why != NULL ? why : sockpath_add_default(sp, dir, uid));
}

/* Returns whether dir is a /tmp/dazai-UID, and stores its uid in *uid. */
static bool
sockpath_is_private(const char *dir, uid_t *uid)
{
	const size_t len = strlen(SOCKPATH_PRIVATE);
	int64_t	     n;

	if (strncmp(dir, SOCKPATH_PRIVATE, len) != 0 ||
	    num_int(dir + len, 0, UINT32_MAX, &n) != NULL)
		return (false);
	*uid = (uid_t)n;
	return (true);
}

/*
 * Returns NULL if st is that of a private directory which belongs to uid, or an
 * error message, for which it may use why (SOCKPATH_WHY bytes).
 */
static const char *
sockpath_distrust(const struct stat *st, uid_t uid, char *why)
{
	if (S_ISLNK(st->st_mode))
		return ("is a symbolic link");
	if (!S_ISDIR(st->st_mode))
		return ("is not a directory");
	why[0] = '\0';
	if (st->st_uid != uid)
		(void)snprintf(why, SOCKPATH_WHY,
		    "belongs to uid %lu, but must belong to uid %lu",
		    (unsigned long)st->st_uid, (unsigned long)uid);
	else if ((st->st_mode & 077) != 0)
		(void)snprintf(why, SOCKPATH_WHY,
		    "is open to others, its mode %03o should be 700",
		    st->st_mode & 07777);
	return (why[0] == '\0' ? NULL : why);
}

static void
sockpath_dirname(const char *path, char *dir)
{
	int len = (int)(sockpath_name(path) - path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len == 0)
		(void)snprintf(dir, SOCKPATH_SIZE, ".");
	else
		(void)snprintf(dir, SOCKPATH_SIZE, "%.*s", len, path);
}

static void
sockpath_wrong(char *why, const char *dir, const char *what)
{
	(void)snprintf(why, SOCKPATH_WHY, "%s: %s", dir, what);
}

/*
 * Opens the directory of path.  A directory that the user has chosen is not
 * checked.  /tmp/dazai-UID is, because others can make files in /tmp: it must
 * be a directory of UID, with no rights for others.  *private is set if it is
 * that one.  If make is set, makes it if necessary.
 *
 * Returns a descriptor with O_PATH, the caller's to close; or -1 with an error
 * message in why (SOCKPATH_WHY bytes), and errno, which is EPERM for a private
 * directory that cannot be trusted.
 */
int
sockpath_opendir(const char *path, bool make, bool *private, char *why)
{
	char	    dir[SOCKPATH_SIZE], words[SOCKPATH_WHY];
	const char *wrong = NULL;
	struct stat st;
	uid_t	    uid = 0;
	int	    fd;

	sockpath_dirname(path, dir);
	*private = sockpath_is_private(dir, &uid);
	if (*private && make && mkdir(dir, 0700) == -1 && errno != EEXIST) {
		sockpath_wrong(why, dir, strerror(errno));
		return (-1);
	}
	fd = open(dir,
	    O_PATH | O_CLOEXEC | (*private ? O_NOFOLLOW : O_DIRECTORY));
	if (fd == -1 || fstat(fd, &st) == -1) {
		sockpath_wrong(why, dir, strerror(errno));
		return (-1);
	}
	if (*private)
		wrong = sockpath_distrust(&st, uid, words);
	if (wrong == NULL)
		return (fd);
	sockpath_wrong(why, dir, wrong);
	close(fd);
	errno = EPERM;
	return (-1);
}

/* The last component of path, in path. */
const char *
sockpath_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash == NULL ? path : slash + 1);
}

/* Fills in the address of path, which must fit. */
void
sockpath_addr(const char *path, struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, strnlen(path, sizeof(sun->sun_path) - 1));
}
