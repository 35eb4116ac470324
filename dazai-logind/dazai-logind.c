/* SPDX-License-Identifier: ISC */
/*
 * dazai-logind: holds a tether of dazaid(8) while the login manager reports
 * that the session exists and is unlocked, and orders a panic before the
 * machine sleeps.
 */
#include <sys/prctl.h>

#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "bus.h"
#include "exit.h"
#include "num.h"
#include "oneline.h"
#include "option.h"
#include "policy.h"
#include "report.h"
#include "sockpath.h"
#include "stdfd.h"
#include "tether.h"
#include "version.h"

struct options {
	struct policy policy;
	const char   *tether, *session, *sock;
	int64_t	      wait; /* ms to wait for a daemon */
	bool	      quiet, verbose;
};

enum { OPTION_LOCK = 256, OPTION_SLEEP };

static noreturn void
usage(FILE *to, int status)
{
	(void)fputs("usage: dazai-logind [-hqvV] [-n TETHER] [-s PATH] "
		    "[-S SESSION]\n"
		    "                    [-W SECONDS] "
		    "[--lock=release|empty|ignore]\n"
		    "                    [--sleep=panic|ignore]\n",
	    to);
	if (status != 0)
		exit(status);
	(void)fputs(
	    "  -h, --help            show this\n"
	    "  -n, --tether TETHER   hold this tether (login)\n"
	    "  -q, --quiet           print warnings and errors only\n"
	    "  -s, --socket PATH     the daemon's heartbeat socket\n"
	    "  -S, --session SESSION the session, as loginctl shows it\n"
	    "  -v, --verbose         print more\n"
	    "  -V, --version         show the version\n"
	    "  -W, --wait SECONDS    wait this long for a daemon to start\n"
	    "      --lock release    when the session is locked, "
	    "let go of the tether\n"
	    "      --lock empty      ... wipe every secret\n"
	    "      --lock ignore     ... do nothing\n"
	    "      --sleep panic     before the machine sleeps, panic\n"
	    "      --sleep ignore    ... do nothing\n",
	    to);
	stdfd_flush();
	exit(status);
}

static const char *
option_lock(const char *value, struct policy *p)
{
	if (strcmp(value, "release") == 0)
		p->lock = LOCK_RELEASE;
	else if (strcmp(value, "empty") == 0)
		p->lock = LOCK_EMPTY;
	else if (strcmp(value, "ignore") == 0)
		p->lock = LOCK_IGNORE;
	else
		return ("not release, empty or ignore");
	return (NULL);
}

static const char *
option_sleep(const char *value, struct policy *p)
{
	p->sleep = strcmp(value, "panic") == 0;
	if (!p->sleep && strcmp(value, "ignore") != 0)
		return ("not panic or ignore");
	return (NULL);
}

static void
options_parse(struct options *o, int argc, char *argv[])
{
	static const struct option longs[] = { { "help", no_argument, NULL,
						   'h' },
		{ "tether", required_argument, NULL, 'n' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "socket", required_argument, NULL, 's' },
		{ "session", required_argument, NULL, 'S' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "wait", required_argument, NULL, 'W' },
		{ "lock", required_argument, NULL, OPTION_LOCK },
		{ "sleep", required_argument, NULL, OPTION_SLEEP },
		{ NULL, 0, NULL, 0 } };
	int			   ch;

	memset(o, 0, sizeof(*o));
	o->tether = "login";
	o->policy.sleep = true;
	while ((ch = option_next(argc, argv, "hn:qs:S:vVW:", longs)) != -1) {
		switch (ch) {
		case 'h':
			usage(stdout, 0);
		case 'n':
			option_check("tether", optarg, option_tether(optarg));
			o->tether = optarg;
			break;
		case 'q':
			o->quiet = true;
			break;
		case 's':
			o->sock = optarg;
			break;
		case 'S':
			o->session = optarg;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			puts("dazai-logind " DAZAI_VERSION);
			stdfd_flush();
			exit(0);
		case 'W':
			option_check("wait", optarg, num_ms(optarg, &o->wait));
			break;
		case OPTION_LOCK:
			option_check("lock", optarg,
			    option_lock(optarg, &o->policy));
			break;
		case OPTION_SLEEP:
			option_check("sleep", optarg,
			    option_sleep(optarg, &o->policy));
			break;
		default:
			usage(stderr, EXIT_USAGE);
		}
	}
	if (optind < argc) {
		warnx("%s: not an option", oneline(argv[optind]));
		usage(stderr, EXIT_USAGE);
	}
}

int
main(int argc, char *argv[])
{
	static struct sockpath places;
	struct options	       o;
	const char	      *why;

	options_parse(&o, argc, argv);
	why = sockpath_find(o.sock, geteuid(), getenv("XDG_RUNTIME_DIR"),
	    &places);
	if (why != NULL)
		errx(EXIT_USAGE, "%s", why);
	closefrom(STDERR_FILENO + 1);
	stdfd_open();
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		err(EXIT_USAGE, "prctl");
	report_open(o.quiet, o.verbose);
	bus_open(o.session, o.policy.sleep);
	tether_open(&places, o.tether, o.wait);
	policy_run(&o.policy);
}
