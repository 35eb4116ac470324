/* SPDX-License-Identifier: ISC */
/* What a line asks for, parsed independently of the daemon. */
#ifndef WANT_H
#define WANT_H

#include "net.h"

struct want {
	struct imsg im;	     /* type 0: there is no such verb */
	const char *refusal; /* the word that it is refused with, or NULL */
	bool	    put;     /* a refusal closes the connection */
};

bool want_is_put(const char *);
void want_of(const struct client *, const struct line *, struct want *);

#endif
