/* SPDX-License-Identifier: ISC */
/*
 * The store: any sequence of its operations, against a list that knows nothing
 * of blocks.  After each one every byte of the arena is accounted for: part of
 * a secret that is still there, of a header, or 0.
 */
#include <sanitizer/asan_interface.h>
#include <stdio.h>

#include "fuzz.h"

#include "../../../dazaid/store.c" /* NOLINT(bugprone-suspicious-include) */

#define ARENA  ((size_t)128 * 1024) /* bytes of the largest */
#define VALUES (2 * ARENA)
#define MODELS 256
#define NAMES  12

/*
 * Memory that is open only when it is said to be.
 */

static unsigned char arena[ARENA] __attribute__((aligned(4096)));
static bool	     arena_open;

void
secmem_unseal(struct secmem *sm)
{
	CHECK(!arena_open, "opened twice");
	arena_open = true;
	ASAN_UNPOISON_MEMORY_REGION(sm->data, sm->size);
}

void
secmem_seal(struct secmem *sm)
{
	CHECK(arena_open, "closed twice");
	arena_open = false;
	ASAN_POISON_MEMORY_REGION(sm->data, sm->size);
}

/*
 * The model.
 */

static struct model {
	uint64_t id;
	size_t	 len;
	size_t	 room; /* asked for */
	int64_t	 due;
	uint32_t reads;
	uint32_t readers;
	enum { GONE, FILLING, WHOLE, SPENT } state;
	char name[STORE_NAME];
} models[MODELS];
static size_t	nmodels;
static uint64_t last_id;

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

static struct model *
by_name(const char *name)
{
	struct model *m;

	for (m = models; m < models + nmodels; m++) {
		if ((m->state == FILLING || m->state == WHOLE) &&
		    strcmp(m->name, name) == 0)
			return (m);
	}
	return (NULL);
}

/* One that the input chooses, gone ones too; its id may be of none that ever
 * was. */
static struct model *
chosen(void)
{
	static struct model none;
	const unsigned int  i = fuzz_byte();

	if (i < nmodels)
		return (&models[i]);
	none = (struct model){ .id = last_id + i };
	return (&none);
}

static const char *
name(void)
{
	static char	   buf[STORE_NAME + 1];
	const unsigned int i = fuzz_byte();

	if (i >= 2 * NAMES)
		(void)snprintf(buf, sizeof(buf), "%0*u", (int)(i % 64 + 1), i);
	else
		(void)snprintf(buf, sizeof(buf), "name-%u", i % NAMES);
	buf[STORE_NAME - 1] = '\0';
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

static const struct model *
by_id(uint64_t id)
{
	const struct model *m;

	for (m = models; m < models + nmodels && m->id != id; m++)
		;
	return (m < models + nmodels ? m : NULL);
}

/* What one block, in use, should hold. */
static void
check_block(struct store_block *b)
{
	const struct model *m = by_id(b->id);

	CHECK(m != NULL && m->state != GONE, "a block that nobody put there");
	CHECK(b->len == m->len && b->due == m->due && b->reads == m->reads &&
		b->readers == m->readers && strcmp(b->name, m->name) == 0,
	    "the block of %s is another's", m->name);
	CHECK(CAPACITY(b) >= m->room, "less room than asked for");
	CHECK(memcmp(VALUE(b), value_of(b->id), b->len) == 0,
	    "the value of %s has changed", m->name);
	CHECK(memcmp(VALUE(b) + b->len, zeros, CAPACITY(b) - b->len) == 0,
	    "something behind the value of %s", m->name);
}

static void
check_arena(void)
{
	struct store_block *b;
	unsigned int	    used = 0;
	bool		    was_free = false;
	size_t		    at = 0;

	CHECK(!arena_open, "left open");
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
	CHECK(store.blocks == used, "%u blocks, not %u", used, store.blocks);
}

static void
check(void)
{
	const struct model *m;
	unsigned int	    used = 0, whole = 0;
	int64_t		    due = STORE_NEVER;

	check_arena();
	for (m = models; m < models + nmodels; m++) {
		used += m->state != GONE;
		whole += m->state == WHOLE;
		if (m->state != GONE && m->due < due)
			due = m->due;
	}
	CHECK(store.blocks == used, "%u blocks for %u secrets", store.blocks,
	    used);
	CHECK(store.count == whole, "%u secrets, not %u", store.count, whole);
	CHECK(store.due == due, "due at another time");
}

/*
 * The operations.
 */

static void
begin(void)
{
	const char  *what = name();
	const size_t all = bytes(), size = all % 7 == 6 ? STORE_ALL : all;
	size_t	     room;
	bool	     fits;
	uint64_t     id;

	room = store_room(&store);
	fits = size == STORE_ALL ? room > 0 : size <= room;
	errno = 0;
	id = store_begin(&store, what, size);
	if (size != STORE_ALL && size > store_most(&store)) {
		CHECK(id == 0 && errno == EFBIG, "%zu is not too much", size);
		return;
	}
	if (by_name(what) != NULL) {
		CHECK(id == 0 && errno == EEXIST, "two of %s", what);
		return;
	}
	CHECK((id != 0) == fits, "%zu in a room of %zu", size, room);
	if (id == 0) {
		CHECK(errno == ENOSPC, "no reason");
		return;
	}
	CHECK(id > last_id, "an id was used again");
	last_id = id;
	models[nmodels] = (struct model){ .id = id,
		.state = FILLING,
		.room = size == STORE_ALL ? room : size,
		.due = STORE_NEVER };
	(void)snprintf(models[nmodels++].name, STORE_NAME, "%s", what);
}

static const struct model *source_of;
static unsigned int	   source_how;
static size_t		   source_gave;

static ssize_t
source(int fd, void *buf, size_t size)
{
	CHECK(fd == 42, "another descriptor");
	source_gave = size;
	switch (source_how) {
	case 0:
		return (0);
	case 1:
		errno = EAGAIN;
		return (-1);
	case 2:
		source_gave = (size + 1) / 2;
		break;
	}
	memcpy(buf, value_of(source_of->id) + source_of->len, source_gave);
	return ((ssize_t)source_gave);
}

static void
fill(void)
{
	struct model *m = chosen();
	const size_t  size = bytes();
	ssize_t	      n;

	source_of = m;
	source_how = fuzz_byte() % 8;
	source_gave = 0;
	errno = 0;
	n = store_fill(&store, m->id, 42, source, size);
	if (m->state != FILLING) {
		CHECK(n == -1 && source_gave == 0 && errno == ENOENT, "filled");
	} else if (source_gave == 0) {
		CHECK(n == -1 && errno == ENOSPC && m->len >= m->room,
		    "full too early");
	} else if (source_how == 0) {
		CHECK(n == 0, "not the end");
	} else if (source_how == 1) {
		CHECK(n == -1 && errno == EAGAIN, "the reason is lost");
	} else {
		CHECK(n == (ssize_t)source_gave && source_gave <= size,
		    "%zd of %zu", n, size);
		m->len += source_gave;
	}
}

static void
chomp(void)
{
	struct model *m = chosen();
	const bool    is = m->state != GONE && m->len > 0 &&
	    value_of(m->id)[m->len - 1] == '\n';

	/* Asked for only while a line is typed. */
	if (m->state == WHOLE || m->state == SPENT)
		return;
	CHECK(store_chomp(&store, m->id) == is, "a newline");
	m->len -= is;
}

static void
commit(void)
{
	struct model	  *m = chosen();
	const uint32_t	   reads = fuzz_byte() % 4;
	const unsigned int ttl = fuzz_byte();
	const int64_t	   due = ttl == 0 ? STORE_NEVER : fuzz_ms + ttl;
	const bool	   ok = m->state == FILLING;
	const int	   rc = store_commit(&store, m->id, reads, due);

	CHECK((rc == 0) == (ok && m->len > 0), "committed or not");
	if (!ok)
		return;
	m->state = m->len > 0 ? WHOLE : GONE;
	m->room = 0; /* the rest is given back */
	m->reads = reads;
	m->due = due;
}

static void
take(void)
{
	const char    *what = name();
	struct model  *m = by_name(what);
	const bool     ok = m != NULL && m->state == WHOLE;
	size_t	       len = 0;
	const uint64_t id = store_take(&store, what, &len);

	if (!ok) {
		CHECK(id == 0, "took what is not there");
		return;
	}
	CHECK(id == m->id && len == m->len, "took another one");
	m->readers++;
	if (m->reads > 0 && --m->reads == 0)
		m->state = SPENT;
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
	struct model *m = chosen();
	const size_t  from = fuzz_byte() % 16;
	ssize_t	      n;

	sent_most = bytes();
	sent_len = 0;
	/* Only those are sent that were taken, and not behind their end. */
	if (m->state != GONE && (m->readers == 0 || from >= m->len))
		return;
	errno = 0;
	n = store_send(&store, m->id, 43, from);
	if (m->state == GONE) {
		CHECK(n == -1 && errno == ENOENT && sent_len == 0,
		    "sent what is gone");
		return;
	}
	CHECK(n > 0 && from + (size_t)n <= m->len, "sent %zd", n);
	CHECK(memcmp(sent, value_of(m->id) + from, (size_t)n) == 0,
	    "sent other bytes");
}

static void
release(void)
{
	struct model *m = chosen();

	store_release(&store, m->id);
	if (m->readers > 0 && --m->readers == 0 && m->state == SPENT)
		m->state = GONE;
}

static void
end(struct model *m)
{
	m->state = GONE;
	m->readers = 0;
}

static void
del(void)
{
	const char   *what = name();
	struct model *m = by_name(what);
	const bool    ok = m != NULL && m->state == WHOLE;

	CHECK((store_delete(&store, what) == 0) == ok, "deleted or not");
	if (ok)
		end(m);
}

static void
drop(void)
{
	struct model *m = chosen();

	store_drop(&store, m->id);
	end(m);
}

static void
expire(void)
{
	const int64_t was_due = store.due;
	struct model *m;

	CHECK(store_expire(&store, fuzz_ms) == (fuzz_ms >= was_due),
	    "expired or not");
	for (m = models; m < models + nmodels; m++) {
		if (m->state != GONE && m->due <= fuzz_ms)
			end(m);
	}
}

/* Every whole secret once, the oldest first. */
static void
list(void)
{
	const struct model *m;
	struct store_item   item;
	uint64_t	    id = 0;

	for (m = models; m < models + nmodels; m++) {
		if (m->state != WHOLE)
			continue;
		CHECK(store_next(&store, id, &item), "one is missing");
		CHECK(item.id == m->id && item.len == m->len &&
			item.due == m->due && item.reads == m->reads &&
			strcmp(item.name, m->name) == 0,
		    "another one is listed");
		id = item.id;
	}
	CHECK(!store_next(&store, id, &item), "one too many");
}

static void
has(void)
{
	const struct model *m = chosen();

	CHECK(store_has(&store, m->id) == (m->state != GONE), "there or not");
}

static void
operate(void)
{
	switch (fuzz_byte()) {
	case 'b':
		begin();
		break;
	case 'f':
		fill();
		break;
	case 'n':
		chomp();
		break;
	case 'c':
		commit();
		break;
	case 't':
		take();
		break;
	case 's':
		send_some();
		break;
	case 'r':
		release();
		break;
	case 'd':
		del();
		break;
	case 'x':
		drop();
		break;
	case 'e':
		expire();
		break;
	case 'l':
		list();
		break;
	case 'h':
		has();
		break;
	case '+':
		fuzz_ms += fuzz_byte();
		break;
	}
}

/* When all are given up, all the room is there again. */
static void
give_up(void)
{
	struct model *m;

	for (m = models; m < models + nmodels; m++) {
		if (m->state != GONE)
			store_drop(&store, m->id);
		m->state = GONE;
	}
	check();
	CHECK(store_room(&store) == store_most(&store), "room is lost");
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	size_t i;

	(void)argc;
	(void)argv;
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
	nmodels = 0;
	last_id = 0;
	mem.size = ((size_t)(fuzz_byte() & 31) + 1) * 4096;
	ASAN_UNPOISON_MEMORY_REGION(arena, sizeof(arena));
	memset(arena, 0, mem.size);
	ASAN_POISON_MEMORY_REGION(arena, mem.size);
	store_init(&store, &mem);
	check();
	while (fuzz_more() && nmodels < MODELS) {
		operate();
		check();
	}
	give_up();
	return (0);
}
