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

#define PEER_USB     20u /* network's numbers for holders */
#define PEER_SESSION 21u
#define PEER_AGAIN   22u
#define WINDOW_MS    3000 /* time for some messages, on a busy machine */
#define HANGUP_MS    100  /* network's time to tell of a heartbeat's end */

static const char *const at_once[] = { "-a", "-g0", NULL };
static const char *const pinged[] = { "-a", "-g0", "-t60", NULL };
static const char *const soon[] = { "-a", "-g3", NULL };
static const char *const silent[] = { "-a", "-g3", "-t0.3", NULL };

/* A loss, and what network does meanwhile. */
static const struct loss {
	const char	  *what;
	const char *const *options;
	enum { SILENT, STOPPED, DEAF, PINGING, RELEASING } how;
	enum state state;
	int	   status;
	bool	   usb; /* of the tether "usb", not of the heartbeat */
} losses[] = {
	{ "nothing said", at_once, SILENT, UNGUARDED, SIGKILLED, true },
	{ "network stopped", at_once, STOPPED, UNGUARDED, SIGKILLED, true },
	{ "nothing read", at_once, DEAF, UNGUARDED, SIGKILLED, true },
	{ "PINGs of network's own", pinged, PINGING, UNGUARDED, SIGKILLED,
	    true },
	/* No further byte of the GET is sent. */
	{ "nothing said", NULL, SILENT, GETTING, 0, false },
	{ "network stopped", at_once, STOPPED, GUARDED, SIGKILLED, false },
	{ "nothing read", at_once, DEAF, GUARDED, SIGKILLED, false },
	{ "PINGs of network's own", pinged, PINGING, GUARDED, SIGKILLED,
	    false },
	{ "a RELEASE for a client that lives", at_once, RELEASING, UNGUARDED,
	    SIGKILLED, true },
	{ "a RELEASE for a client that lives", at_once, RELEASING, GUARDED,
	    SIGKILLED, false },
};

static const char *
name_of(bool usb)
{
	return (usb ? "tether usb lost" : "heartbeat connection dropped");
}

/* The client hangs up: the holder usb, or the heartbeat if that is NULL. */
static void
depart(const struct client *usb)
{
	siege_now();
	if (usb != NULL) {
		close(usb->fd);
		return;
	}
	close(s.heart);
	s.heart = -1;
}

static void
hidden(const struct loss *l)
{
	struct client usb = { -1, -1 }, other = { -1, -1 };
	int	      i;

	siege_attempt(l->state, l->options, "%s, and %s", name_of(l->usb),
	    l->what);
	if (l->usb) {
		other = client_hold(PEER_SESSION, "session");
		usb = client_hold(PEER_USB, "usb");
	} else if (l->how == RELEASING) {
		other = client_come(1);
	}
	if (l->how == STOPPED)
		(void)kill(s.network, SIGSTOP);
	if (l->how == DEAF)
		(void)net_order(ORDER_DEAF, 0);
	/* All of it has arrived when the vault runs. */
	if (l->how == PINGING || l->how == RELEASING)
		(void)kill(s.vault, SIGSTOP);
	depart(l->usb ? &usb : NULL);
	for (i = 0; l->how == PINGING && i < 20; i++)
		net_number(IMSG_PING, l->usb ? PEER_USB : PEER_HEART, 1, -1);
	if (l->how == RELEASING)
		net_tether(IMSG_RELEASE, PEER,
		    l->usb ? "usb" : SESSION_HEARTBEAT_NAME, other.at);
	(void)kill(s.vault, SIGCONT);
	siege_ends(l->status, name_of(l->usb), l->usb ? 100 : HANGUP_MS + 100);
	if (l->usb)
		close(usb.at);
	if (other.fd != -1)
		client_leave(&other);
}

/*
 * Network offers the connection of a client that hung up as a new heartbeat or
 * holder, again and again, and says CANCEL for it: that neither ends the grace
 * window nor makes it longer.
 */
static void
dead_return(bool is_usb)
{
	struct client usb = { -1, -1 };
	int64_t	      began, delayed;
	uint32_t      peer;

	siege_attempt(is_usb ? UNGUARDED : GUARDED, soon,
	    "%s, and it comes back dead", name_of(is_usb));
	if (is_usb)
		usb = client_hold(PEER_USB, "usb");
	delayed = siege_delays();
	began = packet_now();
	depart(is_usb ? &usb : NULL);
	siege_logged("panic pending");
	(void)net_answer(IMSG_DROP);
	net_say(IMSG_LOST, is_usb ? PEER_USB : PEER_HEART, NULL, 0, -1);
	for (peer = PEER_AGAIN; peer < PEER_AGAIN + 3; peer++) {
		if (is_usb)
			net_tether(IMSG_HOLD, peer, "usb", usb.at);
		else
			net_number(IMSG_HELLO, peer, 1, s.heart_at);
		net_say(IMSG_CANCEL, peer, NULL, 0, -1);
		(void)net_answer(IMSG_DROP);
		net_say(IMSG_LOST, peer, NULL, 0, -1);
	}
	siege_since(began, delayed);
	siege_ends(SIGKILLED, name_of(is_usb), WINDOW_MS + 100);
	siege_never("CANCELLED");
	if (is_usb)
		close(usb.at);
}

/*
 * A holder, or the heartbeat, lives but has missed its PING.  A return is a new
 * connection: network may not offer the old one again, however it calls it.
 */
static void
old_return(bool is_usb)
{
	struct client usb = { -1, -1 };

	siege_attempt(UNGUARDED, silent, "an old %s, sent again",
	    is_usb ? "holder" : "heartbeat");
	if (is_usb)
		usb = client_hold(PEER_USB, "usb");
	else
		siege_guard();
	siege_now();
	(void)net_answer(IMSG_DROP);
	net_say(IMSG_LOST, is_usb ? PEER_USB : PEER_HEART, NULL, 0, -1);
	if (is_usb)
		net_tether(IMSG_HOLD, PEER_AGAIN, "usb", usb.at);
	else
		net_number(IMSG_HELLO, PEER_AGAIN, 1, s.heart_at);
	siege_ends(SIGKILLED, "ping deadline missed", WINDOW_MS + 300 + 100);
	siege_never("CANCELLED");
	if (is_usb)
		client_leave(&usb);
}

/* A CANCEL of a holder that has left ends no panic that was ordered. */
static void
cancel_of_the_dead(void)
{
	struct client usb, other;

	siege_attempt(UNGUARDED, soon,
	    "CANCEL in the name of a holder who has left");
	usb = client_hold(PEER_USB, "usb");
	other = client_hold(PEER_SESSION, "usb");
	siege_now();
	(void)kill(s.vault, SIGUSR1);
	siege_logged("panic pending: SIGUSR1");
	/* Both have arrived when the vault runs. */
	(void)kill(s.vault, SIGSTOP);
	close(usb.fd);
	net_say(IMSG_CANCEL, PEER_USB, NULL, 0, -1);
	(void)kill(s.vault, SIGCONT);
	siege_ends(SIGKILLED, "PANIC: SIGUSR1", WINDOW_MS + 100);
	siege_never("CANCELLED");
	close(usb.at);
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
	size_t i;
	int    usb;

	for (i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		hidden(&losses[i]);
	for (usb = 0; usb < 2; usb++) {
		dead_return(usb);
		old_return(usb);
	}
	cancel_of_the_dead();
	dead_heartbeat_gives_nothing();
	client_left();
}
