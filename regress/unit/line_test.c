/* SPDX-License-Identifier: ISC */
/*
 * Finding a line in a buffer.
 */
#include <atf-c.h>
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

	return (atf_no_error());
}
