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

/* How a client of each role behaves. */
static const struct {
	const char *name;
	void (*act)(struct conn *, const struct act *);
	void (*line)(struct conn *, char *);
	void (*lost)(struct conn *);
} conn_roles[ROLES] = {
	[HEART] = { "heart", heart_act, heart_line, heart_lost },
	[HOLDER] = { "holder", heart_act, heart_line, heart_lost },
	[CONTROL] = { "control", control_act, control_line, control_lost },
	[WATCHER] = { "watcher", watch_act, watch_line, control_lost },
};

void
conn_act(const struct act *a)
{
	struct conn *c = &l.conns[a->who];

	conn_roles[c->role].act(c, a);
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
	c->listing = 0;
	c->len = c->outlen = 0;
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
	if (rc == 0) {
		l.opened += c->role != HEART;
		return;
	}
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
	op->go = op->sent = op->resp = op->left = NEVER;
	op->of = -1;
	op->count = 1;
	op->inv = now();
	c->queue[c->queued++] = l.nops++;
	l.counts->ops[kind]++;
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

static void
conn_flush(struct conn *c)
{
	ssize_t n;

	if (c->outlen == 0)
		return;
	n = send(c->fd, c->out, c->outlen, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == -1 && errno != EAGAIN)
		n = (ssize_t)c->outlen; /* recv(2) will tell why */
	if (n > 0) {
		c->outlen -= (size_t)n;
		memmove(c->out, c->out + n, c->outlen);
	}
}

void
conn_say(struct conn *c, const char *text, size_t len)
{
	char *grown = realloc(c->out, c->outlen + len);

	if (grown == NULL)
		fatal("realloc");
	c->out = grown;
	memcpy(c->out + c->outlen, text, len);
	c->outlen += len;
	c->active = now();
	conn_flush(c);
}

/* Says a line. */
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
	conn_say(c, line, (size_t)n + 1);
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

/* Shuts down our direction. */
void
conn_shut(struct conn *c)
{
	const int trigger = guard_hangup(c);

	note("%s closes its direction", c->name);
	(void)shutdown(c->fd, SHUT_WR);
	if (trigger != -1)
		l.triggers[trigger].ack = now();
	c->ending = true;
}

/* The daemon has closed c. */
static void
conn_lost(struct conn *c)
{
	note("%s is closed", c->name);
	conn_roles[c->role].lost(c);
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
	if (c->outlen > 0 ||
	    (put != NULL && put->moved < put->size &&
		(put->go != NEVER || put->manner == EARLY) &&
		!(put->manner == STUCK && put->moved >= put->at_byte)))
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
			conn_roles[c->role].line(c, c->in);
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
	if ((revents & POLLOUT) != 0) {
		conn_flush(c);
		if (c->outlen == 0 && c->putting != -1)
			control_write(c);
	}
	if ((revents & ~POLLOUT) != 0 && c->fd != -1)
		conn_read(c);
}

void
conn_begin(void)
{
	static const int begin[ROLES + 1] = { 0, AT_HOLDERS, AT_CONTROLS,
		AT_WATCHERS, CONNS };
	struct conn	*c;
	int		 role, i;

	for (role = 0; role < ROLES; role++) {
		for (i = begin[role]; i < begin[role + 1]; i++) {
			c = &l.conns[i];
			c->fd = c->peer = -1;
			c->role = (enum role)role;
			(void)snprintf(c->name, sizeof(c->name), "%s %d",
			    conn_roles[role].name, i - begin[role]);
		}
	}
}
