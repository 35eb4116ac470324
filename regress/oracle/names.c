/* SPDX-License-Identifier: ISC */
/*
 * The rules of dazai-protocol(7) for names.  They look at one byte more than a
 * name may have, and at no other, because a name need not end with a NUL.
 */
#include <string.h>

#include "names.h"

#define SECRET_MOST 128
#define TETHER_MOST 16

bool
names_secret_ok(const char *name)
{
	const size_t len = strnlen(name, SECRET_MOST + 1);

	return (len > 0 && len <= SECRET_MOST && name[0] != '-' &&
	    strcmp(name, "*") != 0 &&
	    strspn(name,
		"abcdefghijklmnopqrstuvwxyz!#$%&()*+,-./:;<=>?@[]^_`{|}~"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == len);
}

bool
names_tether_ok(const char *name)
{
	const size_t len = strnlen(name, TETHER_MOST + 1);

	return (len > 0 && len <= TETHER_MOST &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz-0123456789") == len);
}
