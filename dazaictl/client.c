/* SPDX-License-Identifier: ISC */
/*
 * A connection to the control socket: requests out, answers in.  What fails
 * ends the program, with one line and the exit code that says what.
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "cred.h"
#include "sockpath.h"
#include "vouch.h"

#define CLIENT_LINE    1024 /* bytes of the longest line, either way */
#define CLIENT_SECONDS 10   /* without an answer: the daemon gives up after 5 */

static struct vouch client_vouch; /* of the connection opened last */

/* A stuck daemon must not make us wait for ever. */
static void
client_be_patient(int fd)
{
	const struct timeval patience = { CLIENT_SECONDS, 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
}

/*
 * Connects to the daemon whose heartbeat socket is path.  It must be ours or
 * root's: a stranger's would be handed a secret.
 */
int
client_open(const char *path)
{
	struct sockaddr_un sun;
	struct ucred	   who;
	char		   file[sizeof(sun.sun_path)];
	int		   fd;

	(void)snprintf(file, sizeof(file), "%s.ctl", path);
	sockpath_addr(file, &sun);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    vouch_ask(fd) == -1)
		err(EXIT_USAGE, "socket");
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1) {
		if (errno == EACCES || errno == EPERM)
			err(EXIT_REFUSED, "%s", file);
		err(EXIT_NO_DAEMON, "%s: no daemon", file);
	}
	client_be_patient(fd);
	if (!cred_allowed(fd, geteuid(), &who))
		errx(EXIT_REFUSED, "%s: belongs to uid %lu, not to us or root",
		    file, (unsigned long)who.uid);
	if (vouch_init(&client_vouch, fd) == -1)
		err(EXIT_REFUSED, "%s: cannot tell who answers", file);
	return (fd);
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
	/* One that turned us away may have said why: client_line() will see. */
	if (send(fd, line, (size_t)len, MSG_NOSIGNAL) != len && errno != EPIPE)
		err(EXIT_CUT, "the daemon is gone");
}

/*
 * The next line, without its newline and valid until the next call.  Byte by
 * byte, because what follows it may not be a line.  *vouched: the vault itself
 * has sent all of it; *channel: the descriptor that came with it, or -1.
 */
static const char *
client_receive(int fd, bool *vouched, int *channel)
{
	static char line[CLIENT_LINE];
	size_t	    len = 0;
	ssize_t	    n;
	bool	    one;
	int	    passed;

	*vouched = true;
	*channel = -1;
	for (;;) {
		n = vouch_recv(&client_vouch, fd, &line[len], 1, 0, &one,
		    &passed);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			errx(EXIT_CUT, "no answer from the daemon");
		if (n <= 0)
			errx(EXIT_CUT, "the daemon ended, or has cut us off");
		*vouched = *vouched && one;
		if (passed != -1)
			*channel = passed;
		if (line[len] == '\n')
			break;
		if (++len == sizeof(line))
			errx(EXIT_CUT, "not the answer of a dazaid");
	}
	line[len] = '\0';
	return (line);
}

/* The next line, as client_receive(); it may be network's invention. */
const char *
client_line(int fd)
{
	bool vouched;
	int  channel;

	return (client_receive(fd, &vouched, &channel));
}

/*
 * The next line, which must begin with want and come from the vault itself; the
 * rest of it, valid until the next call.  *channel is the socket that came with
 * it, the caller's to close: network never had it.
 */
const char *
client_vouched(int fd, const char *want, int *channel)
{
	bool	    vouched;
	const char *line = client_receive(fd, &vouched, channel);

	if (strncmp(line, want, strlen(want)) != 0)
		client_refused(line);
	if (!vouched || *channel == -1)
		errx(EXIT_REFUSED, "the answer did not come from the vault");
	client_be_patient(*channel);
	return (line + strlen(want));
}

/* Ends the program with what line, an answer that was not wanted, says. */
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
