/* SPDX-License-Identifier: ISC */
/*
 * The declarations that the files of the fuzz target "program" share.
 * program_world.c has what a whole program reads, writes and calls; option.c
 * and helper.c have the rules.
 */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "fuzz.h"
#include "name.h"

#define TEXT 4096

/* The environment of a helper, in fuzz_how. */
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

extern struct world {
	struct text file, asks, secret, others;
	char   out[16 * TEXT]; /* all that was written to standard output */
	size_t outlen;
	char   name_asked[NAME_BYTES]; /* the secret that was fetched last */
	bool   interrupted;	       /* by a signal, or not any more */
	bool   forked;		       /* there is another pinentry */
	char  *printed;		       /* by stdio, to standard output */
	size_t printedlen;
} world;

/* The programs, by the first byte of the input. */
enum {
	DAZAID,
	HB,
	DAZAICTL,
	ASKPASS,
	GIT,
	DOCKER,
	DOCKER_LIST,
	PINENTRY,
	PROGRAMS
};

extern unsigned int program_now;

void world_begin(void);
void world_end(void);
void option_run(void);
void option_ended(int);
void helper_run(void);

#endif
