/* SPDX-License-Identifier: ISC */
/*
 * Named secrets in the arena: what names they may have, to the byte how long
 * they may be, how often and until when they are there, and that nothing of
 * them is left behind. In the end a model of the arena, block by block, is
 * compared with the arena itself.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secmem.h"
#include "store.h"

#define SIZE	 4096
#define ALIGN	 ((size_t)16) /* of a block and its value */
#define PIECE	 65536	      /* moved at once, at most */
#define SEED	 0x9e3779b97f4a7c15ULL
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))
#define ROUND(n) (((n) + ALIGN - 1) / ALIGN * ALIGN)

static struct secmem mem;
static struct store  st;

static void
begin(size_t size)
{
	ATF_REQUIRE(secmem_open(&mem, size) == 0);
	ATF_REQUIRE(store_init(&st, &mem) == 0);
}

/*
 * With an arena that is only memory, for cases of many calls: to open and close
 * it costs nothing, as there are no pages, and a sanitizer or valgrind sees
 * both ends.
 */
static void
begin_open(size_t size)
{
	static unsigned char *data;

	free(data);
	data = aligned_alloc(ALIGN, size);
	ATF_REQUIRE(data != NULL);
	memset(data, 0, size);
	mem = (struct secmem){ .data = data, .size = size };
	ATF_REQUIRE(store_init(&st, &mem) == 0);
}

/* The arena is closed: every function leaves it so. */
static void
require_sealed(void)
{
	const unsigned long pages = (uintptr_t)mem.pages;
	char		    line[512], want[64];
	int		    found = 0;
	FILE		   *f = fopen("/proc/self/maps", "re");

	ATF_REQUIRE(f != NULL);
	(void)snprintf(want, sizeof(want), "%08lx-%08zx ---", pages,
	    pages + mem.len);
	while (fgets(line, sizeof(line), f) != NULL)
		found |= strncmp(line, want, strlen(want)) == 0;
	(void)fclose(f);
	ATF_REQUIRE_MSG(found, "the arena was left open");
}

/*
 * Looking into the arena.
 */

/* How often the arena has these bytes; *at is where it has them last. */
static unsigned int
find(const void *bytes, size_t len, size_t *at)
{
	const unsigned char *p = mem.data, *end = mem.data + mem.size;
	unsigned int	     n = 0;

	ATF_REQUIRE(secmem_unseal(&mem) == 0);
	while ((p = memmem(p, (size_t)(end - p), bytes, len)) != NULL) {
		*at = (size_t)(p - mem.data);
		n++;
		p++;
	}
	ATF_REQUIRE(secmem_seal(&mem) == 0);
	return (n);
}

static unsigned int
held(const void *bytes, size_t len)
{
	size_t at;

	return (find(bytes, len, &at));
}

/* The place of these bytes, which are there once. */
static size_t
place(const void *bytes, size_t len)
{
	size_t at = 0;

	ATF_REQUIRE_EQ(1, find(bytes, len, &at));
	return (at);
}

/* Bytes of a block in front of its value. */
static size_t
head_size(void)
{
	return (mem.size - store_most(&st));
}

/*
 * Nothing of what was there is left: all is one free block, whose first word is
 * its size, and every other byte is zero.
 */
static void
require_as_new(void)
{
	size_t span, i, not_zero = 0;

	ATF_REQUIRE(secmem_unseal(&mem) == 0);
	memcpy(&span, mem.data, sizeof(span));
	for (i = sizeof(span); i < mem.size; i++)
		not_zero += mem.data[i] != 0;
	ATF_REQUIRE(secmem_seal(&mem) == 0);
	ATF_REQUIRE_EQ(mem.size, span);
	ATF_REQUIRE_EQ(0, not_zero);
	ATF_REQUIRE_EQ(0, st.count);
	ATF_REQUIRE_EQ(0, st.blocks);
	ATF_REQUIRE_EQ(STORE_NEVER, st.due);
	ATF_REQUIRE_EQ(store_most(&st), store_room(&st));
}

/*
 * Putting secrets.
 */

/* What source_read() gives. */
static struct {
	const unsigned char *bytes;
	size_t		     left;
	size_t		     asked; /* for, at most */
} source;

/* A store_source. */
static ssize_t
source_read(int fd, void *buf, size_t size)
{
	(void)fd;
	if (size > source.asked)
		source.asked = size;
	if (size > source.left)
		size = source.left;
	memcpy(buf, source.bytes, size);
	source.bytes += size;
	source.left -= size;
	return ((ssize_t)size);
}

/* Fills id with bytes, as many calls as that takes; 0, or -1 with errno. */
static int
fill(uint64_t id, const void *bytes, size_t len)
{
	ssize_t n;

	source.bytes = bytes;
	source.left = len;
	source.asked = 0;
	while (source.left > 0) {
		n = store_fill(&st, id, -1, source_read, source.left);
		if (n == -1)
			return (-1);
		ATF_REQUIRE(n > 0);
	}
	return (0);
}

/* Of a size that is known, as PUT does it.  Returns the id; 0 with errno. */
static uint64_t
put_for(const char *name, const void *bytes, size_t len, uint32_t reads,
    int64_t due)
{
	const uint64_t id = store_begin(&st, name, len);

	if (id == 0)
		return (0);
	ATF_REQUIRE_EQ_MSG(0, fill(id, bytes, len), "%s", strerror(errno));
	return (store_commit(&st, id, reads, due) == -1 ? 0 : id);
}

static uint64_t
put(const char *name, const void *bytes, size_t len)
{
	return (put_for(name, bytes, len, 0, STORE_NEVER));
}

static uint64_t
require_put(const char *name, const char *value)
{
	const uint64_t id = put(name, value, strlen(value));

	ATF_REQUIRE_MSG(id != 0, "%s: %s", name, strerror(errno));
	return (id);
}

/* Counted, timed, or both. */
static uint64_t
require_put_for(const char *name, const char *value, uint32_t reads,
    int64_t due)
{
	const uint64_t id = put_for(name, value, strlen(value), reads, due);

	ATF_REQUIRE_MSG(id != 0, "%s: %s", name, strerror(errno));
	return (id);
}

static uint64_t
require_begin(const char *name, size_t size)
{
	const uint64_t id = store_begin(&st, name, size);

	ATF_REQUIRE_MSG(id != 0, "%s: %s", name, strerror(errno));
	return (id);
}

static void
require_no_begin(const char *name, size_t size, int error)
{
	errno = 0;
	ATF_REQUIRE_EQ_MSG(0, store_begin(&st, name, size), "%s", name);
	ATF_REQUIRE_EQ_MSG(error, errno, "%s: %s", name, strerror(errno));
}

/* A file with these bytes, from its beginning. */
static int
file(const void *bytes, size_t len)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ((ssize_t)len, pwrite(fd, bytes, len, 0));
	return (fd);
}

/*
 * Of a size that only the end of fd tells, as -l does it; fd is closed. Returns
 * the id; 0 with errno, and then nothing of it is left.
 */
static uint64_t
load(const char *name, int fd)
{
	const uint64_t id = store_begin(&st, name, STORE_ALL);
	ssize_t	       n = -1;
	int	       error;

	while (id != 0 && (n = store_fill(&st, id, fd, read, STORE_ALL)) > 0)
		;
	error = errno;
	close(fd);
	if (n == 0 && store_commit(&st, id, 0, STORE_NEVER) == 0)
		return (id);
	if (n != 0)
		errno = error;
	if (n == -1 && id != 0)
		store_drop(&st, id);
	return (0);
}

/*
 * Taking them.
 */

static uint64_t
require_take(const char *name, size_t want)
{
	size_t	       len = 0;
	const uint64_t id = store_take(&st, name, &len);

	ATF_REQUIRE_MSG(id != 0, "%s: %s", name, strerror(errno));
	ATF_REQUIRE_EQ(want, len);
	return (id);
}

static void
require_no_take(const char *name)
{
	size_t len = 77;

	errno = 0;
	ATF_REQUIRE_EQ_MSG(0, store_take(&st, name, &len), "%s", name);
	ATF_REQUIRE_EQ(ENOENT, errno);
	ATF_REQUIRE_EQ(77, len);
}

static void
require_no_delete(const char *name)
{
	errno = 0;
	ATF_REQUIRE_EQ_MSG(-1, store_delete(&st, name), "%s", name);
	ATF_REQUIRE_EQ(ENOENT, errno);
}

/* A connection that can be filled: its ends do not wait. */
static void
connection(int *sp)
{
	ATF_REQUIRE(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		sp) == 0);
}

/* store_send(), which does nothing to the head. */
static ssize_t
send_from(uint64_t id, int fd, const char *head, size_t from)
{
	char	copy[32];
	ssize_t n;

	(void)snprintf(copy, sizeof(copy), "%s", head);
	n = store_send(&st, id, fd, copy, from);
	ATF_REQUIRE_STREQ(head, copy);
	return (n);
}

/* Sends from there on, and compares what comes with bytes. */
static void
require_sent(const int *sp, uint64_t id, const char *head, size_t from,
    const void *bytes, size_t len)
{
	static unsigned char came[2 * PIECE];

	ATF_REQUIRE_EQ((ssize_t)len, send_from(id, sp[0], head, from));
	if (len == 0) {
		ATF_REQUIRE_EQ(-1, recv(sp[1], came, sizeof(came), 0));
		return;
	}
	ATF_REQUIRE_EQ((ssize_t)len, recv(sp[1], came, sizeof(came), 0));
	ATF_REQUIRE(memcmp(bytes, came, len) == 0);
}

/* Reads it as often as one reader does, and that is its value. */
static void
require_value(const char *name, const void *bytes, size_t len)
{
	const uint64_t id = require_take(name, len);
	int	       sp[2];

	connection(sp);
	require_sent(sp, id, "", 0, bytes, len);
	close(sp[0]);
	close(sp[1]);
	store_release(&st, id);
}

/* A whole secret of this id is not there any more, for anybody. */
static void
require_gone(uint64_t id)
{
	ATF_REQUIRE(!store_has(&st, id));
	ATF_REQUIRE_EQ(-1, send_from(id, -1, "head", 0));
	ATF_REQUIRE_EQ(ENOENT, errno);
	ATF_REQUIRE_EQ(-1, store_fill(&st, id, -1, source_read, 1));
	ATF_REQUIRE_EQ(ENOENT, errno);
	ATF_REQUIRE(!store_chomp(&st, id));
	ATF_REQUIRE_EQ(-1, store_commit(&st, id, 0, STORE_NEVER));
	store_release(&st, id);
	store_drop(&st, id);
}

/* xorshift64 */
static uint64_t
random_next(uint64_t n)
{
	n ^= n << 13;
	n ^= n >> 7;
	return (n ^ n << 17);
}

/* Many bytes, none of them zero, and no few in a row there twice. */
static const unsigned char *
pattern(void)
{
	static unsigned char bytes[2 * 1024 * 1024];
	uint64_t	     n = SEED;
	size_t		     i;

	for (i = 0; i < sizeof(bytes) && bytes[sizeof(bytes) - 1] == 0; i++) {
		n = random_next(n);
		bytes[i] = (unsigned char)((n >> 32) % 255 + 1);
	}
	return (bytes);
}

/*
 * Names.
 */

ATF_TC_WITHOUT_HEAD(good_names_are_good);
ATF_TC_BODY(good_names_are_good, tc)
{
	static const char *const names[] = {
		"a", "Z", "0", "_", "a-b", "a.b", "a_b", "_-.", "0.", "a-",
		"a.", "a..", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		"abcdefghijklmnopqrstuvwxyz0123456789._-",
		/* 64 */
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	};
	size_t i;

	for (i = 0; i < NELEM(names); i++)
		ATF_REQUIRE_MSG(store_name_ok(names[i]), "\"%s\"", names[i]);
}

ATF_TC_WITHOUT_HEAD(bad_names_are_bad);
ATF_TC_BODY(bad_names_are_bad, tc)
{
	static const char *const names[] = {
		"", "-", "--", "-a", ".", "..", ".a", " ", "a b", " a", "a ",
		"a\n", "\na", "a\tb", "a=b", "=", "a/b", "/", "../a", "a:b",
		"a,b", "a*", "a%s", "a\\", "a\"", "a'", "a$", "\xc3\xa4",
		"\xff", "a\x01", "a\x7f",
		/* 65 */
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX"
	};
	size_t i;

	for (i = 0; i < NELEM(names); i++)
		ATF_REQUIRE_MSG(!store_name_ok(names[i]), "\"%s\"", names[i]);
}

/* Each byte that there is, in front and behind. */
ATF_TC_WITHOUT_HEAD(every_byte_of_a_name_is_looked_at);
ATF_TC_BODY(every_byte_of_a_name_is_looked_at, tc)
{
	char first[] = "?x", last[] = "x?";
	int  c, good;

	for (c = 1; c < 256; c++) {
		first[0] = last[1] = (char)c;
		good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
		ATF_REQUIRE_EQ_MSG(good, store_name_ok(last), "%d", c);
		good = good && c != '-' && c != '.';
		ATF_REQUIRE_EQ_MSG(good, store_name_ok(first), "%d", c);
	}
}

ATF_TC_WITHOUT_HEAD(the_longest_name_is_kept_whole);
ATF_TC_BODY(the_longest_name_is_kept_whole, tc)
{
	char		  name[STORE_NAME];
	struct store_item item;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	begin(SIZE);
	require_put(name, "value");
	ATF_REQUIRE_EQ(1, held(name, sizeof(name)));
	ATF_REQUIRE(store_next(&st, 0, &item));
	ATF_REQUIRE_STREQ(name, item.name);
	require_value(name, "value", 5);
	name[sizeof(name) - 2] = '\0';
	require_no_take(name);
}

ATF_TC_WITHOUT_HEAD(a_name_is_there_once);
ATF_TC_BODY(a_name_is_there_once, tc)
{
	begin(SIZE);
	require_put("one", "1");
	require_put("two", "2");
	require_put("three", "3");
	require_no_begin("one", 1, EEXIST);
	require_no_begin("two", STORE_ALL, EEXIST);
	require_no_begin("three", 1, EEXIST);
	require_sealed();
	/* What is only like it is another one. */
	require_put("on", "1");
	require_put("onee", "1");
	require_put("ONE", "1");
	ATF_REQUIRE_EQ(6, st.count);
	ATF_REQUIRE_EQ(1, held("one", 4));
}

ATF_TC_WITHOUT_HEAD(a_name_is_taken_from_the_beginning_on);
ATF_TC_BODY(a_name_is_taken_from_the_beginning_on, tc)
{
	uint64_t id;

	begin(SIZE);
	id = require_begin("name", 5);
	require_no_begin("name", 5, EEXIST);
	ATF_REQUIRE(fill(id, "val", 3) == 0);
	require_no_begin("name", 1, EEXIST);
	ATF_REQUIRE(fill(id, "ue", 2) == 0);
	require_no_begin("name", STORE_ALL, EEXIST);
	ATF_REQUIRE(store_commit(&st, id, 0, STORE_NEVER) == 0);
	require_no_begin("name", 5, EEXIST);
	require_value("name", "value", 5);
	ATF_REQUIRE(store_delete(&st, "name") == 0);
	id = require_begin("name", 5);
	store_drop(&st, id);
	require_put("name", "again");
	require_value("name", "again", 5);
}

/*
 * Values.
 */

ATF_TC_WITHOUT_HEAD(a_secret_is_kept_with_its_name);
ATF_TC_BODY(a_secret_is_kept_with_its_name, tc)
{
	begin(SIZE);
	require_put("token", "hunter2");
	ATF_REQUIRE_EQ(1, st.count);
	ATF_REQUIRE_EQ(1, held("token", 6));
	ATF_REQUIRE_EQ(1, held("hunter2", 8));
	require_put("other", "x\ny");
	ATF_REQUIRE_EQ(2, st.count);
	ATF_REQUIRE_EQ(1, held("hunter2", 8));
	ATF_REQUIRE_EQ(1, held("x\ny", 4));
	require_value("token", "hunter2", 7);
	require_value("other", "x\ny", 3);
}

ATF_TC_WITHOUT_HEAD(a_secret_is_only_bytes);
ATF_TC_BODY(a_secret_is_only_bytes, tc)
{
	unsigned char all[256];
	size_t	      i;

	for (i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)i;
	begin(SIZE);
	ATF_REQUIRE(put("all", all, sizeof(all)) != 0);
	ATF_REQUIRE(load("loaded", file(all, sizeof(all))) != 0);
	ATF_REQUIRE_EQ(2, held(all, sizeof(all)));
	require_value("all", all, sizeof(all));
	require_value("loaded", all, sizeof(all));
	ATF_REQUIRE(put("nul", "\0", 1) != 0);
	require_value("nul", "\0", 1);
	ATF_REQUIRE_EQ(3, st.count);
}

ATF_TC_WITHOUT_HEAD(a_secret_may_come_in_pieces);
ATF_TC_BODY(a_secret_may_come_in_pieces, tc)
{
	const char text[] = "a secret that comes byte by byte";
	uint64_t   id;
	size_t	   i;
	int	   p[2];

	begin(SIZE);
	ATF_REQUIRE(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
	id = require_begin("slow", STORE_ALL);
	for (i = 0; text[i] != '\0'; i++) {
		ATF_REQUIRE_EQ(-1, store_fill(&st, id, p[0], read, STORE_ALL));
		ATF_REQUIRE_EQ(EAGAIN, errno);
		ATF_REQUIRE_EQ(1, write(p[1], text + i, 1));
		ATF_REQUIRE_EQ(1, store_fill(&st, id, p[0], read, STORE_ALL));
		require_sealed();
	}
	close(p[1]);
	ATF_REQUIRE_EQ(0, store_fill(&st, id, p[0], read, STORE_ALL));
	ATF_REQUIRE(store_commit(&st, id, 0, STORE_NEVER) == 0);
	ATF_REQUIRE_EQ(1, held(text, strlen(text)));
	require_value("slow", text, strlen(text));
}

/* Two at a time, which come in turns, are not mixed up. */
ATF_TC_WITHOUT_HEAD(secrets_may_come_at_the_same_time);
ATF_TC_BODY(secrets_may_come_at_the_same_time, tc)
{
	const unsigned char *bytes = pattern();
	uint64_t	     a, b;
	size_t		     i;

	begin(SIZE);
	a = require_begin("a", 300);
	b = require_begin("b", 300);
	for (i = 0; i < 300; i += 10) {
		ATF_REQUIRE(fill(a, bytes + i, 10) == 0);
		ATF_REQUIRE(fill(b, bytes + 1000 + i, 10) == 0);
	}
	ATF_REQUIRE(store_commit(&st, b, 0, STORE_NEVER) == 0);
	ATF_REQUIRE_EQ(1, st.count);
	ATF_REQUIRE(store_commit(&st, a, 0, STORE_NEVER) == 0);
	require_value("a", bytes, 300);
	require_value("b", bytes + 1000, 300);
}

/* Of a source that has more, no more is read than it was to be. */
ATF_TC_WITHOUT_HEAD(no_byte_too_many_is_read);
ATF_TC_BODY(no_byte_too_many_is_read, tc)
{
	uint64_t id;
	int	 fd;

	begin(SIZE);
	fd = file("a value, and what is not of it", 30);
	id = require_begin("x", 7);
	ATF_REQUIRE_EQ(3, store_fill(&st, id, fd, read, 3));
	ATF_REQUIRE_EQ(4, store_fill(&st, id, fd, read, 4));
	ATF_REQUIRE_EQ(7, lseek(fd, 0, SEEK_CUR));
	ATF_REQUIRE(store_commit(&st, id, 0, STORE_NEVER) == 0);
	require_value("x", "a value", 7);
	ATF_REQUIRE_EQ(0, held("a value,", 8));
}

ATF_TC_WITHOUT_HEAD(a_large_secret_is_moved_piece_by_piece);
ATF_TC_BODY(a_large_secret_is_moved_piece_by_piece, tc)
{
	const size_t	     len = 20 * PIECE + 1;
	const unsigned char *bytes = pattern();
	static unsigned char came[4 * PIECE];
	uint64_t	     id;
	size_t		     done = 0;
	ssize_t		     n;
	int		     sp[2];

	begin(len + SIZE);
	ATF_REQUIRE((id = put("large", bytes, len)) != 0);
	ATF_REQUIRE(source.asked <= PIECE);
	connection(sp);
	ATF_REQUIRE_EQ(id, require_take("large", len));
	while (done < len) {
		n = send_from(id, sp[0], "", done);
		ATF_REQUIRE(n > 0 && n <= PIECE);
		ATF_REQUIRE_EQ(n, recv(sp[1], came, sizeof(came), 0));
		ATF_REQUIRE(memcmp(bytes + done, came, (size_t)n) == 0);
		done += (size_t)n;
	}
	ATF_REQUIRE_EQ(len, done);
}

ATF_TC_WITHOUT_HEAD(a_secret_has_at_least_one_byte);
ATF_TC_BODY(a_secret_has_at_least_one_byte, tc)
{
	uint64_t id;

	begin(SIZE);
	ATF_REQUIRE_EQ(0, load("empty", file("", 0)));
	ATF_REQUIRE_EQ(ENODATA, errno);
	require_as_new();
	ATF_REQUIRE_EQ(0, put("empty", "", 0));
	ATF_REQUIRE_EQ(ENODATA, errno);
	require_as_new();
	id = require_begin("empty", 5);
	ATF_REQUIRE_EQ(-1, store_commit(&st, id, 0, STORE_NEVER));
	ATF_REQUIRE_EQ(ENODATA, errno);
	require_gone(id);
	require_as_new();
	require_put("empty", "1");
}

/* Nobody sees it, but it has its name and its room until it is dropped. */
ATF_TC_WITHOUT_HEAD(what_is_not_finished_is_no_secret);
ATF_TC_BODY(what_is_not_finished_is_no_secret, tc)
{
	struct store_item item;
	uint64_t	  id;

	begin(SIZE);
	id = require_begin("half", 10);
	ATF_REQUIRE(fill(id, "begun", 5) == 0);
	ATF_REQUIRE_EQ(0, st.count);
	ATF_REQUIRE_EQ(1, st.blocks);
	ATF_REQUIRE_EQ(STORE_NEVER, st.due);
	ATF_REQUIRE(store_has(&st, id));
	ATF_REQUIRE(!store_next(&st, 0, &item));
	require_no_take("half");
	require_no_delete("half");
	ATF_REQUIRE_EQ(0, store_expire(&st, STORE_NEVER - 1));
	ATF_REQUIRE(store_has(&st, id));
	ATF_REQUIRE_EQ(1, held("begun", 5));
	store_drop(&st, id);
	require_gone(id);
	require_as_new();
	require_put("half", "again");
}

ATF_TC_WITHOUT_HEAD(one_newline_is_taken_off_the_end);
ATF_TC_BODY(one_newline_is_taken_off_the_end, tc)
{
	uint64_t id;

	begin(SIZE);
	id = require_begin("typed", STORE_ALL);
	ATF_REQUIRE(!store_chomp(&st, id));
	ATF_REQUIRE(fill(id, "pass", 4) == 0);
	ATF_REQUIRE(!store_chomp(&st, id));
	ATF_REQUIRE(fill(id, "word\r\n\n", 7) == 0);
	ATF_REQUIRE(store_chomp(&st, id));
	require_sealed();
	ATF_REQUIRE(store_commit(&st, id, 0, STORE_NEVER) == 0);
	ATF_REQUIRE_EQ(1, held("password\r\n", 11));
	ATF_REQUIRE_EQ(0, held("\n\n", 2));
	require_value("typed", "password\r\n", 10);
}

ATF_TC_WITHOUT_HEAD(a_newline_alone_is_nothing);
ATF_TC_BODY(a_newline_alone_is_nothing, tc)
{
	uint64_t id;

	begin(SIZE);
	id = require_begin("typed", STORE_ALL);
	ATF_REQUIRE(fill(id, "\n", 1) == 0);
	ATF_REQUIRE(store_chomp(&st, id));
	ATF_REQUIRE(!store_chomp(&st, id));
	ATF_REQUIRE_EQ(-1, store_commit(&st, id, 0, STORE_NEVER));
	ATF_REQUIRE_EQ(ENODATA, errno);
	require_as_new();
}

/*
 * Room.
 */

static void
require_fits(size_t len)
{
	const unsigned char *bytes = pattern();

	ATF_REQUIRE_MSG(put("name", bytes, len) != 0, "%zu", len);
	require_value("name", bytes, len);
	ATF_REQUIRE(store_delete(&st, "name") == 0);
	require_as_new();
	/* Where only the end tells the size, a byte is wanted to see it. */
	if (len == store_most(&st))
		return;
	ATF_REQUIRE_MSG(load("name", file(bytes, len)) != 0, "%zu", len);
	require_value("name", bytes, len);
	ATF_REQUIRE(store_delete(&st, "name") == 0);
	require_as_new();
}

ATF_TC_WITHOUT_HEAD(every_length_fits_up_to_the_last_byte);
ATF_TC_BODY(every_length_fits_up_to_the_last_byte, tc)
{
	size_t len;

	begin_open(SIZE);
	ATF_REQUIRE_EQ(store_most(&st), store_room(&st));
	ATF_REQUIRE(head_size() >= STORE_NAME && head_size() <= 128);
	for (len = 1; len <= store_most(&st); len++)
		require_fits(len);
	/* And the guard page and the canary have nothing against it. */
	begin(SIZE);
	for (len = store_most(&st) - 2 * ALIGN; len <= store_most(&st); len++)
		require_fits(len);
	ATF_REQUIRE(secmem_wipe(&mem) == NULL);
}

ATF_TC_WITHOUT_HEAD(what_can_never_fit_is_told_from_what_does_not_now);
ATF_TC_BODY(what_can_never_fit_is_told_from_what_does_not_now, tc)
{
	size_t most;

	begin(SIZE);
	most = store_most(&st);
	require_no_begin("x", most + 1, EFBIG);
	require_no_begin("x", (size_t)INT64_MAX, EFBIG);
	require_no_begin("x", SIZE_MAX - ALIGN, EFBIG);
	require_no_begin("x", SIZE_MAX - 1, EFBIG);
	require_sealed();
	require_as_new();
	require_put("small", "s");
	require_no_begin("x", most + 1, EFBIG);
	require_no_begin("x", most, ENOSPC);
	require_no_begin("x", store_room(&st) + 1, ENOSPC);
	ATF_REQUIRE(put("x", pattern(), store_room(&st)) != 0);
	require_no_begin("y", most + 1, EFBIG);
	require_no_begin("y", 1, ENOSPC);
	ATF_REQUIRE(secmem_wipe(&mem) == NULL);
}

/* With no room for more, not even the end of a file is read. */
ATF_TC_WITHOUT_HEAD(no_room_is_not_taken_for_the_end);
ATF_TC_BODY(no_room_is_not_taken_for_the_end, tc)
{
	const unsigned char *bytes = pattern();
	uint64_t	     id;
	size_t		     most;

	begin(SIZE);
	most = store_most(&st);
	ATF_REQUIRE_EQ(0, load("x", file(bytes, most)));
	ATF_REQUIRE_EQ(ENOSPC, errno);
	ATF_REQUIRE_EQ(0, load("x", file(bytes, most + 1)));
	ATF_REQUIRE_EQ(ENOSPC, errno);
	require_as_new();
	id = require_begin("x", most);
	ATF_REQUIRE(fill(id, bytes, most) == 0);
	ATF_REQUIRE_EQ(-1, store_fill(&st, id, -1, source_read, STORE_ALL));
	ATF_REQUIRE_EQ(ENOSPC, errno);
	ATF_REQUIRE_EQ(0, load("y", file("", 0)));
	ATF_REQUIRE_EQ(ENOSPC, errno);
	ATF_REQUIRE(secmem_wipe(&mem) == NULL);
}

ATF_TC_WITHOUT_HEAD(an_endless_source_ends);
ATF_TC_BODY(an_endless_source_ends, tc)
{
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	ATF_REQUIRE(fd != -1);
	begin(SIZE);
	ATF_REQUIRE_EQ(0, load("random", fd));
	ATF_REQUIRE_EQ(ENOSPC, errno);
	require_sealed();
	require_as_new();
}

/* Behind a first one of len bytes a second one has all that is left. */
static void
require_fits_behind(size_t len)
{
	const unsigned char *bytes = pattern();
	const size_t	     head = head_size();
	size_t		     left = mem.size - head - ROUND(len);

	ATF_REQUIRE_MSG(put("first", bytes, len) != 0, "%zu", len);
	if (left < head + ALIGN) {
		ATF_REQUIRE_EQ(0, store_room(&st));
		require_no_begin("second", 1, ENOSPC);
	} else {
		left -= head;
		ATF_REQUIRE_EQ(left, store_room(&st));
		require_no_begin("second", left + 1, ENOSPC);
		ATF_REQUIRE(put("second", bytes + 9, left) != 0);
		ATF_REQUIRE_EQ(0, store_room(&st));
		require_value("second", bytes + 9, left);
		ATF_REQUIRE(store_delete(&st, "second") == 0);
	}
	require_value("first", bytes, len);
	ATF_REQUIRE(store_delete(&st, "first") == 0);
	require_as_new();
}

ATF_TC_WITHOUT_HEAD(the_last_secret_fits_whatever_came_before);
ATF_TC_BODY(the_last_secret_fits_whatever_came_before, tc)
{
	size_t len;

	begin_open(SIZE);
	for (len = 1; len <= store_most(&st); len++)
		require_fits_behind(len);
}

ATF_TC_WITHOUT_HEAD(room_that_was_not_needed_is_given_back);
ATF_TC_BODY(room_that_was_not_needed_is_given_back, tc)
{
	uint64_t id;
	size_t	 most;

	begin(SIZE);
	most = store_most(&st);
	id = require_begin("a", STORE_ALL);
	ATF_REQUIRE_EQ(0, store_room(&st));
	ATF_REQUIRE(fill(id, "short", 5) == 0);
	ATF_REQUIRE(store_commit(&st, id, 0, STORE_NEVER) == 0);
	ATF_REQUIRE_EQ(most - head_size() - ALIGN, store_room(&st));
	id = require_begin("b", 1000);
	require_put("c", "c");
	ATF_REQUIRE(fill(id, "shorter", 7) == 0);
	ATF_REQUIRE(store_commit(&st, id, 0, STORE_NEVER) == 0);
	require_put("d", "behind");
	ATF_REQUIRE(place("shorter", 7) < place("behind", 6));
	require_value("a", "short", 5);
	require_value("b", "shorter", 7);
	require_value("c", "c", 1);
	require_value("d", "behind", 6);
}

/* As many as there is room for, each one whole, and then no more. */
ATF_TC_WITHOUT_HEAD(a_full_arena_refuses_and_loses_nothing);
ATF_TC_BODY(a_full_arena_refuses_and_loses_nothing, tc)
{
	char	     name[16], value[16];
	unsigned int i, n;
	int	     round;

	begin(SIZE);
	for (n = 0; store_room(&st) > 0; n++) {
		(void)snprintf(name, sizeof(name), "name%04u", n);
		(void)snprintf(value, sizeof(value), "value%04u", n);
		require_put(name, value);
		ATF_REQUIRE_EQ(n + 1, st.count);
	}
	ATF_REQUIRE_EQ(SIZE / (head_size() + ALIGN), n);
	for (round = 0; round < 3; round++) {
		require_no_begin("one-more", 1, ENOSPC);
		require_no_begin("one-more", 100, ENOSPC);
		require_no_begin("one-more", STORE_ALL, ENOSPC);
		require_no_begin("name0000", 1, EEXIST);
		require_sealed();
		ATF_REQUIRE_EQ(n, st.count);
		ATF_REQUIRE_EQ(n, st.blocks);
		for (i = 0; i < n; i++) {
			(void)snprintf(name, sizeof(name), "name%04u", i);
			(void)snprintf(value, sizeof(value), "value%04u", i);
			ATF_REQUIRE_EQ(1, held(name, strlen(name) + 1));
			require_value(name, value, strlen(value));
		}
	}
	ATF_REQUIRE_EQ(0, held("one-more", 8));
	ATF_REQUIRE(secmem_wipe(&mem) == NULL);
}

#define FEW    5
#define ORDERS 120 /* of them */

static const struct few {
	const char *name;
	size_t	    len;
} few[FEW] = { { "a", 1 }, { "b", 700 }, { "c", 16 }, { "d", 1201 },
	{ "e", 333 } };

static void
require_few(unsigned int gone)
{
	unsigned int i;

	for (i = 0; i < FEW; i++) {
		if ((gone & 1U << i) != 0)
			require_no_take(few[i].name);
		else
			require_value(few[i].name, pattern() + i, few[i].len);
	}
}

/* Deletes all few, in this order of all the ORDERS. */
static void
delete_in_order(unsigned int order)
{
	unsigned int i, left, n, gone = 0;

	for (left = FEW; left > 0; left--) {
		n = order % left;
		order /= left;
		for (i = 0; (gone & 1U << i) != 0 || n-- > 0; i++)
			;
		ATF_REQUIRE(store_delete(&st, few[i].name) == 0);
		ATF_REQUIRE_EQ(left - 1, st.count);
		gone |= 1U << i;
		require_few(gone);
	}
}

ATF_TC_WITHOUT_HEAD(room_is_given_back_in_every_order);
ATF_TC_BODY(room_is_given_back_in_every_order, tc)
{
	unsigned int order, i;
	size_t	     most;

	begin_open(SIZE);
	most = store_most(&st);
	for (order = 0; order < ORDERS; order++) {
		for (i = 0; i < FEW; i++)
			ATF_REQUIRE(
			    put(few[i].name, pattern() + i, few[i].len) != 0);
		require_no_begin("f", most, ENOSPC);
		delete_in_order(order);
		require_as_new();
		ATF_REQUIRE(put("largest", pattern(), most) != 0);
		require_value("largest", pattern(), most);
		ATF_REQUIRE(store_delete(&st, "largest") == 0);
		require_as_new();
	}
}

/* Holes of 400, 800 and 400, with something between; all the rest is taken. */
static void
make_holes(void)
{
	static const size_t lens[] = { 64, 400, 64, 800, 64, 400, 64 };
	char		    name[] = "0";
	size_t		    i;

	for (i = 0; i < NELEM(lens); i++, name[0]++)
		ATF_REQUIRE(put(name, pattern() + i * 4096, lens[i]) != 0);
	ATF_REQUIRE(put("rest", pattern() + 200000, store_room(&st)) != 0);
	ATF_REQUIRE(store_delete(&st, "5") == 0);
	ATF_REQUIRE(store_delete(&st, "1") == 0);
	ATF_REQUIRE(store_delete(&st, "3") == 0);
}

ATF_TC_WITHOUT_HEAD(the_first_hole_that_is_large_enough_is_taken);
ATF_TC_BODY(the_first_hole_that_is_large_enough_is_taken, tc)
{
	const unsigned char *bytes = pattern() + 100000;
	size_t		     at[7], i;

	begin(SIZE);
	make_holes();
	for (i = 0; i < 7; i += 2)
		at[i] = place(pattern() + i * 4096, 64);
	ATF_REQUIRE_EQ(800, store_room(&st));
	require_no_begin("x", 801, ENOSPC);
	ATF_REQUIRE(put("large", bytes, 401) != 0);
	ATF_REQUIRE(place(bytes, 401) > at[2] && place(bytes, 401) < at[4]);
	ATF_REQUIRE_EQ(400, store_room(&st));
	ATF_REQUIRE(put("small", bytes + 1000, 200) != 0);
	ATF_REQUIRE(place(bytes + 1000, 200) > at[0] &&
	    place(bytes + 1000, 200) < at[2]);
	ATF_REQUIRE(put("exact", bytes + 2000, 400) != 0);
	ATF_REQUIRE(place(bytes + 2000, 400) > at[4] &&
	    place(bytes + 2000, 400) < at[6]);
	/* Behind the large one. */
	ATF_REQUIRE(store_room(&st) >= 800 - 401 - ALIGN - head_size());
	for (i = 0; i < 7; i += 2)
		ATF_REQUIRE_EQ(at[i], place(pattern() + i * 4096, 64));
}

/* What is not free between two holes is no room, and becomes room. */
ATF_TC_WITHOUT_HEAD(holes_side_by_side_become_one);
ATF_TC_BODY(holes_side_by_side_become_one, tc)
{
	begin(SIZE);
	make_holes();
	ATF_REQUIRE_EQ(800, store_room(&st));
	ATF_REQUIRE(store_delete(&st, "2") == 0);
	ATF_REQUIRE_EQ(400 + 64 + 800 + 2 * head_size(), store_room(&st));
	ATF_REQUIRE(store_delete(&st, "6") == 0);
	ATF_REQUIRE(store_delete(&st, "4") == 0);
	ATF_REQUIRE_EQ(400 + 64 + 800 + 64 + 400 + 64 + 5 * head_size(),
	    store_room(&st));
	ATF_REQUIRE(put("x", pattern(), store_room(&st)) != 0);
	ATF_REQUIRE_EQ(0, store_room(&st));
}

ATF_TC_WITHOUT_HEAD(all_room_means_the_largest_hole);
ATF_TC_BODY(all_room_means_the_largest_hole, tc)
{
	const unsigned char *bytes = pattern() + 100000;
	uint64_t	     id;

	begin(SIZE);
	make_holes();
	id = require_begin("x", STORE_ALL);
	ATF_REQUIRE_EQ(400, store_room(&st));
	ATF_REQUIRE(fill(id, bytes, 800) == 0);
	ATF_REQUIRE_EQ(-1, store_fill(&st, id, -1, source_read, 1));
	ATF_REQUIRE_EQ(ENOSPC, errno);
	ATF_REQUIRE(store_commit(&st, id, 0, STORE_NEVER) == 0);
	require_value("x", bytes, 800);
}

ATF_TC_WITHOUT_HEAD(there_is_a_limit_to_how_many);
ATF_TC_BODY(there_is_a_limit_to_how_many, tc)
{
	char	     name[16];
	uint64_t     half, spent;
	unsigned int i;

	begin_open((size_t)STORE_MAX * 256);
	half = require_begin("half", 1);
	require_put_for("spent", "value", 1, STORE_NEVER);
	spent = require_take("spent", 5);
	for (i = 2; i < STORE_MAX; i++) {
		(void)snprintf(name, sizeof(name), "name%u", i);
		require_put(name, name);
	}
	/* Those that do not count as secrets take their place all the same. */
	ATF_REQUIRE_EQ(STORE_MAX - 2, st.count);
	ATF_REQUIRE_EQ(STORE_MAX, st.blocks);
	ATF_REQUIRE_EQ(0, store_room(&st));
	require_no_begin("more", 1, ENOSPC);
	require_no_begin("more", STORE_ALL, ENOSPC);
	require_no_begin("name2", 1, EEXIST);
	store_release(&st, spent);
	require_put("more", "value");
	require_no_begin("most", 1, ENOSPC);
	store_drop(&st, half);
	require_put("most", "value");
	require_no_begin("x", 1, ENOSPC);
	for (i = 2; i < STORE_MAX; i++) {
		(void)snprintf(name, sizeof(name), "name%u", i);
		require_value(name, name, strlen(name));
		ATF_REQUIRE(store_delete(&st, name) == 0);
	}
	ATF_REQUIRE(store_delete(&st, "most") == 0);
	ATF_REQUIRE(store_delete(&st, "more") == 0);
	require_as_new();
}

/*
 * Reading.
 */

/* Every offset into head and value, and the end. */
ATF_TC_WITHOUT_HEAD(what_is_sent_is_what_is_wanted_from_every_byte_on);
ATF_TC_BODY(what_is_sent_is_what_is_wanted_from_every_byte_on, tc)
{
	static const char head[] = "DATA 300\n";
	const size_t	  headlen = strlen(head);
	unsigned char	  want[sizeof(head) - 1 + 300];
	uint64_t	  id;
	size_t		  i, from;
	int		  sp[2];

	for (i = 0; i < 300; i++)
		want[headlen + i] = (unsigned char)i;
	memcpy(want, head, headlen);
	begin(SIZE);
	ATF_REQUIRE(put("x", want + headlen, 300) != 0);
	require_put("next", "what comes behind it");
	id = require_take("x", 300);
	connection(sp);
	for (from = 0; from <= sizeof(want); from++) {
		require_sent(sp, id, head, from, want + from,
		    sizeof(want) - from);
		if (from <= 300)
			require_sent(sp, id, "", from, want + headlen + from,
			    300 - from);
	}
	require_sealed();
}

/* As it is if the client reads slowly. */
ATF_TC_WITHOUT_HEAD(a_reader_that_is_slow_gets_all_of_it);
ATF_TC_BODY(a_reader_that_is_slow_gets_all_of_it, tc)
{
	static const char    head[] = "DATA 1000000\n";
	static unsigned char came[1000000 + sizeof(head)];
	const size_t	     headlen = strlen(head), all = headlen + 1000000;
	uint64_t	     id;
	size_t		     sent = 0, got = 0, want;
	unsigned int	     full = 0;
	ssize_t		     n;
	int		     sp[2];

	begin(1000000 + SIZE);
	ATF_REQUIRE(put("x", pattern(), 1000000) != 0);
	id = require_take("x", 1000000);
	connection(sp);
	while (got < all) {
		while (sent < all && (n = send_from(id, sp[0], head, sent)) > 0)
			sent += (size_t)n;
		if (sent < all) {
			ATF_REQUIRE_EQ(EAGAIN, errno);
			full++;
		}
		want = 1 + got % 7777;
		n = recv(sp[1], came + got, want < all - got ? want : all - got,
		    0);
		ATF_REQUIRE(n > 0);
		got += (size_t)n;
	}
	ATF_REQUIRE(full > 0);
	ATF_REQUIRE_EQ(all, sent);
	ATF_REQUIRE(memcmp(head, came, headlen) == 0);
	ATF_REQUIRE(memcmp(pattern(), came + headlen, 1000000) == 0);
}

ATF_TC_WITHOUT_HEAD(sending_never_waits_and_never_kills);
ATF_TC_BODY(sending_never_waits_and_never_kills, tc)
{
	uint64_t id;
	ssize_t	 n;
	int	 sp[2];

	begin(SIZE);
	require_put("x", "value");
	id = require_take("x", 5);
	/* Its ends would wait. */
	ATF_REQUIRE(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp) == 0);
	while ((n = send_from(id, sp[0], "head", 0)) > 0)
		;
	ATF_REQUIRE_EQ(-1, n);
	ATF_REQUIRE_EQ(EAGAIN, errno);
	require_sealed();
	ATF_REQUIRE(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	close(sp[1]);
	ATF_REQUIRE_EQ(-1, send_from(id, sp[0], "head", 0));
	ATF_REQUIRE_EQ(EPIPE, errno);
	require_sealed();
	ATF_REQUIRE_EQ(-1, send_from(id, -1, "head", 0));
	ATF_REQUIRE_EQ(EBADF, errno);
	require_sealed();
	ATF_REQUIRE(store_has(&st, id));
}

ATF_TC_WITHOUT_HEAD(reads_are_counted);
ATF_TC_BODY(reads_are_counted, tc)
{
	struct store_item item;
	uint32_t	  left;
	uint64_t	  id;

	begin(SIZE);
	id = require_put_for("three", "value", 3, STORE_NEVER);
	for (left = 3; left > 0; left--) {
		ATF_REQUIRE(store_next(&st, 0, &item));
		ATF_REQUIRE_EQ(left, item.reads);
		ATF_REQUIRE_EQ(1, st.count);
		require_no_begin("three", 1, EEXIST);
		require_value("three", "value", 5);
	}
	require_no_take("three");
	require_no_delete("three");
	require_gone(id);
	require_as_new();
}

ATF_TC_WITHOUT_HEAD(no_count_means_as_often_as_you_like);
ATF_TC_BODY(no_count_means_as_often_as_you_like, tc)
{
	struct store_item item;
	uint64_t	  id;
	int		  i;

	begin_open(SIZE);
	id = require_put("many", "value");
	for (i = 0; i < 1000; i++)
		ATF_REQUIRE_EQ(id, require_take("many", 5));
	for (i = 0; i < 1000; i++)
		store_release(&st, id);
	for (i = 0; i < 1000; i++)
		require_value("many", "value", 5);
	ATF_REQUIRE(store_next(&st, 0, &item));
	ATF_REQUIRE_EQ(0, item.reads);
	ATF_REQUIRE_EQ(1, st.count);
}

ATF_TC_WITHOUT_HEAD(the_largest_count_is_a_count);
ATF_TC_BODY(the_largest_count_is_a_count, tc)
{
	struct store_item item;

	begin(SIZE);
	require_put_for("x", "value", UINT32_MAX, STORE_NEVER);
	require_value("x", "value", 5);
	ATF_REQUIRE(store_next(&st, 0, &item));
	ATF_REQUIRE_EQ(UINT32_MAX - 1, item.reads);
}

/* From the last take on nobody finds it, but who has it reads it to the end. */
ATF_TC_WITHOUT_HEAD(a_spent_secret_is_seen_by_its_readers_alone);
ATF_TC_BODY(a_spent_secret_is_seen_by_its_readers_alone, tc)
{
	struct store_item item;
	uint64_t	  id, other;
	int		  sp[2];

	begin(SIZE);
	connection(sp);
	id = require_put_for("once", "old value", 1, STORE_NEVER);
	ATF_REQUIRE_EQ(id, require_take("once", 9));
	require_no_take("once");
	require_no_delete("once");
	ATF_REQUIRE(!store_next(&st, 0, &item));
	ATF_REQUIRE_EQ(0, st.count);
	ATF_REQUIRE_EQ(1, st.blocks);
	ATF_REQUIRE(store_has(&st, id));
	/* Its name is free again, and neither knows of the other. */
	other = require_put("once", "new value");
	ATF_REQUIRE(other != id);
	ATF_REQUIRE_EQ(1, st.count);
	require_sent(sp, id, "head", 2, "adold value", 11);
	require_value("once", "new value", 9);
	require_sent(sp, id, "head", 6, "d value", 7);
	ATF_REQUIRE(store_delete(&st, "once") == 0);
	require_sent(sp, id, "", 0, "old value", 9);
	ATF_REQUIRE_EQ(1, held("old value", 9));
	store_release(&st, id);
	require_gone(id);
	require_as_new();
}

ATF_TC_WITHOUT_HEAD(a_spent_secret_is_wiped_by_its_last_reader);
ATF_TC_BODY(a_spent_secret_is_wiped_by_its_last_reader, tc)
{
	uint64_t id;
	size_t	 room;
	int	 sp[2];

	begin(SIZE);
	connection(sp);
	id = require_put_for("thrice", "value", 3, STORE_NEVER);
	room = store_room(&st);
	ATF_REQUIRE_EQ(id, require_take("thrice", 5));
	ATF_REQUIRE_EQ(id, require_take("thrice", 5));
	store_release(&st, id);
	ATF_REQUIRE_EQ(1, st.count);
	ATF_REQUIRE_EQ(id, require_take("thrice", 5));
	ATF_REQUIRE_EQ(0, st.count);
	store_release(&st, id);
	ATF_REQUIRE(store_has(&st, id));
	ATF_REQUIRE_EQ(room, store_room(&st));
	require_sent(sp, id, "", 0, "value", 5);
	store_release(&st, id);
	require_gone(id);
	ATF_REQUIRE_EQ(0, held("value", 5));
	ATF_REQUIRE_EQ(0, held("thrice", 6));
	require_as_new();
}

/* Released by all, but not spent: it stays. */
ATF_TC_WITHOUT_HEAD(a_release_alone_wipes_nothing);
ATF_TC_BODY(a_release_alone_wipes_nothing, tc)
{
	begin(SIZE);
	require_put_for("x", "value", 2, STORE_NEVER);
	store_release(&st, require_take("x", 5));
	ATF_REQUIRE_EQ(1, st.count);
	require_value("x", "value", 5);
	require_as_new();
}

/*
 * The end.
 */

ATF_TC_WITHOUT_HEAD(what_is_deleted_is_gone);
ATF_TC_BODY(what_is_deleted_is_gone, tc)
{
	uint64_t id, first;

	begin(SIZE);
	first = require_put("first", "its value");
	id = require_put("x", "a secret that is to go");
	require_put("last", "value of the last");
	ATF_REQUIRE(store_delete(&st, "x") == 0);
	require_gone(id);
	require_no_take("x");
	require_no_delete("x");
	ATF_REQUIRE_EQ(0, held("a secret", 8));
	ATF_REQUIRE_EQ(0, held("to go", 5));
	ATF_REQUIRE_EQ(0, held("x", 1));
	ATF_REQUIRE_EQ(2, st.count);
	require_no_delete("firs");
	require_no_delete("first0");
	require_value("first", "its value", 9);
	require_value("last", "value of the last", 17);
	ATF_REQUIRE(store_delete(&st, "first") == 0);
	require_gone(first);
	ATF_REQUIRE(store_delete(&st, "last") == 0);
	require_as_new();
}

ATF_TC_WITHOUT_HEAD(deletion_ends_what_is_being_read);
ATF_TC_BODY(deletion_ends_what_is_being_read, tc)
{
	uint64_t id;
	int	 sp[2];

	begin(SIZE);
	connection(sp);
	require_put_for("x", "value", 5, STORE_NEVER);
	id = require_take("x", 5);
	(void)require_take("x", 5);
	require_sent(sp, id, "head", 0, "headvalue", 9);
	ATF_REQUIRE(store_delete(&st, "x") == 0);
	require_as_new();
	ATF_REQUIRE_EQ(-1, send_from(id, sp[0], "head", 0));
	ATF_REQUIRE_EQ(ENOENT, errno);
	ATF_REQUIRE_EQ(-1, send_from(id, sp[0], "head", 5));
	ATF_REQUIRE_EQ(ENOENT, errno);
	require_sealed();
	/* Its readers give back what is another one's room by now. */
	require_put_for("x", "other", 1, STORE_NEVER);
	store_release(&st, id);
	store_release(&st, id);
	require_value("x", "other", 5);
	require_as_new();
}

ATF_TC_WITHOUT_HEAD(what_is_dropped_can_not_be_filled);
ATF_TC_BODY(what_is_dropped_can_not_be_filled, tc)
{
	uint64_t id;

	begin(SIZE);
	id = require_begin("x", 100);
	ATF_REQUIRE(fill(id, "the beginning", 13) == 0);
	store_drop(&st, id);
	require_as_new();
	ATF_REQUIRE_EQ(-1, fill(id, "the end", 7));
	ATF_REQUIRE_EQ(ENOENT, errno);
	ATF_REQUIRE_EQ(7, source.left); /* not even read */
	require_sealed();
	ATF_REQUIRE_EQ(-1, store_commit(&st, id, 0, STORE_NEVER));
	ATF_REQUIRE_EQ(0, st.count);
	store_drop(&st, id);
	require_as_new();
}

ATF_TC_WITHOUT_HEAD(a_secret_expires_at_its_time_and_not_before);
ATF_TC_BODY(a_secret_expires_at_its_time_and_not_before, tc)
{
	struct store_item item;
	uint64_t	  id;

	begin(SIZE);
	ATF_REQUIRE_EQ(0, store_expire(&st, 1LL << 60));
	id = require_put_for("x", "value", 0, 5000);
	ATF_REQUIRE_EQ(5000, st.due);
	ATF_REQUIRE(store_next(&st, 0, &item));
	ATF_REQUIRE_EQ(5000, item.due);
	ATF_REQUIRE_EQ(0, store_expire(&st, -5000));
	ATF_REQUIRE_EQ(0, store_expire(&st, 4999));
	require_value("x", "value", 5);
	ATF_REQUIRE_EQ(1, store_expire(&st, 5000));
	require_gone(id);
	require_no_take("x");
	require_as_new();
	ATF_REQUIRE_EQ(0, store_expire(&st, 5000));
	require_put_for("x", "value", 0, 5000);
	ATF_REQUIRE_EQ(1, store_expire(&st, 1LL << 60));
	require_as_new();
}

ATF_TC_WITHOUT_HEAD(all_that_is_due_expires_and_nothing_else);
ATF_TC_BODY(all_that_is_due_expires_and_nothing_else, tc)
{
	begin(SIZE);
	require_put_for("a", "value of a", 0, 300);
	require_put_for("b", "value of b", 0, 200);
	require_put("c", "value of c");
	require_put_for("d", "value of d", 7, 200);
	require_put_for("e", "value of e", 0, 201);
	require_put_for("f", "value of f", 0, 100);
	ATF_REQUIRE_EQ(1, store_expire(&st, 200));
	ATF_REQUIRE_EQ(3, st.count);
	ATF_REQUIRE_EQ(201, st.due);
	require_no_take("b");
	require_no_take("d");
	require_no_take("f");
	require_value("a", "value of a", 10);
	require_value("c", "value of c", 10);
	require_value("e", "value of e", 10);
	ATF_REQUIRE_EQ(0, held("value of b", 10));
	ATF_REQUIRE_EQ(0, held("value of d", 10));
	ATF_REQUIRE_EQ(0, held("value of f", 10));
	ATF_REQUIRE_EQ(1, store_expire(&st, 300));
	ATF_REQUIRE_EQ(1, st.count);
	ATF_REQUIRE_EQ(STORE_NEVER, st.due);
	ATF_REQUIRE_EQ(0, store_expire(&st, STORE_NEVER - 1));
	require_value("c", "value of c", 10);
}

ATF_TC_WITHOUT_HEAD(due_is_the_time_of_the_first_to_expire);
ATF_TC_BODY(due_is_the_time_of_the_first_to_expire, tc)
{
	uint64_t id;

	begin(SIZE);
	require_put_for("a", "1", 0, 500);
	require_put_for("b", "1", 0, 700);
	ATF_REQUIRE_EQ(500, st.due);
	require_put_for("c", "1", 0, 300);
	require_put("never", "1");
	ATF_REQUIRE_EQ(300, st.due);
	require_no_begin("c", 1, EEXIST);
	ATF_REQUIRE_EQ(300, st.due);
	ATF_REQUIRE(store_delete(&st, "a") == 0);
	ATF_REQUIRE_EQ(300, st.due);
	ATF_REQUIRE(store_delete(&st, "c") == 0);
	ATF_REQUIRE_EQ(700, st.due);
	/* One that is spent, but not released, has its time still. */
	require_put_for("once", "1", 1, 400);
	id = require_take("once", 1);
	ATF_REQUIRE_EQ(400, st.due);
	store_release(&st, id);
	ATF_REQUIRE_EQ(700, st.due);
	require_put_for("b2", "1", 0, 700);
	ATF_REQUIRE(store_delete(&st, "b") == 0);
	ATF_REQUIRE_EQ(700, st.due);
	ATF_REQUIRE(store_delete(&st, "b2") == 0);
	ATF_REQUIRE_EQ(STORE_NEVER, st.due);
}

ATF_TC_WITHOUT_HEAD(time_ends_what_is_being_read);
ATF_TC_BODY(time_ends_what_is_being_read, tc)
{
	uint64_t whole, spent;
	int	 sp[2];

	begin(SIZE);
	connection(sp);
	require_put_for("whole", "value", 2, 100);
	require_put_for("spent", "value", 1, 100);
	whole = require_take("whole", 5);
	spent = require_take("spent", 5);
	require_sent(sp, whole, "", 1, "alue", 4);
	require_sent(sp, spent, "", 1, "alue", 4);
	ATF_REQUIRE_EQ(1, store_expire(&st, 100));
	ATF_REQUIRE_EQ(-1, send_from(whole, sp[0], "", 1));
	ATF_REQUIRE_EQ(ENOENT, errno);
	ATF_REQUIRE_EQ(-1, send_from(spent, sp[0], "", 1));
	ATF_REQUIRE_EQ(ENOENT, errno);
	store_release(&st, whole);
	store_release(&st, spent);
	require_as_new();
}

/*
 * Ids, and the list.
 */

ATF_TC_WITHOUT_HEAD(an_id_is_never_used_again);
ATF_TC_BODY(an_id_is_never_used_again, tc)
{
	uint64_t id, last = 0;
	int	 i;

	begin_open(SIZE);
	for (i = 0; i < 1000; i++) {
		id = i % 3 == 0 ? require_begin("x", 3) : require_put("x", "y");
		ATF_REQUIRE(id > last);
		if (last != 0)
			require_gone(last);
		ATF_REQUIRE(store_has(&st, id));
		if (i % 3 == 0)
			store_drop(&st, id);
		else
			ATF_REQUIRE(store_delete(&st, "x") == 0);
		last = id;
	}
	require_gone(0);
	require_gone(UINT64_MAX);
	require_as_new();
}

/* A free block has no id, whatever is asked for. */
ATF_TC_WITHOUT_HEAD(no_id_is_that_of_nothing);
ATF_TC_BODY(no_id_is_that_of_nothing, tc)
{
	begin(SIZE);
	require_gone(0);
	require_gone(1);
	require_as_new();
	require_put("x", "value");
	require_gone(0);
	require_gone(st.last_id + 1);
	require_value("x", "value", 5);
	ATF_REQUIRE_EQ(1, st.count);
}

ATF_TC_WITHOUT_HEAD(a_list_has_each_secret_once_and_in_order);
ATF_TC_BODY(a_list_has_each_secret_once_and_in_order, tc)
{
	static const struct store_item want[] = {
		{ .len = 3, .due = STORE_NEVER, .reads = 0, .name = "b" },
		{ .len = 1, .due = 700, .reads = 4, .name = "d" },
		{ .len = 5, .due = 300, .reads = 0, .name = "e" },
		{ .len = 7, .due = STORE_NEVER, .reads = 1, .name = "a" }
	};
	struct store_item item;
	uint64_t	  after = 0;
	size_t		  i;

	begin(SIZE);
	ATF_REQUIRE(!store_next(&st, 0, &item));
	require_put("first", "1");
	require_put("b", "123");
	require_put_for("c", "1", 0, 100);
	require_put_for("d", "1", 4, 700);
	require_put_for("e", "12345", 0, 300);
	ATF_REQUIRE(store_delete(&st, "first") == 0);
	ATF_REQUIRE_EQ(1, store_expire(&st, 200));
	require_put_for("a", "1234567", 1, STORE_NEVER); /* where first was */
	require_begin("unfinished", 4);
	for (i = 0; i < NELEM(want); i++) {
		ATF_REQUIRE(store_next(&st, after, &item));
		ATF_REQUIRE(item.id > after);
		after = item.id;
		ATF_REQUIRE_STREQ(want[i].name, item.name);
		ATF_REQUIRE_EQ(want[i].len, item.len);
		ATF_REQUIRE_EQ(want[i].due, item.due);
		ATF_REQUIRE_EQ(want[i].reads, item.reads);
		require_sealed();
	}
	ATF_REQUIRE(!store_next(&st, after, &item));
	ATF_REQUIRE(!store_next(&st, UINT64_MAX, &item));
	ATF_REQUIRE_EQ(0, item.id);
	ATF_REQUIRE_STREQ("", item.name);
}

/* Whatever comes and goes meanwhile. */
ATF_TC_WITHOUT_HEAD(a_list_goes_on_behind_what_is_gone);
ATF_TC_BODY(a_list_goes_on_behind_what_is_gone, tc)
{
	struct store_item item;

	begin(SIZE);
	require_put("a", "1");
	require_put("b", "1");
	require_put("c", "1");
	ATF_REQUIRE(store_next(&st, 0, &item));
	ATF_REQUIRE_STREQ("a", item.name);
	ATF_REQUIRE(store_delete(&st, "a") == 0);
	ATF_REQUIRE(store_next(&st, item.id, &item));
	ATF_REQUIRE_STREQ("b", item.name);
	ATF_REQUIRE(store_delete(&st, "b") == 0);
	ATF_REQUIRE(store_delete(&st, "c") == 0);
	require_put("b", "1");
	ATF_REQUIRE(store_next(&st, item.id, &item));
	ATF_REQUIRE_STREQ("b", item.name);
	ATF_REQUIRE(!store_next(&st, item.id, &item));
}

/*
 * What all calls have in common.
 */

ATF_TC_WITHOUT_HEAD(a_source_that_fails_is_told_and_the_arena_closed);
ATF_TC_BODY(a_source_that_fails_is_told_and_the_arena_closed, tc)
{
	int	 fd = open("/", O_RDONLY | O_CLOEXEC);
	uint64_t id;

	begin(SIZE);
	id = require_begin("x", STORE_ALL);
	ATF_REQUIRE_EQ(-1, store_fill(&st, id, -1, read, STORE_ALL));
	ATF_REQUIRE_EQ(EBADF, errno);
	require_sealed();
	ATF_REQUIRE_EQ(-1, store_fill(&st, id, fd, read, STORE_ALL));
	ATF_REQUIRE_EQ(EISDIR, errno);
	require_sealed();
	ATF_REQUIRE(fill(id, "value", 5) == 0);
	ATF_REQUIRE(store_commit(&st, id, 0, STORE_NEVER) == 0);
	require_value("x", "value", 5);
}

ATF_TC_WITHOUT_HEAD(the_arena_is_closed_after_every_call);
ATF_TC_BODY(the_arena_is_closed_after_every_call, tc)
{
	struct store_item item;
	uint64_t	  id;
	size_t		  len;
	int		  fd = file("value\n", 6), sp[2];

	begin(SIZE);
	connection(sp);
	require_sealed();
	id = require_begin("x", STORE_ALL);
	require_sealed();
	ATF_REQUIRE_EQ(6, store_fill(&st, id, fd, read, STORE_ALL));
	require_sealed();
	ATF_REQUIRE_EQ(0, store_fill(&st, id, fd, read, STORE_ALL));
	require_sealed();
	ATF_REQUIRE(store_chomp(&st, id));
	require_sealed();
	ATF_REQUIRE(store_commit(&st, id, 2, 100) == 0);
	require_sealed();
	require_no_begin("x", 1, EEXIST);
	require_sealed();
	ATF_REQUIRE(store_room(&st) > 0);
	require_sealed();
	ATF_REQUIRE(store_has(&st, id));
	require_sealed();
	ATF_REQUIRE(store_next(&st, 0, &item));
	require_sealed();
	ATF_REQUIRE_EQ(id, store_take(&st, "x", &len));
	require_sealed();
	ATF_REQUIRE_EQ(5, send_from(id, sp[0], "", 0));
	require_sealed();
	store_release(&st, id);
	require_sealed();
	ATF_REQUIRE_EQ(1, store_expire(&st, 100));
	require_sealed();
	require_put("y", "value");
	ATF_REQUIRE(store_delete(&st, "y") == 0);
	require_sealed();
	store_drop(&st, require_begin("z", 1));
	require_sealed();
}

ATF_TC_WITHOUT_HEAD(the_arena_is_closed_after_a_call_for_nothing);
ATF_TC_BODY(the_arena_is_closed_after_a_call_for_nothing, tc)
{
	struct store_item item;

	begin(SIZE);
	ATF_REQUIRE_EQ(-1, store_fill(&st, 7, -1, read, 1));
	require_sealed();
	ATF_REQUIRE(!store_chomp(&st, 7));
	require_sealed();
	ATF_REQUIRE_EQ(-1, store_commit(&st, 7, 0, STORE_NEVER));
	require_sealed();
	require_no_take("x");
	require_sealed();
	ATF_REQUIRE_EQ(-1, send_from(7, -1, "", 0));
	require_sealed();
	store_release(&st, 7);
	require_sealed();
	store_drop(&st, 7);
	require_sealed();
	require_no_delete("x");
	require_sealed();
	ATF_REQUIRE(!store_has(&st, 7));
	require_sealed();
	ATF_REQUIRE(!store_next(&st, 0, &item));
	require_sealed();
	ATF_REQUIRE_EQ(0, store_expire(&st, 0));
	require_sealed();
	require_as_new();
}

/* Once the arena is gone nothing is taken, and nothing crashes. */
ATF_TC_WITHOUT_HEAD(without_its_arena_a_store_takes_nothing);
ATF_TC_BODY(without_its_arena_a_store_takes_nothing, tc)
{
	struct store_item item;
	uint64_t	  id;
	size_t		  len;

	begin(SIZE);
	id = require_put_for("x", "1", 0, 100);
	ATF_REQUIRE(munmap(mem.pages, mem.len) == 0);
	require_no_begin("y", 1, ENOMEM);
	ATF_REQUIRE_EQ(-1, store_fill(&st, id, -1, read, 1));
	ATF_REQUIRE_EQ(ENOMEM, errno);
	ATF_REQUIRE(!store_chomp(&st, id));
	ATF_REQUIRE_EQ(-1, store_commit(&st, id, 0, STORE_NEVER));
	errno = 0;
	ATF_REQUIRE_EQ(0, store_take(&st, "x", &len));
	ATF_REQUIRE_EQ(ENOMEM, errno);
	ATF_REQUIRE_EQ(-1, send_from(id, -1, "", 0));
	ATF_REQUIRE_EQ(ENOMEM, errno);
	store_release(&st, id);
	store_drop(&st, id);
	ATF_REQUIRE(!store_has(&st, id));
	ATF_REQUIRE(!store_next(&st, 0, &item));
	errno = 0;
	ATF_REQUIRE_EQ(-1, store_delete(&st, "x"));
	ATF_REQUIRE_EQ(ENOMEM, errno);
	ATF_REQUIRE_EQ(-1, store_expire(&st, 100));
	ATF_REQUIRE_EQ(0, store_room(&st));
	ATF_REQUIRE_EQ(-1, store_init(&st, &mem));
}

/*
 * The model: the arena as a list of blocks, and what each call makes of it.
 */

#define MODEL_SIZE   8192
#define MODEL_STEPS  20000
#define MODEL_NAMES  24
#define MODEL_BLOCKS (MODEL_SIZE / 64)

enum model_state { FREE, FILLING, WHOLE, SPENT };

struct model_block {
	enum model_state state;
	size_t		 span;
	size_t		 len;
	uint64_t	 id;
	int64_t		 due;
	uint32_t	 reads;
	uint32_t	 readers;
	unsigned int	 name;
};

static struct {
	struct model_block blocks[MODEL_BLOCKS];
	size_t		   n;
	size_t		   head; /* bytes of a block before its value */
	uint64_t	   last_id;
	uint64_t	   rng;
	int64_t		   now;
	unsigned int	   step;
	int		   sp[2];
} model;

static void __attribute__((format(printf, 2, 3)))
must(bool holds, const char *what, ...)
{
	char	text[128];
	va_list ap;

	if (holds)
		return;
	va_start(ap, what);
	(void)vsnprintf(text, sizeof(text), what, ap);
	va_end(ap);
	atf_tc_fail("step %u: %s", model.step, text);
}

/* Below n. */
static unsigned int
model_random(size_t n)
{
	model.rng = random_next(model.rng);
	return ((unsigned int)((model.rng >> 32) % n));
}

static const char *
model_name(unsigned int n)
{
	static char name[16];

	(void)snprintf(name, sizeof(name), "name-%u.", n);
	return (name);
}

/* Byte i of the value of id; now and then a newline. */
static unsigned char
model_byte(uint64_t id, size_t i)
{
	return ((unsigned char)(i % 5 == 4 ? '\n' : id * 31 + i * 7 + 1));
}

static void
model_value(uint64_t id, size_t from, size_t len, unsigned char *bytes)
{
	while (len-- > 0)
		*bytes++ = model_byte(id, from++);
}

/* Puts a free block of what b has too much of for size bytes behind it. */
static void
model_split(struct model_block *b, size_t size)
{
	const size_t span = model.head + ROUND(size), rest = b->span - span;
	const size_t i = (size_t)(b - model.blocks);

	if (rest < model.head + ALIGN)
		return;
	b->span = span;
	memmove(b + 2, b + 1, (model.n - i - 1) * sizeof(*b));
	b[1] = (struct model_block){ .state = FREE, .span = rest };
	model.n++;
}

static void
model_join(void)
{
	struct model_block *b = model.blocks;

	while (b + 1 < model.blocks + model.n) {
		if (b[0].state != FREE || b[1].state != FREE) {
			b++;
			continue;
		}
		b->span += b[1].span;
		model.n--;
		memmove(b + 1, b + 2,
		    (size_t)(model.blocks + model.n - (b + 1)) * sizeof(*b));
	}
}

static void
model_free(struct model_block *b)
{
	*b = (struct model_block){ .state = FREE, .span = b->span };
}

static size_t
model_count(enum model_state state)
{
	size_t i, n = 0;

	for (i = 0; i < model.n; i++)
		n += model.blocks[i].state == state;
	return (n);
}

/* One of those in that state, or NULL. */
static struct model_block *
model_any(enum model_state state)
{
	size_t n = model_count(state), i;

	if (n == 0)
		return (NULL);
	n = model_random(n);
	for (i = 0; model.blocks[i].state != state || n-- > 0; i++)
		;
	return (&model.blocks[i]);
}

/* One that has readers, or NULL. */
static struct model_block *
model_any_read(void)
{
	const size_t from = model_random(model.n);
	size_t	     i;

	for (i = 0; i < model.n; i++) {
		if (model.blocks[(from + i) % model.n].readers > 0)
			return (&model.blocks[(from + i) % model.n]);
	}
	return (NULL);
}

static struct model_block *
model_by_name(unsigned int name)
{
	struct model_block *b;

	for (b = model.blocks; b < model.blocks + model.n; b++) {
		if ((b->state == FILLING || b->state == WHOLE) &&
		    b->name == name)
			return (b);
	}
	return (NULL);
}

/* The first with room for size; the first of the largest for STORE_ALL. */
static struct model_block *
model_room(size_t size)
{
	struct model_block *b, *largest = NULL;

	for (b = model.blocks; b < model.blocks + model.n; b++) {
		if (b->state != FREE)
			continue;
		if (size != STORE_ALL && b->span - model.head >= size)
			return (b);
		if (largest == NULL || b->span > largest->span)
			largest = b;
	}
	return (size == STORE_ALL ? largest : NULL);
}

/*
 * What may happen.  Each returns whether there was something to do it to.
 */

static bool
step_begin(void)
{
	const unsigned int  name = model_random(MODEL_NAMES);
	static const size_t sizes[] = { 1, 16, 100, 500, 2000, MODEL_SIZE };
	size_t		    size = model_random(sizes[model_random(6)]) + 1;
	struct model_block *b;
	int		    error = 0;

	if (model_random(16) == 0)
		size = STORE_ALL;
	b = model_room(size);
	if (size != STORE_ALL && size > MODEL_SIZE - model.head)
		error = EFBIG;
	else if (model_by_name(name) != NULL)
		error = EEXIST;
	else if (b == NULL)
		error = ENOSPC;
	errno = 0;
	if (error != 0) {
		must(store_begin(&st, model_name(name), size) == 0 &&
			errno == error,
		    "begun, or refused for %s", strerror(errno));
		return (true);
	}
	must(store_begin(&st, model_name(name), size) == ++model.last_id,
	    "not begun: %s", strerror(errno));
	if (size != STORE_ALL)
		model_split(b, size);
	b->state = FILLING;
	b->id = model.last_id;
	b->due = STORE_NEVER;
	b->name = name;
	return (true);
}

static bool
step_fill(void)
{
	struct model_block *b = model_any(FILLING);
	unsigned char	    bytes[MODEL_SIZE];
	size_t		    want, most;

	if (b == NULL)
		return (false);
	most = b->span - model.head - b->len;
	want = model_random(4) == 0 ? STORE_ALL : 1 + model_random(200);
	model_value(b->id, b->len, most, bytes);
	source.bytes = bytes;
	source.left = most;
	if (most == 0) {
		must(store_fill(&st, b->id, -1, source_read, want) == -1 &&
			errno == ENOSPC,
		    "filled, and is full");
		return (true);
	}
	most = most < want ? most : want;
	must(store_fill(&st, b->id, -1, source_read, want) == (ssize_t)most,
	    "not filled with %zu", most);
	b->len += most;
	return (true);
}

static bool
step_chomp(void)
{
	struct model_block *b = model_any(FILLING);
	bool		    newline;

	if (b == NULL)
		return (false);
	newline = b->len > 0 && model_byte(b->id, b->len - 1) == '\n';
	must(store_chomp(&st, b->id) == newline,
	    "chomp does not tell the truth");
	b->len -= newline;
	return (true);
}

static bool
step_commit(void)
{
	struct model_block *b = model_any(FILLING);
	const uint32_t	    reads = model_random(4);
	const int64_t	    due = model_random(2) == 0 ?
		  STORE_NEVER :
		  model.now + 1 + model_random(400);

	if (b == NULL)
		return (false);
	if (b->len == 0) {
		must(store_commit(&st, b->id, reads, due) == -1 &&
			errno == ENODATA,
		    "an empty one was kept");
		model_free(b);
	} else {
		must(store_commit(&st, b->id, reads, due) == 0, "not kept");
		model_split(b, b->len);
		b->state = WHOLE;
		b->reads = reads;
		b->due = due;
	}
	model_join();
	return (true);
}

static bool
step_drop(void)
{
	struct model_block *b = model_any(FILLING);

	if (b == NULL)
		return (false);
	store_drop(&st, b->id);
	model_free(b);
	model_join();
	return (true);
}

static bool
step_take(void)
{
	const unsigned int  name = model_random(MODEL_NAMES);
	struct model_block *b = model_by_name(name);
	size_t		    len = 0;

	if (b == NULL || b->state != WHOLE) {
		must(store_take(&st, model_name(name), &len) == 0 &&
			errno == ENOENT,
		    "took what is not there");
		return (true);
	}
	must(store_take(&st, model_name(name), &len) == b->id && len == b->len,
	    "not taken");
	b->readers++;
	if (b->reads > 0 && --b->reads == 0)
		b->state = SPENT;
	return (true);
}

static bool
step_send(void)
{
	const struct model_block *b = model_any_read();
	unsigned char		  want[MODEL_SIZE], came[MODEL_SIZE];
	const char		 *head = "DATA\n";
	size_t			  from, len;

	if (b == NULL)
		return (false);
	len = 5 + b->len;
	memcpy(want, head, 5);
	model_value(b->id, 0, b->len, want + 5);
	from = model_random(len);
	len -= from;
	must(send_from(b->id, model.sp[0], head, from) == (ssize_t)len,
	    "not sent: %s", strerror(errno));
	must(recv(model.sp[1], came, sizeof(came), 0) == (ssize_t)len &&
		memcmp(want + from, came, len) == 0,
	    "something else was sent");
	return (true);
}

static bool
step_release(void)
{
	struct model_block *b = model_any_read();

	if (b == NULL)
		return (false);
	store_release(&st, b->id);
	if (--b->readers == 0 && b->state == SPENT)
		model_free(b);
	model_join();
	return (true);
}

static bool
step_delete(void)
{
	const unsigned int  name = model_random(MODEL_NAMES);
	struct model_block *b = model_by_name(name);

	if (b == NULL || b->state != WHOLE) {
		must(store_delete(&st, model_name(name)) == -1 &&
			errno == ENOENT,
		    "deleted what is not there");
		return (true);
	}
	must(store_delete(&st, model_name(name)) == 0, "not deleted");
	model_free(b);
	model_join();
	return (true);
}

static bool
step_expire(void)
{
	struct model_block *b;
	int		    was_due = 0;

	model.now += model_random(20);
	for (b = model.blocks; b < model.blocks + model.n; b++) {
		if (b->state != FREE && b->due <= model.now) {
			model_free(b);
			was_due = 1;
		}
	}
	must(store_expire(&st, model.now) == was_due,
	    "not expired, or wrongly");
	model_join();
	return (true);
}

/* Who holds an id of what is gone can do nothing with it. */
static bool
step_stale(void)
{
	const uint64_t id = model_random((size_t)model.last_id + 2);
	size_t	       i;

	for (i = 0; i < model.n; i++) {
		if (model.blocks[i].state != FREE && model.blocks[i].id == id)
			return (false);
	}
	require_gone(id);
	return (true);
}

/*
 * What must hold after each step.
 */

/* The block that is at data is b, and what is not its own is zero. */
static void
check_block(const unsigned char *data, const struct model_block *b)
{
	static const unsigned char zeros[MODEL_SIZE];
	unsigned char		   value[MODEL_SIZE];
	const char		  *name = model_name(b->name);
	size_t			   span, from = sizeof(span);

	memcpy(&span, data, sizeof(span));
	must(span == b->span, "a span of %zu, not %zu", span, b->span);
	if (b->state != FREE) {
		must(memmem(data, model.head, name, strlen(name) + 1) != NULL,
		    "a name is not there");
		model_value(b->id, 0, b->len, value);
		must(memcmp(data + model.head, value, b->len) == 0,
		    "a value is not what it was");
		from = model.head + b->len;
	}
	must(memcmp(data + from, zeros, span - from) == 0,
	    "something was left behind");
}

static void
check_arena(void)
{
	const struct model_block *b;
	size_t			  at = 0;

	must(secmem_unseal(&mem) == 0, "the arena cannot be opened");
	for (b = model.blocks; b < model.blocks + model.n; b++) {
		check_block(mem.data + at, b);
		at += b->span;
	}
	must(at == mem.size, "spans of %zu in all", at);
	must(secmem_seal(&mem) == 0, "the arena cannot be closed");
}

static void
check_numbers(void)
{
	const struct model_block *b = model_room(STORE_ALL);
	const size_t		  room = b != NULL ? b->span - model.head : 0;
	int64_t			  due = STORE_NEVER;

	must(store_room(&st) == room, "room for %zu, not %zu", store_room(&st),
	    room);
	must(st.count == model_count(WHOLE), "a count of %u", st.count);
	must(st.blocks == model.n - model_count(FREE), "%u blocks", st.blocks);
	for (b = model.blocks; b < model.blocks + model.n; b++) {
		if (b->state != FREE && b->due < due)
			due = b->due;
	}
	must(st.due == due, "due at another time");
}

/* The list has all that are whole, and each as it is. */
static void
check_list(void)
{
	const struct model_block *b, *end = model.blocks + model.n;
	struct store_item	  item = { .id = 0 };
	size_t			  n = 0;

	for (; store_next(&st, item.id, &item); n++) {
		for (b = model.blocks; b < end && b->id != item.id; b++)
			;
		must(b < end && b->state == WHOLE && b->len == item.len &&
			b->due == item.due && b->reads == item.reads &&
			strcmp(model_name(b->name), item.name) == 0,
		    "not as it is in the list");
	}
	must(n == model_count(WHOLE), "%zu in the list", n);
}

static void
model_begin(void)
{
	begin_open(MODEL_SIZE);
	connection(model.sp);
	model.head = head_size();
	model.blocks[0] = (struct model_block){ .span = MODEL_SIZE };
	model.n = 1;
	model.rng = SEED;
	printf("seed %#llx\n", SEED);
}

/* Ends what is left, each in its way. */
static void
model_end(void)
{
	struct model_block *b;

	for (b = model.blocks; b < model.blocks + model.n; b++) {
		if (b->state == FILLING)
			store_drop(&st, b->id);
		else if (b->state == WHOLE)
			must(store_delete(&st, model_name(b->name)) == 0,
			    "not deleted in the end");
		while (b->state == SPENT && b->readers-- > 0)
			store_release(&st, b->id);
	}
	require_as_new();
}

ATF_TC_WITHOUT_HEAD(whatever_happens_the_arena_is_as_it_should_be);
ATF_TC_BODY(whatever_happens_the_arena_is_as_it_should_be, tc)
{
	static const struct {
		const char  *name;
		unsigned int often; /* of 32 */
		bool (*step)(void);
	} steps[] = { { "begin", 7, step_begin }, { "fill", 6, step_fill },
		{ "chomp", 1, step_chomp }, { "commit", 4, step_commit },
		{ "drop", 1, step_drop }, { "take", 4, step_take },
		{ "send", 1, step_send }, { "release", 4, step_release },
		{ "delete", 1, step_delete }, { "expire", 2, step_expire },
		{ "stale", 1, step_stale } };
	unsigned int done[NELEM(steps)] = { 0 }, n, i;

	model_begin();
	while (model.step < MODEL_STEPS) {
		n = model_random(32);
		for (i = 0; n >= steps[i].often; i++)
			n -= steps[i].often;
		if (!steps[i].step())
			continue;
		done[i]++;
		model.step++;
		check_arena();
		check_numbers();
		if (model.step % 8 == 0)
			check_list();
	}
	model_end();
	for (i = 0; i < NELEM(steps); i++)
		printf("%s %u\n", steps[i].name, done[i]);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good_names_are_good);
	ATF_TP_ADD_TC(tp, bad_names_are_bad);
	ATF_TP_ADD_TC(tp, every_byte_of_a_name_is_looked_at);
	ATF_TP_ADD_TC(tp, the_longest_name_is_kept_whole);
	ATF_TP_ADD_TC(tp, a_name_is_there_once);
	ATF_TP_ADD_TC(tp, a_name_is_taken_from_the_beginning_on);
	ATF_TP_ADD_TC(tp, a_secret_is_kept_with_its_name);
	ATF_TP_ADD_TC(tp, a_secret_is_only_bytes);
	ATF_TP_ADD_TC(tp, a_secret_may_come_in_pieces);
	ATF_TP_ADD_TC(tp, secrets_may_come_at_the_same_time);
	ATF_TP_ADD_TC(tp, no_byte_too_many_is_read);
	ATF_TP_ADD_TC(tp, a_large_secret_is_moved_piece_by_piece);
	ATF_TP_ADD_TC(tp, a_secret_has_at_least_one_byte);
	ATF_TP_ADD_TC(tp, what_is_not_finished_is_no_secret);
	ATF_TP_ADD_TC(tp, one_newline_is_taken_off_the_end);
	ATF_TP_ADD_TC(tp, a_newline_alone_is_nothing);
	ATF_TP_ADD_TC(tp, every_length_fits_up_to_the_last_byte);
	ATF_TP_ADD_TC(tp, what_can_never_fit_is_told_from_what_does_not_now);
	ATF_TP_ADD_TC(tp, no_room_is_not_taken_for_the_end);
	ATF_TP_ADD_TC(tp, an_endless_source_ends);
	ATF_TP_ADD_TC(tp, the_last_secret_fits_whatever_came_before);
	ATF_TP_ADD_TC(tp, room_that_was_not_needed_is_given_back);
	ATF_TP_ADD_TC(tp, a_full_arena_refuses_and_loses_nothing);
	ATF_TP_ADD_TC(tp, room_is_given_back_in_every_order);
	ATF_TP_ADD_TC(tp, the_first_hole_that_is_large_enough_is_taken);
	ATF_TP_ADD_TC(tp, holes_side_by_side_become_one);
	ATF_TP_ADD_TC(tp, all_room_means_the_largest_hole);
	ATF_TP_ADD_TC(tp, there_is_a_limit_to_how_many);
	ATF_TP_ADD_TC(tp, what_is_sent_is_what_is_wanted_from_every_byte_on);
	ATF_TP_ADD_TC(tp, a_reader_that_is_slow_gets_all_of_it);
	ATF_TP_ADD_TC(tp, sending_never_waits_and_never_kills);
	ATF_TP_ADD_TC(tp, reads_are_counted);
	ATF_TP_ADD_TC(tp, no_count_means_as_often_as_you_like);
	ATF_TP_ADD_TC(tp, the_largest_count_is_a_count);
	ATF_TP_ADD_TC(tp, a_spent_secret_is_seen_by_its_readers_alone);
	ATF_TP_ADD_TC(tp, a_spent_secret_is_wiped_by_its_last_reader);
	ATF_TP_ADD_TC(tp, a_release_alone_wipes_nothing);
	ATF_TP_ADD_TC(tp, what_is_deleted_is_gone);
	ATF_TP_ADD_TC(tp, deletion_ends_what_is_being_read);
	ATF_TP_ADD_TC(tp, what_is_dropped_can_not_be_filled);
	ATF_TP_ADD_TC(tp, a_secret_expires_at_its_time_and_not_before);
	ATF_TP_ADD_TC(tp, all_that_is_due_expires_and_nothing_else);
	ATF_TP_ADD_TC(tp, due_is_the_time_of_the_first_to_expire);
	ATF_TP_ADD_TC(tp, time_ends_what_is_being_read);
	ATF_TP_ADD_TC(tp, an_id_is_never_used_again);
	ATF_TP_ADD_TC(tp, no_id_is_that_of_nothing);
	ATF_TP_ADD_TC(tp, a_list_has_each_secret_once_and_in_order);
	ATF_TP_ADD_TC(tp, a_list_goes_on_behind_what_is_gone);
	ATF_TP_ADD_TC(tp, a_source_that_fails_is_told_and_the_arena_closed);
	ATF_TP_ADD_TC(tp, the_arena_is_closed_after_every_call);
	ATF_TP_ADD_TC(tp, the_arena_is_closed_after_a_call_for_nothing);
	ATF_TP_ADD_TC(tp, without_its_arena_a_store_takes_nothing);
	ATF_TP_ADD_TC(tp, whatever_happens_the_arena_is_as_it_should_be);

	return (atf_no_error());
}
