/* SPDX-License-Identifier: ISC */
/*
 * A connection to the control socket: requests out, answers in.  Every failure
 * ends the program with one line, and an exit code that tells its kind.
 */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "client.h"

#define CLIENT_LINE    1024 /* bytes of the longest line, either way */
#define CLIENT_SECONDS 10   /* without an answer: the daemon gives up after 5 */

static struct reach client_reach; /* of the last client_open() */

/* Connects to a daemon at one of the places; returns the connection. */
int
client_open(const struct sockpath *places, enum client_trust trust)
{
	static const int  codes[] = { [REACH_NO_DAEMON] = EXIT_NO_DAEMON,
		 [REACH_REFUSED] = EXIT_REFUSED,
		 [REACH_FULL] = EXIT_CUT,
		 [REACH_FAILED] = EXIT_USAGE };
	enum reach_result result;

	client_reach.seconds = CLIENT_SECONDS;
	client_reach.any = trust == CLIENT_ANY;
	result = reach_find(&client_reach, places, ".ctl");
	if (result != REACH_FOUND)
		errx(codes[result], "%s", client_reach.why);
	return (client_reach.fd);
}

/* The daemon that client_open() has found last. */
const struct reach *
client_daemon(void)
{
	return (&client_reach);
}

/* Sends one line; the newline is ours. */
void
client_ask(int fd, const char *fmt, ...)
{
	char	line[CLIENT_LINE];
	va_list ap;
	int	len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(line) - 1)
		errx(EXIT_USAGE, "too long a request");
	line[len++] = '\n';
	/* A daemon that turned us away may have said why: see client_line(). */
	if (send(fd, line, (size_t)len, MSG_NOSIGNAL) != len && errno != EPIPE)
		err(EXIT_CUT, "the daemon is gone");
}

/* Ends the program for an answer that no dazaid gives. */
static noreturn void
client_nonsense(void)
{
	errx(EXIT_REFUSED, "%s%s: not the answer of a dazaid",
	    client_reach.path, client_reach.suffix);
}

/* Receives one byte of an answer; the program ends if none comes. */
static char
client_receive(int fd)
{
	ssize_t n;
	char	c;

	do
		n = recv(fd, &c, 1, 0);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		errx(EXIT_CUT, "no answer from the daemon");
	if (n <= 0)
		errx(EXIT_CUT, "the daemon ended, or has cut us off");
	return (c);
}

/*
 * Receives the next line, and returns it without its newline, valid until the
 * next call.  Byte by byte, because a secret may follow.  The line has
 * printable ASCII and nothing else: it can be shown on a terminal.
 */
const char *
client_line(int fd)
{
	static char line[CLIENT_LINE];
	size_t	    len;

	for (len = 0; len < sizeof(line); len++) {
		line[len] = client_receive(fd);
		if (line[len] == '\n') {
			line[len] = '\0';
			return (line);
		}
		if (line[len] < ' ' || line[len] > '~')
			break;
	}
	client_nonsense();
}

/* Ends the program with what line says, which must be a refusal. */
noreturn void
client_refused(const char *line)
{
	static const struct {
		const char *word;
		int	    code;
	} words[] = { { "ERROR unguarded ", EXIT_POLICY },
		{ "ERROR pending ", EXIT_POLICY },
		{ "ERROR no-such-secret ", EXIT_NO_SECRET } };
	const char *word = line, *sentence;
	int	    code = EXIT_REFUSED;
	size_t	    i;

	if (!answer_is_refusal(line))
		client_nonsense();
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strncmp(line, words[i].word, strlen(words[i].word)) == 0)
			code = words[i].code;
	}
	/* "ERROR word sentence", but "ERROR invalid pid", and "BUSY" */
	if (strncmp(line, "ERROR ", 6) == 0)
		word += 6;
	if ((sentence = strchr(word, ' ')) == NULL ||
	    strchr(sentence + 1, ' ') == NULL)
		errx(code, "refused: %s", word);
	errx(code, "refused: %.*s:%s", (int)(sentence - word), word, sentence);
}

/* The next line must be this one. */
void
client_want(int fd, const char *want)
{
	const char *line = client_line(fd);

	if (strcmp(line, want) != 0)
		client_refused(line);
}
