/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_STORE_H
#define DAZAID_STORE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

#include "secmem.h"

#define STORE_NAME	65	/* bytes of a name with its NUL */

struct store {
	struct secmem	*mem;
	size_t		 used;		/* by finished secrets */
	size_t		 len;		/* of the value being read */
	unsigned int	 count;
};

bool	store_name_ok(const char *);
void	store_init(struct store *, struct secmem *);
int	store_begin(struct store *, const char *);
ssize_t	store_read(struct store *, int);
bool	store_chomp(struct store *);
int	store_commit(struct store *);

#endif
