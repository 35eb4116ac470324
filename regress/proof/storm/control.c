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
control_put(struct conn *c, struct op *op, const struct act *a, char *line,
    size_t size)
{
	char ttl[32] = "", reads[32] = "";

	op->id = ++l.ids;
	op->size = a->size;
	op->reads = a->reads;
	op->ttl = a->ttl;
	op->manner = a->manner;
	op->at_byte = a->at_byte;
	if (op->reads != 0)
		(void)snprintf(reads, sizeof(reads), " reads=%u",
		    (unsigned int)op->reads);
	if (op->ttl != 0)
		(void)snprintf(ttl, sizeof(ttl), " ttl=%.3f",
		    (double)op->ttl / 1e6);
	(void)snprintf(line, size, "PUT n%d %zu%s%s\n", op->name, op->size,
	    reads, ttl);
	c->putting = (int)(op - l.ops);
}

static void
control_request(struct conn *c, struct op *op, const struct act *a, char *line,
    size_t size)
{
	switch (a->deed) {
	case D_PUT:
		control_put(c, op, a, line, size);
		break;
	case D_GET:
		op->manner = a->manner == EARLY ? WHOLE : a->manner;
		op->at_byte = a->at_byte;
		(void)snprintf(line, size, "GET n%d\n", op->name);
		break;
	case D_DEL:
		(void)snprintf(line, size, "DEL n%d\n", op->name);
		break;
	case D_RELEASE:
		guard_release(op);
		(void)snprintf(line, size, "RELEASE %s\n",
		    tether_names[op->name]);
		break;
	case D_REGISTER:
	case D_UNREGISTER:
		kid_asked(op->kind, op->name);
		(void)snprintf(line, size, "%s pid=%ld\n", kind_names[op->kind],
		    (long)l.kids[op->name].pid);
		break;
	case D_ARM:
		if (op->inv < l.arm_lo)
			l.arm_lo = op->inv;
		/* FALLTHROUGH */
	default:
		(void)snprintf(line, size, "%s\n", kind_names[op->kind]);
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
control_act(const struct act *a)
{
	static const enum kind kinds[] = { [D_PUT] = K_PUT,
		[D_GET] = K_GET,
		[D_DEL] = K_DEL,
		[D_LIST] = K_LIST,
		[D_STATUS] = K_STATUS,
		[D_ARM] = K_ARM,
		[D_PANIC] = K_PANIC,
		[D_HARD] = K_HARD,
		[D_REGISTER] = K_REGISTER,
		[D_UNREGISTER] = K_UNREGISTER,
		[D_WRONG] = K_WRONG,
		[D_TETHERS] = K_TETHERS,
		[D_RELEASE] = K_RELEASE };
	struct conn	      *c = &l.controls[a->who];
	struct op	      *op;
	char		       line[128];
	bool		       busy, stuck;

	busy = c->fd != -1 && control_is_busy(c, &stuck);
	if (busy && !a->rude && !(stuck && a->fresh))
		return;
	if (a->deed == D_HANGUP) {
		conn_close(c);
		return;
	}
	if (c->fd == -1 || a->fresh || busy)
		conn_open(c, l.ctl, a->other);
	if (c->fd == -1)
		return;
	op = &l.ops[conn_op(c, kinds[a->deed])];
	op->name = a->n;
	control_request(c, op, a, line, sizeof(line));
	note("control %d: %.*s", c->slot, (int)strcspn(line, "\n"), line);
	if (op->kind == K_PANIC || op->kind == K_HARD)
		op->of = model_trigger(kind_names[op->kind],
		    op->kind == K_HARD ? HARD : GRACEFUL, op->inv, NEVER);
	conn_say(c, line, strlen(line));
	if (op->kind == K_PUT && op->manner == EARLY && c->outlen == 0)
		control_write(c);
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
	if (sent == -1 && errno != EAGAIN)
		op->manner = STUCK; /* recv(2) will tell why */
	if (sent == -1 && errno != EAGAIN)
		op->at_byte = op->moved;
	if (op->manner == PIECES)
		c->pace = now() + PACE;
}
