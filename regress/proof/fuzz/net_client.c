/* SPDX-License-Identifier: ISC */
/* A client of network: what it sends, and which of its lines network has read.
 */
#include <sys/stat.h>

#include <errno.h>
#include <string.h>

#include "net.h"

void
net_client_connect(unsigned int how, size_t most)
{
	struct client *c;

	if (clients_n == most)
		return;
	c = client_new(
	    socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
	c->uid = (how & 3) == 3 ? STRANGER : OWNER;
	c->small = (how & 4) != 0;
	CHECK(connect(c->fd, (const struct sockaddr *)&net_address[net_socket],
		  NET_ADDRESS) == 0,
	    "connect: %s", strerror(errno));
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
	client_send(c, many, len);
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
	static uint8_t rest[CLIENT_SENT];
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
