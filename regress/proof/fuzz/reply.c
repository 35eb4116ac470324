/* SPDX-License-Identifier: ISC */
/*
 * The vault of the fuzz target "network": answers requests as the input
 * chooses, and says what the client must read of it.
 */
#include <sys/socket.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

static void
release(struct client *c)
{
	if (c->passed != -1)
		close(c->passed);
	c->passed = -1;
	c->taking = 0;
	c->asked = false;
	c->due = c->holds || c->watching ? INT64_MAX : fuzz_ms + NET_MS;
}

static void
answer(struct client *c, enum imsg_answer answer)
{
	static const char *const words[IMSG_ANSWERS] = {
		[IMSG_ANSWER_OK] = "OK\n",
		[IMSG_ANSWER_ALREADY_ARMED] = "ALREADY_ARMED\n",
		[IMSG_ANSWER_BUSY] = "BUSY\n",
		[IMSG_ANSWER_INVALID_PID] = "ERROR invalid pid\n",
		[IMSG_ANSWER_UNGUARDED] = "ERROR unguarded " CLIENT_ANY "\n",
		[IMSG_ANSWER_PENDING] = "ERROR pending " CLIENT_ANY "\n",
		[IMSG_ANSWER_NO_SUCH_SECRET] =
		    "ERROR no-such-secret " CLIENT_ANY "\n",
		[IMSG_ANSWER_NO_SUCH_TETHER] =
		    "ERROR no-such-tether " CLIENT_ANY "\n",
		[IMSG_ANSWER_EXISTS] = "ERROR exists " CLIENT_ANY "\n",
		[IMSG_ANSWER_FULL] = "ERROR full " CLIENT_ANY "\n",
		[IMSG_ANSWER_TOO_LARGE] = "ERROR too-large " CLIENT_ANY "\n",
	};
	struct imsg im = { .type = IMSG_ANSWER,
		.peerid = c->peerid,
		.u.number.n = answer };

	if (answer == IMSG_ANSWER_CUT) {
		(void)shutdown(c->passed, SHUT_RDWR);
		c->closing = true;
	} else if (answer != IMSG_ANSWER_SENT) {
		client_want(c, "%s", words[answer]);
		c->closing = c->question == IMSG_PUT &&
		    answer != IMSG_ANSWER_OK;
	}
	net_send(&im);
	release(c);
}

/* ms as seconds, with no digit too many. */
static const char *
printed(int64_t ms, char *buf)
{
	int len;

	if (ms < 0)
		ms = 0;
	len = sprintf(buf, "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
	while (buf[len - 1] == '0')
		len--;
	if (buf[len - 1] == '.')
		len--;
	buf[len] = '\0';
	return (buf);
}

static void
answer_status(struct client *c)
{
	static const char *const kinds[] = { "secretmem", "mlock", "unlocked" };
	struct imsg	    im = { .type = IMSG_REPORT, .peerid = c->peerid };
	struct imsg_report *s = &im.u.report;
	char		    grace[32], left[32], timeout[32], first[32];

	s->grace = (int64_t)fuzz_number();
	s->left = (int64_t)fuzz_number();
	s->since = (int64_t)fuzz_number();
	s->size = fuzz_number();
	s->room = fuzz_number();
	s->heartbeat = (uint32_t)fuzz_number();
	s->secrets = fuzz_byte();
	s->registered = fuzz_byte();
	s->memory = fuzz_byte() % 3;
	s->armed = fuzz_byte() & 1;
	s->guarded = fuzz_byte() & 1;
	s->pending = fuzz_byte() & 1;
	s->tethers = fuzz_byte() % 18;
	s->timeout = (int64_t)fuzz_number();
	s->groups = s->tethers & 1;
	s->first = s->timeout / 2;
	client_want(c,
	    "%sSTATUS alive=1 armed=%u grace=%s registered=%u guarded=%u "
	    "pending=%u memory=%s secrets=%u left=%s heartbeat=%u "
	    "since=%" PRId64 " tethers=%u timeout=%s pid=%ld size=%" PRIu64
	    " room=%" PRIu64 " groups=%u first=%s\n",
	    c->greeting ? "EVENT " : "", s->armed, printed(s->grace, grace),
	    s->registered, s->guarded, s->pending, kinds[s->memory], s->secrets,
	    printed(s->left, left), s->heartbeat, s->since, s->tethers,
	    printed(s->timeout, timeout), (long)getppid(), s->size, s->room,
	    s->groups, printed(s->first, first));
	c->greeting = false;
	net_send(&im);
	release(c);
}

/* Sends im, a line of a list that network asks for the rest of. */
static void
goes_on(struct client *c, struct imsg *im, uint64_t listed)
{
	c->listed = listed;
	c->listing = true;
	c->due = fuzz_ms + NET_MS;
	net_send(im);
}

static void
answer_entry(struct client *c)
{
	struct imsg  im = { .type = IMSG_ENTRY, .peerid = c->peerid };
	struct bytes b = fuzz_text();
	char	     reads[32] = "-", left[32] = "-";
	size_t	     i;

	for (i = 0; i < b.len && i < NAME_BYTES - 1; i++)
		im.u.entry.name[i] = (char)(b.at[i] % 94 + 33);
	im.u.entry.id = c->listed + 1 + fuzz_byte();
	im.u.entry.size = fuzz_number();
	im.u.entry.reads = (uint32_t)fuzz_number();
	im.u.entry.left = (int64_t)fuzz_number();
	if (im.u.entry.left < -1)
		im.u.entry.left = -1;
	if (im.u.entry.reads != 0)
		(void)snprintf(reads, sizeof(reads), "%u", im.u.entry.reads);
	if (im.u.entry.left != -1)
		(void)printed(im.u.entry.left, left);
	client_want(c, "%s %" PRIu64 " %s %s\n", im.u.entry.name,
	    im.u.entry.size, reads, left);
	goes_on(c, &im, im.u.entry.id);
}

static void
answer_tether(struct client *c)
{
	struct imsg	    im = { .type = IMSG_TETHER, .peerid = c->peerid };
	struct imsg_tether *t = &im.u.tether;

	t->index = (uint32_t)c->listed + 1 + fuzz_byte() % 4;
	t->holders = fuzz_byte();
	t->lost = fuzz_byte() & 1;
	t->pid = (uint32_t)fuzz_number();
	(void)snprintf(t->name, sizeof(t->name), "t%u", t->index);
	client_want(c, "%s %u %s %u\n", t->name, t->holders,
	    t->lost ? "lost" : "held", t->pid);
	goes_on(c, &im, t->index);
}

/* HELLO or HOLD is granted: the vault says so, or has network say it. */
static void
answer_hold(struct client *c, bool by_vault)
{
	struct imsg im = { .type = IMSG_HOLDING, .peerid = c->peerid };
	const char *word = "HOLDING\n";

	if (c == oracle_heart) {
		im.type = IMSG_WELCOME;
		word = "WELCOME\n";
	}
	im.u.number.n = by_vault && c->passed != -1 &&
	    send(c->passed, word, 8, MSG_DONTWAIT | MSG_NOSIGNAL) == 8;
	client_want(c, "%s", word);
	if (c == oracle_heart)
		oracle_welcome();
	else
		c->holds = true;
	net_send(&im);
	release(c);
}

/* The vault answers a line of a holder; what it has dropped reads nothing. */
static void
answer_holder(struct client *c, unsigned int how)
{
	const bool  dropped = c == oracle_heart && net_state == IMSG_DROPPED;
	struct imsg im = { .type = IMSG_PONG, .peerid = c->peerid };
	uint32_t    i;

	if (c->question == IMSG_PING) {
		im.u.number.n = c == oracle_heart ? c->pings : how % 3;
		for (i = 0; i < im.u.number.n; i++)
			client_want(c, "PONG\n");
	} else if (c->question == IMSG_QUIT) {
		im.type = IMSG_BYE;
		client_want(c, dropped ? "" : "BYE\n");
		/* Lines after QUIT are not read. */
		c->done = c->nsent;
		c->loose |= c->sluggish;
		net_may_end = true;
	} else if (how % 3 == 0) {
		im.type = IMSG_STILL_LOST;
		memcpy(im.u.tether.name, "usb", 4);
		client_want(c, "ERROR lost usb\n");
	} else {
		im.type = how % 3 == 1 ? IMSG_CANCELLED : IMSG_NOTHING_PENDING;
		client_want(c,
		    how % 3 == 1 ? "CANCELLED\n" : "NOTHING-PENDING\n");
	}
	net_send(&im);
	release(c);
}

/*
 * The vault gives up a holder.  A heartbeat's request has no answer then, and
 * unsent answers to it are lost.
 */
void
reply_drop(struct client *c)
{
	struct imsg im = { .type = IMSG_DROP, .peerid = c->peerid };

	if (c == oracle_heart) {
		net_state = IMSG_DROPPED;
		c->loose |= c->sluggish;
		c->nwanted = c->got;
		c->cut = true;
	} else {
		c->loose |= c->small || c->lazy;
		c->closing = true;
	}
	if (c->asked)
		release(c);
	net_send(&im);
}

/* Appends " key=text", with '-' in the place of blanks, if there is a text. */
static void
want_word(char *line, const char *key, const char *text)
{
	char *p = line + strlen(line);

	if (*text == '\0')
		return;
	(void)sprintf(p, " %s=%s", key, text);
	for (p++; (p = strchr(p, ' ')) != NULL;)
		*p = '-';
}

void
reply_event(void)
{
	static const char *const words[] = { "guarded", "lost", "released",
		"pending", "cancelled", "armed", "put", "got", "gone", "bye" };
	struct imsg		 im = { .type = IMSG_EVENT };
	struct imsg_event	*e = &im.u.event;
	const unsigned int	 kind = fuzz_byte() % 10;
	struct bytes		 b;
	char			 line[512], number[32] = "";
	struct client		*c;
	size_t			 i;

	e->kind = kind + 1;
	e->pid = fuzz_byte() % 2 * 4711;
	e->ms = (int64_t)fuzz_byte() * 100;
	b = fuzz_text();
	for (i = 0; i < b.len && i < IMSG_EVENT_TEXT - 1; i++)
		e->why[i] = (char)(b.at[i] % 95 + 32);
	if (kind % 2 == 0)
		memcpy(e->name, "n1", 3);
	(void)sprintf(line, "EVENT %s", words[kind]);
	want_word(line, kind < 6 ? "tether" : "name", e->name);
	if (kind == 3)
		want_word(line, "seconds", printed(e->ms, number));
	want_word(line, "pid", e->pid != 0 ? "4711" : "");
	want_word(line, kind == 3 ? "reason" : "why", e->why);
	for (c = clients; c < clients + clients_n; c++) {
		/* Whether there is room for it is not known. */
		if (c->watching && (c->small || c->lazy))
			c->loose = true;
		if (c->watching && !c->greeting && c->peerid != 0 &&
		    !c->closing)
			client_want(c, "%s\n", line);
	}
	net_send(&im);
}

/*
 * GET: the vault sends head and bytes on the client's own connection, then
 * SENT.
 */
static void
answer_get(struct client *c, size_t len)
{
	char data[512];
	int  head;

	head = snprintf(data, sizeof(data), "DATA %zu\n", len);
	memset(data + head, 's', len);
	if (send(c->passed, data, (size_t)head + len,
		MSG_DONTWAIT | MSG_NOSIGNAL) == head + (ssize_t)len) {
		client_want(c, "DATA %zu\n%.*s", len, (int)len, data + head);
		answer(c, IMSG_ANSWER_SENT);
	} else {
		c->loose = true; /* a part of it may have been sent */
		answer(c, IMSG_ANSWER_CUT);
	}
}

/* PUT is granted; oracle_idle() takes the bytes. */
static void
answer_put(struct client *c)
{
	if (send(c->passed, "GO\n", 3, MSG_DONTWAIT | MSG_NOSIGNAL) == 3) {
		client_want(c, "GO\n");
		c->question = IMSG_TYPES; /* answered as far as GO */
	} else {
		answer(c, IMSG_ANSWER_CUT);
	}
}

/* Takes the bytes of a granted PUT; returns whether there were any. */
bool
reply_take(struct client *c)
{
	static uint8_t buf[CLIENT_SENT];
	ssize_t	       got;

	got = recv(c->passed, buf,
	    c->taking < sizeof(buf) ? c->taking : sizeof(buf), MSG_DONTWAIT);
	if (got == -1 && errno == EAGAIN)
		return (false);
	if (got > 0) {
		CHECK((size_t)got <= c->nsent - c->done &&
			memcmp(buf, c->sent + c->done, (size_t)got) == 0,
		    "the secret is not what was sent");
		c->done += (size_t)got;
		c->taking -= (uint64_t)got;
	}
	if (got <= 0)
		answer(c, IMSG_ANSWER_CUT);
	else if (c->taking == 0)
		answer(c, IMSG_ANSWER_OK);
	return (true);
}

/* A request is granted. */
static void
grant(struct client *c, unsigned int how)
{
	switch (c->question) {
	case IMSG_STATUS:
		answer_status(c);
		break;
	case IMSG_LIST:
		answer_entry(c);
		break;
	case IMSG_TETHERS:
		answer_tether(c);
		break;
	case IMSG_HELLO:
	case IMSG_HOLD:
		answer_hold(c, how % 2 == 0);
		break;
	case IMSG_PING:
	case IMSG_CANCEL:
	case IMSG_QUIT:
		answer_holder(c, how);
		break;
	case IMSG_PUT:
		answer_put(c);
		break;
	case IMSG_GET:
		answer_get(c, how);
		break;
	default: /* a PUT that is not finished */
		answer(c, IMSG_ANSWER_CUT);
	}
}

/*
 * The bare answers: to a question, one of these n by how % of; if that is not
 * less than n, it is granted.
 */
static const struct {
	enum imsg_type	 question;
	unsigned int	 of, n;
	enum imsg_answer answers[5];
} bare[] = {
	{ IMSG_ARM, 2, 2, { IMSG_ANSWER_ALREADY_ARMED, IMSG_ANSWER_OK } },
	{ IMSG_RELEASE, 2, 2, { IMSG_ANSWER_NO_SUCH_TETHER, IMSG_ANSWER_OK } },
	{ IMSG_DEL, 2, 2, { IMSG_ANSWER_NO_SUCH_SECRET, IMSG_ANSWER_OK } },
	{ IMSG_UNREGISTER, 2, 2, { IMSG_ANSWER_INVALID_PID, IMSG_ANSWER_OK } },
	{ IMSG_REGISTER, 3, 3,
	    { IMSG_ANSWER_OK, IMSG_ANSWER_BUSY, IMSG_ANSWER_INVALID_PID } },
	{ IMSG_WATCH, 3, 3,
	    { IMSG_ANSWER_OK, IMSG_ANSWER_BUSY, IMSG_ANSWER_INVALID_PID } },
	{ IMSG_LIST, 4, 1, { IMSG_ANSWER_OK } },
	{ IMSG_TETHERS, 4, 1, { IMSG_ANSWER_OK } },
	{ IMSG_HOLD, 4, 1, { IMSG_ANSWER_BUSY } },
	{ IMSG_PUT, 8, 5,
	    { IMSG_ANSWER_PENDING, IMSG_ANSWER_BUSY, IMSG_ANSWER_TOO_LARGE,
		IMSG_ANSWER_EXISTS, IMSG_ANSWER_FULL } },
	{ IMSG_GET, 8, 4,
	    { IMSG_ANSWER_PENDING, IMSG_ANSWER_UNGUARDED, IMSG_ANSWER_BUSY,
		IMSG_ANSWER_NO_SUCH_SECRET } },
};

void
reply(struct client *c, unsigned int how)
{
	size_t i;

	for (i = 0; i < sizeof(bare) / sizeof(bare[0]); i++) {
		if (bare[i].question == c->question &&
		    how % bare[i].of < bare[i].n) {
			answer(c, bare[i].answers[how % bare[i].of]);
			return;
		}
	}
	grant(c, how);
}
