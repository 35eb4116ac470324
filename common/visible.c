/* SPDX-License-Identifier: ISC */
/*
 * Text that another user or another program has chosen, for a terminal.
 */
#define LIBBSD_OPENBSD_VIS /* or <bsd/vis.h> warns of strnvis(3) */
#include <bsd/vis.h>
#include <string.h>

#include "visible.h"

#define VISIBLE_CHAR 5 /* bytes of one character and a NUL, at most */

/*
 * Writes text to shown, of size bytes, with its control characters as vis(3)
 * shows them, because a terminal would obey them.  Of a text that is too long,
 * writes the beginning.  strnvisx(3) of libbsd writes a byte too many then.
 */
void
visible_text(const char *text, char *shown, size_t size)
{
	char   c[VISIBLE_CHAR];
	size_t len;

	for (*shown = '\0'; *text != '\0'; text++) {
		len = (size_t)(vis(c, (unsigned char)*text,
				   VIS_OCTAL | VIS_TAB | VIS_NL, text[1]) -
		    c);
		if (len >= size)
			break;
		memcpy(shown, c, len + 1);
		shown += len;
		size -= len;
	}
}
