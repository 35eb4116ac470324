/* SPDX-License-Identifier: ISC */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

#define NEVER	    INT64_MAX
#define HANGUP_MS   100
#define TRANSFER_MS 5000
#define TTL_MAX	    1000000000000LL

struct model m;

/*
 * The panic controller.
 */

static void
end(enum model_end how)
{
	if (m.over == RUNS)
		m.over = how;
}

void
model_hard(void)
{
	end(HARD);
}

static void
panic_due(int64_t now)
{
	if (m.pending && now >= m.due)
		end(EXECUTED);
}

static void
trigger(int64_t now)
{
	panic_due(now);
	if (m.over != RUNS || m.pending)
		return;
	if (!m.armed || m.grace == 0) {
		end(EXECUTED);
		return;
	}
	m.pending = true;
	m.ordered = false;
	m.due = now + m.grace;
}

/* Somebody has asked for a panic: only CANCEL ends it. */
static void
order(int64_t now)
{
	trigger(now);
	m.ordered = true;
}

/* The heartbeat is lost. */
static void
gone(int64_t now)
{
	if (!m.guarded)
		return;
	m.guarded = false;
	m.ping_due = NEVER;
	trigger(now);
}

static void
tick(int64_t now)
{
	panic_due(now);
	if (now >= m.ping_due)
		gone(now);
}

static bool
gives(void)
{
	return (
	    m.over == RUNS && m.guarded && !m.pending && m.hangup_due == NEVER);
}

/*
 * What the vault says.
 */

static struct imsg *
want(uint32_t type, uint32_t peerid, uint32_t number)
{
	static struct imsg none;
	struct imsg	  *im;

	if (m.over != RUNS)
		return (&none);
	if (m.deaf) {
		end(HARD);
		return (&none);
	}
	CHECK(m.nwants < MODEL_WANTS, "the vault is asked too much");
	im = &m.wants[m.nwants++];
	*im = (struct imsg){ .type = type, .peerid = peerid };
	im->u.number.n = number;
	return (im);
}

static void
answer(const struct message *msg, enum imsg_answer answer)
{
	(void)want(IMSG_ANSWER, msg->im.peerid, answer);
}

static bool
same_state(const struct imsg_report *a, const struct imsg_report *b)
{
	return (a->grace == b->grace && a->left == b->left &&
	    a->since == b->since && a->size == b->size &&
	    a->heartbeat == b->heartbeat && a->secrets == b->secrets &&
	    a->registered == b->registered && a->armed == b->armed &&
	    a->guarded == b->guarded && a->pending == b->pending &&
	    a->room < a->size);
}

static bool
same(const struct imsg *is, const struct imsg *should)
{
	const struct imsg_entry *a = &is->u.entry, *b = &should->u.entry;

	if (is->type != should->type)
		return (false);
	switch (is->type) {
	case IMSG_ANSWER:
	case IMSG_PONG:
		return (is->u.number.n == should->u.number.n);
	case IMSG_REPORT:
		return (same_state(&is->u.report, &should->u.report));
	case IMSG_ENTRY:
		return (a->id == b->id && a->size == b->size &&
		    a->left == b->left && a->reads == b->reads &&
		    strcmp(a->name, b->name) == 0);
	}
	return (true);
}

/*
 * Secrets.
 */

static struct secret *
named(const char *name)
{
	struct secret *s;

	for (s = m.secrets; s < m.secrets + m.nsecrets; s++) {
		if ((s->state == FILLING || s->state == WHOLE) &&
		    strcmp(s->name, name) == 0)
			return (s);
	}
	return (NULL);
}

static unsigned int
whole(void)
{
	const struct secret *s;
	unsigned int	     n = 0;

	for (s = m.secrets; s < m.secrets + m.nsecrets; s++)
		n += s->state == WHOLE;
	return (n);
}

/* It is gone, and who is reading it is cut off. */
static void
forget(struct secret *s)
{
	struct transfer *t;

	s->state = GONE;
	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++) {
		if (t->c != NULL && t->s == s)
			t->must_end = true;
	}
}

static void
expire(int64_t now)
{
	struct secret *s;

	for (s = m.secrets; s < m.secrets + m.nsecrets; s++) {
		if (s->state != GONE && s->due <= now)
			forget(s);
	}
}

/*
 * Transfers.
 */

static struct transfer *
slot(void)
{
	struct transfer *t;

	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++) {
		if (t->c == NULL)
			return (t);
	}
	return (NULL);
}

static unsigned int
moving(void)
{
	const struct transfer *t;
	unsigned int	       n = 0;

	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++)
		n += t->c != NULL;
	return (n);
}

static bool
has_fd(void)
{
	return (m.npids + 2 * moving() < m.spare_fds);
}

static void
release(struct transfer *t)
{
	if (!t->put && t->s->state != GONE && --t->s->readers == 0 &&
	    t->s->state == SPENT)
		t->s->state = GONE;
	t->c = NULL;
}

static void
put_cut(struct transfer *t)
{
	t->s->state = GONE;
	t->c->done = t->c->nsent;
	t->c->cut = true;
	(void)want(IMSG_ANSWER, t->peerid, IMSG_ANSWER_CUT);
	release(t);
}

/* GO finds its room when all before it has been read; nothing is taken until
 * then. */
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

/* A PUT that has all its bytes, or never will. */
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
		t->s->state = WHOLE;
		t->s->reads = t->reads;
		t->s->due = t->ttl != 0 ? now + t->ttl : NEVER;
		(void)want(IMSG_ANSWER, t->peerid, IMSG_ANSWER_OK);
		release(t);
	} else if (t->c->ended || now >= t->latest) {
		put_cut(t);
	}
}

/* What can be moved is moved before the vault looks at the clock. */
static bool
moves(struct transfer *t, int64_t now)
{
	struct pollfd pfd = { t->c->theirs, POLLOUT, 0 };

	if (poll(&pfd, 1, 0) != 1)
		return (false);
	t->latest = now + TRANSFER_MS;
	return (true);
}

static void
settle(int64_t now)
{
	struct transfer *t;

	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++) {
		if (t->c == NULL || m.over != RUNS)
			continue;
		if (t->put)
			put_settle(t, now);
		else if (!gives() || t->c->fd == -1 ||
		    (now >= t->latest && !moves(t, now)))
			t->must_end = true;
	}
}

/* The end of a GET, of which the model does not know how far it is. */
static bool
get_ended(const struct imsg *im)
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

/* Whether bytes of a secret are under way to or from c. */
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

/* im came from the vault. */
void
model_got(const struct imsg *im)
{
	size_t i;

	for (i = 0; i < m.nwants && m.wants[i].peerid != im->peerid; i++)
		;
	if (i == m.nwants || !same(im, &m.wants[i])) {
		CHECK(get_ended(im), "%s %u for %u%s%s",
		    imsg_type_name(im->type), im->u.number.n, im->peerid,
		    i == m.nwants ? "" : ", and not ",
		    i == m.nwants ? "" : imsg_type_name(m.wants[i].type));
		return;
	}
	memmove(&m.wants[i], &m.wants[i + 1],
	    (--m.nwants - i) * sizeof(m.wants[0]));
}

/* When the vault has nothing to do. */
void
model_check(void)
{
	const struct transfer *t;

	CHECK(m.over == RUNS, "the vault lives on, %d", m.over);
	CHECK(m.nwants == 0, "%s for %u does not come",
	    imsg_type_name(m.wants[0].type), m.wants[0].peerid);
	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++)
		CHECK(t->c == NULL || !t->must_end, "a transfer goes on");
}

/*
 * Requests.
 */

static bool
name_ok(const char *name)
{
	const size_t len = strnlen(name, IMSG_NAME_BYTES);

	return (len > 0 && len < IMSG_NAME_BYTES && name[0] != '.' &&
	    name[0] != '-' &&
	    strspn(name,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ._-0123456789") == len);
}

static void
do_status(const struct message *msg, int64_t now)
{
	struct imsg_report s = { .grace = m.grace,
		.left = m.pending ? m.due - now : 0,
		.since = m.guarded ? m.since : 0,
		.size = m.size,
		.heartbeat = m.guarded ? (uint32_t)m.heart->pid : 0,
		.secrets = whole(),
		.registered = m.npids,
		.armed = m.armed,
		.guarded = m.guarded,
		.pending = m.pending };

	want(IMSG_REPORT, msg->im.peerid, 0)->u.report = s;
}

static void
do_list(const struct message *msg, int64_t now)
{
	struct imsg_entry   *e;
	const struct secret *s;

	for (s = m.secrets; s < m.secrets + m.nsecrets; s++) {
		if (s->state != WHOLE || s->id <= msg->im.u.list.after)
			continue;
		e = &want(IMSG_ENTRY, msg->im.peerid, 0)->u.entry;
		e->id = s->id;
		e->size = s->len;
		e->left = s->due == NEVER ? -1 : s->due - now;
		e->reads = s->reads;
		memcpy(e->name, s->name, sizeof(e->name));
		return;
	}
	answer(msg, IMSG_ANSWER_OK);
}

static unsigned int
pid_at(int32_t pid)
{
	unsigned int i;

	for (i = 0; i < m.npids && m.pids[i] != pid; i++)
		;
	return (i);
}

/* Fates of processes, by their pids. */
bool
model_pid_opens(int32_t pid)
{
	return (pid % 8 != 5);
}

bool
model_pid_ours(int32_t pid)
{
	return (pid % 8 != 3);
}

bool
model_pid_owned(int32_t pid)
{
	return (pid % 8 != 2 && pid % 8 != 4);
}

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
	const bool	 full = !has_fd() || m.npids == MODEL_PIDS;
	enum imsg_answer how = IMSG_ANSWER_OK;

	if (pid <= 1 || pid == SELF || pid == NETWORK ||
	    (!there && !full && !ours))
		how = IMSG_ANSWER_INVALID_PID;
	else if (!there && full)
		how = IMSG_ANSWER_BUSY;
	if (how == IMSG_ANSWER_OK && !there)
		m.pids[m.npids++] = pid;
	answer(msg, how);
}

static void
do_unregister(const struct message *msg)
{
	const unsigned int i = pid_at((int32_t)msg->im.u.number.n);

	if (i == m.npids) {
		answer(msg, IMSG_ANSWER_INVALID_PID);
		return;
	}
	m.pids[i] = m.pids[--m.npids];
	answer(msg, IMSG_ANSWER_OK);
}

static void
do_put(const struct message *msg, int64_t now)
{
	const struct imsg_put *put = &msg->im.u.put;
	struct secret	      *s = &m.secrets[m.nsecrets];
	struct transfer	      *t = slot();
	struct client	      *c = msg->c;

	if (m.pending) {
		answer(msg, IMSG_ANSWER_PENDING);
	} else if (!has_fd() || t == NULL) {
		answer(msg, IMSG_ANSWER_BUSY);
	} else if (put->size > m.most) {
		answer(msg, IMSG_ANSWER_TOO_LARGE);
	} else if (named(put->name) != NULL) {
		answer(msg, IMSG_ANSWER_EXISTS);
	} else if (put->size > msg->room) {
		answer(msg, IMSG_ANSWER_FULL);
	} else if (c->fd == -1 || c->cut) { /* nobody to say GO to */
		m.last_id++;
		c->cut = true;
		answer(msg, IMSG_ANSWER_CUT);
	} else {
		CHECK(m.nsecrets < MODEL_SECRETS, "too many secrets");
		m.nsecrets++;
		*s = (struct secret){ .id = ++m.last_id,
			.state = FILLING,
			.value = model_value(c),
			.len = put->size,
			.due = NEVER };
		memcpy(s->name, put->name, sizeof(s->name));
		*t = (struct transfer){ .c = c,
			.s = s,
			.put = true,
			.mute = msg->mute,
			.peerid = msg->im.peerid,
			.ttl = put->ttl,
			.reads = put->reads,
			.soonest = now + TRANSFER_MS,
			.latest = now + TRANSFER_MS };
		memcpy(c->wanted + c->nwanted, "GO\n", 3);
		c->nwanted += 3;
	}
}

/* s was taken by the client of msg. */
static void
hand_out(const struct message *msg, struct secret *s, int64_t now)
{
	struct client *c = msg->c;

	if (c->fd == -1 || c->cut) {
		c->cut = true;
		answer(msg, IMSG_ANSWER_CUT);
		return;
	}
	c->nwanted += (size_t)sprintf(c->wanted + c->nwanted, "DATA %zu\n",
	    s->len);
	memcpy(c->wanted + c->nwanted, s->value, s->len);
	c->nwanted += s->len;
	s->readers++;
	*slot() = (struct transfer){ .c = c,
		.s = s,
		.peerid = msg->im.peerid,
		.soonest = now + TRANSFER_MS,
		.latest = now + TRANSFER_MS };
}

static void
do_get(const struct message *msg, int64_t now)
{
	struct secret *s = named(msg->im.u.secret.name);

	tick(now);
	if (m.over != RUNS)
		return;
	if (m.pending) {
		answer(msg, IMSG_ANSWER_PENDING);
	} else if (!gives()) {
		answer(msg, IMSG_ANSWER_UNGUARDED);
	} else if (!has_fd() || slot() == NULL) {
		answer(msg, IMSG_ANSWER_BUSY);
	} else if (s == NULL || s->state != WHOLE) {
		answer(msg, IMSG_ANSWER_NO_SUCH_SECRET);
	} else {
		if (s->reads > 0 && --s->reads == 0)
			s->state = SPENT;
		hand_out(msg, s, now);
		if (s->state == SPENT && s->readers == 0)
			s->state = GONE;
	}
}

static void
do_del(const struct message *msg)
{
	struct secret *s = named(msg->im.u.secret.name);

	if (s == NULL || s->state != WHOLE) {
		answer(msg, IMSG_ANSWER_NO_SUCH_SECRET);
		return;
	}
	forget(s);
	answer(msg, IMSG_ANSWER_OK);
}

static bool
known(const struct client *c, bool heartbeat)
{
	return (c->accepted && c->heartbeat == heartbeat && c->pid != SELF &&
	    c->pid != NETWORK && (c->uid == OWNER || c->uid == 0));
}

/*
 * With a client of the control socket; false if only a hostile network says so.
 */
static bool
do_client(const struct message *msg, int64_t now)
{
	const struct imsg_put *put = &msg->im.u.put;

	if (msg->im.type == IMSG_PUT &&
	    (!name_ok(put->name) || put->size == 0 || put->size >= INT64_MAX ||
		put->ttl < 0 || put->ttl > TTL_MAX))
		return (false);
	if ((msg->im.type == IMSG_GET || msg->im.type == IMSG_DEL) &&
	    !name_ok(msg->im.u.secret.name))
		return (false);
	if (!known(msg->c, false))
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

/*
 * The heartbeat.
 */

/* With a word unread, which nobody here reads, the vault waits for it. */
static void
see_hangup(int64_t now)
{
	if (m.held && m.heart->ended && m.hangup_due == NEVER)
		m.hangup_due = m.heart->nsent > 0 ? now + HANGUP_MS : now;
}

/* The vault gives the heartbeat up, and tells network. */
static void
drop(int64_t now)
{
	m.dropped = true;
	m.held = false;
	m.hangup_due = NEVER;
	gone(now);
	(void)want(IMSG_DROP, m.peerid, 0);
}

/* Who has left ends no panic. */
static bool
too_late(int64_t now)
{
	see_hangup(now);
	if (m.hangup_due == NEVER || !m.pending)
		return (false);
	drop(now);
	return (true);
}

static bool
do_hello(const struct message *msg, int64_t now)
{
	if (!known(msg->c, true))
		return (false);
	m.held = true;
	m.heart = msg->c;
	m.peerid = msg->im.peerid;
	if (too_late(now))
		return (true);
	tick(now);
	m.guarded = true;
	m.since = now / 1000;
	m.ping_due = m.timeout != 0 ? now + m.timeout : NEVER;
	if (m.over == RUNS && !m.ordered)
		m.pending = false;
	if (m.over == RUNS && !msg->mute && m.heart->fd != -1) {
		memcpy(m.heart->wanted + m.heart->nwanted, "WELCOME\n", 8);
		m.heart->nwanted += 8;
	}
	(void)want(IMSG_WELCOME, m.peerid, 0);
	return (true);
}

static void
do_cancel(int64_t now)
{
	if (too_late(now))
		return;
	tick(now);
	if (m.over != RUNS || !m.guarded)
		return;
	(void)want(m.pending ? IMSG_CANCELLED : IMSG_NOTHING_PENDING, m.peerid,
	    0);
	m.pending = false;
}

static bool
do_peer(const struct message *msg, int64_t now)
{
	if (msg->im.peerid != m.peerid)
		return (false);
	switch (msg->im.type) {
	case IMSG_PING:
		tick(now);
		if (m.over != RUNS || !m.guarded)
			break;
		if (m.timeout != 0)
			m.ping_due = now + m.timeout;
		(void)want(IMSG_PONG, m.peerid, msg->im.u.number.n);
		break;
	case IMSG_CANCEL:
		do_cancel(now);
		break;
	case IMSG_QUIT:
		m.bye = m.over == RUNS;
		end(STOPPED);
		break;
	case IMSG_LOST:
		m.dropped = m.held = false;
		m.hangup_due = NEVER;
		gone(now);
		break;
	}
	return (true);
}

static bool
do_signal(int sig, int64_t now)
{
	switch (sig) {
	case 0:
		return (true);
	case SIGTERM:
	case SIGINT:
		end(STOPPED);
		return (true);
	case SIGHUP:
	case SIGUSR1:
		order(now);
		return (true);
	}
	end(HARD); /* SIGUSR2, SIGQUIT, or a lie */
	return (true);
}

/*
 * Messages.
 */

/* Whether such a message may come now; what is in it is another matter. */
static bool
may_come(const struct message *msg)
{
	const bool   guarded = m.started && (m.held || m.dropped);
	const bool   hello = m.started && !m.held && !m.dropped;
	size_t	     len = 0;
	unsigned int fds = 0;
	bool	     when = m.started;

	switch (msg->im.type) {
	case IMSG_SIGNAL:
		len = 4;
		when = true;
		break;
	case IMSG_HELLO:
		len = 4;
		fds = 1;
		when = hello;
		break;
	case IMSG_PING:
		len = 4;
		when = guarded;
		break;
	case IMSG_CANCEL:
	case IMSG_QUIT:
	case IMSG_LOST:
		when = guarded;
		break;
	case IMSG_STATUS:
	case IMSG_ARM:
		break;
	case IMSG_LIST:
		len = 8;
		break;
	case IMSG_PANIC:
		len = 4;
		break;
	case IMSG_REGISTER:
	case IMSG_UNREGISTER:
		len = 4;
		fds = 1;
		break;
	case IMSG_PUT:
		len = sizeof(struct imsg_put);
		fds = 1;
		break;
	case IMSG_GET:
	case IMSG_DEL:
		len = IMSG_NAME_BYTES;
		fds = 1;
		break;
	default:
		return (false);
	}
	return (when && msg->len == len && msg->fds == fds && msg->says == 0 &&
	    !msg->cut);
}

static bool
act(const struct message *msg, int64_t now)
{
	if (!may_come(msg))
		return (false);
	switch (msg->im.type) {
	case IMSG_SIGNAL:
		return (do_signal((int)msg->im.u.number.n, now));
	case IMSG_HELLO:
		return (do_hello(msg, now));
	case IMSG_PING:
	case IMSG_CANCEL:
	case IMSG_QUIT:
	case IMSG_LOST:
		return (do_peer(msg, now));
	case IMSG_STATUS:
		do_status(msg, now);
		return (true);
	case IMSG_ARM:
		answer(msg,
		    m.armed ? IMSG_ANSWER_ALREADY_ARMED : IMSG_ANSWER_OK);
		m.armed = true;
		return (true);
	case IMSG_LIST:
		do_list(msg, now);
		return (true);
	case IMSG_PANIC:
		if (msg->im.u.number.n != 0)
			end(HARD);
		else
			order(now);
		return (true);
	}
	return (do_client(msg, now));
}

/* Network is told when the vault gives the heartbeat up. */
static void
drop_lost(int64_t now)
{
	if (m.over == RUNS && m.held && !m.guarded)
		drop(now);
}

/* What time brings. */
static void
deadlines(int64_t now)
{
	const bool hung_up = now >= m.hangup_due;

	tick(now);
	if (m.over == RUNS && m.held && hung_up)
		drop(now);
	drop_lost(now);
}

/* One turn of the vault's: a signal of its own (0: none), and messages. */
void
model_turn(int sig, const struct message *msg, size_t n)
{
	const int64_t now = fuzz_ms;
	size_t	      i;

	see_hangup(now);
	if (sig != 0)
		(void)do_signal(sig, now);
	if (m.over == RUNS && m.sealed)
		end(HARD);
	if (m.over == RUNS)
		expire(now);
	for (i = 0; i < n && m.over == RUNS; i++) {
		if (!act(&msg[i], now))
			end(HARD);
		drop_lost(now);
	}
	deadlines(now);
	settle(now);
	see_hangup(now);
	deadlines(now);
	settle(now);
}
