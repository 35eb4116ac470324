/* SPDX-License-Identifier: ISC */
/*
 * Samples, and their table: Markdown on standard output, and one line a row in
 * a file for the plot.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static FILE *report_file;

void
series_add(struct series *s, double value)
{
	if (s->n == s->room) {
		s->room = s->room == 0 ? 256 : s->room * 2;
		s->v = reallocarray(s->v, s->room, sizeof(*s->v));
		if (s->v == NULL)
			err(1, "samples");
	}
	s->v[s->n++] = value;
	s->sorted = false;
}

static int
series_compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x < *y ? -1 : *x > *y);
}

/* The value that the part p of all samples does not exceed. */
double
series_at(struct series *s, double p)
{
	size_t at;

	if (s->n == 0)
		errx(1, "no samples");
	if (!s->sorted)
		qsort(s->v, s->n, sizeof(*s->v), series_compare);
	s->sorted = true;
	at = (size_t)((double)s->n * p);
	return (s->v[at < s->n ? at : s->n - 1]);
}

void
report_open(const char *path)
{
	if (path != NULL && (report_file = fopen(path, "we")) == NULL)
		err(1, "%s", path);
	puts("| figure | dazaid p50 | p99 | beside | p50 | p99 | samples "
	     "| ratio | goal | |");
	puts("|---|---|---|---|---|---|---|---|---|---|");
}

static void
report_number(char *to, size_t size, double v)
{
	(void)snprintf(to, size,
	    v >= 100 || v == 0 ? "%.0f" :
		v >= 10	       ? "%.1f" :
				 "%.2f",
	    v);
}

/* The median, or what the row compares, and p99, or p1 of a rate. */
static void
report_pair(struct series *s, const struct row *r)
{
	const char *unit = r->unit;
	char	    p50[32], p99[32];

	report_number(p50, sizeof(p50), series_at(s, r->tail ? 0.99 : 0.5));
	report_number(p99, sizeof(p99), series_at(s, r->more ? 0.01 : 0.99));
	printf(" %s %s | %s |", p50, unit, p99);
}

/* A row without another subject has a plain number as its goal. */
static void
report_goal(const struct row *r)
{
	const double p = r->tail ? 0.99 : 0.5;
	const double ours = series_at(r->ours, p);
	const double other = r->other != NULL ? series_at(r->other, p) : 1;
	const double ratio = ours / other;
	const bool   met = r->more ? ratio >= r->goal : ratio <= r->goal;
	const char  *sign = r->more ? "≥" : "≤";

	if (r->other != NULL)
		printf(" %.2f |", ratio);
	else
		printf(" |");
	if (r->goal == 0 && r->other != NULL)
		printf(" | |\n");
	else
		printf(" %s %g | %s |\n", sign, r->goal,
		    met ? "met" : "**missed**");
	if (report_file != NULL && r->other != NULL && r->goal != 0)
		(void)fprintf(report_file, "goal\t%s\t%.3f\t%s %g\t%.3f\n",
		    r->figure, ratio, sign, r->goal,
		    r->more ? r->goal / ratio : ratio / r->goal);
}

void
report(const struct row *r)
{
	printf("| %s |", r->figure);
	report_pair(r->ours, r);
	printf(" %s |", r->name != NULL ? r->name : "");
	if (r->other != NULL)
		report_pair(r->other, r);
	else
		printf(" | |");
	printf(" %zu |", r->ours->n);
	report_goal(r);
	(void)fflush(stdout);
}

/* Notes what could not be measured, and why. */
void
report_missing(const char *figure, const char *why)
{
	printf("| %s | | | not measured: %s | | | | | | |\n", figure, why);
	(void)fflush(stdout);
}

/* Writes all samples for the plot. */
void
report_samples(const char *figure, const char *name, struct series *s)
{
	size_t i;

	if (report_file == NULL)
		return;
	(void)series_at(s, 0);
	for (i = 0; i < s->n; i++)
		(void)fprintf(report_file, "sample\t%s\t%s\t%.2f\t%.4f\n",
		    figure, name, s->v[i], (double)(i + 1) / (double)s->n);
}
