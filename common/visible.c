/* SPDX-License-Identifier: ISC */
/*
 * Makes text that another user or program has chosen safe for a terminal.
 */
#define LIBBSD_OPENBSD_VIS /* or <bsd/vis.h> warns of strnvis(3) */
#include <bsd/vis.h>
#include <string.h>

#include "visible.h"

#define VISIBLE_CHAR 5 /* bytes of one character and a NUL, at most */

/*
 * Writes text to shown, of size bytes, cut off if it is too long.  Encodes
 * control characters as by vis(3), because a terminal would obey them.
 * strnvisx(3) of libbsd would write a byte beyond shown if the text is too
 * long.
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
