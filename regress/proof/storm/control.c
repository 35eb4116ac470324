/* SPDX-License-Identifier: ISC */
/* What clients of the control socket send, and the bytes of their PUTs. */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "storm.h"

#define PIECE 16384 /* of a secret that is put */
#define PACE  (4 * MS)

static void
control_put(struct conn *c, struct op *op, const struct act *a)
{
	char ttl[32] = "", reads[32] = "";

	op->id = ++l.ids;
	op->size = a->size;
	op->reads = a->reads;
	op->ttl = a->ttl;
	if (op->reads != 0)
		(void)snprintf(reads, sizeof(reads), " reads=%u",
		    (unsigned int)op->reads);
	if (op->ttl != 0)
		(void)snprintf(ttl, sizeof(ttl), " ttl=%.3f",
		    (double)op->ttl / 1e6);
	c->putting = (int)(op - l.ops);
	conn_line(c, "PUT n%d %zu%s%s", op->name, op->size, reads, ttl);
}

static void
control_request(struct conn *c, struct op *op, const struct act *a)
{
	switch (op->kind) {
	case K_PUT:
		control_put(c, op, a);
		break;
	case K_GET:
	case K_DEL:
		conn_line(c, "%s n%d", kind_names[op->kind], op->name);
		break;
	case K_REGISTER:
	case K_UNREGISTER:
		conn_line(c, "%s pid=%ld", kind_names[op->kind],
		    (long)l.kids[op->name].pid);
		break;
	case K_PANIC:
	case K_HARD:
		op->of = model_trigger(kind_names[op->kind],
		    op->kind == K_HARD ? HARD : GRACEFUL, op->inv, NEVER);
		/* FALLTHROUGH */
	default:
		conn_line(c, "%s", kind_names[op->kind]);
	}
}

/* Returns whether c has an operation that is not finished; it may be stuck. */
static bool
control_is_busy(const struct conn *c, bool *stuck)
{
	const struct op *op = c->queued > 0 ? &l.ops[c->queue[c->queued - 1]] :
					      NULL;

	*stuck = op != NULL && op->manner == STUCK;
	return (c->ending || c->putting != -1 || c->queued > QUEUE / 2 ||
	    (op != NULL && op->kind == K_GET && op->manner != WHOLE));
}

void
control_act(struct conn *c, const struct act *a)
{
	struct op *op;
	bool	   stuck, busy = c->fd != -1 && control_is_busy(c, &stuck);

	if (busy && !a->rude && !(stuck && a->fresh))
		return;
	if (a->deed == D_CLOSE) {
		conn_close(c);
		return;
	}
	if (c->fd == -1 || a->fresh || busy)
		conn_open(c, l.ctl, a->other);
	if (c->fd == -1)
		return;
	op = conn_op(c, a->deed);
	op->name = a->n;
	if (op->kind == K_PUT || op->kind == K_GET) {
		op->manner = a->manner;
		op->at_byte = a->at_byte;
	}
	control_request(c, op, a);
}

/* Sends the next bytes of the PUT, if it is time for them. */
void
control_write(struct conn *c)
{
	static unsigned char buf[PIECE];
	struct op	    *op = &l.ops[c->putting];
	size_t		     n = op->size - op->moved;
	ssize_t		     sent;

	if ((op->manner == CUT || op->manner == STUCK) &&
	    n > op->at_byte - op->moved)
		n = op->at_byte - op->moved;
	if (op->manner == PIECES && n > op->size / 8 + 1)
		n = op->size / 8 + 1;
	if (n > sizeof(buf))
		n = sizeof(buf);
	if (n == 0) {
		if (op->manner == CUT)
			conn_close(c);
		return;
	}
	secret_fill(op->id, op->size, op->moved, buf, n);
	if (op->moved + n == op->size)
		op->sent = now();
	sent = send(c->fd, buf, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent > 0) {
		op->moved += (size_t)sent;
		c->active = now();
	}
	if (op->moved < op->size)
		op->sent = NEVER;
	if (sent == -1 && errno != EAGAIN) {
		op->manner = STUCK; /* recv(2) will tell why */
		op->at_byte = op->moved;
	}
	if (op->manner == PIECES)
		c->pace = now() + PACE;
}
