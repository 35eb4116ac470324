/* SPDX-License-Identifier: ISC */
/*
 * The store of the fuzz target "vault": every byte of the arena must be part of
 * a secret that the oracle knows or of a header, or be 0.
 */
#include <sanitizer/asan_interface.h>

#include "vault_world.h"

#include "../../../dazaid/store.c" /* NOLINT(bugprone-suspicious-include) */

/* Checks a block in use against the oracle. */
static void
check_block(struct store_block *b)
{
	const struct secret *s = secrets_by_id(&m.secrets, b->id);

	CHECK(s != NULL && s->state != GONE, "a block that nobody put there");
	CHECK((b->len == s->len || (s->state == FILLING && b->len < s->len)) &&
		b->due == s->due && b->reads == s->reads &&
		store_readers(&v.store, b->id) == s->readers &&
		strcmp(b->name, s->name) == 0,
	    "the block of %s is another's", s->name);
	CHECK(CAPACITY(b) >= s->room, "less room than asked for");
	CHECK(memcmp(VALUE(b), s->value, b->len) == 0,
	    "the value of %s has changed", s->name);
	CHECK(world_all_zero(VALUE(b) + b->len, CAPACITY(b) - b->len),
	    "bytes after the value of %s", s->name);
}

/* Checks every block of the arena; returns how many are in use. */
static unsigned int
blocks_used(void)
{
	struct store_block *b;
	unsigned int	    used = 0;
	bool		    was_free = false;
	size_t		    at, size = v.mem.size;

	for (at = 0; at < size; at += b->span) {
		b = (struct store_block *)(void *)(v.mem.data + at);
		CHECK(b->span >= sizeof(*b) && b->span % STORE_ALIGN == 0 &&
			b->span <= size - at,
		    "a block of %zu", b->span);
		if (b->state == STORE_FREE) {
			CHECK(!was_free, "two free ones side by side");
			CHECK(
			    world_all_zero((unsigned char *)b + sizeof(b->span),
				b->span - sizeof(b->span)),
			    "free, and not wiped");
		} else {
			used++;
			check_block(b);
		}
		was_free = b->state == STORE_FREE;
	}
	return (used);
}

void
arena_check(void)
{
	const unsigned int whole = secrets_count(&m.secrets, WHOLE);
	const unsigned int used = whole + secrets_count(&m.secrets, FILLING) +
	    secrets_count(&m.secrets, SPENT);

	ASAN_UNPOISON_MEMORY_REGION(v.mem.data, v.mem.size);
	CHECK(blocks_used() == used && v.store.blocks == used,
	    "%u blocks for %u secrets", v.store.blocks, used);
	ASAN_POISON_MEMORY_REGION(v.mem.data, v.mem.size);
	CHECK(v.store.count == whole, "%u secrets, not %u", v.store.count,
	    whole);
	CHECK(v.store.due == secrets_due(&m.secrets), "due at another time");
}

static const char *line;

static ssize_t
typed(int fd UNUSED, void *to, size_t size)
{
	CHECK(size > 3 && size <= STORE_PIECE, "%zu bytes at once", size);
	memcpy(to, line, strlen(line));
	return ((ssize_t)strlen(line));
}

/* Types a line, whose newline is dropped, and asks whether it comes twice. */
static void
type(struct secret *s, const char *text, unsigned int times, size_t half,
    bool same)
{
	for (line = text; times > 0; times--) {
		CHECK(store_fill(&v.store, s->id, -1, typed, STORE_ALL) > 0 &&
			store_chomp(&v.store, s->id) &&
			!store_chomp(&v.store, s->id),
		    "not a line");
		s->len += strlen(text) - 1;
		arena_check();
	}
	CHECK(store_twice(&v.store, s->id, half) == same,
	    "the same twice or not");
	s->len = same ? half : 0;
	arena_check();
}

/* A secret is typed, and in the end it is empty. */
void
arena_type(void)
{
	const uint64_t id = store_begin(&v.store, "typed", STORE_ALL);
	struct secret *s = secrets_begin(&m.secrets, "typed", 1);

	CHECK(id == s->id, "another id");
	s->value = (const uint8_t *)"abab";
	type(s, "\n", 1, 0, true);
	type(s, "ab\n", 1, 1, false);
	type(s, "ab\n", 1, 2, false);
	type(s, "ab\n", 2, 2, true);
	type(s, "ab\n", 0, 2, false);
	CHECK(store_commit(&v.store, id, 0, STORE_NEVER) == -1, "empty");
	secret_end(s);
	CHECK(!store_chomp(&v.store, id) && !store_twice(&v.store, id, 0) &&
		store_room(&v.store) == store_most(&v.store),
	    "it is still there");
}
