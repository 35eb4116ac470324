/* SPDX-License-Identifier: ISC */
/* The options of a command line, and what is wrong with them. */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "name.h"
#include "oneline.h"
#include "option.h"

/*
 * As getopt_long(3).  That says itself what is wrong, and shows words as they
 * are, so if oneline() shows one of them otherwise, this says it instead.
 */
int
option_next(int argc, char *argv[], const char *shorts,
    const struct option *longs)
{
	char letter[] = "-?";
	int  ch, i;

	opterr = 1;
	for (i = 0; i < argc; i++) {
		if (strcmp(argv[i], oneline(argv[i])) != 0)
			opterr = 0;
	}
	ch = getopt_long(argc, argv, shorts, longs, NULL);
	if (ch != '?' || opterr != 0)
		return (ch);
	letter[1] = (char)optopt; /* 0: a long option that there is not */
	warnx("%s: not an option, or its value is missing",
	    oneline(optopt != 0 ? letter : argv[optind - 1]));
	return (ch);
}

/*
 * Ends the program with exit 1 if why says what is wrong with the value of an
 * option, whose name is without its dashes.
 */
void
option_check(const char *option, const char *value, const char *why)
{
	if (why != NULL)
		errx(1, "--%s: %s: %s", option, oneline(value), why);
}

/* Returns what is wrong with the name of a tether to hold, or NULL. */
const char *
option_tether(const char *name)
{
	if (!name_tether_ok(name))
		return ("not 1 to 16 of a-z, 0-9 and '-'");
	if (strcmp(name, "heartbeat") == 0)
		return ("only dazai-hb without -n holds this one");
	return (NULL);
}
