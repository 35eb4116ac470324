/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "control": any bytes in any pieces from many clients of the
 * control socket, and a vault that answers yes, no or nothing, against dazai-
 * protocol(7).  Every descriptor that network passes on must still have all the
 * bytes after the request.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>
#include <string.h>
#include <unistd.h>

#include "want.h"

#define SLOTS	  32
#define WATCHERS  16
#define SILENT_MS 50
#define TURN	  256 /* bytes that network reads of one client at once */

const enum net_socket oracle_socket = NET_CONTROL;

static unsigned int
		panics[2]; /* which the vault must receive: graceful, hard */
static uint32_t told;	   /* by network: how many watch */
static unsigned int perhaps[2]; /* which it may receive */

void
oracle_begin(void)
{
	panics[0] = panics[1] = perhaps[0] = perhaps[1] = told = 0;
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

	for (c = net_clients; c < net_clients + net_n; c++) {
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

	for (c = net_clients; c < net_clients + net_n; c++)
		n += asks(c);
	return (n);
}

STUB(bool, oracle_admits, (void), slots() < SLOTS || silent() != NULL)

bool
oracle_takes(struct client *c UNUSED)
{
	struct client *most = silent();

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
	for (c = net_clients; c < net_clients + net_n; c++) {
		if (c->peerid == 0 || !c->watching)
			continue;
		net_walk(c);
		n += !c->closing;
		*known = *known && !c->lazy && !c->small;
	}
	return (n);
}

bool
oracle_line(struct client *c, const struct line *l)
{
	struct want w;
	bool	    known;

	want_of(c, l, &w);
	if (w.refusal != NULL) {
		net_want(c, "ERROR %s " NET_ANY "\n", w.refusal);
		c->closing = w.put;
	} else if (w.im.type == IMSG_PANIC) {
		net_want(c, "OK\n");
		/* A client that reads slowly may have had no time left. */
		if (c->lazy)
			perhaps[w.im.u.number.n]++;
		else
			panics[w.im.u.number.n]++;
	} else if (w.im.type == IMSG_EVENTS && !c->watching &&
	    watchers(&known) == WATCHERS) {
		net_want(c, "BUSY\n");
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

	memcpy(start, c->sent + c->done, NET_LINE);
	start[NET_LINE] = '\0';
	net_want(c, "ERROR bad-request " NET_ANY "\n");
	c->closing = want_is_put(start + strspn(start, " \t"));
}

void
oracle_gone(struct client *c)
{
	c->closing = true;
}

/*
 * The vault.
 */

static void
check_same(const struct imsg *want, const struct imsg *im)
{
	CHECK(want->type == im->type &&
		memcmp(&want->u, &im->u, imsg_rules[im->type].size) == 0,
	    "%s is asked for, and %s passed on", imsg_type_name(want->type),
	    imsg_type_name(im->type));
}

static void
panic_message(const struct imsg *im)
{
	struct client *c;
	unsigned int  *left;

	for (c = net_clients; c < net_clients + net_n; c++)
		net_walk(c);
	CHECK(im->type == IMSG_PANIC && im->u.number.n <= 1, "%s of nobody",
	    imsg_type_name(im->type));
	left = panics[im->u.number.n] > 0 ? panics : perhaps;
	CHECK(left[im->u.number.n] > 0, "a panic that nobody wants");
	left[im->u.number.n]--;
}

void
oracle_message(struct client *c, const struct imsg *im)
{
	static struct line l;
	struct want	   w;
	uint32_t	   n;
	bool		   known;

	if (c == NULL && im->type == IMSG_EVENTS) {
		n = watchers(&known);
		/* Ends are reported one at a time; a newcomer is not in n yet.
		 */
		CHECK(!known ||
			(im->u.number.n >= n && im->u.number.n <= told + 1),
		    "%u watch, and not %u", im->u.number.n, n);
		told = im->u.number.n;
		return;
	}
	if (c == NULL) {
		panic_message(im);
		return;
	}
	if (im->type == IMSG_LOST) {
		CHECK(c->holds && c->closing, "a holder is lost that lives");
		c->holds = false;
		return;
	}
	if (c->listing) {
		CHECK(im->type == c->question && im->u.list.after == c->listed,
		    "a list goes on elsewhere");
		c->listing = false;
		return;
	}
	CHECK(net_line(c, &l), "%s, of no line", imsg_type_name(im->type));
	want_of(c, &l, &w);
	CHECK(w.refusal == NULL, "\"%s\" is passed on", l.text);
	if (w.im.type == IMSG_EVENTS) { /* the first event is the STATUS */
		c->watching = true;
		w.im.type = IMSG_STATUS;
	}
	check_same(&w.im, im);
	c->done += l.used;
	c->asked = true;
	c->question = im->type;
	c->taking = im->type == IMSG_PUT ? im->u.put.size : 0;
	c->listed = 0;
	if (im->fd != -1) {
		net_passed(c, im);
		c->passed = dup(im->fd);
	}
}

STUB(bool, oracle_may_be_sluggish, (const struct client *c), c->peerid != 0)
STUB(bool, oracle_is_timed, (const struct client *c UNUSED), true)

/* Only a line whose end is read at once gives c more time. */
bool
oracle_late(struct client *c)
{
	const size_t came = c->nsent - c->seen;

	return (
	    memchr(c->sent + c->seen, '\n', came < TURN ? came : TURN) != NULL);
}

bool
oracle_idle(void)
{
	struct client *c;
	bool	       any = false;

	for (c = net_clients; c < net_clients + net_n; c++) {
		if (c->asked && c->question == IMSG_TYPES &&
		    control_vault_take(c))
			any = true;
	}
	return (any);
}

bool
oracle_step(unsigned int op)
{
	struct client *c;

	if (op == 'N') {
		control_vault_event();
		return (true);
	}
	if ((op != 'v' && op != 'W') || (c = net_chosen()) == NULL)
		return (false);
	if (op == 'W') {
		if (c->holds && !c->closing)
			control_vault_drop(c);
		return (true);
	}
	if (c->asked && !c->listing)
		control_vault_reply(c, fuzz_byte());
	return (true);
}

bool
oracle_finish(void)
{
	struct client *c;

	for (c = net_clients; c < net_clients + net_n; c++) {
		if (c->asked && !c->listing) {
			control_vault_reply(c, 0);
			return (false);
		}
	}
	CHECK(panics[0] == 0 && panics[1] == 0, "a panic is not passed on");
	return (true);
}
