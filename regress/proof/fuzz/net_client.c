/* SPDX-License-Identifier: ISC */
/*
 * A client of network: what it sends, what it must read and does, and which of
 * its lines network has come to.
 */
#include <sys/stat.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "net.h"

static uint8_t sent[NET_CLIENTS][NET_SENT];
static char    wanted[NET_CLIENTS][NET_WANTED];

/* c must read this text next. */
void
net_want(struct client *c, const char *fmt, ...)
{
	const size_t room = NET_WANTED - c->nwanted;
	va_list	     ap;
	int	     len;

	va_start(ap, fmt);
	len = vsnprintf(c->wanted + c->nwanted, room, fmt, ap);
	va_end(ap);
	CHECK(len >= 0 && (size_t)len < room, "an answer too long");
	c->nwanted += (size_t)len;
}

void
net_client_connect(unsigned int how, size_t most)
{
	struct client *c = &net_clients[net_n];

	if (net_n == most)
		return;
	*c = (struct client){ .fd = socket(AF_UNIX,
				  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
				  0),
		.stranger = (how & 3) == 3,
		.small = (how & 4) != 0,
		.sent = sent[net_n],
		.wanted = wanted[net_n],
		.passed = -1 };
	CHECK(connect(c->fd, (const struct sockaddr *)&net_address[net_socket],
		  NET_ADDRESS) == 0,
	    "connect: %s", strerror(errno));
	net_n++;
}

void
net_client_send(struct client *c, const void *bytes, size_t len)
{
	ssize_t took;

	if (c == NULL || c->ended)
		return;
	if (len > NET_SENT - c->nsent)
		len = NET_SENT - c->nsent;
	took = send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (took > 0) {
		memcpy(c->sent + c->nsent, bytes, (size_t)took);
		c->nsent += (size_t)took;
	}
}

void
net_client_repeat(struct client *c, struct bytes what, unsigned int times)
{
	static uint8_t many[1 << 15];
	size_t	       len = 0;

	for (; times > 0 && len + what.len <= sizeof(many); times--) {
		memcpy(many + len, what.at, what.len);
		len += what.len;
	}
	net_client_send(c, many, len);
}

void
net_client_end(struct client *c, bool all)
{
	if (c == NULL || c->fd == -1)
		return;
	c->ended = true;
	if (!all) {
		(void)shutdown(c->fd, SHUT_WR);
		return;
	}
	close(c->fd);
	c->fd = -1;
}

/* Compares what c reads with what it should read. */
static void
client_compare(struct client *c, const char *text, size_t len)
{
	const char *at = text, *nl, *end = text + len;

	while (at < end && c->got < c->nwanted) {
		if (c->wanted[c->got] == NET_ANY[0]) {
			nl = memchr(at, '\n', (size_t)(end - at));
			at = nl != NULL ? nl : end;
			c->got += nl != NULL;
		} else if (*at++ != c->wanted[c->got++]) {
			at--;
			break;
		}
	}
	CHECK(at == end, "client %td reads \"%.*s\"[%td], and not \"%.*s\"",
	    c - net_clients, (int)len, text, at - text,
	    (int)(c->nwanted - c->got), c->wanted + c->got);
}

/*
 * Reads on to the end of c's connection, which network has closed.  If another
 * process looks into our /proc/PID/fd just then, the file is closed a little
 * later than close(2) returns.
 */
void
net_client_await_end(struct client *c)
{
	struct pollfd pfd = { c->fd, POLLRDHUP, 0 };

	(void)poll(&pfd, 1, FUZZ_LATE_MS);
	(void)net_client_read(c);
}

/* Reads what c has to read; returns whether there was anything. */
bool
net_client_read(struct client *c)
{
	static char buf[NET_SENT];
	bool	    any = false;
	ssize_t	    got;

	if (c == NULL || c->fd == -1 || c->eof)
		return (false);
	while ((got = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		any = true;
		if (!c->loose)
			client_compare(c, buf, (size_t)got);
	}
	if (got == 0 || errno != EAGAIN) {
		c->eof = true;
		CHECK(c->closing || c->cut || c->loose, "client %td is cut off",
		    c - net_clients);
	}
	return (any);
}

/* What clients have sent, by the protocol. */

/* The next whole line of c; it stays until the oracle has handled it. */
bool
net_line(const struct client *c, struct line *l)
{
	const uint8_t *from = c->sent + c->done, *nl;
	size_t	       left = c->nsent - c->done, len;

	if (left > NET_LINE)
		left = NET_LINE;
	if ((nl = memchr(from, '\n', left)) == NULL)
		return (false);
	len = (size_t)(nl - from);
	l->used = len + 1;
	l->nul = memchr(from, '\0', len) != NULL;
	if (len > 0 && from[len - 1] == '\r')
		len--;
	for (; len > 0 && (*from == ' ' || *from == '\t'); len--)
		from++;
	while (len > 0 && (from[len - 1] == ' ' || from[len - 1] == '\t'))
		len--;
	memcpy(l->text, from, len);
	l->text[len] = '\0';
	return (true);
}

/*
 * A line that needs no vault gives c more time.  When network comes to the
 * lines of a client that reads slowly is not known.
 */
void
net_heard(struct client *c)
{
	if (!c->lazy && c->due != INT64_MAX)
		c->due = fuzz_ms + NET_MS;
}

/* Skips the rest of a line that is too long; false if it has no end yet. */
static bool
skipped(struct client *c)
{
	const uint8_t *nl;

	if (!c->skip)
		return (true);
	nl = memchr(c->sent + c->done, '\n', c->nsent - c->done);
	c->done = nl != NULL ? (size_t)(nl - c->sent) + 1 : c->nsent;
	c->skip = nl == NULL;
	if (!c->skip && net_socket == NET_CONTROL)
		net_heard(c);
	return (!c->skip);
}

/* Goes on to the next line that the vault must answer, or to the end. */
void
net_walk(struct client *c)
{
	static struct line l;

	while (c->peerid != 0 && !c->asked && !c->closing && skipped(c)) {
		if (net_line(c, &l)) {
			if (!oracle_line(c, &l))
				return;
			c->done += l.used;
		} else if (c->nsent - c->done >= NET_LINE) {
			oracle_too_long(c);
			c->done += NET_LINE;
			c->skip = true;
		} else {
			break;
		}
	}
	if (c->peerid != 0 && !c->asked && !c->closing && c->ended)
		oracle_gone(c);
}

/*
 * im came with the descriptor of c, of which nothing after the request was
 * read.
 */
void
net_passed(const struct client *c, const struct imsg *im)
{
	static uint8_t rest[NET_SENT];
	struct stat    st;
	ssize_t	       got;

	CHECK(im->fd != -1 && fstat(im->fd, &st) == 0 && st.st_ino == c->ino,
	    "another's descriptor");
	got = recv(im->fd, rest, sizeof(rest), MSG_PEEK | MSG_DONTWAIT);
	if (got < 0)
		got = 0;
	if (net_socket == NET_CONTROL)
		CHECK((size_t)got == c->nsent - c->done &&
			memcmp(rest, c->sent + c->done, (size_t)got) == 0,
		    "bytes behind the request were read");
}
