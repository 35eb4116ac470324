/* SPDX-License-Identifier: ISC */
/*
 * Drives a network process that was taken over against the vault as shipped.
 *
 * usage: attack CASE [PROCESSES]
 *
 * Each attempt starts a daemon whose network process obeys this program
 * (network.c), brings it to a state (siege.c), attacks, and requires that the
 * vault panics or refuses at once and shows the secret to nobody.  PROCESSES
 * share the attempts of a case.  hostile_test.sh runs the cases; they take from
 * seconds to minutes.  Which messages the table of imsg.c allows is not this
 * program's subject: see imsg_test.c and the fuzz target "vault".
 *
 * In the working directory: secret, which the daemon loads; and large, the same
 * many times over, for a GET that takes its time.
 */

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack.h"
#include "client.h"
#include "imsg.h"
#include "net.h"
#include "num.h"
#include "siege.h"
#include "tally.h"

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

/* One message that network may send in no state, in each of them. */
static void
attack_messages(void)
{
	static const uint32_t types[] = { 0, IMSG_CONFIG, IMSG_TYPES,
		UINT32_MAX };
	unsigned int	      state;
	size_t		      i;

	for (state = 0; state < STATES; state++) {
		for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
			if (!siege_attempt(state, NULL, "message %u", types[i]))
				continue;
			net_say(types[i], PEER, NULL, 0, -1);
			attack_hostile(state);
		}
	}
}

static const struct attack_case {
	const char *name;
	void (*run)(void);
} cases[] = { { "messages", attack_messages },
	{ "descriptors", attack_descriptors }, { "slow", attack_slow },
	{ "life", attack_life }, { "tethers", attack_tethers },
	{ "losses", attack_losses }, { "front", attack_front },
	{ "floods", attack_floods }, { "ends", attack_ends },
	{ "calls", attack_calls } };

int
main(int argc, char *argv[])
{
	const char *why;
	int64_t	    n = 1;
	size_t	    i;

	if (argc > 0 && strcmp(argv[0], "dazai-hb") == 0)
		attack_in_front();
	if (argc == 3 && (why = num_int(argv[2], 1, 64, &n)) != NULL)
		errx(1, "%s: %s", argv[2], why);
	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; argc >= 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) != 0)
			continue;
		tally_share((unsigned int)n);
		cases[i].run();
		tally_report(argv[1]);
	}
	errx(1, "usage: attack CASE [PROCESSES]");
}
