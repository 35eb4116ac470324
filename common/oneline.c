/* SPDX-License-Identifier: ISC */
/*
 * Keeps a message one line, whatever is in arguments and paths.
 */
#include <stddef.h>

#include "oneline.h"

#define ONELINE_BYTES 4096

/*
 * Returns the length of the control character at c, in ASCII or UTF-8; 0 if the
 * character at c is another one.
 */
static size_t
oneline_control(const unsigned char *c)
{
	if (*c < ' ' || *c == 0x7f)
		return (1);
	return (c[0] == 0xc2 && (c[1] & 0xe0) == 0x80 ? 2 : 0);
}

/*
 * Returns text with its control characters encoded as by vis(3) with VIS_OCTAL,
 * cut off if it is too long.  Valid until the next call.  Keeps errno, and
 * allocates nothing.
 */
const char *
oneline(const char *text)
{
	static char	     shown[ONELINE_BYTES];
	const unsigned char *c = (const unsigned char *)text;
	size_t		     n = 0, hidden = 0;

	for (; *c != '\0' && n < sizeof(shown) - 4; c++) {
		if (hidden == 0)
			hidden = oneline_control(c);
		if (hidden == 0) {
			shown[n++] = (char)*c;
			continue;
		}
		hidden--;
		shown[n++] = '\\';
		shown[n++] = (char)('0' + (*c >> 6));
		shown[n++] = (char)('0' + ((*c >> 3) & 7));
		shown[n++] = (char)('0' + (*c & 7));
	}
	shown[n] = '\0';
	return (shown);
}
