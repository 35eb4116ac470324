/* SPDX-License-Identifier: ISC */
/*
 * Named secrets in the arena: what names they may have, how many fit, and to the
 * byte how long they may be.
 */
#include <sys/mman.h>

#include <atf-c.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secmem.h"
#include "store.h"

#define SIZE		4096
#define NELEM(a)	(sizeof(a) / sizeof((a)[0]))

static struct secmem	mem;
static struct store	st;

static void
begin(size_t size)
{
	ATF_REQUIRE(secmem_open(&mem, size) == 0);
	store_init(&st, &mem);
}

/* The arena is closed: every function leaves it so. */
static void
require_sealed(void)
{
	const unsigned long	 pages = (uintptr_t)mem.pages;
	char			 line[512], want[64];
	int			 found = 0;
	FILE			*f = fopen("/proc/self/maps", "re");

	ATF_REQUIRE(f != NULL);
	(void)snprintf(want, sizeof(want), "%08lx-%08zx ---", pages,
	    pages + mem.len);
	while (fgets(line, sizeof(line), f) != NULL)
		found |= strncmp(line, want, strlen(want)) == 0;
	(void)fclose(f);
	ATF_REQUIRE_MSG(found, "the arena was left open");
}

/* How often the arena has these bytes. */
static unsigned int
held(const void *bytes, size_t len)
{
	const unsigned char	*p = mem.data, *end = mem.data + mem.size;
	unsigned int		 n = 0;

	ATF_REQUIRE(secmem_unseal(&mem) == 0);
	while ((p = memmem(p, (size_t)(end - p), bytes, len)) != NULL) {
		n++;
		p++;
	}
	ATF_REQUIRE(secmem_seal(&mem) == 0);
	return (n);
}

/* A file with these bytes, from its beginning. */
static int
file(const void *bytes, size_t len)
{
	int	fd = memfd_create("file", MFD_CLOEXEC);

	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ((ssize_t)len, pwrite(fd, bytes, len, 0));
	return (fd);
}

/* Reads to the end as the daemon does; 0, or -1 with errno. */
static int
fill(int fd)
{
	ssize_t	n;
	int	error;

	while ((n = store_read(&st, fd)) > 0)
		;
	error = errno;
	close(fd);
	errno = error;
	return (n == 0 ? 0 : -1);
}

static int
put(const char *name, const void *bytes, size_t len)
{
	if (store_begin(&st, name) == -1 || fill(file(bytes, len)) == -1)
		return (-1);
	return (store_commit(&st));
}

static void
require_put(const char *name, const char *value)
{
	ATF_REQUIRE_MSG(put(name, value, strlen(value)) == 0, "%s: %s", name,
	    strerror(errno));
}

ATF_TC_WITHOUT_HEAD(good_names_are_good);
ATF_TC_BODY(good_names_are_good, tc)
{
	static const char *const	names[] = {
		"a", "Z", "0", "_", "a-b", "a.b", "a_b", "_-.", "0.", "a-", "a.",
		"a..", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		"abcdefghijklmnopqrstuvwxyz0123456789._-",
		/* 64 */
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	};
	size_t	i;

	for (i = 0; i < NELEM(names); i++)
		ATF_REQUIRE_MSG(store_name_ok(names[i]), "\"%s\"", names[i]);
}

ATF_TC_WITHOUT_HEAD(bad_names_are_bad);
ATF_TC_BODY(bad_names_are_bad, tc)
{
	static const char *const	names[] = {
		"", "-", "--", "-a", ".", "..", ".a", " ", "a b", " a", "a ",
		"a\n", "\na", "a\tb", "a=b", "=", "a/b", "/", "../a", "a:b",
		"a,b", "a*", "a%s", "a\\", "a\"", "a'", "a$", "\xc3\xa4",
		"\xff", "a\x01", "a\x7f",
		/* 65 */
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefX"
	};
	size_t	i;

	for (i = 0; i < NELEM(names); i++)
		ATF_REQUIRE_MSG(!store_name_ok(names[i]), "\"%s\"", names[i]);
}

/* Each byte that there is, in front and behind. */
ATF_TC_WITHOUT_HEAD(every_byte_of_a_name_is_looked_at);
ATF_TC_BODY(every_byte_of_a_name_is_looked_at, tc)
{
	char	first[] = "?x", last[] = "x?";
	int	c, good;

	for (c = 1; c < 256; c++) {
		first[0] = last[1] = (char)c;
		good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
		ATF_REQUIRE_EQ_MSG(good, store_name_ok(last), "%d", c);
		good = good && c != '-' && c != '.';
		ATF_REQUIRE_EQ_MSG(good, store_name_ok(first), "%d", c);
	}
}

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
}

ATF_TC_WITHOUT_HEAD(a_secret_is_only_bytes);
ATF_TC_BODY(a_secret_is_only_bytes, tc)
{
	unsigned char	all[256];
	size_t		i;

	for (i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)i;
	begin(SIZE);
	ATF_REQUIRE(put("all", all, sizeof(all)) == 0);
	ATF_REQUIRE_EQ(1, held(all, sizeof(all)));
	ATF_REQUIRE(put("nul", "\0", 1) == 0);
	ATF_REQUIRE_EQ(2, st.count);
}

ATF_TC_WITHOUT_HEAD(a_secret_may_come_in_pieces);
ATF_TC_BODY(a_secret_may_come_in_pieces, tc)
{
	const char	text[] = "a secret that comes byte by byte";
	size_t		i;
	int		p[2];

	begin(SIZE);
	ATF_REQUIRE(pipe2(p, O_CLOEXEC | O_NONBLOCK) == 0);
	ATF_REQUIRE(store_begin(&st, "slow") == 0);
	for (i = 0; text[i] != '\0'; i++) {
		ATF_REQUIRE_EQ(-1, store_read(&st, p[0]));
		ATF_REQUIRE_EQ(EAGAIN, errno);
		ATF_REQUIRE_EQ(1, write(p[1], text + i, 1));
		ATF_REQUIRE_EQ(1, store_read(&st, p[0]));
		require_sealed();
	}
	close(p[1]);
	ATF_REQUIRE_EQ(0, store_read(&st, p[0]));
	ATF_REQUIRE(store_commit(&st) == 0);
	ATF_REQUIRE_EQ(1, held(text, strlen(text)));
}

ATF_TC_WITHOUT_HEAD(a_name_is_there_once);
ATF_TC_BODY(a_name_is_there_once, tc)
{
	begin(SIZE);
	require_put("one", "1");
	require_put("two", "2");
	require_put("three", "3");
	ATF_REQUIRE_EQ(-1, store_begin(&st, "one"));
	ATF_REQUIRE_EQ(EEXIST, errno);
	ATF_REQUIRE_EQ(-1, store_begin(&st, "two"));
	ATF_REQUIRE_EQ(EEXIST, errno);
	ATF_REQUIRE_EQ(-1, store_begin(&st, "three"));
	ATF_REQUIRE_EQ(EEXIST, errno);
	require_sealed();
	/* What is only like it is another one. */
	require_put("on", "1");
	require_put("onee", "1");
	require_put("ONE", "1");
	ATF_REQUIRE_EQ(6, st.count);
	ATF_REQUIRE_EQ(1, held("one", 4));
}

ATF_TC_WITHOUT_HEAD(a_secret_has_at_least_one_byte);
ATF_TC_BODY(a_secret_has_at_least_one_byte, tc)
{
	begin(SIZE);
	ATF_REQUIRE_EQ(-1, put("empty", "", 0));
	ATF_REQUIRE_EQ(ENODATA, errno);
	ATF_REQUIRE_EQ(0, st.count);
	ATF_REQUIRE_EQ(0, st.used);
	require_put("empty", "1");
}

ATF_TC_WITHOUT_HEAD(what_is_not_finished_is_no_secret);
ATF_TC_BODY(what_is_not_finished_is_no_secret, tc)
{
	begin(SIZE);
	ATF_REQUIRE(store_begin(&st, "half") == 0);
	ATF_REQUIRE(fill(file("begun", 5)) == 0);
	ATF_REQUIRE_EQ(0, st.count);
	require_put("whole", "done");
	ATF_REQUIRE_EQ(1, st.count);
	ATF_REQUIRE_EQ(0, held("half", 5));
	require_put("half", "again");
}

ATF_TC_WITHOUT_HEAD(one_newline_is_taken_off_the_end);
ATF_TC_BODY(one_newline_is_taken_off_the_end, tc)
{
	begin(SIZE);
	ATF_REQUIRE(store_begin(&st, "typed") == 0);
	ATF_REQUIRE(!store_chomp(&st));
	ATF_REQUIRE(fill(file("pass", 4)) == 0);
	ATF_REQUIRE(!store_chomp(&st));
	ATF_REQUIRE_EQ(4, st.len);
	ATF_REQUIRE(fill(file("word\r\n\n", 7)) == 0);
	ATF_REQUIRE(store_chomp(&st));
	require_sealed();
	ATF_REQUIRE_EQ(10, st.len);
	ATF_REQUIRE(store_commit(&st) == 0);
	ATF_REQUIRE_EQ(1, held("password\r\n", 11));
	ATF_REQUIRE_EQ(0, held("\n\n", 2));
}

ATF_TC_WITHOUT_HEAD(a_newline_alone_is_nothing);
ATF_TC_BODY(a_newline_alone_is_nothing, tc)
{
	begin(SIZE);
	ATF_REQUIRE(store_begin(&st, "typed") == 0);
	ATF_REQUIRE(fill(file("\n", 1)) == 0);
	ATF_REQUIRE(store_chomp(&st));
	ATF_REQUIRE(!store_chomp(&st));
	ATF_REQUIRE_EQ(-1, store_commit(&st));
	ATF_REQUIRE_EQ(ENODATA, errno);
}

/* The last byte of the arena is how it shows that there was more. */
ATF_TC_WITHOUT_HEAD(every_length_fits_up_to_the_last_byte);
ATF_TC_BODY(every_length_fits_up_to_the_last_byte, tc)
{
	static unsigned char	bytes[SIZE + 2];
	size_t			len, most, head;

	for (len = 0; len < sizeof(bytes); len++)
		bytes[len] = (unsigned char)(len % 251 + 1);
	begin(SIZE);
	require_put("name", "x");
	head = st.used - 16;		/* what one takes beside its value */
	most = mem.size - head - 1;
	ATF_REQUIRE(head >= STORE_NAME && head < 128);
	for (len = 1; len <= SIZE + 1; len++) {
		store_init(&st, &mem);
		if (len > most) {
			ATF_REQUIRE_EQ_MSG(-1, put("name", bytes, len), "%zu",
			    len);
			ATF_REQUIRE_EQ(ENOSPC, errno);
			ATF_REQUIRE_EQ(0, st.count);
			continue;
		}
		ATF_REQUIRE_EQ_MSG(0, put("name", bytes, len), "%zu: %s", len,
		    strerror(errno));
		ATF_REQUIRE_EQ(len, st.len);
		ATF_REQUIRE_EQ(1, st.count);
		if (len >= 16)		/* shorter ones are elsewhere, too */
			ATF_REQUIRE_EQ(1, held(bytes, len));
		ATF_REQUIRE(st.used <= mem.size);
	}
	ATF_REQUIRE(secmem_wipe(&mem) == NULL);	/* the canary stands */
}

/* As many as there is room for, each one whole, and then no more. */
ATF_TC_WITHOUT_HEAD(the_arena_takes_what_it_has_room_for);
ATF_TC_BODY(the_arena_takes_what_it_has_room_for, tc)
{
	char		name[16], value[16];
	unsigned int	i;
	size_t		span = 1;

	begin(SIZE);
	for (i = 0;; i++) {
		(void)snprintf(name, sizeof(name), "name%04u", i);
		(void)snprintf(value, sizeof(value), "value%04u", i);
		if (put(name, value, strlen(value)) == -1)
			break;
		if (i == 0)
			span = st.used;
		ATF_REQUIRE_EQ(i + 1, st.count);
		ATF_REQUIRE_EQ((i + 1) * span, st.used);
	}
	ATF_REQUIRE_EQ(ENOSPC, errno);
	require_sealed();
	ATF_REQUIRE_EQ(SIZE / span, i);
	ATF_REQUIRE_EQ(i, st.count);
	while (i-- > 0) {
		(void)snprintf(name, sizeof(name), "name%04u", i);
		(void)snprintf(value, sizeof(value), "value%04u", i);
		ATF_REQUIRE_EQ(1, held(name, strlen(name) + 1));
		ATF_REQUIRE_EQ(1, held(value, strlen(value) + 1));
		ATF_REQUIRE_EQ(-1, store_begin(&st, name));
		ATF_REQUIRE(errno == EEXIST || errno == ENOSPC);
	}
	ATF_REQUIRE(secmem_wipe(&mem) == NULL);
}

/* Every length of a first value, and a second one in all that is left. */
ATF_TC_WITHOUT_HEAD(the_last_secret_fits_whatever_came_before);
ATF_TC_BODY(the_last_secret_fits_whatever_came_before, tc)
{
	static unsigned char	bytes[SIZE + 2];
	size_t			len, left, head;

	memset(bytes, 'y', sizeof(bytes));
	begin(SIZE);
	require_put("name", "x");
	head = st.used - 16;
	for (len = 1; len < SIZE; len++) {
		store_init(&st, &mem);
		if (put("first", bytes, len) == -1)
			break;
		left = mem.size - st.used;
		if (left <= head) {
			ATF_REQUIRE_EQ(-1, put("second", bytes, 1));
			ATF_REQUIRE_EQ(ENOSPC, errno);
			continue;
		}
		left -= head;
		ATF_REQUIRE_EQ(-1, put("second", bytes, left));
		ATF_REQUIRE_EQ(ENOSPC, errno);
		ATF_REQUIRE_EQ(1, st.count);
		ATF_REQUIRE_EQ(0, put("second", bytes, left - 1));
		ATF_REQUIRE_EQ(2, st.count);
		ATF_REQUIRE(st.used <= mem.size);
	}
	ATF_REQUIRE(secmem_wipe(&mem) == NULL);
}

/* With room for nothing but its name, not even the end of a file is read. */
ATF_TC_WITHOUT_HEAD(no_room_is_not_taken_for_the_end);
ATF_TC_BODY(no_room_is_not_taken_for_the_end, tc)
{
	static unsigned char	bytes[SIZE];
	size_t			head;

	begin(SIZE);
	require_put("name", "x");
	head = st.used - 16;
	store_init(&st, &mem);
	ATF_REQUIRE(put("first", bytes, mem.size - 2 * head) == 0);
	ATF_REQUIRE_EQ(head, mem.size - st.used);
	ATF_REQUIRE(store_begin(&st, "second") == 0);
	ATF_REQUIRE_EQ(-1, fill(file("x", 1)));
	ATF_REQUIRE_EQ(ENOSPC, errno);
	ATF_REQUIRE_EQ(-1, fill(file("", 0)));
	ATF_REQUIRE_EQ(ENOSPC, errno);
	ATF_REQUIRE(secmem_wipe(&mem) == NULL);
}

ATF_TC_WITHOUT_HEAD(an_endless_source_ends);
ATF_TC_BODY(an_endless_source_ends, tc)
{
	int	fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	ATF_REQUIRE(fd != -1);
	begin(SIZE);
	ATF_REQUIRE(store_begin(&st, "zero") == 0);
	ATF_REQUIRE_EQ(-1, fill(fd));
	ATF_REQUIRE_EQ(ENOSPC, errno);
	ATF_REQUIRE_EQ(0, st.count);
	require_sealed();
}

ATF_TC_WITHOUT_HEAD(a_source_that_fails_is_told_and_the_arena_closed);
ATF_TC_BODY(a_source_that_fails_is_told_and_the_arena_closed, tc)
{
	int	fd = open("/", O_RDONLY | O_CLOEXEC);

	begin(SIZE);
	ATF_REQUIRE(store_begin(&st, "x") == 0);
	ATF_REQUIRE_EQ(-1, store_read(&st, -1));
	ATF_REQUIRE_EQ(EBADF, errno);
	require_sealed();
	ATF_REQUIRE_EQ(-1, store_read(&st, fd));
	ATF_REQUIRE_EQ(EISDIR, errno);
	require_sealed();
	ATF_REQUIRE_EQ(0, st.len);
}

ATF_TC_WITHOUT_HEAD(the_arena_is_closed_after_every_call);
ATF_TC_BODY(the_arena_is_closed_after_every_call, tc)
{
	int	fd = file("value\n", 6);

	begin(SIZE);
	require_sealed();
	ATF_REQUIRE(store_begin(&st, "x") == 0);
	require_sealed();
	ATF_REQUIRE_EQ(6, store_read(&st, fd));
	require_sealed();
	ATF_REQUIRE_EQ(0, store_read(&st, fd));
	require_sealed();
	ATF_REQUIRE(store_chomp(&st));
	require_sealed();
	ATF_REQUIRE(store_commit(&st) == 0);
	require_sealed();
	ATF_REQUIRE_EQ(-1, store_begin(&st, "x"));
	require_sealed();
}

/* Once the arena is gone nothing is taken, and nothing crashes. */
ATF_TC_WITHOUT_HEAD(without_its_arena_a_store_takes_nothing);
ATF_TC_BODY(without_its_arena_a_store_takes_nothing, tc)
{
	begin(SIZE);
	require_put("x", "1");
	ATF_REQUIRE(munmap(mem.pages, mem.len) == 0);
	ATF_REQUIRE_EQ(-1, store_begin(&st, "y"));
	ATF_REQUIRE_EQ(ENOMEM, errno);
	ATF_REQUIRE_EQ(-1, store_read(&st, STDIN_FILENO));
	ATF_REQUIRE_EQ(ENOMEM, errno);
	ATF_REQUIRE(!store_chomp(&st));
	ATF_REQUIRE_EQ(-1, store_commit(&st));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, good_names_are_good);
	ATF_TP_ADD_TC(tp, bad_names_are_bad);
	ATF_TP_ADD_TC(tp, every_byte_of_a_name_is_looked_at);
	ATF_TP_ADD_TC(tp, a_secret_is_kept_with_its_name);
	ATF_TP_ADD_TC(tp, a_secret_is_only_bytes);
	ATF_TP_ADD_TC(tp, a_secret_may_come_in_pieces);
	ATF_TP_ADD_TC(tp, a_name_is_there_once);
	ATF_TP_ADD_TC(tp, a_secret_has_at_least_one_byte);
	ATF_TP_ADD_TC(tp, what_is_not_finished_is_no_secret);
	ATF_TP_ADD_TC(tp, one_newline_is_taken_off_the_end);
	ATF_TP_ADD_TC(tp, a_newline_alone_is_nothing);
	ATF_TP_ADD_TC(tp, every_length_fits_up_to_the_last_byte);
	ATF_TP_ADD_TC(tp, the_arena_takes_what_it_has_room_for);
	ATF_TP_ADD_TC(tp, the_last_secret_fits_whatever_came_before);
	ATF_TP_ADD_TC(tp, no_room_is_not_taken_for_the_end);
	ATF_TP_ADD_TC(tp, an_endless_source_ends);
	ATF_TP_ADD_TC(tp, a_source_that_fails_is_told_and_the_arena_closed);
	ATF_TP_ADD_TC(tp, the_arena_is_closed_after_every_call);
	ATF_TP_ADD_TC(tp, without_its_arena_a_store_takes_nothing);

	return (atf_no_error());
}
