/* SPDX-License-Identifier: ISC */
/* The requests of the oracle: what the vault answers, beside holders. */
#include <stdio.h>
#include <string.h>

#include "model.h"

#include "../../oracle/names.h"

#define NEVER	INT64_MAX
#define TTL_MAX 1000000000000LL

static void
do_status(const struct message *msg, int64_t now)
{
	const bool	   pending = m.c.window != NEVER;
	const bool	   guarded = controller_guarded(&m.c);
	struct imsg_report s = { .grace = m.c.grace,
		.left = pending ? m.c.window - now : 0,
		.since = guarded ? m.since : 0,
		.size = m.size,
		.heartbeat = m.c.holders[0].holds ?
		    (uint32_t)m.keepers[0].c->pid :
		    0,
		.secrets = secrets_count(&m.secrets, WHOLE),
		.registered = m.npids,
		.armed = m.c.armed,
		.guarded = guarded,
		.pending = pending,
		.tethers = controller_tethers(&m.c),
		.timeout = m.c.timeout,
		.first = m.c.first_due != NEVER && m.c.first_due > now ?
		    m.c.first_due - now :
		    0 };

	model_want(IMSG_REPORT, msg->im.peerid, 0)->u.report = s;
}

static void
do_list(const struct message *msg, int64_t now)
{
	const struct secret *s = secrets_next(&m.secrets, msg->im.u.list.after);
	struct imsg_entry   *e;

	if (s == NULL) {
		model_answer(msg, IMSG_ANSWER_OK);
		return;
	}
	e = &model_want(IMSG_ENTRY, msg->im.peerid, 0)->u.entry;
	e->id = s->id;
	e->size = s->len;
	e->left = s->due == NEVER ? -1 : s->due - now;
	e->reads = s->reads;
	memcpy(e->name, s->name, sizeof(e->name));
}

static void
do_tethers(const struct message *msg)
{
	const struct controller_holder *h;
	struct imsg_tether	       *t;
	uint64_t			i = msg->im.u.list.after;

	while (i < CONTROLLER_TETHERS && !m.c.lost[i] &&
	    controller_count(&m.c, (unsigned int)i) == 0)
		i++;
	if (i >= CONTROLLER_TETHERS) {
		model_answer(msg, IMSG_ANSWER_OK);
		return;
	}
	t = &model_want(IMSG_TETHER, msg->im.peerid, 0)->u.tether;
	t->index = (uint32_t)i + 1;
	t->holders = controller_count(&m.c, (unsigned int)i);
	t->lost = m.c.lost[i];
	memcpy(t->name, m.c.names[i], sizeof(t->name));
	for (h = m.c.holders; h < m.c.holders + CONTROLLER_HOLDERS; h++) {
		if (t->pid == 0 && h->holds && !h->hung_up && h->tether == i)
			t->pid = (uint32_t)m.keepers[h - m.c.holders].c->pid;
	}
}

static unsigned int
pid_at(int32_t pid)
{
	unsigned int i;

	for (i = 0; i < m.npids && m.pids[i] != pid; i++)
		;
	return (i);
}

/* What becomes of a process depends on its pid. */
STUB(bool, model_pid_opens, (int32_t pid), pid % 8 != 5)
STUB(bool, model_pid_ours, (int32_t pid), pid % 8 != 3)
STUB(bool, model_pid_owned, (int32_t pid), pid % 8 != 2 && pid % 8 != 4)

static void
do_register(const struct message *msg)
{
	const struct client *c = msg->c;
	const uint32_t	     n = msg->im.u.number.n;
	const int32_t	     pid = n == 0 ? c->pid : (int32_t)n;
	const bool	     itself = pid == c->pid && c->uid == OWNER;

	const bool there = pid_at(pid) < m.npids;
	const bool ours = model_pid_ours(pid) &&
	    (itself ||
		(model_pid_opens(pid) && (!m.root || model_pid_owned(pid))));
	const bool	 full = !model_has_fd() || m.npids == MODEL_PIDS;
	enum imsg_answer how = IMSG_ANSWER_OK;

	if (pid <= 1 || pid == SELF || pid == NETWORK ||
	    (!there && !full && !ours))
		how = IMSG_ANSWER_INVALID_PID;
	else if (!there && full)
		how = IMSG_ANSWER_BUSY;
	if (how == IMSG_ANSWER_OK && !there)
		m.pids[m.npids++] = pid;
	model_answer(msg, how);
}

static void
do_unregister(const struct message *msg)
{
	const unsigned int i = pid_at((int32_t)msg->im.u.number.n);

	if (i == m.npids) {
		model_answer(msg, IMSG_ANSWER_INVALID_PID);
		return;
	}
	m.pids[i] = m.pids[--m.npids];
	model_answer(msg, IMSG_ANSWER_OK);
}

static void
do_put(const struct message *msg, int64_t now)
{
	const struct imsg_put *put = &msg->im.u.put;
	struct secret	      *s;
	struct transfer	      *t = model_transfer_slot();
	struct client	      *c = msg->c;

	if (m.c.window != NEVER) {
		model_answer(msg, IMSG_ANSWER_PENDING);
	} else if (!model_has_fd() || t == NULL) {
		model_answer(msg, IMSG_ANSWER_BUSY);
	} else if (put->size > m.most) {
		model_answer(msg, IMSG_ANSWER_TOO_LARGE);
	} else if (secrets_named(&m.secrets, put->name, FILLING) != NULL ||
	    (put->replace == 0 &&
		secrets_named(&m.secrets, put->name, WHOLE) != NULL)) {
		model_answer(msg, IMSG_ANSWER_EXISTS);
	} else if (put->size > msg->room) {
		model_answer(msg, IMSG_ANSWER_FULL);
	} else if (c->fd == -1 || c->cut) { /* no client to send GO to */
		m.secrets.last_id++;
		c->cut = true;
		model_answer(msg, IMSG_ANSWER_CUT);
	} else {
		CHECK(m.secrets.n < SECRETS_MAX, "too many secrets");
		s = secrets_begin(&m.secrets, put->name, put->size);
		s->value = c->sent + c->done;
		s->len = put->size;
		*t = (struct transfer){ .c = c,
			.s = s,
			.put = true,
			.mute = msg->mute,
			.peerid = msg->im.peerid,
			.ttl = put->ttl,
			.reads = put->reads,
			.soonest = now + TRANSFER_MS,
			.latest = now + TRANSFER_MS };
		client_want(c, "GO\n");
	}
}

/* The client of msg has taken s. */
static void
hand_out(const struct message *msg, struct secret *s, int64_t now)
{
	struct client *c = msg->c;

	if (c->fd == -1 || c->cut) {
		c->cut = true;
		secret_release(s);
		model_answer(msg, IMSG_ANSWER_CUT);
		return;
	}
	client_want(c, "DATA %zu\n", s->len);
	memcpy(c->wanted + c->nwanted, s->value, s->len);
	c->nwanted += s->len;
	*model_transfer_slot() = (struct transfer){ .c = c,
		.s = s,
		.peerid = msg->im.peerid,
		.soonest = now + TRANSFER_MS,
		.latest = now + TRANSFER_MS };
}

static void
do_get(const struct message *msg, int64_t now)
{
	struct secret *s;

	model_may_give(now);
	s = secrets_named(&m.secrets, msg->im.u.secret.name, WHOLE);
	if (m.c.window != NEVER) {
		model_answer(msg, IMSG_ANSWER_PENDING);
	} else if (!controller_gives(&m.c)) {
		model_answer(msg, IMSG_ANSWER_UNGUARDED);
	} else if (!model_has_fd() || model_transfer_slot() == NULL) {
		model_answer(msg, IMSG_ANSWER_BUSY);
	} else if (s == NULL) {
		model_answer(msg, IMSG_ANSWER_NO_SUCH_SECRET);
	} else {
		secret_take(s);
		hand_out(msg, s, now);
	}
}

static void
do_del(const struct message *msg)
{
	const char    *name = msg->im.u.secret.name;
	struct secret *s = secrets_named(&m.secrets, name, WHOLE);

	if (strcmp(name, "*") == 0) {
		secrets_end(&m.secrets);
	} else if (s == NULL) {
		model_answer(msg, IMSG_ANSWER_NO_SUCH_SECRET);
		return;
	} else {
		secret_end(s);
	}
	model_transfer_cut_gone();
	model_answer(msg, IMSG_ANSWER_OK);
}

/* A request about secrets or processes; false if network is hostile. */
static bool
do_client(const struct message *msg, int64_t now)
{
	const struct imsg_put *put = &msg->im.u.put;

	if (msg->im.type == IMSG_PUT &&
	    (!names_secret_ok(put->name) || put->size == 0 ||
		put->size >= INT64_MAX || put->ttl < 0 || put->ttl > TTL_MAX ||
		put->replace > 1))
		return (false);
	if ((msg->im.type == IMSG_GET || msg->im.type == IMSG_DEL) &&
	    ((!names_secret_ok(msg->im.u.secret.name) &&
		 (msg->im.type == IMSG_GET ||
		     strcmp(msg->im.u.secret.name, "*") != 0)) ||
		msg->im.u.secret.cpu != 0))
		return (false);
	if (!model_knows(msg->c, false))
		return (false);
	switch (msg->im.type) {
	case IMSG_PUT:
		do_put(msg, now);
		break;
	case IMSG_GET:
		do_get(msg, now);
		break;
	case IMSG_DEL:
		do_del(msg);
		break;
	case IMSG_REGISTER:
		do_register(msg);
		break;
	case IMSG_UNREGISTER:
		do_unregister(msg);
		break;
	}
	return (true);
}

/* A request of a client of the control socket; false if network is hostile. */
bool
model_serve(const struct message *msg, int64_t now)
{
	switch (msg->im.type) {
	case IMSG_STATUS:
		do_status(msg, now);
		return (true);
	case IMSG_LIST:
		do_list(msg, now);
		return (true);
	case IMSG_TETHERS:
		do_tethers(msg);
		return (true);
	case IMSG_ARM:
		model_answer(msg,
		    m.c.armed ? IMSG_ANSWER_ALREADY_ARMED : IMSG_ANSWER_OK);
		m.c.armed = true;
		return (true);
	}
	return (do_client(msg, now));
}
