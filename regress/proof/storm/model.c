/* SPDX-License-Identifier: ISC */
/*
 * The model knows whether a panic may be pending, must be pending, and must
 * have ended the daemon.  Of each operation it knows only that it took effect
 * between its beginning and its answer, or after its beginning if there is no
 * answer.  What it calls broken is impossible in every order in which the two
 * processes can have run.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "storm.h"

/*
 * Notes a trigger that began at inv; unless ack is NEVER, it was under way by
 * then.
 */
int
model_trigger(const char *reason, enum class class, usec inv, usec ack)
{
	struct trigger *t;

	if (l.ntriggers == TRIGGERS)
		broken("too many triggers for the model");
	t = &l.triggers[l.ntriggers];
	memset(t, 0, sizeof(*t));
	t->reason = reason;
	t->tether = t->kid = -1;
	t->class = class;
	t->inv = inv;
	t->ack = ack;
	t->seen = NEVER;
	return (l.ntriggers++);
}

/*
 * A connection ended without a cause.  That is broken unless the daemon ends.
 */
void
model_odd(const char *fmt, ...)
{
	va_list ap;

	if (l.odd != NEVER)
		return;
	l.odd = now();
	va_start(ap, fmt);
	(void)vsnprintf(l.why_odd, sizeof(l.why_odd), fmt, ap);
	va_end(ap);
	note("odd: %s", l.why_odd);
}

/* The vault has answered op, so it lives. */
void
model_answered(const struct op *op)
{
	if (op->inv > l.odd)
		broken("%s, and the daemon lives: %s is answered", l.why_odd,
		    kind_names[op->kind]);
}

/* When a message that was under way at ack has arrived for sure. */
usec
model_arrived(usec ack, bool network)
{
	usec t = ack;

	if (ack == NEVER || l.vault_stopped || (network && l.network_stopped))
		return (NEVER);
	if (l.vault_cont > t)
		t = l.vault_cont;
	if (network && l.network_cont > t)
		t = l.network_cont;
	return (t + STALL);
}

/*
 * Returns whether op can end the panic that t began; NULL: one whose beginning
 * is not known.  What was lost must be held again, and an order ends by CANCEL.
 */
static bool
model_ends(const struct op *op, const struct trigger *t)
{
	if (op->void_)
		return (false);
	if (op->kind == K_CANCEL)
		return (t == NULL || t->tether == -1);
	return (op->kind == K_HOLD && (t == NULL || t->tether == op->name));
}

/*
 * The last time at which an operation that began before until can end the panic
 * that t began.
 */
static usec
model_last_end(usec until, const struct trigger *t)
{
	const struct op *op;
	usec		 last = 0, end;

	for (op = l.ops; op < l.ops + l.nops; op++) {
		if (op->inv >= until || !model_ends(op, t) ||
		    (op->kind != K_CANCEL && !guard_may_follow(op->of, until)))
			continue;
		end = op->resp != NEVER ? op->resp :
					  model_arrived(op->left, true);
		if (end > last)
			last = end;
	}
	return (last);
}

static void
model_fact(usec lo, usec hi, bool pending)
{
	if (l.nfacts == FACTS)
		broken("too many facts for the model");
	l.facts[l.nfacts++] = (struct fact){ lo, hi, pending };
}

/* Returns whether the panic that t may have begun has ended before inv. */
bool
model_over(const struct trigger *t, usec inv)
{
	usec sure = t->sight == AT_ONCE ? t->ack :
					  model_arrived(t->ack, t->network);
	int  i;

	if (t->seen < sure)
		sure = t->seen;
	for (i = 0; i < l.nfacts && sure != NEVER; i++) {
		if (!l.facts[i].pending && l.facts[i].lo > sure &&
		    l.facts[i].hi < inv)
			return (true);
	}
	return (false);
}

/*
 * Returns whether the vault had received t before a request that began at inv.
 */
static bool
model_heard(const struct trigger *t, usec inv)
{
	if (t->void_ || t->ack >= inv)
		return (false);
	return (t->sight == AT_ONCE || model_arrived(t->ack, t->network) < inv);
}

/*
 * The answer to op (DATA, GO, ...) means that no panic was pending or executed.
 */
void
model_not_pending(const struct op *op, const char *what)
{
	const usec	      cancel = model_last_end(op->resp, NULL);
	const struct trigger *t;
	int		      i;

	for (i = 0; i < l.nfacts; i++) {
		if (l.facts[i].pending && l.facts[i].hi < op->inv &&
		    l.facts[i].lo > cancel)
			broken("%s %s, but a panic was pending before, and "
			       "nothing has cancelled it",
			    kind_names[op->kind], what);
	}
	for (t = l.triggers; t < l.triggers + l.ntriggers; t++) {
		if (model_heard(t, op->inv) &&
		    (t->class != GRACEFUL ||
			t->inv > model_last_end(op->resp, t)))
			broken("%s %s, after: %s", kind_names[op->kind], what,
			    t->reason);
	}
	model_fact(op->inv, op->resp, false);
}

/*
 * The answer to op says that a panic was pending.  If only one trigger can have
 * begun it, it has taken effect.
 */
static void
model_pending_possible(const struct op *op)
{
	struct trigger *t, *only = NULL;
	int		n = 0;

	if (!l.setup.armed || l.setup.grace == 0)
		broken("%s: a panic is pending, without arming or grace",
		    kind_names[op->kind]);
	for (t = l.triggers; t < l.triggers + l.ntriggers; t++) {
		if (!t->void_ && t->class == GRACEFUL && t->inv < op->resp &&
		    !model_over(t, op->inv)) {
			only = t;
			n++;
		}
	}
	if (n == 0)
		broken("%s: a panic is pending, and nothing has triggered",
		    kind_names[op->kind]);
	if (n == 1 && op->resp < only->seen)
		only->seen = op->resp;
}

/*
 * The answer to op says that no tether was lost.  Before GET and CANCEL the
 * vault looks at every holder; before CANCEL it may still wait for a QUIT of a
 * heartbeat that hung up.
 */
void
model_held(const struct op *op, const char *what)
{
	const struct trigger *t;
	bool		      looks;

	for (t = l.triggers; t < l.triggers + l.ntriggers; t++) {
		looks = t->sight == UNGUARDED && !t->void_ &&
		    t->ack < op->inv &&
		    (op->kind == K_GET ||
			(op->kind == K_CANCEL && t->tether != 0));
		if (t->tether != -1 && (looks || model_heard(t, op->inv)) &&
		    t->inv > model_last_end(op->resp, t))
			broken("%s %s, after: %s", kind_names[op->kind], what,
			    t->reason);
	}
}

/* The answer to op, a CANCEL, says that this tether is lost. */
void
model_lost(const struct op *op, int tether)
{
	const struct trigger *t;

	for (t = l.triggers; t < l.triggers + l.ntriggers; t++) {
		if (t->tether == tether && !t->void_ && t->inv < op->resp) {
			model_pending(op, -1);
			return;
		}
	}
	broken("CANCEL: %s is lost, and it was not", tether_names[tether]);
}

/* CANCELLED: a panic was pending and no longer is. */
void
model_cancelled(const struct op *op)
{
	model_pending_possible(op);
	model_held(op, "is CANCELLED");
	model_fact(op->inv, op->resp, false);
}

/* The same, with the time that is left by STATUS, or -1. */
void
model_pending(const struct op *op, usec left)
{
	const usec cancel = model_last_end(op->resp, NULL);
	const usec due_lo = op->inv + left - TICK;
	const usec due_hi = op->resp + left + TICK;
	usec	   first = NEVER;
	int	   i;

	model_pending_possible(op);
	for (i = 0; i < l.ntriggers; i++) {
		if (!l.triggers[i].void_ && l.triggers[i].inv < first)
			first = l.triggers[i].inv;
	}
	if (left != -1 && due_hi < first + l.setup.grace)
		broken("STATUS: the panic is due too early");
	/* 0: it is due, and has been for as long as a turn may take. */
	for (i = 0; i < l.nfacts && left > 0; i++) {
		if (l.facts[i].pending && l.facts[i].lo > cancel &&
		    due_lo > l.facts[i].hi + l.setup.grace + TICK)
			broken("STATUS: the panic was postponed by %.1f ms",
			    (double)(due_lo - l.facts[i].hi - l.setup.grace) /
				MS);
	}
	model_fact(op->inv, op->resp, true);
	control_cut(op->inv);
}

/* Notes the PING deadlines that may have passed at t, and those that have. */
void
model_time(usec t)
{
	struct trigger *miss;
	struct peer    *p;

	if (l.setup.timeout == 0)
		return;
	for (p = l.peers; p < l.peers + l.npeers; p++) {
		if (p->refused != NEVER || guard_miss(p) > t)
			continue;
		if (p->gone != NEVER && guard_miss(p) > p->gone + STALL &&
		    l.vault_cont == 0 && !l.vault_stopped)
			continue;
		if (p->miss == -1)
			p->miss = model_trigger(guard_reason(p->tether, true),
			    GRACEFUL, guard_miss(p), NEVER);
		miss = &l.triggers[p->miss];
		miss->tether = p->tether;
		if (p->welcome == NEVER || p->gone != NEVER || p->pings > 0 ||
		    p->ends || !guard_is_last(p) || miss->ack != NEVER ||
		    p->resp + l.setup.timeout + TICK > t)
			continue;
		/* Of a tether, another holder may have left only now. */
		miss->ack = p->tether != 0 ? t :
					     p->resp + l.setup.timeout + TICK;
		miss->sight = UNGUARDED;
	}
}

/* When the daemon must have ended, by all that is known at t, or NEVER. */
usec
model_bound(usec t)
{
	const usec cancel = model_last_end(t, NULL);
	usec	   bound = NEVER, at;
	int	   i;

	for (i = 0; i < l.ntriggers; i++) {
		const struct trigger *tr = &l.triggers[i];

		if (tr->void_ ||
		    (tr->class == GRACEFUL && tr->inv <= model_last_end(t, tr)))
			continue;
		at = model_arrived(tr->ack, tr->network);
		if (tr->class == KILL)
			at = tr->ack;
		if (at != NEVER && at < bound)
			bound = at;
	}
	for (i = 0; i < l.nfacts; i++) {
		if (!l.facts[i].pending || l.facts[i].lo <= cancel)
			continue;
		at = model_arrived(l.facts[i].hi, false);
		if (at < bound)
			bound = at;
	}
	return (bound == NEVER ? NEVER : bound + l.setup.grace + SLOW);
}
