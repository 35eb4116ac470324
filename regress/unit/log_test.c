/* SPDX-License-Identifier: ISC */
/*
 * The log: where a line goes, and that none of them can hold up the vault.
 * behaviour/log_test.sh has each kind of standard error.
 */
#include <sys/socket.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "case.h"
#include "imsg.h"
#include "log.h"

static int sp[2]; /* network's end, and the vault's */

/* A vault whose standard error is fd, and which network writes the log for. */
static void
relay(int fd, int verbose)
{
	ATF_REQUIRE(
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) == 0);
	ATF_REQUIRE(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
	log_open(true, verbose);
	log_role("vault");
	log_relay(sp[1]);
}

static int
file(void)
{
	const int fd = open("log", O_RDWR | O_CREAT | O_TRUNC, 0600);

	ATF_REQUIRE(fd != -1);
	return (fd);
}

static enum imsg_result
receive(struct imsg *im)
{
	return (imsg_recv(sp[0], IMSG_FROM_VAULT, IMSG_GUARDED, im));
}

static void
require_relayed(const char *text, uint32_t priority)
{
	struct imsg im;

	ATF_REQUIRE_EQ(IMSG_OK, receive(&im));
	ATF_REQUIRE_EQ(IMSG_LOG, im.type);
	ATF_REQUIRE_STREQ(text, im.u.log.text);
	ATF_REQUIRE_EQ(priority, im.u.log.priority);
}

/* Standard error, which is fd, has this and nothing else. */
static void
require_written(int fd, const char *text)
{
	char	buf[1024] = "";
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	ATF_REQUIRE(n >= 0);
	ATF_REQUIRE_STREQ(text, buf);
}

CASE(a_line_is_relayed_until_it_is_no_longer,
    "each line goes to network as a message, and after log_relay(-1) to "
    "standard error")
{
	const int   fd = file();
	struct imsg im;

	relay(fd, 0);
	ATF_REQUIRE(log_is_relayed() && log_is_file());
	log_info("ready, %d secrets", 5);
	log_alert("one", " and ", "two");
	require_relayed("vault: ready, 5 secrets", LOG_INFO);
	require_relayed("vault: one and two", LOG_ALERT);
	require_written(fd, "");
	log_relay(-1);
	ATF_REQUIRE(!log_is_relayed());
	log_alert("wiped");
	ATF_REQUIRE_EQ(IMSG_NONE, receive(&im));
	require_written(fd, "dazaid: vault: wiped\n");
}

CASE(lines_leave_room_for_answers,
    "10000 lines that a stuck network does not read leave room for 100 "
    "answers")
{
	const struct imsg pong = { .type = IMSG_PONG, .fd = -1 };
	struct imsg	  im;
	int		  i, lines = 0, answers = 0;

	relay(file(), 1);
	for (i = 0; i < 10000; i++)
		log_debug("line %d", i);
	for (i = 0; i < 10; i++)
		log_info("line %d", i);
	for (i = 0; i < 100; i++)
		ATF_REQUIRE_EQ(0, imsg_send(sp[1], &pong, MSG_DONTWAIT));
	while (receive(&im) == IMSG_OK) {
		if (im.type == IMSG_LOG)
			lines++;
		else
			answers++;
	}
	ATF_REQUIRE_EQ(100, answers);
	ATF_REQUIRE(lines >= 30 && lines < 10000);
	/* And when network has read them there is room for lines again. */
	log_debug("again");
	require_relayed("vault: again", LOG_DEBUG);
}

CASE(without_network_a_line_is_dropped,
    "a line that cannot be relayed is not written elsewhere")
{
	const int fd = file();

	relay(fd, 0);
	close(sp[0]);
	log_info("ready");
	require_written(fd, "");
}

CASE(a_line_that_is_too_long_is_cut,
    "a line is cut to the size of its message, and still ends with a newline")
{
	static char long_text[2000];
	struct imsg im;
	const int   fd = file();
	char	    buf[1024];

	memset(long_text, 'x', sizeof(long_text) - 1);
	relay(fd, 0);
	log_info("%s", long_text);
	log_alert(long_text, "y");
	ATF_REQUIRE_EQ(IMSG_OK, receive(&im));
	ATF_REQUIRE_EQ(IMSG_LOG_BYTES - 1, strlen(im.u.log.text));
	ATF_REQUIRE_EQ(IMSG_OK, receive(&im));
	ATF_REQUIRE_EQ(IMSG_LOG_BYTES - 1, strlen(im.u.log.text));
	log_relay(-1);
	log_write(&im.u.log);
	ATF_REQUIRE_EQ(8 + IMSG_LOG_BYTES, pread(fd, buf, sizeof(buf), 0));
	ATF_REQUIRE_EQ('\n', buf[8 + IMSG_LOG_BYTES - 1]);
}
