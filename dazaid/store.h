/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_STORE_H
#define DAZAID_STORE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "secmem.h"

#define STORE_MAX     1024 /* secrets: limits every walk through the arena */
#define STORE_READERS 32   /* taken and not yet released, at a time */
#define STORE_NEVER   INT64_MAX
#define STORE_ALL     SIZE_MAX /* as many bytes as possible */

struct store {
	struct secmem *mem;
	uint64_t       last_id;
	int64_t	       due;    /* ms: when the first expires, or STORE_NEVER */
	unsigned int   count;  /* whole secrets */
	unsigned int   spent;  /* secrets that only their readers still use */
	unsigned int   blocks; /* not free: unfinished and spent ones, too */
	uint64_t readers[STORE_READERS]; /* the id that each reads; 0: free */
};

/* A secret as LIST shows it. */
struct store_item {
	uint64_t id;
	size_t	 len;
	int64_t	 due;	/* ms, or STORE_NEVER */
	uint32_t reads; /* left; 0: any number */
	char	 name[NAME_BYTES];
};

/* The function that reads the bytes of a secret: read(2), or one like it. */
typedef ssize_t store_source(int, void *, size_t);

void   store_init(struct store *, struct secmem *);
size_t store_room(const struct store *);
size_t store_most(const struct store *);

uint64_t store_begin(struct store *, const char *, size_t);
uint64_t store_replace(struct store *, const char *, size_t);
ssize_t	 store_fill(struct store *, uint64_t, int, store_source *, size_t);
bool	 store_chomp(struct store *, uint64_t);
bool	 store_twice(struct store *, uint64_t, size_t);
int	 store_commit(struct store *, uint64_t, uint32_t, int64_t);

uint64_t store_take(struct store *, const char *, size_t *);
ssize_t	 store_send(struct store *, uint64_t, int, size_t);
void	 store_release(struct store *, uint64_t);

bool store_has(const struct store *, uint64_t);
int  store_delete(struct store *, const char *);
void store_drop(struct store *, uint64_t);
void store_clear(struct store *);
bool store_expire(struct store *, int64_t, void (*)(const char *));
bool store_next(const struct store *, uint64_t, struct store_item *);

#endif
