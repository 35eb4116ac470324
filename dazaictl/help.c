/* SPDX-License-Identifier: ISC */
/*
 * The usage of dazaictl and of each of its commands.
 */
#include <string.h>

#include "help.h"

static const struct help {
	const char *name, *usage, *what;
	const char *options; /* a line each */
} helps[] = {
	{ "status", "status [-l | --json]",
	    "show the state of the session and of the daemon",
	    "  -l, --lines    the daemon's answer as it is, for scripts\n"
	    "      --json     as a JSON object\n" },
	{ "arm", "arm", "make a panic kill from now on; nothing disarms", "" },
	{ "panic", "panic [hard] [-w [SECONDS]]",
	    "wipe the secrets, after the grace or (hard) at once",
	    "  -w [SECONDS]   wait, 10 seconds unless given, until the daemon "
	    "has ended\n" },
	{ "put", "put [-1r] [-n READS] [-t SECONDS] NAME",
	    "store standard input, or a typed line, as a secret",
	    "  -1             ask only once for a secret that is typed\n"
	    "  -n READS       wipe it after this number of reads\n"
	    "  -r             replace the secret of this name\n"
	    "  -t SECONDS     wipe it after this time\n" },
	{ "get", "get [-f] NAME", "write a secret to standard output",
	    "  -f             even if that is a terminal\n" },
	{ "del", "del NAME | del --all", "wipe a secret, or every secret",
	    "      --all      every secret; the daemon keeps running\n" },
	{ "list", "list [-l | --json]",
	    "list the secrets' names, sizes and limits",
	    "  -l, --lines    the daemon's answer as it is, as into a pipe\n"
	    "      --json     as a JSON array\n" },
	{ "tethers", "tethers [-l | --json]",
	    "list the tethers of the session, and their holders",
	    "  -l, --lines    the daemon's answer as it is, as into a pipe\n"
	    "      --json     as a JSON array\n" },
	{ "release", "release TETHER", "take a tether out of the session", "" },
	{ "watch", "watch [--json]", "print events until the daemon ends",
	    "      --json     one JSON object a line\n" },
	{ "wait", "wait EVENT",
	    "wait for an event: guarded, lost, released, pending, cancelled,\n"
	    "armed, put, got, gone or bye (the daemon's end)",
	    "" },
	{ "load", "load [-1r] [FILE]",
	    "run the commands in a file, and store their output",
	    "  -1             ask only once for a secret that is typed\n"
	    "  -r             replace secrets that the daemon has already\n" },
	{ "run",
	    "run [-e VAR=NAME]... [-f FD=NAME]... [-i NAME] PROGRAM [ARG]...",
	    "run a program with secrets; an armed panic kills it",
	    "  -e VAR=NAME    the secret is in its environment\n"
	    "  -f FD=NAME     the secret can be read from a descriptor\n"
	    "  -i NAME        the secret can be read from standard input\n" },
	{ "why", "why [-l | --json]", "say when and why the last daemon ended",
	    "  -l, --lines    the line of its last words as it is\n"
	    "      --json     as a JSON object\n" },
	{ "help", "help [COMMAND]", "explain a command", "" },
};

static const struct help *
help_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(helps) / sizeof(helps[0]); i++) {
		if (strcmp(name, helps[i].name) == 0)
			return (&helps[i]);
	}
	return (NULL);
}

/* Returns the usage of the command of this name; a static string. */
const char *
help_usage(const char *name)
{
	const struct help *h = help_find(name);

	return (h == NULL ? "help" : h->usage);
}

/* Explains a command; returns false if there is no such command. */
bool
help_one(const char *name)
{
	const struct help *h = help_find(name);

	if (h == NULL)
		return (false);
	printf("usage: dazaictl %s\n%s\n%s", h->usage, h->what, h->options);
	return (true);
}

/* Explains all commands, each in a line. */
void
help_all(FILE *to)
{
	size_t i;

	(void)fputs(
	    "usage: dazaictl [-hV] [-s PATH] COMMAND ...\n"
	    "  -h, --help            show this; 'COMMAND --help' shows more\n"
	    "  -s, --socket PATH     the daemon's heartbeat socket\n"
	    "  -V, --version         show the version\n"
	    "commands:\n",
	    to);
	for (i = 0; i < sizeof(helps) / sizeof(helps[0]); i++)
		(void)fprintf(to, "  %-10s%.*s\n", helps[i].name,
		    (int)strcspn(helps[i].what, ":"), helps[i].what);
}
