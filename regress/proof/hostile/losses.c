/* SPDX-License-Identifier: ISC */
/*
 * What a network process that was taken over would try when a client leaves:
 * hide the loss of the heartbeat or another tether, invent a return, cancel or
 * get secrets in the name of the client.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "client.h"
#include "imsg.h"
#include "net.h"
#include "packet.h"
#include "session.h"

#define PEER_OTHER 20u	/* network's numbers for another holder, ... */
#define PEER_AGAIN 22u	/* ... and for one that comes back */
#define WINDOW_MS  3000 /* time for some messages, on a busy machine */
#define HANGUP_MS  100	/* network's time to tell of a heartbeat's end */

static const char *const at_once[] = { "-a", "-g0", NULL };
static const char *const pinged[] = { "-a", "-g0", "-t60", NULL };
static const char *const soon[] = { "-a", "-g3", NULL };
static const char *const silent[] = { "-a", "-g3", "-t0.3", NULL };

/* How the log tells of the loss of the tether; NULL: of the heartbeat. */
static const char *
loss_of(const char *tether)
{
	return (tether != NULL ? "tether usb lost" :
				 "heartbeat connection dropped");
}

/* What network does when a client leaves. */
enum how { SILENT, STOPPED, DEAF, PINGING, RELEASING, HOWS };

static void
hidden(enum how how, const char *tether)
{
	static const char *const what[HOWS] = { "nothing said",
		"network stopped", "nothing read", "PINGs of network's own",
		"a RELEASE for a client that lives" };
	struct client		 other;
	int			 i;

	siege_attempt(UNGUARDED, how == PINGING ? pinged : at_once,
	    "%s, and %s", loss_of(tether), what[how]);
	siege_guard(tether);
	other = client_come(1);
	if (how == STOPPED)
		(void)kill(s.network, SIGSTOP);
	if (how == DEAF)
		(void)net_order(ORDER_DEAF, 0);
	/* All of it has arrived when the vault runs. */
	if (how == PINGING || how == RELEASING)
		(void)kill(s.vault, SIGSTOP);
	siege_leave();
	for (i = 0; how == PINGING && i < 20; i++)
		net_number(IMSG_PING, PEER_HEART, 1, -1);
	if (how == RELEASING)
		net_tether(IMSG_RELEASE, PEER,
		    tether != NULL ? tether : SESSION_HEARTBEAT_NAME, other.at);
	(void)kill(s.vault, SIGCONT);
	siege_ends(SIGKILLED, loss_of(tether),
	    tether != NULL ? 100 : HANGUP_MS + 100);
	client_leave(&other);
}

/* No further byte of a GET is sent. */
static void
lost_in_a_get(void)
{
	siege_attempt(GETTING, NULL, "a loss");
	siege_leave();
	siege_ends(0, loss_of(NULL), HANGUP_MS + 100);
}

/*
 * Network offers the connection of a client that hung up as a new heartbeat or
 * holder, again and again, and says CANCEL for it: that neither ends the grace
 * window nor makes it longer.
 */
static void
dead_return(const char *tether)
{
	int64_t	 began, delayed;
	uint32_t peer;

	siege_attempt(UNGUARDED, soon, "%s, and it comes back dead",
	    loss_of(tether));
	siege_guard(tether);
	delayed = siege_delays();
	began = packet_now();
	siege_leave();
	siege_logged("panic pending");
	(void)net_answer(IMSG_DROP);
	net_say(IMSG_LOST, PEER_HEART, NULL, 0, -1);
	for (peer = PEER_AGAIN; peer < PEER_AGAIN + 3; peer++) {
		siege_offer(peer, tether);
		net_say(IMSG_CANCEL, peer, NULL, 0, -1);
		(void)net_answer(IMSG_DROP);
		net_say(IMSG_LOST, peer, NULL, 0, -1);
	}
	siege_since(began, delayed);
	siege_ends(SIGKILLED, loss_of(tether), WINDOW_MS + 100);
	siege_never("CANCELLED");
}

/*
 * A holder, or the heartbeat, lives but has missed its PING.  A return is a new
 * connection: network may not offer the old one again, however it calls it.
 */
static void
old_return(const char *tether)
{
	siege_attempt(UNGUARDED, silent, "an old %s, sent again",
	    tether != NULL ? "holder" : "heartbeat");
	siege_guard(tether);
	siege_now();
	(void)net_answer(IMSG_DROP);
	net_say(IMSG_LOST, PEER_HEART, NULL, 0, -1);
	siege_offer(PEER_AGAIN, tether);
	siege_ends(SIGKILLED, "ping deadline missed", WINDOW_MS + 300 + 100);
	siege_never("CANCELLED");
}

/* Network gives two connections one number. */
static void
hold_twice(void)
{
	struct client other;

	siege_attempt(UNGUARDED_ARMED, NULL, "HOLD twice");
	siege_guard("usb");
	other = client_come(1);
	net_tether(IMSG_HOLD, PEER_HEART, "usb", other.at);
	attack_hostile(UNGUARDED_ARMED);
	client_leave(&other);
}

/* A CANCEL of a holder that has left ends no panic that was ordered. */
static void
cancel_of_the_dead(void)
{
	struct client other;

	siege_attempt(UNGUARDED, soon,
	    "CANCEL in the name of a holder who has left");
	siege_guard("usb");
	other = client_hold(PEER_OTHER, "usb");
	siege_now();
	(void)kill(s.vault, SIGUSR1);
	siege_logged("panic pending: SIGUSR1");
	/* Both have arrived when the vault runs. */
	(void)kill(s.vault, SIGSTOP);
	close(s.heart);
	s.heart = -1;
	net_say(IMSG_CANCEL, PEER_HEART, NULL, 0, -1);
	(void)kill(s.vault, SIGCONT);
	siege_ends(SIGKILLED, "PANIC: SIGUSR1", WINDOW_MS + 100);
	siege_never("CANCELLED");
	client_leave(&other);
}

/* No secret is handed out while the connection of one who left is offered. */
static void
dead_heartbeat_gives_nothing(void)
{
	struct client heart, other;
	uint32_t      answer;

	siege_attempt(UNGUARDED_ARMED, NULL,
	    "GET right behind the HELLO of one who has left");
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
	struct client c;

	siege_attempt(GUARDED, NULL, "GET for a client that has left");
	c = client_come(1);
	close(c.fd);
	net_secret(IMSG_GET, PEER, c.at);
	net_want(IMSG_ANSWER_CUT);
	client_clean(c.at);
	close(c.at);
	siege_lives();
}

void
attack_losses(void)
{
	static const char *const tethers[] = { NULL, "usb" };
	unsigned int		 i;
	int			 how;

	for (i = 0; i < 2; i++) {
		for (how = 0; how < HOWS; how++)
			hidden((enum how)how, tethers[i]);
		dead_return(tethers[i]);
		old_return(tethers[i]);
	}
	lost_in_a_get();
	hold_twice();
	cancel_of_the_dead();
	dead_heartbeat_gives_nothing();
	client_left();
}
