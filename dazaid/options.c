/* SPDX-License-Identifier: ISC */
/*
 * The command line of dazaid.  Every error ends the program with one line,
 * before anything is started.  The exit status is 1; if the command cannot be
 * run, it is 126 or 127, as with env(1).
 */
#include <err.h>
#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "cred.h"
#include "load.h"
#include "num.h"
#include "oneline.h"
#include "option.h"
#include "options.h"
#include "program.h"
#include "stdfd.h"
#include "version.h"

#define SIZE_DEFAULT 65536
#define SIZE_LEAST   4096      /* a page */
#define SIZE_MOST    (1 << 30) /* more would take too long to wipe */

enum { REQUIRE_LOCK = 256 };
static const struct option options_long[] = {
	{ "arm", no_argument, NULL, 'a' },
	{ "debug", no_argument, NULL, 'd' },
	{ "first", required_argument, NULL, 'f' },
	{ "grace", required_argument, NULL, 'g' },
	{ "help", no_argument, NULL, 'h' },
	{ "load", required_argument, NULL, 'l' },
	{ "load-file", required_argument, NULL, 'L' },
	{ "memory", required_argument, NULL, 'm' },
	{ "once", no_argument, NULL, '1' },
	{ "socket", required_argument, NULL, 's' },
	{ "ping-timeout", required_argument, NULL, 't' },
	{ "user", required_argument, NULL, 'u' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "size", required_argument, NULL, 'z' },
	{ "require-lock", no_argument, NULL, REQUIRE_LOCK },
	{ NULL, 0, NULL, 0 },
};

static noreturn void
options_usage(FILE *to, int status)
{
	(void)fputs("usage: dazaid [-1adhvV] [-f SECONDS] [-g SECONDS] "
		    "[-l NAME[=FILE]]...\n"
		    "              [-L FILE] [-m KIND] [-s PATH] [-t SECONDS] "
		    "[-u USER]\n"
		    "              [-z BYTES] [--require-lock] "
		    "[-- COMMAND [ARG]...]\n",
	    to);
	if (status != 0)
		exit(status);
	(void)fputs(
	    "  -1, --once               ask only once for a typed secret\n"
	    "  -a, --arm                a panic kills; without it, it is a "
	    "rehearsal\n"
	    "  -d, --debug              stay in the foreground, log to "
	    "standard error\n"
	    "  -f, --first SECONDS      how long a secret may be unguarded "
	    "(300)\n"
	    "  -g, --grace SECONDS      how long an armed panic can be "
	    "cancelled (5)\n"
	    "  -h, --help               show this\n"
	    "  -l, --load NAME=FILE     store a secret; FILE - is standard "
	    "input\n"
	    "  -l, --load NAME          likewise, but ask on the terminal\n"
	    "  -L, --load-file FILE     run its commands, and store their "
	    "output\n"
	    "  -m, --memory KIND        secretmem or mlock, or do not start\n"
	    "  -s, --socket PATH        the heartbeat's socket\n"
	    "  -t, --ping-timeout SECS  a heartbeat silent for so long is "
	    "lost (0: never)\n"
	    "  -u, --user USER          as root: guard this user's session\n"
	    "  -v, --verbose            log every message of the network "
	    "process\n"
	    "  -V, --version            show the version\n"
	    "  -z, --size BYTES         size of the memory for secrets "
	    "(65536)\n"
	    "      --require-lock       do not start in memory that can be "
	    "swapped\n"
	    "  -- COMMAND [ARG]...      run it, guarded, once the daemon is "
	    "ready\n",
	    to);
	stdfd_flush();
	exit(status);
}

static int64_t
options_seconds(const char *option, const char *arg)
{
	int64_t ms = 0;

	option_check(option, arg, num_ms(arg, &ms));
	return (ms);
}

static size_t
options_size(const char *arg)
{
	int64_t size = 0;

	option_check("size", arg, num_int(arg, SIZE_LEAST, SIZE_MOST, &size));
	return ((size_t)size);
}

/* Returns the kind of memory that arg names. */
static void
options_memory(struct options *o, const char *arg)
{
	if (strcmp(arg, secmem_name(SECMEM_SECRET)) == 0)
		o->memory = SECMEM_SECRET;
	else if (strcmp(arg, secmem_name(SECMEM_MLOCK)) == 0)
		o->memory = SECMEM_MLOCK;
	else
		option_check("memory", arg, "neither secretmem nor mlock");
	o->one_kind = true;
}

static void
options_load(const char *arg)
{
	const char *why;

	if ((why = load_add(arg)) != NULL)
		errx(1, "--load: %s", why);
}

/* Takes the option ch of option_next(), whose value is arg. */
static void
options_take(struct options *o, int ch, char *arg)
{
	switch (ch) {
	case '1':
		load_once();
		break;
	case 'a':
		o->armed = true;
		break;
	case 'd':
		o->background = false;
		break;
	case 'f':
		o->first = options_seconds("first", arg);
		break;
	case 'g':
		o->grace = options_seconds("grace", arg);
		break;
	case 'h':
		options_usage(stdout, 0);
	case 'l':
		options_load(arg);
		break;
	case 'L':
		o->load = arg;
		break;
	case 'm':
		options_memory(o, arg);
		break;
	case 's':
		o->sock = arg;
		break;
	case 't':
		o->timeout = options_seconds("ping-timeout", arg);
		break;
	case 'u':
		o->user = arg;
		break;
	case 'v':
		o->verbose++;
		break;
	case 'V':
		puts("dazaid " DAZAI_VERSION);
		stdfd_flush();
		exit(0);
	case 'z':
		o->size = options_size(arg);
		o->sized = true;
		break;
	case REQUIRE_LOCK:
		o->require_lock = true;
		break;
	default:
		options_usage(stderr, 1);
	}
}

/* Takes the command after "--", if there is one; *argv is its first word. */
static void
options_command(struct options *o, char **argv)
{
	int code;

	if (*argv == NULL)
		return;
	if (strcmp(argv[-1], "--") != 0) {
		warnx("%s: not an option; put a command after --",
		    oneline(*argv));
		options_usage(stderr, 1);
	}
	if (!o->background)
		errx(1, "--debug: not possible with a command");
	if ((code = program_check(*argv)) != 0)
		err(code, "%s", oneline(*argv));
	o->command = argv;
}

static void
options_parse(struct options *o, int argc, char *argv[])
{
	int ch;

	memset(o, 0, sizeof(*o));
	o->background = true;
	o->grace = 5000;
	o->first = 300000;
	o->size = SIZE_DEFAULT;
	while ((ch = option_next(argc, argv,
		    "+1adf:g:hl:L:m:s:t:u:vVz:", options_long)) != -1)
		options_take(o, ch, optarg);
	options_command(o, argv + optind);
}

/* Sets the owner: the user whose session is guarded and who may connect. */
static void
options_owner(struct options *o)
{
	const struct passwd *pw;

	o->owner = geteuid();
	o->gid = getegid();
	if (o->user == NULL)
		return;
	if (geteuid() != 0)
		errx(1, "--user: only root can guard somebody else's session");
	if ((pw = getpwnam(o->user)) == NULL) {
		option_check("user", o->user, "no such user");
		return;
	}
	o->owner = pw->pw_uid;
	o->gid = pw->pw_gid;
}

/*
 * Uses the first place where the owner's own clients look for the daemon.  For
 * another user's session, ignores root's environment.
 */
static void
options_path(struct options *o)
{
	const char     *why;
	struct sockpath places;

	why = sockpath_find(o->sock, o->owner,
	    o->user != NULL ? NULL : getenv("XDG_RUNTIME_DIR"), &places);
	if (why == NULL)
		why = cred_ambiguous(o->owner);
	if (why != NULL)
		errx(1, "%s", why);
	memcpy(o->path, places.path[0], sizeof(o->path));
}

/* Reads the command line into o. */
void
options_read(struct options *o, int argc, char *argv[])
{
	options_parse(o, argc, argv);
	options_owner(o);
	options_path(o);
}
