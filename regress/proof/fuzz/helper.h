/* SPDX-License-Identifier: ISC */
/*
 * The world of the fuzz target "helper": what the helpers of dazaictl read,
 * write and call.  helper.c has the rules.
 */
#ifndef HELPER_H
#define HELPER_H

#include "fuzz.h"
#include "name.h"

#define TEXT 4096

/* The environment, in fuzz_how. */
enum {
	NO_FILE = 1,
	BAD_FILE = 2,
	NO_OTHER = 4,
	WATCHED = 8,
	NO_HOME = 16,
	INTERRUPTED = 32
};

struct text {
	char   at[TEXT];
	size_t len, read;
};

extern struct helper {
	struct text file, asks, secret, others;
	char   out[16 * TEXT]; /* all that was written to standard output */
	size_t outlen;
	char   name_asked[NAME_BYTES]; /* the secret that was fetched last */
	bool   interrupted;	       /* by a signal, or not any more */
	bool   forked;		       /* there is another pinentry */
} helper;

void helper_begin(void);
void helper_end(void);

#endif
