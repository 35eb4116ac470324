/* SPDX-License-Identifier: ISC */
/*
 * A connection to the control socket: sends requests and receives answers.
 * Every failure ends the program with one line and an exit code for its kind.
 */
#include <sys/socket.h>
#include <sys/time.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "client.h"
#include "num.h"
#include "oneline.h"
#include "why.h"

#define CLIENT_WORDS   1280 /* bytes of the message for a refusal */
#define CLIENT_LINE    1024 /* bytes of the longest line, either way */
#define CLIENT_ABOUT   140  /* bytes of a secret's name and ": " */
#define CLIENT_TRIES   16   /* sends of a request that was not read */
#define CLIENT_SECONDS 10   /* without an answer: the daemon gives up after 5 */

/* Limits the time that we wait on fd for a daemon that hangs. */
static void
client_be_patient(int fd)
{
	const struct timeval patience = { CLIENT_SECONDS, 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
}

/* Of the last client_open(). */
static struct reach client_reach = { .dir = -1, .file = -1 };
static char	    client_about[CLIENT_ABOUT]; /* "NAME: ", or empty */

/*
 * Connects to a daemon at one of the places, or ends the program.  Returns the
 * connection, the caller's to close.
 */
int
client_open(const struct sockpath *places, enum client_trust trust)
{
	static const int  codes[] = { [REACH_NO_DAEMON] = EXIT_NO_DAEMON,
		 [REACH_REFUSED] = EXIT_REFUSED,
		 [REACH_FULL] = EXIT_CUT,
		 [REACH_FAILED] = EXIT_USAGE };
	enum reach_result result;

	reach_close(&client_reach);
	client_reach.seconds = CLIENT_SECONDS;
	client_reach.any = trust == CLIENT_ANY;
	result = reach_find(&client_reach, places, ".ctl");
	if (result == REACH_NO_DAEMON) {
		warnx("%s", oneline(client_reach.why));
		why_warn(places);
		exit(EXIT_NO_DAEMON);
	}
	if (result != REACH_FOUND)
		errx(codes[result], "%s", oneline(client_reach.why));
	return (client_reach.fd);
}

/* Returns the daemon that client_open() has found last. */
const struct reach *
client_daemon(void)
{
	return (&client_reach);
}

/*
 * Returns whether the daemon's pids mean the same processes here.  status is
 * its STATUS.  If the daemon is in another PID namespace, the pid there differs
 * from the one that we see; if it is on another machine, a process of this
 * machine listens.
 */
bool
client_is_near(const char *status)
{
	char	pid[32];
	int64_t n;

	answer_value(status, "pid=", pid, sizeof(pid));
	return (num_int(pid, 1, INT_MAX, &n) == NULL &&
	    (pid_t)n == client_reach.maker.pid);
}

/* From now on a message about a refusal begins with this secret's name. */
void
client_speak_of(const char *name)
{
	(void)snprintf(client_about, sizeof(client_about), "%s: ", name);
}

/* A request without an answer yet. */
static struct {
	char	     line[CLIENT_LINE];
	size_t	     len;    /* 0: there is none */
	bool	     unread; /* the daemon had closed the connection before */
	unsigned int tries;  /* that are left */
} client_request;

static void
client_send(int fd)
{
	const ssize_t sent = send(fd, client_request.line, client_request.len,
	    MSG_NOSIGNAL);

	client_request.unread = sent == -1 && errno == EPIPE;
	/*
	 * If the daemon has closed the connection, it may have sent a reason:
	 * see client_line().
	 */
	if (sent != (ssize_t)client_request.len && !client_request.unread)
		err(EXIT_CUT, "the daemon has ended");
}

/* Sends a request, to which it adds the newline, or ends the program. */
void
client_ask(int fd, const char *fmt, ...)
{
	char *const  line = client_request.line;
	const size_t size = sizeof(client_request.line);
	va_list	     ap;
	int	     len;

	va_start(ap, fmt);
	len = vsnprintf(line, size - 1, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= size - 1)
		errx(EXIT_USAGE, "the request is too long");
	line[len++] = '\n';
	client_request.len = (size_t)len;
	client_request.tries = CLIENT_TRIES;
	client_send(fd);
}

/*
 * Call this when the daemon has closed the connection fd; reset is true for
 * ECONNRESET.  If the daemon has not read the request, because we had been
 * silent and it needed room for others, sends the request again on a new
 * connection, which becomes fd, and returns true.
 */
static bool
client_ask_again(int fd, bool reset)
{
	if (client_request.len == 0 || client_request.tries == 0 ||
	    !(reset || client_request.unread) ||
	    reach_again(&client_reach) != REACH_FOUND)
		return (false);
	client_request.tries--;
	if (dup3(client_reach.fd, fd, O_CLOEXEC) == -1)
		return (false);
	close(client_reach.fd);
	client_reach.fd = fd;
	client_send(fd);
	return (true);
}

/* Exits because no dazaid sends this answer. */
noreturn void
client_nonsense(void)
{
	errx(EXIT_REFUSED, "%s%s: not the answer of a dazaid",
	    oneline(client_reach.path), client_reach.suffix);
}

/* Receives one byte of an answer, as vouch_recv().  Exits if none comes. */
static char
client_byte(int fd, bool *vouched, int *channel)
{
	ssize_t n;
	char	c = 0;

	do
		n = vouch_recv(&client_reach.vouch, fd, &c, 1, 0, vouched,
		    channel);
	while ((n == -1 && errno == EINTR) ||
	    ((n == 0 || (n == -1 && errno == ECONNRESET)) &&
		client_ask_again(fd, n == -1)));
	if (n == -1 && errno == EAGAIN)
		errx(EXIT_CUT, "the daemon did not answer within 10 seconds");
	if (n <= 0)
		errx(EXIT_CUT, "the daemon ended or closed the connection");
	client_request.len = 0;
	return (c);
}

/*
 * Receives the next line, and returns it without its newline, valid until the
 * next call.  Reads byte by byte, because a secret may follow it.  The line is
 * printable ASCII, so it can be shown on a terminal.  Sets *vouched if the
 * vault itself has sent all of it, and *channel to the descriptor that came
 * with it, or -1.
 */
static const char *
client_receive(int fd, bool *vouched, int *channel)
{
	static char line[CLIENT_LINE];
	size_t	    len;
	bool	    one;
	int	    passed;

	*vouched = true;
	*channel = -1;
	for (len = 0; len < sizeof(line); len++) {
		line[len] = client_byte(fd, &one, &passed);
		*vouched = *vouched && one;
		if (passed != -1)
			*channel = passed;
		if (line[len] == '\n') {
			line[len] = '\0';
			return (line);
		}
		if (line[len] < ' ' || line[len] > '~')
			break;
	}
	client_nonsense();
}

/* Receives a line as client_receive(); network may have forged it. */
const char *
client_line(int fd)
{
	bool vouched;
	int  channel;

	return (client_receive(fd, &vouched, &channel));
}

/* As client_line(), but returns NULL if the daemon has ended. */
const char *
client_next(int fd)
{
	char	c;
	ssize_t n;

	do
		n = recv(fd, &c, 1, MSG_PEEK);
	while (n == -1 && errno == EINTR);
	return (n <= 0 ? NULL : client_line(fd));
}

/*
 * Exits unless the vault itself has sent the last line.  *channel is the socket
 * that came with the line, which network never had.  Over a forwarded
 * connection (ssh -L) no socket can come: *channel is -1 then, and becomes a
 * duplicate of fd.  The caller closes it.
 */
static void
client_check_channel(int fd, bool vouched, int *channel)
{
	if (!vouched)
		errx(EXIT_REFUSED, "the answer did not come from the vault");
	/* Perhaps we had no free descriptor for it. */
	if (*channel == -1 && (*channel = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1)
		err(EXIT_USAGE, "the channel for the secret");
	client_be_patient(*channel);
}

/*
 * Receives the next line, which must begin with want and come from the vault
 * itself; returns the rest of it, valid until the next call.  For *channel see
 * client_check_channel().
 */
const char *
client_vouched(int fd, const char *want, int *channel)
{
	bool	    vouched;
	const char *line = client_receive(fd, &vouched, channel);

	if (strncmp(line, want, strlen(want)) != 0)
		client_refused(line);
	client_check_channel(fd, vouched, channel);
	return (line + strlen(want));
}

/*
 * Writes the message for the refusal line to words, of CLIENT_WORDS bytes, and
 * returns the exit code for it.  Exits if line is not a refusal.
 */
static int
client_refusal(const char *line, char *words)
{
	static const struct {
		const char *word;
		int	    code;
	} codes[] = { { "ERROR unguarded ", EXIT_POLICY },
		{ "ERROR pending ", EXIT_POLICY },
		{ "ERROR no-such-secret ", EXIT_NO_SECRET },
		{ "ERROR no-such-tether ", EXIT_NO_SECRET } };
	const char *word = line, *sentence;
	int	    code = EXIT_REFUSED;
	size_t	    i;

	if (!answer_is_refusal(line))
		client_nonsense();
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (strncmp(line, codes[i].word, strlen(codes[i].word)) == 0)
			code = codes[i].code;
	}
	if (strcmp(line, "BUSY") == 0)
		word = "BUSY the daemon has too many processes, transfers or "
		       "connections";
	/* "ERROR word sentence", but "ERROR invalid pid" */
	if (strncmp(line, "ERROR ", 6) == 0)
		word += 6;
	if ((sentence = strchr(word, ' ')) == NULL ||
	    strchr(sentence + 1, ' ') == NULL)
		(void)snprintf(words, CLIENT_WORDS, "%srefused: %s",
		    client_about, word);
	else
		(void)snprintf(words, CLIENT_WORDS, "%srefused: %.*s:%s",
		    client_about, (int)(sentence - word), word, sentence);
	return (code);
}

/*
 * As client_vouched(), for the line want.  But if the daemon refuses, returns
 * false, with its reason in why, of size bytes.  If it refuses every request
 * now, exits all the same.
 */
bool
client_offered(int fd, const char *want, int *channel, char *why, size_t size)
{
	bool	    vouched;
	const char *line = client_receive(fd, &vouched, channel);
	char	    words[CLIENT_WORDS];

	if (strcmp(line, want) == 0) {
		client_check_channel(fd, vouched, channel);
		return (true);
	}
	if (client_refusal(line, words) == EXIT_POLICY)
		errx(EXIT_POLICY, "%s", words);
	(void)strlcpy(why, words, size);
	return (false);
}

/* Exits with the message for line, which must be a refusal. */
noreturn void
client_refused(const char *line)
{
	char	  words[CLIENT_WORDS];
	const int code = client_refusal(line, words);

	errx(code, "%s", words);
}

/* Receives the next line; exits unless it is this one. */
void
client_want(int fd, const char *want)
{
	const char *line = client_line(fd);

	if (strcmp(line, want) != 0)
		client_refused(line);
}
