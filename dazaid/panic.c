/* SPDX-License-Identifier: ISC */
/*
 * The panic controller: when the secrets must go.  A pure state machine: time
 * comes in as a number (ms of one clock that counts suspended time), effects go
 * out through struct panic_ops.  It does no I/O, so that every path of it, the
 * lethal one included, runs in a test.
 *
 * Every event first settles what is due at its time: what comes too late finds
 * the panic executed, and cannot cancel it.  Once that is over nothing happens
 * any more, however often it is asked for.
 */
#include <string.h>

#include "panic.h"

/*
 * grace: ms that an armed graceful panic waits.  timeout: ms without PING that
 * count as loss, 0 for none.  ops and ctx stay the caller's and must outlive p.
 */
void
panic_init(struct panic *p, const struct panic_ops *ops, void *ctx,
    int64_t grace, int64_t timeout, bool armed)
{
	memset(p, 0, sizeof(*p));
	p->ops = ops;
	p->ctx = ctx;
	p->grace = grace;
	p->timeout = timeout;
	p->armed = armed;
	p->ping_due = PANIC_NEVER;
}

/* A ratchet: nothing disarms.  Returns false if it was armed already. */
bool
panic_arm(struct panic *p)
{
	bool was = p->armed;

	p->armed = true;
	return (!was);
}

/*
 * The end.  "over" is set first: this may be interrupted by a signal whose
 * handler comes here too, and must then be left to finish.
 */
static void
panic_execute(struct panic *p, enum panic_event how, const char *reason)
{
	if (p->over)
		return;
	p->over = true;
	p->ops->wipe(p->ctx);
	if (p->armed && how != PANIC_STOPPED)
		p->ops->kill_registered(p->ctx);
	p->ops->clean(p->ctx);
	p->ops->log(p->ctx, how, reason);
	if (p->armed && how != PANIC_STOPPED)
		p->ops->kill(p->ctx);
	else
		p->ops->done(p->ctx);
}

/*
 * A graceful trigger.  While one is pending, a second changes nothing: the
 * deadline must not move later.
 */
void
panic_trigger(struct panic *p, int64_t now, const char *reason)
{
	panic_tick(p, now);
	if (p->over || p->pending)
		return;
	if (!p->armed || p->grace == 0) {
		panic_execute(p, PANIC_EXECUTED, reason);
		return;
	}
	p->pending = true;
	p->reason = reason;
	p->due = now + p->grace;
	p->ops->log(p->ctx, PANIC_PENDING, reason);
}

/* No grace, and allowed in a signal handler at any moment. */
void
panic_hard(struct panic *p, const char *reason)
{
	panic_execute(p, PANIC_HARD, reason);
}

/* A clean shutdown: wiped, but nothing is killed. */
void
panic_stop(struct panic *p, const char *reason)
{
	panic_execute(p, PANIC_STOPPED, reason);
}

static void
panic_cancelled(struct panic *p, const char *by)
{
	p->pending = false;
	p->ops->log(p->ctx, PANIC_CANCELLED, by);
}

/*
 * A new heartbeat.  It ends a pending panic if it follows one that was really
 * lost; the very first one does not undo a panic that somebody asked for.
 */
void
panic_heartbeat(struct panic *p, int64_t now)
{
	panic_tick(p, now);
	if (p->over)
		return;
	p->guarded = true;
	p->ping_due = p->timeout != 0 ? now + p->timeout : PANIC_NEVER;
	if (p->pending && p->lost)
		panic_cancelled(p, "a new heartbeat");
	p->lost = false;
}

/*
 * Returns whether it came in time, and so moved the deadline, if there is one.
 */
bool
panic_ping(struct panic *p, int64_t now)
{
	panic_tick(p, now);
	if (p->over || !p->guarded)
		return (false);
	if (p->timeout != 0)
		p->ping_due = now + p->timeout;
	return (true);
}

/*
 * CANCEL from the living heartbeat.  Returns whether there was what to cancel.
 */
bool
panic_cancel(struct panic *p, int64_t now)
{
	panic_tick(p, now);
	if (p->over || !p->guarded || !p->pending)
		return (false);
	panic_cancelled(p, "CANCEL");
	return (true);
}

/* The heartbeat is gone; reason says how it showed. */
void
panic_lost(struct panic *p, int64_t now, const char *reason)
{
	panic_tick(p, now);
	if (p->over || !p->guarded)
		return;
	p->guarded = false;
	p->lost = true;
	p->ping_due = PANIC_NEVER;
	panic_trigger(p, now, reason);
}

/* Settles what is due at now: a pending panic, then a missed PING. */
void
panic_tick(struct panic *p, int64_t now)
{
	if (p->over)
		return;
	if (p->pending && now >= p->due) {
		panic_execute(p, PANIC_EXECUTED, p->reason);
		return;
	}
	if (now >= p->ping_due) {
		p->ping_due = PANIC_NEVER;
		panic_lost(p, now, "ping deadline missed");
	}
}

/* The time of the next panic_tick() that will do something, or PANIC_NEVER. */
int64_t
panic_deadline(const struct panic *p)
{
	int64_t due = p->ping_due;

	if (p->over)
		return (PANIC_NEVER);
	if (p->pending && p->due < due)
		due = p->due;
	return (due);
}

/* Whether a secret may be handed out now. */
bool
panic_gives(const struct panic *p)
{
	return (p->guarded && !p->pending && !p->over);
}
