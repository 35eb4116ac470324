/* SPDX-License-Identifier: ISC */
/*
 * dazai-hb: holds the heartbeat of dazaid(8), or one of its tethers, for as
 * long as a session lives.
 */
#include <sys/prctl.h>

#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "front.h"
#include "heartbeat.h"
#include "num.h"
#include "oneline.h"
#include "option.h"
#include "sockpath.h"
#include "stdfd.h"
#include "version.h"

static const struct option options_long[] = {
	{ "background", no_argument, NULL, 'b' },
	{ "help", no_argument, NULL, 'h' },
	{ "interval", required_argument, NULL, 'i' },
	{ "tether", required_argument, NULL, 'n' },
	{ "watch-pid", required_argument, NULL, 'p' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "socket", required_argument, NULL, 's' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "watch-path", required_argument, NULL, 'w' },
	{ "wait", required_argument, NULL, 'W' },
	{ NULL, 0, NULL, 0 },
};

static noreturn void
usage(FILE *to, int status)
{
	(void)fputs("usage: dazai-hb [-bhqvV] [-i SECONDS] [-n TETHER] "
		    "[-p PID]... [-s PATH]\n"
		    "                [-w PATH]... [-W SECONDS] "
		    "[-- COMMAND ARG...]\n",
	    to);
	if (status != 0)
		exit(status);
	(void)fputs(
	    "  -b, --background       go into the background once it guards\n"
	    "  -h, --help             show this\n"
	    "  -i, --interval SECONDS between PINGs; 0: none\n"
	    "  -n, --tether TETHER    hold this tether, beside others\n"
	    "  -p, --watch-pid PID    end when this process ends\n"
	    "  -q, --quiet            print errors only\n"
	    "  -s, --socket PATH      the daemon's heartbeat socket\n"
	    "  -v, --verbose          show the daemon's answers\n"
	    "  -V, --version          show the version\n"
	    "  -w, --watch-path PATH  end when this file no longer exists\n"
	    "  -W, --wait SECONDS     wait this long for a daemon to start\n"
	    "  -- COMMAND ARG...      run it, and guard while it runs\n",
	    to);
	stdfd_flush();
	exit(status);
}

static void
option_pid(struct heartbeat_options *o, const char *value)
{
	int64_t pid;

	option_check("watch-pid", value, num_int(value, 1, INT_MAX, &pid));
	if (o->npids == HEARTBEAT_WATCHED)
		errx(EXIT_USAGE, "--watch-pid: at most %d", HEARTBEAT_WATCHED);
	o->pids[o->npids++] = (pid_t)pid;
}

static void
option_path(struct heartbeat_options *o, const char *value)
{
	if (o->npaths == HEARTBEAT_WATCHED)
		errx(EXIT_USAGE, "--watch-path: at most %d", HEARTBEAT_WATCHED);
	o->paths[o->npaths++] = value;
}

/* Reads the options into o; returns the value of -s, or NULL. */
static const char *
options_parse(struct heartbeat_options *o, int argc, char *argv[])
{
	const char *sock = NULL;
	int	    ch;

	o->interval = -1;
	while ((ch = option_next(argc, argv,
		    "+bhi:n:p:qs:vVw:W:", options_long)) != -1) {
		switch (ch) {
		case 'b':
			o->background = true;
			break;
		case 'h':
			usage(stdout, 0);
		case 'i':
			option_check("interval", optarg,
			    num_ms(optarg, &o->interval));
			break;
		case 'n':
			option_check("tether", optarg, option_tether(optarg));
			o->tether = optarg;
			break;
		case 'p':
			option_pid(o, optarg);
			break;
		case 'q':
			o->quiet = true;
			break;
		case 's':
			sock = optarg;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			puts("dazai-hb " DAZAI_VERSION);
			stdfd_flush();
			exit(0);
		case 'w':
			option_path(o, optarg);
			break;
		case 'W':
			option_check("wait", optarg, num_ms(optarg, &o->wait));
			break;
		default:
			usage(stderr, EXIT_USAGE);
		}
	}
	o->tell = !o->quiet;
	return (sock);
}

/* Returns the command after "--" and the options, or NULL. */
static char **
options_rest(const struct heartbeat_options *o, int argc, char *argv[])
{
	if (optind == argc)
		return (NULL);
	if (strcmp(argv[optind - 1], "--") != 0) {
		warnx("%s: not an option; put a command after --",
		    oneline(argv[optind]));
		usage(stderr, EXIT_USAGE);
	}
	if (o->background)
		errx(EXIT_USAGE, "--background: not possible with a command");
	return (argv + optind);
}

/*
 * Puts pid, the command's process, before all other watched processes: it is
 * the session that is guarded.
 */
static void
options_command(struct heartbeat_options *o, pid_t pid)
{
	if (o->npids == HEARTBEAT_WATCHED)
		errx(EXIT_USAGE, "--watch-pid: at most %d with a command",
		    HEARTBEAT_WATCHED - 1);
	memmove(o->pids + 1, o->pids, o->npids * sizeof(o->pids[0]));
	o->pids[0] = pid;
	o->npids++;
	o->quiet = true;
}

int
main(int argc, char *argv[])
{
	struct heartbeat_options o;
	const char		*sock, *why;
	char		       **command;

	memset(&o, 0, sizeof(o));
	sock = options_parse(&o, argc, argv);
	command = options_rest(&o, argc, argv);
	why = sockpath_find(sock, geteuid(), getenv("XDG_RUNTIME_DIR"),
	    &o.places);
	if (why != NULL)
		errx(EXIT_USAGE, "%s", why);
	if (command != NULL)
		options_command(&o, front_command(command));
	else if (o.background)
		front_background();
	else
		/* An inherited terminal or pipe would stay open. */
		closefrom(STDERR_FILENO + 1);
	/* Not before: a command must get the descriptors unchanged. */
	stdfd_open();
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		err(EXIT_USAGE, "prctl");
	heartbeat_run(&o);
}
