/* SPDX-License-Identifier: ISC */
/*
 * What a network process that was taken over would try with the vault's watch
 * of the process in front, which is to become the command of dazaid -- COMMAND:
 * end it in somebody's name.
 */
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "attack.h"
#include "client.h"
#include "imsg.h"
#include "net.h"
#include "tally.h"

#define PEER_USB   20u /* network's number for a holder */
#define STOPPED	   "reason=\"the command was never guarded\""
#define LOST(what) "reason=\"" what "\" armed=1"

/*
 * Each row: the message that network sends in the name of a client.  The
 * process in front is killed after it.
 */
static const struct claim {
	const char *what;
	bool	 heartbeat; /* a client guards; network tells the truth, ... */
	bool	 hello;	    /* ... or that it is the process in front */
	bool	 holder;    /* a client holds the tether "usb" */
	uint32_t watch;	    /* names the process in front; 0: nobody does */
	int	 status;
	const char *why;
} claims[] = {
	{ "nothing said", false, false, false, 0, 0, STOPPED },
	{ "a heartbeat", true, false, false, 0, 0, STOPPED },
	{ "HELLO of the process in front", true, true, false, 0, 0, STOPPED },
	{ "a holder's WATCH", false, false, true, PEER_USB, 0, STOPPED },
	{ "a holder's WATCH beside a heartbeat", true, true, true, PEER_USB, 0,
	    STOPPED },
	{ "the heartbeat's WATCH", true, false, false, PEER_HEART, SIGKILLED,
	    LOST("heartbeat connection dropped") },
};

/* This program as the dazai-hb of its daemons. */
void
attack_in_front(void)
{
	for (;;)
		(void)pause();
}

static void
claimed(const struct claim *c)
{
	/* The grace of a lost tether must not be over before the stop. */
	const char *const options[] = { "-a", c->status == 0 ? "-g60" : "-g0",
		"--", "/bin/sh", NULL };
	struct client	  usb = { -1, -1 };

	if (!siege_attempt(UNGUARDED, options,
		"the end of the process in front, %s", c->what))
		return;
	if (c->heartbeat)
		siege_guard(c->hello ? s.front : getpid());
	if (c->holder) {
		usb = client_hold(PEER_USB, "usb");
	}
	if (c->watch != 0) {
		net_number(IMSG_WATCH, c->watch, (uint32_t)s.front, -1);
		net_want(IMSG_ANSWER_OK);
	}
	tally_now();
	(void)kill(s.front, SIGKILL);
	siege_ends(c->status, c->why, 200);
	if (c->holder)
		client_leave(&usb);
}

void
attack_front(void)
{
	char   own[PATH_MAX] = "", dir[PATH_MAX];
	size_t i;

	if (readlink("/proc/self/exe", own, sizeof(own) - 1) == -1 ||
	    (symlink(own, "dazai-hb") == -1 && errno != EEXIST) ||
	    getcwd(dir, sizeof(dir)) == NULL || setenv("PATH", dir, 1) == -1)
		err(1, "dazai-hb");
	for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		claimed(&claims[i]);
}
