/* SPDX-License-Identifier: ISC */
/*
 * The session: its rules by name, and then every sequence of events to a depth,
 * the panic controller included, against a model that was written from the
 * design and not from session.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "case.h"
#include "session.h"
#include "world.h"

#define GRACE	5
#define TIMEOUT 7
#define FIRST	9
#define REPORT	SESSION_REPORT_MS
#define DEPTH	8

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

CASE(before_anybody_holds_nothing_is_lost, "an unguarded session just waits")
{
	begin(0, TIMEOUT, true);
	session_tick(&s, 1000000);
	require_alive(&p);
	ATF_REQUIRE_EQ(NEVER, session_deadline(&s));
	ATF_REQUIRE(!session_guarded(&s));
	ATF_REQUIRE(!session_gives(&s));
}

CASE(a_heartbeat_guards, "a secret is handed out until it hangs up")
{
	struct session_holder *h;

	begin(GRACE, 0, true);
	h = hold(NULL, 1, 0);
	ATF_REQUIRE(session_guarded(&s));
	ATF_REQUIRE(session_gives(&s));
	session_ended(&s, h, 10, false, NULL);
	ATF_REQUIRE(session_guarded(&s));
	ATF_REQUIRE(!session_gives(&s));
	require_alive(&p);
}

CASE(network_may_report_after_a_hangup,
    "an undrained heartbeat is lost when network's time is over")
{
	struct session_holder *h;

	begin(0, 0, true);
	h = hold(NULL, 1, 0);
	session_ended(&s, h, 10, false, NULL);
	session_ended(&s, h, 50, true, NULL);
	session_heard(&s, 51);
	ATF_REQUIRE_EQ(10 + REPORT, session_deadline(&s));
	session_tick(&s, 10 + REPORT - 1);
	require_alive(&p);
	session_tick(&s, 10 + REPORT);
	require_ended(&p, PANIC_EXECUTED, "heartbeat connection dropped", true);
}

CASE(a_drained_heartbeat_is_lost_once_network_is_heard,
    "no time is spent waiting when no byte is left to read")
{
	struct session_holder *h;

	begin(0, 0, false);
	h = hold(NULL, 1, 0);
	session_ended(&s, h, 10, true, NULL);
	ATF_REQUIRE_EQ(NEVER, session_deadline(&s));
	session_tick(&s, 1000000);
	require_alive(&p);
	session_heard(&s, 11);
	require_ended(&p, PANIC_EXECUTED, "heartbeat connection dropped",
	    false);
}

CASE(a_hangup_does_not_stop_the_ping_deadline,
    "whichever deadline comes first counts")
{
	struct session_holder *h;

	begin(0, TIMEOUT, true);
	h = hold(NULL, 1, 0);
	session_ended(&s, h, 1, false, NULL);
	ATF_REQUIRE_EQ(TIMEOUT, session_deadline(&s));
	session_tick(&s, TIMEOUT);
	require_ended(&p, PANIC_EXECUTED, "ping deadline missed", true);
}

CASE(network_reports_the_loss, "LOST frees the slot, and a new one cancels")
{
	struct session_holder *h;

	begin(GRACE, 0, true);
	h = hold(NULL, 1, 0);
	session_left(&s, h, 10);
	ATF_REQUIRE_EQ(SESSION_FREE, h->state);
	ATF_REQUIRE_EQ(1, world.pending);
	ATF_REQUIRE(session_find(&s, 1) == NULL);
	(void)hold(NULL, 2, 10 + GRACE - 1);
	ATF_REQUIRE_EQ(1, world.cancelled);
	ATF_REQUIRE(session_gives(&s));
}

CASE(a_return_at_the_deadline_is_too_late, "the panic is executed first")
{
	begin(GRACE, 0, true);
	session_left(&s, hold(NULL, 1, 0), 10);
	(void)session_hold(&s, NULL, 2, 10 + GRACE, false);
	require_ended(&p, PANIC_EXECUTED, "heartbeat connection dropped", true);
	ATF_REQUIRE(!session_gives(&s));
}

CASE(a_newcomer_that_hung_up_already_cancels_nothing,
    "it is lost, the deadline stays, and network still has to say LOST")
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
}

CASE(a_newcomer_does_not_undo_an_order,
    "an order is taken back by CANCEL alone")
{
	struct session_holder *h;

	begin(GRACE, 0, true);
	session_left(&s, hold(NULL, 1, 0), 1);
	h = hold(NULL, 2, 2);
	ATF_REQUIRE_EQ(1, world.cancelled);
	panic_order(&p, 10, "PANIC");
	session_left(&s, h, 11);
	h = hold(NULL, 3, 12);
	ATF_REQUIRE_EQ(1, world.cancelled);
	ATF_REQUIRE(!session_gives(&s));
	ATF_REQUIRE_EQ(SESSION_CANCELLED, session_cancel(&s, h, 13));
	ATF_REQUIRE(session_gives(&s));
}

CASE(cancel_tells_the_truth, "in time, with nothing pending, and too late")
{
	struct session_holder *h;

	begin(GRACE, 0, true);
	h = hold(NULL, 1, 0);
	ATF_REQUIRE_EQ(SESSION_NOTHING_PENDING, session_cancel(&s, h, 1));
	panic_order(&p, 10, "SIGUSR1");
	ATF_REQUIRE_EQ(SESSION_CANCELLED, session_cancel(&s, h, 11));
	panic_order(&p, 20, "SIGUSR1");
	ATF_REQUIRE_EQ(SESSION_TOO_LATE, session_cancel(&s, h, 20 + GRACE));
	require_ended(&p, PANIC_EXECUTED, "SIGUSR1", true);
}

CASE(the_dead_cannot_cancel, "a hung up heartbeat is lost by its own CANCEL")
{
	struct session_holder *h;

	begin(GRACE, 0, true);
	h = hold(NULL, 1, 0);
	session_ended(&s, h, 1, false, NULL);
	ATF_REQUIRE_EQ(SESSION_NOTHING_PENDING, session_cancel(&s, h, 2));
	panic_order(&p, 10, "SIGUSR1");
	ATF_REQUIRE_EQ(SESSION_TOO_LATE, session_cancel(&s, h, 11));
	ATF_REQUIRE_EQ(SESSION_LOST, h->state);
	ATF_REQUIRE_EQ(10 + GRACE, session_deadline(&s));
	ATF_REQUIRE_EQ(SESSION_TOO_LATE, session_cancel(&s, h, 12));
}

CASE(ping_moves_its_deadline_and_nothing_else_does,
    "not CANCEL, not a panic, not time")
{
	struct session_holder *h;

	begin(GRACE, TIMEOUT, true);
	h = hold(NULL, 1, 10);
	ATF_REQUIRE(session_ping(&s, h, 12));
	(void)session_cancel(&s, h, 13);
	session_tick(&s, 14);
	ATF_REQUIRE_EQ(12 + TIMEOUT, session_deadline(&s));
	ATF_REQUIRE(!session_ping(&s, h, 12 + TIMEOUT));
	ATF_REQUIRE_STREQ("ping deadline missed", world.reason);
	ATF_REQUIRE_EQ(12 + TIMEOUT + GRACE, session_deadline(&s));
	ATF_REQUIRE(!session_ping(&s, h, 12 + TIMEOUT + 1));
	require_alive(&p);
}

CASE(ping_does_not_hold_a_panic_back, "a pending panic is executed on time")
{
	struct session_holder *h;

	begin(GRACE, TIMEOUT, true);
	h = hold(NULL, 1, 10);
	panic_order(&p, 10, "SIGUSR1");
	ATF_REQUIRE(session_ping(&s, h, 10 + GRACE - 1));
	ATF_REQUIRE_EQ(10 + GRACE, session_deadline(&s));
	ATF_REQUIRE(!session_ping(&s, h, 10 + GRACE));
	require_ended(&p, PANIC_EXECUTED, "SIGUSR1", true);
}

CASE(any_holder_keeps_its_tether, "a tether is lost with its last holder")
{
	struct session_holder *a, *b;

	begin(GRACE, 0, true);
	a = hold("session", 1, 0);
	b = hold("session", 2, 0);
	session_ended(&s, a, 1, true, NULL);
	ATF_REQUIRE_EQ(SESSION_LOST, a->state);
	ATF_REQUIRE(session_gives(&s));
	session_left(&s, a, 2);
	session_left(&s, b, 3);
	ATF_REQUIRE_STREQ("tether session lost", world.reason);
	ATF_REQUIRE_EQ(3 + GRACE, session_deadline(&s));
	session_tick(&s, 3 + GRACE);
	require_ended(&p, PANIC_EXECUTED, "tether session lost", true);
}

CASE(every_tether_must_hold, "one return does not make up for another loss")
{
	struct session_holder *a, *b, *h;

	begin(GRACE, 0, true);
	h = hold(NULL, 1, 0);
	a = hold("usb", 2, 0);
	b = hold("awake", 3, 0);
	session_left(&s, a, 10);
	session_left(&s, b, 11);
	ATF_REQUIRE_EQ(1, world.pending);
	ATF_REQUIRE_EQ(10 + GRACE, session_deadline(&s));
	(void)hold("awake", 4, 12);
	ATF_REQUIRE_EQ(0, world.cancelled);
	ATF_REQUIRE_EQ(SESSION_STILL_LOST, session_cancel(&s, h, 12));
	(void)hold("usb", 5, 13);
	ATF_REQUIRE_EQ(1, world.cancelled);
	ATF_REQUIRE(session_gives(&s));
}

CASE(each_holder_has_its_own_ping_deadline,
    "a holder that misses it is lost; the tether goes with the last")
{
	struct session_holder *a, *b;

	begin(0, TIMEOUT, false);
	a = hold("t", 1, 0);
	b = hold("t", 2, 3);
	session_tick(&s, TIMEOUT);
	ATF_REQUIRE_EQ(SESSION_LOST, a->state);
	ATF_REQUIRE(!session_ping(&s, a, TIMEOUT));
	ATF_REQUIRE(session_ping(&s, b, TIMEOUT));
	ATF_REQUIRE_EQ(2 * TIMEOUT, session_deadline(&s));
	session_tick(&s, 2 * TIMEOUT);
	require_ended(&p, PANIC_EXECUTED, "tether t lost: ping deadline missed",
	    false);
}

CASE(a_release_is_no_loss, "a tether that holds is taken out, and only that")
{
	struct session_holder *a, *h;

	begin(GRACE, 0, true);
	h = hold(NULL, 1, 0);
	a = hold("usb", 2, 0);
	ATF_REQUIRE(!session_release(&s, "other", 1));
	ATF_REQUIRE(session_release(&s, "usb", 1));
	ATF_REQUIRE_EQ(SESSION_LOST, a->state);
	session_left(&s, a, 2);
	ATF_REQUIRE(session_gives(&s));
	a = hold("usb", 3, 3);
	session_left(&s, a, 4);
	ATF_REQUIRE(!session_release(&s, "usb", 5));
	ATF_REQUIRE_EQ(4 + GRACE, session_deadline(&s));
	(void)hold("usb", 4, 5);
	ATF_REQUIRE(session_release(&s, "heartbeat", 6));
	ATF_REQUIRE_EQ(SESSION_LOST, h->state);
	ATF_REQUIRE(session_release(&s, "usb", 7));
	ATF_REQUIRE(!session_guarded(&s));
	require_alive(&p);
}

CASE(slots_have_an_end, "64 holders of 16 tethers, and not one more")
{
	char	     name[SESSION_NAME];
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
}

CASE(a_secret_that_nobody_guards_does_not_stay,
    "the time runs from the first secret and from the last release")
{
	begin(GRACE, 0, true);
	s.first = FIRST;
	session_wait_for_guard(&s, false, 0);
	ATF_REQUIRE_EQ(NEVER, session_deadline(&s));
	session_wait_for_guard(&s, true, 10);
	session_wait_for_guard(&s, true, 12);
	ATF_REQUIRE_EQ(10 + FIRST, session_deadline(&s));
	(void)hold("t", 1, 13);
	session_wait_for_guard(&s, true, 13);
	ATF_REQUIRE_EQ(NEVER, session_deadline(&s));
	ATF_REQUIRE(session_release(&s, "t", 20));
	session_wait_for_guard(&s, true, 20);
	ATF_REQUIRE_EQ(20 + FIRST, session_deadline(&s));
	session_tick(&s, 20 + FIRST);
	ATF_REQUIRE_STREQ("nobody came to guard", world.reason);
	ATF_REQUIRE_EQ(20 + FIRST + GRACE, session_deadline(&s));
	(void)hold("t", 2, 20 + FIRST + 1);
	ATF_REQUIRE_EQ(1, world.cancelled);
}

/*
 * The model: a count of deadlines for each tether, and one window.
 */

enum { H, A, B, MODEL_TETHERS }; /* the heartbeat has one holder at most */

static struct model {
	int64_t grace, timeout, window; /* closes then; NEVER: none is open */
	int64_t ping[MODEL_TETHERS][2]; /* of each holder; 0: nobody */
	int64_t now;
	bool	lost[MODEL_TETHERS];
	bool	armed, ordered, dead;
	enum panic_event how;
} m;

static const char *const names[] = { NULL, "a", "b" };

static int
model_count(int t)
{
	return ((m.ping[t][0] != 0) + (m.ping[t][1] != 0));
}

static bool
model_any_lost(void)
{
	return (m.lost[H] || m.lost[A] || m.lost[B]);
}

static bool
model_guarded(void)
{
	return (!model_any_lost() &&
	    model_count(H) + model_count(A) + model_count(B) > 0);
}

static void
model_die(enum panic_event how)
{
	if (!m.dead)
		m.how = how;
	m.dead = true;
}

static void
model_alarm(void)
{
	if (m.dead || m.window != NEVER)
		return;
	if (m.armed && m.grace > 0)
		m.window = m.now + m.grace;
	else
		model_die(PANIC_EXECUTED);
}

static void
model_lose(int t, int i)
{
	m.ping[t][i] = 0;
	if (model_count(t) > 0)
		return;
	m.lost[t] = true;
	model_alarm();
}

static void
model_time(void)
{
	int t, i;

	if (m.window <= m.now)
		model_die(PANIC_EXECUTED);
	for (t = 0; t < MODEL_TETHERS && !m.dead; t++) {
		for (i = 0; i < 2; i++) {
			if (m.ping[t][i] != 0 && m.ping[t][i] <= m.now)
				model_lose(t, i);
		}
	}
}

static void
model_hold(int t, int i)
{
	if (m.dead)
		return;
	m.ping[t][i] = m.timeout != 0 ? m.now + m.timeout : NEVER;
	m.lost[t] = false;
	if (!model_any_lost() && !m.ordered)
		m.window = NEVER;
}

static int64_t
model_deadline(void)
{
	int64_t due = m.window;
	int	t, i;

	if (m.dead)
		return (NEVER);
	for (t = 0; t < MODEL_TETHERS; t++) {
		for (i = 0; i < 2; i++) {
			if (m.ping[t][i] != 0 && m.ping[t][i] < due)
				due = m.ping[t][i];
		}
	}
	return (due);
}

/*
 * Every sequence.
 */

enum event {
	HOLD_H,
	HOLD_A,
	HOLD_B,
	LOSE_H,
	LOSE_A,
	LOSE_B,
	PING_H,
	PING_A,
	CANCEL,
	ORDER,
	RELEASE_A,
	STOP,
	TICK,
	STEP, /* a moment passes, and nobody looks */
	GRACE_PASSES,
	EVENTS
};

static const char *const event_names[EVENTS] = { "hold-h", "hold-a", "hold-b",
	"lose-h", "lose-a", "lose-b", "ping-h", "ping-a", "cancel", "order",
	"release-a", "stop", "tick", "+1", "+grace" };

static enum event path[DEPTH];

/* The place of a living holder of t in the model, or of none: -1. */
static int
find(int t, bool living)
{
	int i;

	for (i = 0; i < (t == H ? 1 : 2); i++) {
		if ((m.ping[t][i] != 0) == living)
			return (i);
	}
	return (-1);
}

static uint32_t
peer_of(int t, int i)
{
	return ((uint32_t)(10 * t + i + 1));
}

/* Slots whose holders were lost by time are freed, as network's LOST does. */
static void
free_lost(void)
{
	int i;

	for (i = 0; i < SESSION_HOLDERS; i++) {
		if (s.holders[i].state == SESSION_LOST)
			session_left(&s, &s.holders[i], m.now);
	}
}

static void
event_hold(int t)
{
	int i;

	model_time();
	session_tick(&s, m.now);
	free_lost();
	if ((i = find(t, false)) == -1 || m.dead)
		return;
	(void)hold(names[t], peer_of(t, i), m.now);
	model_hold(t, i);
}

static void
event_lose(int t)
{
	int i;

	model_time();
	session_tick(&s, m.now);
	if ((i = find(t, true)) == -1 || m.dead)
		return;
	session_left(&s, session_find(&s, peer_of(t, i)), m.now);
	model_lose(t, i);
}

static const char *
event_ping(int t)
{
	int i = find(t, true);

	if (i == -1)
		return (NULL);
	model_time();
	if (session_ping(&s, session_find(&s, peer_of(t, i)), m.now) !=
	    (!m.dead && m.ping[t][i] != 0))
		return ("PING tells the truth");
	if (!m.dead && m.ping[t][i] != 0 && m.timeout != 0)
		m.ping[t][i] = m.now + m.timeout;
	return (NULL);
}

/* CANCEL, from the first holder that lives. */
static const char *
event_cancel(void)
{
	enum session_cancel want = SESSION_NOTHING_PENDING;
	int		    t, i;

	for (t = 0; t < MODEL_TETHERS && (i = find(t, true)) == -1; t++)
		continue;
	if (t == MODEL_TETHERS)
		return (NULL);
	model_time();
	if (m.dead || m.ping[t][i] == 0)
		want = SESSION_TOO_LATE;
	else if (m.window != NEVER)
		want = model_any_lost() ? SESSION_STILL_LOST :
					  SESSION_CANCELLED;
	if (session_cancel(&s, session_find(&s, peer_of(t, i)), m.now) != want)
		return ("CANCEL tells the truth");
	if (want == SESSION_CANCELLED) {
		m.window = NEVER;
		m.ordered = false;
	}
	return (NULL);
}

static const char *
event_apply(enum event e)
{
	const char *wrong = NULL;

	switch (e) {
	case HOLD_H:
	case HOLD_A:
	case HOLD_B:
		event_hold((int)(e - HOLD_H));
		break;
	case LOSE_H:
	case LOSE_A:
	case LOSE_B:
		event_lose((int)(e - LOSE_H));
		break;
	case PING_H:
	case PING_A:
		wrong = event_ping((int)(e - PING_H));
		break;
	case CANCEL:
		wrong = event_cancel();
		break;
	case ORDER:
		model_time();
		session_tick(&s, m.now);
		panic_order(&p, m.now, "order");
		model_alarm();
		m.ordered = m.ordered || m.window != NEVER;
		break;
	case RELEASE_A:
		model_time();
		if (session_release(&s, "a", m.now) !=
		    (!m.dead && model_count(A) > 0))
			wrong = "RELEASE tells the truth";
		if (!m.dead)
			m.ping[A][0] = m.ping[A][1] = 0;
		break;
	case STOP:
		panic_stop(&p, "stop");
		model_die(PANIC_STOPPED);
		break;
	case TICK:
		model_time();
		session_tick(&s, m.now);
		break;
	case STEP:
		m.now++;
		break;
	case GRACE_PASSES:
		m.now += GRACE;
		break;
	case EVENTS:
		break;
	}
	free_lost();
	return (wrong);
}

/* What must hold after every event; before is the model as it was. */
static const char *
event_check(const struct model *before, unsigned int cancelled, enum event e)
{
	const bool kills = m.armed && m.how != PANIC_STOPPED;

	if (world.wrong != NULL)
		return (world.wrong);
	if (p.over != m.dead)
		return ("it ends when it is due, and only then");
	if (m.dead &&
	    (world.how != m.how || world.killed != kills ||
		world.exited == kills || world.felled != kills))
		return ("it ends as it should");
	if (!m.dead && world.wiped)
		return ("nothing is wiped without an end");
	if (session_deadline(&s) != model_deadline())
		return ("the deadline is right");
	if (session_gives(&s) !=
	    (!m.dead && model_guarded() && m.window == NEVER))
		return ("secrets are given to a calm, guarded session only");
	if (world.cancelled != cancelled && e != CANCEL && e > HOLD_B)
		return ("only CANCEL and a return cancel");
	if (before->window != NEVER && m.window != NEVER &&
	    m.window > before->window && world.cancelled == cancelled)
		return ("nothing moves a deadline later");
	return (NULL);
}

/* States that were walked already with at least as many events to come. */
#define SEEN (1U << 20)
static struct {
	uint64_t digest;
	int	 left;
} seen[SEEN];
static unsigned long walked;

static uint64_t
mix(uint64_t digest, int64_t value)
{
	return ((digest ^ (uint64_t)value) * 1099511628211ULL);
}

static uint64_t
state_digest(void)
{
	uint64_t  d = 14695981039346656037ULL;
	const int flags = p.armed | p.over << 1 | p.pending << 2 |
	    p.ordered << 3 | m.lost[H] << 4 | m.lost[A] << 5 | m.lost[B] << 6 |
	    m.ordered << 7;
	unsigned int i;

	d = mix(mix(mix(d, flags), m.grace), m.timeout);
	d = mix(mix(d, m.window - m.now), p.pending ? p.due - m.now : -1);
	for (i = 0; i < 6; i++)
		d = mix(d,
		    m.ping[i / 2][i % 2] != 0 ? m.ping[i / 2][i % 2] - m.now :
						-1);
	for (i = 0; i < 6; i++)
		d = mix(mix(mix(d, s.holders[i].state), s.holders[i].peerid),
		    s.holders[i].state == SESSION_LIVE ?
			s.holders[i].ping_due - m.now :
			-1);
	for (i = 0; i < 4; i++)
		d = mix(mix(mix(d, s.tethers[i].name[0]), s.tethers[i].holders),
		    s.tethers[i].lost);
	return (d | 1);
}

static bool
state_is_new(int left)
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
fail_at(int depth, const char *rule)
{
	int i;

	printf("%s, grace %d, timeout %d:", m.armed ? "armed" : "dry-run",
	    (int)m.grace, (int)m.timeout);
	for (i = 0; i <= depth; i++)
		printf(" %s", event_names[path[i]]);
	printf("\n");
	atf_tc_fail("not so after %d events: %s", depth + 1, rule);
}

static void
walk(int depth)
{
	const struct session session_was = s;
	const struct panic   panic_was = p;
	const struct world   world_was = world;
	const struct model   model_was = m;
	const char	    *rule;
	int		     e;

	for (e = 0; e < EVENTS; e++) {
		path[depth] = (enum event)e;
		if ((rule = event_apply(path[depth])) != NULL ||
		    (rule = event_check(&model_was, world_was.cancelled,
			 path[depth])) != NULL)
			fail_at(depth, rule);
		if (depth + 1 < DEPTH && !m.dead &&
		    state_is_new(DEPTH - depth - 1))
			walk(depth + 1);
		s = session_was;
		p = panic_was;
		world = world_was;
		m = model_was;
	}
}

CASE(every_sequence_of_events_keeps_the_rules,
    "eight events in every order, for two tethers and the heartbeat, dry-run "
    "and armed, with a grace, a ping timeout, and without")
{
	int i;

	for (i = 0; i < 8; i++) {
		begin((i & 1) != 0 ? GRACE : 0, (i & 2) != 0 ? TIMEOUT : 0,
		    (i & 4) != 0);
		m = (struct model){ .grace = p.grace,
			.timeout = s.timeout,
			.window = NEVER,
			.now = 1000,
			.armed = p.armed };
		walk(0);
	}
	printf("%lu states walked\n", walked);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, before_anybody_holds_nothing_is_lost);
	ATF_TP_ADD_TC(tp, a_heartbeat_guards);
	ATF_TP_ADD_TC(tp, network_may_report_after_a_hangup);
	ATF_TP_ADD_TC(tp, a_drained_heartbeat_is_lost_once_network_is_heard);
	ATF_TP_ADD_TC(tp, a_hangup_does_not_stop_the_ping_deadline);
	ATF_TP_ADD_TC(tp, network_reports_the_loss);
	ATF_TP_ADD_TC(tp, a_return_at_the_deadline_is_too_late);
	ATF_TP_ADD_TC(tp, a_newcomer_that_hung_up_already_cancels_nothing);
	ATF_TP_ADD_TC(tp, a_newcomer_does_not_undo_an_order);
	ATF_TP_ADD_TC(tp, cancel_tells_the_truth);
	ATF_TP_ADD_TC(tp, the_dead_cannot_cancel);
	ATF_TP_ADD_TC(tp, ping_moves_its_deadline_and_nothing_else_does);
	ATF_TP_ADD_TC(tp, ping_does_not_hold_a_panic_back);
	ATF_TP_ADD_TC(tp, any_holder_keeps_its_tether);
	ATF_TP_ADD_TC(tp, every_tether_must_hold);
	ATF_TP_ADD_TC(tp, each_holder_has_its_own_ping_deadline);
	ATF_TP_ADD_TC(tp, a_release_is_no_loss);
	ATF_TP_ADD_TC(tp, slots_have_an_end);
	ATF_TP_ADD_TC(tp, a_secret_that_nobody_guards_does_not_stay);
	ATF_TP_ADD_TC(tp, every_sequence_of_events_keeps_the_rules);
	return (atf_no_error());
}
