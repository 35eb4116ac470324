/* SPDX-License-Identifier: ISC */
/* The commands of talk that wait for an answer, and short forms of others. */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fnmatch.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "talk.h"

#define RETRY_MS 10

/* Returns the next line, valid until the next call; NULL at the end. */
static const char *
next_line(void)
{
	static char line[LINE];
	char	   *end;
	ssize_t	    n;
	size_t	    used;

	while ((end = memchr(cur->buf, '\n', cur->len)) == NULL) {
		if (!talk_ready(cur->fd, POLLIN, patience))
			errx(1, "%s: nothing came", doing);
		n = recv(cur->fd, cur->buf + cur->len, LINE - cur->len, 0);
		if (n == 0 || (n == -1 && errno == ECONNRESET))
			return (NULL);
		if (n == -1)
			err(1, "%s", doing);
		cur->len += (size_t)n;
	}
	*end = '\0';
	used = (size_t)(end - cur->buf) + 1;
	memcpy(line, cur->buf, used);
	cur->len -= used;
	memmove(cur->buf, cur->buf + used, cur->len);
	return (line);
}

/* Returns the next line; fails, as text is wanted, if there is none. */
static const char *
line_for(const char *text)
{
	const char *line = next_line();

	if (line == NULL)
		errx(1, "%s: wanted '%s', got the end", doing, text);
	return (line);
}

void
talk_want(const char *text)
{
	const char *line = line_for(text);

	if (strcmp(line, text) != 0)
		errx(1, "%s: wanted '%s', got '%s'", doing, text, line);
}

void
do_want(void)
{
	talk_want(arg[0]);
}

void
do_wantn(void)
{
	long n;

	for (n = talk_number(arg[0]); n > 0; n--)
		talk_want(arg[1]);
}

/* Drops lines up to the one that is wanted. */
void
do_until(void)
{
	while (strcmp(line_for(arg[0]), arg[0]) != 0)
		;
}

void
do_like(void)
{
	const char *line = line_for(arg[0]);

	if (fnmatch(arg[0], line, 0) != 0)
		errx(1, "%s: wanted '%s', got '%s'", doing, arg[0], line);
}

void
do_ask(void)
{
	const char *line;

	for (;;) {
		talk_say(arg[0]);
		line = line_for(arg[1]);
		if (fnmatch(arg[1], line, 0) == 0)
			return;
		if (talk_now() + RETRY_MS >= deadline)
			errx(1, "%s: wanted '%s', got '%s'", doing, arg[1],
			    line);
		(void)poll(NULL, 0, RETRY_MS);
	}
}

void
do_show(void)
{
	puts(line_for("a line"));
	(void)fflush(stdout);
}

/*
 * Reads at most most bytes into bulk.  Returns how many; 0 at the end.
 */
static size_t
next_bytes(size_t most)
{
	ssize_t n;

	if (most > BULK)
		most = BULK;
	if (cur->len > 0) {
		if (most > cur->len)
			most = cur->len;
		memcpy(bulk, cur->buf, most);
		cur->len -= most;
		memmove(cur->buf, cur->buf + most, cur->len);
		return (most);
	}
	if (!talk_ready(cur->fd, POLLIN, patience))
		errx(1, "%s: nothing came", doing);
	n = recv(cur->fd, bulk, most, 0);
	if (n == -1 && errno != ECONNRESET)
		err(1, "%s", doing);
	return (n > 0 ? (size_t)n : 0);
}

/* Wants len bytes, those at bytes if that is not NULL. */
static void
want_bytes(const char *bytes, size_t len)
{
	size_t n, done;

	for (done = 0; done < len; done += n) {
		if ((n = next_bytes(len - done)) == 0)
			errx(1, "%s: got the end, %zu of %zu bytes before it",
			    doing, done, len);
		if (bytes != NULL && memcmp(bulk, bytes + done, n) != 0)
			errx(1, "%s: other bytes behind the first %zu", doing,
			    done);
	}
}

void
do_want_file(void)
{
	size_t	    len;
	const char *bytes = talk_contents(arg[0], &len);

	want_bytes(bytes, len);
}

void
do_take(void)
{
	want_bytes(NULL, (size_t)talk_number(arg[0]));
}

void
do_rest(void)
{
	FILE  *f = fopen(arg[0], "we");
	size_t n;

	if (f == NULL)
		err(1, "%s: %s", doing, arg[0]);
	while ((n = next_bytes(BULK)) > 0) {
		if (fwrite(bulk, 1, n, f) != n)
			err(1, "%s: %s", doing, arg[0]);
	}
	if (fclose(f) != 0)
		err(1, "%s: %s", doing, arg[0]);
}

void
do_eof(void)
{
	const char *line = next_line();

	if (line != NULL)
		errx(1, "%s: wanted the end, got '%s'", doing, line);
}

/* Waits for the end without a limit, and drops what comes before. */
void
do_hold(void)
{
	deadline = INT64_MAX;
	patience = INT32_MAX;
	while (next_line() != NULL)
		;
}

void
do_pong_under(void)
{
	const long most = talk_number(arg[0]);
	int64_t	   asked, took;
	long	   n;

	for (n = talk_number(arg[1]); n > 0; n--) {
		asked = talk_now();
		talk_put("PING\n", 5);
		talk_want("PONG");
		took = talk_now() - asked;
		if (took >= most)
			errx(1, "%s: PONG took %lld ms", doing,
			    (long long)took);
		deadline = talk_now() + patience;
	}
}

/*
 * The most frequent dialogues.
 */

static void
exchange(const char *line, const char *answer)
{
	talk_say(line);
	talk_want(answer);
}

/* hello, ping, cancel, quit */
void
do_exchange(void)
{
	static const char *const words[][3] = {
		{ "hello", "HELLO 1", "WELCOME" }, { "ping", "PING", "PONG" },
		{ "cancel", "CANCEL", "CANCELLED" }, { "quit", "QUIT", "BYE" }
	};
	size_t i = 0;

	while (strcmp(words[i][0], doing) != 0)
		i++;
	exchange(words[i][1], words[i][2]);
	if (strcmp(doing, "quit") == 0)
		do_eof();
}

/* GET of a secret whose bytes are those of a file. */
void
do_get(void)
{
	size_t	    len;
	const char *bytes = talk_contents(arg[1], &len);
	char	    line[LINE], answer[32];

	(void)snprintf(line, sizeof(line), "GET %s", arg[0]);
	(void)snprintf(answer, sizeof(answer), "DATA %zu", len);
	exchange(line, answer);
	want_bytes(bytes, len);
}

/* PUT of the bytes of a file, under the name arg[0] and with options there. */
void
do_put(void)
{
	size_t	    len;
	const char *bytes = talk_contents(arg[1], &len);
	const int   name = (int)strcspn(arg[0], " ");
	char	    line[LINE];

	(void)snprintf(line, sizeof(line), "PUT %.*s %zu%s", name, arg[0], len,
	    arg[0] + name);
	exchange(line, "GO");
	talk_put(bytes, len);
	talk_want("OK");
}
