/* SPDX-License-Identifier: ISC */
/*
 * The model's secrets: which of them a GET may find, and which it must.  The
 * bytes of a secret tell which PUT it comes from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storm.h"

#define HEAD 3 /* bytes of each eight that no log has */

static const unsigned char secret_head[HEAD] = { 0xf5, 0xda, 0x5a };

/* Writes the bytes from at on of the secret with this id and size. */
void
secret_fill(uint32_t id, size_t size, size_t at, unsigned char *buf, size_t len)
{
	uint64_t x = 0;
	size_t	 i, k;

	for (i = at; i < at + len; i++) {
		k = i % 8;
		if (i == at || k == 0)
			x = rng_mix(((uint64_t)id << 32) + i / 8 + 1);
		if (k < HEAD && size >= 8)
			buf[i - at] = secret_head[k];
		else
			buf[i - at] = (unsigned char)(x >> (8 * k));
	}
}

static bool
secret_is(const struct op *put, const struct op *get)
{
	unsigned char *want;
	bool	       is;

	if ((want = malloc(get->moved + 1)) == NULL)
		fatal("malloc");
	secret_fill(put->id, put->size, 0, want, get->moved);
	is = memcmp(want, get->bytes, get->moved) == 0;
	free(want);
	return (is);
}

/* Notes that at some time between lo and hi no secret had this name. */
void
secret_absence(int name, usec lo, usec hi)
{
	if (l.nabsences == FACTS)
		broken("too many facts for the model");
	l.absences[l.nabsences++] = (struct absence){ lo, hi, name };
}

static bool
secret_may_be_stored(const struct op *put, usec until)
{
	return (put->kind == K_PUT && put->sent < until &&
	    (put->result == A_OK || put->result == A_NONE ||
		put->result == A_CLOSED));
}

/* Why a GET that began at inv cannot find what put stored; NULL if it can. */
static const char *
secret_gone(const struct op *put, usec inv)
{
	int i;

	if (put->result != A_OK)
		return (NULL);
	for (i = 0; i < l.nabsences; i++) {
		if (l.absences[i].name == put->name &&
		    l.absences[i].lo > put->resp && l.absences[i].hi < inv)
			return ("which was gone before");
	}
	if (put->ttl != 0 && put->resp + put->ttl + TICK < inv)
		return ("whose time was up");
	return (NULL);
}

/* How many GETs but one have read put for sure, or may have. */
static uint32_t
secret_reads(int put, const struct op * not, usec until, bool sure)
{
	const struct op *op;
	uint32_t	 n = 0;

	for (op = l.ops; op < l.ops + l.nops; op++) {
		if (op->kind != K_GET || op == not || op->inv >= until ||
		    op->name != l.ops[put].name)
			continue;
		if (sure ? op->of == put :
			   op->of == put ||
			    (op->of == -1 &&
				(op->result == A_OK || op->result == A_NONE ||
				    op->result == A_CLOSED)))
			n++;
	}
	return (n);
}

/* A GET has ended or was cut short: checks that its bytes are a secret's. */
void
secret_got(struct op *get)
{
	const char *why = "of no PUT of that name and size";
	const char *gone;
	int	    i, n = 0, found = -1;

	for (i = 0; i < l.nops; i++) {
		if (l.ops[i].name != get->name || l.ops[i].size != get->size ||
		    !secret_may_be_stored(&l.ops[i], get->resp) ||
		    !secret_is(&l.ops[i], get))
			continue;
		n++;
		if ((gone = secret_gone(&l.ops[i], get->inv)) == NULL)
			found = i;
		else
			why = gone;
	}
	if (found == -1)
		broken("GET n%d gave %zu of %zu bytes, %s", get->name,
		    get->moved, get->size, why);
	l.counts->bytes += get->moved;
	if (n != 1 || get->moved < (get->size < 8 ? get->size : 8))
		return;
	get->of = found;
	if (l.ops[found].reads != 0 &&
	    secret_reads(found, get, NEVER, true) >= l.ops[found].reads)
		broken("GET n%d: the secret was to be read %u times only",
		    get->name, (unsigned int)l.ops[found].reads);
}

/* Returns whether op, just answered, must find put. */
static bool
secret_sure(const struct op *put, const struct op *op)
{
	const struct op *o;
	const usec	 until = now();

	if (put->kind != K_PUT || put->result != A_OK ||
	    put->name != op->name || put->resp >= op->inv)
		return (false);
	if (put->ttl != 0 && put->sent + put->ttl - TICK <= until)
		return (false);
	for (o = l.ops; o < l.ops + l.nops; o++) {
		if (o->kind == K_DEL && o->name == put->name && o != op &&
		    o->resp > put->sent && o->inv < until)
			return (false);
	}
	return (put->reads == 0 ||
	    secret_reads((int)(put - l.ops), op, until, false) < put->reads);
}

/* The answer to op says that no secret has this name. */
void
secret_absent(const struct op *op)
{
	const struct op *put;

	for (put = l.ops; put < l.ops + l.nops; put++) {
		if (secret_sure(put, op))
			broken("%s n%d: there is none, but one was put",
			    kind_names[op->kind], op->name);
	}
	secret_absence(op->name, op->inv, op->resp);
}

/* Returns whether the model allows that get ends early, at t. */
bool
secret_cut_explained(const struct op *get, usec t)
{
	const struct op *op;
	int		 i;

	for (i = 0; i < l.ntriggers; i++) {
		if (!l.triggers[i].void_ && l.triggers[i].inv < t)
			return (true);
	}
	for (op = l.ops; op < l.ops + l.nops; op++) {
		if (op->kind == K_DEL && op->name == get->name && op->inv < t &&
		    op->resp > get->inv)
			return (true);
		if (op->kind == K_PUT && op->name == get->name &&
		    op->ttl != 0 && op->sent != NEVER &&
		    op->sent + op->ttl - TICK < t)
			return (true);
	}
	return (false);
}

/* Returns whether the log has a piece of a secret. */
bool
secret_leaked(void)
{
	return (memmem(l.log, l.loglen, secret_head, HEAD) != NULL);
}
