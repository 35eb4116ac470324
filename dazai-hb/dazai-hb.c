/* SPDX-License-Identifier: ISC */
/*
 * dazai-hb: holds the heartbeat of dazaid(8) for a session.
 */
#include <sys/prctl.h>

#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "heartbeat.h"
#include "num.h"
#include "sockpath.h"
#include "stdfd.h"
#include "version.h"
#include "watch.h"

static noreturn void
usage(FILE *to, int status)
{
	(void)fputs("usage: dazai-hb [-hqvV] [-i SECONDS] [-n TETHER] "
		    "[-p PID]... [-s PATH]\n"
		    "                [-w PATH]... [-W SECONDS] [-- COMMAND "
		    "[ARG]...]\n",
	    to);
	exit(status);
}

/* Whether name can be a tether's; the daemon has the last word. */
static bool
tether_ok(const char *name)
{
	const size_t len = strlen(name);

	return (len >= 1 && len <= 16 &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len);
}

static const char *
options_parse(struct heartbeat_options *o, int argc, char *argv[])
{
	static const struct option longs[] = { { "help", no_argument, NULL,
						   'h' },
		{ "interval", required_argument, NULL, 'i' },
		{ "tether", required_argument, NULL, 'n' },
		{ "watch-pid", required_argument, NULL, 'p' },
		{ "watch-path", required_argument, NULL, 'w' },
		{ "wait", required_argument, NULL, 'W' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "socket", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	const char		  *why, *sock = NULL;
	int64_t			   pid = 0;
	int			   ch;

	o->interval = -1;
	while ((ch = getopt_long(argc, argv, "hi:n:p:qs:vVw:W:", longs,
		    NULL)) != -1) {
		switch (ch) {
		case 'h':
			usage(stdout, 0);
		case 'i':
			if ((why = num_ms(optarg, &o->interval)) != NULL)
				errx(EXIT_USAGE, "--interval: %s: %s", optarg,
				    why);
			break;
		case 'p':
			if ((why = num_int(optarg, 1, INT_MAX, &pid)) != NULL)
				errx(EXIT_USAGE, "--watch-pid: %s: %s", optarg,
				    why);
			if ((why = watch_pid((pid_t)pid)) != NULL)
				errx(EXIT_USAGE, "--watch-pid %s: %s", optarg,
				    why);
			break;
		case 'n':
			if (!tether_ok(optarg))
				errx(EXIT_USAGE,
				    "--tether: %s: not 1 to 16 of a-z, 0-9 and "
				    "'-'",
				    optarg);
			o->tether = optarg;
			break;
		case 'w':
			if ((why = watch_path(optarg)) != NULL)
				errx(EXIT_USAGE, "--watch-path %s: %s", optarg,
				    why);
			break;
		case 'W':
			if ((why = num_ms(optarg, &o->wait)) != NULL)
				errx(EXIT_USAGE, "--wait: %s: %s", optarg, why);
			break;
		case 'q':
			o->quiet = 1;
			break;
		case 's':
			sock = optarg;
			break;
		case 'v':
			o->verbose = 1;
			break;
		case 'V':
			puts("dazai-hb " DAZAI_VERSION);
			exit(0);
		default:
			usage(stderr, EXIT_USAGE);
		}
	}
	if (optind != argc && strcmp(argv[optind - 1], "--") != 0)
		usage(stderr, EXIT_USAGE);
	return (sock);
}

int
main(int argc, char *argv[])
{
	struct heartbeat_options o;
	const char		*sock, *why;

	/* A terminal or a pipe that we inherited would stay open with us. */
	closefrom(STDERR_FILENO + 1);
	stdfd_open();
	memset(&o, 0, sizeof(o));
	sock = options_parse(&o, argc, argv);
	why = sockpath_find(sock, geteuid(), getenv("XDG_RUNTIME_DIR"),
	    &o.places);
	if (why != NULL)
		errx(EXIT_USAGE, "%s", why);
	/* What the command prints is the command's alone. */
	if (optind < argc)
		o.quiet = 1;
	if (optind < argc &&
	    (why = watch_pid(command_fork(argv + optind))) != NULL)
		errx(EXIT_USAGE, "the command: %s", why);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		err(EXIT_USAGE, "prctl");
	heartbeat_run(&o);
}
