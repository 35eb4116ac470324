/* SPDX-License-Identifier: ISC */
/*
 * The panic controller decides when the secrets are wiped.  It is a pure state
 * machine: the caller passes the time as a number (milliseconds of one clock
 * that counts suspended time), and struct panic_ops has the effects.  It does
 * no I/O, so a test can run every path of it, the lethal one included.
 *
 * Losses, orders, returns and CANCEL first execute a panic whose deadline has
 * passed, so none that comes too late can cancel it.  A clean stop does not: it
 * wipes as well, but kills nothing.  After the end, events have no effect.
 */
#include <string.h>

#include "panic.h"

/*
 * grace: milliseconds that an armed graceful panic waits.  ops stays the
 * caller's and must outlive p.
 */
void
panic_init(struct panic *p, const struct panic_ops *ops, int64_t grace,
    bool armed)
{
	memset(p, 0, sizeof(*p));
	p->ops = ops;
	p->grace = grace;
	p->armed = armed;
}

/* Arms p, for good.  Returns false if it was armed already. */
bool
panic_arm(struct panic *p)
{
	const bool was = p->armed;

	p->armed = true;
	return (!was);
}

/*
 * Ends the daemon.  Sets "over" first: the handler of a signal that interrupts
 * this calls it, too, and must then let the first call finish.
 */
static void
panic_execute(struct panic *p, enum panic_event how, const char *reason)
{
	if (p->over)
		return;
	p->over = true;
	p->ops->wipe();
	if (p->armed && how != PANIC_STOPPED)
		p->ops->kill_registered();
	p->ops->remove_files();
	p->ops->log(how, reason);
	if (p->armed && how != PANIC_STOPPED)
		p->ops->kill();
	else
		p->ops->done();
}

/*
 * Handles a graceful trigger.  While a panic is pending, another trigger must
 * not move its deadline.
 */
static void
panic_trigger(struct panic *p, int64_t now, const char *reason)
{
	if (p->over || p->pending)
		return;
	if (!p->armed || p->grace == 0) {
		panic_execute(p, PANIC_EXECUTED, reason);
		return;
	}
	p->pending = true;
	p->reason = reason;
	p->due = now + p->grace;
	p->ops->log(PANIC_PENDING, reason);
}

/* The session was lost; panic_returned() or panic_cancel() ends this panic. */
void
panic_lost(struct panic *p, int64_t now, const char *reason)
{
	panic_tick(p, now);
	panic_trigger(p, now, reason);
}

/*
 * Somebody ordered a panic.  Only panic_cancel() ends it, even if one was
 * pending already because of a loss.
 */
void
panic_order(struct panic *p, int64_t now, const char *reason)
{
	panic_tick(p, now);
	panic_trigger(p, now, reason);
	if (p->pending)
		p->ordered = true;
}

static void
panic_end_pending(struct panic *p, const char *by)
{
	p->pending = p->ordered = false;
	p->ops->log(PANIC_CANCELLED, by);
}

/* Everything is held again: ends a pending panic that nobody ordered. */
void
panic_returned(struct panic *p, int64_t now, const char *by)
{
	panic_tick(p, now);
	if (!p->over && p->pending && !p->ordered)
		panic_end_pending(p, by);
}

/*
 * Ends a pending panic.  The caller checks that the sender of CANCEL may do
 * that.  Returns false if no panic is pending.
 */
bool
panic_cancel(struct panic *p, int64_t now)
{
	panic_tick(p, now);
	if (p->over || !p->pending)
		return (false);
	panic_end_pending(p, "CANCEL");
	return (true);
}

/* A panic without grace.  A signal handler may call this at any moment. */
void
panic_hard(struct panic *p, const char *reason)
{
	panic_execute(p, PANIC_HARD, reason);
}

/*
 * A clean shutdown: wipes, and kills nothing.  A signal handler may call it,
 * too.
 */
void
panic_stop(struct panic *p, const char *reason)
{
	panic_execute(p, PANIC_STOPPED, reason);
}

/* Executes the pending panic if its deadline has come. */
void
panic_tick(struct panic *p, int64_t now)
{
	if (!p->over && p->pending && now >= p->due)
		panic_execute(p, PANIC_EXECUTED, p->reason);
}

/* Returns when panic_tick() must be called next, or PANIC_NEVER. */
int64_t
panic_deadline(const struct panic *p)
{
	return (!p->over && p->pending ? p->due : PANIC_NEVER);
}
