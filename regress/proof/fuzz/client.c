/* SPDX-License-Identifier: ISC */
/* A client: what it sends, what it must read, and its end. */
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client.h"

struct client clients[CLIENTS];
size_t	      clients_n;

static uint8_t sent[CLIENTS][CLIENT_SENT];
static char    wanted[CLIENTS][CLIENT_WANT];

/* A new client, whose end of a connection is fd. */
struct client *
client_new(int fd)
{
	struct client *c = &clients[clients_n];

	*c = (struct client){ .fd = fd,
		.theirs = -1,
		.passed = -1,
		.sent = sent[clients_n],
		.wanted = wanted[clients_n] };
	clients_n++;
	return (c);
}

/* The one that the input chooses; NULL if there is none. */
struct client *
client_chosen(void)
{
	const unsigned int i = fuzz_byte();

	return (clients_n > 0 ? &clients[i % clients_n] : NULL);
}

/* The one to whose socket fd belongs. */
struct client *
client_at(int fd)
{
	struct client *c;
	struct stat    st;

	CHECK(fstat(fd, &st) == 0, "fstat: %s", strerror(errno));
	for (c = clients; c < clients + clients_n; c++) {
		if (c->ino == st.st_ino)
			return (c);
	}
	BROKEN("a descriptor of nobody's");
}

/* c must read this text next. */
void
client_want(struct client *c, const char *fmt, ...)
{
	const size_t room = CLIENT_WANT - c->nwanted;
	va_list	     ap;
	int	     len;

	va_start(ap, fmt);
	len = vsnprintf(c->wanted + c->nwanted, room, fmt, ap);
	va_end(ap);
	CHECK(len >= 0 && (size_t)len < room, "an answer too long");
	c->nwanted += (size_t)len;
}

/* Sends bytes, which may be those of c->sent. */
void
client_send(struct client *c, const void *bytes, size_t len)
{
	ssize_t took;

	if (c == NULL || c->ended)
		return;
	if (len > CLIENT_SENT - c->nsent)
		len = CLIENT_SENT - c->nsent;
	took = send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (took > 0) {
		if (bytes != c->sent + c->nsent)
			memcpy(sent[c - clients] + c->nsent, bytes,
			    (size_t)took);
		c->nsent += (size_t)took;
	}
}

void
client_end(struct client *c, bool all)
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
		if (c->wanted[c->got] == CLIENT_ANY[0]) {
			nl = memchr(at, '\n', (size_t)(end - at));
			at = nl != NULL ? nl : end;
			c->got += nl != NULL;
		} else if (*at++ != c->wanted[c->got++]) {
			at--;
			break;
		}
	}
	CHECK(at == end, "client %td reads \"%.*s\"[%td], and not \"%.*s\"",
	    c - clients, (int)len, text, at - text, (int)(c->nwanted - c->got),
	    c->wanted + c->got);
}

/*
 * Reads on to the end of c's connection, which network has closed.  If another
 * process looks into our /proc/PID/fd just then, the file is closed a little
 * later than close(2) returns.
 */
void
client_await_end(struct client *c)
{
	struct pollfd pfd = { c->fd, POLLRDHUP, 0 };

	(void)poll(&pfd, 1, FUZZ_LATE_MS);
	(void)client_read(c);
}

/* Reads what c has to read; returns whether there was anything. */
bool
client_read(struct client *c)
{
	static char buf[CLIENT_SENT];
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
		    c - clients);
	}
	return (any);
}
