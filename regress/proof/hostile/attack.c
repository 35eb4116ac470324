/* SPDX-License-Identifier: ISC */
/*
 * What a network process that was taken over can say to the vault, and what
 *must become of it.  What may be said, and when, is this file's own: from the
 *design, not from dazaid/imsg.c.
 *
 *	attack CASE [PROCESSES]
 *
 * In the working directory: secret, the one that the daemon loads; and large,
 *the same many times over, for a GET that takes its time.
 */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "imsg.h"
#include "num.h"
#include "order.h"
#include "siege.h"

#define IN(s) (1U << (s))
#define GUARDING                                                       \
	(IN(GUARDED) | IN(GUARDED_ARMED) | IN(PENDING) | IN(PUTTING) | \
	    IN(GETTING))
#define NOBODY	(IN(UNGUARDED) | IN(UNGUARDED_ARMED))
#define CONTROL (NOBODY | GUARDING | IN(DROPPED))
#define ARMED                                                                  \
	(IN(UNGUARDED_ARMED) | IN(GUARDED_ARMED) | IN(PENDING) | IN(DROPPED) | \
	    IN(PUTTING) | IN(QUITTING))
#define HEAD	   12		/* bytes: type, length, peerid */
#define SIZE_LIMIT (HEAD + 112) /* beyond the longest that either side has */

/*
 * Of what network may say: the bytes that follow the head, a descriptor, when.
 */
static const struct rule {
	const char  *name;
	size_t	     size;
	int	     fd; /* of a client: 0 no, 1 heartbeat, 2 control */
	unsigned int when;
} rules[IMSG_TYPES] = { [IMSG_READY] = { "READY", 0, 0, IN(STARTING) },
	[IMSG_SIGNAL] = { "SIGNAL", 4, 0, IN(LOADING) | CONTROL },
	[IMSG_HELLO] = { "HELLO", 4, 1, NOBODY },
	[IMSG_PING] = { "PING", 4, 0, GUARDING | IN(DROPPED) },
	[IMSG_CANCEL] = { "CANCEL", 0, 0, GUARDING | IN(DROPPED) },
	[IMSG_WATCH] = { "WATCH", 4, 0, GUARDING | IN(DROPPED) },
	[IMSG_QUIT] = { "QUIT", 0, 0, GUARDING | IN(DROPPED) },
	[IMSG_LOST] = { "LOST", 0, 0, GUARDING | IN(DROPPED) },
	[IMSG_STATUS] = { "STATUS", 0, 0, CONTROL },
	[IMSG_ARM] = { "ARM", 0, 0, CONTROL },
	[IMSG_LIST] = { "LIST", 8, 0, CONTROL },
	[IMSG_REGISTER] = { "REGISTER", 4, 2, CONTROL },
	[IMSG_UNREGISTER] = { "UNREGISTER", 4, 2, CONTROL },
	[IMSG_PUT] = { "PUT", 88, 2, CONTROL },
	[IMSG_GET] = { "GET", 65, 2, CONTROL },
	[IMSG_DEL] = { "DEL", 65, 2, CONTROL },
	[IMSG_TETHERS] = { "TETHERS", 8, 0, CONTROL },
	[IMSG_HOLD] = { "HOLD", 36, 2, CONTROL },
	[IMSG_RELEASE] = { "RELEASE", 36, 2, CONTROL },
	[IMSG_EVENTS] = { "EVENTS", 4, 0, CONTROL },
	[IMSG_PANIC] = { "PANIC", 4, 0, CONTROL } };

/* What is sent. */
struct shot {
	uint32_t      type;
	size_t	      size;   /* of the packet */
	uint32_t      length; /* what its head says */
	unsigned int  nfds;
	int	      fds[2];
	int	      client; /* the other end of fds[0], or -1 */
	unsigned char bytes[512];
};

static bool
is_armed(enum state state)
{
	return ((ARMED & IN(state)) != 0);
}

/* The vault takes network for hostile, as it is or as rehearsed. */
void
attack_hostile(enum state state)
{
	if (state == STARTING)
		siege_ends(1, "network process: it could not start", 100);
	else if (state == QUITTING)
		/*
		 * It hears nobody any more, but gives network 200 ms for BYE.
		 */
		siege_ends(0, "QUIT from the heartbeat: secrets wiped", 300);
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

/* The same for one that is gone. */
void
attack_lost(enum state state)
{
	if (state == STARTING || state == QUITTING)
		attack_hostile(state);
	else if (is_armed(state))
		siege_ends(SIGKILLED, "HARD PANIC: network process lost", 100);
	else
		siege_ends(0, "HARD PANIC (dry-run): network process lost",
		    100);
}

/*
 * What is as it should be.
 */

/* A graceful panic: rehearsed at once, or its grace begins, unless it has. */
static void
graceful(const char *reason)
{
	char text[128];

	if (!is_armed(s.state)) {
		(void)snprintf(text, sizeof(text),
		    "PANIC (dry-run): %s: secrets "
		    "wiped, WOULD SIGKILL",
		    reason);
		siege_ends(0, text, 100);
		return;
	}
	if (s.state != PENDING && s.state != DROPPED) {
		(void)snprintf(text, sizeof(text), "panic pending: %s", reason);
		siege_logged(text);
	}
	siege_lives();
}

static void
answers(uint32_t type, uint32_t n)
{
	const uint32_t got = siege_answer(type);

	if (got != n)
		siege_fail("the answer is %u, not %u", got, n);
	siege_lives();
}

static void
put_is_served(const struct shot *shot)
{
	if (s.state == PENDING || s.state == DROPPED) {
		answers(IMSG_ANSWER, IMSG_ANSWER_PENDING);
		return;
	}
	siege_want(shot->client, "GO\n");
	if (send(shot->client, "12345", 5, MSG_NOSIGNAL) != 5)
		siege_fail("PUT is not taken");
	answers(IMSG_ANSWER, IMSG_ANSWER_OK);
}

static void
get_is_served(const struct shot *shot)
{
	if (s.state == PENDING || s.state == DROPPED) {
		answers(IMSG_ANSWER, IMSG_ANSWER_PENDING);
	} else if ((NOBODY & IN(s.state)) != 0) {
		answers(IMSG_ANSWER, IMSG_ANSWER_UNGUARDED);
	} else if (s.state == GETTING) {
		siege_want(shot->client, "DATA ");
		siege_lives();
		return;
	} else {
		siege_want(shot->client, "DATA 22\n" SECRET);
		answers(IMSG_ANSWER, IMSG_ANSWER_SENT);
		return;
	}
}

/* What shot, which is right for this moment, must bring about. */
static void
is_served(const struct shot *shot)
{
	const bool dropped = s.state == DROPPED;

	switch (shot->type) {
	case IMSG_SIGNAL:
		graceful("SIGHUP");
		break;
	case IMSG_HELLO:
		(void)siege_answer(IMSG_WELCOME);
		siege_lives();
		break;
	case IMSG_PING:
		if (dropped)
			siege_lives();
		else
			answers(IMSG_PONG, 3);
		break;
	case IMSG_CANCEL:
		if (!dropped)
			(void)siege_answer(s.state == PENDING ?
				IMSG_CANCELLED :
				IMSG_NOTHING_PENDING);
		siege_lives();
		break;
	case IMSG_WATCH: /* process 1 may not be watched */
		answers(IMSG_ANSWER, IMSG_ANSWER_INVALID_PID);
		break;
	case IMSG_TETHERS: /* the heartbeat's, held or lost, if it was taken */
		(void)siege_answer(
		    (NOBODY & IN(s.state)) != 0 ? IMSG_ANSWER : IMSG_TETHER);
		siege_lives();
		break;
	case IMSG_HOLD:
		(void)siege_answer(IMSG_HOLDING);
		siege_lives();
		break;
	case IMSG_RELEASE:
		answers(IMSG_ANSWER, IMSG_ANSWER_NO_SUCH_TETHER);
		break;
	case IMSG_QUIT:
		/* It waits for network, which is to say BYE and leave. */
		siege_ends(0, "QUIT from the heartbeat: secrets wiped, bye",
		    300);
		break;
	case IMSG_LOST:
		graceful("heartbeat connection dropped");
		break;
	case IMSG_ARM:
		answers(IMSG_ANSWER,
		    is_armed(s.state) ? IMSG_ANSWER_ALREADY_ARMED :
					IMSG_ANSWER_OK);
		break;
	case IMSG_LIST:
		(void)siege_answer(IMSG_ENTRY);
		siege_lives();
		break;
	case IMSG_REGISTER:
	case IMSG_UNREGISTER:
		answers(IMSG_ANSWER, IMSG_ANSWER_INVALID_PID);
		break;
	case IMSG_PUT:
		put_is_served(shot);
		break;
	case IMSG_GET:
		get_is_served(shot);
		break;
	case IMSG_DEL:
		if (s.state == GETTING) /* its end is told first */
			(void)siege_answer(IMSG_ANSWER);
		answers(IMSG_ANSWER, IMSG_ANSWER_OK);
		break;
	case IMSG_PANIC:
		if (is_armed(s.state))
			siege_ends(SIGKILLED, "HARD PANIC: PANIC hard", 100);
		else
			siege_ends(0, "HARD PANIC (dry-run): PANIC hard", 100);
		break;
	default:
		siege_lives();
	}
}

/*
 * Every message.
 */

static const struct rule *
rule_of(uint32_t type)
{
	static const struct rule none = { "?", 4, 0, 0 };

	return (type < IMSG_TYPES && rules[type].name != NULL ? &rules[type] :
								&none);
}

static bool
is_right(const struct shot *shot)
{
	const struct rule *rule = rule_of(shot->type);

	return (shot->size == HEAD + rule->size && shot->length == shot->size &&
	    shot->nfds == (rule->fd != 0) &&
	    (shot->nfds == 0 || shot->client != -1) &&
	    (rule->when & IN(s.state)) != 0);
}

/* What the type wants to know, as a client could have caused it. */
static void
load(struct shot *shot)
{
	const uint32_t		 number = shot->type == IMSG_SIGNAL ? SIGHUP :
		      shot->type == IMSG_PING			    ? 3 :
								      1;
	const struct imsg_put	 put = { .size = 5, .name = "new" };
	const struct imsg_tether tether = { .name = "t" };
	unsigned char		*payload = shot->bytes + HEAD;

	memset(shot->bytes, 0, sizeof(shot->bytes));
	if (shot->type == IMSG_GET || shot->type == IMSG_DEL)
		memcpy(payload, NAME, sizeof(NAME));
	else if (shot->type == IMSG_PUT)
		memcpy(payload, &put, sizeof(put));
	else if (shot->type == IMSG_HOLD || shot->type == IMSG_RELEASE)
		memcpy(payload, &tether, sizeof(tether));
	else if (shot->type != IMSG_LIST && shot->type != IMSG_TETHERS)
		memcpy(payload, &number, sizeof(number));
}

static void
fire(struct shot *shot)
{
	const uint32_t head[3] = { shot->type, shot->length,
		shot->type >= IMSG_PING && shot->type <= IMSG_LOST ?
		    PEER_HEART :
		    PEER };

	memcpy(shot->bytes, head, sizeof(head));
	siege_attack(shot->bytes, shot->size, shot->fds, shot->nfds);
	if (is_right(shot))
		is_served(shot);
	else if (shot->size == 0 && shot->nfds == 0)
		attack_lost(s.state); /* it cannot be told from the end */
	else
		attack_hostile(s.state);
}

/* The descriptor that the type asks for, or at least one. */
static void
arm_shot(struct shot *shot, unsigned int nfds, bool ours)
{
	const int    which = rule_of(shot->type)->fd == 1 ? 0 : 1;
	unsigned int i;

	shot->client = -1;
	shot->nfds = nfds;
	for (i = 0; i < nfds; i++) {
		if (ours && i == 0 && s.state >= UNGUARDED &&
		    s.state != QUITTING)
			shot->client = siege_client(which, &shot->fds[i]);
		else if ((shot->fds[i] = open("/dev/null",
			      O_RDWR | O_CLOEXEC)) == -1)
			err(1, "/dev/null");
	}
}

static void
disarm(struct shot *shot)
{
	while (shot->nfds > 0)
		close(shot->fds[--shot->nfds]);
	if (shot->client != -1)
		close(shot->client);
}

enum shape {
	EXACT,
	LONGER,
	SHORTER,
	MORE_SAID,
	LESS_SAID,
	ODD_FD,
	TWO_FDS,
	FOREIGN_FD,
	SHAPES
};

static const char *const shape_names[SHAPES] = { "as it should be",
	"a byte longer", "a byte shorter", "says it is longer",
	"says it is shorter", "a descriptor more or less", "two descriptors",
	"not a client's" };

/* Only what is right otherwise can be wrong in just one way. */
static bool
makes_sense(enum state state, uint32_t type, enum shape shape)
{
	const struct rule *rule = rule_of(type);

	if (shape == EXACT)
		return (true);
	if ((rule->when & IN(state)) == 0)
		return (shape == TWO_FDS && state != QUITTING);
	return (shape != FOREIGN_FD || rule->fd != 0);
}

static void
message(enum state state, uint32_t type, enum shape shape)
{
	const struct rule *rule = rule_of(type);
	struct shot	   shot = { .type = type };
	unsigned int	   nfds = rule->fd != 0;

	siege_describe("%s (%u) while %s, %s", rule->name, type,
	    state_names[state], shape_names[shape]);
	siege_begin(state, true, NULL);
	load(&shot);
	shot.size = HEAD + rule->size;
	if (shape == LONGER)
		shot.size++;
	else if (shape == SHORTER)
		shot.size--;
	shot.length = (uint32_t)shot.size;
	if (shape == MORE_SAID)
		shot.length++;
	else if (shape == LESS_SAID)
		shot.length--;
	if (shape == ODD_FD)
		nfds = !nfds;
	else if (shape == TWO_FDS)
		nfds = 2;
	arm_shot(&shot, nfds, shape != FOREIGN_FD);
	fire(&shot);
	disarm(&shot);
}

static void
messages(void)
{
	static const uint32_t odd[] = { IMSG_TYPES, IMSG_TYPES + 1, 0x10000,
		0x80000001, UINT32_MAX };
	uint32_t	      type;
	unsigned int	      state, shape;

	for (state = 0; state < STATES; state++) {
		for (type = 0; type < IMSG_TYPES + 5; type++) {
			const uint32_t t = type < IMSG_TYPES ?
			    type :
			    odd[type - IMSG_TYPES];

			for (shape = 0; shape < SHAPES; shape++) {
				if (makes_sense(state, t, shape) &&
				    siege_mine())
					message(state, t, shape);
			}
		}
	}
}

/*
 * Every size, state after state: what a size does has nothing to do with it. Of
 * what is never network's to say, some.
 */
static void
sizes(void)
{
	uint32_t type;
	size_t	 size, step;

	for (type = 0; type <= IMSG_TYPES; type++) {
		step = rule_of(type)->when != 0 ? 1 : 7;
		for (size = 0; size <= SIZE_LIMIT; size += step) {
			const enum state state = (type + size) % STATES;
			struct shot	 shot = { .type = type,
				     .size = size,
				     .length = (uint32_t)size };

			if (!siege_mine())
				continue;
			siege_describe("%zu bytes of %s (%u) while %s", size,
			    rule_of(type)->name, type, state_names[state]);
			siege_begin(state, true, NULL);
			load(&shot);
			arm_shot(&shot, rule_of(type)->fd != 0, true);
			fire(&shot);
			disarm(&shot);
		}
	}
}

static void
large_sizes(void)
{
	static unsigned char bytes[ORDER_BYTES];
	const uint32_t	     head[3] = { IMSG_STATUS, 0, PEER };
	size_t		     size;

	memcpy(bytes, head, sizeof(head));
	for (size = 128; size <= sizeof(bytes); size *= 2) {
		const uint32_t length = (uint32_t)size;

		if (!siege_mine())
			continue;
		siege_describe("%zu bytes of STATUS", size);
		siege_begin(GUARDED_ARMED, true, NULL);
		memcpy(bytes + sizeof(length), &length, sizeof(length));
		siege_attack(bytes, size, NULL, 0);
		attack_hostile(GUARDED_ARMED);
	}
}

static void
every_size(void)
{
	sizes();
	large_sizes();
}

static const struct attack_case {
	const char *name;
	void (*run)(void);
} cases[] = { { "messages", messages }, { "sizes", every_size },
	{ "values", attack_values }, { "descriptors", attack_descriptors },
	{ "slow", attack_slow }, { "life", attack_life },
	{ "floods", attack_floods }, { "ends", attack_ends },
	{ "calls", attack_calls } };

int
main(int argc, char *argv[])
{
	const char *why;
	int64_t	    n = 1;
	size_t	    i;

	if (argc == 3 && (why = num_int(argv[2], 1, 64, &n)) != NULL)
		errx(1, "%s: %s", argv[2], why);
	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; argc >= 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name) != 0)
			continue;
		siege_share((unsigned int)n);
		cases[i].run();
		siege_report(argv[1]);
	}
	errx(1, "usage: attack CASE [PROCESSES]");
}
