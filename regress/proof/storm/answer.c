/* SPDX-License-Identifier: ISC */
/*
 * The answers to clients of the control socket, and whether each of them is
 * possible.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"

#define YOUNG  (4900 * MS)	    /* no daemon gives a client up before */
#define FLIGHT ((size_t)512 * 1024) /* more than a socket holds */

/* What each kind of request may be answered, beside DATA, GO and STATUS. */
static const struct answer {
	const char  *line; /* or how it begins */
	enum result  result;
	unsigned int kinds;
} answers[] = {
	{ "OK", A_OK,
	    1U << K_PUT | 1U << K_DEL | 1U << K_PANIC | 1U << K_HARD |
		1U << K_REGISTER | 1U << K_UNREGISTER },
	{ "ERROR invalid ", A_REFUSED, 1U << K_REGISTER | 1U << K_UNREGISTER },
	{ "ERROR unguarded ", A_UNGUARDED, 1U << K_GET },
	{ "ERROR pending ", A_PENDING, 1U << K_GET | 1U << K_PUT },
	{ "ERROR no-such-secret ", A_NO_SUCH, 1U << K_GET | 1U << K_DEL },
	{ "ERROR exists ", A_REFUSED, 1U << K_PUT },
	{ "ERROR full ", A_REFUSED, 1U << K_PUT },
	{ "ERROR too-large ", A_REFUSED, 1U << K_PUT },
};

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
control_status(struct op *op, const char *line)
{
	if ((control_field(line, " armed=") != 0) != l.setup.armed)
		broken("%s", line);
	if (control_field(line, " guarded=") != 0)
		guard_guarded(op);
	else
		guard_unguarded(op);
	if (control_field(line, " pending=") != 0)
		model_pending(op, (usec)(control_field(line, " left=") * 1e6));
	else
		model_not_pending(op, "says pending=0");
}

/* GO: no secret had this name, and a PUT may begin. */
static void
control_go(struct op *op)
{
	secret_absent(op);
	model_not_pending(op, "GO");
	op->going = true;
	op->resp = NEVER;
}

/* DATA: a secret follows. */
static void
control_data(struct conn *c, struct op *op, const char *line)
{
	char *end;

	op->size = (size_t)strtoull(line + 5, &end, 10);
	if (end == line + 5 || *end != '\0')
		broken("GET: %s", line);
	op->result = A_OK;
	if ((op->bytes = malloc(op->size)) == NULL)
		fatal("malloc");
	c->getting = (int)(op - l.ops);
	model_not_pending(op, "DATA");
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

	for (c = l.conns + GUARDS; c < l.conns + CONNS; c++) {
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
control_answer(struct conn *c, struct op *op)
{
	switch (op->result) {
	case A_UNGUARDED:
		guard_unguarded(op);
		model_not_pending(op, "says unguarded");
		break;
	case A_PENDING:
		model_pending(op, -1);
		break;
	case A_NO_SUCH:
		secret_absent(op);
		if (op->kind != K_GET)
			break;
		model_not_pending(op, "finds none");
		guard_guarded(op);
		break;
	case A_OK:
		if (op->kind == K_DEL)
			secret_absence(op->name, op->inv, op->resp);
		if (op->kind != K_PANIC && op->kind != K_HARD)
			break;
		l.triggers[op->of].ack = op->resp;
		l.triggers[op->of].network = true;
		l.triggers[op->of].sight = AT_ONCE;
		break;
	default:
		if (op->kind == K_REGISTER && !l.kids[op->name].killed)
			broken("REGISTER of kid %d, which lives, is refused",
			    op->name);
	}
	if (op->kind == K_PUT) {
		c->putting = -1;
		c->ending = op->result != A_OK;
	}
	conn_done(c);
}

/* Sets the result of op; false if line is none that it may have. */
static bool
control_result(struct op *op, const char *line)
{
	const struct answer *a;
	size_t		     len;

	for (a = answers; a < answers + sizeof(answers) / sizeof(*a); a++) {
		len = strlen(a->line);
		if (strncmp(line, a->line, len) != 0 ||
		    (a->line[len - 1] != ' ' && line[len] != '\0'))
			continue;
		op->result = a->result;
		return ((a->kinds & 1U << op->kind) != 0 &&
		    !(op->kind == K_PUT && a->result == A_OK &&
			op->moved < op->size));
	}
	return (false);
}

void
control_line(struct conn *c, const char *line)
{
	struct op *op = c->queued > 0 ? &l.ops[c->queue[0]] : NULL;

	note("%s reads %s", c->name, line);
	if (strcmp(line, "BUSY") == 0) {
		c->ending = true;
		return;
	}
	if (op == NULL)
		broken("%s is told, unasked: %s", c->name, line);
	op->resp = now();
	/* Network answers PANIC itself. */
	if (op->kind != K_PANIC && op->kind != K_HARD)
		model_answered(op);
	if (op->kind == K_STATUS) {
		control_status(op, line);
		conn_done(c);
	} else if (op->kind == K_PUT && strcmp(line, "GO") == 0) {
		control_go(op);
	} else if (op->kind == K_GET && strncmp(line, "DATA ", 5) == 0) {
		control_data(c, op, line);
	} else if (control_result(op, line)) {
		control_answer(c, op);
	} else {
		broken("%s is answered: %s", kind_names[op->kind], line);
	}
}

/* The daemon has closed c. */
void
control_lost(struct conn *c)
{
	const usec t = now();

	if (c->getting == -1)
		return;
	secret_got(&l.ops[c->getting]);
	if (!secret_cut_explained(&l.ops[c->getting], t) &&
	    t < c->opened + YOUNG)
		model_odd("GET n%d was cut off", l.ops[c->getting].name);
}
