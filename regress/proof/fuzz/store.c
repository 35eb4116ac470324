/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "store": any sequence of the store's operations, compared
 * with regress/oracle/secrets.c.  After each operation every byte of the arena
 * must be part of a live secret or of a header, or be 0.
 */
#include <sanitizer/asan_interface.h>
#include <stdio.h>

#include "fuzz.h"

#include "../../oracle/secrets.h"

#include "../../../dazaid/store.c" /* NOLINT(bugprone-suspicious-include) */

#define ARENA  ((size_t)128 * 1024) /* bytes of the largest */
#define VALUES (2 * ARENA)
#define NAMES  12

/* An arena that AddressSanitizer watches while it is sealed. */

static unsigned char arena[ARENA] __attribute__((aligned(4096)));
static bool	     arena_unsealed;

void
secmem_unseal(struct secmem *sm)
{
	CHECK(!arena_unsealed, "unsealed twice");
	arena_unsealed = true;
	ASAN_UNPOISON_MEMORY_REGION(sm->data, sm->size);
}

void
secmem_seal(struct secmem *sm)
{
	CHECK(arena_unsealed, "sealed twice");
	arena_unsealed = false;
	ASAN_POISON_MEMORY_REGION(sm->data, sm->size);
}

static struct secrets secrets;
static unsigned int   op; /* the operation that the input has chosen */

static struct secmem	   mem = { .data = arena, .pages = arena };
static struct store	   store;
static unsigned char	   values[VALUES]; /* what secrets are made of */
static const unsigned char zeros[ARENA];

/*
 * The bytes of the secret id: a piece of values, so that no two look the same.
 */
static const unsigned char *
value_of(uint64_t id)
{
	return (values + id * 61 % (VALUES - ARENA));
}

/*
 * A secret that the input chooses, also one that has ended, or an id that no
 * secret ever had.
 */
static struct secret *
chosen(void)
{
	static struct secret none;
	const unsigned int   i = fuzz_byte();

	if (i < secrets.n)
		return (&secrets.all[i]);
	none = (struct secret){ .id = secrets.last_id + i };
	return (&none);
}

static const char *
name(void)
{
	static char	   buf[NAME_BYTES + 1];
	const unsigned int i = fuzz_byte();

	if (i >= 2 * NAMES)
		(void)snprintf(buf, sizeof(buf), "%0*u", (int)(i % 128 + 1), i);
	else
		(void)snprintf(buf, sizeof(buf), "name-%u", i % NAMES);
	buf[NAME_BYTES - 1] = '\0';
	return (buf);
}

static size_t
bytes(void)
{
	const unsigned int n = fuzz_byte();

	if (n == 0xfd)
		return (store_most(&store));
	if (n >= 0xf0)
		return ((size_t)n * 1021);
	if (n >= 0xe0)
		return ((n & 15) * 256 + fuzz_byte() + 1);
	return (n + 1);
}

/*
 * The rules.
 */

/* Checks a block in use against the oracle. */
static void
check_block(struct store_block *b)
{
	const struct secret *s = secrets_by_id(&secrets, b->id);

	CHECK(s != NULL && s->state != GONE, "a block that nobody put there");
	CHECK(b->len == s->len && b->due == s->due && b->reads == s->reads &&
		store_readers(&store, b->id) == s->readers &&
		strcmp(b->name, s->name) == 0,
	    "the block of %s is another's", s->name);
	CHECK(CAPACITY(b) >= s->room, "less room than asked for");
	CHECK(memcmp(VALUE(b), value_of(b->id), b->len) == 0,
	    "the value of %s has changed", s->name);
	CHECK(memcmp(VALUE(b) + b->len, zeros, CAPACITY(b) - b->len) == 0,
	    "bytes after the value of %s", s->name);
}

/* Checks every block of the arena; returns how many are in use. */
static unsigned int
blocks_used(void)
{
	struct store_block *b;
	unsigned int	    used = 0;
	bool		    was_free = false;
	size_t		    at = 0;

	CHECK(!arena_unsealed, "left unsealed");
	ASAN_UNPOISON_MEMORY_REGION(arena, mem.size);
	while (at < mem.size) {
		b = (struct store_block *)(void *)(arena + at);
		CHECK(b->span >= sizeof(*b) && b->span % STORE_ALIGN == 0 &&
			b->span <= mem.size - at,
		    "a block of %zu", b->span);
		if (b->state == STORE_FREE) {
			CHECK(!was_free, "two free ones side by side");
			CHECK(memcmp((const char *)b + sizeof(b->span), zeros,
				  b->span - sizeof(b->span)) == 0,
			    "free, and not wiped");
		} else {
			used++;
			check_block(b);
		}
		was_free = b->state == STORE_FREE;
		at += b->span;
	}
	ASAN_POISON_MEMORY_REGION(arena, mem.size);
	return (used);
}

static void
check(void)
{
	const unsigned int whole = secrets_count(&secrets, WHOLE);
	const unsigned int used = whole + secrets_count(&secrets, FILLING) +
	    secrets_count(&secrets, SPENT);

	CHECK(blocks_used() == used && store.blocks == used,
	    "%u blocks for %u secrets", store.blocks, used);
	CHECK(store.count == whole, "%u secrets, not %u", store.count, whole);
	CHECK(store.due == secrets_due(&secrets), "due at another time");
}

/*
 * The operations.
 */

static void
begin(void)
{
	const bool   replace = op == 'B';
	const char  *what = name();
	const size_t all = bytes(), size = all % 7 == 6 ? STORE_ALL : all;
	size_t	     room;
	bool	     fits;
	uint64_t     id;

	room = store_room(&store);
	fits = size == STORE_ALL ? room > 0 : size <= room;
	errno = 0;
	id = replace ? store_replace(&store, what, size) :
		       store_begin(&store, what, size);
	if (size != STORE_ALL && size > store_most(&store)) {
		CHECK(id == 0 && errno == EFBIG, "%zu is not too much", size);
		return;
	}
	if (secrets_named(&secrets, what, FILLING) != NULL ||
	    (!replace && secrets_named(&secrets, what, WHOLE) != NULL)) {
		CHECK(id == 0 && errno == EEXIST, "two of %s", what);
		return;
	}
	CHECK((id != 0) == fits, "%zu in a room of %zu", size, room);
	if (id == 0) {
		CHECK(errno == ENOSPC, "no reason");
		return;
	}
	CHECK(id == secrets.last_id + 1, "an id is skipped, or used again");
	(void)secrets_begin(&secrets, what, size == STORE_ALL ? room : size);
}

static const struct secret *source_of;
static unsigned int	    source_how;
static size_t		    source_gave;

static ssize_t
source(int fd, void *buf, size_t size)
{
	CHECK(fd == 42, "another descriptor");
	source_gave = size;
	if (source_how == 0)
		return (0);
	errno = EAGAIN;
	if (source_how == 1)
		return (-1);
	if (source_how == 2)
		source_gave = (size + 1) / 2;
	memcpy(buf, value_of(source_of->id) + source_of->len, source_gave);
	return ((ssize_t)source_gave);
}

static void
fill(void)
{
	struct secret *s = chosen();
	const size_t   size = bytes();
	ssize_t	       n;

	source_of = s;
	source_how = fuzz_byte() % 8;
	source_gave = 0;
	errno = 0;
	n = store_fill(&store, s->id, 42, source, size);
	if (s->state != FILLING) {
		CHECK(n == -1 && source_gave == 0 && errno == ENOENT, "filled");
	} else if (source_gave == 0) {
		CHECK(n == -1 && errno == ENOSPC && s->len >= s->room,
		    "full too early");
	} else if (source_how == 0) {
		CHECK(n == 0, "not the end");
	} else if (source_how == 1) {
		CHECK(n == -1 && errno == EAGAIN, "the reason is lost");
	} else {
		CHECK(n == (ssize_t)source_gave && source_gave <= size,
		    "%zd of %zu", n, size);
		s->len += source_gave;
	}
}

static void
chomp(void)
{
	struct secret *s = chosen();
	const bool     is = s->state != GONE && s->len > 0 &&
	    value_of(s->id)[s->len - 1] == '\n';

	/* The vault asks only while a line is typed. */
	if (s->state == WHOLE || s->state == SPENT)
		return;
	CHECK(store_chomp(&store, s->id) == is, "a newline");
	s->len -= is;
}

/* The first len bytes should come twice. */
static void
twice(void)
{
	struct secret	    *s = chosen();
	const size_t	     half = bytes() - 1;
	const unsigned char *value = value_of(s->id);
	const bool	     same = s->len == 2 * half &&
	    memcmp(value, value + half, half) == 0;

	/* The vault asks only while a secret is typed. */
	if (s->state == WHOLE || s->state == SPENT)
		return;
	CHECK(store_twice(&store, s->id, half) == (s->state == FILLING && same),
	    "the same twice or not");
	if (s->state == FILLING)
		s->len = same ? half : 0;
}

static void
commit(void)
{
	struct secret	  *s = chosen();
	const uint32_t	   reads = fuzz_byte() % 4;
	const unsigned int ttl = fuzz_byte();
	const int64_t	   due = ttl == 0 ? STORE_NEVER : fuzz_ms + ttl;
	const bool	   ok = s->state == FILLING;
	const int	   rc = store_commit(&store, s->id, reads, due);

	CHECK((rc == 0) == (ok && s->len > 0), "committed or not");
	if (ok)
		secrets_commit(&secrets, s, reads, due);
}

static void
take(void)
{
	const char    *what = name();
	struct secret *s = secrets_named(&secrets, what, WHOLE);
	size_t	       len = 0;
	const bool     room = store_readers(&store, 0) > 0;
	const uint64_t id = store_take(&store, what, &len);

	if (s == NULL || !room) {
		CHECK(id == 0, "took what is not there");
		return;
	}
	CHECK(id == s->id && len == s->len, "took another one");
	secret_take(s);
}

static unsigned char sent[ARENA + 64];
static size_t	     sent_len, sent_most;

WRAP(ssize_t, send, int fd, const void *buf, size_t len, int flags)
{
	CHECK(fd == 43 && flags == (MSG_DONTWAIT | MSG_NOSIGNAL),
	    "it may wait");
	sent_len = len < sent_most ? len : sent_most;
	memcpy(sent, buf, sent_len);
	return ((ssize_t)sent_len);
}

static void
send_some(void)
{
	struct secret *s = chosen();
	const size_t   from = fuzz_byte() % 16;
	ssize_t	       n;

	sent_most = bytes();
	sent_len = 0;
	/* The vault sends what was taken, and not past its end. */
	if (s->state != GONE && (s->readers == 0 || from >= s->len))
		return;
	errno = 0;
	n = store_send(&store, s->id, 43, from);
	if (s->state == GONE) {
		CHECK(n == -1 && errno == ENOENT && sent_len == 0,
		    "sent what is gone");
		return;
	}
	CHECK(n > 0 && from + (size_t)n <= s->len, "sent %zd", n);
	CHECK(memcmp(sent, value_of(s->id) + from, (size_t)n) == 0,
	    "sent other bytes");
}

static void
release(void)
{
	struct secret *s = chosen();

	store_release(&store, s->id);
	secret_release(s);
}

static void
del(void)
{
	const char    *what = name();
	struct secret *s = secrets_named(&secrets, what, WHOLE);

	CHECK((store_delete(&store, what) == 0) == (s != NULL),
	    "deleted or not");
	if (s != NULL)
		secret_end(s);
}

static void
clear(void)
{
	store_clear(&store);
	secrets_end(&secrets);
	CHECK(store_room(&store) == store_most(&store), "room is left taken");
}

static void
drop(void)
{
	struct secret *s = chosen();

	store_drop(&store, s->id);
	secret_end(s);
}

static void
expire(void)
{
	const int64_t was_due = store.due;

	CHECK(store_expire(&store, fuzz_ms) == (fuzz_ms >= was_due),
	    "expired or not");
	secrets_expire(&secrets, fuzz_ms);
}

/* Lists every whole secret once, in the order of their ids. */
static void
list(void)
{
	const struct secret *s;
	struct store_item    item;
	uint64_t	     id = 0;

	while ((s = secrets_next(&secrets, id)) != NULL) {
		CHECK(store_next(&store, id, &item), "one is missing");
		CHECK(item.id == s->id && item.len == s->len &&
			item.due == s->due && item.reads == s->reads &&
			strcmp(item.name, s->name) == 0,
		    "another one is listed");
		id = item.id;
	}
	CHECK(!store_next(&store, id, &item), "one too many");
}

static void
has(void)
{
	const struct secret *s = chosen();

	CHECK(store_has(&store, s->id) == (s->state != GONE), "there or not");
}

static void (*const operations[256])(void) = { ['b'] = begin,
	['B'] = begin,
	['f'] = fill,
	['n'] = chomp,
	['2'] = twice,
	['c'] = commit,
	['t'] = take,
	['s'] = send_some,
	['r'] = release,
	['d'] = del,
	['D'] = clear,
	['x'] = drop,
	['e'] = expire,
	['l'] = list,
	['h'] = has };

static void
operate(void)
{
	op = fuzz_byte();
	if (op == '+')
		fuzz_ms += fuzz_byte();
	else if (operations[op] != NULL)
		operations[op]();
}

/* Drops all secrets, after which all the room must be free. */
static void
give_up(void)
{
	struct secret *s;

	for (s = secrets.all; s < secrets.all + secrets.n; s++) {
		if (s->state != GONE)
			store_drop(&store, s->id);
		secret_end(s);
	}
	check();
	CHECK(store_room(&store) == store_most(&store), "room is lost");
}

int
LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
	size_t i;

	fuzz_noise(values, VALUES);
	for (i = 0; i < VALUES; i++)
		values[i] = values[i] < 32 ? '\n' : values[i];
	return (0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_input(data, size);
	fuzz_ms = 1000;
	secrets.n = secrets.last_id = 0;
	mem.size = ((size_t)(fuzz_byte() & 31) + 1) * 4096;
	ASAN_UNPOISON_MEMORY_REGION(arena, sizeof(arena));
	memset(arena, 0, mem.size);
	ASAN_POISON_MEMORY_REGION(arena, mem.size);
	store_init(&store, &mem);
	check();
	while (fuzz_more() && secrets.n < SECRETS_MAX) {
		operate();
		check();
	}
	give_up();
	return (0);
}
