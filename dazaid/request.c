/* SPDX-License-Identifier: ISC */
/*
 * Parses the lines of both protocols into the messages that network sends for
 * them, and has the words of each refusal and answer.  Works on the caller's
 * buffer, holds no state and allocates nothing.
 */
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "name.h"
#include "num.h"
#include "request.h"
#include "session.h"

#define REQUEST_WORDS 7 /* more than any request has */

static const char *const request_answers[IMSG_ANSWERS] = {
	[IMSG_ANSWER_OK] = "OK\n",
	[IMSG_ANSWER_SENT] = "",
	[IMSG_ANSWER_CUT] = "",
	[IMSG_ANSWER_ALREADY_ARMED] = "ALREADY_ARMED\n",
	[IMSG_ANSWER_BUSY] = "BUSY\n",
	[IMSG_ANSWER_INVALID_PID] = "ERROR invalid pid\n",
	[IMSG_ANSWER_UNGUARDED] =
	    "ERROR unguarded this session is not guarded\n",
	[IMSG_ANSWER_PENDING] = "ERROR pending a panic is pending\n",
	[IMSG_ANSWER_NO_SUCH_SECRET] =
	    "ERROR no-such-secret there is no secret of this name\n",
	[IMSG_ANSWER_NO_SUCH_TETHER] =
	    "ERROR no-such-tether nobody holds a tether of this name\n",
	[IMSG_ANSWER_EXISTS] = "ERROR exists there is a secret of this name\n",
	[IMSG_ANSWER_FULL] =
	    "ERROR full there is no room for another secret of this size\n",
	[IMSG_ANSWER_TOO_LARGE] =
	    "ERROR too-large it is larger than the arena\n",
};
static const char request_bad_name[] = "ERROR bad-name " NAME_RULE "\n";

/*
 * Splits line at its blanks into at most REQUEST_WORDS words.  Returns the
 * number of words.
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

/*
 * Returns the value if word is KEY=VALUE with this key, which ends with '=';
 * else NULL.
 */
static const char *
request_value(const char *word, const char *key)
{
	size_t len = strlen(key);

	return (strncasecmp(word, key, len) == 0 ? word + len : NULL);
}

static const char *
request_nothing(char **word, size_t n, struct imsg *im)
{
	(void)word;
	(void)im;
	return (n == 0 ? NULL :
			 "ERROR bad-request this request has no arguments\n");
}

static const char *
request_panic(char **word, size_t n, struct imsg *im)
{
	if (n == 0)
		return (NULL);
	im->u.number.n = 1;
	return (n == 1 && strcasecmp(word[0], "hard") == 0 ?
		NULL :
		"ERROR bad-request say PANIC or PANIC hard\n");
}

static const char *
request_pid(char **word, size_t n, struct imsg *im)
{
	const char *value;
	int64_t	    pid;

	if (n != 1 || (value = request_value(word[0], "pid=")) == NULL ||
	    num_int(value, 1, INT_MAX, &pid) != NULL)
		return (request_answer(IMSG_ANSWER_INVALID_PID));
	im->u.number.n = (uint32_t)pid;
	return (NULL);
}

/* REGISTER without a pid means the client itself: pid 0. */
static const char *
request_register(char **word, size_t n, struct imsg *im)
{
	return (n == 0 ? NULL : request_pid(word, n, im));
}

/* Copies a valid word to name, of NAME_BYTES bytes. */
static const char *
request_copy_name(const char *word, char *name)
{
	if (!name_ok(word))
		return (request_bad_name);
	memcpy(name, word, strlen(word) + 1);
	return (NULL);
}

static const char *
request_name(char **word, size_t n, struct imsg *im)
{
	if (n != 1)
		return ("ERROR bad-request give one name\n");
	return (request_copy_name(word[0], im->u.secret.name));
}

/* With GET's option the client can overwrite the kernel's socket buffers. */
static const char *
request_get(char **word, size_t n, struct imsg *im)
{
	if (n == 2 && strcasecmp(word[1], "cpu") == 0) {
		im->u.secret.cpu = 1;
		n = 1;
	}
	return (request_name(word, n, im));
}

static const char *
request_del(char **word, size_t n, struct imsg *im)
{
	if (n != 1 || strcmp(word[0], NAME_ALL) != 0)
		return (request_name(word, n, im));
	memcpy(im->u.secret.name, NAME_ALL, sizeof(NAME_ALL));
	return (NULL);
}

static const char *
request_tether(char **word, size_t n, struct imsg *im)
{
	if (n != 1)
		return ("ERROR bad-request give one tether\n");
	if (!name_tether_ok(word[0]))
		return ("ERROR bad-name a tether is 1 to 16 of a-z, 0-9 and "
			"'-'\n");
	memcpy(im->u.tether.name, word[0], strlen(word[0]) + 1);
	return (NULL);
}

/* Only HELLO takes the heartbeat's tether. */
static const char *
request_hold(char **word, size_t n, struct imsg *im)
{
	if (n == 1 && strcmp(word[0], SESSION_HEARTBEAT_NAME) == 0)
		return ("ERROR bad-name "
			"the tether 'heartbeat' is taken with HELLO on the "
			"heartbeat socket\n");
	return (request_tether(word, n, im));
}

/* Parses one of PUT's options. */
static const char *
request_put_option(const char *word, struct imsg_put *put)
{
	const char *value;
	int64_t	    n;

	if ((value = request_value(word, "reads=")) != NULL) {
		if (num_int(value, 1, UINT32_MAX, &n) != NULL)
			return (
			    "ERROR bad-request reads= is 1 to 4294967295\n");
		put->reads = (uint32_t)n;
	} else if ((value = request_value(word, "ttl=")) != NULL) {
		if (num_ms(value, &n) != NULL || n == 0)
			return (
			    "ERROR bad-request ttl= is a number of seconds, "
			    "more than 0\n");
		put->ttl = n;
	} else if (strcasecmp(word, "replace") == 0) {
		put->replace = 1;
	} else {
		return (
		    "ERROR bad-request the options of PUT are reads=, ttl= and "
		    "replace\n");
	}
	return (NULL);
}

static const char *
request_put(char **word, size_t n, struct imsg *im)
{
	struct imsg_put *put = &im->u.put;
	const char	*refusal, *why;
	int64_t		 size;
	size_t		 i;

	if (n < 2 || n > 5)
		return ("ERROR bad-request PUT <name> <size> [reads=N] "
			"[ttl=SECONDS] [replace]\n");
	if ((refusal = request_copy_name(word[0], put->name)) != NULL)
		return (refusal);
	why = num_int(word[1], 1, INT64_MAX - 1, &size);
	if (why != NULL && strcmp(why, "too large") == 0)
		return ("ERROR too-large it is larger than the arena\n");
	if (why != NULL)
		return ("ERROR bad-request the size is a number of bytes, "
			"1 at least\n");
	put->size = (uint64_t)size;
	for (i = 2; i < n; i++) {
		if ((refusal = request_put_option(word[i], put)) != NULL)
			return (refusal);
	}
	return (NULL);
}

static void
request_clear(struct imsg *im)
{
	memset(im, 0, sizeof(*im));
	im->fd = -1;
}

/*
 * Parses a line of the control socket into the message for the vault.  Returns
 * NULL, or the refusal for the client, with its newline.  Changes line.
 */
const char *
request_parse(char *line, struct imsg *im)
{
	static const struct {
		const char    *name;
		enum imsg_type type;
		const char *(*parse)(char **, size_t, struct imsg *);
	} verbs[] = { { "STATUS", IMSG_STATUS, request_nothing },
		{ "ARM", IMSG_ARM, request_nothing },
		{ "PANIC", IMSG_PANIC, request_panic },
		{ "LIST", IMSG_LIST, request_nothing },
		{ "REGISTER", IMSG_REGISTER, request_register },
		{ "UNREGISTER", IMSG_UNREGISTER, request_pid },
		{ "PUT", IMSG_PUT, request_put },
		{ "GET", IMSG_GET, request_get },
		{ "DEL", IMSG_DEL, request_del },
		{ "HOLD", IMSG_HOLD, request_hold },
		{ "RELEASE", IMSG_RELEASE, request_tether },
		{ "TETHERS", IMSG_TETHERS, request_nothing },
		{ "EVENTS", IMSG_EVENTS, request_nothing } };
	char  *word[REQUEST_WORDS];
	size_t i, n;

	request_clear(im);
	n = request_split(line, word);
	for (i = 0; n > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcasecmp(word[0], verbs[i].name) == 0) {
			im->type = verbs[i].type;
			return (verbs[i].parse(word + 1, n - 1, im));
		}
	}
	return ("ERROR bad-request no such verb\n");
}

/*
 * If line is this verb and a pid, returns true with the pid in *n, or 0 if the
 * pid is wrong.
 */
static bool
request_is_pid(const char *line, const char *verb, int64_t *n)
{
	const size_t len = strlen(verb);

	if (strncasecmp(line, verb, len) != 0 ||
	    (line[len] != '\0' && line[len] != ' ' && line[len] != '\t'))
		return (false);
	line += len;
	if (num_int(line + strspn(line, " \t"), 1, INT_MAX, n) != NULL)
		*n = 0;
	return (true);
}

/*
 * Parses a line of the heartbeat socket, as request_parse() does.  is_heartbeat
 * is true if the client has sent HELLO before; until then it may send nothing
 * else.
 */
const char *
request_parse_heartbeat(const char *line, bool is_heartbeat, struct imsg *im)
{
	int64_t pid;

	request_clear(im);
	if (request_is_pid(line, "HELLO", &pid)) {
		if (pid == 0)
			return ("ERR bad-pid\n");
		im->type = IMSG_HELLO;
		im->u.number.n = (uint32_t)pid;
		return (NULL);
	}
	if (!is_heartbeat)
		return ("ERR unknown-verb\n");
	return (request_parse_holder(line, true, im));
}

/*
 * Parses a line of a holder, as request_parse() does: of the heartbeat, which
 * alone may send QUIT, or of a holder on the control socket.
 */
const char *
request_parse_holder(const char *line, bool is_heartbeat, struct imsg *im)
{
	static const struct {
		const char    *name;
		enum imsg_type type;
	} verbs[] = { { "PING", IMSG_PING }, { "CANCEL", IMSG_CANCEL },
		{ "QUIT", IMSG_QUIT } };
	const size_t nverbs = is_heartbeat ? 3 : 2;
	int64_t	     pid;
	size_t	     i;

	request_clear(im);
	if (request_is_pid(line, "WATCH", &pid)) {
		im->type = IMSG_WATCH;
		im->u.number.n = (uint32_t)pid;
		return (
		    pid != 0 ? NULL : request_answer(IMSG_ANSWER_INVALID_PID));
	}
	for (i = 0; i < nverbs; i++) {
		if (strcasecmp(line, verbs[i].name) == 0) {
			im->type = verbs[i].type;
			return (NULL);
		}
	}
	return (is_heartbeat ?
		"ERR unknown-verb\n" :
		"ERROR bad-request a holder can send only PING, CANCEL and "
		"WATCH\n");
}

/*
 * Returns the line for answer, which must be one of enum imsg_answer.  It is
 * empty if the vault itself has answered, or if the connection must be closed
 * without an answer.
 */
const char *
request_answer(uint32_t answer)
{
	return (request_answers[answer]);
}
