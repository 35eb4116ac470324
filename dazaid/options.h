/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_OPTIONS_H
#define DAZAID_OPTIONS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "secmem.h"
#include "sockpath.h"

struct options {
	uid_t	owner;	 /* whose session the daemon guards */
	gid_t	gid;	 /* of the owner */
	int64_t grace;	 /* ms */
	int64_t first;	 /* ms that a secret may be unguarded; 0: no limit */
	int64_t timeout; /* ms without PING; 0: no limit */
	size_t	size;	 /* bytes of the arena */
	bool	sized;	 /* -z has asked for exactly this size */
	bool	armed;
	bool	one_kind; /* the arena must be of the kind memory */
	enum secmem_kind memory;
	bool		 require_lock;
	bool		 background;
	int		 verbose;
	const char	*load;	  /* the file of -L, or NULL */
	const char	*sock;	  /* as asked for, or NULL */
	const char	*user;	  /* as asked for, or NULL */
	char	       **command; /* to run under a heartbeat, or NULL */
	char		 path[SOCKPATH_SIZE];
};

void options_read(struct options *, int, char *[]);

#endif
