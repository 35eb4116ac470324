/* SPDX-License-Identifier: ISC */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

#include "../../oracle/names.h"

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
	memset(im, 0, sizeof(*im));
	im->type = type;
	im->peerid = peerid;
	im->u.number.n = number;
	return (im);
}

void
model_answer(const struct message *msg, enum imsg_answer answer)
{
	(void)model_want(IMSG_ANSWER, msg->im.peerid, answer);
}

/* Some of what a REPORT says is not foretold. */
static bool
same(const struct imsg *is, struct imsg should)
{
	size_t len = imsg_rules[is->type].size;

	if (is->type == IMSG_REPORT) {
		if (is->u.report.room >= is->u.report.size)
			return (false);
		should.u.report.room = is->u.report.room;
		should.u.report.memory = is->u.report.memory;
		len = offsetof(struct imsg_report, groups); /* the last one */
	}
	return (is->type == should.type && memcmp(&is->u, &should.u, len) == 0);
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

bool
model_has_fd(void)
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
	if (i == m.nwants || !same(im, m.wants[i])) {
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

/* Before a secret may be given. */
void
model_may_give(int64_t now)
{
	look(now);
	controller_tick(&m.c, now);
	drop_lost();
}

/* The client of msg holds the tether; NULL: it is the heartbeat. */
static bool
take(const struct message *msg, const char *tether, int64_t now)
{
	const char *const word = tether == NULL ? "WELCOME\n" : "HOLDING\n";
	struct controller_holder *h;
	struct client		 *c = msg->c;
	const bool		  guarded = controller_guarded(&m.c);
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
	if (!guarded)
		m.since = now / 1000;
	if (told)
		client_want(c, "%s", word);
	(void)model_want(tether == NULL ? IMSG_WELCOME : IMSG_HOLDING,
	    msg->im.peerid, told);
	look(now);
	return (true);
}

bool
model_knows(const struct client *c, bool heartbeat)
{
	return (c->accepted && c->heartbeat == heartbeat && c->pid != SELF &&
	    c->pid != NETWORK && (c->uid == OWNER || c->uid == 0));
}

static bool
do_hold(const struct message *msg, int64_t now)
{
	const char *tether = msg->im.u.tether.name;

	if (!model_knows(msg->c, false) || !names_tether_ok(tether) ||
	    strcmp(tether, "heartbeat") == 0 ||
	    controller_find(&m.c, msg->im.peerid) != NULL)
		return (false);
	if (!model_has_fd() || !take(msg, tether, now))
		model_answer(msg, IMSG_ANSWER_BUSY);
	return (true);
}

static bool
do_release(const struct message *msg, int64_t now)
{
	const char *tether = msg->im.u.tether.name;

	if (!model_knows(msg->c, false) || !names_tether_ok(tether))
		return (false);
	model_answer(msg,
	    controller_release(&m.c, tether, now) ? IMSG_ANSWER_OK :
						    IMSG_ANSWER_NO_SUCH_TETHER);
	return (true);
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
	} else if (k->watched == 4 || pid <= 1 || !model_has_fd() ||
	    !model_pid_opens(pid) || !model_pid_ours(pid) ||
	    (m.root && !model_pid_owned(pid))) {
		model_answer(msg, IMSG_ANSWER_INVALID_PID);
		return;
	}
	k->watched++;
	model_answer(msg, IMSG_ANSWER_OK);
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
		return (model_knows(msg->c, true) && take(msg, NULL, now));
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
	case IMSG_EVENTS:
		m.watched = m.watched || msg->im.u.number.n > 0;
		return (true);
	case IMSG_PANIC:
		if (msg->im.u.number.n != 0)
			model_hard();
		else
			controller_order(&m.c, now);
		return (true);
	}
	return (model_serve(msg, now));
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
