/* SPDX-License-Identifier: ISC */
/*
 * Named secrets in the arena: blocks, one behind the other, each a header and
 * the value in one piece.  They never move.  A block is free, being filled,
 * whole, or spent: read as often as it may be, and gone once the last reader
 * has it.  What is given up is wiped at once, and its room joined with what is
 * free beside it.
 *
 * Nothing about a secret but numbers is kept outside the arena, which is open
 * only inside these functions.  Blocks are named by an id that is never used
 * again, so that who holds one finds nothing, rather than another secret, when
 * it is gone.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "store.h"

#define STORE_ALIGN 16 /* of a block; the arena is aligned so as well */
/* Bytes moved at once: other clients wait meanwhile. */
#define STORE_PIECE ((size_t)64 * 1024)

enum store_state { STORE_FREE, STORE_FILLING, STORE_WHOLE, STORE_SPENT };

struct store_block {
	size_t		 span; /* bytes up to the next block */
	size_t		 len;  /* of the value so far */
	uint64_t	 id;
	int64_t		 due;
	uint32_t	 reads;
	uint32_t	 readers; /* that have not released it */
	enum store_state state;
	char		 name[STORE_NAME];
} __attribute__((aligned(STORE_ALIGN)));

#define VALUE(b)    ((unsigned char *)(b) + sizeof(struct store_block))
#define CAPACITY(b) ((b)->span - sizeof(struct store_block))

/* What a name may be: 1 to 64 of [A-Za-z0-9._-], not beginning with - or . */
bool
store_name_ok(const char *name)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t		  len = strlen(name);

	return (len > 0 && len < STORE_NAME && strspn(name, good) == len &&
	    name[0] != '-' && name[0] != '.');
}

/*
 * The blocks.  All of these want the arena open.
 */

static struct store_block *
store_first(const struct store *st)
{
	return ((struct store_block *)(void *)st->mem->data);
}

/* The one behind b, or NULL. */
static struct store_block *
store_after(const struct store *st, const struct store_block *b)
{
	const unsigned char *data = st->mem->data;
	const size_t at = (size_t)((const unsigned char *)b - data) + b->span;

	if (at >= st->mem->size)
		return (NULL);
	return ((struct store_block *)(void *)(st->mem->data + at));
}

static struct store_block *
store_by_id(const struct store *st, uint64_t id)
{
	struct store_block *b;

	for (b = store_first(st); b != NULL; b = store_after(st, b)) {
		if (b->state != STORE_FREE && b->id == id)
			return (b);
	}
	return (NULL);
}

/* By a name that is taken: a spent secret has given its own up. */
static struct store_block *
store_by_name(const struct store *st, const char *name)
{
	struct store_block *b;

	for (b = store_first(st); b != NULL; b = store_after(st, b)) {
		if ((b->state == STORE_FILLING || b->state == STORE_WHOLE) &&
		    strcmp(b->name, name) == 0)
			return (b);
	}
	return (NULL);
}

/* Bytes of a block for a value of size. */
static size_t
store_span(size_t size)
{
	return (sizeof(struct store_block) +
	    ((size + STORE_ALIGN - 1) & ~(size_t)(STORE_ALIGN - 1)));
}

/* Gives back what b, in use, does not need for a value of size. */
static void
store_split(struct store_block *b, size_t size)
{
	const size_t	    span = store_span(size);
	struct store_block *rest;

	if (b->span - span < sizeof(*rest) + STORE_ALIGN)
		return;
	rest = (struct store_block *)(void *)((unsigned char *)b + span);
	memset(rest, 0, sizeof(*rest));
	rest->span = b->span - span;
	b->span = span;
}

/* Makes one of free blocks that lie side by side. */
static void
store_join(struct store *st)
{
	struct store_block *b, *next;

	for (b = store_first(st); b != NULL; b = next) {
		next = store_after(st, b);
		if (next == NULL || b->state != STORE_FREE ||
		    next->state != STORE_FREE)
			continue;
		b->span += next->span;
		memset(next, 0, sizeof(*next));
		next = b;
	}
}

/* When the first secret expires, of those that are left. */
static void
store_find_due(struct store *st)
{
	const struct store_block *b;

	st->due = STORE_NEVER;
	for (b = store_first(st); b != NULL; b = store_after(st, b)) {
		if (b->state != STORE_FREE && b->due < st->due)
			st->due = b->due;
	}
}

/* Wipes b, which is free then; store_join() and store_find_due() follow. */
static void
store_wipe(struct store *st, struct store_block *b)
{
	const size_t span = b->span;

	if (b->state == STORE_WHOLE)
		st->count--;
	st->blocks--;
	explicit_bzero(b, span);
	b->span = span;
	b->state = STORE_FREE;
}

static void
store_give_up(struct store *st, struct store_block *b)
{
	store_wipe(st, b);
	store_join(st);
	store_find_due(st);
}

/* The first free block with room for size, or the largest for STORE_ALL. */
static struct store_block *
store_find_room(const struct store *st, size_t size)
{
	struct store_block *b, *best = NULL;

	for (b = store_first(st); b != NULL; b = store_after(st, b)) {
		if (b->state != STORE_FREE)
			continue;
		if (size != STORE_ALL && CAPACITY(b) >= size)
			return (b);
		if (best == NULL || b->span > best->span)
			best = b;
	}
	return (size == STORE_ALL ? best : NULL);
}

/*
 * The store as a whole.
 */

/*
 * mem, sealed and of a page at least, stays the caller's, and is the store's
 * until it is wiped.
 */
void
store_init(struct store *st, struct secmem *mem)
{
	memset(st, 0, sizeof(*st));
	st->mem = mem;
	st->due = STORE_NEVER;
	secmem_unseal(mem);
	memset(store_first(st), 0, sizeof(struct store_block));
	store_first(st)->span = mem->size;
	secmem_seal(mem);
}

/* Bytes of the largest value that fits now. */
size_t
store_room(const struct store *st)
{
	const struct store_block *b;
	size_t			  room = 0;

	if (st->blocks == STORE_MAX)
		return (0);
	secmem_unseal(st->mem);
	if ((b = store_find_room(st, STORE_ALL)) != NULL)
		room = CAPACITY(b);
	secmem_seal(st->mem);
	return (room);
}

/* Bytes of the largest value that an empty arena holds. */
size_t
store_most(const struct store *st)
{
	return (st->mem->size - sizeof(struct store_block));
}

/* Whether there still is a secret, or the beginning of one, of this id. */
bool
store_has(const struct store *st, uint64_t id)
{
	bool has;

	secmem_unseal(st->mem);
	has = store_by_id(st, id) != NULL;
	secmem_seal(st->mem);
	return (has);
}

/*
 * Tells of the whole secret with the lowest id above after, so that a loop from
 * 0 sees each once.  False if there is none.
 */
bool
store_next(const struct store *st, uint64_t after, struct store_item *item)
{
	const struct store_block *b, *next = NULL;

	memset(item, 0, sizeof(*item));
	secmem_unseal(st->mem);
	for (b = store_first(st); b != NULL; b = store_after(st, b)) {
		if (b->state == STORE_WHOLE && b->id > after &&
		    (next == NULL || b->id < next->id))
			next = b;
	}
	if (next != NULL) {
		item->id = next->id;
		item->len = next->len;
		item->due = next->due;
		item->reads = next->reads;
		memcpy(item->name, next->name, sizeof(item->name));
	}
	secmem_seal(st->mem);
	return (next != NULL);
}

/*
 * In.
 */

/*
 * Begins a secret with room for size bytes; store_fill() fills it,
 * store_commit() makes it one, store_drop() gives it up.  Returns its id; 0
 * with EEXIST, EFBIG (more than store_most()) or ENOSPC.
 */
uint64_t
store_begin(struct store *st, const char *name, size_t size)
{
	struct store_block *b = NULL;

	if (size != STORE_ALL && size > store_most(st)) {
		errno = EFBIG;
		return (0);
	}
	secmem_unseal(st->mem);
	if (store_by_name(st, name) != NULL)
		errno = EEXIST;
	else if (st->blocks == STORE_MAX ||
	    (b = store_find_room(st, size)) == NULL)
		errno = ENOSPC;
	if (b != NULL) {
		if (size != STORE_ALL)
			store_split(b, size);
		b->state = STORE_FILLING;
		b->id = ++st->last_id;
		b->due = STORE_NEVER;
		memcpy(b->name, name, strlen(name) + 1);
		st->blocks++;
	}
	secmem_seal(st->mem);
	return (b != NULL ? st->last_id : 0);
}

/*
 * Has source read from fd into the secret, behind what it has: at most size
 * bytes, and not too many at once.  Returns as read(2); -1 with ENOSPC if it is
 * full, with ENOENT if it is gone.
 */
ssize_t
store_fill(struct store *st, uint64_t id, int fd, store_source *source,
    size_t size)
{
	struct store_block *b;
	size_t		    most;
	ssize_t		    n = -1;
	int		    error;

	secmem_unseal(st->mem);
	errno = ENOENT;
	if ((b = store_by_id(st, id)) != NULL && b->state == STORE_FILLING) {
		most = CAPACITY(b) - b->len;
		if (most > size)
			most = size;
		if (most > STORE_PIECE)
			most = STORE_PIECE;
		errno = ENOSPC;
		if (most > 0)
			n = source(fd, VALUE(b) + b->len, most);
		if (n > 0)
			b->len += (size_t)n;
	}
	error = errno;
	secmem_seal(st->mem);
	errno = error;
	return (n);
}

/* Takes the newline off the end of what was read; false if there is none. */
bool
store_chomp(struct store *st, uint64_t id)
{
	struct store_block *b;
	bool		    found;

	secmem_unseal(st->mem);
	b = store_by_id(st, id);
	found = b != NULL && b->len > 0 && VALUE(b)[b->len - 1] == '\n';
	if (found)
		VALUE(b)[--b->len] = '\0';
	secmem_seal(st->mem);
	return (found);
}

/*
 * Makes what was read a secret, for reads takers (0: any number) and until due
 * (or STORE_NEVER).  Returns -1 with ENODATA if it is empty, and then gives it
 * up.
 */
int
store_commit(struct store *st, uint64_t id, uint32_t reads, int64_t due)
{
	struct store_block *b;
	int		    rc = -1;

	secmem_unseal(st->mem);
	b = store_by_id(st, id);
	if (b != NULL && b->state == STORE_FILLING && b->len == 0) {
		store_give_up(st, b);
	} else if (b != NULL && b->state == STORE_FILLING) {
		store_split(b, b->len);
		b->state = STORE_WHOLE;
		b->reads = reads;
		b->due = due;
		st->count++;
		store_join(st);
		store_find_due(st);
		rc = 0;
	}
	secmem_seal(st->mem);
	errno = ENODATA;
	return (rc);
}

/*
 * Out.
 */

/*
 * Takes a secret to be sent, which counts as one read; *len is its length.
 * Returns its id, to be given to store_release() in the end; 0 with ENOENT.
 */
uint64_t
store_take(struct store *st, const char *name, size_t *len)
{
	struct store_block *b;
	uint64_t	    id = 0;

	secmem_unseal(st->mem);
	b = store_by_name(st, name);
	if (b != NULL && b->state == STORE_WHOLE) {
		id = b->id;
		*len = b->len;
		b->readers++;
		if (b->reads > 0 && --b->reads == 0) {
			b->state = STORE_SPENT;
			st->count--;
		}
	}
	secmem_seal(st->mem);
	errno = ENOENT;
	return (id);
}

/*
 * Sends the value on the socket fd from its byte from on, at most STORE_PIECE
 * bytes, and never waits.  Returns as send(2); -1 with ENOENT if the secret is
 * gone.
 */
ssize_t
store_send(struct store *st, uint64_t id, int fd, size_t from)
{
	struct store_block *b;
	size_t		    len;
	ssize_t		    n = -1;
	int		    error = ENOENT;

	secmem_unseal(st->mem);
	if ((b = store_by_id(st, id)) != NULL) {
		len = b->len - from < STORE_PIECE ? b->len - from : STORE_PIECE;
		n = send(fd, VALUE(b) + from, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		error = errno;
	}
	secmem_seal(st->mem);
	errno = error;
	return (n);
}

/* One that was taken is not wanted any more; the last reader of a spent one
 * wipes. */
void
store_release(struct store *st, uint64_t id)
{
	struct store_block *b;

	secmem_unseal(st->mem);
	if ((b = store_by_id(st, id)) != NULL && b->readers > 0 &&
	    --b->readers == 0 && b->state == STORE_SPENT)
		store_give_up(st, b);
	secmem_seal(st->mem);
}

/*
 * The end of a secret.
 */

/* Wipes it, whatever it is used for just now.  -1 with ENOENT. */
int
store_delete(struct store *st, const char *name)
{
	struct store_block *b;

	secmem_unseal(st->mem);
	b = store_by_name(st, name);
	if (b != NULL && b->state == STORE_WHOLE)
		store_give_up(st, b);
	else
		b = NULL;
	secmem_seal(st->mem);
	errno = ENOENT;
	return (b != NULL ? 0 : -1);
}

/* Wipes what was begun and came to nothing. */
void
store_drop(struct store *st, uint64_t id)
{
	struct store_block *b;

	secmem_unseal(st->mem);
	if ((b = store_by_id(st, id)) != NULL)
		store_give_up(st, b);
	secmem_seal(st->mem);
}

/* Wipes what is due at now; returns whether anything was. */
bool
store_expire(struct store *st, int64_t now)
{
	struct store_block *b;

	if (now < st->due)
		return (false);
	secmem_unseal(st->mem);
	for (b = store_first(st); b != NULL; b = store_after(st, b)) {
		if (b->state != STORE_FREE && b->due <= now)
			store_wipe(st, b);
	}
	store_join(st);
	store_find_due(st);
	secmem_seal(st->mem);
	return (true);
}
