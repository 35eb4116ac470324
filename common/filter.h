/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_FILTER_H
#define DAZAI_FILTER_H

#include <linux/filter.h>

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_ARGS 3	/* arguments that a rule can compare */
#define FILTER_MAX  512 /* steps of a filter; the longest has some 250 */

/* Allows a system call if all nargs comparisons of args are true. */
struct filter_rule {
	int		    nr;
	unsigned int	    nargs;
	struct scmp_arg_cmp args[FILTER_ARGS];
};

/* A call that is allowed whatever its arguments are. */
#define FILTER_ALLOW(name)           \
	{                            \
		.nr = SCMP_SYS(name) \
	}

struct filter_table {
	const struct filter_rule *rules;
	size_t			  n;
};

struct filter {
	struct sock_filter step[FILTER_MAX];
	unsigned short	   n;
	bool		   bad; /* too long, or an unknown comparison */
};

/* The calls of every program that holds a tether. */
extern const struct filter_table filter_client;

int filter_build(struct filter *, uint32_t, const struct filter_table *,
    size_t);
int filter_load(uint32_t, const struct filter_table *, size_t);

#endif
