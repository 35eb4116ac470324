/* SPDX-License-Identifier: ISC */
/* A client's connection as network has it: what becomes of answers. */
#include <sys/socket.h>

#include <errno.h>
#include <seccomp.h>
#include <unistd.h>

#include "case.h"
#include "conn.h"

/* From now on send(2) fails, as it may when there is no memory. */
static void
no_sending(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	ATF_REQUIRE(ctx != NULL);
	ATF_REQUIRE_EQ(
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOBUFS), SCMP_SYS(sendto), 0),
	    0);
#ifdef __i386__ /* send(2) is socketcall(2) */
	ATF_REQUIRE_EQ(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOBUFS),
			   SCMP_SYS(socketcall), 1, SCMP_A0(SCMP_CMP_EQ, 9)),
	    0);
#endif
	ATF_REQUIRE_EQ(seccomp_load(ctx), 0);
	seccomp_release(ctx);
}

CASE(nothing_follows_what_is_lost,
    "after send(2) has failed, no later answer is sent on the connection")
{
	static char bufs[CONN_BUFS];
	struct conn c;
	char	    byte;
	int	    sp[2];

	conn_init(&c, bufs);
	conn_open(&c, socket(AF_UNIX, SOCK_STREAM, 0), 0);
	conn_answer(&c, "first\n");
	conn_flush(&c);
	ATF_CHECK(c.broken);
	ATF_CHECK_EQ(c.out, 0);
	/* It can send again, and must not: the first line is missing. */
	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sp) == 0);
	ATF_REQUIRE(dup2(sp[0], c.fd) == c.fd);
	conn_answer(&c, "OK\n");
	conn_flush(&c);
	ATF_CHECK_EQ(recv(sp[1], &byte, 1, MSG_DONTWAIT), -1);
}

CASE(the_loss_shows,
    "after send(2) has failed, the client reads the end, and is still "
    "heard")
{
	static char bufs[CONN_BUFS];
	struct conn c;
	char	    byte;
	int	    sp[2];

	conn_init(&c, bufs);
	ATF_REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sp) == 0);
	conn_open(&c, sp[0], 0);
	no_sending();
	conn_answer(&c, "OK\n");
	conn_flush(&c);
	ATF_CHECK(c.broken);
	ATF_CHECK_EQ(recv(sp[1], &byte, 1, MSG_DONTWAIT), 0);
	/* What the client sends is still handled. */
	ATF_CHECK_EQ(write(sp[1], "x", 1), 1);
	ATF_CHECK_EQ(recv(sp[0], &byte, 1, MSG_DONTWAIT), 1);
}
