/* SPDX-License-Identifier: ISC */
/*
 * dazai-hb: holds the heartbeat of dazaid(8) for a session.
 */
#include <sys/prctl.h>

#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heartbeat.h"
#include "num.h"
#include "sockpath.h"
#include "stdfd.h"
#include "version.h"

static noreturn void
usage(FILE *to, int status)
{
	(void)fputs("usage: dazai-hb [-hqvV] [-i SECONDS] [-p PID] [-s PATH]\n",
	    to);
	exit(status);
}

static const char *
options_parse(struct heartbeat_options *o, int argc, char *argv[])
{
	static const struct option longs[] = { { "help", no_argument, NULL,
						   'h' },
		{ "interval", required_argument, NULL, 'i' },
		{ "watch-pid", required_argument, NULL, 'p' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "socket", required_argument, NULL, 's' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	const char		  *why, *sock = NULL;
	int64_t			   pid = 0;
	int			   ch;

	o->interval = 5000;
	while (
	    (ch = getopt_long(argc, argv, "hi:p:qs:vV", longs, NULL)) != -1) {
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
	if (optind != argc)
		usage(stderr, EXIT_USAGE);
	o->watch = (pid_t)pid;
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
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		err(EXIT_USAGE, "prctl");
	heartbeat_run(&o);
}
