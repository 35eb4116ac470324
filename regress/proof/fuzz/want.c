/* SPDX-License-Identifier: ISC */
/* The lines of both sockets, by dazai-protocol(7). */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net.h"

#include "../../oracle/names.h"

#define WORDS	     8
#define SECONDS_MOST 1000000000000LL /* in ms */

/*
 * A whole number from min to max.  Otherwise false, and *large tells whether it
 * is too large.
 */
static bool
number(const char *text, uint64_t min, uint64_t max, uint64_t *n, bool *large)
{
	const char *p = text;
	const wide  sum = fuzz_digits(&p);

	*large = p > text && *p == '\0' && sum > max;
	*n = (uint64_t)sum;
	return (p > text && *p == '\0' && sum >= min && sum <= max);
}

/* The ms of a number of seconds; 0 if text is none that is allowed. */
static int64_t
seconds(const char *text)
{
	const wide ms = fuzz_seconds(text);

	return (ms > 0 && ms <= SECONDS_MOST ? (int64_t)ms : 0);
}

static const char *
want_option(const char *word, struct imsg_put *put)
{
	uint64_t n;
	bool	 large;

	if (strncasecmp(word, "reads=", 6) == 0 &&
	    number(word + 6, 1, UINT32_MAX, &n, &large))
		put->reads = (uint32_t)n;
	else if (strncasecmp(word, "ttl=", 4) == 0 && seconds(word + 4) != 0)
		put->ttl = seconds(word + 4);
	else if (strcasecmp(word, "replace") == 0)
		put->replace = 1;
	else
		return ("bad-request");
	return (NULL);
}

static const char *
want_put(char **word, size_t n, struct imsg *im)
{
	bool   large;
	size_t i;

	if (n < 3 || n > 6)
		return ("bad-request");
	if (!names_secret_ok(word[1]))
		return ("bad-name");
	if (!number(word[2], 1, INT64_MAX - 1, &im->u.put.size, &large))
		return (large ? "too-large" : "bad-request");
	for (i = 3; i < n; i++) {
		if (want_option(word[i], &im->u.put) != NULL)
			return ("bad-request");
	}
	(void)snprintf(im->u.put.name, NAME_BYTES, "%s", word[1]);
	return (NULL);
}

static const char *
want_name(char **word, size_t n, struct imsg *im)
{
	if (n != 2)
		return ("bad-request");
	if (!names_secret_ok(word[1]))
		return ("bad-name");
	(void)snprintf(im->u.secret.name, NAME_BYTES, "%s", word[1]);
	return (NULL);
}

static const char *
want_del(char **word, size_t n, struct imsg *im)
{
	if (n != 2 || strcmp(word[1], "*") != 0)
		return (want_name(word, n, im));
	memcpy(im->u.secret.name, "*", 2);
	return (NULL);
}

static const char *
want_pid(char **word, size_t n, struct imsg *im)
{
	uint64_t pid = 0;
	bool	 large;

	if ((n != 1 || im->type != IMSG_REGISTER) &&
	    (n != 2 || strncasecmp(word[1], "pid=", 4) != 0 ||
		!number(word[1] + 4, 1, INT_MAX, &pid, &large)))
		return ("invalid");
	im->u.number.n = (uint32_t)pid;
	return (NULL);
}

static const char *
want_tether(char **word, size_t n, struct imsg *im)
{
	if (n != 2)
		return ("bad-request");
	if ((im->type == IMSG_HOLD && strcmp(word[1], "heartbeat") == 0) ||
	    !names_tether_ok(word[1]))
		return ("bad-name");
	(void)snprintf(im->u.tether.name, NAME_TETHER_BYTES, "%s", word[1]);
	return (NULL);
}

static const char *
want_panic(char **word, size_t n, struct imsg *im)
{
	if (n > 2 || (n == 2 && strcasecmp(word[1], "hard") != 0))
		return ("bad-request");
	im->u.number.n = n == 2;
	return (NULL);
}

static const char *
want_get(char **word, size_t n, struct imsg *im)
{
	im->u.secret.cpu = n == 3 && strcasecmp(word[2], "cpu") == 0;
	return (want_name(word, im->u.secret.cpu ? 2 : n, im));
}

static const char *
want_alone(char **word UNUSED, size_t n, struct imsg *im UNUSED)
{
	return (n == 1 ? NULL : "bad-request");
}

static const struct {
	const char    *verb;
	enum imsg_type type;
	const char *(*want)(char **, size_t, struct imsg *);
} verbs[] = {
	{ "put", IMSG_PUT, want_put },
	{ "get", IMSG_GET, want_get },
	{ "del", IMSG_DEL, want_del },
	{ "register", IMSG_REGISTER, want_pid },
	{ "unregister", IMSG_UNREGISTER, want_pid },
	{ "panic", IMSG_PANIC, want_panic },
	{ "hold", IMSG_HOLD, want_tether },
	{ "release", IMSG_RELEASE, want_tether },
	{ "status", IMSG_STATUS, want_alone },
	{ "arm", IMSG_ARM, want_alone },
	{ "list", IMSG_LIST, want_alone },
	{ "tethers", IMSG_TETHERS, want_alone },
	{ "events", IMSG_EVENTS, want_alone },
};

static const char *
want_words(char **word, size_t n, struct imsg *im)
{
	size_t i;

	for (i = 0; n > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcasecmp(word[0], verbs[i].verb) == 0) {
			im->type = verbs[i].type;
			return (verbs[i].want(word, n, im));
		}
	}
	return ("bad-request");
}

/* Does text begin with this verb?  Then *rest is what it is followed by. */
static bool
is_verb(const char *text, const char *verb, const char **rest)
{
	const size_t len = strlen(verb);

	if (strncasecmp(text, verb, len) != 0 ||
	    strchr(" \t", text[len]) == NULL)
		return (false);
	*rest = text + len + strspn(text + len, " \t");
	return (true);
}

/* The verbs of a holder, and the two that the heartbeat alone has. */
static const char *
want_holder(const char *text, bool heart, struct imsg *im)
{
	const char *rest;
	uint64_t    pid = 0;
	bool	    large;

	if (strcasecmp(text, "ping") == 0) {
		im->type = IMSG_PING;
		pid = 1;
	} else if (strcasecmp(text, "cancel") == 0) {
		im->type = IMSG_CANCEL;
	} else if (heart && strcasecmp(text, "quit") == 0) {
		im->type = IMSG_QUIT;
	} else if (heart && is_verb(text, "hello", &rest)) {
		im->type = IMSG_HELLO;
		if (!number(rest, 1, INT_MAX, &pid, &large))
			return ("bad-pid");
	} else if (is_verb(text, "watch", &rest)) {
		im->type = IMSG_WATCH;
		if (!number(rest, 1, INT_MAX, &pid, &large))
			return ("invalid");
	} else {
		return ("bad-request");
	}
	im->u.number.n = (uint32_t)pid;
	return (NULL);
}

bool
want_is_put(const char *text)
{
	return (strncasecmp(text, "put", 3) == 0);
}

void
want_of(const struct client *c, const struct line *l, struct want *w)
{
	static char text[NET_LINE + 1];
	char	   *word[WORDS], *rest = NULL, *p;
	size_t	    n = 0;

	memset(w, 0, sizeof(*w));
	memcpy(text, c->sent + c->done, l->used);
	text[l->used - 1] = '\0';
	w->put = want_is_put(text + strspn(text, " \t"));
	(void)snprintf(text, sizeof(text), "%s", l->nul ? "" : l->text);
	if (net_socket == NET_HEARTBEAT || c->holds) {
		w->refusal = want_holder(text, net_socket == NET_HEARTBEAT,
		    &w->im);
		return;
	}
	for (p = strtok_r(text, " \t", &rest); p != NULL && n < WORDS;
	     p = strtok_r(NULL, " \t", &rest))
		word[n++] = p;
	w->refusal = want_words(word, n, &w->im);
}
