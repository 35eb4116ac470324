/* SPDX-License-Identifier: ISC */
/*
 * The session: which connections hold its tethers, and how each connection is
 * lost.  It tells the panic controller when a tether is lost, and when it is
 * held again.  Like the controller, it is a pure state machine: no I/O and no
 * clock.  Times are milliseconds of the controller's clock.
 *
 * A tether is a condition of the session.  It is held while at least one of its
 * holders lives, and lost with the last one.  The heartbeat is the tether that
 * has at most one holder.
 *
 * When the kernel reports that a holder hung up, the holder is lost.  Only the
 * heartbeat may have sent a QUIT before, which makes its end a clean one, so
 * the session waits until network has reported all lines that it has read:
 *
 *	LIVE ---> HUNG_UP ---> LOST ---> FREE
 *	  |   `-> DRAINED ---^  ^
 *	  `---------------------'
 *
 * HUNG_UP and DRAINED end when network's time to report is over.  DRAINED ends
 * earlier if all of network's messages have been read.  LOST ends with
 * network's LOST message, the last one about a connection.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "session.h"

static const char session_missed[] = "ping deadline missed";

static void
session_clear(struct session_holder *h)
{
	size_t i;

	memset(h, 0, sizeof(*h));
	for (i = 0; i < SESSION_FDS; i++)
		h->fds[i] = -1;
}

/*
 * timeout is the number of milliseconds without PING after which a holder is
 * lost; first that for which a secret may exist before the session is first
 * guarded.  0 means no limit.  panic stays the caller's and must outlive s.
 */
void
session_init(struct session *s, struct panic *panic, int64_t timeout,
    int64_t first)
{
	size_t i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < SESSION_HOLDERS; i++)
		session_clear(&s->holders[i]);
	s->panic = panic;
	s->timeout = timeout;
	s->first = first;
	s->first_due = PANIC_NEVER;
	(void)snprintf(s->tethers[SESSION_HEARTBEAT].name, NAME_TETHER_BYTES,
	    SESSION_HEARTBEAT_NAME);
}

/*
 * Returns whether network still has to report lines that h sent before it hung
 * up.
 */
static bool
session_waits(const struct session_holder *h)
{
	return (h->state == SESSION_HUNG_UP || h->state == SESSION_DRAINED);
}

/* Returns whether h still holds its tether. */
static bool
session_counts(const struct session_holder *h)
{
	return (h->state != SESSION_FREE && h->state != SESSION_LOST);
}

/* Returns the first tether that is lost, or NULL. */
const struct session_tether *
session_first_lost(const struct session *s)
{
	const struct session_tether *t;

	for (t = s->tethers; t < s->tethers + SESSION_TETHERS; t++) {
		if (t->lost)
			return (t);
	}
	return (NULL);
}

/*
 * Returns the reason for the loss of t.  It is kept in s, because a pending
 * panic points to it until it ends.
 */
static const char *
session_reason(struct session *s, const struct session_tether *t,
    const char *how)
{
	if (t == &s->tethers[SESSION_HEARTBEAT])
		return (how == session_missed ? how :
						"heartbeat connection dropped");
	(void)snprintf(s->reason, sizeof(s->reason), "tether %s lost%s%s",
	    t->name, how != NULL ? ": " : "", how != NULL ? how : "");
	return (s->reason);
}

/*
 * h no longer holds its tether.  If it was the last holder, the tether is lost.
 * how says what ended; NULL: the connection.
 */
static void
session_lose(struct session *s, struct session_holder *h, int64_t now,
    const char *how)
{
	struct session_tether *t = &s->tethers[h->tether];

	if (!session_counts(h))
		return;
	h->state = SESSION_LOST;
	if (--t->holders > 0)
		return;
	t->lost = true;
	/* A pending panic keeps its reason, which may be s->reason. */
	panic_lost(s->panic, now,
	    s->panic->pending ? "" : session_reason(s, t, how));
}

/*
 * Returns the tether of this name, or a free slot for it; NULL if there is
 * neither.
 */
static struct session_tether *
session_tether(struct session *s, const char *name)
{
	struct session_tether *t, *slot = NULL;

	if (name == NULL)
		return (&s->tethers[SESSION_HEARTBEAT]);
	for (t = s->tethers; t < s->tethers + SESSION_TETHERS; t++) {
		if (strcmp(t->name, name) == 0)
			return (t);
		if (slot == NULL && t->name[0] == '\0')
			slot = t;
	}
	return (slot);
}

/* Returns a free slot for a holder; NULL if all are taken. */
static struct session_holder *
session_slot(struct session *s, bool heartbeat)
{
	struct session_holder *h = s->holders;

	if (heartbeat)
		return (h->state == SESSION_FREE ? h : NULL);
	while (++h < s->holders + SESSION_HOLDERS) {
		if (h->state == SESSION_FREE)
			return (h);
	}
	return (NULL);
}

/* Returns whether there is a slot for one more holder of this tether. */
bool
session_has_room(struct session *s, const char *name)
{
	return (session_tether(s, name) != NULL &&
	    session_slot(s, name == NULL) != NULL);
}

/*
 * From now on the connection that network calls peerid holds the tether of this
 * name (1 to NAME_TETHER bytes; NULL: the heartbeat).  If the kernel has
 * reported already that it hung up, it cannot end a pending panic, and is lost
 * at once.  Returns NULL if there is no slot for one more holder.
 */
struct session_holder *
session_hold(struct session *s, const char *name, uint32_t peerid, int64_t now,
    bool hung_up)
{
	struct session_tether *t = session_tether(s, name);
	struct session_holder *h = session_slot(s, name == NULL);

	session_tick(s, now);
	if (t == NULL || h == NULL)
		return (NULL);
	session_clear(h);
	h->peerid = peerid;
	h->tether = (unsigned int)(t - s->tethers);
	h->ping_due = s->timeout != 0 ? now + s->timeout : PANIC_NEVER;
	if (hung_up && s->panic->pending) {
		h->state = SESSION_LOST;
		return (h);
	}
	h->state = SESSION_LIVE;
	if (name != NULL)
		memcpy(t->name, name, strlen(name) + 1);
	t->holders++;
	t->lost = false;
	s->first_due = PANIC_NEVER;
	if (session_first_lost(s) == NULL)
		panic_returned(s->panic, now,
		    name == NULL ? "a new heartbeat" : "a new holder");
	return (h);
}

/* Returns the holder that network calls peerid, or NULL. */
struct session_holder *
session_find(struct session *s, uint32_t peerid)
{
	struct session_holder *h;

	for (h = s->holders; h < s->holders + SESSION_HOLDERS; h++) {
		if (h->state != SESSION_FREE && h->peerid == peerid)
			return (h);
	}
	return (NULL);
}

/*
 * Handles a PING of h.  Returns false if it came too late to move h's deadline.
 */
bool
session_ping(struct session *s, struct session_holder *h, int64_t now)
{
	session_tick(s, now);
	if (s->panic->over || !session_counts(h))
		return (false);
	if (s->timeout != 0)
		h->ping_due = now + s->timeout;
	return (true);
}

/*
 * Handles a CANCEL of h.  The caller must first ask the kernel whether h has
 * hung up: otherwise network could send CANCEL for a holder that has ended.
 */
enum session_cancel
session_cancel(struct session *s, struct session_holder *h, int64_t now)
{
	session_tick(s, now);
	if (h->state != SESSION_LIVE && s->panic->pending)
		session_lose(s, h, now, h->how);
	if (s->panic->over || !session_counts(h))
		return (SESSION_TOO_LATE);
	if (s->panic->pending && session_first_lost(s) != NULL)
		return (SESSION_STILL_LOST);
	return (panic_cancel(s->panic, now) ? SESSION_CANCELLED :
					      SESSION_NOTHING_PENDING);
}

/*
 * The kernel reports that h's connection or one of its processes has ended; how
 * says which (NULL: the connection).  drained is true if network has read every
 * byte of the connection, so that all it has to report is on its way to the
 * vault.
 */
void
session_ended(struct session *s, struct session_holder *h, int64_t now,
    bool drained, const char *how)
{
	if (h->state != SESSION_LIVE)
		return;
	h->how = how;
	if (h != &s->holders[SESSION_HEARTBEAT]) {
		session_lose(s, h, now, how);
		return;
	}
	h->state = drained ? SESSION_DRAINED : SESSION_HUNG_UP;
	h->report_due = now + SESSION_REPORT_MS;
}

/*
 * Returns whether the heartbeat is DRAINED, and session_heard() must be called
 * soon.
 */
bool
session_drained(const struct session *s)
{
	return (s->holders[SESSION_HEARTBEAT].state == SESSION_DRAINED);
}

/*
 * The caller has read all messages of network: a heartbeat that is DRAINED has
 * not sent QUIT, and is lost.
 */
void
session_heard(struct session *s, int64_t now)
{
	struct session_holder *h;

	for (h = s->holders; h < s->holders + SESSION_HOLDERS; h++) {
		if (h->state == SESSION_DRAINED)
			session_lose(s, h, now, h->how);
	}
}

/*
 * Network has closed the connection (LOST).  h, if it still holds, is lost.
 * Frees its slot.
 */
void
session_left(struct session *s, struct session_holder *h, int64_t now)
{
	session_lose(s, h, now, h->how);
	h->state = SESSION_FREE;
}

/* Returns whether tether t has a holder that has not hung up. */
static bool
session_lives(const struct session *s, size_t t)
{
	const struct session_holder *h;

	for (h = s->holders; h < s->holders + SESSION_HOLDERS; h++) {
		if (h->state == SESSION_LIVE && h->tether == t)
			return (true);
	}
	return (false);
}

/*
 * Takes the tether of this name out of the session.  Its holders no longer
 * count, which is not a loss.  Returns false if nobody holds it, or if the
 * heartbeat has hung up: that is a loss unless network reports a QUIT.  Before
 * this, as before session_cancel(), the caller must ask the kernel.
 */
bool
session_release(struct session *s, const char *name, int64_t now)
{
	struct session_tether *t = session_tether(s, name);
	struct session_holder *h;

	session_tick(s, now);
	if (s->panic->over || t == NULL ||
	    !session_lives(s, (size_t)(t - s->tethers)))
		return (false);
	for (h = s->holders; h < s->holders + SESSION_HOLDERS; h++) {
		if (session_counts(h) && &s->tethers[h->tether] == t)
			h->state = SESSION_LOST;
	}
	t->holders = 0;
	if (t != &s->tethers[SESSION_HEARTBEAT])
		t->name[0] = '\0';
	return (true);
}

/*
 * Starts or stops the deadline of -f.  It runs while there is a secret and no
 * tether has been taken.  Call this when either may have changed.
 */
void
session_wait_for_guard(struct session *s, bool has_secret, int64_t now)
{
	const bool waits = has_secret && s->first != 0 && !session_guarded(s) &&
	    session_first_lost(s) == NULL;

	if (!waits)
		s->first_due = PANIC_NEVER;
	else if (s->first_due == PANIC_NEVER)
		s->first_due = now + s->first;
}

/* Returns the milliseconds until the deadline of -f; 0 if it does not run. */
int64_t
session_first_left(const struct session *s, int64_t now)
{
	return (s->first_due == PANIC_NEVER || s->first_due <= now ?
		0 :
		s->first_due - now);
}

/*
 * Handles every deadline up to now: first that of a pending panic, then those
 * of holders.
 */
void
session_tick(struct session *s, int64_t now)
{
	struct session_holder *h;

	panic_tick(s->panic, now);
	if (now >= s->first_due)
		panic_lost(s->panic, now, "nobody came to guard");
	for (h = s->holders; h < s->holders + SESSION_HOLDERS; h++) {
		if (!session_counts(h))
			continue;
		if (now >= h->ping_due)
			session_lose(s, h, now, session_missed);
		else if (session_waits(h) && now >= h->report_due)
			session_lose(s, h, now, h->how);
	}
}

/*
 * Returns whether at least one tether was taken, and every one that was taken
 * is held.
 */
bool
session_guarded(const struct session *s)
{
	bool   guarded = false;
	size_t i;

	for (i = 0; i < SESSION_TETHERS; i++) {
		if (s->tethers[i].lost)
			return (false);
		if (s->tethers[i].holders > 0)
			guarded = true;
	}
	return (guarded);
}

/* Returns the number of tethers that were taken and not released. */
unsigned int
session_count(const struct session *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < SESSION_TETHERS; i++)
		n += s->tethers[i].holders > 0 || s->tethers[i].lost;
	return (n);
}

/*
 * Returns whether a secret may be handed out: the session is guarded, no panic
 * is pending, and the kernel has reported no hangup that may turn out to be a
 * loss.
 */
bool
session_gives(const struct session *s)
{
	size_t i;

	if (!session_guarded(s) || s->panic->pending || s->panic->over)
		return (false);
	for (i = 0; i < SESSION_TETHERS; i++) {
		if (s->tethers[i].holders > 0 && !session_lives(s, i))
			return (false);
	}
	return (true);
}

/* Returns when session_tick() must be called next, or PANIC_NEVER. */
int64_t
session_deadline(const struct session *s)
{
	const struct session_holder *h;
	int64_t			     due = panic_deadline(s->panic);

	if (s->panic->over)
		return (PANIC_NEVER);
	if (!s->panic->pending && s->first_due < due)
		due = s->first_due;
	for (h = s->holders; h < s->holders + SESSION_HOLDERS; h++) {
		if (!session_counts(h))
			continue;
		if (h->ping_due < due)
			due = h->ping_due;
		if (session_waits(h) && h->report_due < due)
			due = h->report_due;
	}
	return (due);
}
