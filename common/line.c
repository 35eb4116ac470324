/* SPDX-License-Identifier: ISC */
/*
 * Finds lines in a buffer.  Works on the caller's buffer, holds no state and
 * allocates nothing.
 */
#include <string.h>

#include "line.h"

static int
line_blank(char c)
{
	return (c == ' ' || c == '\t');
}

/*
 * Returns the first line of buf, len bytes, or NULL if its newline is not there
 * yet.  The line ends with a NUL; a \r before the newline and the blanks around
 * the line are cut off.  A line with a NUL byte in it becomes an empty one.
 * *used is how many bytes of buf the line took, with its newline.
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
