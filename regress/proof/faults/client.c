/* SPDX-License-Identifier: ISC */
/*
 * The client of a run: it makes each request, twice if need be, and says what
 * is not as dazai-protocol(7) has it.  Exits with SERVED, GONE or WRONG, or
 * dies of SIGALRM if it hangs.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"

#ifdef __x86_64__

enum outcome { GOOD, REFUSED };

static int  heart = -1, control = -1;
static bool maybe_put; /* all of it was sent */

static noreturn void
wrong(const char *what, const char *got)
{
	(void)snprintf(note->why, sizeof(note->why), "%s: %.100s", what, got);
	_exit(WRONG);
}

/* Connects; exits if nobody listens any more. */
static int
client_connect(const char *suffix)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int		   fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s%s", sock,
	    suffix);
	if (fd == -1)
		err(3, "socket");
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		_exit(GONE);
	return (fd);
}

static void
client_send(int fd, const char *bytes, size_t len)
{
	(void)!send(fd, bytes, len, MSG_NOSIGNAL); /* the answer tells more */
}

/* A line without its newline; "" at the end. */
static const char *
client_line(int fd)
{
	static char line[512];
	size_t	    n = 0;

	while (n < sizeof(line) - 1 && recv(fd, line + n, 1, 0) == 1 &&
	    line[n] != '\n')
		n++;
	if (n > 0 && line[n] != '\n') /* cut short */
		n = 0;
	line[n] = '\0';
	return (line);
}

/* Says the line; returns the answer. */
static const char *
client_ask(int fd, const char *line)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s\n", line);
	client_send(fd, text, strlen(text));
	return (client_line(fd));
}

/* The answer must be word, a refusal, or the end of the connection. */
static enum outcome
client_is(const char *answer, const char *word)
{
	if (strcmp(answer, word) == 0)
		return (GOOD);
	if (*answer != '\0' && strcmp(answer, "BUSY") != 0 &&
	    strncmp(answer, "ERROR ", 6) != 0)
		wrong(word, answer);
	if (strncmp(answer, "ERROR no-such-secret", 20) == 0 ||
	    strncmp(answer, "ERROR exists", 12) == 0)
		wrong(word, answer);
	return (REFUSED);
}

/* Sends the second secret. */
static enum outcome
client_put(const char *line)
{
	const char *answer = client_ask(control, line);

	if (maybe_put && strncmp(answer, "ERROR exists", 12) == 0)
		return (GOOD);
	if (client_is(answer, "GO") != GOOD)
		return (REFUSED);
	client_send(control, two, SECRET);
	maybe_put = true;
	return (client_is(client_line(control), "OK"));
}

static enum outcome
client_get(const char *line)
{
	const char *want = strcmp(line, "GET one") == 0 ? one : two;
	char	    bytes[SECRET];
	ssize_t	    n;

	if (client_is(client_ask(control, line), "DATA 40") != GOOD)
		return (REFUSED);
	n = recv(control, bytes, SECRET, MSG_WAITALL);
	if (n > 0 && memcmp(bytes, want, (size_t)n) != 0)
		wrong(line, "other bytes");
	return (n == SECRET ? GOOD : REFUSED);
}

static enum outcome
client_ok(const char *line)
{
	return (client_is(client_ask(control, line), "OK"));
}

/* The answer is OK after one line of each of two patterns; NULL: of none. */
static enum outcome
client_rows(const char *ask, const char *first, const char *second)
{
	const char *const rows[] = { first, second };
	const char	 *line;
	bool		  seen[2] = { first == NULL, second == NULL };
	int		  i;

	for (line = client_ask(control, ask); strcmp(line, "OK") != 0;
	     line = client_line(control)) {
		for (i = 0; i < 2 &&
		     (rows[i] == NULL || fnmatch(rows[i], line, 0) != 0);
		     i++)
			;
		if (i == 2)
			return (client_is(line, "OK"));
		seen[i] = true;
	}
	if (!seen[0] || !seen[1])
		wrong(ask, "not those that there are");
	return (GOOD);
}

static bool deleted; /* perhaps: a DEL without an answer may have been done */

static enum outcome
client_list(const char *line)
{
	return (client_rows(line, deleted ? NULL : "one 40 - -", "two 40 - -"));
}

static enum outcome
client_del(const char *line)
{
	const char *answer = client_ask(control, line);

	if (deleted && strncmp(answer, "ERROR no-such-secret", 20) == 0)
		return (GOOD);
	deleted = true;
	return (client_is(answer, "OK"));
}

static enum outcome
client_status(const char *ask)
{
	const char *line = client_ask(control, ask);

	if (strncmp(line, "STATUS alive=1 ", 15) != 0)
		return (client_is(line, "STATUS"));
	if (strstr(line, " guarded=1 ") == NULL)
		return (REFUSED);
	if (strstr(line, " secrets=1 ") == NULL)
		wrong("STATUS", line);
	return (GOOD);
}

/* A process that leads a group, as a command of dazaictl run, and a second. */
static void
client_sleepers(void)
{
	pid_t pid;
	int   i;

	for (i = 0; i < SLEEPERS; i++) {
		if ((pid = fork()) == -1)
			err(3, "fork");
		if (pid == 0) {
			closefrom(heart);
			for (;;)
				(void)pause();
		}
		note->sleepers[i] = pid;
		if (setpgid(pid, note->sleepers[0]) == -1)
			err(3, "setpgid");
	}
}

/* Two holders of one tether. */

static int	    holders[2];
static unsigned int nholders;

static enum outcome
client_hold(const char *line)
{
	if (client_is(client_ask(control, line), "HOLDING") != GOOD)
		return (REFUSED);
	holders[nholders++] = control;
	control = -1;
	return (GOOD);
}

/* The fault may have cost one of the holders, which is no loss. */
static enum outcome
client_tethers(const char *line)
{
	return (client_rows(line, "heartbeat 1 held *", "usb [12] held *"));
}

/* Holds and releases a tether of its own. */
static enum outcome
client_release(const char *line)
{
	const int	   fd = client_connect(".ctl");
	const enum outcome held = client_is(client_ask(fd, "HOLD other"),
	    "HOLDING");
	enum outcome	   released = REFUSED;

	if (held == GOOD)
		released = client_ok(line);
	if (held == GOOD && released == GOOD && *client_line(fd) != '\0')
		wrong("RELEASE", "its holder is not disconnected");
	close(fd);
	return (released);
}

/* A line of the second holder; if it is cut off, the first one remains. */
static void
client_holder_says(const char *line, const char *want)
{
	const char *answer = client_ask(holders[1], line);

	if (*answer != '\0' && strcmp(answer, want) != 0 &&
	    strncmp(answer, "ERROR ", 6) != 0)
		wrong(line, answer);
}

/* Returns whether the daemon gives up the heartbeat. */
static bool
client_dropped(int ms)
{
	struct pollfd pfd = { .fd = heart, .events = POLLRDHUP };

	return (poll(&pfd, 1, ms) == 1);
}

/*
 * One request.  There is one fault, so a second try must be served, unless the
 * daemon is about to end.
 */
static void
client_does(const char *line, enum outcome (*request)(const char *))
{
	int i;

	for (i = 0; i < 2; i++) {
		if (control == -1)
			control = client_connect(".ctl");
		if (request(line) == GOOD)
			return;
		close(control);
		control = -1;
	}
	if (client_dropped(5000))
		_exit(GONE);
	wrong(line, "neither served nor ended");
}

/* A line of the heartbeat.  If the connection is closed, the daemon ends. */
static void
client_beats(const char *line, const char *want)
{
	const char *answer = client_ask(heart, line);

	if (*answer == '\0')
		_exit(GONE);
	if (strcmp(answer, want) != 0)
		wrong(line, answer);
}

static void
client_guards(void)
{
	const char *answer;
	int	    i;

	for (i = 0; i < 200; i++) {
		heart = client_connect("");
		answer = client_ask(heart, "HELLO 1");
		if (strcmp(answer, "WELCOME") == 0) {
			note->guarded = true;
			return;
		}
		if (*answer != '\0' && strcmp(answer, "BUSY") != 0)
			wrong("HELLO", answer);
		close(heart);
		(void)poll(NULL, 0,
		    i == 0 ? 0 :
			     10); /* the vault may not have seen the end yet */
	}
	wrong("HELLO", "always BUSY");
}

/* The loss of one holder is none; that of the last one ends the daemon. */
static void
client_loses_tether(void)
{
	char line[32];

	client_does("HOLD usb", client_hold);
	client_does("HOLD usb", client_hold);
	client_does("TETHERS", client_tethers);
	(void)snprintf(line, sizeof(line), "WATCH %ld", (long)getpid());
	client_holder_says(line, "OK");
	client_does("RELEASE other", client_release);
	close(holders[0]);
	client_does("STATUS", client_status);
	client_holder_says("CANCEL", "NOTHING-PENDING");
	client_holder_says("PING", "PONG");
	close(holders[1]);
}

static void
client_ends(const struct scene *s, pid_t vault)
{
	switch (s->ending) {
	case END_CLOSE:
		return;
	case END_QUIT:
		/* Not while it is executed: there must be time to cancel. */
		client_does("PANIC", client_ok);
		client_beats("CANCEL", "CANCELLED");
		client_beats("QUIT", "BYE");
		return;
	case END_HARD:
		client_does("PANIC hard", client_ok);
		break;
	case END_TERM:
		(void)kill(vault, SIGTERM);
		break;
	case END_TETHER:
		client_loses_tether();
		break;
	}
	if (!client_dropped(10000))
		wrong("the end", "there is none");
}

noreturn void
client_run(const struct scene *s, pid_t vault)
{
	char line[64];

	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm(30);
	faults_become_nobody();
	client_guards();
	client_does("PUT two 40", client_put);
	client_does("LIST", client_list);
	client_does("GET two", client_get);
	client_does("GET one", client_get);
	client_does("DEL one", client_del);
	client_does("LIST", client_list);
	client_does("STATUS", client_status);
	client_beats("PING", "PONG");
	note->ending = true;
	if (s->ending == END_HARD) {
		client_sleepers();
		(void)snprintf(line, sizeof(line), "REGISTER pid=%ld",
		    (long)note->sleepers[0]);
		client_does(line, client_ok);
		note->registered = true;
	}
	client_ends(s, vault);
	_exit(SERVED);
}

#endif
