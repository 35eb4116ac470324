/* SPDX-License-Identifier: ISC */
/*
 * One client's connection in network, with the input that is not handled yet,
 * and the answers that are not sent yet.  The buffers are static; the kernel
 * allocates a page of them when it is first used.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"

static uint32_t conn_last_peerid;

/* Makes c a free slot.  bufs, CONN_BUFS bytes, must outlive c. */
void
conn_init(struct conn *c, char *bufs)
{
	c->fd = -1;
	c->inbuf = bufs;
	c->outbuf = bufs + LINE_BYTES;
}

/* Puts the connection fd into the free slot c, which closes it from now on. */
void
conn_open(struct conn *c, int fd, int64_t due)
{
	if (++conn_last_peerid == 0)
		conn_last_peerid = 1;
	c->fd = fd;
	c->peerid = conn_last_peerid;
	c->asked = c->skip = c->broken = c->dropped = false;
	c->putting = c->closing = c->holding = false;
	c->watching = c->greeting = false;
	c->listing = 0;
	c->listed = 0;
	c->in = c->taken = c->used = c->out = 0;
	c->due = due;
}

/* A free one of the slots that begin at c, or NULL. */
struct conn *
conn_free_slot(struct conn *c, size_t slots)
{
	for (; slots > 0; c++, slots--) {
		if (c->fd == -1)
			return (c);
	}
	return (NULL);
}

/*
 * Adds c to the entries to poll: for input if reads is set, and for room if
 * answers are unsent.  Also lowers cp->due to c's deadline.
 */
void
conn_poll(struct conn_poll *cp, struct conn *c, bool reads)
{
	cp->conn[cp->n] = c;
	cp->pfd[cp->n].fd = c->fd;
	cp->pfd[cp->n].events = (short)((c->out > 0 ? POLLOUT : 0) |
	    (reads ? POLLIN : 0));
	cp->pfd[cp->n].revents = 0;
	cp->n++;
	if (c->due != CONN_NEVER && (cp->due == -1 || c->due < cp->due))
		cp->due = c->due;
}

/* Appends an answer to outbuf.  The caller makes sure that there is room. */
void
conn_answer(struct conn *c, const char *text)
{
	size_t len = strlen(text);

	memcpy(c->outbuf + c->out, text, len);
	c->out += len;
}

/*
 * Sends as much of the answers as the socket takes now.  If sending fails, the
 * connection stays open, because the client may have sent QUIT before it left.
 * But it is shut down for writing, and nothing more is sent, so that a client
 * never gets an answer after one that it has missed.
 */
void
conn_flush(struct conn *c)
{
	ssize_t sent = 0;

	if (c->out == 0)
		return;
	if (!c->broken)
		sent = send(c->fd, c->outbuf, c->out,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == -1 && errno != EAGAIN && errno != EINTR) {
		c->broken = true;
		(void)shutdown(c->fd, SHUT_WR);
	}
	if (c->broken)
		sent = (ssize_t)c->out;
	if (sent > 0) {
		c->out -= (size_t)sent;
		memmove(c->outbuf, c->outbuf + sent, c->out);
	}
}

/* Sends text to the client, if its socket takes it at once, and closes fd. */
void
conn_refuse(int fd, const char *text)
{
	char unread[LINE_BYTES];

	(void)send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	/*
	 * If the client's input were unread at close(2), the client's next read
	 * would fail, and text would be lost.
	 */
	(void)recv(fd, unread, sizeof(unread), MSG_DONTWAIT);
	close(fd);
}
