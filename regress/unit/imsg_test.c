/* SPDX-License-Identifier: ISC */
/*
 * Messages between vault and network: whatever arrives in a packet is accepted
 * or refused as the table imsg_rules says, and no descriptor is kept or closed
 * by mistake.
 */
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "imsg.h"

#define SIZES  (sizeof(((struct imsg *)0)->u) + 1) /* of payloads, tried */
#define FDS    16 /* descriptors at most, tried */
#define PEERID 0x12345678
#define FILL   0x5a /* every byte of a payload */

/* A packet's first bytes, as both sides know them. */
struct header {
	uint32_t type;
	uint32_t len;
	uint32_t peerid;
};

static int sp[2]; /* the other side's socket, and ours */

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

/* Those that came with a refused packet are the n last, and open. */
static void
close_kept(size_t n)
{
	int fd = dup(STDERR_FILENO);

	ATF_REQUIRE(fd != -1);
	close(fd);
	while (n-- > 0)
		ATF_REQUIRE_EQ(0, close(--fd));
}

/* Sends len bytes as they are, with nfds copies of one descriptor. */
static void
send_raw(const void *bytes, size_t len, size_t nfds)
{
	union {
		struct cmsghdr align;
		char	       space[CMSG_SPACE(FDS * sizeof(int))];
	} control;
	unsigned char	copy[4096] = { 0 };
	struct iovec	iov = { copy, len };
	struct msghdr	msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	const int	fd = STDERR_FILENO;
	size_t		i;

	if (len > 0)
		memcpy(copy, bytes, len);
	memset(&control, 0, sizeof(control));
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

/* Sends size bytes after a header that says so, or says len if that is not 0.
 */
static void
send_packet(uint32_t type, size_t size, uint32_t len, size_t nfds)
{
	struct header hdr = { type, (uint32_t)(sizeof(hdr) + size), PEERID };
	unsigned char bytes[4096];

	if (len != 0)
		hdr.len = len;
	memset(bytes, FILL, sizeof(bytes));
	memcpy(bytes, &hdr, sizeof(hdr));
	send_raw(bytes, sizeof(hdr) + size, nfds);
}

static enum imsg_result
receive(struct imsg *im)
{
	return (imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_GUARDED, im));
}

static void
require_refused(size_t nfds)
{
	struct imsg im;

	ATF_REQUIRE_EQ(IMSG_BAD, receive(&im));
	ATF_REQUIRE_EQ(-1, im.fd);
	close_kept(nfds);
}

/* Sends a packet, and requires that it is treated as the table says. */
static void
require_as_in_table(uint32_t type, size_t size, size_t nfds,
    enum imsg_side from, unsigned int phase)
{
	const struct imsg_rule *r = &imsg_rules[type < IMSG_TYPES ? type : 0];
	const bool		good = r->name != NULL && r->from == from &&
	    r->size == size && (r->when & phase) != 0 && nfds == r->fds;
	struct imsg	     im;
	enum imsg_result     got;
	const unsigned char *bytes = (const unsigned char *)&im.u;
	size_t		     i;

	send_packet(type, size, 0, nfds);
	got = imsg_recv(sp[1], from, phase, &im);
	if (got != (good ? IMSG_OK : IMSG_BAD))
		atf_tc_fail("type %u, %zu bytes, %zu descriptors, from %d, in "
			    "phase %u: %d",
		    type, size, nfds, (int)from, phase, (int)got);
	ATF_REQUIRE_EQ(good && nfds == 1, im.fd != -1);
	if (!good) {
		close_kept(nfds);
		return;
	}
	ATF_REQUIRE_EQ(type, im.type);
	ATF_REQUIRE_EQ(PEERID, im.peerid);
	for (i = 0; i < sizeof(im.u); i++)
		ATF_REQUIRE_EQ(i < size ? FILL : 0, bytes[i]);
	if (im.fd != -1)
		close(im.fd);
}

CASE(every_type_has_a_name, "any other number is an \"unknown message\"")
{
	uint32_t type;

	for (type = 1; type < IMSG_TYPES; type++)
		ATF_REQUIRE_STREQ(imsg_rules[type].name, imsg_type_name(type));
	ATF_REQUIRE_STREQ("unknown message", imsg_type_name(0));
	ATF_REQUIRE_STREQ("unknown message", imsg_type_name(IMSG_TYPES));
	ATF_REQUIRE_STREQ("unknown message", imsg_type_name(UINT32_MAX));
}

/* close(2) may block, and a panic must not. */
CASE(every_packet_is_accepted_or_refused_by_the_table,
    "a packet of any type, payload size, sender, phase and number of "
    "descriptors is accepted only if the table says so; the descriptors of one "
    "that is refused stay open")
{
	static const size_t   nfds[] = { 0, 1, 2, FDS };
	static const uint32_t strange[] = { 0x7fffffff, 0x80000000, UINT32_MAX,
		0x01000000 };
	const int	      before = (pair(), open_fds());
	uint32_t	      type;
	size_t		      i, how, right, size;

	for (i = 0; i < IMSG_TYPES + 3 + NELEM(strange); i++) {
		type = i < IMSG_TYPES + 3 ? (uint32_t)i :
					    strange[i - IMSG_TYPES - 3];
		right = type < IMSG_TYPES ? imsg_rules[type].size : 0;
		for (size = 0; size < SIZES; size++) {
			for (how = 0; how < 32; how++) {
				/* All of them where it may matter. */
				if (how != size % 32 &&
				    (size + 1 < right || size > right + 1))
					continue;
				require_as_in_table(type, size, nfds[how % 4],
				    how & 4 ? IMSG_FROM_VAULT :
					      IMSG_FROM_NETWORK,
				    1U << (how >> 3));
			}
		}
	}
	ATF_REQUIRE_EQ(before, open_fds());
}

CASE(a_wrong_length_is_refused,
    "a packet is refused if the length in its header is wrong, or it is "
    "shorter than a header or longer than any message")
{
	static const uint32_t lens[] = { 1, 11, 13, 16, 255, 0x7fffffff,
		0x80000000, UINT32_MAX };
	const uint32_t	      cut = sizeof(struct header) + SIZES - 1;
	struct header	      hdr = { IMSG_QUIT, 0, PEERID };
	struct imsg	      im;
	uint32_t	      i;
	int		      before;

	pair();
	before = open_fds();
	for (i = 0; i < NELEM(lens); i++) {
		send_packet(IMSG_QUIT, 0, lens[i], 0);
		require_refused(0);
	}
	for (i = 1; i < sizeof(hdr); i++) {
		hdr.len = i;
		send_raw(&hdr, i, i % 2);
		require_refused(i % 2);
	}
	/* The kernel cuts it to the longest payload. */
	for (i = 0; i < 2; i++) {
		send_packet(IMSG_LOST, 2000, i == 0 ? 0 : cut, i);
		require_refused(i);
	}
	send_packet(IMSG_QUIT, 0, 0, 0);
	ATF_REQUIRE_EQ(IMSG_OK, receive(&im));
	ATF_REQUIRE_EQ(before, open_fds());
}

CASE(packets_from_before_the_end_are_received,
    "packets that were sent before the end are received first, and then "
    "the end; if the other side has left a message unread, this is ECONNRESET")
{
	const struct imsg pong = { .type = IMSG_PONG, .fd = -1 };
	struct imsg	  im;

	pair();
	ATF_REQUIRE_EQ(IMSG_NONE, receive(&im));
	send_packet(IMSG_PING, 4, 0, 0);
	send_packet(IMSG_QUIT, 0, 0, 0);
	close(sp[0]);
	ATF_REQUIRE_EQ(IMSG_OK, receive(&im));
	ATF_REQUIRE_EQ(IMSG_PING, im.type);
	ATF_REQUIRE_EQ(IMSG_OK, receive(&im));
	ATF_REQUIRE_EQ(IMSG_QUIT, im.type);
	ATF_REQUIRE_EQ(IMSG_EOF, receive(&im));
	ATF_REQUIRE_EQ(IMSG_EOF, receive(&im));
	close(sp[1]);
	sp[1] = -1;
	ATF_REQUIRE_EQ(IMSG_EOF, receive(&im));
	pair();
	ATF_REQUIRE_EQ(0, imsg_send(sp[1], &pong, MSG_DONTWAIT));
	close(sp[0]);
	ATF_REQUIRE_EQ(IMSG_EOF, receive(&im));
	ATF_REQUIRE_EQ(IMSG_EOF, receive(&im));
}

CASE(an_empty_packet_is_never_accepted,
    "an empty packet looks like the end; with a descriptor it is refused")
{
	struct imsg im;

	pair();
	send_raw(NULL, 0, 0);
	ATF_REQUIRE_EQ(IMSG_EOF, receive(&im));
	send_raw(NULL, 0, 1);
	require_refused(1);
	send_raw(NULL, 0, 2);
	require_refused(2);
}

CASE(a_descriptor_without_room_is_refused,
    "at the limit of open files a message with a descriptor is refused")
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
	send_packet(IMSG_HELLO, 4, 0, 1);
	ATF_REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
	got = imsg_recv(sp[1], IMSG_FROM_NETWORK, IMSG_UNGUARDED, &im);
	ATF_REQUIRE(setrlimit(RLIMIT_NOFILE, &rl) == 0);
	ATF_REQUIRE_EQ(IMSG_BAD, got);
	ATF_REQUIRE_EQ(-1, im.fd);
	ATF_REQUIRE_EQ(before, open_fds());
}

CASE(a_message_arrives_as_it_was_sent,
    "a message of every type arrives whole, and its descriptor is CLOEXEC")
{
	const struct imsg_rule *r;
	struct imsg		im, got;
	uint32_t		type;

	pair();
	for (type = 1; type < IMSG_TYPES; type++) {
		r = &imsg_rules[type];
		memset(&im, 0, sizeof(im));
		im.type = type;
		im.peerid = 7 + type;
		im.fd = STDERR_FILENO;
		memset(&im.u, 0xa5, r->size);
		ATF_REQUIRE_EQ(0, imsg_send(sp[0], &im, 0));
		ATF_REQUIRE_EQ(IMSG_OK,
		    imsg_recv(sp[1], r->from, r->when & ~(r->when - 1), &got));
		ATF_REQUIRE_EQ(type, got.type);
		ATF_REQUIRE_EQ(im.peerid, got.peerid);
		/* NOLINTNEXTLINE: both were filled, padding included */
		ATF_REQUIRE(memcmp(&im.u, &got.u, sizeof(im.u)) == 0);
		ATF_REQUIRE_EQ(r->fds, got.fd != -1);
		if (got.fd == -1)
			continue;
		ATF_REQUIRE(got.fd > STDERR_FILENO);
		ATF_REQUIRE((fcntl(got.fd, F_GETFD) & FD_CLOEXEC) != 0);
		close(got.fd);
	}
}

CASE(sending_fails_and_never_blocks,
    "imsg_send() fails with EAGAIN when the other side does not read, and with "
    "EPIPE when it has ended")
{
	const struct imsg pong = { .type = IMSG_PONG, .fd = -1 };
	struct imsg	  im;
	int		  i, sent = 0;

	ATF_REQUIRE(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	pair();
	while (imsg_send(sp[0], &pong, MSG_DONTWAIT) == 0)
		ATF_REQUIRE(++sent < 1000000);
	ATF_REQUIRE_EQ(EAGAIN, errno);
	for (i = 0; i < sent; i++)
		ATF_REQUIRE_EQ(IMSG_OK,
		    imsg_recv(sp[1], IMSG_FROM_VAULT, IMSG_GUARDED, &im));
	ATF_REQUIRE_EQ(IMSG_NONE,
	    imsg_recv(sp[1], IMSG_FROM_VAULT, IMSG_GUARDED, &im));
	close(sp[1]);
	ATF_REQUIRE_EQ(-1, imsg_send(sp[0], &pong, MSG_DONTWAIT));
	ATF_REQUIRE_EQ(EPIPE, errno);
	ATF_REQUIRE_EQ(-1, imsg_send(sp[0], &pong, 0));
	ATF_REQUIRE_EQ(EPIPE, errno);
}
