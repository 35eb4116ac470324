/* SPDX-License-Identifier: ISC */
/* What can be the name of a secret. */
#include <string.h>

#include "name.h"

/* Whether name, a string, is what NAME_RULE says. */
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
