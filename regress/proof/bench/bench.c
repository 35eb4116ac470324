/* SPDX-License-Identifier: ISC */
/*
 * Measures dazaid and, beside it, what the machine can do.  In one run the
 * subjects take turns, so that a disturbance hits all of them.  Prints a table.
 *
 * usage: bench [-n SAMPLES] [-o FILE] DIR [FIGURE...]
 *
 * FILE gets what the plot needs; DIR is where the sockets go.  bench.sh runs
 * it; `make bench' takes about half an hour, BENCH_SAMPLES=20 a few minutes.
 */
#include <sys/prctl.h>
#include <sys/resource.h>

#include <err.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static const struct part {
	const char *name;
	void (*run)(void);
} figures[] = { { "eof", figure_eof }, { "tether", figure_tether },
	{ "usr2", figure_usr2 }, { "load", figure_load },
	{ "ping", figure_ping }, { "rate", figure_rate },
	{ "start", figure_start }, { "memory", figure_memory },
	{ "holder", figure_holder }, { "idle", figure_idle },
	{ "wipe", figure_wipe }, { "get", figure_get },
	{ "command", figure_command }, { "crowd", figure_crowd },
	{ "file", figure_file }, { "shell", figure_shell },
	{ "flood", figure_flood } };

size_t samples = 200;	 /* of each figure, ... */
size_t few;		 /* ... and of those that take long */
uid_t  somebody = 65534; /* an ordinary user, if we are root */
char   root[4096];
char   dazaictl[sizeof(root) + 32];

/* Adopts orphans, makes timers exact, and allows many connections. */
static void
prepare(char *argv0, const char *tmp)
{
	static char   bin[4096], path[sizeof(bin) + 16];
	struct rlimit rl;

	if (realpath(argv0, bin) == NULL)
		err(1, "%s", argv0);
	(void)dirname(bin);
	(void)snprintf(path, sizeof(path), "%s/../../..", bin);
	if (realpath(path, root) == NULL)
		err(1, "%s", path);
	(void)snprintf(dazaictl, sizeof(dazaictl), "%s/dazaictl/dazaictl",
	    root);
	subject_where(bin, tmp);
	if (getuid() != 0)
		somebody = getuid();
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
}

static bool
wanted(const char *name, char *const list[])
{
	if (*list == NULL)
		return (true);
	for (; *list != NULL; list++) {
		if (strcmp(*list, name) == 0)
			return (true);
	}
	return (false);
}

static noreturn void
usage(void)
{
	errx(1, "usage: bench [-n SAMPLES] [-o FILE] DIR [FIGURE...]");
}

int
main(int argc, char *argv[])
{
	const char *file = NULL;
	size_t	    i;
	int	    ch;

	while ((ch = getopt(argc, argv, "n:o:")) != -1) {
		switch (ch) {
		case 'n':
			samples = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			file = optarg;
			break;
		default:
			usage();
		}
	}
	if (samples == 0 || optind == argc)
		usage();
	few = samples < 30 ? samples : 30;
	prepare(argv[0], argv[optind++]);
	report_open(file);
	for (i = 0; i < NELEM(figures); i++) {
		if (wanted(figures[i].name, argv + optind))
			figures[i].run();
	}
	return (0);
}
