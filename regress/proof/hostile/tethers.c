/* SPDX-License-Identifier: ISC */
/*
 * What a network process that was taken over would try with tethers: hide a
 * loss, invent a return, cancel or release in somebody's name.
 */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "imsg.h"
#include "order.h"
#include "packet.h"

#define PEER_USB     20u /* network's numbers for holders */
#define PEER_SESSION 21u
#define PEER_AGAIN   22u
#define MANY	     64	  /* holders, and no more */
#define NAMES	     16	  /* so with tethers */
#define WINDOW_MS    3000 /* time for some messages, on a busy machine */

static const char *const at_once[] = { "-a", "-g0", NULL };
static const char *const soon[] = { "-a", "-g3", NULL };
static const char *const long_grace[] = { "-a", "-g60", NULL };

/* A client of the control socket: its own end, and network's. */
struct client {
	int fd, at;
};

/* Begins a new attempt; false if another process has it. */
static bool
attempt(const char *what, const char *const *options)
{
	if (!siege_mine())
		return (false);
	siege_describe("%s", what);
	siege_begin(UNGUARDED, true, options);
	return (true);
}

static struct client
come(void)
{
	struct client c;

	c.fd = siege_client(1, &c.at);
	return (c);
}

static void
leave(struct client *c)
{
	close(c->fd);
	close(c->at);
}

/* Network says that the connection at holds a tether, or releases it. */
static void
say_tether(uint32_t type, uint32_t peerid, const char *name, int at)
{
	struct imsg_tether t = { .name = "" };

	memcpy(t.name, name, strlen(name));
	siege_say(type, peerid, &t, sizeof(t), at);
}

static void
number(uint32_t type, uint32_t peerid, uint32_t n)
{
	siege_say(type, peerid, &n, sizeof(n), -1);
}

/* A new client holds the tether. */
static struct client
hold(uint32_t peerid, const char *name)
{
	const struct client c = come();

	say_tether(IMSG_HOLD, peerid, name, c.at);
	(void)siege_answer(IMSG_HOLDING);
	return (c);
}

static void
want_answer(uint32_t answer)
{
	const uint32_t got = siege_answer(IMSG_ANSWER);

	if (got != answer)
		siege_fail("the answer is %u, not %u", got, answer);
}

/*
 * A loss that network hides.
 */

enum hiding { SILENT, STOPPED, DEAF, PINGING, HIDINGS };

static void
hidden_loss(enum hiding how)
{
	static const char *const what[HIDINGS] = {
		"a loss, and network says nothing",
		"a loss, and network is stopped",
		"a loss, and network reads nothing",
		"a loss, and PINGs of network's own"
	};
	struct client usb, session;
	int	      i;

	if (!attempt(what[how], at_once))
		return;
	session = hold(PEER_SESSION, "session");
	usb = hold(PEER_USB, "usb");
	if (how == STOPPED)
		(void)kill(s.network, SIGSTOP);
	if (how == DEAF)
		(void)siege_order(ORDER_DEAF, 0);
	if (how == PINGING)
		(void)kill(s.vault, SIGSTOP);
	siege_now();
	close(usb.fd);
	for (i = 0; how == PINGING && i < 10; i++)
		number(IMSG_PING, PEER_USB, 1);
	(void)kill(s.vault, SIGCONT);
	siege_ends(SIGKILLED, "PANIC: tether usb lost", 100);
	close(usb.at);
	leave(&session);
}

/* One of two holders is lost: nothing happens, whatever network says of it. */
static void
one_of_two(void)
{
	struct client one, two;

	if (!attempt("one of two holders leaves", at_once))
		return;
	one = hold(PEER_USB, "usb");
	two = hold(PEER_SESSION, "usb");
	close(one.fd);
	(void)siege_answer(IMSG_DROP);
	siege_say(IMSG_LOST, PEER_USB, NULL, 0, -1);
	siege_lives();
	siege_never("PANIC");
	close(one.at);
	leave(&two);
}

/*
 * A return that network invents.
 */

/* A holder that left holds again, and says CANCEL. */
static void
dead_return(void)
{
	int64_t	      began, delayed;
	struct client usb;
	uint32_t      i;

	if (!attempt("a dead holder anew, and CANCEL", soon))
		return;
	usb = hold(PEER_USB, "usb");
	delayed = siege_delays();
	began = packet_now();
	close(usb.fd);
	siege_logged("panic pending: tether usb lost");
	(void)siege_answer(IMSG_DROP);
	siege_say(IMSG_LOST, PEER_USB, NULL, 0, -1);
	for (i = 0; i < 3; i++) {
		say_tether(IMSG_HOLD, PEER_AGAIN + i, "usb", usb.at);
		siege_say(IMSG_CANCEL, PEER_AGAIN + i, NULL, 0, -1);
		(void)siege_answer(IMSG_DROP);
	}
	siege_since(began, delayed);
	siege_ends(SIGKILLED, "PANIC: tether usb lost", WINDOW_MS + 100);
	siege_never("CANCELLED");
	close(usb.at);
}

/*
 * A holder, or the heartbeat, lives but has missed its PING.  A return is a new
 * connection: network may not offer the old one again, however it calls it.
 */
static void
old_return(bool heartbeat)
{
	static const char *const silent[] = { "-a", "-g3", "-t0.3", NULL };
	const uint32_t		 pid = 1;
	struct client		 c = { -1, -1 };

	if (!attempt(heartbeat ? "an old heartbeat anew" : "an old holder anew",
		silent))
		return;
	if (heartbeat)
		siege_guard();
	else
		c = hold(PEER_USB, "usb");
	siege_now();
	(void)siege_answer(IMSG_DROP);
	siege_say(IMSG_LOST, heartbeat ? PEER_HEART : PEER_USB, NULL, 0, -1);
	if (heartbeat)
		siege_say(IMSG_HELLO, PEER_AGAIN, &pid, sizeof(pid),
		    s.heart_at);
	else
		say_tether(IMSG_HOLD, PEER_AGAIN, "usb", c.at);
	siege_ends(SIGKILLED, "ping deadline missed", WINDOW_MS + 300 + 100);
	siege_never("CANCELLED");
	if (!heartbeat)
		leave(&c);
}

/* One tether is back, the other one is still lost. */
static void
half_a_return(void)
{
	struct client usb, session, again, third;

	if (!attempt("one of two lost tethers is back", soon))
		return;
	third = hold(PEER, "awake");
	usb = hold(PEER_USB, "usb");
	session = hold(PEER_SESSION, "session");
	siege_now();
	close(usb.fd);
	close(session.fd);
	(void)siege_answer(IMSG_DROP);
	(void)siege_answer(IMSG_DROP);
	again = hold(PEER_AGAIN, "usb");
	siege_say(IMSG_CANCEL, PEER_AGAIN, NULL, 0, -1);
	(void)siege_answer(IMSG_STILL_LOST);
	siege_say(IMSG_CANCEL, PEER, NULL, 0, -1);
	(void)siege_answer(IMSG_STILL_LOST);
	siege_ends(SIGKILLED, "lost: secrets wiped", WINDOW_MS + 100);
	siege_never("CANCELLED");
	leave(&again);
	leave(&third);
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

	if (!attempt("CANCEL in the name of a holder who has left", soon))
		return;
	usb = hold(PEER_USB, "usb");
	other = hold(PEER_SESSION, "usb");
	siege_now();
	(void)kill(s.vault, SIGUSR1);
	siege_logged("panic pending: SIGUSR1");
	/* Both have arrived when the vault runs. */
	(void)kill(s.vault, SIGSTOP);
	close(usb.fd);
	siege_say(IMSG_CANCEL, PEER_USB, NULL, 0, -1);
	(void)kill(s.vault, SIGCONT);
	siege_ends(SIGKILLED, "PANIC: SIGUSR1", WINDOW_MS + 100);
	siege_never("CANCELLED");
	close(usb.at);
	leave(&other);
}

/* A lost tether cannot be released, and the release of another ends nothing. */
static void
release_while_lost(void)
{
	struct client usb, session, other;

	if (!attempt("RELEASE while a tether is lost", soon))
		return;
	usb = hold(PEER_USB, "usb");
	session = hold(PEER_SESSION, "session");
	other = come();
	siege_now();
	close(usb.fd);
	(void)siege_answer(IMSG_DROP);
	say_tether(IMSG_RELEASE, PEER, "usb", other.at);
	want_answer(IMSG_ANSWER_NO_SUCH_TETHER);
	say_tether(IMSG_RELEASE, PEER, "session", other.at);
	want_answer(IMSG_ANSWER_OK);
	siege_ends(SIGKILLED, "PANIC: tether usb lost", WINDOW_MS + 100);
	siege_never("CANCELLED");
	close(usb.at);
	leave(&session);
	leave(&other);
}

/* What no holder says: network is hostile. */
static void
impossible(void)
{
	static const struct {
		const char *what;
		uint32_t    type, peerid;
		const char *name; /* of a tether; "": none */
		bool	    with; /* a connection to the control socket */
	} said[] = {
		{ "HOLD twice", IMSG_HOLD, PEER_USB, "usb", true },
		{ "HOLD heartbeat", IMSG_HOLD, PEER_AGAIN, "heartbeat", true },
		{ "HOLD of a bad name", IMSG_HOLD, PEER_AGAIN, "Usb", true },
		{ "HOLD of no name", IMSG_HOLD, PEER_AGAIN, "", true },
		{ "HOLD of a name without end", IMSG_HOLD, PEER_AGAIN,
		    "01234567890123456", true },
		{ "RELEASE of a bad name", IMSG_RELEASE, PEER_AGAIN, "u b",
		    true },
		{ "QUIT of a holder", IMSG_QUIT, PEER_USB, NULL, false },
		{ "CANCEL of nobody", IMSG_CANCEL, PEER_AGAIN, NULL, false },
		{ "LOST of nobody", IMSG_LOST, PEER_AGAIN, NULL, false },
	};
	struct client usb, other;
	size_t	      i;

	for (i = 0; i < sizeof(said) / sizeof(said[0]); i++) {
		if (!attempt(said[i].what, long_grace))
			continue;
		usb = hold(PEER_USB, "usb");
		other = come();
		if (said[i].with)
			say_tether(said[i].type, said[i].peerid, said[i].name,
			    other.at);
		else
			siege_say(said[i].type, said[i].peerid, NULL, 0, -1);
		attack_hostile(UNGUARDED_ARMED);
		leave(&usb);
		leave(&other);
	}
}

/* The vault has room for so many, and says BUSY to one more. */
static void
too_many(bool tethers)
{
	static struct client clients[MANY + 1];
	const int	     most = tethers ? NAMES : MANY;
	char		     name[] = "t-a";
	int		     i;

	if (!attempt(tethers ? "too many tethers" : "too many holders",
		long_grace))
		return;
	for (i = 0; i < most; i++) {
		clients[i] = hold(100 + (uint32_t)i, name);
		name[2] = (char)(name[2] + tethers);
	}
	clients[i] = come();
	say_tether(IMSG_HOLD, 100 + (uint32_t)i, name, clients[i].at);
	want_answer(IMSG_ANSWER_BUSY);
	siege_lives();
	for (; i >= 0; i--)
		leave(&clients[i]);
}

void
attack_tethers(void)
{
	int how;

	for (how = 0; how < HIDINGS; how++)
		hidden_loss((enum hiding)how);
	one_of_two();
	dead_return();
	old_return(false);
	old_return(true);
	half_a_return();
	cancel_of_the_dead();
	release_while_lost();
	impossible();
	too_many(false);
	too_many(true);
}
