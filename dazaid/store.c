/* SPDX-License-Identifier: ISC */
/*
 * Named secrets, one after another in the arena: a header with the name, then
 * the value in one piece.  Nothing about a secret but their number is kept
 * outside the arena, and the arena is open only inside these functions.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store.h"

#define STORE_ALIGN	16	/* of an entry; the arena is aligned so as well */

struct store_entry {
	size_t	len;			/* of the value that follows */
	char	name[STORE_NAME];
} __attribute__((aligned(STORE_ALIGN)));

/* What a name may be: 1 to 64 of [A-Za-z0-9._-], not beginning with - or . */
bool
store_name_ok(const char *name)
{
	static const char	good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t			len = strlen(name);

	return (len > 0 && len < STORE_NAME && strspn(name, good) == len &&
	    name[0] != '-' && name[0] != '.');
}

/* mem stays the caller's, and belongs to the store until it is wiped. */
void
store_init(struct store *st, struct secmem *mem)
{
	memset(st, 0, sizeof(*st));
	st->mem = mem;
}

static struct store_entry *
store_at(const struct store *st, size_t offset)
{
	return ((struct store_entry *)(void *)(st->mem->data + offset));
}

/* Bytes that an entry with a value of len takes. */
static size_t
store_span(size_t len)
{
	return (sizeof(struct store_entry) +
	    ((len + STORE_ALIGN - 1) & ~(size_t)(STORE_ALIGN - 1)));
}

/*
 * Begins a secret; store_read() fills it and store_commit() makes it one.
 * Returns -1 with EEXIST, ENOSPC, or why the arena could not be opened.
 */
int
store_begin(struct store *st, const char *name)
{
	struct store_entry	*e;
	size_t			 at;
	int			 error = 0;

	if (st->mem->size - st->used < sizeof(*e)) {
		errno = ENOSPC;
		return (-1);
	}
	if (secmem_unseal(st->mem) == -1)
		return (-1);
	for (at = 0; at < st->used && error == 0; at += store_span(e->len)) {
		e = store_at(st, at);
		if (strcmp(e->name, name) == 0)
			error = EEXIST;
	}
	if (error == 0) {
		e = store_at(st, st->used);
		memcpy(e->name, name, strlen(name) + 1);
	}
	st->len = 0;
	(void)secmem_seal(st->mem);
	errno = error;
	return (error == 0 ? 0 : -1);
}

/*
 * Reads from fd straight into the arena, behind what was read before.  Returns
 * as read(2); -1 with ENOSPC once the value does not fit, for which its last
 * free byte is kept.
 */
ssize_t
store_read(struct store *st, int fd)
{
	const size_t	at = st->used + sizeof(struct store_entry) + st->len;
	ssize_t		n;
	int		error;

	if (secmem_unseal(st->mem) == -1)
		return (-1);
	n = read(fd, st->mem->data + at, st->mem->size - at);
	error = errno;
	(void)secmem_seal(st->mem);
	errno = error;
	if (n > 0)
		st->len += (size_t)n;
	if (n >= 0 && at + (size_t)n >= st->mem->size) {
		errno = ENOSPC;
		return (-1);
	}
	return (n);
}

/* Takes the newline off the end of what was read; false if there is none. */
bool
store_chomp(struct store *st)
{
	unsigned char	*end;
	bool		 found;

	if (st->len == 0 || secmem_unseal(st->mem) == -1)
		return (false);
	end = st->mem->data + st->used + sizeof(struct store_entry) + st->len;
	found = end[-1] == '\n';
	if (found) {
		end[-1] = '\0';
		st->len--;
	}
	(void)secmem_seal(st->mem);
	return (found);
}

/* Makes what was read a secret.  Returns -1 with ENODATA if that is nothing. */
int
store_commit(struct store *st)
{
	if (st->len == 0) {
		errno = ENODATA;
		return (-1);
	}
	if (secmem_unseal(st->mem) == -1)
		return (-1);
	store_at(st, st->used)->len = st->len;
	(void)secmem_seal(st->mem);
	st->used += store_span(st->len);
	st->count++;
	return (0);
}
