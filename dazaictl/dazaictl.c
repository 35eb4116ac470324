/* SPDX-License-Identifier: ISC */
/*
 * dazaictl: stores and gets secrets of dazaid(8), and gives it orders.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "askpass.h"
#include "client.h"
#include "command.h"
#include "dockercred.h"
#include "gitcred.h"
#include "help.h"
#include "option.h"
#include "pinentry.h"
#include "stdfd.h"
#include "version.h"

static noreturn void
usage(FILE *to, int status)
{
	help_all(to);
	stdfd_flush();
	exit(status);
}

/* If the program was called by the name of a helper, runs that, and exits. */
static void
dazaictl_helper(int argc, char *argv[])
{
	static const struct {
		const char *name;
		void (*run)(int, char **);
	} helpers[] = { { "dazai-askpass", askpass_main },
		{ "docker-credential-dazai", dockercred_main },
		{ "git-credential-dazai", gitcred_main },
		{ "pinentry-dazai", pinentry_main } };
	size_t i;

	for (i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
		if (strcmp(getprogname(), helpers[i].name) == 0)
			helpers[i].run(argc, argv);
	}
}

int
main(int argc, char *argv[])
{
	static const struct option longs[] = { { "help", no_argument, NULL,
						   'h' },
		{ "socket", required_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	const char		  *sock = NULL;
	int			   ch;

	stdfd_open();
	dazaictl_helper(argc, argv);
	/* The options end before the command. */
	while ((ch = option_next(argc, argv, "+hs:V", longs)) != -1) {
		switch (ch) {
		case 'h':
			usage(stdout, EXIT_DONE);
		case 's':
			sock = optarg;
			break;
		case 'V':
			puts("dazaictl " DAZAI_VERSION);
			stdfd_flush();
			exit(EXIT_DONE);
		default: /* option_next() has printed an error */
			usage(stderr, EXIT_USAGE);
		}
	}
	if (optind == argc)
		errx(EXIT_USAGE, "no command; 'dazaictl help' lists them");
	command_run(sock, argc - optind, argv + optind);
}
