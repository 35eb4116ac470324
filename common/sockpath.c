/* SPDX-License-Identifier: ISC */
/*
 * Where the socket is: the one rule that the daemon and its clients share.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sockpath.h"

/*
 * Chooses the path of the heartbeat socket into path (SOCKPATH_SIZE bytes):
 * asked (the -s option) if not NULL, else $DAZAI_SOCK, else the default for uid
 * in rundir, or in /tmp where rundir is NULL or empty.  Returns NULL, or what
 * is wrong with the path, in words that are valid until the next call.
 */
const char *
sockpath_choose(const char *asked, uid_t uid, const char *rundir, char *path)
{
	static char why[128];
	int	    len;

	if (asked == NULL)
		asked = getenv("DAZAI_SOCK");
	if (rundir == NULL || *rundir == '\0')
		rundir = "/tmp";
	if (asked != NULL)
		len = snprintf(path, SOCKPATH_SIZE, "%s", asked);
	else
		len = snprintf(path, SOCKPATH_SIZE, "%s/dazai-%u.sock", rundir,
		    uid);
	if (len == 0)
		return ("the socket path is empty");
	if (len > 0 && (size_t)len < SOCKPATH_SIZE)
		return (NULL);
	(void)snprintf(why, sizeof(why),
	    "the socket path is too long: %d bytes, at most %zu", len,
	    SOCKPATH_SIZE - 1);
	return (why);
}

/* Fills in the address of a path that is known to fit. */
void
sockpath_addr(const char *path, struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, strnlen(path, sizeof(sun->sun_path) - 1));
}
