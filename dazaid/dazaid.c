/* SPDX-License-Identifier: ISC */
/*
 * dazaid: ties the life of secrets to the life of a login session.
 */
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "daemon.h"
#include "files.h"
#include "load.h"
#include "log.h"
#include "network.h"
#include "num.h"
#include "sandbox.h"
#include "sockpath.h"
#include "stdfd.h"
#include "vault.h"
#include "version.h"

#define SIZE_DEFAULT 65536
#define SIZE_LEAST   4096      /* a page */
#define SIZE_MOST    (1 << 30) /* longer to zero than anybody waits */

struct options {
	struct vault_options vault;
	const char	    *sock; /* as asked for, or NULL */
	const char	    *user;
	gid_t		     gid; /* of the owner */
	int		     verbose;
	char		     path[SOCKPATH_SIZE];
};

static noreturn void
usage(FILE *to, int status)
{
	(void)fputs(
	    "usage: dazaid [-adhvV] [-g SECONDS] [-l NAME[=FILE]]... [-s PATH] "
	    "[-t SECONDS]\n"
	    "              [-u USER] [-z BYTES] [--require-lock]\n",
	    to);
	exit(status);
}

static int64_t
seconds(const char *option, const char *arg)
{
	const char *why;
	int64_t	    ms = 0;

	if ((why = num_ms(arg, &ms)) != NULL)
		errx(1, "%s: %s: %s", option, arg, why);
	return (ms);
}

static void
options_parse(struct options *o, int argc, char *argv[])
{
	enum { REQUIRE_LOCK = 256 };
	static const struct option longs[] = { { "arm", no_argument, NULL,
						   'a' },
		{ "debug", no_argument, NULL, 'd' },
		{ "grace", required_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ "load", required_argument, NULL, 'l' },
		{ "socket", required_argument, NULL, 's' },
		{ "ping-timeout", required_argument, NULL, 't' },
		{ "user", required_argument, NULL, 'u' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, 'V' },
		{ "size", required_argument, NULL, 'z' },
		{ "require-lock", no_argument, NULL, REQUIRE_LOCK },
		{ NULL, 0, NULL, 0 } };
	const char		  *why;
	int64_t			   size = SIZE_DEFAULT;
	int			   ch;

	memset(o, 0, sizeof(*o));
	o->vault.background = true;
	o->vault.grace = 5000;
	while ((ch = getopt_long(argc, argv, "adg:hl:s:t:u:vVz:", longs,
		    NULL)) != -1) {
		switch (ch) {
		case 'a':
			o->vault.armed = true;
			break;
		case 'd':
			o->vault.background = false;
			break;
		case 'g':
			o->vault.grace = seconds("--grace", optarg);
			break;
		case 'h':
			usage(stdout, 0);
		case 'l':
			if ((why = load_add(optarg)) != NULL)
				errx(1, "--load: %s", why);
			break;
		case 's':
			o->sock = optarg;
			break;
		case 't':
			o->vault.timeout = seconds("--ping-timeout", optarg);
			break;
		case 'u':
			o->user = optarg;
			break;
		case 'v':
			o->verbose++;
			break;
		case 'V':
			puts("dazaid " DAZAI_VERSION);
			exit(0);
		case 'z':
			why = num_int(optarg, SIZE_LEAST, SIZE_MOST, &size);
			if (why != NULL)
				errx(1, "--size: %s: %s", optarg, why);
			break;
		case REQUIRE_LOCK:
			o->vault.require_lock = true;
			break;
		default:
			usage(stderr, 1);
		}
	}
	if (optind != argc)
		usage(stderr, 1);
	o->vault.size = (size_t)size;
}

/* Whose session it is, and so who may connect. */
static void
options_owner(struct options *o)
{
	const struct passwd *pw;

	o->vault.owner = geteuid();
	o->gid = getegid();
	if (o->user == NULL)
		return;
	if (geteuid() != 0)
		errx(1, "--user: only root can guard somebody else's session");
	if ((pw = getpwnam(o->user)) == NULL)
		errx(1, "--user: %s: no such user", o->user);
	o->vault.owner = pw->pw_uid;
	o->gid = pw->pw_gid;
}

/*
 * Where the owner's own clients will look for it: root's environment does not
 * say, so for another user's session it is what systemd-logind would set there.
 */
static void
options_path(struct options *o)
{
	const char *rundir = getenv("XDG_RUNTIME_DIR");
	char	    theirs[32];
	struct stat st;
	int	    len;

	if (o->user != NULL) {
		(void)snprintf(theirs, sizeof(theirs), "/run/user/%u",
		    o->vault.owner);
		rundir = stat(theirs, &st) == 0 && S_ISDIR(st.st_mode) &&
			st.st_uid == o->vault.owner ?
		    theirs :
		    NULL;
	}
	len = sockpath_choose(o->sock, o->vault.owner, rundir, o->path);
	if (len == 0)
		errx(1, "the socket path is empty");
	if (len < 0 || (size_t)len >= sizeof(o->path))
		errx(1, "the socket path is too long: %d bytes, at most %zu",
		    len, sizeof(o->path) - 1);
}

/*
 * Makes the files as their owner, so that root follows no link and overwrites
 * no file that it would not have let that user touch.
 */
static void
claim_files(const struct options *o)
{
	const char *why;

	if (geteuid() == 0 &&
	    (setgroups(1, &o->gid) == -1 || setegid(o->gid) == -1 ||
		seteuid(o->vault.owner) == -1))
		vault_fail("--user", strerror(errno));
	why = files_claim(o->path);
	if (getuid() == 0 && (seteuid(0) == -1 || setegid(0) == -1))
		vault_fail("--user", strerror(errno));
	if (why != NULL)
		vault_fail("socket", why);
}

/*
 * What ps shows.  libbsd marks the end of an argv[0] that is longer than the
 * title with a '.', which would show as well.
 */
static void
title(char *argv0)
{
	size_t len = strlen(argv0);

	setproctitle("vault");
	if (strlen(argv0) < len)
		argv0[len] = '\0';
}

int
main(int argc, char *argv[])
{
	struct options o;

	stdfd_open();
	if (argc > 0 && strcmp(argv[0], CHILD_TITLE) == 0)
		network_main();
	options_parse(&o, argc, argv);
	options_owner(&o);
	options_path(&o);
	load_open();
	load_close_others();
	if (o.vault.background)
		daemon_fork();
	daemon_notify_open();

	log_open("dazaid", o.verbose);
	if (sandbox_limits() == -1)
		err(1, "limits");
	vault_init(&o.vault);
	vault_child(&o.vault);
	vault_memory(&o.vault);
	claim_files(&o);
	vault_wait_child();
	vault_load();
	vault_listen();

	log_role("vault");
	title(argv[0]);
	if (o.vault.background)
		log_syslog(1);
	daemon_detach(o.vault.background);
	vault_confine();
	if (daemon_ready() == -1)
		vault_fail("pipe", strerror(errno));
	vault_loop();
}
