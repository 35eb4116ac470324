/* SPDX-License-Identifier: ISC */
/*
 * Lines of the heartbeat protocol: finding them, and reading them.
 */
#include <atf-c.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "line.h"

#define NELEM(a)  (sizeof(a) / sizeof((a)[0]))
#define UNTOUCHED 77777

/*
 * The line in len bytes of from, or NULL.  The bytes are in memory of just that
 * size, so that a sanitizer or valgrind sees a step too far.
 */
static const char *
next(const char *from, size_t len, size_t *used)
{
	static char *buf;
	const char  *line;

	free(buf);
	buf = malloc(len != 0 ? len : 1);
	ATF_REQUIRE(buf != NULL);
	memcpy(buf, from, len);
	*used = UNTOUCHED;
	line = line_next(buf, len, used);
	if (line != NULL) {
		ATF_REQUIRE(*used > 0 && *used <= len);
		ATF_REQUIRE(line >= buf && line < buf + *used);
		ATF_REQUIRE(
		    memchr(line, '\0', *used - (size_t)(line - buf)) != NULL);
	} else {
		ATF_REQUIRE(*used == UNTOUCHED);
		ATF_REQUIRE(memcmp(buf, from, len) == 0);
	}
	return (line);
}

/* From a string: its line is want, and takes all but what is left of it. */
static void
require_line(const char *from, const char *want, size_t left)
{
	size_t	    used;
	const char *line = next(from, strlen(from), &used);

	ATF_REQUIRE_MSG(line != NULL, "\"%s\": no line", from);
	ATF_REQUIRE_STREQ_MSG(want, line, "\"%s\"", from);
	ATF_REQUIRE_EQ_MSG(strlen(from) - left, used, "\"%s\"", from);
}

static void
require_no_line(const char *from)
{
	size_t used;

	ATF_REQUIRE_MSG(next(from, strlen(from), &used) == NULL, "\"%s\"",
	    from);
}

static void
require_verb(const char *line, enum line_verb want)
{
	pid_t pid = UNTOUCHED;

	ATF_REQUIRE_EQ_MSG(want, line_parse(line, &pid), "\"%s\"", line);
	ATF_REQUIRE_EQ(UNTOUCHED, pid);
}

static void
require_hello(const char *line, pid_t want)
{
	pid_t pid = UNTOUCHED;

	ATF_REQUIRE_EQ_MSG(LINE_HELLO, line_parse(line, &pid), "\"%s\"", line);
	ATF_REQUIRE_EQ(want, pid);
}

ATF_TC_WITHOUT_HEAD(a_line_ends_at_its_newline);
ATF_TC_BODY(a_line_ends_at_its_newline, tc)
{
	require_line("PING\n", "PING", 0);
	require_line("PING\nPONG\n", "PING", 5);
	require_line("PING\nHEL", "PING", 3);
	require_line("\n", "", 0);
	require_line("\n\n\n", "", 2);
	require_line("HELLO 1\n", "HELLO 1", 0);
}

ATF_TC_WITHOUT_HEAD(without_a_newline_there_is_no_line);
ATF_TC_BODY(without_a_newline_there_is_no_line, tc)
{
	require_no_line("");
	require_no_line("PING");
	require_no_line("PING\r");
	require_no_line("PING\r\r\t ");
}

ATF_TC_WITHOUT_HEAD(one_cr_before_the_newline_is_dropped);
ATF_TC_BODY(one_cr_before_the_newline_is_dropped, tc)
{
	require_line("PING\r\n", "PING", 0);
	require_line("PING\r\r\n", "PING\r", 0);
	require_line("\r\n", "", 0);
	require_line("\r\r\n", "\r", 0);
	require_line("PI\rNG\n", "PI\rNG", 0);
	require_line("\rPING\n", "\rPING", 0);
	require_line("PING \r\n", "PING", 0);
	require_line("PING\r \n", "PING\r", 0);
}

ATF_TC_WITHOUT_HEAD(blanks_around_a_line_do_not_count);
ATF_TC_BODY(blanks_around_a_line_do_not_count, tc)
{
	require_line(" PING \n", "PING", 0);
	require_line("\t \tPING\t \t\r\n", "PING", 0);
	require_line("  \t  \n", "", 0);
	require_line(" \r\n", "", 0);
	require_line("HELLO \t 1\n", "HELLO \t 1", 0);
	require_line("\vPING\f\n", "\vPING\f", 0);
	require_line(" \n PING\n", "", 6);
}

ATF_TC_WITHOUT_HEAD(a_line_with_a_nul_is_an_empty_one);
ATF_TC_BODY(a_line_with_a_nul_is_an_empty_one, tc)
{
	static const struct {
		const char *bytes;
		size_t	    len, used;
	} lines[] = { { "\0\n", 2, 2 }, { "PING\0\n", 6, 6 },
		{ "\0PING\n", 6, 6 }, { "PI\0NG\n", 6, 6 },
		{ "PING\0\r\n", 7, 7 }, { "\0\0\0\nPING\n", 9, 4 },
		{ "PING\r\0\n", 7, 7 }, { "HELLO 1\0002\n", 10, 10 } };
	const char *line;
	size_t	    i, used;

	for (i = 0; i < NELEM(lines); i++) {
		line = next(lines[i].bytes, lines[i].len, &used);
		ATF_REQUIRE(line != NULL);
		ATF_REQUIRE_STREQ_MSG("", line, "%zu", i);
		ATF_REQUIRE_EQ_MSG(lines[i].used, used, "%zu", i);
	}
	/* One that comes after the line is the next line's. */
	line = next("PING\nPI\0NG\n", 11, &used);
	ATF_REQUIRE(line != NULL);
	ATF_REQUIRE_STREQ("PING", line);
	ATF_REQUIRE_EQ(5, used);
	ATF_REQUIRE(next("PI\0NG", 5, &used) == NULL);
}

/* The newline is the last of the 8192 that a line may have. */
ATF_TC_WITHOUT_HEAD(the_longest_line_fits_in_the_buffer);
ATF_TC_BODY(the_longest_line_fits_in_the_buffer, tc)
{
	static char buf[LINE_BYTES + 1];
	const char *line;
	size_t	    used;

	memset(buf, 'x', sizeof(buf));
	buf[LINE_BYTES - 1] = '\n';
	line = next(buf, LINE_BYTES, &used);
	ATF_REQUIRE(line != NULL);
	ATF_REQUIRE_EQ(LINE_BYTES, used);
	ATF_REQUIRE_EQ(LINE_BYTES - 1, strlen(line));

	buf[LINE_BYTES - 1] = 'x';
	buf[LINE_BYTES] = '\n';
	ATF_REQUIRE(next(buf, LINE_BYTES, &used) == NULL);
	line = next(buf, LINE_BYTES + 1, &used);
	ATF_REQUIRE(line != NULL);
	ATF_REQUIRE_EQ(LINE_BYTES, strlen(line));
}

/* A verb in the middle of as many blanks as a line may have. */
ATF_TC_WITHOUT_HEAD(a_line_may_be_nearly_all_blanks);
ATF_TC_BODY(a_line_may_be_nearly_all_blanks, tc)
{
	static char buf[LINE_BYTES];
	const char *line;
	size_t	    used;

	memset(buf, ' ', sizeof(buf));
	(void)stpncpy(buf + 4000, "ping", 4);
	buf[LINE_BYTES - 1] = '\n';
	line = next(buf, LINE_BYTES, &used);
	ATF_REQUIRE(line != NULL);
	ATF_REQUIRE_STREQ("ping", line);
	ATF_REQUIRE_EQ(LINE_BYTES, used);
}

ATF_TC_WITHOUT_HEAD(bytes_above_ascii_are_only_bytes);
ATF_TC_BODY(bytes_above_ascii_are_only_bytes, tc)
{
	require_line("\xff\xfe\n", "\xff\xfe", 0);
	require_line("\xc2\xa0PING\n", "\xc2\xa0PING", 0);
	require_verb("\xff", LINE_UNKNOWN);
	require_verb("P\xc4\xb0NG", LINE_UNKNOWN);
	require_verb("HELLO\xc2\xa0"
		     "5",
	    LINE_UNKNOWN);
	require_verb("HELLO \xd9\xa5", LINE_BAD_PID);
}

ATF_TC_WITHOUT_HEAD(verbs_are_known_in_any_case);
ATF_TC_BODY(verbs_are_known_in_any_case, tc)
{
	require_verb("PING", LINE_PING);
	require_verb("ping", LINE_PING);
	require_verb("pInG", LINE_PING);
	require_verb("CANCEL", LINE_CANCEL);
	require_verb("Cancel", LINE_CANCEL);
	require_verb("QUIT", LINE_QUIT);
	require_verb("quit", LINE_QUIT);
	require_hello("HELLO 5", 5);
	require_hello("hello 5", 5);
	require_hello("HeLLo 5", 5);
}

ATF_TC_WITHOUT_HEAD(what_is_no_verb_is_unknown);
ATF_TC_BODY(what_is_no_verb_is_unknown, tc)
{
	static const char *const lines[] = { "", " ", "P", "PIN", "PINGS",
		"PING ", " PING", "PING PING", "PING 1", "PING\r", "\rPING",
		"CANCEL now", "CANCELLED", "QUITS", "QUIT 0", "BYE", "WELCOME",
		"PONG", "BUSY", "HELL", "HELLO5", "HELLOO 5", "HELLO,5",
		"HELLO=5", "HELLO\r5", "HELLO\v5", "HELLO-1", "XHELLO 1",
		"STATUS", "ARM", "GET x", "PUT x 1", "PANIC", "EHLO 5", "%s",
		"\x1b[2J" };
	size_t			 i;

	for (i = 0; i < NELEM(lines); i++)
		require_verb(lines[i], LINE_UNKNOWN);
}

ATF_TC_WITHOUT_HEAD(hello_takes_a_positive_number);
ATF_TC_BODY(hello_takes_a_positive_number, tc)
{
	require_hello("HELLO 1", 1);
	require_hello("HELLO 007", 7);
	require_hello("HELLO    12", 12);
	require_hello("HELLO\t12", 12);
	require_hello("HELLO \t \t 12", 12);
	require_hello("HELLO 2147483647", INT_MAX);
}

ATF_TC_WITHOUT_HEAD(hello_with_anything_else_is_a_bad_pid);
ATF_TC_BODY(hello_with_anything_else_is_a_bad_pid, tc)
{
	static const char *const lines[] = { "HELLO", "HELLO ", "HELLO \t",
		"HELLO 0", "HELLO 000", "HELLO -1", "HELLO +1", "HELLO -0",
		"HELLO 2147483648", "HELLO 4294967297",
		"HELLO 18446744073709551617",
		"HELLO 99999999999999999999999999", "HELLO 1 2", "HELLO 1 ",
		"HELLO 1x", "HELLO x1", "HELLO 0x1", "HELLO 1.0", "HELLO 1e1",
		"HELLO nan", "HELLO inf", "HELLO 1\r", "HELLO 1,", "HELLO %d",
		"HELLO $$", "hello world", "HELLO HELLO 1" };
	size_t			 i;

	for (i = 0; i < NELEM(lines); i++)
		require_verb(lines[i], LINE_BAD_PID);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, a_line_ends_at_its_newline);
	ATF_TP_ADD_TC(tp, without_a_newline_there_is_no_line);
	ATF_TP_ADD_TC(tp, one_cr_before_the_newline_is_dropped);
	ATF_TP_ADD_TC(tp, blanks_around_a_line_do_not_count);
	ATF_TP_ADD_TC(tp, a_line_with_a_nul_is_an_empty_one);
	ATF_TP_ADD_TC(tp, the_longest_line_fits_in_the_buffer);
	ATF_TP_ADD_TC(tp, a_line_may_be_nearly_all_blanks);
	ATF_TP_ADD_TC(tp, bytes_above_ascii_are_only_bytes);
	ATF_TP_ADD_TC(tp, verbs_are_known_in_any_case);
	ATF_TP_ADD_TC(tp, what_is_no_verb_is_unknown);
	ATF_TP_ADD_TC(tp, hello_takes_a_positive_number);
	ATF_TP_ADD_TC(tp, hello_with_anything_else_is_a_bad_pid);

	return (atf_no_error());
}
