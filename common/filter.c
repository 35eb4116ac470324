/* SPDX-License-Identifier: ISC */
/*
 * Builds a seccomp filter from tables of allowed system calls, and loads it.
 */
#include <errno.h>

#include "filter.h"

static int
filter_add(scmp_filter_ctx ctx, const struct filter_table *table)
{
	const struct filter_rule *r;
	int			  rc = 0;

	for (r = table->rules; rc == 0 && r < table->rules + table->n; r++)
		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, r->nr,
		    r->nargs, r->args);
	return (rc);
}

/*
 * Allows this process the calls of n tables, and has the kernel answer every
 * other call with the action otherwise (SCMP_ACT_...), for good.  Also sets
 * no_new_privs.  Returns 0, or -1 with errno and nothing loaded.
 */
int
filter_load(uint32_t otherwise, const struct filter_table *tables, size_t n)
{
	scmp_filter_ctx ctx;
	size_t		i;
	int		rc = 0;

	if ((ctx = seccomp_init(otherwise)) == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	for (i = 0; i < n && rc == 0; i++)
		rc = filter_add(ctx, &tables[i]);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	errno = -rc;
	return (rc == 0 ? 0 : -1);
}
