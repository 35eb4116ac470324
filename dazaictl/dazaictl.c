/* SPDX-License-Identifier: ISC */
/*
 * dazaictl: stores and gets secrets of dazaid(8), and gives it orders.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "askpass.h"
#include "client.h"
#include "command.h"
#include "stdfd.h"
#include "version.h"

noreturn void
command_usage(int status)
{
	(void)fputs(
	    "usage: dazaictl [-hV] [-s PATH] COMMAND ...\n"
	    "       status [-l] | arm | panic [hard] [-w [SECONDS]] | list\n"
	    "       put NAME [-n READS] [-r] [-t SECONDS] | get [-f] NAME\n"
	    "       del NAME | del --all\n"
	    "       tethers | release TETHER | watch | wait EVENT\n"
	    "       run COMMAND [ARG]...\n",
	    status == 0 ? stdout : stderr);
	exit(status);
}

int
main(int argc, char *argv[])
{
	static const struct option longs[] = { { "help", no_argument, NULL,
						   'h' },
		{ "socket", required_argument, NULL, 's' },
		{ "version", no_argument, NULL, 'V' }, { NULL, 0, NULL, 0 } };
	struct sockpath		   places;
	const char		  *sock = NULL;
	int			   ch;

	stdfd_open();
	if (strcmp(getprogname(), "dazai-askpass") == 0)
		askpass_main(argc, argv);
	/*
	 * The first word that is no option is the command; the rest is its own.
	 */
	while ((ch = getopt_long(argc, argv, "+hs:V", longs, NULL)) != -1) {
		switch (ch) {
		case 'h':
			command_usage(EXIT_DONE);
		case 's':
			sock = optarg;
			break;
		case 'V':
			puts("dazaictl " DAZAI_VERSION);
			exit(EXIT_DONE);
		default:
			command_usage(EXIT_USAGE);
		}
	}
	if (optind == argc)
		command_usage(EXIT_USAGE);
	command_places(sock, &places);
	command_run(&places, argc - optind, argv + optind);
}
