/* SPDX-License-Identifier: ISC */
/*
 * The owner of the process at the other end of a Unix socket, as the kernel
 * tells it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cred.h"
#include "num.h"

#define CRED_ALL UINT32_MAX /* length of a uid_map that has every uid */
#define CRED_MAP 30	    /* numbers of a uid_map; it has three in a line */

/*
 * Stores the pid, uid and gid of fd's peer in *who, and returns whether that
 * is owner's or root's.  They are those of the process that connected, or, for
 * a client, of the process that called listen(2).  If fd is not a connection,
 * returns false with errno and sets *who to pid 0 and uid -1.  If the process
 * is somebody else's, returns false with EPERM.
 */
bool
cred_allowed(int fd, uid_t owner, struct ucred *who)
{
	socklen_t len = sizeof(*who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &len) == -1) {
		*who = (struct ucred){ 0, (uid_t)-1, (gid_t)-1 };
		return (false);
	}
	errno = EPERM;
	return (who->uid == owner || who->uid == 0);
}

/*
 * Reads up to n numbers of a file into *numbers; returns how many there are, or
 * -1 if the file cannot be read.
 */
static int
cred_numbers(const char *file, int64_t *numbers, int n)
{
	char	text[512], *word, *rest = text;
	int	fd, i = 0;
	size_t	len = 0;
	ssize_t got;

	if ((fd = open(file, O_RDONLY | O_CLOEXEC)) == -1)
		return (-1);
	while ((got = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)got;
	close(fd);
	if (got == -1)
		return (-1);
	text[len] = '\0';
	while (i < n && (word = strsep(&rest, " \n")) != NULL) {
		if (num_int(word, 0, UINT32_MAX, &numbers[i]) == NULL)
			i++;
	}
	return (i);
}

/*
 * In a user namespace every uid that has no name there shows as the overflow
 * uid (user_namespaces(7)).  If uid, ours, is that one, then strangers look
 * like us: returns words for that, valid until the next call, or NULL.  In a
 * namespace that maps every uid, as the first one does, this cannot happen.
 */
const char *
cred_ambiguous(uid_t uid)
{
	static char why[128];
	int64_t	    overflow, map[3];
	int	    n = cred_numbers("/proc/self/uid_map", map, 3);

	if (n == -1) {
		(void)snprintf(why, sizeof(why), "/proc/self/uid_map: %s%s",
		    strerror(errno),
		    errno == ENOENT ? " (is /proc mounted?)" : "");
		return (why);
	}
	if (n == 3 && map[2] == CRED_ALL)
		return (NULL);
	if (cred_numbers("/proc/sys/kernel/overflowuid", &overflow, 1) != 1)
		return ("/proc/sys/kernel/overflowuid cannot be read");
	if (uid != overflow)
		return (NULL);
	return ("this container does not map your uid: other users "
		"cannot be told from you");
}

/*
 * Does our user namespace have this uid?  A namespace that a user has made
 * often has only one uid.  If /proc does not tell, returns true.
 */
bool
cred_exists(uid_t uid)
{
	int64_t map[CRED_MAP];
	int	i, n = cred_numbers("/proc/self/uid_map", map, CRED_MAP);

	for (i = 0; i + 2 < n; i += 3) {
		if (uid >= map[i] && uid - map[i] < map[i + 2])
			return (true);
	}
	return (n == -1);
}
