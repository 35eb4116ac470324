/* SPDX-License-Identifier: ISC */
/*
 * What a network process that was taken over would try: faking a living
 * heartbeat, floods, stalls, and its own end.
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
#include "tally.h"

#define CALLS	  480 /* that the kernel has, and some */
#define HANGUP_MS 100 /* network's time to tell of a heartbeat's end */

static const char *const at_once[] = { "-a", "-g0", NULL };

/*
 * Faked heartbeats.
 */

/* No secret is handed out while the connection of one who left is offered. */
static void
dead_heartbeat_gives_nothing(void)
{
	struct client heart, other;
	uint32_t      answer;

	if (!siege_attempt(UNGUARDED_ARMED, NULL,
		"GET right behind the HELLO of one who has left"))
		return;
	heart = client_come(0);
	close(heart.fd);
	other = client_come(1);
	/* Both have arrived when the vault runs. */
	(void)kill(s.vault, SIGSTOP);
	net_number(IMSG_HELLO, PEER_HEART, 1, heart.at);
	net_secret(IMSG_GET, PEER, other.at);
	(void)kill(s.vault, SIGCONT);
	/* PENDING if the vault did not stop in time and dropped it first. */
	answer = net_answer(IMSG_ANSWER);
	if (answer != IMSG_ANSWER_UNGUARDED && answer != IMSG_ANSWER_PENDING)
		siege_fail("the answer is %u", answer);
	client_leave(&other);
	close(heart.at);
	siege_logged("panic pending: heartbeat connection dropped");
	siege_lives();
}

/* A GET for a client that hung up shows the secret to nobody. */
static void
client_left(void)
{
	static const enum state states[] = { UNGUARDED, GUARDED, GUARDED_ARMED,
		PENDING, DROPPED };
	struct client		c;
	size_t			i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (!siege_attempt(states[i], NULL,
			"GET for a client that has left"))
			continue;
		c = client_come(1);
		close(c.fd);
		net_secret(IMSG_GET, PEER, c.at);
		net_want(states[i] == UNGUARDED ? IMSG_ANSWER_UNGUARDED :
			states[i] == PENDING || states[i] == DROPPED ?
						  IMSG_ANSWER_PENDING :
						  IMSG_ANSWER_CUT);
		client_clean(c.at);
		close(c.at);
		siege_lives();
	}
}

/* Registers the vault and network: a panic would kill them before its end. */
static void
own_pids(void)
{
	struct client c;
	int	      i;

	for (i = 0; i < 2; i++) {
		if (!siege_attempt(GUARDED_ARMED, NULL,
			"one of the two to be registered"))
			continue;
		c = client_come(1);
		net_number(IMSG_REGISTER, PEER,
		    (uint32_t)(i == 0 ? s.vault : s.network), c.at);
		net_want(IMSG_ANSWER_INVALID_PID);
		siege_lives();
		client_leave(&c);
	}
}

void
attack_life(void)
{
	dead_heartbeat_gives_nothing();
	client_left();
	own_pids();
}

/*
 * Floods and stalls.
 */

/* Network floods the vault and reads none of the answers. */
static void
deaf_flood(uint32_t type, enum state state)
{
	const uint32_t head[4] = { type, type == IMSG_PING ? 16 : 12,
		type == IMSG_PING ? PEER_HEART : PEER, 1 };

	if (!siege_attempt(state, NULL, "a flood of message %u, and no ear",
		type))
		return;
	net_flood(head, head[1]);
	attack_lost(state);
}

/* SIGNAL 0 has no answer, so this flood never stops. */
static void
endless_flood(int sig)
{
	const uint32_t head[4] = { IMSG_SIGNAL, 16, 0, 0 };

	if (!siege_attempt(GUARDED, at_once,
		sig == 0 ? "an endless flood, the heartbeat leaves" :
			   "an endless flood, a signal"))
		return;
	net_flood(head, sizeof(head));
	if (sig == 0) {
		tally_now();
		close(s.heart);
		s.heart = -1;
		siege_ends(SIGKILLED, "PANIC: heartbeat connection dropped",
		    HANGUP_MS + 100);
		return;
	}
	tally_now();
	(void)kill(s.vault, sig);
	siege_ends(sig == SIGTERM ? 0 : SIGKILLED,
	    sig == SIGTERM ? "SIGTERM: secrets wiped, bye" : "PANIC: SIG", 100);
}

/* While network starts, signals still count, and the vault's patience ends. */
static void
stalled_start(void)
{
	if (siege_attempt(STARTING, NULL, "network is not ready, a signal")) {
		tally_now();
		(void)kill(s.vault, SIGUSR2);
		siege_ends(0, "HARD PANIC (dry-run): SIGUSR2", 100);
	}
	if (siege_attempt(STARTING, NULL, "network is never ready")) {
		tally_now();
		siege_ends(1, "network process: Connection timed out",
		    10 * 1000 + 100);
	}
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

/*
 * The end of network.
 */

static void
leaves(enum state state, int status)
{
	if (!siege_attempt(state, NULL, "network exits with %d", status))
		return;
	siege_let_go();
	(void)net_order(ORDER_EXIT, (uint32_t)status);
	attack_lost(state);
}

/* Network shuts down one direction of its socket to the vault, or both. */
static void
half_closed(int how)
{
	static const char *const what[] = { [SHUT_RD] = "no way in",
		[SHUT_WR] = "no way out",
		[SHUT_RDWR] = "neither" };

	if (!siege_attempt(GUARDED_ARMED, NULL, "%s", what[how]))
		return;
	(void)net_order(ORDER_DEAF, 0);
	(void)net_order(ORDER_SHUTDOWN, (uint32_t)how);
	if (how == SHUT_RD)
		net_say(IMSG_STATUS, PEER, NULL, 0, -1);
	attack_lost(GUARDED_ARMED);
}

void
attack_ends(void)
{
	unsigned int state;
	int	     i;

	for (i = 0; i <= UINT8_MAX; i++)
		leaves(GUARDED_ARMED, i);
	for (state = 0; state < STATES; state++)
		leaves(state, 0);
	half_closed(SHUT_RD);
	half_closed(SHUT_WR);
	half_closed(SHUT_RDWR);
}

/* Network makes one system call: whatever becomes of it, the vault panics. */
void
attack_calls(void)
{
	uint32_t nr;

	for (nr = 0; nr < CALLS; nr++) {
		if (!siege_attempt(GUARDED_ARMED, NULL, "system call %u", nr))
			continue;
		siege_let_go();
		(void)net_order(ORDER_CALL, nr);
		attack_lost(GUARDED_ARMED);
	}
}
