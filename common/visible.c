/* SPDX-License-Identifier: ISC */
/*
 * Text that another user or another program has chosen, for a terminal.
 */
#define LIBBSD_OPENBSD_VIS /* or <bsd/vis.h> warns of strnvis(3) */
#include <bsd/vis.h>
#include <string.h>

#include "visible.h"

/*
 * Writes text to shown, of size bytes, with its control characters as vis(3)
 * shows them, because a terminal would obey them.  Of a text that is too long,
 * writes the beginning.
 */
void
visible_text(const char *text, char *shown, size_t size)
{
	size_t len = strnlen(text, size - 1);

	while (strnvisx(shown, size, text, len, VIS_OCTAL | VIS_TAB | VIS_NL) ==
	    -1)
		len--;
}
