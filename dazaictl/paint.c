/* SPDX-License-Identifier: ISC */
/*
 * Colours on standard output, if it is a terminal that has them and the user
 * has not set NO_COLOR.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "paint.h"

static bool
paint_wanted(void)
{
	const char *term = getenv("TERM");

	return (isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL &&
	    term != NULL && *term != '\0' && strcmp(term, "dumb") != 0);
}

/* Returns the escape sequence of this colour; PAINT_OFF ends the colour. */
const char *
paint(enum paint colour)
{
	static const char *const codes[] = { [PAINT_GOOD] = "\033[32m",
		[PAINT_BAD] = "\033[1;31m",
		[PAINT_HEAD] = "\033[1m",
		[PAINT_OFF] = "\033[0m" };

	return (paint_wanted() ? codes[colour] : "");
}
