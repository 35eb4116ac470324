/* SPDX-License-Identifier: ISC */
/*
 * Lines, cut out of a buffer.  replay_network shows what becomes
 * of each line; here, that no byte before the line is touched.
 */
#include <stdio.h>
#include <string.h>

#include "case.h"
#include "line.h"

CASE(what_is_before_the_line_is_left_alone,
    "an empty line, or one of blanks, cuts nothing off the bytes before it")
{
	static const char *const befores[] = { "\r", " ", "\t", "\r\r" };
	char			 buf[8];
	size_t			 i, len, used;
	const char		*line;

	for (i = 0; i < NELEM(befores); i++) {
		len = strlen(befores[i]);
		(void)snprintf(buf, sizeof(buf), "%s\n", befores[i]);
		line = line_next(buf + len, 1, &used);
		ATF_REQUIRE_EQ(1, used);
		ATF_REQUIRE_STREQ("", line);
		ATF_REQUIRE(memcmp(buf, befores[i], len) == 0);
	}
}
