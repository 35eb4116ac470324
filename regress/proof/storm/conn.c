/* SPDX-License-Identifier: ISC */
/*
 * A client's connection: what it sends, and the lines and bytes that it reads.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

#define PACE (4 * MS) /* between PIECES */

void
conn_act(const struct act *a)
{
	struct conn *c = &l.conns[a->who];

	(a->who < GUARDS ? heart_act : control_act)(c, a);
}

/* Connects c again; user: as the user whose session it is. */
void
conn_open(struct conn *c, const char *path, bool user)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int		   rc;

	conn_close(c);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	c->ending = false;
	c->queued = 0;
	c->peer = c->putting = c->getting = -1;
	c->len = 0;
	c->pace = 0;
	c->opened = now();
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		fatal("socket");
	if (user && l.setup.other && seteuid(NOBODY) == -1)
		fatal("seteuid");
	rc = connect(c->fd, (struct sockaddr *)&sun, sizeof(sun));
	if (user && l.setup.other && seteuid(0) == -1)
		fatal("seteuid");
	note("%s connects", c->name);
	if (rc == 0)
		return;
	close(c->fd);
	c->fd = -1;
	/* EAGAIN: the listener's queue is full. */
	if (errno == ENOENT || errno == ECONNREFUSED)
		model_odd("nobody listens");
	else if (errno != EAGAIN)
		fatal("connect");
}

/* Begins an operation, whose answer comes after those of the earlier ones. */
struct op *
conn_op(struct conn *c, enum kind kind)
{
	struct op *op;

	if (l.nops == OPS || c->queued == QUEUE)
		broken("too many operations for the model");
	op = &l.ops[l.nops];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->sent = op->resp = op->left = NEVER;
	op->of = -1;
	op->inv = now();
	c->queue[c->queued++] = l.nops++;
	l.counts->ops++;
	return (op);
}

/* Removes the first operation of the queue. */
void
conn_done(struct conn *c)
{
	c->queued--;
	memmove(c->queue, c->queue + 1,
	    (size_t)c->queued * sizeof(c->queue[0]));
}

/* Says a line.  The socket has room for it: see QUEUE. */
void
conn_line(struct conn *c, const char *fmt, ...)
{
	char	line[128];
	va_list ap;
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line))
		fatal("a line too long");
	note("%s: %s", c->name, line);
	line[n] = '\n';
	/* If the daemon has hung up, recv(2) will tell. */
	if (send(c->fd, line, (size_t)n + 1, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		-1 &&
	    errno == EAGAIN)
		fatal("a socket is full");
	c->active = now();
}

/*
 * c has ended: what is not answered yet will not be.  left: we hung up, and not
 * the daemon.
 */
static void
conn_unanswered(struct conn *c, bool left)
{
	const usec t = now();
	struct op *op;
	int	   i;

	for (i = 0; i < c->queued; i++) {
		op = &l.ops[c->queue[i]];
		if (left)
			op->left = t;
		else if (op->resp == NEVER) {
			op->resp = t;
			op->result = A_CLOSED;
		}
	}
	c->queued = 0;
	c->putting = c->getting = -1;
}

/* Hangs up. */
void
conn_close(struct conn *c)
{
	int trigger;

	if (c->fd == -1)
		return;
	if (c->getting != -1)
		secret_got(&l.ops[c->getting]);
	trigger = guard_hangup(c);
	note("%s hangs up", c->name);
	close(c->fd);
	if (trigger != -1)
		l.triggers[trigger].ack = now();
	conn_unanswered(c, true);
	c->fd = -1;
}

/* The daemon has closed c. */
static void
conn_lost(struct conn *c)
{
	note("%s is closed", c->name);
	(c->peer != -1 ? heart_lost : control_lost)(c);
	close(c->fd);
	conn_unanswered(c, false);
	c->fd = -1;
}

/* Returns whether c is to be polled at t, and for which events. */
bool
conn_wants(const struct conn *c, usec t, short *events)
{
	const struct op *get = c->getting != -1 ? &l.ops[c->getting] : NULL;
	const struct op *put = c->putting != -1 ? &l.ops[c->putting] : NULL;

	*events = POLLIN;
	if (c->fd == -1 || c->pace > t)
		return (false);
	if (get != NULL && get->manner == STUCK && get->moved >= get->at_byte)
		return (false);
	if (put != NULL && put->going && put->moved < put->size &&
	    !(put->manner == STUCK && put->moved >= put->at_byte))
		*events |= POLLOUT;
	return (true);
}

/* Returns how many bytes c reads now. */
static size_t
conn_appetite(struct conn *c, size_t most)
{
	const struct op *op;
	size_t		 n;

	if (c->getting == -1)
		return (most);
	op = &l.ops[c->getting];
	n = op->size - op->moved;
	if (op->manner == PIECES) {
		n = op->size / 8 + 1;
		c->pace = now() + PACE;
	} else if (op->manner == CUT || op->manner == STUCK) {
		n = op->at_byte - op->moved;
	}
	return (n > 0 && n < most ? n : most);
}

/* Handles the lines that have arrived, and passes on the bytes of secrets. */
static void
conn_take(struct conn *c)
{
	char  *end;
	size_t used;

	while (c->fd != -1 && c->len > 0) {
		if (c->getting != -1) {
			used = control_bytes(c, c->in, c->len);
			if (c->fd == -1)
				return;
		} else {
			if ((end = memchr(c->in, '\n', c->len)) == NULL)
				return;
			*end = '\0';
			used = (size_t)(end - c->in) + 1;
			(c->peer != -1 ? heart_line : control_line)(c, c->in);
		}
		c->len -= used;
		memmove(c->in, c->in + used, c->len);
	}
}

static void
conn_read(struct conn *c)
{
	ssize_t n;

	if (c->len == sizeof(c->in))
		broken("an answer without end");
	n = recv(c->fd, c->in + c->len,
	    conn_appetite(c, sizeof(c->in) - c->len), MSG_DONTWAIT);
	if (n == -1 && errno == EAGAIN)
		return;
	model_time(now());
	if (n <= 0) {
		conn_lost(c);
		return;
	}
	c->len += (size_t)n;
	c->active = now();
	conn_take(c);
}

void
conn_ready(struct conn *c, short revents)
{
	if ((revents & POLLOUT) != 0)
		control_write(c);
	if ((revents & ~POLLOUT) != 0 && c->fd != -1)
		conn_read(c);
}

void
conn_begin(void)
{
	int i;

	for (i = 0; i < CONNS; i++) {
		l.conns[i].fd = l.conns[i].peer = -1;
		(void)snprintf(l.conns[i].name, sizeof(l.conns[i].name),
		    "%s %d", i < GUARDS ? "guard" : "control", i);
	}
}
