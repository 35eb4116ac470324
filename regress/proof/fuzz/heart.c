/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "heart": any bytes in any pieces from many clients of the
 * heartbeat socket, and a vault that takes its time, against dazai-protocol(7).
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <string.h>
#include <unistd.h>

#include "want.h"

#define NOBODIES 64

const enum net_socket oracle_socket = NET_HEARTBEAT;

static struct client *heart; /* has said HELLO */
static bool	      welcomed;
static uint32_t	      question; /* the type of the heartbeat's open request */
static uint32_t	      pings;	/* how many of them it counts */

void
oracle_begin(void)
{
	heart = NULL;
	welcomed = false;
}

static bool
nobody(const struct client *c)
{
	return (c->peerid != 0 && !c->closing && c != heart);
}

/* Returns whether network accepts a new client. */
STUB(bool, oracle_admits, (void), true)

bool
oracle_takes(struct client *c)
{
	const struct client *o;
	unsigned int	     others = 0;

	if (heart != NULL) {
		net_want(c, "BUSY\n");
		return (false);
	}
	for (o = net_clients; o < net_clients + net_n; o++)
		others += nobody(o) && fuzz_ms < o->due;
	return (others < NOBODIES);
}

/* The line of c has this answer. */
static bool
says(struct client *c, const char *text)
{
	net_want(c, "%s", text);
	return (true);
}

/* False: the vault must answer. */
static bool
hello(struct client *c)
{
	if (c == heart) {
		net_want(c, "WELCOME\n");
		return (true);
	}
	if (heart == NULL && !c->refused)
		return (false);
	if (!c->refused)
		net_want(c, "BUSY\n");
	c->closing = true;
	return (true);
}

/* Answers a line that needs no vault; false if it needs one. */
bool
oracle_line(struct client *c, const struct line *l)
{
	struct want w;

	want_of(c, l, &w);
	if (c == heart && net_state == IMSG_DROPPED)
		return (w.im.type != IMSG_QUIT);
	if (w.im.type == IMSG_HELLO)
		return (
		    w.refusal == NULL ? hello(c) : says(c, "ERR bad-pid\n"));
	if (w.im.type == 0 || c != heart)
		return (says(c, "ERR unknown-verb\n"));
	return (w.refusal != NULL && says(c, "ERROR invalid pid\n"));
}

void
oracle_too_long(struct client *c)
{
	if (c != heart || net_state != IMSG_DROPPED)
		net_want(c, "ERR line-too-long\n");
}

/*
 * c has closed, and all its lines are handled; a message reports the loss of
 * the heartbeat.  Network does not wait for answers that had no room, because
 * it must see the end at once.
 */
void
oracle_gone(struct client *c)
{
	c->loose |= c->small || c->lazy;
	if (c != heart)
		c->closing = true;
}

/* The next line of c must be one that becomes this message. */
static void
consume(struct client *c, enum imsg_type type, uint32_t number)
{
	static struct line l;
	struct want	   w;

	net_walk(c);
	CHECK(net_line(c, &l), "%s, of no line", imsg_type_name(type));
	want_of(c, &l, &w);
	CHECK(w.refusal == NULL && w.im.type == type &&
		w.im.u.number.n == number,
	    "\"%s\" is no %s %u", l.text, imsg_type_name(type), number);
	c->done += l.used;
}

static void
lost(struct client *c)
{
	static struct line l;

	CHECK((c->ended || net_state == IMSG_DROPPED) && !net_line(c, &l),
	    "a heartbeat is lost that lives");
	heart = NULL;
	welcomed = false;
	c->closing = true;
	net_state = IMSG_UNGUARDED;
}

void
oracle_message(struct client *c, const struct imsg *im)
{
	uint32_t i;

	CHECK(c != NULL && (im->type == IMSG_HELLO) == (c != heart),
	    "%s of another", imsg_type_name(im->type));
	switch (im->type) {
	case IMSG_HELLO:
		CHECK(heart == NULL, "a second heartbeat");
		consume(c, IMSG_HELLO, im->u.number.n & ~IMSG_HELLO_UNSENT);
		net_passed(c, im);
		CHECK((im->u.number.n & IMSG_HELLO_UNSENT) == 0 || c->small ||
			c->lazy,
		    "all answers are sent");
		if ((im->u.number.n & IMSG_HELLO_UNSENT) == 0)
			c->passed = dup(im->fd);
		heart = c;
		net_state = IMSG_GUARDED;
		break;
	case IMSG_PING:
		pings = im->u.number.n;
		CHECK(pings > 0, "no PING");
		for (i = 0; i < pings; i++)
			consume(c, IMSG_PING, 1);
		break;
	case IMSG_CANCEL:
	case IMSG_WATCH:
	case IMSG_QUIT:
		consume(c, im->type, im->u.number.n);
		break;
	case IMSG_LOST:
		lost(c);
		return;
	default:
		CHECK(false, "%s", imsg_type_name(im->type));
	}
	c->asked = true;
	question = im->type;
}

bool
oracle_may_be_sluggish(const struct client *c)
{
	return (c == heart && welcomed);
}

STUB(bool, oracle_is_timed, (const struct client *c), c != heart)

/*
 * c's time is up: its lines are answered, then it is closed.  How far network
 * came is not known if it could not read or send all at once.
 */
bool
oracle_late(struct client *c)
{
	if (c->small || c->skip || c->nsent - c->done > NET_LINE)
		c->loose = true;
	net_walk(c);
	return (false);
}

static void
welcome(void)
{
	struct client *c;

	welcomed = true;
	net_want(heart, "WELCOME\n");
	for (c = net_clients; c < net_clients + net_n; c++) {
		if (nobody(c)) {
			net_want(c, "BUSY\n");
			c->closing = true;
		}
	}
}

/* The vault answers the heartbeat as the input chooses. */
static void
answer(unsigned int how)
{
	static const uint32_t	 cancels[] = { IMSG_NOTHING_PENDING,
		   IMSG_CANCELLED, IMSG_STILL_LOST };
	static const char *const words[] = { "NOTHING-PENDING", "CANCELLED",
		"ERROR lost usb" };
	struct imsg		 im = { .peerid = heart->peerid };
	uint32_t		 i;

	heart->asked = false;
	switch (question) {
	case IMSG_HELLO:
		/* The vault says WELCOME, or has network say it. */
		im.type = IMSG_WELCOME;
		im.u.number.n = how % 2 && heart->passed != -1 &&
		    send(heart->passed, "WELCOME\n", 8,
			MSG_DONTWAIT | MSG_NOSIGNAL) == 8;
		fuzz_close(&heart->passed);
		welcome();
		break;
	case IMSG_PING:
		im.type = IMSG_PONG;
		im.u.number.n = pings;
		for (i = 0; i < pings && net_state == IMSG_GUARDED; i++)
			net_want(heart, "PONG\n");
		break;
	case IMSG_CANCEL:
		im.type = cancels[how % 3];
		memcpy(im.u.tether.name, "usb", 4);
		net_want(heart, "%s\n", words[how % 3]);
		break;
	case IMSG_WATCH:
		im.type = IMSG_ANSWER;
		im.u.number.n = how % 2 ? IMSG_ANSWER_OK :
					  IMSG_ANSWER_INVALID_PID;
		net_want(heart, "%s\n", how % 2 ? "OK" : "ERROR invalid pid");
		break;
	case IMSG_QUIT:
		im.type = IMSG_BYE;
		if (net_state == IMSG_GUARDED)
			net_want(heart, "BYE\n");
		/* Lines after QUIT are not read. */
		heart->done = heart->nsent;
		heart->loose |= heart->sluggish;
		net_may_end = true;
		break;
	}
	net_send(&im);
}

/*
 * The vault drops the heartbeat: its request has no answer, and unsent answers
 * are lost.
 */
static void
drop(void)
{
	struct imsg im = { .type = IMSG_DROP, .peerid = heart->peerid };

	net_state = IMSG_DROPPED;
	heart->asked = false;
	heart->loose |= heart->sluggish;
	heart->nwanted = heart->got;
	heart->cut = true;
	net_send(&im);
}

STUB(bool, oracle_idle, (void), false)

bool
oracle_step(unsigned int op)
{
	switch (op) {
	case 'v':
		if (heart != NULL && heart->asked)
			answer(fuzz_byte());
		break;
	case 'D':
		if (welcomed && net_state == IMSG_GUARDED &&
		    !(heart->asked && question == IMSG_QUIT))
			drop();
		break;
	default:
		return (false);
	}
	return (true);
}

/* Returns whether no answer is left to be given. */
bool
oracle_finish(void)
{
	if (heart == NULL || !heart->asked)
		return (true);
	answer(0);
	return (false);
}
