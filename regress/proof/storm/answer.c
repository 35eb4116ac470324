/* SPDX-License-Identifier: ISC */
/*
 * The answers to clients of the control socket, and whether each of them is
 * possible.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"

#define MOST_CONTROLS 32	  /* connections */
#define YOUNG	      (4900 * MS) /* no daemon gives a client up before */
#define FLIGHT	      ((size_t)512 * 1024) /* more than a socket holds */
#define HEADER	      176 /* bytes of the arena beside the value's own */

static const struct {
	const char *line; /* or how it begins */
	enum result result;
} control_words[] = { { "OK", A_OK }, { "ALREADY_ARMED", A_ALREADY },
	{ "BUSY", A_BUSY }, { "ERROR invalid ", A_INVALID },
	{ "ERROR unguarded ", A_UNGUARDED }, { "ERROR pending ", A_PENDING },
	{ "ERROR no-such-secret ", A_NO_SUCH },
	{ "ERROR no-such-tether ", A_NO_SUCH }, { "ERROR exists ", A_EXISTS },
	{ "ERROR full ", A_FULL }, { "ERROR too-large ", A_TOO_LARGE },
	{ "ERROR bad-request ", A_REFUSED } };

/* The number that follows key in a line of STATUS. */
static double
control_field(const char *line, const char *key)
{
	const char *at = strstr(line, key);
	char	   *end;
	double	    value;

	if (at == NULL)
		broken("STATUS: no%s", key);
	at += strlen(key);
	value = strtod(at, &end);
	if (end == at || (*end != ' ' && *end != '\0'))
		broken("STATUS:%s has no number", key);
	return (value);
}

static void
control_heartbeat(const struct op *op, bool guarded, bool heartbeat)
{
	if (!l.held && guarded != heartbeat)
		broken(
		    "STATUS: guarded=%d, and its heartbeat is of another mind",
		    guarded);
	if (heartbeat && !guard_may_be(0, op->inv, op->resp, -1))
		broken("STATUS: there is no heartbeat");
}

void
control_status(struct op *op, const char *line)
{
	const bool   armed = control_field(line, " armed=") != 0;
	const bool   guarded = control_field(line, " guarded=") != 0;
	const size_t size = (l.setup.size + 15) & ~(size_t)15;

	if (strncmp(line, "STATUS alive=1 ", 15) != 0 ||
	    (size_t)control_field(line, " size=") != size ||
	    (usec)(control_field(line, " grace=") * 1e6 + .5) != l.setup.grace)
		broken("STATUS tells of another daemon");
	if (armed ? l.arm_lo >= op->resp : l.arm_hi < op->inv)
		broken("STATUS: armed=%d", armed);
	if (armed && op->resp < l.arm_hi)
		l.arm_hi = op->resp;
	if (control_field(line, " registered=") > KIDS)
		broken("STATUS: more are registered than there are");
	if (guarded)
		guard_guarded(op);
	else
		guard_unguarded(op);
	control_heartbeat(op, guarded, control_field(line, " heartbeat=") != 0);
	if (control_field(line, " tethers=") > TETHERS)
		broken("STATUS: more tethers than there are");
	if (control_field(line, " pending=") != 0)
		model_pending(op, (usec)(control_field(line, " left=") * 1e6));
	else
		model_not_pending(op, op->resp, "says pending=0", false);
}

/* GO: no secret had this name, and a PUT may begin. */
static void
control_go(struct op *op)
{
	const struct op *put;

	op->go = op->resp;
	op->resp = NEVER;
	for (put = l.ops; put < l.ops + l.nops; put++) {
		if (secret_sure(put, op))
			broken("PUT n%d: GO, but there is one", op->name);
	}
	secret_absence(op->name, op->inv, op->go);
	model_not_pending(op, op->go, "GO", false);
	if (op->size > l.setup.size + 15 - HEADER)
		broken("PUT n%d: GO, but it cannot fit", op->name);
}

/* DATA: a secret follows. */
static void
control_data(struct conn *c, struct op *op, const char *line)
{
	char *end;

	op->size = (size_t)strtoull(line + 5, &end, 10);
	if (end == line + 5 || *end != '\0')
		broken("GET: %s", line);
	if (op->size > l.setup.size)
		broken("GET: more than the arena holds: %s", line);
	op->result = A_OK;
	if ((op->bytes = malloc(op->size)) == NULL)
		fatal("malloc");
	c->getting = (int)(op - l.ops);
	model_not_pending(op, op->resp, "DATA", true);
	guard_guarded(op);
}

/*
 * A panic was pending after since.  A GET that was under way by then gets no
 * bytes but those that had been sent.
 */
void
control_cut(usec since)
{
	const struct conn *c;
	struct op	  *op;

	for (c = l.conns + AT_CONTROLS; c < l.conns + AT_WATCHERS; c++) {
		if (c->fd == -1 || c->getting == -1)
			continue;
		op = &l.ops[c->getting];
		if (op->resp < since && op->most == 0)
			op->most = op->moved + c->len + FLIGHT;
	}
}

/* Bytes of a secret.  Returns how many of the len at buf they are. */
size_t
control_bytes(struct conn *c, const char *buf, size_t len)
{
	struct op *op = &l.ops[c->getting];
	size_t	   n = op->size - op->moved;

	if (n > len)
		n = len;
	memcpy(op->bytes + op->moved, buf, n);
	op->moved += n;
	if (op->most != 0 && op->moved > op->most)
		broken("GET n%d goes on while a panic is pending", op->name);
	if (op->moved == op->size) {
		note("%s has n%d, %zu bytes", c->name, op->name, op->size);
		secret_got(op);
		free(op->bytes);
		op->bytes = NULL;
		c->getting = -1;
		conn_done(c);
	} else if (op->manner == CUT && op->moved >= op->at_byte) {
		conn_close(c);
	}
	return (n);
}

static void
control_refused(const struct op *op)
{
	switch (op->result) {
	case A_UNGUARDED:
		guard_unguarded(op);
		model_not_pending(op, op->resp, "says unguarded", true);
		break;
	case A_PENDING:
		model_pending(op, -1);
		break;
	case A_NO_SUCH:
		if (op->kind == K_RELEASE)
			break;
		secret_absent(op);
		secret_absence(op->name, op->inv, op->resp);
		if (op->kind == K_GET) {
			model_not_pending(op, op->resp,
			    "says that there is none", true);
			guard_guarded(op);
		}
		break;
	case A_EXISTS:
		secret_exists(op);
		break;
	case A_TOO_LARGE:
		if (op->size <= l.setup.size - HEADER)
			broken("PUT n%d: too-large, but it fits", op->name);
		break;
	default:
		break;
	}
}

/* Which results a request may have, as bits. */
static bool
control_may(const struct op *op)
{
	static const unsigned int may[KINDS] = { [K_PUT] = 1U << A_OK |
		    1U << A_PENDING | 1U << A_EXISTS | 1U << A_FULL |
		    1U << A_TOO_LARGE,
		[K_GET] = 1U << A_UNGUARDED | 1U << A_PENDING | 1U << A_NO_SUCH,
		[K_DEL] = 1U << A_OK | 1U << A_NO_SUCH,
		[K_LIST] = 1U << A_OK,
		[K_TETHERS] = 1U << A_OK,
		[K_RELEASE] = 1U << A_OK | 1U << A_NO_SUCH,
		[K_ARM] = 1U << A_OK | 1U << A_ALREADY,
		[K_PANIC] = 1U << A_OK,
		[K_HARD] = 1U << A_OK,
		[K_REGISTER] = 1U << A_OK | 1U << A_INVALID,
		[K_UNREGISTER] = 1U << A_OK | 1U << A_INVALID,
		[K_WRONG] = 1U << A_REFUSED };

	if (op->kind == K_PUT && op->result == A_OK && op->moved < op->size)
		return (false);
	return ((may[op->kind] & 1U << op->result) != 0);
}

static void
control_armed(const struct op *op)
{
	const struct op *o;
	int		 others = l.setup.armed;

	for (o = l.ops; o < l.ops + l.nops; o++)
		others += o->kind == K_ARM && o != op && o->inv < op->resp;
	if (op->result == A_OK ? l.arm_hi < op->inv : others == 0)
		broken("ARM: it was armed already, or was not");
	if (op->resp < l.arm_hi)
		l.arm_hi = op->resp;
}

static void
control_answer(struct conn *c, struct op *op)
{
	struct trigger *t;

	if (op->kind != K_PANIC && op->kind != K_HARD && op->kind != K_WRONG)
		model_answered(op);
	control_refused(op);
	switch (op->kind) {
	case K_PUT:
		c->putting = -1;
		c->ending = op->result != A_OK;
		break;
	case K_DEL:
		if (op->result == A_OK)
			secret_absence(op->name, op->inv, op->resp);
		break;
	case K_LIST:
		secret_list_ends(op, c->listing);
		c->listing = 0;
		break;
	case K_TETHERS:
		guard_list_ends(op, c->listing);
		c->listing = 0;
		break;
	case K_RELEASE:
		guard_released(op);
		break;
	case K_ARM:
		control_armed(op);
		break;
	case K_PANIC:
	case K_HARD:
		t = &l.triggers[op->of];
		t->ack = op->resp;
		t->network = true;
		t->sight = AT_ONCE;
		break;
	case K_REGISTER:
	case K_UNREGISTER:
		kid_answer(op, op->name);
		break;
	default:
		break;
	}
	conn_done(c);
}

/* Sets the result of op; false if line is none. */
static bool
control_word(struct op *op, const char *line)
{
	size_t i, len;

	for (i = 0; i < sizeof(control_words) / sizeof(control_words[0]); i++) {
		len = strlen(control_words[i].line);
		if (strncmp(line, control_words[i].line, len) == 0 &&
		    (control_words[i].line[len - 1] == ' ' ||
			line[len] == '\0')) {
			op->result = control_words[i].result;
			return (true);
		}
	}
	return (false);
}

/* Returns whether line is BUSY, which it may be if there are too many. */
bool
control_busy(struct conn *c, const char *line)
{
	if (strcmp(line, "BUSY") != 0)
		return (false);
	if (l.opened <= MOST_CONTROLS)
		broken("%s: BUSY, and there are but %d", c->name, l.opened);
	c->ending = true;
	return (true);
}

void
control_line(struct conn *c, char *line)
{
	struct op *op = c->queued > 0 ? &l.ops[c->queue[0]] : NULL;

	note("%s reads %s", c->name, line);
	if (control_busy(c, line))
		return;
	if (op == NULL)
		broken("%s is told, unasked: %s", c->name, line);
	op->resp = now();
	if (op->kind == K_STATUS) {
		model_answered(op);
		control_status(op, line);
		conn_done(c);
	} else if (op->kind == K_PUT && strcmp(line, "GO") == 0) {
		model_answered(op);
		control_go(op);
	} else if (op->kind == K_GET && strncmp(line, "DATA ", 5) == 0) {
		model_answered(op);
		control_data(c, op, line);
	} else if (op->kind == K_LIST && strcmp(line, "OK") != 0) {
		c->listing |= 1 << secret_listed(op, line);
		op->resp = NEVER;
	} else if (op->kind == K_TETHERS && strcmp(line, "OK") != 0) {
		c->listing |= 1 << guard_listed(op, line);
		op->resp = NEVER;
	} else if (control_word(op, line) && control_may(op)) {
		control_answer(c, op);
	} else {
		broken("%s is answered: %s", kind_names[op->kind], line);
	}
}

/*
 * Returns whether c may have made room for a newcomer: then it asked nothing,
 * or what it asked was not read.
 */
bool
control_yields(const struct conn *c)
{
	return (l.opened > MOST_CONTROLS && c->getting == -1 &&
	    (c->putting == -1 || l.ops[c->putting].go == NEVER));
}

/* The daemon has closed c. */
void
control_lost(struct conn *c)
{
	const usec t = now();

	if (c->getting != -1) {
		secret_got(&l.ops[c->getting]);
		if (!secret_cut_explained(&l.ops[c->getting], t) &&
		    t < c->opened + YOUNG)
			model_odd("GET n%d was cut off",
			    l.ops[c->getting].name);
	} else if (!c->ending && t < c->opened + YOUNG && !control_yields(c)) {
		model_odd("%s was cut off", c->name);
	}
}
