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
#include "imsg.h"
#include "order.h"
#include "packet.h"

#define CALLS	  480  /* that the kernel has, and some */
#define WINDOW_MS 3000 /* time for some messages, on a busy machine */
#define HANGUP_MS 100  /* network's time to tell of a heartbeat's end */

/* Begins a new attempt; false if another process has it. */
static bool
attempt(const char *what, enum state state, const char *const *options)
{
	if (!siege_mine())
		return (false);
	siege_describe("%s, %s", what, state_names[state]);
	siege_begin(state, true, options);
	return (true);
}

/* The heartbeat's client hangs up. */
static void
depart(void)
{
	siege_now();
	close(s.heart);
	s.heart = -1;
}

static void
hello(int at)
{
	const uint32_t pid = 1;

	siege_say(IMSG_HELLO, PEER_HEART, &pid, sizeof(pid), at);
}

static void
get(int at)
{
	const struct imsg_secret secret = { .name = NAME };

	siege_say(IMSG_GET, PEER, &secret, sizeof(secret), at);
}

static void
number(uint32_t type, uint32_t peerid, uint32_t n)
{
	siege_say(type, peerid, &n, sizeof(n), -1);
}

static void
refused(uint32_t answer)
{
	const uint32_t got = siege_answer(IMSG_ANSWER);

	if (got != answer)
		siege_fail("the answer is %u, not %u", got, answer);
}

/*
 * Faked heartbeats.
 */

/*
 * Network offers the connection of a client that hung up as a new heartbeat,
 * again and again: that neither ends the grace window nor makes it longer.
 */
static void
dead_heartbeat(bool cancels)
{
	static const char *const soon[] = { "-a", "-g3", NULL };
	int64_t			 began, delayed;
	int			 i;

	if (!attempt(cancels ? "a dead heartbeat anew, and CANCEL" :
			       "a dead heartbeat anew",
		GUARDED, soon))
		return;
	delayed = siege_delays();
	began = packet_now();
	depart();
	siege_say(IMSG_LOST, PEER_HEART, NULL, 0, -1);
	siege_logged("panic pending: heartbeat connection dropped");
	for (i = 0; i < 3; i++) {
		hello(s.heart_at);
		if (cancels)
			siege_say(IMSG_CANCEL, PEER_HEART, NULL, 0, -1);
		(void)siege_answer(IMSG_DROP);
		siege_say(IMSG_LOST, PEER_HEART, NULL, 0, -1);
	}
	siege_since(began, delayed);
	siege_ends(SIGKILLED, "PANIC: heartbeat connection dropped",
	    WINDOW_MS + 100);
	siege_never("CANCELLED");
}

/* Nor is a secret handed out while such a connection is offered. */
static void
dead_heartbeat_gives_nothing(void)
{
	uint32_t answer;
	int	 at, client, heart;

	if (!attempt("GET right behind the HELLO of one who has left",
		UNGUARDED_ARMED, NULL))
		return;
	close(siege_client(0, &heart));
	client = siege_client(1, &at);
	/* Both have arrived when the vault runs. */
	(void)kill(s.vault, SIGSTOP);
	hello(heart);
	get(at);
	(void)kill(s.vault, SIGCONT);
	/* PENDING if the vault did not stop in time and dropped it first. */
	answer = siege_answer(IMSG_ANSWER);
	if (answer != IMSG_ANSWER_UNGUARDED && answer != IMSG_ANSWER_PENDING)
		siege_fail("the answer is %u", answer);
	siege_clean(client);
	close(client);
	close(at);
	close(heart);
	siege_logged("panic pending: heartbeat connection dropped");
	siege_lives();
}

/* Network can send PINGs for a silent heartbeat, but not for one that hung up.
 */
static void
own_pings(void)
{
	static const char *const options[] = { "-a", "-g0", "-t60", NULL };
	int			 i;

	if (!attempt("PINGs of its own", GUARDED, options))
		return;
	/* All of it has arrived when the vault runs. */
	(void)kill(s.vault, SIGSTOP);
	depart();
	for (i = 0; i < 20; i++)
		number(IMSG_PING, PEER_HEART, 1);
	(void)kill(s.vault, SIGCONT);
	siege_ends(SIGKILLED, "PANIC: heartbeat connection dropped",
	    HANGUP_MS + 100);
}

/* A second heartbeat while there is one. */
static void
second_heartbeat(void)
{
	int at, client;

	if (!attempt("a second HELLO", GUARDED_ARMED, NULL))
		return;
	client = siege_client(0, &at);
	hello(at);
	attack_hostile(GUARDED_ARMED);
	close(client);
	close(at);
}

static void
wrong_peers(void)
{
	static const uint32_t types[] = { IMSG_PING, IMSG_CANCEL, IMSG_QUIT,
		IMSG_LOST };
	const uint32_t	      n = 1;
	size_t		      i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (!attempt("in the name of another", GUARDED_ARMED, NULL))
			continue;
		siege_say(types[i], PEER_HEART + 1, &n, i == 0 ? sizeof(n) : 0,
		    -1);
		attack_hostile(GUARDED_ARMED);
	}
}

/* A GET for a client that hung up shows the secret to nobody. */
static void
client_left(void)
{
	static const enum state states[] = { UNGUARDED, GUARDED, GUARDED_ARMED,
		PENDING, DROPPED };
	size_t			i;
	int			at;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (!attempt("GET for a client that has left", states[i], NULL))
			continue;
		close(siege_client(1, &at));
		get(at);
		refused(states[i] == UNGUARDED ? IMSG_ANSWER_UNGUARDED :
			states[i] == PENDING || states[i] == DROPPED ?
						 IMSG_ANSWER_PENDING :
						 IMSG_ANSWER_CUT);
		siege_clean(at);
		close(at);
		siege_lives();
	}
}

/* When the heartbeat is lost, no further byte of a GET is sent. */
static void
get_ends_with_the_session(void)
{
	if (!attempt("the heartbeat leaves, and network keeps it to itself",
		GETTING, NULL))
		return;
	depart();
	siege_ends(0, "PANIC (dry-run): heartbeat connection dropped",
	    HANGUP_MS + 100);
}

/* Registers the vault and network: a panic would kill them before its end. */
static void
own_pids(void)
{
	uint32_t pid;
	int	 at, client, i;

	for (i = 0; i < 2; i++) {
		if (!attempt("one of the two to be registered", GUARDED_ARMED,
			NULL))
			continue;
		pid = (uint32_t)(i == 0 ? s.vault : s.network);
		client = siege_client(1, &at);
		siege_say(IMSG_REGISTER, PEER, &pid, sizeof(pid), at);
		refused(IMSG_ANSWER_INVALID_PID);
		siege_lives();
		close(client);
		close(at);
	}
}

void
attack_life(void)
{
	dead_heartbeat(false);
	dead_heartbeat(true);
	dead_heartbeat_gives_nothing();
	own_pings();
	second_heartbeat();
	wrong_peers();
	client_left();
	get_ends_with_the_session();
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

	if (!attempt(type == IMSG_PING ? "a flood of PINGs, and no ear" :
					 "a flood of STATUS, and no ear",
		state, NULL))
		return;
	siege_flood(head, head[1]);
	attack_lost(state);
}

/* SIGNAL 0 has no answer, so this flood never stops. */
static void
endless_flood(int sig)
{
	const uint32_t head[4] = { IMSG_SIGNAL, 16, 0, 0 };

	if (!attempt(sig == 0 ? "an endless flood, the heartbeat leaves" :
				"an endless flood, a signal",
		GUARDED, (const char *const[]){ "-a", "-g0", NULL }))
		return;
	siege_flood(head, sizeof(head));
	if (sig == 0) {
		depart();
		siege_ends(SIGKILLED, "PANIC: heartbeat connection dropped",
		    HANGUP_MS + 100);
		return;
	}
	siege_now();
	(void)kill(s.vault, sig);
	siege_ends(sig == SIGTERM ? 0 : SIGKILLED,
	    sig == SIGTERM ? "SIGTERM: secrets wiped, bye" : "PANIC: SIG", 100);
}

/* Network is stopped, or reads nothing, and never reports the loss. */
static void
stalled(bool stopped)
{
	if (!attempt(stopped ? "network stops" : "network listens no more",
		GUARDED, (const char *const[]){ "-a", "-g0", NULL }))
		return;
	if (stopped)
		(void)kill(s.network, SIGSTOP);
	else
		(void)siege_order(ORDER_DEAF, 0);
	depart();
	siege_ends(SIGKILLED, "PANIC: heartbeat connection dropped",
	    HANGUP_MS + 100);
}

/* While network starts, signals still count, and the vault's patience ends. */
static void
stalled_start(void)
{
	if (attempt("network is not ready, a signal", STARTING, NULL)) {
		siege_now();
		(void)kill(s.vault, SIGUSR2);
		siege_ends(0, "HARD PANIC (dry-run): SIGUSR2", 100);
	}
	if (attempt("network is never ready", STARTING, NULL)) {
		siege_now();
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
	stalled(true);
	stalled(false);
	stalled_start();
}

/*
 * The end of network.
 */

static void
leaves(enum state state, int status)
{
	if (!siege_mine())
		return;
	siege_describe("network exits with %d while %s", status,
	    state_names[state]);
	siege_begin(state, true, NULL);
	siege_let_go();
	(void)siege_order(ORDER_EXIT, (uint32_t)status);
	attack_lost(state);
}

/* Network shuts down one direction of its socket to the vault, or both. */
static void
half_closed(int how)
{
	const enum state state = GUARDED_ARMED;

	if (!attempt(how == SHUT_RD ? "no way in" :
		    how == SHUT_WR  ? "no way out" :
				      "neither",
		state, NULL))
		return;
	(void)siege_order(ORDER_DEAF, 0);
	(void)siege_order(ORDER_SHUTDOWN, (uint32_t)how);
	if (how == SHUT_RD)
		siege_say(IMSG_STATUS, PEER, NULL, 0, -1);
	attack_lost(state);
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
		if (!siege_mine())
			continue;
		siege_describe("system call %u", nr);
		siege_begin(GUARDED_ARMED, true, NULL);
		siege_let_go();
		(void)siege_order(ORDER_CALL, nr);
		attack_lost(GUARDED_ARMED);
	}
}
