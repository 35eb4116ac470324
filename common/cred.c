/* SPDX-License-Identifier: ISC */
/*
 * Asks the kernel for the pid, uid and gid at the other end of a Unix socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cred.h"
#include "num.h"

#define CRED_ALL UINT32_MAX /* the length of a uid_map with every uid */
#define CRED_MAP 30	    /* most numbers read of a uid_map, three a line */

/*
 * Stores the pid, uid and gid of the process at the other end of fd in *who.
 * For a server that is the process that connected; for a client, the process
 * that called listen(2).  Returns true if its uid is owner or root.  If it is
 * another one, returns false with EPERM.  If fd is not a connection, returns
 * false with errno, and sets *who to pid 0 and uid -1.
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
 * Reads up to n numbers from a file into numbers.  Returns how many it has
 * read, or -1 if the file cannot be read.
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
 * In a user namespace, every uid that is not mapped there appears as the
 * overflow uid (user_namespaces(7)).  If our own uid is the overflow uid, other
 * users look like us.  Returns an error message for that case, valid until the
 * next call; otherwise NULL.  In a namespace that maps every uid, as the
 * initial one does, this cannot happen.
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
 * Returns whether our user namespace maps this uid: one that an ordinary user
 * has made often maps only one.  If /proc cannot be read, returns true.
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
