/* SPDX-License-Identifier: ISC */
/*
 * Builds a seccomp filter from tables of allowed system calls, and loads it.
 */
#include <errno.h>
#include <stdbool.h>

#include "filter.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/* Calls that a C library makes in place of another one on 32-bit machines. */
static const struct filter_alias {
	int  nr;
	int  also;
	bool first; /* only the first argument is the same */
} filter_aliases[] = {
#ifdef __LP64__
	{ -1, -1, false }
#else
	{ SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), false },
	{ SCMP_SYS(fcntl), SCMP_SYS(fcntl64), false },
	{ SCMP_SYS(fstatfs), SCMP_SYS(fstatfs64), true },
	{ SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), false },
	{ SCMP_SYS(newfstatat), SCMP_SYS(statx), true },
	{ SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), false },
	{ SCMP_SYS(recvfrom), SCMP_SYS(recv), false },
	{ SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), false },
	{ SCMP_SYS(sendto), SCMP_SYS(send), true },
	{ SCMP_SYS(setresuid), SCMP_SYS(setresuid32), false },
	{ SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_settime64), false },
#endif
};

/*
 * On i386 glibc makes calls about sockets by socketcall(2).  The filter sees
 * there which call it is, but not the arguments, which are in memory.  Where no
 * argument is compared, libseccomp adds these rules itself.
 */
static const struct filter_socketcall {
	int	     nr;
	unsigned int call;
} filter_socketcalls[] = {
	{ SCMP_SYS(socket), 1 },
	{ SCMP_SYS(socketpair), 8 },
	{ SCMP_SYS(sendto), 9 }, /* send */
	{ SCMP_SYS(sendto), 11 },
	{ SCMP_SYS(recvfrom), 10 }, /* recv */
	{ SCMP_SYS(setsockopt), 14 },
};

/* Numbers below 0 are of calls that this machine does not have. */
static int
filter_allow(scmp_filter_ctx ctx, int nr, unsigned int nargs,
    const struct scmp_arg_cmp *args)
{
	if (nr < 0)
		return (0);
	return (seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, nargs, args));
}

static int
filter_add_rule(scmp_filter_ctx ctx, const struct filter_rule *r)
{
	const unsigned int first = r->nargs > 0 && r->args[0].arg == 0;
	size_t		   i;
	int		   rc;

	rc = filter_allow(ctx, r->nr, r->nargs, r->args);
	for (i = 0; rc == 0 && i < NELEM(filter_aliases); i++) {
		const struct filter_alias *a = &filter_aliases[i];

		if (a->nr == r->nr)
			rc = filter_allow(ctx, a->also,
			    a->first ? first : r->nargs, r->args);
	}
	for (i = 0; rc == 0 && i < NELEM(filter_socketcalls); i++) {
		const struct filter_socketcall *s = &filter_socketcalls[i];
		const struct scmp_arg_cmp is = { 0, SCMP_CMP_EQ, s->call, 0 };

		if (s->nr == r->nr)
			rc = filter_allow(ctx, SCMP_SYS(socketcall), 1, &is);
	}
	return (rc);
}

static int
filter_add(scmp_filter_ctx ctx, const struct filter_table *table)
{
	const struct filter_rule *r;
	int			  rc = 0;

	for (r = table->rules; rc == 0 && r < table->rules + table->n; r++)
		rc = filter_add_rule(ctx, r);
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
