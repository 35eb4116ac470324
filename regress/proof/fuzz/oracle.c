/* SPDX-License-Identifier: ISC */
/*
 * The oracle of the fuzz target "network": what each client must read, and
 * which message each line must become, by dazai-protocol(7).  Every descriptor
 * that network passes on must still have all the bytes after the request.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

#define SLOTS	  32 /* of the control socket */
#define NOBODIES  64 /* of the heartbeat socket */
#define WATCHERS  16
#define SILENT_MS 50
#define TURN	  256 /* bytes that network reads of a client in a turn, ... */
#define PIECE	  9   /* ... by so many, so that there may be more */

struct client *oracle_heart; /* has said HELLO */

static bool welcomed; /* the vault has taken it */
static unsigned int
		panics[2]; /* which the vault must receive: graceful, hard */
static uint32_t told;	   /* by network: how many watch */
static unsigned int perhaps[2]; /* which it may receive */

void
oracle_begin(void)
{
	panics[0] = panics[1] = perhaps[0] = perhaps[1] = told = 0;
	oracle_heart = NULL;
	welcomed = false;
}

/* Whether c has one of the slots. */
static bool
asks(const struct client *c)
{
	return (c->peerid != 0 && net_is_open(c) && !c->holds && !c->watching);
}

/* Whether network has read all that c has said. */
static bool
is_heard(const struct client *c)
{
	int unread = 0;

	return (c->fd == -1 ||
	    (ioctl(c->fd, SIOCOUTQ, &unread) == 0 && unread == 0));
}

/* The client that has said nothing for longest, and long enough; or NULL. */
static struct client *
silent(void)
{
	struct client *c, *most = NULL;

	for (c = clients; c < clients + clients_n; c++) {
		if (asks(c) && !c->asked &&
		    fuzz_ms - (c->due - NET_MS) >= SILENT_MS && is_heard(c) &&
		    (most == NULL || c->due < most->due))
			most = c;
	}
	return (most);
}

static unsigned int
slots(void)
{
	const struct client *c;
	unsigned int	     n = 0;

	for (c = clients; c < clients + clients_n; c++)
		n += asks(c);
	return (n);
}

/* Returns whether network accepts a new client. */
bool
oracle_admits(void)
{
	return (
	    net_socket == NET_HEARTBEAT || slots() < SLOTS || silent() != NULL);
}

/* At the heartbeat socket c has not said HELLO yet. */
static bool
nobody(const struct client *c)
{
	return (c->peerid != 0 && !c->closing && c != oracle_heart);
}

static bool
takes_nobody(struct client *c)
{
	const struct client *o;
	unsigned int	     others = 0;

	if (oracle_heart != NULL) {
		client_want(c, "BUSY\n");
		return (false);
	}
	for (o = clients; o < clients + clients_n; o++)
		others += nobody(o) && fuzz_ms < o->due;
	return (others < NOBODIES);
}

bool
oracle_takes(struct client *c)
{
	struct client *most = silent();

	if (net_socket == NET_HEARTBEAT)
		return (takes_nobody(c));
	if (slots() < SLOTS)
		return (true);
	CHECK(most != NULL, "a newcomer that there is no room for");
	most->closing = true;
	return (true);
}

/* How many watch; *known: network has closed none that we do not know of. */
static uint32_t
watchers(bool *known)
{
	struct client *c;
	uint32_t       n = 0;

	*known = true;
	for (c = clients; c < clients + clients_n; c++) {
		if (c->peerid == 0 || !c->watching)
			continue;
		net_walk(c);
		n += !c->closing;
		*known = *known && !c->lazy && !c->small;
	}
	return (n);
}

/* The line of c has this answer. */
static bool
says(struct client *c, const char *text)
{
	client_want(c, "%s", text);
	return (true);
}

/* A line at the heartbeat socket; false if the vault must answer. */
static bool
heart_line(struct client *c, const struct want *w)
{
	if (c == oracle_heart && net_state == IMSG_DROPPED)
		return (w->im.type != IMSG_QUIT);
	if (w->im.type == 0 || (w->im.type != IMSG_HELLO && c != oracle_heart))
		return (says(c, "ERR unknown-verb\n"));
	if (w->refusal != NULL)
		return (says(c,
		    w->im.type == IMSG_HELLO ? "ERR bad-pid\n" :
					       "ERROR invalid pid\n"));
	if (w->im.type != IMSG_HELLO)
		return (false);
	if (c == oracle_heart)
		return (says(c, "WELCOME\n"));
	if (oracle_heart == NULL && !c->refused)
		return (false);
	if (!c->refused)
		client_want(c, "BUSY\n");
	c->closing = true;
	return (true);
}

/* Answers a line that needs no vault; false if it needs one. */
bool
oracle_line(struct client *c, const struct line *l)
{
	struct want w;
	bool	    known;

	want_of(c, l, &w);
	if (net_socket == NET_HEARTBEAT)
		return (heart_line(c, &w));
	if (w.refusal != NULL) {
		client_want(c, "ERROR %s " CLIENT_ANY "\n", w.refusal);
		c->closing = w.put;
	} else if (w.im.type == IMSG_PANIC) {
		client_want(c, "OK\n");
		/* A client that reads slowly may have had no time left. */
		if (c->lazy)
			perhaps[w.im.u.number.n]++;
		else
			panics[w.im.u.number.n]++;
	} else if (w.im.type == IMSG_EVENTS && !c->watching &&
	    watchers(&known) == WATCHERS) {
		client_want(c, "BUSY\n");
	} else if (c->refused) {
		c->closing = true;
	} else {
		return (false);
	}
	net_heard(c);
	return (true);
}

void
oracle_too_long(struct client *c)
{
	char start[NET_LINE + 1];

	if (net_socket == NET_HEARTBEAT) {
		if (c != oracle_heart || net_state != IMSG_DROPPED)
			client_want(c, "ERR line-too-long\n");
		return;
	}
	memcpy(start, c->sent + c->done, NET_LINE);
	start[NET_LINE] = '\0';
	client_want(c, "ERROR bad-request " CLIENT_ANY "\n");
	c->closing = want_is_put(start + strspn(start, " \t"));
}

/*
 * c has closed, and all its lines are handled; a message reports the loss of
 * the heartbeat.  Network does not wait for answers at its socket that had no
 * room, because it must see the end at once.
 */
void
oracle_gone(struct client *c)
{
	if (net_socket == NET_HEARTBEAT)
		c->loose |= c->small || c->lazy;
	if (c != oracle_heart)
		c->closing = true;
}

/*
 * The vault.
 */

static void
panic_message(const struct imsg *im)
{
	struct client *c;
	unsigned int  *left;

	for (c = clients; c < clients + clients_n; c++)
		net_walk(c);
	CHECK(im->type == IMSG_PANIC && im->u.number.n <= 1, "%s of nobody",
	    imsg_type_name(im->type));
	left = panics[im->u.number.n] > 0 ? panics : perhaps;
	CHECK(left[im->u.number.n] > 0, "a panic that nobody wants");
	left[im->u.number.n]--;
}

/* Ends are reported one at a time, and a newcomer is not known yet. */
static void
watchers_message(const struct imsg *im)
{
	bool	       known;
	const uint32_t n = watchers(&known);

	CHECK(!known || (im->u.number.n >= n && im->u.number.n <= told + 1),
	    "%u watch, and not %u", im->u.number.n, n);
	told = im->u.number.n;
}

static void
lost(struct client *c)
{
	static struct line l;

	if (c != oracle_heart) {
		CHECK(c->holds && c->closing, "a holder is lost that lives");
		c->holds = false;
		return;
	}
	CHECK((c->ended || net_state == IMSG_DROPPED) && !net_line(c, &l),
	    "a heartbeat is lost that lives");
	oracle_heart = NULL;
	welcomed = false;
	c->closing = true;
	net_state = IMSG_UNGUARDED;
}

/* The next line of c must be one that becomes this message. */
static void
consume(struct client *c, const struct imsg *im)
{
	static struct line l;
	struct want	   w;

	net_walk(c);
	CHECK(net_line(c, &l), "%s, of no line", imsg_type_name(im->type));
	want_of(c, &l, &w);
	CHECK(w.refusal == NULL, "\"%s\" is passed on", l.text);
	if (w.im.type == IMSG_EVENTS) { /* the first event is the STATUS */
		c->watching = c->greeting = true;
		w.im.type = IMSG_STATUS;
	} else if (w.im.type == IMSG_PING) {
		w.im.u.number.n = im->u.number.n;
	} else if (w.im.type == IMSG_HELLO) {
		w.im.u.number.n |= im->u.number.n & IMSG_HELLO_UNSENT;
	}
	CHECK(w.im.type == im->type &&
		memcmp(&w.im.u, &im->u, imsg_rules[im->type].size) == 0,
	    "%s is asked for, and %s passed on", imsg_type_name(w.im.type),
	    imsg_type_name(im->type));
	c->done += l.used;
}

static void
hello(struct client *c, bool unsent)
{
	CHECK(oracle_heart == NULL, "a second heartbeat");
	CHECK(!unsent || c->small || c->lazy, "all answers are sent");
	if (unsent)
		fuzz_close(&c->passed);
	oracle_heart = c;
	net_state = IMSG_GUARDED;
}

void
oracle_message(struct client *c, const struct imsg *im)
{
	uint32_t n;

	if (c == NULL) {
		if (im->type == IMSG_EVENTS)
			watchers_message(im);
		else
			panic_message(im);
		return;
	}
	if (im->type == IMSG_LOST) {
		lost(c);
		return;
	}
	if (c->listing) {
		CHECK(im->type == c->question && im->u.list.after == c->listed,
		    "a list goes on elsewhere");
		c->listing = false;
		return;
	}
	c->pings = im->type == IMSG_PING ? im->u.number.n : 1;
	CHECK(c->pings > 0, "no PING");
	for (n = 0; n < c->pings; n++)
		consume(c, im);
	c->asked = true;
	c->question = im->type;
	c->taking = im->type == IMSG_PUT ? im->u.put.size : 0;
	c->listed = 0;
	if (im->fd != -1) {
		net_passed(c, im);
		c->passed = dup(im->fd);
	}
	if (im->type == IMSG_HELLO)
		hello(c, (im->u.number.n & IMSG_HELLO_UNSENT) != 0);
	else
		CHECK(net_socket != NET_HEARTBEAT || c == oracle_heart,
		    "%s of nobody", imsg_type_name(im->type));
}

/* The vault has taken the heartbeat: everybody else is refused. */
void
oracle_welcome(void)
{
	struct client *c;

	welcomed = true;
	for (c = clients; c < clients + clients_n; c++) {
		if (nobody(c)) {
			client_want(c, "BUSY\n");
			c->closing = true;
		}
	}
}

bool
oracle_may_be_sluggish(const struct client *c)
{
	return (net_socket == NET_HEARTBEAT ? c == oracle_heart && welcomed :
					      c->peerid != 0);
}

STUB(bool, oracle_is_timed, (const struct client *c), c != oracle_heart)

/*
 * c's time is up: returns whether it gets more.  At the control socket only a
 * line whose end is read at once gives it.  At the other one its lines are
 * answered first; how far network came is not known if it could not read or
 * send all at once.
 */
bool
oracle_late(struct client *c)
{
	const uint8_t *came = c->sent + c->seen, *nl;

	if (net_socket == NET_CONTROL) {
		nl = memchr(came, '\n', c->nsent - c->seen);
		if (nl != NULL && nl - came >= TURN)
			c->loose |= nl - came < TURN + PIECE;
		return (nl != NULL && nl - came < TURN);
	}
	if (c->small || c->skip || c->nsent - c->done > NET_LINE)
		c->loose = true;
	net_walk(c);
	return (false);
}

bool
oracle_idle(void)
{
	struct client *c;
	bool	       any = false;

	for (c = clients; c < clients + clients_n; c++) {
		if (c->asked && c->question == IMSG_TYPES && reply_take(c))
			any = true;
	}
	return (any);
}

bool
oracle_step(unsigned int op)
{
	struct client *c;

	switch (op) {
	case 'N':
		reply_event();
		return (true);
	case 'D':
		if (welcomed && net_state == IMSG_GUARDED &&
		    !(oracle_heart->asked &&
			oracle_heart->question == IMSG_QUIT))
			reply_drop(oracle_heart);
		return (true);
	case 'W':
		if ((c = client_chosen()) != NULL && c->holds && !c->closing)
			reply_drop(c);
		return (c != NULL);
	case 'v':
		c = net_socket == NET_HEARTBEAT ? oracle_heart :
						  client_chosen();
		if (c != NULL && c->asked && !c->listing)
			reply(c, fuzz_byte());
		return (c != NULL);
	}
	return (false);
}

/* Returns whether no answer is left to be given. */
bool
oracle_finish(void)
{
	struct client *c;

	for (c = clients; c < clients + clients_n; c++) {
		if (c->asked && !c->listing) {
			reply(c, 0);
			return (false);
		}
	}
	CHECK(panics[0] == 0 && panics[1] == 0, "a panic is not passed on");
	return (true);
}
