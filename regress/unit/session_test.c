/* SPDX-License-Identifier: ISC */
/*
 * The session and the panic controller: every sequence of events to a depth,
 * against the oracle, and the few rules that these sequences do not reach.
 */
#include <stdio.h>
#include <stdlib.h>

#include "case.h"
#include "session.h"
#include "world.h"

#include "../oracle/controller.h"

#define GRACE	5
#define TIMEOUT ((int64_t)7)
#define FIRST	9
#define DEPTH	7

static struct session s;
static struct panic   p;

static void
begin(int64_t grace, int64_t timeout, bool armed)
{
	world_begin(&p, grace, armed);
	session_init(&s, &p, timeout, 0);
}

/* A heartbeat, or a holder of the tether of this name; peer is its number. */
static struct session_holder *
hold(const char *name, uint32_t peer, int64_t now)
{
	struct session_holder *h;

	h = session_hold(&s, name, peer, now, false);
	ATF_REQUIRE(h != NULL);
	return (h);
}

/*
 * The rules.
 */

CASE(a_newcomer_that_hung_up_already_cancels_nothing,
    "a heartbeat that has hung up before it is accepted is lost, the deadline "
    "stays, and network still has to report LOST")
{
	struct session_holder *h;

	begin(GRACE, 0, true);
	session_left(&s, hold(NULL, 1, 0), 10);
	h = session_hold(&s, NULL, 2, 12, true);
	ATF_REQUIRE_EQ(SESSION_LOST, h->state);
	ATF_REQUIRE_EQ(0, world.cancelled);
	ATF_REQUIRE_EQ(10 + GRACE, session_deadline(&s));
	session_left(&s, h, 13);
	ATF_REQUIRE_EQ(10 + GRACE, session_deadline(&s));
	(void)hold(NULL, 3, 14);
	ATF_REQUIRE_EQ(1, world.cancelled);
	ATF_REQUIRE_STREQ("a new heartbeat", world.reason);
}

CASE(a_loss_has_its_reason,
    "a reason says whether the heartbeat or which tether was lost, and how")
{
	static const struct {
		const char *tether, *how, *reason;
		bool	    missed; /* the deadline for a PING */
	} rows[] = {
		{ NULL, NULL, "heartbeat connection dropped", false },
		{ NULL, NULL, "ping deadline missed", true },
		{ "t", NULL, "tether t lost", false },
		{ "t", "process 7 ended", "tether t lost: process 7 ended",
		    false },
		{ "t", NULL, "tether t lost: ping deadline missed", true },
	};
	struct session_holder *h;
	size_t		       i;

	for (i = 0; i < NELEM(rows); i++) {
		begin(GRACE, TIMEOUT, true);
		h = hold(rows[i].tether, 1, 0);
		if (rows[i].missed)
			session_tick(&s, TIMEOUT);
		else
			session_ended(&s, h, 1, true, rows[i].how);
		session_heard(&s, 2);
		ATF_REQUIRE_STREQ(rows[i].reason, world.reason);
		/* For EVENT lost, which says it of the heartbeat, too. */
		ATF_REQUIRE_EQ(rows[i].missed ? NULL : rows[i].how, h->how);
	}
	begin(GRACE, 0, true);
	h = hold(NULL, 1, 0);
	session_ended(&s, h, 1, true, "its process ended");
	ATF_REQUIRE_STREQ("its process ended", h->how);
}

CASE(a_slot_is_new_for_the_next_holder,
    "a holder has nothing of the one whose slot it takes: no channel, no cause "
    "of an end, no descriptor")
{
	struct session_holder *h;

	begin(GRACE, 0, true);
	h = hold("t", 1, 0);
	h->private = true;
	h->fds[0] = 7;
	session_ended(&s, h, 1, true, "its process ended");
	session_left(&s, h, 2);
	ATF_REQUIRE_EQ(h, hold("t", 2, 3));
	ATF_REQUIRE(!h->private);
	ATF_REQUIRE_EQ(-1, h->fds[0]);
	ATF_REQUIRE_EQ(NULL, h->how);
}

CASE(slots_have_an_end,
    "there can be 64 holders and 16 tethers, and not one more")
{
	char	     name[NAME_TETHER_BYTES];
	unsigned int i;

	begin(GRACE, 0, true);
	for (i = 0; i < SESSION_HOLDERS - 1; i++) {
		(void)snprintf(name, sizeof(name), "t%u",
		    i % (SESSION_TETHERS - 1));
		(void)hold(name, 100 + i, 0);
	}
	ATF_REQUIRE(session_hold(&s, "t1", 1, 0, false) == NULL);
	session_left(&s, session_find(&s, 100), 1);
	ATF_REQUIRE(session_hold(&s, "new", 1, 1, false) == NULL);
	ATF_REQUIRE(session_hold(&s, "t1", 1, 1, false) != NULL);
	ATF_REQUIRE(session_hold(&s, NULL, 2, 1, false) != NULL);
	ATF_REQUIRE(session_hold(&s, NULL, 4, 1, false) == NULL);
	/* A release frees the name of a tether, and not the heartbeat's. */
	ATF_REQUIRE(session_release(&s, "t2", 2));
	ATF_REQUIRE(session_release(&s, SESSION_HEARTBEAT_NAME, 2));
	session_left(&s, session_find(&s, 102), 3);
	ATF_REQUIRE(session_hold(&s, "new", 5, 3, false) != NULL);
	ATF_REQUIRE_STREQ(SESSION_HEARTBEAT_NAME,
	    s.tethers[SESSION_HEARTBEAT].name);
}

CASE(a_secret_that_nobody_guards_does_not_stay,
    "the time of --first runs from the first secret and from the last release")
{
	begin(GRACE, 0, true);
	s.first = FIRST;
	session_wait_for_guard(&s, false, 0);
	ATF_REQUIRE_EQ(NEVER, session_deadline(&s));
	ATF_REQUIRE_EQ(0, session_first_left(&s, 0));
	session_wait_for_guard(&s, true, 10);
	session_wait_for_guard(&s, true, 12);
	ATF_REQUIRE_EQ(10 + FIRST, session_deadline(&s));
	ATF_REQUIRE_EQ(FIRST - 2, session_first_left(&s, 12));
	/* Without a secret there is nothing to guard. */
	session_wait_for_guard(&s, false, 12);
	ATF_REQUIRE_EQ(NEVER, session_deadline(&s));
	ATF_REQUIRE_EQ(0, session_first_left(&s, 12));
	session_wait_for_guard(&s, true, 12);
	(void)hold("t", 1, 13);
	session_wait_for_guard(&s, true, 13);
	ATF_REQUIRE_EQ(NEVER, session_deadline(&s));
	ATF_REQUIRE(session_release(&s, "t", 20));
	session_wait_for_guard(&s, true, 20);
	ATF_REQUIRE_EQ(20 + FIRST, session_deadline(&s));
	session_tick(&s, 20 + FIRST);
	ATF_REQUIRE_STREQ("nobody came to guard", world.reason);
	ATF_REQUIRE_EQ(20 + FIRST + GRACE, session_deadline(&s));
	ATF_REQUIRE_EQ(0, session_first_left(&s, 20 + FIRST + 1));
	(void)hold("t", 2, 20 + FIRST + 1);
	ATF_REQUIRE_EQ(1, world.cancelled);
	ATF_REQUIRE_STREQ("a new holder", world.reason);
}

/*
 * Every sequence of these events, against the oracle.
 */

enum { H, A, B };
static const char *const names[] = { NULL, "a", "b" };

static const struct event {
	const char *name;
	enum {
		HOLD,
		HANG_UP,
		DRAIN,
		HEAR,
		LEAVE,
		PING,
		CANCEL,
		ORDER,
		RELEASE,
		STOP,
		TICK,
		PASS
	} what;
	int arg; /* a tether, or milliseconds */
} events[] = { { "hold-h", HOLD, H }, { "hold-a", HOLD, A },
	{ "hold-b", HOLD, B }, { "hang-up-h", HANG_UP, H },
	{ "drain-h", DRAIN, H }, { "hear", HEAR, 0 }, { "leave-h", LEAVE, H },
	{ "leave-a", LEAVE, A }, { "leave-b", LEAVE, B }, { "ping-h", PING, H },
	{ "ping-a", PING, A }, { "cancel-h", CANCEL, H },
	{ "cancel-a", CANCEL, A }, { "order", ORDER, 0 },
	{ "release-a", RELEASE, A }, { "release-h", RELEASE, H },
	{ "stop", STOP, 0 }, { "tick", TICK, 0 }, { "+1", PASS, 1 },
	{ "+grace", PASS, GRACE } };
#define EVENTS (NELEM(events))

static struct controller o;
static int64_t		 now;
static size_t		 path[DEPTH];

static const char *
tether_name(int name)
{
	return (name == H ? SESSION_HEARTBEAT_NAME : names[name]);
}

/* The first living holder of one of names, by the oracle; NULL: none. */
static struct controller_holder *
holder_of(int name)
{
	struct controller_holder *h;

	for (h = o.holders; h < o.holders + CONTROLLER_HOLDERS; h++) {
		if (h->holds &&
		    strcmp(o.names[h->tether], tether_name(name)) == 0)
			return (h);
	}
	return (NULL);
}

/* At most two holders of a tether, whose numbers are the first free ones. */
static const char *
event_hold(int name)
{
	struct controller_holder *h = holder_of(name);
	uint32_t		  peerid = 1;
	bool			  took;

	while (controller_find(&o, peerid) != NULL)
		peerid++;
	if (name == H ? o.holders[0].known :
			h != NULL && controller_count(&o, h->tether) == 2)
		return (NULL);
	took = session_hold(&s, names[name], peerid, now, false) != NULL;
	return (took !=
		    (controller_hold(&o, names[name], peerid, now, false) !=
			NULL) ?
		"a slot is free" :
		NULL);
}

static const char *
event_of_holder(const struct event *e)
{
	struct controller_holder *oh = holder_of(e->arg);
	struct session_holder	 *h;
	bool			  ok = true;

	if (oh == NULL)
		return (NULL);
	if ((h = session_find(&s, oh->peerid)) == NULL)
		return ("a holder is found");
	switch (e->what) {
	case HANG_UP:
	case DRAIN:
		session_ended(&s, h, now, e->what == DRAIN, NULL);
		controller_ended(&o, oh, now, e->what == DRAIN);
		break;
	case LEAVE:
		session_left(&s, h, now);
		controller_left(&o, oh, now);
		break;
	case PING:
		ok = session_ping(&s, h, now) == controller_ping(&o, oh, now);
		break;
	default:
		ok = (int)session_cancel(&s, h, now) ==
		    (int)controller_cancel(&o, oh, now);
	}
	return (ok ? NULL : "PING and CANCEL tell the truth");
}

/* Returns the rule that is broken, or NULL. */
static const char *
event_apply(const struct event *e)
{
	session_wait_for_guard(&s, true, now);
	controller_wait(&o, true, now);
	switch (e->what) {
	case HOLD:
		return (event_hold(e->arg));
	case HEAR:
		session_heard(&s, now);
		controller_heard(&o, now);
		break;
	case ORDER:
		panic_order(&p, now, "order");
		controller_order(&o, now);
		break;
	case RELEASE:
		if (session_release(&s, tether_name(e->arg), now) !=
		    controller_release(&o, tether_name(e->arg), now))
			return ("RELEASE tells the truth");
		break;
	case STOP:
		panic_stop(&p, "stop");
		controller_end(&o, STOPPED);
		break;
	case TICK:
		session_tick(&s, now);
		controller_tick(&o, now);
		break;
	case PASS:
		now += e->arg;
		break;
	default:
		return (event_of_holder(e));
	}
	return (NULL);
}

/* What must hold after every event; before is the oracle as it was. */
static const char *
event_check(const struct controller *before, unsigned int cancelled)
{
	static const enum panic_event hows[] = { [EXECUTED] = PANIC_EXECUTED,
		[HARD] = PANIC_HARD,
		[STOPPED] = PANIC_STOPPED };
	const bool		      kills = o.armed && o.end != STOPPED;

	if (world.wrong != NULL)
		return (world.wrong);
	if (p.over != (o.end != RUNS))
		return ("it ends when it is due, and only then");
	if (p.over &&
	    (world.how != hows[o.end] || world.killed != kills ||
		world.exited == kills || world.felled != kills))
		return ("it ends as it should");
	if (!p.over && world.wiped)
		return ("nothing is wiped without an end");
	if (session_deadline(&s) != controller_deadline(&o))
		return ("the deadline is right");
	if (session_gives(&s) != controller_gives(&o))
		return ("secrets are given to a calm, guarded session only");
	if (!p.over &&
	    (session_guarded(&s) != controller_guarded(&o) ||
		session_count(&s) != controller_tethers(&o)))
		return ("the tethers are counted");
	if (before->window != NEVER && o.window != NEVER &&
	    o.window > before->window && world.cancelled == cancelled)
		return ("nothing moves a deadline later");
	return (NULL);
}

/* Network reports at once that those who are lost have left. */
static void
free_lost(void)
{
	struct controller_holder *oh;
	struct session_holder	 *h;

	for (oh = o.holders; oh < o.holders + CONTROLLER_HOLDERS; oh++) {
		if (!oh->known || oh->holds ||
		    (h = session_find(&s, oh->peerid)) == NULL)
			continue;
		session_left(&s, h, now);
		controller_left(&o, oh, now);
	}
}

/* States that were walked already with at least as many events to come. */
#define SEEN (1U << 20)
static struct {
	uint64_t digest;
	size_t	 left;
} seen[SEEN];
static unsigned long walked;

static void
mix(uint64_t *digest, int64_t value)
{
	*digest = (*digest ^ (uint64_t)value) * 1099511628211ULL;
}

static uint64_t
state_digest(void)
{
	const struct controller_holder *h;
	uint64_t			d = 14695981039346656037ULL;
	size_t				i;

	mix(&d, p.pending | p.ordered << 1 | o.ordered << 2 | o.armed << 3);
	mix(&d, o.grace);
	mix(&d, o.timeout);
	mix(&d, o.window - now);
	mix(&d, o.first_due - now);
	for (h = o.holders; h < o.holders + 6; h++) {
		mix(&d, h->known | h->holds << 1 | h->hung_up << 2);
		mix(&d, h->known ? h->tether * 100 + h->peerid : 0);
		mix(&d, h->holds ? h->ping_due - now : 0);
		mix(&d, h->holds && h->hung_up ? h->report_due - now : 0);
		mix(&d, h->holds && h->hung_up && h->drained);
	}
	for (i = 0; i < 4; i++)
		mix(&d, o.names[i][0] | o.lost[i] << 8);
	return (d | 1);
}

static bool
state_is_new(size_t left)
{
	const uint64_t d = state_digest();
	size_t	       i = d % SEEN;

	while (seen[i].digest != 0 && seen[i].digest != d)
		i = (i + 1) % SEEN;
	if (seen[i].digest == d && seen[i].left >= left)
		return (false);
	ATF_REQUIRE_MSG(++walked < SEEN / 2, "too many states");
	seen[i].digest = d;
	seen[i].left = left;
	return (true);
}

static void
fail_at(size_t depth, const char *rule)
{
	size_t i;

	printf("%s, grace %d, timeout %d:", o.armed ? "armed" : "dry-run",
	    (int)o.grace, (int)o.timeout);
	for (i = 0; i <= depth; i++)
		printf(" %s", events[path[i]].name);
	printf("\n");
	atf_tc_fail("not so after %zu events: %s", depth + 1, rule);
}

static void
walk(size_t depth)
{
	const struct session	session_was = s;
	const struct panic	panic_was = p;
	const struct world	world_was = world;
	const struct controller o_was = o;
	const int64_t		now_was = now;
	const char	       *rule;
	size_t			e;

	for (e = 0; e < EVENTS; e++) {
		path[depth] = e;
		if ((rule = event_apply(&events[e])) != NULL ||
		    (rule = event_check(&o_was, world_was.cancelled)) != NULL)
			fail_at(depth, rule);
		free_lost();
		if (depth + 1 < DEPTH && o.end == RUNS &&
		    state_is_new(DEPTH - depth - 1))
			walk(depth + 1);
		s = session_was;
		p = panic_was;
		world = world_was;
		o = o_was;
		now = now_was;
	}
}

CASE(every_sequence_of_events_keeps_the_rules,
    "events in every order, for two tethers and the heartbeat, dry-run and "
    "armed, with and without a grace and a ping timeout")
{
	int i;

	for (i = 0; i < 8; i++) {
		begin((i & 1) != 0 ? GRACE : 0, (i & 2) != 0 ? TIMEOUT : 0,
		    (i & 4) != 0);
		s.first = i == 5 ? FIRST : 0;
		controller_begin(&o, p.grace, s.timeout, s.first, p.armed);
		now = 1000;
		walk(0);
	}
	printf("%lu states walked\n", walked);
}
