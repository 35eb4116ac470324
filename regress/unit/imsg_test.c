/* SPDX-License-Identifier: ISC */
/*
 * Messages between vault and network: whatever can be put in a packet, taken or
 * refused as the table of the design says, and no descriptor kept or closed by
 * mistake.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <atf-c.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"

#define SIZES	 512 /* of payloads, tried one by one */
#define FDS	 253 /* descriptors, at most, in one packet: SCM_MAX_FD */
#define PEER	 0x12345678
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

#define START	IMSG_AT_START
#define FREE	IMSG_UNGUARDED
#define HELD	(IMSG_GUARDED | IMSG_DROPPED)
#define ALWAYS	(START | FREE | HELD)
#define STARTED (FREE | HELD) /* as clients of the control socket are */

/* A packet's first bytes, as both sides know them. */
struct header {
	uint32_t type;
	uint32_t len;
	uint32_t peerid;
};

/* Who may say what, how long, with a descriptor, when: this test's own copy. */
static const struct expected {
	enum imsg_type type;
	enum imsg_side from;
	size_t	       size;
	bool	       fd;
	unsigned int   when;
	const char    *name;
} table[] = { { IMSG_CONFIG, IMSG_FROM_VAULT, 20, false, START, "CONFIG" },
	{ IMSG_LISTENER, IMSG_FROM_VAULT, 4, true, START, "LISTENER" },
	{ IMSG_WELCOME, IMSG_FROM_VAULT, 4, false, FREE, "WELCOME" },
	{ IMSG_HOLDING, IMSG_FROM_VAULT, 4, false, STARTED, "HOLDING" },
	{ IMSG_PONG, IMSG_FROM_VAULT, 4, false, ALWAYS, "PONG" },
	{ IMSG_CANCELLED, IMSG_FROM_VAULT, 0, false, ALWAYS, "CANCELLED" },
	{ IMSG_NOTHING_PENDING, IMSG_FROM_VAULT, 0, false, ALWAYS,
	    "NOTHING-PENDING" },
	{ IMSG_STILL_LOST, IMSG_FROM_VAULT, 36, false, STARTED, "STILL-LOST" },
	{ IMSG_BYE, IMSG_FROM_VAULT, 0, false, ALWAYS, "BYE" },
	{ IMSG_DROP, IMSG_FROM_VAULT, 0, false, ALWAYS, "DROP" },
	{ IMSG_ANSWER, IMSG_FROM_VAULT, 4, false, STARTED, "ANSWER" },
	{ IMSG_REPORT, IMSG_FROM_VAULT, 80, false, STARTED, "REPORT" },
	{ IMSG_ENTRY, IMSG_FROM_VAULT, 96, false, STARTED, "ENTRY" },
	{ IMSG_TETHER, IMSG_FROM_VAULT, 36, false, STARTED, "TETHER" },
	{ IMSG_EVENT, IMSG_FROM_VAULT, 208, false, STARTED, "EVENT" },
	{ IMSG_LOG, IMSG_FROM_VAULT, 488, false, ALWAYS, "LOG" },
	{ IMSG_READY, IMSG_FROM_NETWORK, 0, false, START, "READY" },
	{ IMSG_SIGNAL, IMSG_FROM_NETWORK, 4, false, ALWAYS, "SIGNAL" },
	{ IMSG_HELLO, IMSG_FROM_NETWORK, 4, true, FREE, "HELLO" },
	{ IMSG_PING, IMSG_FROM_NETWORK, 4, false, STARTED, "PING" },
	{ IMSG_CANCEL, IMSG_FROM_NETWORK, 0, false, STARTED, "CANCEL" },
	{ IMSG_WATCH, IMSG_FROM_NETWORK, 4, false, STARTED, "WATCH" },
	{ IMSG_QUIT, IMSG_FROM_NETWORK, 0, false, STARTED, "QUIT" },
	{ IMSG_LOST, IMSG_FROM_NETWORK, 0, false, STARTED, "LOST" },
	{ IMSG_STATUS, IMSG_FROM_NETWORK, 0, false, STARTED, "STATUS" },
	{ IMSG_ARM, IMSG_FROM_NETWORK, 0, false, STARTED, "ARM" },
	{ IMSG_LIST, IMSG_FROM_NETWORK, 8, false, STARTED, "LIST" },
	{ IMSG_TETHERS, IMSG_FROM_NETWORK, 8, false, STARTED, "TETHERS" },
	{ IMSG_REGISTER, IMSG_FROM_NETWORK, 4, true, STARTED, "REGISTER" },
	{ IMSG_UNREGISTER, IMSG_FROM_NETWORK, 4, true, STARTED, "UNREGISTER" },
	{ IMSG_PUT, IMSG_FROM_NETWORK, 88, true, STARTED, "PUT" },
	{ IMSG_GET, IMSG_FROM_NETWORK, 65, true, STARTED, "GET" },
	{ IMSG_DEL, IMSG_FROM_NETWORK, 65, true, STARTED, "DEL" },
	{ IMSG_HOLD, IMSG_FROM_NETWORK, 36, true, STARTED, "HOLD" },
	{ IMSG_RELEASE, IMSG_FROM_NETWORK, 36, true, STARTED, "RELEASE" },
	{ IMSG_EVENTS, IMSG_FROM_NETWORK, 4, false, STARTED, "EVENTS" },
	{ IMSG_PANIC, IMSG_FROM_NETWORK, 4, false, STARTED, "PANIC" } };

static const enum imsg_side sides[] = { IMSG_FROM_VAULT, IMSG_FROM_NETWORK };
static const unsigned int   states[] = { IMSG_AT_START, IMSG_UNGUARDED,
	  IMSG_GUARDED, IMSG_DROPPED };

static int sp[2]; /* from the other side, and ours */

static void
pair(void)
{
	ATF_REQUIRE(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) == 0);
}

static int
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int  n = 0;

	ATF_REQUIRE(d != NULL);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return (n);
}

/* Those that came with what was refused are the n last, and open. */
static void
close_kept(size_t n)
{
	int fd = dup(STDERR_FILENO);

	ATF_REQUIRE(fd != -1);
	close(fd);
	while (n-- > 0)
		ATF_REQUIRE_EQ(0, close(--fd));
}

/*
 * Sends len bytes as they are, and nfds duplicates of one descriptor with them.
 */
static void
send_raw(const void *bytes, size_t len, size_t nfds)
{
	union {
		struct cmsghdr align;
		char	       space[CMSG_SPACE(FDS * sizeof(int))];
	} control;
	unsigned char	copy[4096];
	struct iovec	iov = { copy, len };
	struct msghdr	msg;
	struct cmsghdr *cmsg;
	size_t		i;
	const int	fd = STDERR_FILENO;

	ATF_REQUIRE(len <= sizeof(copy) && nfds <= FDS);
	if (len > 0)
		memcpy(copy, bytes, len);
	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	if (nfds > 0) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		for (i = 0; i < nfds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(fd), &fd,
			    sizeof(fd));
	}
	ATF_REQUIRE_EQ((ssize_t)len, sendmsg(sp[0], &msg, 0));
}

/* A whole packet: a header that tells its true length, then size bytes. */
static void
send_packet(uint32_t type, size_t size, size_t nfds)
{
	struct header hdr = { type, (uint32_t)(sizeof(hdr) + size), PEER };
	unsigned char bytes[sizeof(hdr) + SIZES];

	ATF_REQUIRE(size <= SIZES);
	memset(bytes, 0x5a, sizeof(bytes));
	memcpy(bytes, &hdr, sizeof(hdr));
	send_raw(bytes, sizeof(hdr) + size, nfds);
}

static const struct expected *
expected(uint32_t type)
{
	size_t i;

	for (i = 0; i < NELEM(table); i++) {
		if (table[i].type == type)
			return (&table[i]);
	}
	return (NULL);
}

/* The payload is size bytes as send_packet() sends them, and then nothing. */
static void
require_payload(const struct imsg *im, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)&im->u;
	size_t		     i;

	for (i = 0; i < sizeof(im->u); i++)
		ATF_REQUIRE_EQ(i < size ? 0x5a : 0, bytes[i]);
}

/* Takes the packet that was sent, and compares with the table. */
static void
require_as_in_table(uint32_t type, size_t size, size_t nfds,
    enum imsg_side from, unsigned int state)
{
	const struct expected *e = expected(type);
	const bool good = e != NULL && e->from == from && e->size == size &&
	    (e->when & state) != 0 && nfds == (e->fd ? 1 : 0);
	struct imsg	 im;
	enum imsg_result got;

	send_packet(type, size, nfds);
	got = imsg_recv(sp[1], from, state, &im);
	if (got != (good ? IMSG_OK : IMSG_BAD))
		atf_tc_fail("type %u, %zu bytes, %zu descriptors, from %d, in "
			    "state %u: %d",
		    type, size, nfds, (int)from, state, (int)got);
	if (good) {
		ATF_REQUIRE_EQ(type, im.type);
		ATF_REQUIRE_EQ(PEER, im.peerid);
		require_payload(&im, size);
	}
	ATF_REQUIRE_EQ(good && nfds == 1, im.fd != -1);
	if (im.fd != -1)
		close(im.fd);
	if (!good)
		close_kept(nfds);
}

/* Every type, those there are not included. */
static const uint32_t *
types(size_t *n)
{
	static uint32_t all[IMSG_TYPES + 8];
	size_t		i;

	for (i = 0; i < IMSG_TYPES + 3; i++)
		all[i] = (uint32_t)i;
	all[i++] = 0x7fffffff;
	all[i++] = 0x80000000;
	all[i++] = 0xffffffff;
	all[i++] = 0x01000000; /* the first, the wrong way round */
	*n = i;
	return (all);
}

ATF_TC_WITHOUT_HEAD(every_type_is_in_the_table);
ATF_TC_BODY(every_type_is_in_the_table, tc)
{
	uint32_t type;
	size_t	 i;

	ATF_REQUIRE_EQ(IMSG_TYPES - 1, NELEM(table));
	for (i = 0; i < NELEM(table); i++)
		ATF_REQUIRE_STREQ(table[i].name, imsg_type_name(table[i].type));
	for (type = 1; type < IMSG_TYPES; type++)
		ATF_REQUIRE(expected(type) != NULL);
	ATF_REQUIRE_STREQ("unknown message", imsg_type_name(0));
	ATF_REQUIRE_STREQ("unknown message", imsg_type_name(IMSG_TYPES));
	ATF_REQUIRE_STREQ("unknown message", imsg_type_name(UINT32_MAX));
}

ATF_TC_WITHOUT_HEAD(every_packet_is_taken_or_refused_by_the_table);
ATF_TC_BODY(every_packet_is_taken_or_refused_by_the_table, tc)
{
	const uint32_t *type;
	size_t		ntypes, i, size, from, state, nfds, tried = 0;
	int		before;

	pair();
	type = types(&ntypes);
	before = open_fds();
	for (i = 0; i < ntypes; i++) {
		/* Between the sizes that there are one in eleven will do. */
		for (size = 0; size <= SIZES;
		     size += size > 120 && size < 470 ? 11 : 1) {
			for (from = 0; from < NELEM(sides); from++) {
				for (state = 0; state < NELEM(states);
				     state++) {
					for (nfds = 0; nfds <= 3; nfds++) {
						require_as_in_table(type[i],
						    size, nfds, sides[from],
						    states[state]);
						tried++;
					}
				}
			}
		}
	}
	ATF_REQUIRE_EQ(before, open_fds());
	printf("%zu packets\n", tried);
}

ATF_TC_WITHOUT_HEAD(a_header_must_tell_the_true_length);
ATF_TC_BODY(a_header_must_tell_the_true_length, tc)
{
	static const uint32_t lens[] = { 0, 1, 11, 13, 16, 28, 255, 0x7fffffff,
		0x80000000, 0xffffffff };
	struct header	      hdr = { IMSG_QUIT, 0, PEER };
	struct imsg	      im;
	size_t		      i;

	pair();
	for (i = 0; i < NELEM(lens); i++) {
		hdr.len = lens[i];
		send_raw(&hdr, sizeof(hdr), 0);
		ATF_REQUIRE_EQ(IMSG_BAD,
		    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
	}
	hdr.len = sizeof(hdr);
	send_raw(&hdr, sizeof(hdr), 0);
	ATF_REQUIRE_EQ(IMSG_OK,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
}

ATF_TC_WITHOUT_HEAD(half_a_header_is_refused);
ATF_TC_BODY(half_a_header_is_refused, tc)
{
	struct header hdr = { IMSG_QUIT, 0, PEER };
	struct imsg   im;
	size_t	      len;
	int	      before;

	pair();
	before = open_fds();
	for (len = 1; len < sizeof(hdr); len++) {
		hdr.len = (uint32_t)len;
		send_raw(&hdr, len, 0);
		ATF_REQUIRE_EQ(IMSG_BAD,
		    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
		send_raw(&hdr, len, 1);
		ATF_REQUIRE_EQ(IMSG_BAD,
		    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
		ATF_REQUIRE_EQ(-1, im.fd);
		close_kept(1);
	}
	ATF_REQUIRE_EQ(before, open_fds());
}

/* LOG is the longest: what is longer is cut to its length. */
ATF_TC_WITHOUT_HEAD(an_oversize_packet_is_refused);
ATF_TC_BODY(an_oversize_packet_is_refused, tc)
{
	static const size_t  sizes[] = { 500, 501, 512, 1000, 4096 };
	static unsigned char bytes[4096];
	struct header	     hdr = { IMSG_LOG, 0, PEER };
	struct imsg	     im;
	size_t		     i;
	int		     before;

	pair();
	before = open_fds();
	for (i = 1; i < NELEM(sizes); i++) {
		/* True, and as long as what is left of it when it is cut. */
		hdr.len = (uint32_t)sizes[i];
		memcpy(bytes, &hdr, sizeof(hdr));
		send_raw(bytes, sizes[i], i & 1);
		ATF_REQUIRE_EQ(IMSG_BAD,
		    imsg_recv(sp[1], IMSG_FROM_VAULT, IMSG_GUARDED, &im));
		close_kept(i & 1);
		hdr.len = (uint32_t)sizes[0];
		memcpy(bytes, &hdr, sizeof(hdr));
		send_raw(bytes, sizes[i], 0);
		ATF_REQUIRE_EQ(IMSG_BAD,
		    imsg_recv(sp[1], IMSG_FROM_VAULT, IMSG_GUARDED, &im));
	}
	hdr.len = (uint32_t)sizes[0];
	memcpy(bytes, &hdr, sizeof(hdr));
	send_raw(bytes, sizes[0], 0);
	ATF_REQUIRE_EQ(IMSG_OK,
	    imsg_recv(sp[1], IMSG_FROM_VAULT, IMSG_GUARDED, &im));
	ATF_REQUIRE_EQ(sizes[0] - sizeof(hdr), sizeof(im.u));
	ATF_REQUIRE_EQ(before, open_fds());
}

/* Of every type, those included that are to come with one. */
ATF_TC_WITHOUT_HEAD(many_descriptors_are_refused_and_none_is_closed);
ATF_TC_BODY(many_descriptors_are_refused_and_none_is_closed, tc)
{
	struct imsg im;
	size_t	    i, nfds;
	int	    before;

	pair();
	before = open_fds();
	for (i = 0; i < NELEM(table); i++) {
		for (nfds = 2; nfds <= FDS; nfds++) {
			send_packet(table[i].type, table[i].size, nfds);
			ATF_REQUIRE_EQ(IMSG_BAD,
			    imsg_recv(sp[1], table[i].from,
				table[i].when & ~(table[i].when - 1), &im));
			ATF_REQUIRE_EQ(-1, im.fd);
			ATF_REQUIRE_EQ(before + (int)nfds, open_fds());
			close_kept(nfds);
		}
	}
}

ATF_TC_WITHOUT_HEAD(nothing_there_is_none);
ATF_TC_BODY(nothing_there_is_none, tc)
{
	struct imsg im;

	pair();
	ATF_REQUIRE_EQ(IMSG_NONE,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
	send_packet(IMSG_QUIT, 0, 0);
	ATF_REQUIRE_EQ(IMSG_OK,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
	ATF_REQUIRE_EQ(IMSG_NONE,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
}

ATF_TC_WITHOUT_HEAD(the_end_of_the_other_side_is_eof);
ATF_TC_BODY(the_end_of_the_other_side_is_eof, tc)
{
	struct imsg im;
	int	    i;

	pair();
	close(sp[0]);
	for (i = 0; i < 3; i++)
		ATF_REQUIRE_EQ(IMSG_EOF,
		    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
}

ATF_TC_WITHOUT_HEAD(what_was_said_before_the_end_is_heard);
ATF_TC_BODY(what_was_said_before_the_end_is_heard, tc)
{
	struct imsg im;

	pair();
	send_packet(IMSG_PING, 4, 0);
	send_packet(IMSG_QUIT, 0, 0);
	close(sp[0]);
	ATF_REQUIRE_EQ(IMSG_OK,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
	ATF_REQUIRE_EQ(IMSG_PING, im.type);
	ATF_REQUIRE_EQ(IMSG_OK,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
	ATF_REQUIRE_EQ(IMSG_QUIT, im.type);
	ATF_REQUIRE_EQ(IMSG_EOF,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
}

/* The first read then fails with ECONNRESET, and only the second is an EOF. */
ATF_TC_WITHOUT_HEAD(the_end_with_our_words_unread_is_eof);
ATF_TC_BODY(the_end_with_our_words_unread_is_eof, tc)
{
	const struct imsg pong = { .type = IMSG_PONG, .fd = -1 };
	struct imsg	  im;
	char		  c;

	pair();
	ATF_REQUIRE_EQ(0, imsg_send(sp[1], &pong, MSG_DONTWAIT));
	close(sp[0]);
	ATF_REQUIRE_EQ(-1, recv(sp[1], &c, 1, MSG_DONTWAIT | MSG_PEEK));
	ATF_REQUIRE_EQ(ECONNRESET, errno);
	ATF_REQUIRE_EQ(0, recv(sp[1], &c, 1, MSG_DONTWAIT | MSG_PEEK));
	close(sp[1]);

	pair();
	ATF_REQUIRE_EQ(0, imsg_send(sp[1], &pong, MSG_DONTWAIT));
	close(sp[0]);
	ATF_REQUIRE_EQ(IMSG_EOF,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
	ATF_REQUIRE_EQ(IMSG_EOF,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
}

/*
 * It looks just like the end; with a descriptor it is a packet, and a bad one.
 */
ATF_TC_WITHOUT_HEAD(an_empty_packet_is_never_taken);
ATF_TC_BODY(an_empty_packet_is_never_taken, tc)
{
	struct imsg im;
	int	    before;

	pair();
	before = open_fds();
	send_raw(NULL, 0, 0);
	ATF_REQUIRE_EQ(IMSG_EOF,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
	send_raw(NULL, 0, 1);
	ATF_REQUIRE_EQ(IMSG_BAD,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
	send_raw(NULL, 0, 2);
	ATF_REQUIRE_EQ(IMSG_BAD,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
	ATF_REQUIRE_EQ(before + 3, open_fds());
}

ATF_TC_WITHOUT_HEAD(a_descriptor_that_is_none_is_an_end);
ATF_TC_BODY(a_descriptor_that_is_none_is_an_end, tc)
{
	struct imsg im;

	ATF_REQUIRE_EQ(IMSG_EOF,
	    imsg_recv(-1, IMSG_FROM_NETWORK, IMSG_GUARDED, &im));
}

ATF_TC_WITHOUT_HEAD(a_descriptor_there_is_no_room_for_is_refused);
ATF_TC_BODY(a_descriptor_there_is_no_room_for_is_refused, tc)
{
	const char	*preload = getenv("LD_PRELOAD");
	struct rlimit	 rl, none;
	struct imsg	 im;
	enum imsg_result got;
	int		 before;

	if (preload != NULL && strstr(preload, "vgpreload") != NULL)
		atf_tc_skip("valgrind only pretends to have such a limit");
	pair();
	before = open_fds();
	ATF_REQUIRE(getrlimit(RLIMIT_NOFILE, &rl) == 0);
	none = rl;
	none.rlim_cur = 3;
	send_packet(IMSG_HELLO, 4, 1);
	ATF_REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
	got = imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_UNGUARDED, &im);
	ATF_REQUIRE(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	ATF_REQUIRE_EQ(IMSG_BAD, got);
	ATF_REQUIRE_EQ(-1, im.fd);
	ATF_REQUIRE_EQ(before, open_fds());
}

ATF_TC_WITHOUT_HEAD(what_is_sent_arrives);
ATF_TC_BODY(what_is_sent_arrives, tc)
{
	const unsigned char *sent, *came;
	struct imsg	     im, got;
	size_t		     i;

	pair();
	for (i = 0; i < NELEM(table); i++) {
		memset(&im, 0, sizeof(im));
		im.type = table[i].type;
		im.peerid = 7 + (uint32_t)i;
		im.fd = STDERR_FILENO;
		memset(&im.u, 0xa5, table[i].size);
		ATF_REQUIRE_EQ(0, imsg_send(sp[0], &im, 0));
		ATF_REQUIRE_EQ(IMSG_OK,
		    imsg_recv(sp[1], table[i].from,
			table[i].when & ~(table[i].when - 1), &got));
		ATF_REQUIRE_EQ(im.type, got.type);
		ATF_REQUIRE_EQ(im.peerid, got.peerid);
		sent = (const unsigned char *)&im.u;
		came = (const unsigned char *)&got.u;
		ATF_REQUIRE(memcmp(sent, came, sizeof(im.u)) == 0);
		ATF_REQUIRE_EQ(table[i].fd, got.fd != -1);
		if (got.fd != -1)
			close(got.fd);
	}
}

ATF_TC_WITHOUT_HEAD(a_received_descriptor_is_close_on_exec);
ATF_TC_BODY(a_received_descriptor_is_close_on_exec, tc)
{
	struct imsg im;
	int	    p[2], flags;
	char	    c = 0;

	pair();
	ATF_REQUIRE(pipe(p) == 0);
	im = (struct imsg){ .type = IMSG_HELLO, .fd = p[1] };
	ATF_REQUIRE_EQ(0, imsg_send(sp[0], &im, 0));
	ATF_REQUIRE_EQ(IMSG_OK,
	    imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_UNGUARDED, &im));
	ATF_REQUIRE(im.fd > STDERR_FILENO && im.fd != p[1]);
	flags = fcntl(im.fd, F_GETFD);
	ATF_REQUIRE(flags != -1 && (flags & FD_CLOEXEC) != 0);
	ATF_REQUIRE_EQ(1, write(im.fd, "x", 1));
	ATF_REQUIRE_EQ(1, read(p[0], &c, 1));
	ATF_REQUIRE_EQ('x', c);
}

ATF_TC_WITHOUT_HEAD(sending_to_the_dead_is_an_error_and_no_signal);
ATF_TC_BODY(sending_to_the_dead_is_an_error_and_no_signal, tc)
{
	const struct imsg pong = { .type = IMSG_PONG, .fd = -1 };

	ATF_REQUIRE(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	pair();
	close(sp[1]);
	ATF_REQUIRE_EQ(-1, imsg_send(sp[0], &pong, MSG_DONTWAIT));
	ATF_REQUIRE_EQ(EPIPE, errno);
	ATF_REQUIRE_EQ(-1, imsg_send(sp[0], &pong, 0));
	ATF_REQUIRE_EQ(EPIPE, errno);
}

ATF_TC_WITHOUT_HEAD(sending_to_the_stuck_does_not_wait);
ATF_TC_BODY(sending_to_the_stuck_does_not_wait, tc)
{
	const struct imsg pong = { .type = IMSG_PONG, .fd = -1 };
	struct imsg	  im;
	int		  i, sent = 0;

	pair();
	while (imsg_send(sp[0], &pong, MSG_DONTWAIT) == 0)
		ATF_REQUIRE(++sent < 1000000);
	ATF_REQUIRE_EQ(EAGAIN, errno);
	ATF_REQUIRE(sent > 0);
	for (i = 0; i < sent; i++)
		ATF_REQUIRE_EQ(IMSG_OK,
		    imsg_recv(sp[1], IMSG_FROM_VAULT, IMSG_GUARDED, &im));
	ATF_REQUIRE_EQ(IMSG_NONE,
	    imsg_recv(sp[1], IMSG_FROM_VAULT, IMSG_GUARDED, &im));
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, every_type_is_in_the_table);
	ATF_TP_ADD_TC(tp, every_packet_is_taken_or_refused_by_the_table);
	ATF_TP_ADD_TC(tp, a_header_must_tell_the_true_length);
	ATF_TP_ADD_TC(tp, half_a_header_is_refused);
	ATF_TP_ADD_TC(tp, an_oversize_packet_is_refused);
	ATF_TP_ADD_TC(tp, many_descriptors_are_refused_and_none_is_closed);
	ATF_TP_ADD_TC(tp, nothing_there_is_none);
	ATF_TP_ADD_TC(tp, the_end_of_the_other_side_is_eof);
	ATF_TP_ADD_TC(tp, what_was_said_before_the_end_is_heard);
	ATF_TP_ADD_TC(tp, the_end_with_our_words_unread_is_eof);
	ATF_TP_ADD_TC(tp, an_empty_packet_is_never_taken);
	ATF_TP_ADD_TC(tp, a_descriptor_that_is_none_is_an_end);
	ATF_TP_ADD_TC(tp, a_descriptor_there_is_no_room_for_is_refused);
	ATF_TP_ADD_TC(tp, what_is_sent_arrives);
	ATF_TP_ADD_TC(tp, a_received_descriptor_is_close_on_exec);
	ATF_TP_ADD_TC(tp, sending_to_the_dead_is_an_error_and_no_signal);
	ATF_TP_ADD_TC(tp, sending_to_the_stuck_does_not_wait);

	return (atf_no_error());
}
