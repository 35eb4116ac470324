/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_SOCKPATH_H
#define DAZAI_SOCKPATH_H

#include <sys/types.h>
#include <sys/un.h>

/*
 * sun_path holds 108 bytes with the NUL (unix(7)); four are kept for ".ctl",
 * ".pid", so that a path which is good for one socket is good for all.
 */
#define SOCKPATH_SIZE (sizeof(((struct sockaddr_un *)0)->sun_path) - 4)

const char *sockpath_choose(const char *, uid_t, const char *, char *);
void	    sockpath_addr(const char *, struct sockaddr_un *);

#endif
