/* SPDX-License-Identifier: ISC */
/*
 * The control protocol's requests, each one line.  Works on the caller's
 * buffer, holds no state and allocates nothing.
 */
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "num.h"
#include "request.h"

#define REQUEST_WORDS 6 /* more than any request has */

static const char request_bad_name[] =
    "ERROR bad-name a name is 1 to 64 "
    "letters, digits, '.', '_' or '-', and begins with "
    "none of '.' and '-'\n";

/*
 * Cuts line at its blanks into at most REQUEST_WORDS words; returns how many.
 */
static size_t
request_split(char *line, char **word)
{
	size_t n = 0;

	while (n < REQUEST_WORDS) {
		line += strspn(line, " \t");
		if (*line == '\0')
			break;
		word[n++] = line;
		line += strcspn(line, " \t");
		if (*line != '\0')
			*line++ = '\0';
	}
	return (n);
}

/* The value of word if it is KEY=VALUE of this key, which ends with '='; or
 * NULL. */
static const char *
request_value(const char *word, const char *key)
{
	size_t len = strlen(key);

	return (strncasecmp(word, key, len) == 0 ? word + len : NULL);
}

static const char *
request_nothing(char **word, size_t n, struct request *rq)
{
	(void)word;
	(void)rq;
	return (n == 0 ? NULL : "ERROR bad-request this verb stands alone\n");
}

static const char *
request_panic(char **word, size_t n, struct request *rq)
{
	if (n == 0)
		return (NULL);
	rq->hard = 1;
	return (n == 1 && strcasecmp(word[0], "hard") == 0 ?
		NULL :
		"ERROR bad-request PANIC is alone or PANIC hard\n");
}

static const char *
request_pid(char **word, size_t n, struct request *rq)
{
	const char *value;
	int64_t	    pid;

	if (n != 1 || (value = request_value(word[0], "pid=")) == NULL ||
	    num_int(value, 1, INT_MAX, &pid) != NULL)
		return ("ERROR invalid pid\n");
	rq->pid = (pid_t)pid;
	return (NULL);
}

/* REGISTER alone is for who says it. */
static const char *
request_register(char **word, size_t n, struct request *rq)
{
	return (n == 0 ? NULL : request_pid(word, n, rq));
}

static const char *
request_name(char **word, size_t n, struct request *rq)
{
	if (n != 1)
		return (
		    "ERROR bad-request a name is wanted, and nothing else\n");
	if (!store_name_ok(word[0]))
		return (request_bad_name);
	memcpy(rq->name, word[0], strlen(word[0]) + 1);
	return (NULL);
}

/* One of PUT's options. */
static const char *
request_put_option(const char *word, struct request *rq)
{
	const char *value;
	int64_t	    n;

	if ((value = request_value(word, "reads=")) != NULL) {
		if (num_int(value, 1, UINT32_MAX, &n) != NULL)
			return (
			    "ERROR bad-request reads= is 1 to 4294967295\n");
		rq->reads = (uint32_t)n;
	} else if ((value = request_value(word, "ttl=")) != NULL) {
		if (num_ms(value, &n) != NULL || n == 0)
			return (
			    "ERROR bad-request ttl= is a number of seconds, "
			    "more than 0\n");
		rq->ttl = n;
	} else {
		return ("ERROR bad-request PUT knows reads= and ttl=\n");
	}
	return (NULL);
}

static const char *
request_put(char **word, size_t n, struct request *rq)
{
	const char *refusal, *why;
	int64_t	    size;
	size_t	    i;

	if (n < 2 || n > 4)
		return ("ERROR bad-request PUT <name> <size> [reads=N] "
			"[ttl=SECONDS]\n");
	if ((refusal = request_name(word, 1, rq)) != NULL)
		return (refusal);
	why = num_int(word[1], 1, INT64_MAX - 1, &size);
	if (why != NULL && strcmp(why, "too large") == 0)
		return ("ERROR too-large no arena has so many bytes\n");
	if (why != NULL)
		return ("ERROR bad-request the size is a number of bytes, "
			"1 at least\n");
	rq->size = (uint64_t)size;
	for (i = 2; i < n; i++) {
		if ((refusal = request_put_option(word[i], rq)) != NULL)
			return (refusal);
	}
	return (NULL);
}

/*
 * Reads the request line into rq; line is cut up.  Returns NULL, or the refusal
 * that the client is to read, with its newline.
 */
const char *
request_parse(char *line, struct request *rq)
{
	static const struct {
		const char	 *name;
		enum request_verb verb;
		const char *(*parse)(char **, size_t, struct request *);
	} verbs[] = { { "STATUS", REQUEST_STATUS, request_nothing },
		{ "ARM", REQUEST_ARM, request_nothing },
		{ "PANIC", REQUEST_PANIC, request_panic },
		{ "LIST", REQUEST_LIST, request_nothing },
		{ "REGISTER", REQUEST_REGISTER, request_register },
		{ "UNREGISTER", REQUEST_UNREGISTER, request_pid },
		{ "PUT", REQUEST_PUT, request_put },
		{ "GET", REQUEST_GET, request_name },
		{ "DEL", REQUEST_DEL, request_name } };
	char  *word[REQUEST_WORDS];
	size_t i, n;

	memset(rq, 0, sizeof(*rq));
	n = request_split(line, word);
	for (i = 0; n > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcasecmp(word[0], verbs[i].name) == 0) {
			rq->verb = verbs[i].verb;
			return (verbs[i].parse(word + 1, n - 1, rq));
		}
	}
	return ("ERROR bad-request no such verb\n");
}
