/* SPDX-License-Identifier: ISC */
/*
 * Who is at the other end of a Unix socket, by the kernel's word.
 */
#include <errno.h>

#include "cred.h"

/*
 * Stores the pid, uid and gid of fd's peer in *who, and returns whether that is
 * owner's or root's.  They are those of the process that connected, or, for a
 * client, of the process that called listen(2).  Returns false with errno, and
 * with a *who that is nobody, if fd is no connection; false with EPERM for a
 * stranger's.
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
