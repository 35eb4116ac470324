/* SPDX-License-Identifier: ISC */
/*
 * The heartbeat protocol's lines: finding one in a buffer, and reading it.
 * Works on the caller's buffer, holds no state and allocates nothing.
 */
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "line.h"
#include "num.h"

static int
line_blank(char c)
{
	return (c == ' ' || c == '\t');
}

/*
 * If buf, len bytes, holds a whole line, ends it with a NUL in the place of its
 * newline, sets *used to the bytes that it took, newline included, and returns
 * it without a \r before the newline and without the blanks around it.  NULL if
 * there is none.  A line with a NUL byte inside is returned as an empty one.
 */
char *
line_next(char *buf, size_t len, size_t *used)
{
	char *end, *start = buf;

	if ((end = memchr(buf, '\n', len)) == NULL)
		return (NULL);
	*used = (size_t)(end - buf) + 1;
	*end = '\0';
	if (memchr(buf, '\0', *used - 1) != NULL)
		return (end);
	if (end > start && end[-1] == '\r')
		*--end = '\0';
	while (line_blank(*start))
		start++;
	while (end > start && line_blank(end[-1]))
		*--end = '\0';
	return (start);
}

/* Which verb a line is; for LINE_HELLO *pid is the pid that it names. */
enum line_verb
line_parse(const char *line, pid_t *pid)
{
	int64_t n;

	if (strcasecmp(line, "PING") == 0)
		return (LINE_PING);
	if (strcasecmp(line, "CANCEL") == 0)
		return (LINE_CANCEL);
	if (strcasecmp(line, "QUIT") == 0)
		return (LINE_QUIT);
	if (strncasecmp(line, "HELLO", 5) != 0 ||
	    (line[5] != '\0' && !line_blank(line[5])))
		return (LINE_UNKNOWN);
	for (line += 5; line_blank(*line); line++)
		;
	if (num_int(line, 1, INT_MAX, &n) != NULL)
		return (LINE_BAD_PID);
	*pid = (pid_t)n;
	return (LINE_HELLO);
}
