/* SPDX-License-Identifier: ISC */
#include <string.h>

#include "secrets.h"

/* NOLINTNEXTLINE(bugprone-macro-parentheses): s is a variable */
#define EACH_SECRET(ss, s) for (s = (ss)->all; s < (ss)->all + (ss)->n; s++)

/* A new secret with room for so many bytes; the caller keeps to SECRETS_MAX. */
struct secret *
secrets_begin(struct secrets *ss, const char *name, size_t room)
{
	struct secret *s = &ss->all[ss->n++];

	*s = (struct secret){ .id = ++ss->last_id,
		.state = FILLING,
		.room = room,
		.due = SECRETS_NEVER };
	memcpy(s->name, name, strlen(name) + 1);
	return (s);
}

/* The secret that has this name and state, or NULL. */
struct secret *
secrets_named(struct secrets *ss, const char *name, enum secret_state state)
{
	struct secret *s;

	EACH_SECRET(ss, s)
	{
		if (s->state == state && strcmp(s->name, name) == 0)
			return (s);
	}
	return (NULL);
}

struct secret *
secrets_by_id(struct secrets *ss, uint64_t id)
{
	struct secret *s;

	EACH_SECRET(ss, s)
	{
		if (s->id == id)
			return (s);
	}
	return (NULL);
}

/* The first one with an id above after that LIST shows, or NULL. */
struct secret *
secrets_next(struct secrets *ss, uint64_t after)
{
	struct secret *s;

	EACH_SECRET(ss, s)
	{
		if (s->state == WHOLE && s->id > after)
			return (s);
	}
	return (NULL);
}

unsigned int
secrets_count(const struct secrets *ss, enum secret_state state)
{
	const struct secret *s;
	unsigned int	     n = 0;

	EACH_SECRET(ss, s)
	n += s->state == state;
	return (n);
}

/* When the first one expires. */
int64_t
secrets_due(const struct secrets *ss)
{
	const struct secret *s;
	int64_t		     due = SECRETS_NEVER;

	EACH_SECRET(ss, s)
	{
		if (s->state != GONE && s->due < due)
			due = s->due;
	}
	return (due);
}

void
secrets_expire(struct secrets *ss, int64_t now)
{
	struct secret *s;

	EACH_SECRET(ss, s)
	{
		if (s->due <= now)
			secret_end(s);
	}
}

/* s is whole, and ends the one that it replaces, but not for its readers. */
void
secrets_commit(struct secrets *ss, struct secret *s, uint32_t reads,
    int64_t due)
{
	struct secret *old = secrets_named(ss, s->name, WHOLE);

	if (s->len > 0 && old != NULL)
		old->state = old->readers > 0 ? SPENT : GONE;
	s->state = s->len > 0 ? WHOLE : GONE;
	s->room = 0; /* the rest is given back */
	s->reads = reads;
	s->due = due;
}

/* Ends every secret. */
void
secrets_end(struct secrets *ss)
{
	struct secret *s;

	EACH_SECRET(ss, s)
	secret_end(s);
}

void
secret_take(struct secret *s)
{
	s->readers++;
	if (s->reads > 0 && --s->reads == 0)
		s->state = SPENT;
}

void
secret_release(struct secret *s)
{
	if (s->readers > 0 && --s->readers == 0 && s->state == SPENT)
		s->state = GONE;
}

void
secret_end(struct secret *s)
{
	s->state = GONE;
	s->readers = 0;
}
