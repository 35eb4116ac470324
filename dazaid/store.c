/* SPDX-License-Identifier: ISC */
/*
 * Named secrets in the arena.  The arena is a row of blocks, each a header and
 * then the value; blocks never move.  A block is free, being filled, whole or
 * spent.  A spent secret was replaced, or was taken for the last allowed time.
 * It is wiped when its last reader releases it.  A block that is freed is wiped
 * at once and joined with the free blocks beside it.
 *
 * A name has at most one whole secret, and at most one that is being filled,
 * which replaces the whole one when it is finished.
 *
 * Outside the arena there are only numbers, and only these functions unseal the
 * arena.  A caller refers to a secret by an id.  No id is used twice, so the id
 * of a wiped secret never finds another one.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>

#include "store.h"

#define STORE_ALIGN 16 /* of a block; the arena is aligned so as well */
/* Most bytes that one call moves: the vault does nothing else meanwhile. */
#define STORE_PIECE ((size_t)64 * 1024)

enum store_state { STORE_FREE, STORE_FILLING, STORE_WHOLE, STORE_SPENT };

struct store_block {
	size_t		 span; /* bytes up to the next block */
	size_t		 len;  /* of the value so far */
	uint64_t	 id;
	int64_t		 due;
	uint32_t	 reads;
	enum store_state state;
	char		 name[NAME_BYTES];
} __attribute__((aligned(STORE_ALIGN)));

#define VALUE(b)    ((unsigned char *)(b) + sizeof(struct store_block))
#define CAPACITY(b) ((b)->span - sizeof(struct store_block))

/*
 * The blocks.  The arena must be unsealed for all of these.
 */

static struct store_block *
store_first(const struct store *st)
{
	return ((struct store_block *)(void *)st->mem->data);
}

/* Returns the block after b, or NULL. */
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

/* Returns the block with this name and state, or NULL. */
static struct store_block *
store_by_name(const struct store *st, const char *name, enum store_state state)
{
	struct store_block *b;

	for (b = store_first(st); b != NULL; b = store_after(st, b)) {
		if (b->state == state && strcmp(b->name, name) == 0)
			return (b);
	}
	return (NULL);
}

/* Returns the size of a block for a value of size bytes. */
static size_t
store_span(size_t size)
{
	return (sizeof(struct store_block) +
	    ((size + STORE_ALIGN - 1) & ~(size_t)(STORE_ALIGN - 1)));
}

/* Cuts b down to a value of size bytes, and makes the rest a free block. */
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

/* Joins adjacent free blocks. */
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

/* Sets st->due to the time at which the first secret expires. */
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

/* Wipes and frees b.  The caller calls store_join() and store_find_due(). */
static void
store_wipe(struct store *st, struct store_block *b)
{
	const size_t span = b->span;
	unsigned int i;

	for (i = 0; i < STORE_READERS; i++) {
		if (st->readers[i] == b->id)
			st->readers[i] = 0;
	}
	if (b->state == STORE_WHOLE)
		st->count--;
	if (b->state == STORE_SPENT)
		st->spent--;
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

/* Returns the number of readers that have not released the secret yet. */
static unsigned int
store_readers(const struct store *st, uint64_t id)
{
	unsigned int i, n = 0;

	for (i = 0; i < STORE_READERS; i++)
		n += st->readers[i] == id;
	return (n);
}

/*
 * Makes b, a whole secret, spent: nobody may take it any more, but its readers
 * may finish.
 */
static void
store_spend(struct store *st, struct store_block *b)
{
	b->state = STORE_SPENT;
	st->spent++;
	st->count--;
}

/*
 * Ends b, a whole secret that was replaced; its readers may finish.  The caller
 * calls store_join() and store_find_due().
 */
static void
store_retire(struct store *st, struct store_block *b)
{
	if (store_readers(st, b->id) == 0)
		store_wipe(st, b);
	else
		store_spend(st, b);
}

/*
 * Returns the first free block with room for size bytes; for STORE_ALL, the
 * largest one.
 */
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
 * mem must be sealed, have at least a page, and outlive the store.  It stays
 * the caller's, but only the store may use its bytes.
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

/* Returns the size of the largest value that fits now. */
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

/* Returns the size of the largest value that fits into an empty arena. */
size_t
store_most(const struct store *st)
{
	return (st->mem->size - sizeof(struct store_block));
}

/* Returns whether the secret of this id exists, even unfinished or spent. */
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
 * Fills item in with the whole secret of the lowest id above after, so that a
 * loop that starts with 0 sees each secret once.  Returns false if there is
 * none.
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
 * Filling a secret.
 */

/* Returns whether an existing secret forbids a new one of this name. */
static bool
store_in_way(const struct store *st, const char *name, bool replace)
{
	return (store_by_name(st, name, STORE_FILLING) != NULL ||
	    (!replace && store_by_name(st, name, STORE_WHOLE) != NULL));
}

static uint64_t
store_open(struct store *st, const char *name, size_t size, bool replace)
{
	struct store_block *b = NULL;

	if (size != STORE_ALL && size > store_most(st)) {
		errno = EFBIG;
		return (0);
	}
	secmem_unseal(st->mem);
	if (store_in_way(st, name, replace))
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
 * Begins a secret with room for size bytes; with STORE_ALL, for as many as
 * possible.  store_fill() then fills it, and store_commit() finishes it or
 * store_drop() wipes it.  Returns its id; 0 with EEXIST, EFBIG (more than
 * store_most()) or ENOSPC.
 */
uint64_t
store_begin(struct store *st, const char *name, size_t size)
{
	return (store_open(st, name, size, false));
}

/*
 * As store_begin(), but there may be a whole secret of this name, which stays
 * until store_commit() replaces it.
 */
uint64_t
store_replace(struct store *st, const char *name, size_t size)
{
	return (store_open(st, name, size, true));
}

/*
 * Calls source to read from fd and append to the secret, at most size bytes and
 * at most STORE_PIECE.  Returns as read(2); -1 with ENOSPC if the secret is
 * full, with ENOENT if there is no unfinished one of this id.
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

/*
 * Removes a newline from the end of the secret; returns false if there is none.
 */
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
 * Checks a secret that was typed twice: the value should be len bytes followed
 * by the same bytes.  If so, wipes the second half and returns true; otherwise
 * wipes all of it and returns false.
 */
bool
store_twice(struct store *st, uint64_t id, size_t len)
{
	struct store_block *b;
	bool		    same;

	secmem_unseal(st->mem);
	b = store_by_id(st, id);
	same = b != NULL && b->len == 2 * len &&
	    memcmp(VALUE(b), VALUE(b) + len, len) == 0;
	if (b != NULL && b->state == STORE_FILLING) {
		if (!same)
			len = 0;
		explicit_bzero(VALUE(b) + len, b->len - len);
		b->len = len;
	}
	secmem_seal(st->mem);
	return (same);
}

/*
 * Finishes the secret: it can be taken reads times (0: any number of times) and
 * until due (ms, or STORE_NEVER).  Replaces the whole secret of its name, if
 * there is one.  If the new secret is empty, wipes it and returns -1 with
 * ENODATA.
 */
int
store_commit(struct store *st, uint64_t id, uint32_t reads, int64_t due)
{
	struct store_block *b, *old;
	int		    rc = -1;

	secmem_unseal(st->mem);
	b = store_by_id(st, id);
	if (b != NULL && b->state == STORE_FILLING && b->len == 0) {
		store_give_up(st, b);
	} else if (b != NULL && b->state == STORE_FILLING) {
		store_split(b, b->len);
		old = store_by_name(st, b->name, STORE_WHOLE);
		if (old != NULL)
			store_retire(st, old);
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
 * Reading a secret.
 */

/* Returns the entry of a reader of id, or, with 0, a free entry; NULL: none. */
static uint64_t *
store_reader(struct store *st, uint64_t id)
{
	unsigned int i;

	for (i = 0; i < STORE_READERS; i++) {
		if (st->readers[i] == id)
			return (&st->readers[i]);
	}
	return (NULL);
}

/*
 * Takes a secret in order to send it, which counts as one read, and sets *len
 * to its length.  Returns its id, for store_release() afterwards; 0 with
 * ENOENT, or with EBUSY if there are STORE_READERS readers already.
 */
uint64_t
store_take(struct store *st, const char *name, size_t *len)
{
	struct store_block *b;
	uint64_t	   *reader = store_reader(st, 0), id = 0;

	if (reader == NULL) {
		errno = EBUSY;
		return (0);
	}
	secmem_unseal(st->mem);
	b = store_by_name(st, name, STORE_WHOLE);
	if (b != NULL) {
		*reader = id = b->id;
		*len = b->len;
		if (b->reads > 0 && --b->reads == 0)
			store_spend(st, b);
	}
	secmem_seal(st->mem);
	errno = ENOENT;
	return (id);
}

/*
 * Sends the value on the socket fd, beginning with byte number from, at most
 * STORE_PIECE bytes.  Never blocks.  from must not exceed the value's length.
 * Returns as send(2); -1 with ENOENT if there is no secret of this id.
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

/*
 * Ends a read that store_take() began.  The last reader of a spent secret wipes
 * it; if no secret is spent, the arena stays sealed.
 */
void
store_release(struct store *st, uint64_t id)
{
	struct store_block *b;
	uint64_t	   *reader = store_reader(st, id);

	if (id == 0 || reader == NULL)
		return;
	*reader = 0;
	if (st->spent == 0)
		return;
	secmem_unseal(st->mem);
	if ((b = store_by_id(st, id)) != NULL && b->state == STORE_SPENT &&
	    store_readers(st, id) == 0)
		store_give_up(st, b);
	secmem_seal(st->mem);
}

/*
 * The end of a secret.
 */

/* Wipes a whole secret, even while it is being sent; -1 with ENOENT. */
int
store_delete(struct store *st, const char *name)
{
	struct store_block *b;

	secmem_unseal(st->mem);
	b = store_by_name(st, name, STORE_WHOLE);
	if (b != NULL)
		store_give_up(st, b);
	secmem_seal(st->mem);
	errno = ENOENT;
	return (b != NULL ? 0 : -1);
}

/* Wipes the secret of this id, finished or not. */
void
store_drop(struct store *st, uint64_t id)
{
	struct store_block *b;

	secmem_unseal(st->mem);
	if ((b = store_by_id(st, id)) != NULL)
		store_give_up(st, b);
	secmem_seal(st->mem);
}

/* Wipes every secret, finished or not, even while it is being sent. */
void
store_clear(struct store *st)
{
	struct store_block *b;

	secmem_unseal(st->mem);
	for (b = store_first(st); b != NULL; b = store_after(st, b)) {
		if (b->state != STORE_FREE)
			store_wipe(st, b);
	}
	store_join(st);
	store_find_due(st);
	secmem_seal(st->mem);
}

/*
 * Wipes every secret that is due at now (ms), and calls gone with the name of
 * each that could still be taken.  Returns whether there was one.
 */
bool
store_expire(struct store *st, int64_t now, void (*gone)(const char *))
{
	struct store_block *b;
	char		    name[NAME_BYTES];
	bool		    whole;

	if (now < st->due)
		return (false);
	secmem_unseal(st->mem);
	for (b = store_first(st); b != NULL; b = store_after(st, b)) {
		if (b->state == STORE_FREE || b->due > now)
			continue;
		whole = b->state == STORE_WHOLE;
		memcpy(name, b->name, sizeof(name));
		store_wipe(st, b);
		if (whole)
			gone(name);
	}
	store_join(st);
	store_find_due(st);
	secmem_seal(st->mem);
	return (true);
}
