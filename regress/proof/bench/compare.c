/* SPDX-License-Identifier: ISC */
/*
 * Lets rivals take turns, and prints a row for each of them beside ours:
 * Markdown on standard output, and one line a row or sample in a file for the
 * plot.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

static FILE *report_file;

void
report_open(const char *path)
{
	if (path != NULL && (report_file = fopen(path, "we")) == NULL)
		err(1, "%s", path);
	puts("| figure | dazaid p50 | p99 | beside | p50 | p99 | samples "
	     "| ratio | goal | |");
	puts("|---|---|---|---|---|---|---|---|---|---|");
}

/* Notes what could not be measured, and why. */
void
report_missing(const char *figure, const char *why)
{
	printf("| %s | | | not measured: %s | | | | | | |\n", figure, why);
	(void)fflush(stdout);
}

void
sample(struct rival *v, double value)
{
	struct series *s = &v->samples;

	if (s->n == s->room) {
		s->room = s->room == 0 ? 256 : s->room * 2;
		s->v = reallocarray(s->v, s->room, sizeof(*s->v));
		if (s->v == NULL)
			err(1, "samples");
	}
	s->v[s->n++] = value;
}

static int
ascending(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

/* The value that the part p of all samples, which are sorted, does not exceed.
 */
static double
value_at(const struct rival *v, double p)
{
	const size_t n = v->samples.n, at = (size_t)((double)n * p);

	return (v->samples.v[at < n ? at : n - 1]);
}

/* What the row compares. */
static double
compared(const struct figure *f, const struct rival *v)
{
	return (value_at(v, f->flags & TAIL ? 0.99 : 0.5));
}

static void
print_number(double n, const char *unit)
{
	printf(n >= 100 || n == 0 ? " %.0f%s |" :
		n >= 10		  ? " %.1f%s |" :
				    " %.2f%s |",
	    n, unit);
}

/* The median, or what the row compares, and p99, or p1 of a rate. */
static void
print_pair(const struct figure *f, const struct rival *v)
{
	char unit[16];

	(void)snprintf(unit, sizeof(unit), " %s", f->unit);
	print_number(compared(f, v), unit);
	print_number(value_at(v, f->flags & MORE ? 0.01 : 0.99), "");
}

/* A row; without another rival a plain number is our goal. */
static void
print_row(const struct figure *f, const struct rival *ours,
    const struct rival *other)
{
	const bool   plain = ours == other;
	const double ratio = compared(f, ours) /
	    (plain ? 1 : compared(f, other));
	const double goal = other->goal;
	const bool   more = (f->flags & MORE) != 0;
	const char  *sign = more ? "≥" : "≤";

	printf("| %s |", f->name);
	print_pair(f, ours);
	printf(" %s |", plain ? "" : other->name);
	if (plain)
		printf(" | |");
	else
		print_pair(f, other);
	printf(" %zu |", ours->samples.n);
	if (plain)
		printf(" |");
	else
		printf(" %.2f |", ratio);
	if (goal == 0 && !plain)
		printf(" | |\n");
	else
		printf(" %s %g | %s |\n", sign, goal,
		    (more ? ratio >= goal : ratio <= goal) ? "met" :
							     "**missed**");
	(void)fflush(stdout);
	if (report_file != NULL && !plain && goal != 0)
		(void)fprintf(report_file, "goal\t%s\t%.3f\t%s %g\t%.3f\n",
		    f->name, ratio, sign, goal,
		    more ? goal / ratio : ratio / goal);
}

/* Sorts the samples, and writes them for the plot. */
static void
sort(const struct figure *f, struct rival *v)
{
	const struct series *s = &v->samples;
	size_t		     i;

	if (s->n == 0)
		errx(1, "%s: no samples", f->name);
	qsort(s->v, s->n, sizeof(*s->v), ascending);
	for (i = 0; report_file != NULL && i < s->n; i++)
		(void)fprintf(report_file, "sample\t%s\t%s\t%.2f\t%.4f\n",
		    f->name, v->name, s->v[i], (double)(i + 1) / (double)s->n);
}

/* Starts the daemons of all, or ends them. */
static void
live(struct rival *v, size_t n, bool on)
{
	size_t k;

	for (k = 0; k < n; k++) {
		if (v[k].command == NULL)
			continue;
		if (on)
			subject_guard(&v[k].s);
		else
			subject_stop(&v[k].s);
	}
}

static void
take_turns(struct rival *v, size_t n, size_t turns)
{
	size_t i, k;

	for (i = 0; i < turns; i++) {
		for (k = 0; k < n; k++)
			v[k].take(&v[k]);
	}
}

void
compare(const struct figure *f, struct rival *v, size_t n)
{
	const size_t lives = (f->flags & LIVES) != 0 ? f->turns : 1;
	const bool   living = (f->flags & (ALIVE | LIVES)) != 0;
	size_t	     i, k;

	if (((f->flags & ROOT) != 0 || f->uid == 0) && getuid() != 0) {
		report_missing(f->name, "needs root");
		return;
	}
	for (k = 0; k < n; k++) {
		if (v[k].command != NULL)
			subject_init(&v[k].s, v[k].name, v[k].greeting, f->uid,
			    v[k].command);
	}
	for (i = 0; i < lives; i++) {
		if (living)
			live(v, n, true);
		take_turns(v, n, (f->flags & LIVES) != 0 ? TURNS : f->turns);
		if (living)
			live(v, n, false);
	}
	for (k = 0; k < n; k++)
		sort(f, &v[k]);
	for (k = (f->flags & PLAIN) != 0 ? 0 : 1; k < n; k++) {
		if (v[k].goal >= 0)
			print_row(f, &v[0], &v[k]);
	}
	for (k = 0; k < n; k++)
		free(v[k].samples.v);
}
