/* SPDX-License-Identifier: ISC */
/*
 * The model's secrets: which of them a GET, DEL or LIST may find, and which it
 * must.  The bytes of a secret tell which PUT it comes from.
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

/* At some time between lo and hi no secret had this name. */
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

/*
 * Why a request that began at inv cannot find what put stored; NULL if it can.
 */
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
	if (put->ttl != 0 && model_passed(put->resp + put->ttl, inv))
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
bool
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
			broken(
			    "%s n%d says that there is none, but one was put",
			    kind_names[op->kind], op->name);
	}
}

/* A PUT was refused because a secret has this name. */
void
secret_exists(const struct op *op)
{
	const struct op *put;

	for (put = l.ops; put < l.ops + l.nops; put++) {
		if (put->kind == K_PUT && put != op && put->name == op->name &&
		    put->inv < op->resp &&
		    (put->resp > op->inv || put->result == A_OK ||
			put->result == A_NONE) &&
		    secret_gone(put, op->inv) == NULL)
			return;
	}
	broken("PUT n%d: exists, but there is none", op->name);
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
		/* Of the last tether: nobody guards any more. */
		if (op->kind == K_RELEASE && op->inv < t && op->resp > get->inv)
			return (true);
		if (op->kind == K_PUT && op->name == get->name &&
		    op->ttl != 0 && op->sent != NEVER &&
		    op->sent + op->ttl - TICK < t)
			return (true);
	}
	return (false);
}

/* Checks one limit in a line of LIST: "-" if there is none. */
static bool
secret_limit(const char *word, double least, double most)
{
	char  *end;
	double value;

	if (most == 0)
		return (strcmp(word, "-") == 0);
	value = strtod(word, &end);
	return (end != word && *end == '\0' && value >= least && value <= most);
}

/* Checks an entry of LIST.  Returns which name it is. */
int
secret_listed(const struct op *list, const char *line)
{
	char		 name[8], size[24], reads[16], left[24];
	int		 n = 0;
	const struct op *put;

	if (sscanf(line, "n%7s %23s %15s %23s%n", name, size, reads, left,
		&n) != 4 ||
	    line[n] != '\0')
		broken("LIST: %s", line);
	n = (int)strtol(name, NULL, 10);
	for (put = l.ops; put < l.ops + l.nops; put++) {
		if (put->name == n && put->size == strtoull(size, NULL, 10) &&
		    secret_may_be_stored(put, now()) &&
		    secret_gone(put, list->inv) == NULL &&
		    secret_limit(reads, 1, put->reads) &&
		    secret_limit(left, -1, (double)put->ttl / 1e6))
			return (n);
	}
	broken("LIST tells of what is not there: %s", line);
}

/* LIST has shown the names in seen, a bit each. */
void
secret_list_ends(const struct op *list, int seen)
{
	struct op one = *list;

	for (one.name = 0; one.name < NAMES; one.name++) {
		if ((seen & 1 << one.name) != 0)
			continue;
		secret_absent(&one);
		secret_absence(one.name, list->inv, list->resp);
	}
}

/* Returns whether the log has a piece of a secret. */
bool
secret_leaked(void)
{
	return (memmem(l.log, l.loglen, secret_head, HEAD) != NULL);
}
