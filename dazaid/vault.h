/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_VAULT_H
#define DAZAID_VAULT_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

struct vault_options {
	uid_t		 owner;		/* whose session this guards */
	int64_t		 grace;		/* ms */
	int64_t		 timeout;	/* ms; 0: none */
	size_t		 size;		/* bytes of the arena */
	bool		 armed;
	bool		 require_lock;
	bool		 background;
};

void		vault_init(const struct vault_options *);
void		vault_memory(const struct vault_options *);
void		vault_child(const struct vault_options *);
void		vault_load(void);
void		vault_listen(void);
void		vault_confine(void);
noreturn void	vault_fail(const char *, const char *);
noreturn void	vault_loop(void);

#endif
