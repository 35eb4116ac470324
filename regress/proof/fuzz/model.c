/* SPDX-License-Identifier: ISC */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

#include "../../oracle/names.h"

#define NEVER	INT64_MAX
#define TTL_MAX 1000000000000LL

struct model m;

void
model_hard(void)
{
	controller_end(&m.c, HARD);
}

/* Messages of the vault. */

struct imsg *
model_want(uint32_t type, uint32_t peerid, uint32_t number)
{
	static struct imsg none;
	struct imsg	  *im;

	if (m.c.end != RUNS)
		return (&none);
	if (m.deaf) {
		model_hard();
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
	(void)model_want(IMSG_ANSWER, msg->im.peerid, answer);
}

static bool
same_state(const struct imsg_report *a, const struct imsg_report *b)
{
	return (a->grace == b->grace && a->left == b->left &&
	    a->since == b->since && a->size == b->size &&
	    a->heartbeat == b->heartbeat && a->secrets == b->secrets &&
	    a->registered == b->registered && a->armed == b->armed &&
	    a->guarded == b->guarded && a->pending == b->pending &&
	    a->tethers == b->tethers && a->timeout == b->timeout &&
	    a->first == b->first && a->room < a->size);
}

static bool
same(const struct imsg *is, const struct imsg *should)
{
	const struct imsg_entry	 *a = &is->u.entry, *b = &should->u.entry;
	const struct imsg_tether *t = &is->u.tether, *u = &should->u.tether;

	if (is->type != should->type)
		return (false);
	switch (is->type) {
	case IMSG_ANSWER:
	case IMSG_PONG:
	case IMSG_WELCOME:
	case IMSG_HOLDING:
		return (is->u.number.n == should->u.number.n);
	case IMSG_REPORT:
		return (same_state(&is->u.report, &should->u.report));
	case IMSG_STILL_LOST:
	case IMSG_TETHER:
		return (t->index == u->index && t->holders == u->holders &&
		    t->lost == u->lost && t->pid == u->pid &&
		    strcmp(t->name, u->name) == 0);
	case IMSG_ENTRY:
		return (a->id == b->id && a->size == b->size &&
		    a->left == b->left && a->reads == b->reads &&
		    strcmp(a->name, b->name) == 0);
	}
	return (true);
}

/* Descriptors of the holders but the heartbeat: two and those they watch. */
static unsigned int
holding(void)
{
	const struct keeper *k;
	unsigned int	     n = 0;

	for (k = m.keepers + 1; k < m.keepers + CONTROLLER_HOLDERS; k++)
		n += (k->c != NULL ? 2 : 0) + k->watched;
	return (n);
}

static bool
has_fd(void)
{
	return (holding() + m.npids + 2 * model_transfer_count() < m.spare_fds);
}

/*
 * Returns whether c is a holder's connection, on which network makes no
 * transfer.
 */
bool
model_keeps(const struct client *c)
{
	const struct keeper *k;

	for (k = m.keepers; k < m.keepers + CONTROLLER_HOLDERS; k++) {
		if (k->c == c)
			return (true);
	}
	return (false);
}

/* A message has come from the vault. */
void
model_got(const struct imsg *im)
{
	size_t i;

	for (i = 0; i < m.nwants && m.wants[i].peerid != im->peerid; i++)
		;
	if (i == m.nwants || !same(im, &m.wants[i])) {
		CHECK(model_transfer_ended(im), "%s %u for %u%s%s",
		    imsg_type_name(im->type), im->u.number.n, im->peerid,
		    i == m.nwants ? "" : ", and not ",
		    i == m.nwants ? "" : imsg_type_name(m.wants[i].type));
		return;
	}
	memmove(&m.wants[i], &m.wants[i + 1],
	    (--m.nwants - i) * sizeof(m.wants[0]));
}

/* Checks that nothing is left to be done. */
void
model_check(void)
{
	const struct transfer *t;

	CHECK(m.c.end == RUNS, "the vault lives on, %d", m.c.end);
	CHECK(m.nwants == 0, "%s for %u does not come",
	    imsg_type_name(m.wants[0].type), m.wants[0].peerid);
	for (t = m.transfers; t < m.transfers + MODEL_TRANSFERS; t++)
		CHECK(t->c == NULL || !t->must_end, "a transfer goes on");
}

/*
 * Requests.
 */

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
		answer(msg, IMSG_ANSWER_OK);
		return;
	}
	e = &model_want(IMSG_ENTRY, msg->im.peerid, 0)->u.entry;
	e->id = s->id;
	e->size = s->len;
	e->left = s->due == NEVER ? -1 : s->due - now;
	e->reads = s->reads;
	memcpy(e->name, s->name, sizeof(e->name));
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
	struct secret	      *s;
	struct transfer	      *t = model_transfer_slot();
	struct client	      *c = msg->c;

	if (m.c.window != NEVER) {
		answer(msg, IMSG_ANSWER_PENDING);
	} else if (!has_fd() || t == NULL) {
		answer(msg, IMSG_ANSWER_BUSY);
	} else if (put->size > m.most) {
		answer(msg, IMSG_ANSWER_TOO_LARGE);
	} else if (secrets_named(&m.secrets, put->name, FILLING) != NULL ||
	    (put->replace == 0 &&
		secrets_named(&m.secrets, put->name, WHOLE) != NULL)) {
		answer(msg, IMSG_ANSWER_EXISTS);
	} else if (put->size > msg->room) {
		answer(msg, IMSG_ANSWER_FULL);
	} else if (c->fd == -1 || c->cut) { /* no client to send GO to */
		m.secrets.last_id++;
		c->cut = true;
		answer(msg, IMSG_ANSWER_CUT);
	} else {
		CHECK(m.secrets.n < SECRETS_MAX, "too many secrets");
		s = secrets_begin(&m.secrets, put->name, put->size);
		s->value = model_value(c);
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
		memcpy(c->wanted + c->nwanted, "GO\n", 3);
		c->nwanted += 3;
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
		answer(msg, IMSG_ANSWER_CUT);
		return;
	}
	c->nwanted += (size_t)sprintf(c->wanted + c->nwanted, "DATA %zu\n",
	    s->len);
	memcpy(c->wanted + c->nwanted, s->value, s->len);
	c->nwanted += s->len;
	*model_transfer_slot() = (struct transfer){ .c = c,
		.s = s,
		.peerid = msg->im.peerid,
		.soonest = now + TRANSFER_MS,
		.latest = now + TRANSFER_MS };
}

static void look(int64_t);
static void drop_lost(void);

static void
do_get(const struct message *msg, int64_t now)
{
	struct secret *s;

	look(now);
	controller_tick(&m.c, now);
	drop_lost();
	s = secrets_named(&m.secrets, msg->im.u.secret.name, WHOLE);
	if (m.c.window != NEVER) {
		answer(msg, IMSG_ANSWER_PENDING);
	} else if (!controller_gives(&m.c)) {
		answer(msg, IMSG_ANSWER_UNGUARDED);
	} else if (!has_fd() || model_transfer_slot() == NULL) {
		answer(msg, IMSG_ANSWER_BUSY);
	} else if (s == NULL) {
		answer(msg, IMSG_ANSWER_NO_SUCH_SECRET);
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
		answer(msg, IMSG_ANSWER_NO_SUCH_SECRET);
		return;
	} else {
		secret_end(s);
	}
	model_transfer_cut_gone();
	answer(msg, IMSG_ANSWER_OK);
}

static bool
known(const struct client *c, bool heartbeat)
{
	return (c->accepted && c->heartbeat == heartbeat && c->pid != SELF &&
	    c->pid != NETWORK && (c->uid == OWNER || c->uid == 0));
}

/* A request of a client of the control socket; false if network is hostile. */
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
 * Holders.
 */

static struct keeper *
keeper_of(const struct controller_holder *h)
{
	return (&m.keepers[h - m.c.holders]);
}

/*
 * The kernel reports hangups and ends of processes; network reads no lines
 * here.
 */
static void
look(int64_t now)
{
	struct controller_holder *h;
	const struct keeper	 *k;

	for (h = m.c.holders; h < m.c.holders + CONTROLLER_HOLDERS; h++) {
		k = keeper_of(h);
		if (k->c != NULL &&
		    (k->c->ended || k->c->cut || k->gone ||
			(k->front && m.front_ended)))
			controller_ended(&m.c, h, now, k->c->nsent == 0);
	}
}

/* The vault closes what it has of h; the connection holds nothing any more. */
static void
forget(const struct controller_holder *h)
{
	struct keeper *k = keeper_of(h);

	if (k->c != NULL)
		k->c->cut = true;
	*k = (struct keeper){ 0 };
}

/* Gives up the connections of holders that are lost, and tells network. */
static void
drop_lost(void)
{
	struct controller_holder *h;

	for (h = m.c.holders; h < m.c.holders + CONTROLLER_HOLDERS; h++) {
		if (h->holds || keeper_of(h)->c == NULL)
			continue;
		forget(h);
		(void)model_want(IMSG_DROP, h->peerid, 0);
	}
}

/* The client of msg holds the tether; NULL: it is the heartbeat. */
static bool
take(const struct message *msg, const char *tether, int64_t now)
{
	const char *const word = tether == NULL ? "WELCOME\n" : "HOLDING\n";
	struct controller_holder *h;
	struct client		 *c = msg->c;
	const bool		  told = c->fd != -1 && !c->cut && !msg->mute;

	/* Network does not say HOLDING in the vault's place. */
	if (tether != NULL && !told && !c->ended && !c->cut)
		return (false);
	h = controller_hold(&m.c, tether, msg->im.peerid, now,
	    c->ended || c->cut);
	if (h == NULL)
		return (false);
	*keeper_of(h) = (struct keeper){ .c = c };
	if (tether == NULL && c->pid == FRONT)
		m.front = false;
	if (!h->holds || m.c.end != RUNS)
		return (true);
	m.since = now / 1000;
	if (told) {
		memcpy(c->wanted + c->nwanted, word, 8);
		c->nwanted += 8;
	}
	(void)model_want(tether == NULL ? IMSG_WELCOME : IMSG_HOLDING,
	    msg->im.peerid, told);
	look(now);
	return (true);
}

static bool
do_hold(const struct message *msg, int64_t now)
{
	const char *tether = msg->im.u.tether.name;

	if (!known(msg->c, false) || !names_tether_ok(tether) ||
	    strcmp(tether, "heartbeat") == 0 ||
	    controller_find(&m.c, msg->im.peerid) != NULL)
		return (false);
	if (!has_fd() || !take(msg, tether, now))
		answer(msg, IMSG_ANSWER_BUSY);
	return (true);
}

static bool
do_release(const struct message *msg, int64_t now)
{
	const char *tether = msg->im.u.tether.name;

	if (!known(msg->c, false) || !names_tether_ok(tether))
		return (false);
	answer(msg,
	    controller_release(&m.c, tether, now) ? IMSG_ANSWER_OK :
						    IMSG_ANSWER_NO_SUCH_TETHER);
	return (true);
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
		answer(msg, IMSG_ANSWER_OK);
		return;
	}
	t = &model_want(IMSG_TETHER, msg->im.peerid, 0)->u.tether;
	memset(t, 0, sizeof(*t));
	t->index = (uint32_t)i + 1;
	t->holders = controller_count(&m.c, (unsigned int)i);
	t->lost = m.c.lost[i];
	memcpy(t->name, m.c.names[i], sizeof(t->name));
	for (h = m.c.holders; h < m.c.holders + CONTROLLER_HOLDERS; h++) {
		if (t->pid == 0 && h->holds && !h->hung_up && h->tether == i)
			t->pid = (uint32_t)m.keepers[h - m.c.holders].c->pid;
	}
}

static void
do_watch(const struct message *msg, const struct controller_holder *h)
{
	struct keeper *k = keeper_of(h);
	const int32_t  pid = (int32_t)msg->im.u.number.n;

	if (m.front && pid == FRONT && h == m.c.holders && h->holds &&
	    !h->hung_up && k->watched < 4) {
		m.front = false;
		k->front = true;
	} else if (k->watched == 4 || pid <= 1 || !has_fd() ||
	    !model_pid_opens(pid) || !model_pid_ours(pid) ||
	    (m.root && !model_pid_owned(pid))) {
		answer(msg, IMSG_ANSWER_INVALID_PID);
		return;
	}
	k->watched++;
	answer(msg, IMSG_ANSWER_OK);
}

static void
do_cancel(struct controller_holder *h, int64_t now)
{
	struct imsg_tether *t;

	look(now);
	switch (controller_cancel(&m.c, h, now)) {
	case CANCELLED:
		(void)model_want(IMSG_CANCELLED, h->peerid, 0);
		break;
	case NOTHING_PENDING:
		(void)model_want(IMSG_NOTHING_PENDING, h->peerid, 0);
		break;
	case STILL_LOST:
		t = &model_want(IMSG_STILL_LOST, h->peerid, 0)->u.tether;
		memset(t, 0, sizeof(*t));
		memcpy(t->name, m.c.names[controller_first_lost(&m.c)],
		    sizeof(t->name));
		break;
	case TOO_LATE:
		break;
	}
}

/* A line of a holder, or its end; false if network is hostile. */
static bool
do_holder(const struct message *msg, int64_t now)
{
	struct controller_holder *h = controller_find(&m.c, msg->im.peerid);

	if (h == NULL)
		return (false);
	switch (msg->im.type) {
	case IMSG_PING:
		if (controller_ping(&m.c, h, now))
			(void)model_want(IMSG_PONG, h->peerid,
			    msg->im.u.number.n);
		break;
	case IMSG_CANCEL:
		do_cancel(h, now);
		break;
	case IMSG_WATCH:
		do_watch(msg, h);
		break;
	case IMSG_QUIT:
		if (h != m.c.holders)
			return (false);
		m.bye = m.c.end == RUNS;
		controller_end(&m.c, STOPPED);
		break;
	case IMSG_LOST:
		controller_left(&m.c, h, now);
		forget(h);
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
		controller_end(&m.c, STOPPED);
		return (true);
	case SIGHUP:
	case SIGUSR1:
		controller_order(&m.c, now);
		return (true);
	}
	model_hard(); /* SIGUSR2, SIGQUIT, or a signal that network never gets
		       */
	return (true);
}

/*
 * Messages.
 */

/* Returns whether the table allows such a message now. */
static bool
may_come(const struct message *msg)
{
	const struct imsg_rule
	    *rule = &imsg_rules[msg->im.type < IMSG_TYPES ? msg->im.type : 0];
	unsigned int phase = IMSG_UNGUARDED;

	if (!m.started)
		phase = IMSG_AT_START;
	else if (m.c.holders[0].known)
		phase = m.c.holders[0].holds ? IMSG_GUARDED : IMSG_DROPPED;
	return (rule->name != NULL && rule->from == IMSG_FROM_NETWORK &&
	    (rule->when & phase) != 0 && msg->len == rule->size &&
	    msg->fds == rule->fds && msg->says == 0 && !msg->cut &&
	    msg->im.type != IMSG_READY);
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
		return (known(msg->c, true) && take(msg, NULL, now));
	case IMSG_HOLD:
		return (do_hold(msg, now));
	case IMSG_RELEASE:
		return (do_release(msg, now));
	case IMSG_PING:
	case IMSG_CANCEL:
	case IMSG_WATCH:
	case IMSG_QUIT:
	case IMSG_LOST:
		return (do_holder(msg, now));
	case IMSG_TETHERS:
		do_tethers(msg);
		return (true);
	case IMSG_EVENTS:
		m.watched = m.watched || msg->im.u.number.n > 0;
		return (true);
	case IMSG_STATUS:
		do_status(msg, now);
		return (true);
	case IMSG_ARM:
		answer(msg,
		    m.c.armed ? IMSG_ANSWER_ALREADY_ARMED : IMSG_ANSWER_OK);
		m.c.armed = true;
		return (true);
	case IMSG_LIST:
		do_list(msg, now);
		return (true);
	case IMSG_PANIC:
		if (msg->im.u.number.n != 0)
			model_hard();
		else
			controller_order(&m.c, now);
		return (true);
	}
	return (do_client(msg, now));
}

/* One turn of the vault: its own signal (0: none), then messages. */
void
model_turn(int sig, const struct message *msg, size_t n)
{
	const int64_t now = fuzz_ms;
	size_t	      i;

	look(now);
	if (sig != 0)
		(void)do_signal(sig, now);
	if (m.c.end == RUNS && m.sealed)
		model_hard();
	if (m.c.end == RUNS)
		model_transfer_expire(now);
	for (i = 0; i < n && m.c.end == RUNS; i++) {
		if (!act(&msg[i], now))
			model_hard();
		drop_lost();
	}
	/* A cut transfer may end a holder, which may cut other transfers. */
	for (i = 0; i < 3; i++) {
		controller_heard(&m.c, now);
		if (m.unlinked)
			controller_order(&m.c, now);
		m.unlinked = false;
		if (m.front && m.front_ended)
			controller_end(&m.c, STOPPED);
		controller_tick(&m.c, now);
		drop_lost();
		model_transfer_settle(now);
		look(now);
	}
	controller_wait(&m.c, secrets_count(&m.secrets, WHOLE) > 0, now);
}
