/* SPDX-License-Identifier: ISC */
/*
 * One connection of a client, as network has it: what it said and what it is
 * told, in buffers that are there from the start, and are no memory before they
 * are used.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"

/* A free slot; bufs, of CONN_BUFS bytes, is its own from now on. */
void
conn_init(struct conn *c, char *bufs)
{
	c->fd = -1;
	c->inbuf = bufs;
	c->outbuf = bufs + LINE_BYTES;
}

/* Puts the connection fd, which becomes the slot's, into the slot c. */
void
conn_open(struct conn *c, int fd, uint32_t peer, int64_t due)
{
	c->fd = fd;
	c->peer = peer;
	c->asked = c->skip = c->deaf = c->dropped = false;
	c->putting = c->last = c->listing = false;
	c->listed = 0;
	c->in = c->taken = c->used = c->out = 0;
	c->due = due;
}

/* Appends an answer; the caller has seen to the room. */
void
conn_say(struct conn *c, const char *text)
{
	size_t len = strlen(text);

	memcpy(c->outbuf + c->out, text, len);
	c->out += len;
}

/*
 * Sends what is to be sent.  That the client is gone is no reason to close: it
 * may have said QUIT before it went, and that is still to be read.  But nothing
 * may follow an answer that is lost: one that is there still sees the end.
 */
void
conn_flush(struct conn *c)
{
	ssize_t sent = 0;

	if (c->out == 0)
		return;
	if (!c->deaf)
		sent = send(c->fd, c->outbuf, c->out,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == -1 && errno != EAGAIN && errno != EINTR) {
		c->deaf = true;
		(void)shutdown(c->fd, SHUT_WR);
	}
	if (c->deaf)
		sent = (ssize_t)c->out;
	if (sent > 0) {
		c->out -= (size_t)sent;
		memmove(c->outbuf, c->outbuf + sent, c->out);
	}
}

/* Says text, if that can be, and closes, whatever the client said unread. */
void
conn_dismiss(int fd, const char *text)
{
	char unread[LINE_BYTES];

	(void)send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	/*
	 * Closing on unread bytes would make the client's next read an error.
	 */
	(void)recv(fd, unread, sizeof(unread), MSG_DONTWAIT);
	close(fd);
}
