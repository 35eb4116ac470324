/* SPDX-License-Identifier: ISC */
/*
 * Parses the options of a command line, and reports errors in them.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "name.h"
#include "oneline.h"
#include "option.h"

/*
 * As getopt_long(3).  Its error messages contain the arguments as they are.  So
 * if an argument has control characters, option_next() prints the message
 * instead.
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
	letter[1] = (char)optopt; /* 0: an unknown long option */
	warnx("%s: not an option, or its value is missing",
	    oneline(optopt != 0 ? letter : argv[optind - 1]));
	return (ch);
}

/*
 * Ends the program with exit 1 and the message why, unless that is NULL.
 * option is the name without its dashes.
 */
void
option_check(const char *option, const char *value, const char *why)
{
	if (why != NULL)
		errx(1, "--%s: %s: %s", option, oneline(value), why);
}

/*
 * Returns an error message if a tether to hold cannot have this name; or NULL.
 */
const char *
option_tether(const char *name)
{
	if (!name_tether_ok(name))
		return ("not 1 to 16 of a-z, 0-9 and '-'");
	if (strcmp(name, "heartbeat") == 0)
		return ("only dazai-hb without -n holds this one");
	return (NULL);
}
