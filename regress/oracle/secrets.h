/* SPDX-License-Identifier: ISC */
/*
 * Which secrets there are: a list that knows nothing of blocks.  The fuzz
 * target "vault" compares the real store with it.
 */
#ifndef ORACLE_SECRETS_H
#define ORACLE_SECRETS_H

#include <stddef.h>
#include <stdint.h>

#define SECRETS_MAX   256
#define SECRETS_NAME  129
#define SECRETS_NEVER INT64_MAX

enum secret_state { GONE, FILLING, WHOLE, SPENT };

struct secret {
	uint64_t	  id;
	enum secret_state state;
	const uint8_t	 *value;
	size_t		  len;
	size_t		  room; /* that was asked for */
	int64_t		  due;
	uint32_t	  reads; /* left; 0: any number */
	unsigned int	  readers;
	char		  name[SECRETS_NAME];
};

struct secrets {
	struct secret all[SECRETS_MAX]; /* by their ids, gone ones too */
	size_t	      n;
	uint64_t      last_id;
};

struct secret *secrets_begin(struct secrets *, const char *, size_t);
struct secret *secrets_named(struct secrets *, const char *, enum secret_state);
struct secret *secrets_by_id(struct secrets *, uint64_t);
struct secret *secrets_next(struct secrets *, uint64_t);
unsigned int   secrets_count(const struct secrets *, enum secret_state);
int64_t	       secrets_due(const struct secrets *);
void	       secrets_expire(struct secrets *, int64_t);
void secrets_commit(struct secrets *, struct secret *, uint32_t, int64_t);
void secrets_end(struct secrets *);
void secret_take(struct secret *);
void secret_release(struct secret *);
void secret_end(struct secret *);

#endif
