/* SPDX-License-Identifier: ISC */
/* Clients that ask for events, and whether what they are told can be. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"

void
watch_act(struct conn *c, const struct act *a)
{
	conn_open(c, l.ctl, a->other);
	if (c->fd == -1)
		return;
	(void)conn_op(c, K_EVENTS);
	conn_line(c, "EVENTS");
}

/* The value of " key=" in line, and its length; NULL if there is none. */
static const char *
watch_word(const char *line, const char *key, size_t *len)
{
	const char *at = strstr(line, key);

	if (at == NULL)
		return (NULL);
	at += strlen(key);
	*len = strcspn(at, " ");
	return (at);
}

/* Returns whether one of these operations on this name was begun. */
static bool
watch_begun(enum kind kind, int name)
{
	const struct op *op;

	for (op = l.ops; op < l.ops + l.nops; op++) {
		if (op->kind == kind && (name == -1 || op->name == name))
			return (true);
	}
	return (false);
}

/* Returns whether anything can have made a panic pending. */
static bool
watch_pending(void)
{
	const struct trigger *t;

	for (t = l.triggers; t < l.triggers + l.ntriggers; t++) {
		if (!t->void_ && t->class == GRACEFUL)
			return (l.setup.grace > 0 && l.arm_lo != NEVER);
	}
	return (false);
}

static bool
watch_tether(const char *line, const char *kind)
{
	const struct peer *p;
	const char	  *name;
	size_t		   len;
	int		   t;

	name = watch_word(line, " tether=", &len);
	if (name == NULL || (t = heart_tether(name, len)) == -1)
		return (false);
	if (strcmp(kind, "released") == 0)
		return (watch_begun(K_RELEASE, t));
	for (p = l.peers; p < l.peers + l.npeers; p++) {
		if (p->tether == t &&
		    (strcmp(kind, "guarded") == 0 || p->gone != NEVER ||
			p->ends || p->miss != -1))
			return (true);
	}
	return (false);
}

static bool
watch_secret(const char *line, const char *kind)
{
	const char *name;
	size_t	    len;

	name = watch_word(line, " name=n", &len);
	return (name != NULL && len == 1 &&
	    watch_begun(strcmp(kind, "got") == 0 ? K_GET : K_PUT,
		name[0] - '0'));
}

static bool
watch_is(const char *kind, const char *a, const char *b, const char *c)
{
	return (strcmp(kind, a) == 0 || strcmp(kind, b) == 0 ||
	    strcmp(kind, c) == 0);
}

/* Returns whether the event can be, by what was done so far. */
static bool
watch_possible(const char *line)
{
	char kind[16] = "";

	if (sscanf(line, "EVENT %15s", kind) != 1)
		return (false);
	if (watch_is(kind, "guarded", "lost", "released"))
		return (watch_tether(line, kind));
	if (watch_is(kind, "put", "got", "gone"))
		return (watch_secret(line, kind));
	if (strcmp(kind, "pending") == 0)
		return (watch_pending());
	if (strcmp(kind, "cancelled") == 0)
		return (watch_begun(K_CANCEL, -1) || watch_begun(K_HELLO, -1) ||
		    watch_begun(K_HOLD, -1));
	if (strcmp(kind, "armed") == 0)
		return (watch_begun(K_ARM, -1));
	return (strcmp(kind, "bye") == 0);
}

void
watch_line(struct conn *c, char *line)
{
	struct op *op = c->queued > 0 ? &l.ops[c->queue[0]] : NULL;

	note("%s reads %s", c->name, line);
	if (control_busy(c, line))
		return;
	if (op != NULL && strncmp(line, "EVENT STATUS ", 13) == 0) {
		op->resp = now();
		model_answered(op);
		control_status(op, line + 6);
		conn_done(c);
	} else if (!watch_possible(line)) {
		broken("%s is told: %s", c->name, line);
	}
}
