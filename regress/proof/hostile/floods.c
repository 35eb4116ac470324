/* SPDX-License-Identifier: ISC */
/*
 * What a network process that was taken over would try to hold the vault up:
 * floods, stalls, and its own end.
 */
#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "client.h"
#include "imsg.h"
#include "net.h"
#include "order.h"
#include "packet.h"

#define HANGUP_MS 100 /* network's time to tell of a heartbeat's end */

static const char *const at_once[] = { "-a", "-g0", NULL };

/* Network floods the vault and reads none of the answers. */
static void
deaf_flood(uint32_t type, enum state state)
{
	const uint32_t head[4] = { type, type == IMSG_PING ? 16 : 12,
		type == IMSG_PING ? PEER_HEART : PEER, 1 };

	siege_attempt(state, NULL, "a flood of message %u, and no ear", type);
	net_flood(head, head[1]);
	attack_lost(state);
}

/* SIGNAL 0 has no answer, so this flood never stops. */
static void
endless_flood(int sig)
{
	const uint32_t head[4] = { IMSG_SIGNAL, 16, 0, 0 };

	siege_attempt(GUARDED, at_once, "an endless flood, %s",
	    sig == 0 ? "the heartbeat leaves" : "a signal");
	net_flood(head, sizeof(head));
	if (sig == 0) {
		siege_leave();
		siege_ends(SIGKILLED, "PANIC: heartbeat connection dropped",
		    HANGUP_MS + 100);
		return;
	}
	siege_now();
	(void)kill(s.vault, sig);
	siege_ends(sig == SIGTERM ? 0 : SIGKILLED,
	    sig == SIGTERM ? "SIGTERM: secrets wiped, bye" : "PANIC: SIG", 100);
}

/* While network starts, signals still count, and the vault's patience ends. */
static void
stalled_start(void)
{
	siege_attempt(STARTING, NULL, "network is not ready, a signal");
	siege_now();
	(void)kill(s.vault, SIGUSR2);
	siege_ends(0, "HARD PANIC (dry-run): SIGUSR2", 100);
	siege_attempt(STARTING, NULL, "network is never ready");
	siege_now();
	siege_ends(1, "network process: Connection timed out", 10 * 1000 + 100);
}

void
attack_floods(void)
{
	static const int sigs[] = { 0, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2,
		SIGQUIT };
	size_t		 i;

	deaf_flood(IMSG_STATUS, UNGUARDED);
	deaf_flood(IMSG_STATUS, GUARDED_ARMED);
	deaf_flood(IMSG_STATUS, DROPPED);
	deaf_flood(IMSG_STATUS, PUTTING);
	deaf_flood(IMSG_PING, GUARDED_ARMED);
	deaf_flood(IMSG_PING, PENDING);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		endless_flood(sigs[i]);
	stalled_start();
}

/* Network shuts down one direction of its socket to the vault, or both. */
static void
half_closed(int how)
{
	static const char *const what[] = { [SHUT_RD] = "no way in",
		[SHUT_WR] = "no way out",
		[SHUT_RDWR] = "neither" };

	siege_attempt(GUARDED_ARMED, NULL, "%s", what[how]);
	(void)net_order(ORDER_DEAF, 0);
	(void)net_order(ORDER_SHUTDOWN, (uint32_t)how);
	if (how == SHUT_RD)
		net_say(IMSG_STATUS, PEER, NULL, 0, -1);
	attack_lost(GUARDED_ARMED);
}

/* In each state: network exits, or sends what is no message. */
void
attack_ends(void)
{
	unsigned int state;

	for (state = 0; state < STATES; state++) {
		siege_attempt(state, NULL, "network exits");
		siege_let_go();
		(void)net_order(ORDER_EXIT, 0);
		attack_lost(state);
		siege_attempt(state, NULL, "no message");
		net_say(UINT32_MAX, PEER, NULL, 0, -1);
		attack_hostile(state);
	}
	half_closed(SHUT_RD);
	half_closed(SHUT_WR);
	half_closed(SHUT_RDWR);
}
