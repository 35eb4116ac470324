/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "control": any bytes in any pieces from many clients of the
 * control socket, and a vault that answers yes, no or nothing, against dazai-
 * protocol(7).  Every descriptor that network passes on must still have all the
 * bytes after the request.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "want.h"

#define SLOTS	  32
#define WATCHERS  16
#define SILENT_MS 50
#define TURN	  256 /* bytes that network reads of one client at once */

const enum net_socket oracle_socket = NET_CONTROL;

static unsigned int
		panics[2]; /* which the vault must receive: graceful, hard */
static uint32_t told;	   /* by network: how many watch */
static unsigned int perhaps[2]; /* which it may receive */

void
oracle_begin(void)
{
	panics[0] = panics[1] = perhaps[0] = perhaps[1] = told = 0;
}

/* Whether c has one of the slots. */
static bool
asks(const struct client *c)
{
	return (c->peerid != 0 && net_is_open(c) && !c->holds && !c->watching);
}

/* Whether network has read all that c has said. */
static bool
is_heard(const struct client *c)
{
	int unread = 0;

	return (c->fd == -1 ||
	    (ioctl(c->fd, SIOCOUTQ, &unread) == 0 && unread == 0));
}

/* The client that has said nothing for longest, and long enough; or NULL. */
static struct client *
silent(void)
{
	struct client *c, *most = NULL;

	for (c = net_clients; c < net_clients + net_n; c++) {
		if (asks(c) && !c->asked &&
		    fuzz_ms - (c->due - NET_MS) >= SILENT_MS && is_heard(c) &&
		    (most == NULL || c->due < most->due))
			most = c;
	}
	return (most);
}

static unsigned int
slots(void)
{
	const struct client *c;
	unsigned int	     n = 0;

	for (c = net_clients; c < net_clients + net_n; c++)
		n += asks(c);
	return (n);
}

bool
oracle_admits(void)
{
	return (slots() < SLOTS || silent() != NULL);
}

bool
oracle_takes(struct client *c)
{
	struct client *most = silent();

	(void)c;
	if (slots() < SLOTS)
		return (true);
	CHECK(most != NULL, "a newcomer that there is no room for");
	most->closing = true;
	return (true);
}

/* How many watch; *known: network has closed none that we do not know of. */
static uint32_t
watchers(bool *known)
{
	struct client *c;
	uint32_t       n = 0;

	*known = true;
	for (c = net_clients; c < net_clients + net_n; c++) {
		if (c->peerid == 0 || !c->watching)
			continue;
		net_walk(c);
		n += !c->closing;
		*known = *known && !c->lazy && !c->small;
	}
	return (n);
}

bool
oracle_line(struct client *c, const struct line *l)
{
	struct want w;
	bool	    known;

	want_of(c, l, &w);
	if (w.refusal != NULL) {
		net_want(c, "ERROR %s " NET_ANY "\n", w.refusal);
		c->closing = w.put;
	} else if (w.im.type == IMSG_PANIC) {
		net_want(c, "OK\n");
		/* A client that reads slowly may have had no time left. */
		if (c->lazy)
			perhaps[w.im.u.number.n]++;
		else
			panics[w.im.u.number.n]++;
	} else if (w.im.type == IMSG_EVENTS && !c->watching &&
	    watchers(&known) == WATCHERS) {
		net_want(c, "BUSY\n");
	} else if (c->refused) {
		c->closing = true;
	} else {
		return (false);
	}
	net_heard(c);
	return (true);
}

void
oracle_too_long(struct client *c)
{
	char start[NET_LINE + 1];

	memcpy(start, c->sent + c->done, NET_LINE);
	start[NET_LINE] = '\0';
	net_want(c, "ERROR bad-request " NET_ANY "\n");
	c->closing = want_is_put(start + strspn(start, " \t"));
}

void
oracle_gone(struct client *c)
{
	c->closing = true;
}

/*
 * The vault.
 */

static void
check_same(const struct imsg *want, const struct imsg *im)
{
	bool same = want->type == im->type;

	switch (im->type) {
	case IMSG_PUT:
		same = same && want->u.put.size == im->u.put.size &&
		    want->u.put.ttl == im->u.put.ttl &&
		    want->u.put.reads == im->u.put.reads &&
		    want->u.put.replace == im->u.put.replace &&
		    strcmp(want->u.put.name, im->u.put.name) == 0;
		break;
	case IMSG_GET:
	case IMSG_DEL:
		same = same && want->u.secret.cpu == im->u.secret.cpu &&
		    strcmp(want->u.secret.name, im->u.secret.name) == 0;
		break;
	case IMSG_HOLD:
	case IMSG_RELEASE:
		same = same &&
		    strcmp(want->u.tether.name, im->u.tether.name) == 0;
		break;
	case IMSG_PING:
	case IMSG_WATCH:
	case IMSG_REGISTER:
	case IMSG_UNREGISTER:
		same = same && want->u.number.n == im->u.number.n;
		break;
	case IMSG_LIST:
		same = same && want->u.list.after == im->u.list.after;
		break;
	}
	CHECK(same, "%s is asked for, and %s passed on",
	    imsg_type_name(want->type), imsg_type_name(im->type));
}

static void
panic_message(const struct imsg *im)
{
	struct client *c;
	unsigned int  *left;

	for (c = net_clients; c < net_clients + net_n; c++)
		net_walk(c);
	CHECK(im->type == IMSG_PANIC && im->u.number.n <= 1, "%s of nobody",
	    imsg_type_name(im->type));
	left = panics[im->u.number.n] > 0 ? panics : perhaps;
	CHECK(left[im->u.number.n] > 0, "a panic that nobody wants");
	left[im->u.number.n]--;
}

void
oracle_message(struct client *c, const struct imsg *im)
{
	static struct line l;
	struct want	   w;
	uint32_t	   n;
	bool		   known;

	if (c == NULL && im->type == IMSG_EVENTS) {
		n = watchers(&known);
		/* Ends are reported one at a time; a newcomer is not in n yet.
		 */
		CHECK(!known ||
			(im->u.number.n >= n && im->u.number.n <= told + 1),
		    "%u watch, and not %u", im->u.number.n, n);
		told = im->u.number.n;
		return;
	}
	if (c == NULL) {
		panic_message(im);
		return;
	}
	if (im->type == IMSG_LOST) {
		CHECK(c->holds && c->closing, "a holder is lost that lives");
		c->holds = false;
		return;
	}
	if (c->listing) {
		CHECK(im->type == c->question && im->u.list.after == c->listed,
		    "a list goes on elsewhere");
		c->listing = false;
		return;
	}
	CHECK(net_line(c, &l), "%s, of no line", imsg_type_name(im->type));
	want_of(c, &l, &w);
	CHECK(w.refusal == NULL, "\"%s\" is passed on", l.text);
	if (w.im.type == IMSG_EVENTS) { /* the first event is the STATUS */
		c->watching = true;
		w.im.type = IMSG_STATUS;
	}
	check_same(&w.im, im);
	c->done += l.used;
	c->asked = true;
	c->question = im->type;
	c->taking = im->type == IMSG_PUT ? im->u.put.size : 0;
	c->listed = 0;
	if (im->fd != -1) {
		net_passed(c, im);
		c->passed = dup(im->fd);
	}
}

bool
oracle_may_be_sluggish(const struct client *c)
{
	return (c->peerid != 0);
}

bool
oracle_is_timed(const struct client *c)
{
	(void)c;
	return (true);
}

/* Only a line whose end is read at once gives c more time. */
bool
oracle_late(struct client *c)
{
	const size_t came = c->nsent - c->seen;

	return (
	    memchr(c->sent + c->seen, '\n', came < TURN ? came : TURN) != NULL);
}

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
		[IMSG_ANSWER_UNGUARDED] = "ERROR unguarded " NET_ANY "\n",
		[IMSG_ANSWER_PENDING] = "ERROR pending " NET_ANY "\n",
		[IMSG_ANSWER_NO_SUCH_SECRET] = "ERROR no-such-secret " NET_ANY
					       "\n",
		[IMSG_ANSWER_NO_SUCH_TETHER] = "ERROR no-such-tether " NET_ANY
					       "\n",
		[IMSG_ANSWER_EXISTS] = "ERROR exists " NET_ANY "\n",
		[IMSG_ANSWER_FULL] = "ERROR full " NET_ANY "\n",
		[IMSG_ANSWER_TOO_LARGE] = "ERROR too-large " NET_ANY "\n",
	};
	struct imsg im = { .type = IMSG_ANSWER,
		.peerid = c->peerid,
		.u.number.n = answer };

	if (answer == IMSG_ANSWER_CUT) {
		(void)shutdown(c->passed, SHUT_RDWR);
		c->closing = true;
	} else if (answer != IMSG_ANSWER_SENT) {
		net_want(c, "%s", words[answer]);
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
	net_want(c,
	    "%sSTATUS alive=1 armed=%u grace=%s registered=%u guarded=%u "
	    "pending=%u memory=%s secrets=%u left=%s heartbeat=%u "
	    "since=%" PRId64 " tethers=%u timeout=%s pid=%ld size=%" PRIu64
	    " room=%" PRIu64 " groups=%u first=%s\n",
	    c->watching ? "EVENT " : "", s->armed, printed(s->grace, grace),
	    s->registered, s->guarded, s->pending, kinds[s->memory], s->secrets,
	    printed(s->left, left), s->heartbeat, s->since, s->tethers,
	    printed(s->timeout, timeout), (long)getppid(), s->size, s->room,
	    s->groups, printed(s->first, first));
	net_send(&im);
	release(c);
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
	net_want(c, "%s %" PRIu64 " %s %s\n", im.u.entry.name, im.u.entry.size,
	    reads, left);
	c->listed = im.u.entry.id;
	c->listing = true;
	c->due = fuzz_ms + NET_MS;
	net_send(&im);
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
	net_want(c, "%s %u %s %u\n", t->name, t->holders,
	    t->lost ? "lost" : "held", t->pid);
	c->listed = t->index;
	c->listing = true;
	c->due = fuzz_ms + NET_MS;
	net_send(&im);
}

/* HOLD is granted: the vault says so, or has network say it. */
static void
answer_hold(struct client *c, bool by_vault)
{
	struct imsg im = { .type = IMSG_HOLDING, .peerid = c->peerid };

	im.u.number.n = by_vault &&
	    send(c->passed, "HOLDING\n", 8, MSG_DONTWAIT | MSG_NOSIGNAL) == 8;
	net_want(c, "HOLDING\n");
	c->holds = true;
	net_send(&im);
	release(c);
}

/* The vault answers a line of a holder. */
static void
answer_holder(struct client *c, unsigned int how)
{
	struct imsg im = { .type = IMSG_PONG, .peerid = c->peerid };
	uint32_t    i;

	if (c->question == IMSG_PING) {
		im.u.number.n = how % 3;
		for (i = 0; i < how % 3; i++)
			net_want(c, "PONG\n");
	} else if (how % 3 == 0) {
		im.type = IMSG_STILL_LOST;
		memcpy(im.u.tether.name, "usb", 4);
		net_want(c, "ERROR lost usb\n");
	} else {
		im.type = how % 3 == 1 ? IMSG_CANCELLED : IMSG_NOTHING_PENDING;
		net_want(c, how % 3 == 1 ? "CANCELLED\n" : "NOTHING-PENDING\n");
	}
	net_send(&im);
	release(c);
}

/* The vault gives up a holder. */
static void
drop(struct client *c)
{
	struct imsg im = { .type = IMSG_DROP, .peerid = c->peerid };

	c->loose |= c->small || c->lazy;
	c->closing = true;
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

static void
event(void)
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
	for (c = net_clients; c < net_clients + net_n; c++) {
		/* Whether there is room for it is not known. */
		if (c->watching && (c->small || c->lazy))
			c->loose = true;
		if (c->watching && c->peerid != 0 && !c->closing)
			net_want(c, "%s\n", line);
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
		net_want(c, "DATA %zu\n%.*s", len, (int)len, data + head);
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
		net_want(c, "GO\n");
		c->question = IMSG_TYPES; /* answered as far as GO */
	} else {
		answer(c, IMSG_ANSWER_CUT);
	}
}

/* Takes the bytes of a granted PUT; returns whether there were any. */
static bool
take(struct client *c)
{
	static uint8_t buf[NET_SENT];
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

bool
oracle_idle(void)
{
	struct client *c;
	bool	       any = false;

	for (c = net_clients; c < net_clients + net_n; c++) {
		if (c->asked && c->question == IMSG_TYPES && take(c))
			any = true;
	}
	return (any);
}

/* Answers c's request as the input chooses. */
static void
reply(struct client *c, unsigned int how)
{
	static const enum imsg_answer puts[] = { IMSG_ANSWER_PENDING,
		IMSG_ANSWER_BUSY, IMSG_ANSWER_TOO_LARGE, IMSG_ANSWER_EXISTS,
		IMSG_ANSWER_FULL },
				      gets[] = { IMSG_ANSWER_PENDING,
					      IMSG_ANSWER_UNGUARDED,
					      IMSG_ANSWER_BUSY,
					      IMSG_ANSWER_NO_SUCH_SECRET };

	switch (c->question) {
	case IMSG_STATUS:
		answer_status(c);
		break;
	case IMSG_ARM:
		answer(c, how % 2 ? IMSG_ANSWER_OK : IMSG_ANSWER_ALREADY_ARMED);
		break;
	case IMSG_LIST:
	case IMSG_TETHERS:
		if (how % 4 == 0)
			answer(c, IMSG_ANSWER_OK);
		else if (c->question == IMSG_LIST)
			answer_entry(c);
		else
			answer_tether(c);
		break;
	case IMSG_HOLD:
		if (how % 4 == 0)
			answer(c, IMSG_ANSWER_BUSY);
		else
			answer_hold(c, how % 2 == 0);
		break;
	case IMSG_RELEASE:
		answer(c,
		    how % 2 ? IMSG_ANSWER_OK : IMSG_ANSWER_NO_SUCH_TETHER);
		break;
	case IMSG_PING:
	case IMSG_CANCEL:
		answer_holder(c, how);
		break;
	case IMSG_WATCH:
	case IMSG_REGISTER:
		answer(c,
		    how % 3 == 0     ? IMSG_ANSWER_OK :
			how % 3 == 1 ? IMSG_ANSWER_BUSY :
				       IMSG_ANSWER_INVALID_PID);
		break;
	case IMSG_UNREGISTER:
		answer(c, how % 2 ? IMSG_ANSWER_OK : IMSG_ANSWER_INVALID_PID);
		break;
	case IMSG_PUT:
		if (how % 8 < 5)
			answer(c, puts[how % 8]);
		else
			answer_put(c);
		break;
	case IMSG_GET:
		if (how % 8 < 4)
			answer(c, gets[how % 8]);
		else
			answer_get(c, how);
		break;
	case IMSG_DEL:
		answer(c,
		    how % 2 ? IMSG_ANSWER_OK : IMSG_ANSWER_NO_SUCH_SECRET);
		break;
	default: /* a PUT that is not finished */
		answer(c, IMSG_ANSWER_CUT);
	}
}

bool
oracle_step(unsigned int op)
{
	struct client *c;

	if (op == 'N') {
		event();
		return (true);
	}
	if ((op != 'v' && op != 'W') || (c = net_chosen()) == NULL)
		return (false);
	if (op == 'W') {
		if (c->holds && !c->closing)
			drop(c);
		return (true);
	}
	if (c->asked && !c->listing)
		reply(c, fuzz_byte());
	return (true);
}

bool
oracle_finish(void)
{
	struct client *c;

	for (c = net_clients; c < net_clients + net_n; c++) {
		if (c->asked && !c->listing) {
			reply(c, 0);
			return (false);
		}
	}
	CHECK(panics[0] == 0 && panics[1] == 0, "a panic is not passed on");
	return (true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return (net_run(data, size));
}
