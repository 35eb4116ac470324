/* SPDX-License-Identifier: ISC */
/*
 * The commands of dazaictl: each takes its arguments apart, puts one question
 * to the daemon, and prints the answer.
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

#include "client.h"
#include "command.h"
#include "num.h"
#include "secret.h"
#include "status.h"

/* Where the daemon is: asked, the -s option, or NULL; path has SOCKPATH_SIZE
 * bytes. */
void
command_path(const char *asked, char *path)
{
	const char *why = sockpath_choose(asked, geteuid(),
	    getenv("XDG_RUNTIME_DIR"), path);

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
command_status(const char *path, int argc, char *argv[])
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
	fd = client_open(path);
	client_ask(fd, "STATUS");
	line = client_line(fd);
	if (strncmp(line, "STATUS ", 7) != 0)
		client_refused(line);
	if (raw)
		puts(line);
	else
		status_print(path, line);
}

static void
command_arm(const char *path, int argc, char *argv[])
{
	const char *line;
	int	    fd;

	(void)argv;
	command_none(argc);
	fd = client_open(path);
	client_ask(fd, "ARM");
	line = client_line(fd);
	if (strcmp(line, "ALREADY_ARMED") == 0)
		puts("armed already");
	else if (strcmp(line, "OK") == 0)
		puts("armed");
	else
		client_refused(line);
}

static void
command_panic(const char *path, int argc, char *argv[])
{
	const bool hard = argc == 2 && strcasecmp(argv[1], "hard") == 0;
	int	   fd;

	if (argc > 2 || (argc == 2 && !hard))
		command_usage(EXIT_USAGE);
	fd = client_open(path);
	client_ask(fd, hard ? "PANIC hard" : "PANIC");
	client_want(fd, "OK");
}

static void
command_put(const char *path, int argc, char *argv[])
{
	const char *reads = NULL, *ttl = NULL, *why = NULL;
	int64_t	    n;
	int	    ch;

	while ((ch = getopt(argc, argv, "n:t:")) != -1) {
		switch (ch) {
		case 'n':
			reads = optarg;
			why = num_int(optarg, 1, UINT32_MAX, &n);
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
	secret_put(path, command_name(argc, argv), reads, ttl);
}

static void
command_get(const char *path, int argc, char *argv[])
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
	secret_get(path, name, false);
}

static void
command_del(const char *path, int argc, char *argv[])
{
	const char *name;
	int	    fd;

	optind = 1;
	name = command_name(argc, argv);
	fd = client_open(path);
	client_ask(fd, "DEL %s", name);
	client_want(fd, "OK");
}

static void
command_list(const char *path, int argc, char *argv[])
{
	const char *line;
	int	    fd;

	(void)argv;
	command_none(argc);
	fd = client_open(path);
	client_ask(fd, "LIST");
	/* A secret's line has more words than any other that may come. */
	while (strcmp(line = client_line(fd), "OK") != 0) {
		if (strchr(line, ' ') == NULL)
			client_refused(line);
		puts(line);
	}
}

/* Registers this very process, and becomes the command: a panic kills it. */
static void
command_exec(const char *path, int argc, char *argv[])
{
	int fd;

	if (argc > 1 && strcmp(argv[1], "--") == 0) {
		argc--;
		argv++;
	}
	if (argc < 2)
		command_usage(EXIT_USAGE);
	fd = client_open(path);
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
command_run(const char *path, int argc, char *argv[])
{
	static const struct {
		const char *name;
		void (*run)(const char *, int, char **);
	} commands[] = { { "status", command_status }, { "arm", command_arm },
		{ "panic", command_panic }, { "put", command_put },
		{ "get", command_get }, { "del", command_del },
		{ "list", command_list }, { "run", command_exec } };
	size_t i;

	optind = 0; /* getopt(3) starts anew, with the command's options */
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) == 0) {
			commands[i].run(path, argc, argv);
			if (fflush(stdout) == EOF || ferror(stdout))
				err(EXIT_USAGE, "standard output");
			exit(EXIT_DONE);
		}
	}
	warnx("%s: no such command", argv[0]);
	command_usage(EXIT_USAGE);
}
