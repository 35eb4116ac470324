/* SPDX-License-Identifier: ISC */
/*
 * The commands of dazaictl.  Each parses its arguments; what takes more than
 * one request and its answer is in a file of its own.
 */
#include <err.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client.h"
#include "command.h"
#include "help.h"
#include "list.h"
#include "load.h"
#include "name.h"
#include "num.h"
#include "oneline.h"
#include "order.h"
#include "run.h"
#include "secret.h"
#include "status.h"
#include "stdfd.h"
#include "watch.h"
#include "why.h"

static const char *command_now; /* its name */

/*
 * Finds the places where the daemon may be, or ends the program; asked is the
 * value of -s, or NULL.
 */
void
command_places(const char *asked, struct sockpath *places)
{
	const char *why = sockpath_find(asked, geteuid(),
	    getenv("XDG_RUNTIME_DIR"), places);

	if (why != NULL)
		errx(EXIT_USAGE, "%s", why);
}

/*
 * Exits, as after a refusal of the daemon, if name is not valid for a secret.
 * So it cannot be two words of a request, either.
 */
void
command_check_name(const char *name)
{
	if (!name_ok(name))
		errx(EXIT_REFUSED, "refused: bad-name: " NAME_RULE);
}

/* Exits with an error message about the command line, and the usage. */
noreturn void
command_wrong(const char *fmt, ...)
{
	char	what[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	errx(EXIT_USAGE, "%s: %s; usage: dazaictl %s", command_now,
	    oneline(what), help_usage(command_now));
}

/*
 * As getopt_long(3), but if an option is wrong, prints its own error message
 * and exits.  shorts begins with a ':'; longs may be NULL.
 */
int
command_option(int argc, char *argv[], const char *shorts,
    const struct option *longs)
{
	static const struct option none[] = { { NULL, 0, NULL, 0 } };
	const char		  *posix = NULL;
	int			   ch;

	/* Options may follow an argument, unless shorts begins with a '+'. */
	if (optind == 0 && (posix = getenv("POSIXLY_CORRECT")) != NULL)
		(void)unsetenv("POSIXLY_CORRECT");
	opterr = 0;
	/* Without a table, "--all" would be the letters of short options. */
	ch = getopt_long(argc, argv, shorts, longs != NULL ? longs : none,
	    NULL);
	if (posix != NULL)
		(void)setenv("POSIXLY_CORRECT", posix, 1);
	if (ch == ':')
		command_wrong("%s: a value is missing", argv[optind - 1]);
	/* An unexpected value: optopt is the letter of the long option. */
	if (ch == '?' && strncmp(argv[optind - 1], "--", 2) == 0 &&
	    strchr(argv[optind - 1], '=') != NULL && optopt != 0)
		command_wrong("%s: takes no value", argv[optind - 1]);
	if (ch == '?' && optopt != 0)
		command_wrong("-%c: no such option", optopt);
	if (ch == '?')
		command_wrong("%s: no such option", argv[optind - 1]);
	return (ch);
}

/* Exits if an argument follows the options. */
static void
command_end(int argc, char *argv[])
{
	if (optind < argc)
		command_wrong("%s: one argument too many", argv[optind]);
}

/* Exits if the command has options or arguments. */
static void
command_none(int argc, char *argv[])
{
	(void)command_option(argc, argv, ":", NULL);
	command_end(argc, argv);
}

/* Returns the only argument left, a word; what names it in errors. */
static const char *
command_word(int argc, char *argv[], const char *what)
{
	if (optind == argc)
		command_wrong("the %s is missing", what);
	optind++;
	command_end(argc, argv);
	if (argv[optind - 1][0] == '\0' ||
	    strpbrk(argv[optind - 1], " \t\r\n") != NULL)
		command_wrong("the %s is not one word", what);
	return (argv[optind - 1]);
}

/* Returns the only argument left, the name of a secret. */
static const char *
command_name(int argc, char *argv[])
{
	if (optind + 1 == argc)
		command_check_name(argv[optind]);
	return (command_word(argc, argv, "secret's name"));
}

/* Likewise, for a command without options. */
static const char *
command_only(int argc, char *argv[], const char *what)
{
	(void)command_option(argc, argv, ":", NULL);
	return (command_word(argc, argv, what));
}

/* Returns the form of the output: from -l or --json, or else form. */
static enum list_form
command_form(int argc, char *argv[], enum list_form form)
{
	static const struct option longs[] = { { "json", no_argument, NULL,
						   'j' },
		{ "lines", no_argument, NULL, 'l' }, { NULL, 0, NULL, 0 } };
	int			   ch;

	while ((ch = command_option(argc, argv, ":l", longs)) != -1)
		form = ch == 'j' ? LIST_JSON : LIST_LINES;
	command_end(argc, argv);
	return (form);
}

static void
command_status(const struct sockpath *places, int argc, char *argv[])
{
	status_show(places, command_form(argc, argv, LIST_WORDS));
}

static void
command_why(const struct sockpath *places, int argc, char *argv[])
{
	why_show(places, command_form(argc, argv, LIST_WORDS));
}

/* As ls(1): a table for a terminal, and lines for a program. */
static enum list_form
command_table(int argc, char *argv[])
{
	return (command_form(argc, argv,
	    isatty(STDOUT_FILENO) ? LIST_WORDS : LIST_LINES));
}

static void
command_list(const struct sockpath *places, int argc, char *argv[])
{
	list_secrets(places, command_table(argc, argv));
}

static void
command_tethers(const struct sockpath *places, int argc, char *argv[])
{
	list_tethers(places, command_table(argc, argv));
}

static void
command_watch(const struct sockpath *places, int argc, char *argv[])
{
	watch_events(places, command_form(argc, argv, LIST_LINES) == LIST_JSON);
}

static void
command_arm(const struct sockpath *places, int argc, char *argv[])
{
	const char *line;
	int	    fd;

	command_none(argc, argv);
	fd = client_open(places, CLIENT_OURS);
	client_ask(fd, "ARM");
	line = client_line(fd);
	if (strcmp(line, "ALREADY_ARMED") == 0)
		puts("armed already");
	else if (strcmp(line, "OK") == 0)
		puts("armed");
	else
		client_refused(line);
}

/*
 * Returns the optional value of an option: it is attached (-w5), or it is the
 * next argument, if that begins with a digit; NULL if there is none.
 */
static const char *
command_optional(int argc, char *argv[])
{
	if (optarg == NULL && optind < argc && argv[optind][0] >= '0' &&
	    argv[optind][0] <= '9')
		return (argv[optind++]);
	return (optarg);
}

static void
command_panic(const struct sockpath *places, int argc, char *argv[])
{
	const char *value, *why = NULL;
	int64_t	    wait = 0;
	bool	    hard;

	while (command_option(argc, argv, ":w::", NULL) != -1) {
		wait = ORDER_WAIT_MS;
		if ((value = command_optional(argc, argv)) != NULL &&
		    (why = num_ms(value, &wait)) == NULL && wait == 0)
			why = "too small";
		if (why != NULL)
			errx(EXIT_USAGE, "-w: %s: %s", oneline(value), why);
	}
	hard = optind < argc && strcasecmp(argv[optind], "hard") == 0;
	optind += hard;
	if (optind < argc && !hard)
		command_wrong("%s: only 'hard' is possible here", argv[optind]);
	command_end(argc, argv);
	order_panic(places, hard, hard && wait == 0 ? ORDER_WAIT_MS : wait);
}

static void
command_put(const struct sockpath *places, int argc, char *argv[])
{
	const char *reads = NULL, *ttl = NULL, *why = NULL;
	bool	    replace = false, once = false;
	int64_t	    n;
	int	    ch;

	while ((ch = command_option(argc, argv, ":1n:rt:", NULL)) != -1) {
		if (ch == '1') {
			once = true;
		} else if (ch == 'n') {
			reads = optarg;
			why = num_int(optarg, 1, UINT32_MAX, &n);
		} else if (ch == 'r') {
			replace = true;
		} else {
			ttl = optarg;
			if ((why = num_ms(optarg, &n)) == NULL && n == 0)
				why = "too small";
		}
		if (why != NULL)
			errx(EXIT_USAGE, "-%c: %s: %s", ch, oneline(optarg),
			    why);
	}
	secret_put(places, command_name(argc, argv), reads, ttl, replace, once);
}

static void
command_load(const struct sockpath *places, int argc, char *argv[])
{
	const char *file = NULL;
	bool	    once = false, replace = false;
	int	    ch;

	while ((ch = command_option(argc, argv, ":1r", NULL)) != -1) {
		if (ch == '1')
			once = true;
		else
			replace = true;
	}
	if (optind < argc)
		file = argv[optind++];
	command_end(argc, argv);
	if (!load_file(places, file, replace, once))
		exit(EXIT_PARTLY);
}

static void
command_get(const struct sockpath *places, int argc, char *argv[])
{
	const char *name;
	bool	    force = false;

	while (command_option(argc, argv, ":f", NULL) != -1)
		force = true;
	name = command_name(argc, argv);
	if (!force && isatty(STDOUT_FILENO)) {
		list_wants(places, name);
		errx(EXIT_USAGE,
		    "not shown, because a terminal keeps what it shows; "
		    "'get -f %s' shows it",
		    name);
	}
	secret_get(places, name, isatty(STDOUT_FILENO));
}

static void
command_del(const struct sockpath *places, int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' }, { NULL, 0, NULL, 0 }
	};
	const char *name = NULL;
	int	    fd;

	while (command_option(argc, argv, ":", longs) != -1)
		name = NAME_ALL;
	if (name == NULL)
		name = command_name(argc, argv);
	command_end(argc, argv);
	fd = client_open(places, CLIENT_OURS);
	client_ask(fd, "DEL %s", name);
	client_want(fd, "OK");
}

static void
command_release(const struct sockpath *places, int argc, char *argv[])
{
	watch_release(places, command_only(argc, argv, "tether's name"));
}

static void
command_wait(const struct sockpath *places, int argc, char *argv[])
{
	watch_wait(places, command_only(argc, argv, "event"));
}

/* Explains the command that the argument names, or all commands. */
static void
command_help(int argc, char *argv[])
{
	if (argc > 2)
		command_wrong("%s: one argument too many", argv[2]);
	if (argc == 1)
		help_all(stdout);
	else if (!help_one(argv[1]))
		errx(EXIT_USAGE, "%s: no such command", oneline(argv[1]));
}

/* Runs the command argv[0], and exits.  sock is the value of -s. */
noreturn void
command_run(const char *sock, int argc, char *argv[])
{
	static const struct {
		const char *name;
		void (*run)(const struct sockpath *, int, char **);
	} commands[] = { { "status", command_status }, { "arm", command_arm },
		{ "panic", command_panic }, { "put", command_put },
		{ "get", command_get }, { "del", command_del },
		{ "list", command_list }, { "load", command_load },
		{ "run", run_program }, { "tethers", command_tethers },
		{ "release", command_release }, { "watch", command_watch },
		{ "wait", command_wait }, { "why", command_why },
		{ "help", NULL } };
	struct sockpath places;
	size_t		i;

	optind = 0; /* getopt(3) starts again, for the command's options */
	command_now = argv[0];
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		if (argc > 1 &&
		    (strcmp(argv[1], "--help") == 0 ||
			strcmp(argv[1], "-h") == 0)) {
			(void)help_one(argv[0]);
		} else if (commands[i].run == NULL) {
			command_help(argc, argv);
		} else {
			command_places(sock, &places);
			commands[i].run(&places, argc, argv);
		}
		stdfd_flush();
		exit(EXIT_DONE);
	}
	errx(EXIT_USAGE, "%s: no such command; 'dazaictl help' lists them",
	    oneline(argv[0]));
}
