/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "controller.h"

/* NOLINTBEGIN(bugprone-macro-parentheses): h is a variable */
#define EACH_HOLDER(c, h) \
	for (h = (c)->holders; h < (c)->holders + CONTROLLER_HOLDERS; h++)
/* NOLINTEND(bugprone-macro-parentheses) */

void
controller_begin(struct controller *c, int64_t grace, int64_t timeout,
    int64_t first, bool armed)
{
	memset(c, 0, sizeof(*c));
	c->grace = grace;
	c->timeout = timeout;
	c->first = first;
	c->armed = armed;
	c->window = c->first_due = CONTROLLER_NEVER;
	memcpy(c->names[0], "heartbeat", sizeof("heartbeat"));
}

/* Notes how the daemon ends; the first time counts. */
void
controller_end(struct controller *c, enum controller_end how)
{
	if (c->end == RUNS)
		c->end = how;
}

/* Returns how many holders tether t has. */
unsigned int
controller_count(const struct controller *c, unsigned int t)
{
	const struct controller_holder *h;
	unsigned int			n = 0;

	EACH_HOLDER(c, h)
	n += h->holds && h->tether == t;
	return (n);
}

/* The first lost tether, or -1. */
int
controller_first_lost(const struct controller *c)
{
	int t;

	for (t = 0; t < CONTROLLER_TETHERS; t++) {
		if (c->lost[t])
			return (t);
	}
	return (-1);
}

/* A trigger: ends a window that is over, and opens one if there is none. */
static void
alarm_at(struct controller *c, int64_t now)
{
	if (c->window <= now)
		controller_end(c, EXECUTED);
	if (c->end != RUNS || c->window != CONTROLLER_NEVER)
		return;
	c->ordered = false;
	if (c->armed && c->grace > 0)
		c->window = now + c->grace;
	else
		controller_end(c, EXECUTED);
}

void
controller_order(struct controller *c, int64_t now)
{
	alarm_at(c, now);
	c->ordered = true;
}

static void
lose(struct controller *c, struct controller_holder *h, int64_t now)
{
	if (!h->holds)
		return;
	h->holds = false;
	if (controller_count(c, h->tether) > 0)
		return;
	c->lost[h->tether] = true;
	alarm_at(c, now);
}

/* Acts on all deadlines that have passed. */
void
controller_tick(struct controller *c, int64_t now)
{
	struct controller_holder *h;

	if (c->window <= now)
		controller_end(c, EXECUTED);
	if (c->first_due <= now)
		alarm_at(c, now);
	EACH_HOLDER(c, h)
	{
		if (h->ping_due <= now || (h->hung_up && h->report_due <= now))
			lose(c, h, now);
	}
}

static unsigned int
tether_of(const struct controller *c, const char *name)
{
	unsigned int t;

	for (t = 0; t < CONTROLLER_TETHERS; t++) {
		if (strcmp(c->names[t], name) == 0)
			return (t);
	}
	for (t = 0; t < CONTROLLER_TETHERS && c->names[t][0] != '\0'; t++)
		continue;
	return (t);
}

/*
 * name: NULL is the heartbeat.  hung_up: the kernel says so already.  Returns
 * NULL if there is no room.
 */
struct controller_holder *
controller_hold(struct controller *c, const char *name, uint32_t peerid,
    int64_t now, bool hung_up)
{
	const unsigned int	  t = name == NULL ? 0 : tether_of(c, name);
	struct controller_holder *h = c->holders + (name != NULL);

	controller_tick(c, now);
	while (name != NULL && h < c->holders + CONTROLLER_HOLDERS && h->known)
		h++;
	if (t == CONTROLLER_TETHERS || h == c->holders + CONTROLLER_HOLDERS ||
	    h->known)
		return (NULL);
	*h = (struct controller_holder){ .known = true,
		.tether = t,
		.peerid = peerid,
		.ping_due = c->timeout > 0 ? now + c->timeout :
					     CONTROLLER_NEVER };
	if (hung_up && c->window != CONTROLLER_NEVER)
		return (h);
	if (name != NULL)
		memcpy(c->names[t], name, strlen(name) + 1);
	h->holds = true;
	c->lost[t] = false;
	c->first_due = CONTROLLER_NEVER;
	if (controller_first_lost(c) == -1 && !c->ordered)
		c->window = CONTROLLER_NEVER;
	return (h);
}

struct controller_holder *
controller_find(struct controller *c, uint32_t peerid)
{
	struct controller_holder *h;

	EACH_HOLDER(c, h)
	{
		if (h->known && h->peerid == peerid)
			return (h);
	}
	return (NULL);
}

bool
controller_ping(struct controller *c, struct controller_holder *h, int64_t now)
{
	controller_tick(c, now);
	if (c->end != RUNS || !h->holds)
		return (false);
	if (c->timeout > 0)
		h->ping_due = now + c->timeout;
	return (true);
}

enum controller_cancel
controller_cancel(struct controller *c, struct controller_holder *h,
    int64_t now)
{
	const bool pending = (controller_tick(c, now),
	    c->window != CONTROLLER_NEVER);

	if (h->hung_up && pending)
		lose(c, h, now);
	if (c->end != RUNS || !h->holds)
		return (TOO_LATE);
	if (!pending)
		return (NOTHING_PENDING);
	if (controller_first_lost(c) != -1)
		return (STILL_LOST);
	c->window = CONTROLLER_NEVER;
	c->ordered = false;
	return (CANCELLED);
}

/* Something of h has ended.  drained: network has read all of its lines. */
void
controller_ended(struct controller *c, struct controller_holder *h, int64_t now,
    bool drained)
{
	if (!h->holds || h->hung_up)
		return;
	if (h->tether != 0) {
		lose(c, h, now);
		return;
	}
	h->hung_up = true;
	h->drained = drained;
	h->report_due = now + CONTROLLER_REPORT_MS;
}

/* Network has passed on all that clients have sent. */
void
controller_heard(struct controller *c, int64_t now)
{
	if (c->holders[0].hung_up && c->holders[0].drained)
		lose(c, &c->holders[0], now);
}

void
controller_left(struct controller *c, struct controller_holder *h, int64_t now)
{
	lose(c, h, now);
	h->known = false;
}

bool
controller_release(struct controller *c, const char *name, int64_t now)
{
	const unsigned int	  t = tether_of(c, name);
	struct controller_holder *h;

	controller_tick(c, now);
	if (c->end != RUNS || t == CONTROLLER_TETHERS ||
	    controller_count(c, t) == 0 || (t == 0 && c->holders[0].hung_up))
		return (false);
	EACH_HOLDER(c, h)
	{
		if (h->tether == t)
			h->holds = false;
	}
	if (t != 0)
		c->names[t][0] = '\0';
	return (true);
}

/* To be called whenever has_secret or a holder may have changed. */
void
controller_wait(struct controller *c, bool has_secret, int64_t now)
{
	if (!has_secret || c->first == 0 || controller_guarded(c) ||
	    controller_first_lost(c) != -1)
		c->first_due = CONTROLLER_NEVER;
	else if (c->first_due == CONTROLLER_NEVER)
		c->first_due = now + c->first;
}

/* How many tethers were taken, and not released. */
unsigned int
controller_tethers(const struct controller *c)
{
	unsigned int t, n = 0;

	for (t = 0; t < CONTROLLER_TETHERS; t++) {
		if (c->names[t][0] != '\0')
			n += c->lost[t] || controller_count(c, t) > 0;
	}
	return (n);
}

bool
controller_guarded(const struct controller *c)
{
	const struct controller_holder *h;

	EACH_HOLDER(c, h)
	{
		if (h->holds)
			return (controller_first_lost(c) == -1);
	}
	return (false);
}

bool
controller_gives(const struct controller *c)
{
	return (c->end == RUNS && c->window == CONTROLLER_NEVER &&
	    controller_guarded(c) &&
	    !(c->holders[0].holds && c->holders[0].hung_up));
}

int64_t
controller_deadline(const struct controller *c)
{
	const struct controller_holder *h;
	int64_t				due = c->window;

	if (c->end != RUNS)
		return (CONTROLLER_NEVER);
	if (c->window == CONTROLLER_NEVER)
		due = c->first_due;
	EACH_HOLDER(c, h)
	{
		if (h->holds && h->ping_due < due)
			due = h->ping_due;
		if (h->holds && h->hung_up && h->report_due < due)
			due = h->report_due;
	}
	return (due);
}
