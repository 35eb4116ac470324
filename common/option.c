/* SPDX-License-Identifier: ISC */
/* Errors in the values of options. */
#include <err.h>
#include <stddef.h>

#include "name.h"
#include "option.h"

/*
 * Ends the program with exit 1 if why says what is wrong with the value of an
 * option, whose name is without its dashes.
 */
void
option_check(const char *option, const char *value, const char *why)
{
	if (why != NULL)
		errx(1, "--%s: %s: %s", option, value, why);
}

/* Returns what is wrong with the name of a tether, or NULL. */
const char *
option_tether(const char *name)
{
	if (!name_tether_ok(name))
		return ("not 1 to 16 of a-z, 0-9 and '-'");
	return (NULL);
}
