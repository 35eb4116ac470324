/* SPDX-License-Identifier: ISC */
/* The transfers of the oracle: what becomes of each PUT and GET. */
#include <poll.h>

#include "model.h"

static void put_cut(struct transfer *);

/* Transfers of secrets that have ended are cut. */
void
model_transfer_cut_gone(void)
{
	struct transfer *t;

	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++) {
		if (t->c == NULL || t->s->state != GONE)
			continue;
		if (t->put)
			put_cut(t);
		else
			t->must_end = true;
	}
}

void
model_transfer_expire(int64_t now)
{
	secrets_expire(&m.secrets, now);
	model_transfer_cut_gone();
}

struct transfer *
model_transfer_slot(void)
{
	struct transfer *t;

	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++) {
		if (t->c == NULL)
			return (t);
	}
	return (NULL);
}

unsigned int
model_transfer_count(void)
{
	const struct transfer *t;
	unsigned int	       n = 0;

	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++)
		n += t->c != NULL;
	return (n);
}

static void
release(struct transfer *t)
{
	if (!t->put)
		secret_release(t->s);
	t->c = NULL;
}

static void
put_cut(struct transfer *t)
{
	secret_end(t->s);
	t->c->done = t->c->nsent;
	t->c->cut = true;
	(void)model_want(IMSG_ANSWER, t->peerid, IMSG_ANSWER_CUT);
	release(t);
}

/*
 * GO has room when the client has read all before it; nothing is taken sooner.
 */
static void
put_say(struct transfer *t, int64_t now)
{
	if (t->c->fd != -1 && t->c->got + 3 == t->c->nwanted) {
		t->mute = false;
		t->soonest = t->latest = now + TRANSFER_MS;
	} else if (t->c->fd == -1 || now >= t->latest) {
		put_cut(t);
	}
}

/* A PUT that has all its bytes, or will never have them. */
static void
put_settle(struct transfer *t, int64_t now)
{
	const size_t sent = t->c->nsent - t->c->done;

	if (t->mute)
		put_say(t, now);
	if (t->c == NULL || t->mute)
		return;
	if (sent > t->seen) {
		t->seen = sent;
		t->soonest = t->latest = now + TRANSFER_MS;
	}
	if (sent >= t->s->len) {
		t->c->done += t->s->len;
		secrets_commit(&m.secrets, t->s, t->reads,
		    t->ttl != 0 ? now + t->ttl : SECRETS_NEVER);
		(void)model_want(IMSG_ANSWER, t->peerid, IMSG_ANSWER_OK);
		release(t);
	} else if (t->c->ended || t->c->cut || now >= t->latest) {
		put_cut(t);
	}
}

/* The vault moves what it can before it looks at the clock. */
static bool
moves(struct transfer *t, int64_t now)
{
	struct pollfd pfd = { t->c->theirs, POLLOUT, 0 };

	if (poll(&pfd, 1, 0) != 1)
		return (false);
	t->latest = now + TRANSFER_MS;
	return (true);
}

void
model_transfer_settle(int64_t now)
{
	struct transfer *t;

	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++) {
		if (t->c == NULL || m.c.end != RUNS)
			continue;
		if (t->put)
			put_settle(t, now);
		else if (!controller_gives(&m.c) || t->c->fd == -1 ||
		    (now >= t->latest && !moves(t, now)))
			t->must_end = true;
	}
}

/* The end of a GET; how far it has come is not known. */
bool
model_transfer_ended(const struct imsg *im)
{
	struct transfer *t;

	if (im->type != IMSG_ANSWER)
		return (false);
	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++) {
		if (t->c == NULL || t->put || t->peerid != im->peerid)
			continue;
		if (im->u.number.n == IMSG_ANSWER_CUT) {
			CHECK(t->must_end || fuzz_ms >= t->soonest,
			    "a GET is cut");
			t->c->cut = true;
		} else {
			CHECK(im->u.number.n == IMSG_ANSWER_SENT,
			    "a GET ends with %u", im->u.number.n);
		}
		release(t);
		return (true);
	}
	return (false);
}

/* Returns whether c has a transfer. */
bool
model_busy(const struct client *c)
{
	const struct transfer *t;

	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++) {
		if (t->c == c)
			return (true);
	}
	return (false);
}

void
model_client_read(struct client *c)
{
	struct transfer *t;

	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++) {
		if (t->c == c && !t->put)
			t->latest = fuzz_ms + TRANSFER_MS;
	}
}
