/* SPDX-License-Identifier: ISC */
/*
 * The store on a real arena and real sockets: names, sizes to the byte, that
 * nothing is left of a secret, and that the arena is sealed after every call.
 * The fuzz target "vault" compares every operation, in every state, with its
 * model; replay_vault runs it in this suite.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "secmem.h"
#include "store.h"

#define SIZE  4096
#define ALIGN ((size_t)16) /* of a block and its value */
#define PIECE 65536	   /* bytes moved at once, at most */
#define NAME_64 \
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NAME_128 NAME_64 NAME_64

static struct secmem mem;
static struct store *st;

/* Places st right before a page without access: a read beyond st crashes. */
static void
begin(size_t size)
{
	const size_t   page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ATF_REQUIRE(pages != MAP_FAILED);
	ATF_REQUIRE(mprotect(pages + page, page, PROT_NONE) == 0);
	st = (struct store *)(void *)(pages + page - sizeof(*st));
	ATF_REQUIRE(secmem_open(&mem, size, abort) == 0);
	store_init(st, &mem);
}

/* The kernel lists the arena's pages without any access. */
static void
require_sealed(void)
{
	char  line[512], want[64];
	bool  found = false;
	FILE *f = fopen("/proc/self/maps", "re");

	ATF_REQUIRE(f != NULL);
	(void)snprintf(want, sizeof(want), "%08lx-%08zx ---",
	    (unsigned long)(uintptr_t)mem.pages,
	    (size_t)(uintptr_t)mem.pages + mem.len);
	while (fgets(line, sizeof(line), f) != NULL)
		found = found || strncmp(line, want, strlen(want)) == 0;
	(void)fclose(f);
	ATF_REQUIRE_MSG(found, "the arena is not sealed");
}

/* All is one free block: its first word is its size, every other byte is 0. */
static void
require_as_new(void)
{
	size_t span, i, not_zero = 0;

	secmem_unseal(&mem);
	memcpy(&span, mem.data, sizeof(span));
	for (i = sizeof(span); i < mem.size; i++)
		not_zero += mem.data[i] != 0;
	secmem_seal(&mem);
	ATF_REQUIRE_EQ(mem.size, span);
	ATF_REQUIRE_EQ(0, not_zero);
	ATF_REQUIRE_EQ(0, st->count + st->blocks);
	ATF_REQUIRE_EQ(STORE_NEVER, st->due);
	ATF_REQUIRE_EQ(store_most(st), store_room(st));
}

/* Many bytes, none of them zero. */
static const unsigned char *
pattern(void)
{
	static unsigned char bytes[4 * PIECE];
	uint32_t	     n = 1;
	size_t		     i;

	for (i = 0; i < sizeof(bytes); i++) {
		n = n * 1664525 + 1013904223;
		bytes[i] = (unsigned char)(n >> 24 | 1);
	}
	return (bytes);
}

/* A file with these bytes. */
static int
file(const void *bytes, size_t len)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ATF_REQUIRE(fd != -1);
	ATF_REQUIRE_EQ((ssize_t)len, pwrite(fd, bytes, len, 0));
	return (fd);
}

/* Puts these bytes, at most PIECE of them. */
static void
put(const char *name, const void *bytes, size_t len)
{
	const uint64_t id = store_begin(st, name, len);
	const int      fd = file(bytes, len);

	ATF_REQUIRE_MSG(id != 0, "%s: %s", name, strerror(errno));
	ATF_REQUIRE_EQ((ssize_t)len, store_fill(st, id, fd, read, len));
	ATF_REQUIRE(store_commit(st, id, 0, STORE_NEVER) == 0);
	close(fd);
}

static void
require_no_begin(const char *name, size_t size, int error)
{
	errno = 0;
	ATF_REQUIRE_EQ_MSG(0, store_begin(st, name, size), "%s", name);
	ATF_REQUIRE_EQ_MSG(error, errno, "%s: %s", name, strerror(errno));
}

static void
connection(int *sp)
{
	ATF_REQUIRE(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp) == 0);
}

/* Sends the secret from byte from on, and compares what arrives with bytes. */
static void
require_sent(uint64_t id, size_t from, const void *bytes, size_t len)
{
	static unsigned char got[2 * PIECE];
	int		     sp[2];

	connection(sp);
	ATF_REQUIRE_EQ((ssize_t)len, store_send(st, id, sp[0], from));
	ATF_REQUIRE_EQ((ssize_t)len, recv(sp[1], got, sizeof(got), 0));
	ATF_REQUIRE(memcmp(bytes, got, len) == 0);
	close(sp[0]);
	close(sp[1]);
}

static void
require_value(const char *name, const void *bytes, size_t len)
{
	size_t	       is = 0;
	const uint64_t id = store_take(st, name, &is);

	ATF_REQUIRE_MSG(id != 0, "%s: %s", name, strerror(errno));
	ATF_REQUIRE_EQ(len, is);
	require_sent(id, 0, bytes, len);
	store_release(st, id);
}

CASE(a_name_is_1_to_128_of_its_letters,
    "names are accepted or refused by their length and by each byte")
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789"
				   "!#$%&()*+,-./:;<=>?@[]^_`{|}~";
	char		  first[] = "?x", last[] = "x?", alone[] = "?";
	int		  c;
	bool		  ok;

	for (c = 1; c < 256; c++) {
		first[0] = last[1] = alone[0] = (char)c;
		ok = strchr(good, c) != NULL;
		ATF_REQUIRE_EQ_MSG(ok, name_ok(last), "%d", c);
		ok = ok && c != '-';
		ATF_REQUIRE_EQ_MSG(ok, name_ok(first), "%d", c);
		ok = ok && c != '*';
		ATF_REQUIRE_EQ_MSG(ok, name_ok(alone), "%d", c);
	}
	ATF_REQUIRE(!name_ok(""));
	ATF_REQUIRE(name_ok(NAME_128));
	ATF_REQUIRE(!name_ok(NAME_128 "x"));
	ATF_REQUIRE(name_ok("mail/me@example.org"));
}

CASE(a_large_secret_moves_in_pieces, "no call reads or sends more than 64 KiB")
{
	const size_t len = 2 * PIECE + 1;
	size_t	     from, is;
	uint64_t     id;
	int	     fd = file(pattern(), len);

	begin(len + SIZE);
	id = store_begin(st, "large", len);
	ATF_REQUIRE_EQ(PIECE, store_fill(st, id, fd, read, STORE_ALL));
	ATF_REQUIRE_EQ(PIECE, store_fill(st, id, fd, read, len));
	ATF_REQUIRE_EQ(1, store_fill(st, id, fd, read, len));
	ATF_REQUIRE(store_commit(st, id, 0, STORE_NEVER) == 0);
	ATF_REQUIRE_EQ(id, store_take(st, "large", &is));
	for (from = 0; from < len; from += PIECE)
		require_sent(id, from, pattern() + from,
		    len - from < PIECE ? len - from : PIECE);
}

CASE(every_length_fits_up_to_the_last_byte,
    "a secret of every length fits, and a second one gets all the room that "
    "is left")
{
	const unsigned char *bytes = pattern();
	size_t		     len, left, head;

	begin(SIZE);
	head = SIZE - store_most(st);
	ATF_REQUIRE(head >= NAME_BYTES && head <= 192);
	for (len = store_most(st); len > 0; len -= len > 64 ? 61 : 1) {
		put("a", bytes, len);
		left = SIZE - head - (len + ALIGN - 1) / ALIGN * ALIGN;
		left = left >= head + ALIGN ? left - head : 0;
		ATF_REQUIRE_EQ(left, store_room(st));
		require_no_begin("b", left + 1, ENOSPC);
		if (left > 0) {
			put("b", bytes + 9, left);
			require_value("b", bytes + 9, left);
			ATF_REQUIRE(store_delete(st, "b") == 0);
		}
		require_value("a", bytes, len);
		ATF_REQUIRE(store_delete(st, "a") == 0);
		require_as_new();
	}
	ATF_REQUIRE(secmem_wipe(&mem) == NULL);
}

CASE(sending_never_blocks_and_never_kills,
    "a full socket is EAGAIN, a closed one EPIPE without SIGPIPE")
{
	uint64_t id;
	size_t	 len;
	int	 sp[2];

	begin(SIZE);
	put("x", "value", 5);
	id = store_take(st, "x", &len);
	connection(sp);
	while (store_send(st, id, sp[0], 0) > 0)
		continue;
	ATF_REQUIRE_EQ(EAGAIN, errno);
	require_sealed();
	ATF_REQUIRE(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	close(sp[1]);
	ATF_REQUIRE_EQ(-1, store_send(st, id, sp[0], 0));
	ATF_REQUIRE_EQ(EPIPE, errno);
	ATF_REQUIRE_EQ(-1, store_send(st, id, -1, 0));
	ATF_REQUIRE_EQ(EBADF, errno);
	require_sealed();
	ATF_REQUIRE(store_has(st, id));
}

static void
ignore(const char *name)
{
	(void)name;
}

CASE(the_arena_is_sealed_after_every_call,
    "the arena is sealed after every call, whether the call succeeds or fails")
{
	struct store_item item;
	uint64_t	  id = 7;
	size_t		  len;
	int		  round, fd = file("value\n", 6);

	begin(SIZE);
	for (round = 0; round < 3; round++) {
		ATF_REQUIRE_EQ(0, lseek(fd, 0, SEEK_SET));
		(void)store_fill(st, id, fd, read, STORE_ALL);
		require_sealed();
		(void)store_chomp(st, id);
		require_sealed();
		(void)store_commit(st, id, round == 1, 100);
		require_sealed();
		(void)store_room(st);
		require_sealed();
		ATF_REQUIRE_EQ(round > 0, store_has(st, id));
		require_sealed();
		(void)store_next(st, 0, &item);
		require_sealed();
		(void)store_take(st, "x", &len);
		require_sealed();
		(void)store_send(st, id, -1, 0);
		require_sealed();
		store_release(st, id);
		require_sealed();
		(void)store_delete(st, "y");
		require_sealed();
		(void)store_expire(st, 100, ignore);
		require_sealed();
		store_drop(st, id);
		require_sealed();
		id = store_begin(st, "x", STORE_ALL);
		require_sealed();
	}
}
