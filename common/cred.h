/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_CRED_H
#define DAZAI_CRED_H

#include <sys/socket.h>
#include <sys/types.h>

#include <stdbool.h>

bool	    cred_allowed(int, uid_t, struct ucred *);
const char *cred_ambiguous(uid_t);
bool	    cred_exists(uid_t);

#endif
