/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_SANDBOX_H
#define DAZAID_SANDBOX_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

/* The objects that the vault uses after it was confined. */
struct sandbox_vault {
	const void *arena; /* the arena's pages, and their length */
	size_t	    arena_len;
	uid_t	    owner;  /* whose uid root's vault has when it kills */
	int	    dirfd;  /* the directory of the sockets and the pid file */
	int	    procfd; /* /proc, or -1 */
	int	    timer;
	int	    signals;
	int	    files;
	int	    alive;
};

int	    sandbox_limits(void);
int	    sandbox_vault(const struct sandbox_vault *);
bool	    sandbox_may_become(void);
const char *sandbox_network(uid_t, gid_t);

#endif
