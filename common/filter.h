/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_FILTER_H
#define DAZAI_FILTER_H

#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_ARGS 3 /* arguments that a rule can compare */

/* A system call that is allowed: if all nargs comparisons of args hold. */
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

extern const struct filter_table filter_client; /* for who holds a tether */

int filter_load(uint32_t, const struct filter_table *, size_t);

#endif
