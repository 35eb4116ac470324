/* SPDX-License-Identifier: ISC */
/* The requests of the control socket, by dazai-protocol(7). */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "want.h"

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
	im->type = IMSG_PUT;
	return (NULL);
}

static const char *
want_name(char **word, size_t n, struct imsg *im, uint32_t type)
{
	if (n != 2)
		return ("bad-request");
	if (!names_secret_ok(word[1]))
		return ("bad-name");
	(void)snprintf(im->u.secret.name, NAME_BYTES, "%s", word[1]);
	im->type = type;
	return (NULL);
}

static const char *
want_del(char **word, size_t n, struct imsg *im)
{
	if (n != 2 || strcmp(word[1], "*") != 0)
		return (want_name(word, n, im, IMSG_DEL));
	memcpy(im->u.secret.name, "*", 2);
	im->type = IMSG_DEL;
	return (NULL);
}

static const char *
want_pid(char **word, size_t n, struct imsg *im, uint32_t type)
{
	uint64_t pid = 0;
	bool	 large;

	if ((n != 1 || type != IMSG_REGISTER) &&
	    (n != 2 || strncasecmp(word[1], "pid=", 4) != 0 ||
		!number(word[1] + 4, 1, INT_MAX, &pid, &large)))
		return ("invalid");
	im->u.number.n = (uint32_t)pid;
	im->type = type;
	return (NULL);
}

static const char *
want_tether(char **word, size_t n, struct imsg *im, uint32_t type)
{
	if (n != 2)
		return ("bad-request");
	if ((type == IMSG_HOLD && strcmp(word[1], "heartbeat") == 0) ||
	    !names_tether_ok(word[1]))
		return ("bad-name");
	(void)snprintf(im->u.tether.name, NAME_TETHER_BYTES, "%s", word[1]);
	im->type = type;
	return (NULL);
}

static const char *
want_panic(char **word, size_t n, struct imsg *im)
{
	if (n > 2 || (n == 2 && strcasecmp(word[1], "hard") != 0))
		return ("bad-request");
	im->u.number.n = n == 2;
	im->type = IMSG_PANIC;
	return (NULL);
}

static const char *
want_words(char **word, size_t n, struct imsg *im)
{
	const char *verb = n > 0 ? word[0] : "";

	if (strcasecmp(verb, "put") == 0)
		return (want_put(word, n, im));
	if (strcasecmp(verb, "get") == 0) {
		if (n == 3 && strcasecmp(word[2], "cpu") == 0) {
			im->u.secret.cpu = 1;
			n = 2;
		}
		return (want_name(word, n, im, IMSG_GET));
	}
	if (strcasecmp(verb, "del") == 0)
		return (want_del(word, n, im));
	if (strcasecmp(verb, "register") == 0)
		return (want_pid(word, n, im, IMSG_REGISTER));
	if (strcasecmp(verb, "unregister") == 0)
		return (want_pid(word, n, im, IMSG_UNREGISTER));
	if (strcasecmp(verb, "panic") == 0)
		return (want_panic(word, n, im));
	if (strcasecmp(verb, "hold") == 0)
		return (want_tether(word, n, im, IMSG_HOLD));
	if (strcasecmp(verb, "release") == 0)
		return (want_tether(word, n, im, IMSG_RELEASE));
	im->type = strcasecmp(verb, "status") == 0 ? IMSG_STATUS :
	    strcasecmp(verb, "arm") == 0	   ? IMSG_ARM :
	    strcasecmp(verb, "list") == 0	   ? IMSG_LIST :
	    strcasecmp(verb, "tethers") == 0	   ? IMSG_TETHERS :
	    strcasecmp(verb, "events") == 0	   ? IMSG_EVENTS :
						     0;
	return (n == 1 && im->type != 0 ? NULL : "bad-request");
}

/* The three verbs of a holder. */
static const char *
want_holder(const char *text, struct imsg *im)
{
	uint64_t pid;
	bool	 large;

	im->u.number.n = 0;
	if (strcasecmp(text, "ping") == 0) {
		im->type = IMSG_PING;
		im->u.number.n = 1;
	} else if (strcasecmp(text, "cancel") == 0) {
		im->type = IMSG_CANCEL;
	} else if (strncasecmp(text, "watch", 5) == 0 &&
	    strchr(" \t", text[5]) != NULL) {
		text += 5;
		text += strspn(text, " \t");
		if (!number(text, 1, INT_MAX, &pid, &large))
			return ("invalid");
		im->type = IMSG_WATCH;
		im->u.number.n = (uint32_t)pid;
	} else {
		return ("bad-request");
	}
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
	if (c->holds) {
		w->refusal = want_holder(text, &w->im);
		return;
	}
	for (p = strtok_r(text, " \t", &rest); p != NULL && n < WORDS;
	     p = strtok_r(NULL, " \t", &rest))
		word[n++] = p;
	w->refusal = want_words(word, n, &w->im);
}
