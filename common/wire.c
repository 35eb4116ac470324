/* SPDX-License-Identifier: ISC */
/*
 * Sends and receives lines on a holder's connection to the daemon, and on the
 * channel to the vault.  It does not interpret them.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "line.h"
#include "wire.h"

/* Received bytes, up to the end of a line. */
struct lines {
	size_t len;
	char   buf[LINE_BYTES];
};

static struct {
	struct reach daemon;
	int	     fd;	/* to the daemon; -1: there is no connection */
	int	     channel;	/* to the vault; -1 before it has welcomed us */
	bool	     forwarded; /* by ssh -L, through which no channel comes */
	bool	     vouched;	/* the vault has sent all bytes in lines */
	struct lines lines;	/* from the daemon */
	struct lines answers;	/* from the vault, over the channel */
} wire = { .daemon = { .dir = -1, .file = -1 }, .fd = -1, .channel = -1 };

/* The daemon that wire_open() has found, or the error. */
const struct reach *
wire_daemon(void)
{
	return (&wire.daemon);
}

/* Returns whether a daemon was found before. */
bool
wire_known(void)
{
	return (wire.daemon.file != -1);
}

/*
 * Connects to the daemon that was found before, or else finds one as
 * reach_find() does.  The caller closes the connection before it opens another
 * one.
 */
enum reach_result
wire_open(const struct sockpath *places, const char *suffix)
{
	enum reach_result result;

	if (wire_known())
		result = reach_again(&wire.daemon);
	else
		result = reach_find(&wire.daemon, places, suffix);
	if (result == REACH_FOUND) {
		wire.fd = wire.daemon.fd;
		wire.lines.len = wire.answers.len = 0;
	}
	return (result);
}

/* Closes the connection and the channel, if they are open. */
void
wire_close(void)
{
	if (wire.fd != -1)
		close(wire.fd);
	if (wire.channel != -1)
		close(wire.channel);
	wire.fd = wire.channel = -1;
}

/* Forgets the daemon: the next wire_open() looks for one at every place. */
void
wire_forget(void)
{
	reach_close(&wire.daemon);
}

/*
 * Call this for WELCOME or HOLDING, with the channel that came with the line,
 * which becomes ours.  Returns false if the vault has not sent the line.  If it
 * has, but there is no channel (-1), the listener is an ssh -L, which forwards
 * only bytes: then everything goes over the connection.
 */
bool
wire_welcome(int channel)
{
	wire.channel = channel;
	wire.forwarded = channel == -1;
	return (wire.vouched);
}

/* Returns whether everything goes over the connection: see wire_welcome(). */
bool
wire_forwarded(void)
{
	return (wire.forwarded);
}

/* Fills in WIRE_PFD entries. */
void
wire_poll(struct pollfd *pfd)
{
	pfd[WIRE_DAEMON] = (struct pollfd){ wire.fd, POLLIN, 0 };
	pfd[WIRE_CHANNEL] = (struct pollfd){ wire.channel, POLLIN, 0 };
}

/* Sends a line over the connection, if there is one.  Never blocks. */
void
wire_send(const char *line)
{
	/* If the daemon does not read, its own deadline will pass. */
	if (wire.fd != -1)
		(void)send(wire.fd, line, strlen(line),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * Sends an order (WIRE_PING, WIRE_CANCEL) over the channel, where network can
 * neither see nor forge it.  Never blocks.
 */
void
wire_send_vault(const char *order)
{
	if (wire.forwarded)
		wire_send(order);
	else
		(void)send(wire.channel, order, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * Sends a line over a new connection to the same daemon.  Returns the
 * connection, the caller's to close; -1 if it cannot connect.
 */
int
wire_send_aside(const char *line)
{
	struct reach r = wire.daemon;

	if (reach_again(&r) != REACH_FOUND)
		return (-1);
	(void)send(r.fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	return (r.fd);
}

/*
 * Calls take for each whole line in l, and removes it, until take closes the
 * connection.
 */
static void
wire_lines(struct lines *l, wire_take *take, int channel)
{
	const char *line;
	size_t	    used;

	while (wire.fd != -1 &&
	    (line = line_next(l->buf, l->len, &used)) != NULL) {
		take(line, channel);
		l->len -= used;
		memmove(l->buf, l->buf + used, l->len);
	}
	if (l->len == sizeof(l->buf))
		l->len = 0; /* too long for an answer: drop it */
}

/*
 * Reads from the connection.  If expected is set, a channel may come with the
 * first line.  Returns false if the connection was closed.
 */
bool
wire_read(wire_take *take, bool expected)
{
	const bool begins = wire.lines.len == 0;
	bool	   vouched;
	ssize_t	   n;
	int	   channel;

	n = vouch_recv(&wire.daemon.vouch, wire.fd,
	    wire.lines.buf + wire.lines.len,
	    sizeof(wire.lines.buf) - wire.lines.len, MSG_DONTWAIT, &vouched,
	    &channel);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (true);
	if (n <= 0)
		return (false);
	wire.lines.len += (size_t)n;
	wire.vouched = vouched && (begins || wire.vouched);
	if (channel != -1 && (!begins || !expected)) {
		close(channel);
		channel = -1;
	}
	wire_lines(&wire.lines, take, channel);
	return (true);
}

/*
 * Reads answers from the channel.  If the channel has ended, the connection
 * ends, too.
 */
void
wire_read_vault(wire_take *take)
{
	ssize_t n;

	n = recv(wire.channel, wire.answers.buf + wire.answers.len,
	    sizeof(wire.answers.buf) - wire.answers.len, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(wire.channel);
		wire.channel = -1;
		return;
	}
	wire.answers.len += (size_t)n;
	wire_lines(&wire.answers, take, -1);
}
