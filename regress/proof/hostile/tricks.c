/* SPDX-License-Identifier: ISC */
/*
 * What a network process that was taken over would really try: life where there
 * is none, floods, stalls, and an end of its own.
 */
#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "imsg.h"
#include "num.h"
#include "order.h"
#include "packet.h"

#define CALLS	  480 /* that the kernel has, and some */
#define HANGUP_MS 100 /* network's time to tell of a heartbeat's end */

/* A new attempt, if it is ours. */
static bool
attempt(const char *what, enum state state, const char *const *options)
{
	if (!siege_mine())
		return (false);
	siege_describe("%s, %s", what, state_names[state]);
	siege_begin(state, true, options);
	return (true);
}

/* The heartbeat ends. */
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
	siege_say(IMSG_GET, PEER, (const char[65]){ NAME }, 65, at);
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
 * Heartbeats of its own making.
 */

/*
 * The connection of a client who has left is no new heartbeat: it neither ends
 * the grace, nor makes it longer, however often it is offered.
 */
static void
dead_heartbeat(bool cancels)
{
	static const char *const soon[] = { "-a", "-g0.5", NULL };
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
	siege_ends(SIGKILLED, "PANIC: heartbeat connection dropped", 500 + 100);
	siege_never("CANCELLED");
}

/* Nor does anybody get a secret in its name, not even for a moment. */
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
	/* Both are there when the vault looks. */
	(void)kill(s.vault, SIGSTOP);
	hello(heart);
	get(at);
	(void)kill(s.vault, SIGCONT);
	/* Unless it did not stop in time, and has dropped that heartbeat
	 * before. */
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

/*
 * It can answer for a heartbeat that is silent, but not for one that has left.
 */
static void
own_pings(void)
{
	static const char *const options[] = { "-a", "-g0", "-t0.3", NULL };
	int			 i;

	if (!attempt("PINGs of its own", GUARDED, options))
		return;
	/* All of it is there when the vault looks. */
	(void)kill(s.vault, SIGSTOP);
	depart();
	for (i = 0; i < 20; i++)
		number(IMSG_PING, PEER_HEART, 1);
	(void)kill(s.vault, SIGCONT);
	siege_ends(SIGKILLED, "PANIC: heartbeat connection dropped",
	    HANGUP_MS + 100);
}

/* A second one while there is one. */
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

/* A client that has left gets nothing, and nobody has it in its place. */
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

/* A transfer ends with the session, and what has not left does not leave. */
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
}

/*
 * Floods and stalls.
 */

/* The vault is told so much that it cannot answer: nobody listens. */
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

/* SIGNAL 0 asks for nothing, and so never ends. */
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

/* It stops, or no longer listens, and keeps the heartbeat's end to itself. */
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

/*
 * At the start nothing holds a signal up, and it is not waited for without end.
 */
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
 * An end of its own.
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

/*
 * Half of the line: the vault may hear, but not speak, or the other way about.
 */
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

/* In the daemon itself: whatever becomes of network, the vault sees to it. */
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

/*
 * What no client could have caused.
 */

static void
value(const char *what, uint32_t type, const void *payload, size_t len,
    uint32_t want)
{
	const bool ours = type >= IMSG_REGISTER && type <= IMSG_DEL;
	int	   at = -1, client = -1;

	if (!siege_mine())
		return;
	siege_describe("message %u: %s", type, what);
	siege_begin(GUARDED_ARMED, true, NULL);
	if (ours)
		client = siege_client(1, &at);
	siege_say(type, PEER, payload, len, at);
	if (want == 0) {
		attack_hostile(GUARDED_ARMED);
	} else {
		refused(want);
		siege_lives();
	}
	if (ours) {
		close(client);
		close(at);
	}
}

static void
names(void)
{
	static const char *const bad[] = { "", "-a", ".a", "a/b", "a b", "a\nb",
		"\377", "../a", "a*" };
	struct imsg_secret	 name;
	struct imsg_put		 put = { .size = 5 };
	size_t			 i;

	for (i = 0; i <= sizeof(bad) / sizeof(bad[0]); i++) {
		memset(&name, 0, sizeof(name));
		if (i < sizeof(bad) / sizeof(bad[0]))
			memcpy(name.name, bad[i], strlen(bad[i]));
		else
			memset(name.name, 'a', sizeof(name.name));
		memcpy(put.name, name.name, sizeof(put.name));
		value("a bad name", IMSG_GET, &name, sizeof(name), 0);
		value("a bad name", IMSG_DEL, &name, sizeof(name), 0);
		value("a bad name", IMSG_PUT, &put, sizeof(put), 0);
	}
	memset(&name, 0, sizeof(name));
	memset(name.name, 'a', sizeof(name.name) - 1);
	value("a long name", IMSG_GET, &name, sizeof(name),
	    IMSG_ANSWER_NO_SUCH_SECRET);
}

static void
puts_of_all_sizes(void)
{
	static const struct {
		uint64_t size;
		int64_t	 ttl;
		uint32_t want;
	} all[] = { { 0, 0, 0 }, { INT64_MAX, 0, 0 }, { UINT64_MAX, 0, 0 },
		{ (uint64_t)INT64_MAX + 1, 0, 0 }, { 5, -1, 0 },
		{ 5, INT64_MIN, 0 }, { 5, INT64_MAX, 0 },
		{ 5, NUM_MAX_SECONDS * 1000 + 1, 0 },
		{ INT64_MAX - 1, 0, IMSG_ANSWER_TOO_LARGE },
		{ 65536, 0, IMSG_ANSWER_TOO_LARGE },
		{ 65536 - 200, 0, IMSG_ANSWER_FULL } };
	struct imsg_put put = { .name = "new" };
	size_t		i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		put.size = all[i].size;
		put.ttl = all[i].ttl;
		value("a size, a time", IMSG_PUT, &put, sizeof(put),
		    all[i].want);
	}
	put = (struct imsg_put){ .size = 5, .name = NAME };
	value("a name that is taken", IMSG_PUT, &put, sizeof(put),
	    IMSG_ANSWER_EXISTS);
}

static void
pids(void)
{
	static const uint32_t bad[] = { 1, INT32_MAX, (uint32_t)INT32_MAX + 1,
		UINT32_MAX };
	size_t		      i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		value("a pid", IMSG_REGISTER, &bad[i], sizeof(bad[i]),
		    IMSG_ANSWER_INVALID_PID);
		value("a pid", IMSG_UNREGISTER, &bad[i], sizeof(bad[i]),
		    IMSG_ANSWER_INVALID_PID);
	}
}

/*
 * The two themselves may not be registered: a panic would end with the first.
 */
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

/* Those that network is sent mean the same to the vault; it is never sent
 * others. */
static void
signals(void)
{
	static const uint32_t far[] = { 256 + SIGTERM, 65536, INT32_MAX,
		(uint32_t)INT32_MIN, UINT32_MAX };
	uint32_t	      sig;
	size_t		      i;

	for (sig = 1; sig <= 70; sig++) {
		if (sig != SIGTERM && sig != SIGINT && sig != SIGHUP &&
		    sig != SIGUSR1 && sig != SIGUSR2 && sig != SIGQUIT)
			value("a signal", IMSG_SIGNAL, &sig, sizeof(sig), 0);
	}
	for (i = 0; i < sizeof(far) / sizeof(far[0]); i++)
		value("a signal", IMSG_SIGNAL, &far[i], sizeof(far[i]), 0);
}

void
attack_values(void)
{
	names();
	puts_of_all_sizes();
	pids();
	own_pids();
	signals();
}
