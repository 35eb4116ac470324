/* SPDX-License-Identifier: ISC */
/*
 * The commands of dazaictl.  Each parses its arguments, sends the daemon one
 * request, and prints the answer.
 */
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "answer.h"
#include "client.h"
#include "command.h"
#include "num.h"
#include "order.h"
#include "secret.h"
#include "status.h"
#include "watch.h"

/* Finds where the daemon may be; asked is the -s option, or NULL. */
void
command_places(const char *asked, struct sockpath *places)
{
	const char *why = sockpath_find(asked, geteuid(),
	    getenv("XDG_RUNTIME_DIR"), places);

	if (why != NULL)
		errx(EXIT_USAGE, "%s", why);
}

/* A blank in a name would make it two words of the request. */
void
command_check_name(const char *name)
{
	if (name[0] == '\0' || strcspn(name, " \t\r\n") != strlen(name))
		errx(EXIT_USAGE, "not the name of a secret: '%s'", name);
}

static void
command_none(int argc)
{
	if (argc != 1)
		command_usage(EXIT_USAGE);
}

/* The one argument that is left, a name. */
static const char *
command_name(int argc, char *argv[])
{
	if (optind + 1 != argc)
		command_usage(EXIT_USAGE);
	command_check_name(argv[optind]);
	return (argv[optind]);
}

static void
command_status(const struct sockpath *places, int argc, char *argv[])
{
	const char *line;
	bool	    raw = false;
	int	    ch, fd;

	while ((ch = getopt(argc, argv, "l")) != -1) {
		if (ch != 'l')
			command_usage(EXIT_USAGE);
		raw = true;
	}
	command_none(argc - optind + 1);
	fd = client_open(places, CLIENT_ANY);
	client_ask(fd, "STATUS");
	line = client_line(fd);
	if (!answer_is_status(line))
		client_refused(line);
	if (raw)
		puts(line);
	else
		status_print(line);
}

static void
command_arm(const struct sockpath *places, int argc, char *argv[])
{
	const char *line;
	int	    fd;

	(void)argv;
	command_none(argc);
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
 * The value of an option whose value is optional: it is attached (-w5), or the
 * next argument if that begins with a digit; NULL if there is none.
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
	int	    ch;

	while ((ch = getopt(argc, argv, "w::")) != -1) {
		if (ch != 'w')
			command_usage(EXIT_USAGE);
		wait = ORDER_WAIT_MS;
		if ((value = command_optional(argc, argv)) != NULL &&
		    (why = num_ms(value, &wait)) == NULL && wait == 0)
			why = "too small";
		if (why != NULL)
			errx(EXIT_USAGE, "-w: %s: %s", value, why);
	}
	hard = optind < argc && strcasecmp(argv[optind], "hard") == 0;
	if (optind + hard != argc)
		command_usage(EXIT_USAGE);
	order_panic(places, hard, hard && wait == 0 ? ORDER_WAIT_MS : wait);
}

static void
command_put(const struct sockpath *places, int argc, char *argv[])
{
	const char *reads = NULL, *ttl = NULL, *why = NULL;
	bool	    replace = false;
	int64_t	    n;
	int	    ch;

	while ((ch = getopt(argc, argv, "n:rt:")) != -1) {
		switch (ch) {
		case 'n':
			reads = optarg;
			why = num_int(optarg, 1, UINT32_MAX, &n);
			break;
		case 'r':
			replace = true;
			break;
		case 't':
			ttl = optarg;
			if ((why = num_ms(optarg, &n)) == NULL && n == 0)
				why = "too small";
			break;
		default:
			command_usage(EXIT_USAGE);
		}
		if (why != NULL)
			errx(EXIT_USAGE, "-%c: %s: %s", ch, optarg, why);
	}
	secret_put(places, command_name(argc, argv), reads, ttl, replace);
}

static void
command_get(const struct sockpath *places, int argc, char *argv[])
{
	const char *name;
	bool	    force = false;
	int	    ch;

	while ((ch = getopt(argc, argv, "f")) != -1) {
		if (ch != 'f')
			command_usage(EXIT_USAGE);
		force = true;
	}
	name = command_name(argc, argv);
	if (!force && isatty(STDOUT_FILENO))
		errx(EXIT_USAGE,
		    "a terminal keeps what it shows: "
		    "get -f %s, if you want that",
		    name);
	secret_get(places, name, false);
}

static void
command_del(const struct sockpath *places, int argc, char *argv[])
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' }, { NULL, 0, NULL, 0 }
	};
	const char *name = NULL;
	int	    ch, fd;

	while ((ch = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (ch != 'a')
			command_usage(EXIT_USAGE);
		name = "*";
	}
	if (name == NULL)
		name = command_name(argc, argv);
	else if (optind != argc)
		command_usage(EXIT_USAGE);
	fd = client_open(places, CLIENT_OURS);
	client_ask(fd, "DEL %s", name);
	client_want(fd, "OK");
}

static void
command_list(const struct sockpath *places, int argc, char *argv[])
{
	const char *line;
	int	    fd;

	(void)argv;
	command_none(argc);
	fd = client_open(places, CLIENT_OURS);
	client_ask(fd, "LIST");
	while (strcmp(line = client_line(fd), "OK") != 0) {
		if (!answer_is_entry(line))
			client_refused(line);
		puts(line);
	}
}

static void
command_tethers(const struct sockpath *places, int argc, char *argv[])
{
	(void)argv;
	command_none(argc);
	watch_tethers(places);
}

/* The one argument, a word. */
static const char *
command_word(int argc, char *argv[])
{
	if (argc != 2)
		command_usage(EXIT_USAGE);
	command_check_name(argv[1]);
	return (argv[1]);
}

static void
command_release(const struct sockpath *places, int argc, char *argv[])
{
	watch_release(places, command_word(argc, argv));
}

static void
command_watch(const struct sockpath *places, int argc, char *argv[])
{
	(void)argv;
	command_none(argc);
	watch_events(places);
}

static void
command_wait(const struct sockpath *places, int argc, char *argv[])
{
	watch_wait(places, command_word(argc, argv));
}

/* Registers this process, and becomes the command: a panic kills it. */
static void
command_exec(const struct sockpath *places, int argc, char *argv[])
{
	int fd;

	if (argc > 1 && strcmp(argv[1], "--") == 0) {
		argc--;
		argv++;
	}
	if (argc < 2)
		command_usage(EXIT_USAGE);
	fd = client_open(places, CLIENT_OURS);
	/* Not by our pid: in a PID namespace of our own it would be a
	 * stranger's. */
	client_ask(fd, "REGISTER");
	client_want(fd, "OK");
	close(fd);
	execvp(argv[1], argv + 1);
	/* As env(1) has it. */
	err(errno == ENOENT ? 127 : 126, "%s", argv[1]);
}

/* Runs the command argv[0], and ends the program. */
noreturn void
command_run(const struct sockpath *places, int argc, char *argv[])
{
	static const struct {
		const char *name;
		void (*run)(const struct sockpath *, int, char **);
	} commands[] = { { "status", command_status }, { "arm", command_arm },
		{ "panic", command_panic }, { "put", command_put },
		{ "get", command_get }, { "del", command_del },
		{ "list", command_list }, { "run", command_exec },
		{ "tethers", command_tethers }, { "release", command_release },
		{ "watch", command_watch }, { "wait", command_wait } };
	size_t i;

	optind = 0; /* getopt(3) starts again, with the command's options */
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) == 0) {
			commands[i].run(places, argc, argv);
			if (fflush(stdout) == EOF || ferror(stdout))
				err(EXIT_USAGE, "standard output");
			exit(EXIT_DONE);
		}
	}
	warnx("%s: no such command", argv[0]);
	command_usage(EXIT_USAGE);
}
