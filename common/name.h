/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_NAME_H
#define DAZAI_NAME_H

#include <stdbool.h>

#define NAME_BYTES 129 /* of a secret's name, with its NUL */
#define NAME_ALL   "*" /* not a name: it means every secret */

/* The error message for an invalid name. */
#define NAME_RULE                                                 \
	"a name is 1 to 128 printable ASCII characters, without " \
	"blanks, quotes and backslashes, does not begin with -, " \
	"and is not *"

#define NAME_TETHER	  16 /* letters of a tether's name, at most */
#define NAME_TETHER_BYTES (NAME_TETHER + 1) /* with its NUL */

bool name_ok(const char *);
bool name_tether_ok(const char *);

#endif
