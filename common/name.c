/* SPDX-License-Identifier: ISC */
/*
 * Checks the names of secrets and tethers.
 */
#include <string.h>

#include "name.h"

/* Returns whether name, a string, follows NAME_RULE. */
bool
name_ok(const char *name)
{
	size_t len = 0;

	while (name[len] > ' ' && name[len] <= '~' &&
	    strchr("\"'\\", name[len]) == NULL)
		len++;
	return (len > 0 && len < NAME_BYTES && name[len] == '\0' &&
	    name[0] != '-' && strcmp(name, NAME_ALL) != 0);
}

/* Returns whether a tether may have this name: 1 to 16 of a-z, 0-9, '-'. */
bool
name_tether_ok(const char *name)
{
	const size_t len = strlen(name);

	return (len > 0 && len <= NAME_TETHER &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len);
}
