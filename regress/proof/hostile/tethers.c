/* SPDX-License-Identifier: ISC */
/*
 * What a network process that was taken over would try with tethers: cancel or
 * release in somebody's name, say what no client says, hold more than there is
 * room for.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "client.h"
#include "imsg.h"
#include "net.h"
#include "tally.h"

#define PEER_USB     20u /* network's numbers for holders */
#define PEER_SESSION 21u
#define PEER_AGAIN   22u
#define MANY	     64	  /* holders, and no more */
#define NAMES	     16	  /* so with tethers */
#define WINDOW_MS    3000 /* time for some messages, on a busy machine */

static const char *const at_once[] = { "-a", "-g0", NULL };
static const char *const soon[] = { "-a", "-g3", NULL };
static const char *const long_grace[] = { "-a", "-g60", NULL };

/* One of two holders is lost: nothing happens, whatever network says of it. */
static void
one_of_two(void)
{
	struct client one, two;

	if (!siege_attempt(UNGUARDED, at_once, "one of two holders leaves"))
		return;
	one = client_hold(PEER_USB, "usb");
	two = client_hold(PEER_SESSION, "usb");
	close(one.fd);
	(void)net_answer(IMSG_DROP);
	net_say(IMSG_LOST, PEER_USB, NULL, 0, -1);
	siege_lives();
	siege_never("PANIC");
	close(one.at);
	client_leave(&two);
}

/* One tether is back, the other one is still lost. */
static void
half_a_return(void)
{
	struct client usb, session, again, third;

	if (!siege_attempt(UNGUARDED, soon, "one of two lost tethers is back"))
		return;
	third = client_hold(PEER, "awake");
	usb = client_hold(PEER_USB, "usb");
	session = client_hold(PEER_SESSION, "session");
	tally_now();
	close(usb.fd);
	close(session.fd);
	(void)net_answer(IMSG_DROP);
	(void)net_answer(IMSG_DROP);
	again = client_hold(PEER_AGAIN, "usb");
	net_say(IMSG_CANCEL, PEER_AGAIN, NULL, 0, -1);
	(void)net_answer(IMSG_STILL_LOST);
	net_say(IMSG_CANCEL, PEER, NULL, 0, -1);
	(void)net_answer(IMSG_STILL_LOST);
	siege_ends(SIGKILLED, "lost: secrets wiped", WINDOW_MS + 100);
	siege_never("CANCELLED");
	client_leave(&again);
	client_leave(&third);
	close(usb.at);
	close(session.at);
}

/*
 * In somebody's name.
 */

/* A CANCEL of a holder that has left ends no panic that was ordered. */
static void
cancel_of_the_dead(void)
{
	struct client usb, other;

	if (!siege_attempt(UNGUARDED, soon,
		"CANCEL in the name of a holder who has left"))
		return;
	usb = client_hold(PEER_USB, "usb");
	other = client_hold(PEER_SESSION, "usb");
	tally_now();
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

/* A lost tether cannot be released, and the release of another ends nothing. */
static void
release_while_lost(void)
{
	struct client usb, session, other;

	if (!siege_attempt(UNGUARDED, soon, "RELEASE while a tether is lost"))
		return;
	usb = client_hold(PEER_USB, "usb");
	session = client_hold(PEER_SESSION, "session");
	other = client_come(1);
	tally_now();
	close(usb.fd);
	(void)net_answer(IMSG_DROP);
	net_tether(IMSG_RELEASE, PEER, "usb", other.at);
	net_want(IMSG_ANSWER_NO_SUCH_TETHER);
	net_tether(IMSG_RELEASE, PEER, "session", other.at);
	net_want(IMSG_ANSWER_OK);
	siege_ends(SIGKILLED, "PANIC: tether usb lost", WINDOW_MS + 100);
	siege_never("CANCELLED");
	close(usb.at);
	client_leave(&session);
	client_leave(&other);
}

/* What no heartbeat and no holder says: network is hostile. */
static const struct saying {
	const char *what;
	uint32_t    type, peerid;
	const char *name;   /* of a tether, or NULL */
	int	    socket; /* of a new connection that comes with it; or -1 */
} impossible[] = {
	{ "HELLO beside a heartbeat", IMSG_HELLO, PEER_HEART, NULL, 0 },
	{ "HOLD twice", IMSG_HOLD, PEER_USB, "usb", 1 },
	{ "HOLD heartbeat", IMSG_HOLD, PEER_AGAIN, "heartbeat", 1 },
	{ "HOLD of a bad name", IMSG_HOLD, PEER_AGAIN, "Usb", 1 },
	{ "HOLD of no name", IMSG_HOLD, PEER_AGAIN, "", 1 },
	{ "HOLD of a name without end", IMSG_HOLD, PEER_AGAIN,
	    "01234567890123456", 1 },
	{ "RELEASE of a bad name", IMSG_RELEASE, PEER_AGAIN, "u b", 1 },
	{ "QUIT of a holder", IMSG_QUIT, PEER_USB, NULL, -1 },
	{ "QUIT of nobody", IMSG_QUIT, PEER_AGAIN, NULL, -1 },
	{ "PING of nobody", IMSG_PING, PEER_AGAIN, NULL, -1 },
	{ "CANCEL of nobody", IMSG_CANCEL, PEER_AGAIN, NULL, -1 },
	{ "WATCH of nobody", IMSG_WATCH, PEER_AGAIN, NULL, -1 },
	{ "LOST of nobody", IMSG_LOST, PEER_AGAIN, NULL, -1 },
};

static void
say_impossible(const struct saying *say)
{
	struct client usb, other = { -1, -1 };

	if (!siege_attempt(GUARDED_ARMED, NULL, "%s", say->what))
		return;
	usb = client_hold(PEER_USB, "usb");
	if (say->socket != -1)
		other = client_come(say->socket);
	if (say->name != NULL)
		net_tether(say->type, say->peerid, say->name, other.at);
	else if (say->type == IMSG_HELLO || say->type == IMSG_PING ||
	    say->type == IMSG_WATCH)
		net_number(say->type, say->peerid, 1, other.at);
	else
		net_say(say->type, say->peerid, NULL, 0, other.at);
	attack_hostile(GUARDED_ARMED);
	client_leave(&usb);
	if (say->socket != -1)
		client_leave(&other);
}

/* The vault has room for so many, and says BUSY to one more. */
static void
too_many(bool tethers)
{
	static struct client clients[MANY + 1];
	const int	     most = tethers ? NAMES : MANY;
	char		     name[] = "t-a";
	int		     i;

	if (!siege_attempt(UNGUARDED, long_grace, "too many %s",
		tethers ? "tethers" : "holders"))
		return;
	for (i = 0; i < most; i++) {
		clients[i] = client_hold(100 + (uint32_t)i, name);
		name[2] = (char)(name[2] + tethers);
	}
	clients[i] = client_come(1);
	net_tether(IMSG_HOLD, 100 + (uint32_t)i, name, clients[i].at);
	net_want(IMSG_ANSWER_BUSY);
	siege_lives();
	for (; i >= 0; i--)
		client_leave(&clients[i]);
}

void
attack_tethers(void)
{
	size_t i;

	one_of_two();
	half_a_return();
	cancel_of_the_dead();
	release_while_lost();
	for (i = 0; i < sizeof(impossible) / sizeof(impossible[0]); i++)
		say_impossible(&impossible[i]);
	too_many(false);
	too_many(true);
}
