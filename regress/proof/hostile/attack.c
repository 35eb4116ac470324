/* SPDX-License-Identifier: ISC */
/*
 * Drives a network process that was taken over against the vault as shipped.
 *
 * usage: attack CASE
 *
 * Each attempt starts a daemon whose network process obeys this program
 * (network.c), brings it to a state (siege.c), attacks, and requires that the
 * vault panics or refuses at once and shows the secret to nobody.
 * hostile_test.sh runs the cases; they take from seconds to half a minute.
 * Messages and their order are the subject of imsg_test.c and of the fuzz
 * target "vault"; here are real processes, descriptors, stops and ends.
 *
 * In the working directory: secret, which the daemon loads; and large, the same
 * many times over, for a GET that takes its time.
 */
#include <sys/prctl.h>

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "attack.h"

static bool
is_armed(enum state state)
{
	return (state == UNGUARDED_ARMED || state == GUARDED_ARMED ||
	    state == PENDING || state == DROPPED || state == PUTTING);
}

/* Requires that the vault panics because network is hostile. */
void
attack_hostile(enum state state)
{
	if (state == STARTING)
		siege_ends(1, "network process: it could not start", 100);
	else if (is_armed(state))
		siege_ends(SIGKILLED,
		    "HARD PANIC: network process hostile: "
		    "secrets wiped, SIGKILL",
		    100);
	else
		siege_ends(0,
		    "HARD PANIC (dry-run): network process hostile: "
		    "secrets wiped, WOULD SIGKILL",
		    100);
}

/* Requires that the vault panics because network is lost. */
void
attack_lost(enum state state)
{
	if (state == STARTING)
		attack_hostile(state);
	else if (is_armed(state))
		siege_ends(SIGKILLED, "HARD PANIC: network process lost", 100);
	else
		siege_ends(0, "HARD PANIC (dry-run): network process lost",
		    100);
}

static const struct attack_case {
	const char *name;
	void (*run)(void);
} cases[] = { { "descriptors", attack_descriptors }, { "slow", attack_slow },
	{ "losses", attack_losses }, { "floods", attack_floods },
	{ "ends", attack_ends } };

int
main(int argc, char *argv[])
{
	size_t i;

	(void)signal(SIGPIPE, SIG_IGN);
	/* We are the parent of network when the vault has ended. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	for (i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) != 0)
			continue;
		cases[i].run();
		siege_report(argv[1]);
		return (0);
	}
	errx(1, "usage: attack CASE");
}
