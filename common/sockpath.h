/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_SOCKPATH_H
#define DAZAI_SOCKPATH_H

#include <sys/types.h>
#include <sys/un.h>

#include <stdbool.h>

/*
 * sun_path holds 108 bytes with the NUL (unix(7)).  Four are reserved for
 * ".ctl" and ".pid", so that if path fits, so do all paths made from it.
 */
#define SOCKPATH_SIZE	(sizeof(((struct sockaddr_un *)0)->sun_path) - 4)
#define SOCKPATH_PLACES 3
#define SOCKPATH_WHY	256 /* bytes of an error message */

/* Where the heartbeat socket may be, the best place first. */
struct sockpath {
	char	     path[SOCKPATH_PLACES][SOCKPATH_SIZE];
	unsigned int n;
};

const char *sockpath_find(const char *, uid_t, const char *, struct sockpath *);
int	    sockpath_opendir(const char *, bool, bool *, char *);
const char *sockpath_name(const char *);
void	    sockpath_addr(const char *, struct sockaddr_un *);

#endif
