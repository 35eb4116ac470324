/* SPDX-License-Identifier: ISC */
/*
 * Filters of random rules decide as libseccomp's filters of the same rules.
 * Both are run here, by a small interpreter of BPF: of all that a filter can
 * do it knows the steps that the two make.
 */
#include <sys/mman.h>

#include <linux/seccomp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "filter.h"

#define FILTERS 3000
#define RULES	12

static const int calls[] = { SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(close),
	SCMP_SYS(mprotect), SCMP_SYS(futex), SCMP_SYS(exit_group),
	SCMP_SYS(openat), SCMP_SYS(prctl), SCMP_SYS(dup3), SCMP_SYS(tgkill) };
static const uint64_t values[] = { 0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff,
	0x100000000, 0x100000001, 0x8000000000000000, UINT64_MAX };

static size_t
below(size_t n)
{
	ATF_REQUIRE(n > 0);
	return ((size_t)random() % n);
}

/* No more than an argument of this machine holds. */
static uint64_t
value(void)
{
	return ((unsigned long)values[below(NELEM(values))]);
}

static uint32_t
word(const struct seccomp_data *d, uint32_t at)
{
	uint32_t w;

	ATF_REQUIRE(at <= sizeof(*d) - sizeof(w));
	memcpy(&w, (const char *)d + at, sizeof(w));
	return (w);
}

static uint32_t
verdict(const struct sock_filter *step, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0;
	size_t	 i;

	for (i = 0; i < n; i++) {
		const struct sock_filter *s = &step[i];

		switch (s->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			a = word(d, s->k);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= s->k;
			break;
		case BPF_JMP | BPF_JA:
			i += s->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			i += a == s->k ? s->jt : s->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			i += a >= s->k ? s->jt : s->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			i += a > s->k ? s->jt : s->jf;
			break;
		case BPF_RET | BPF_K:
			return (s->k);
		default:
			atf_tc_fail("step %zu has code %#x", i, s->code);
		}
	}
	atf_tc_fail("the filter has no end");
}

/* The filter that libseccomp makes of the same rules. */
static size_t
theirs(struct sock_filter *step, size_t max, const struct filter_rule *rules,
    size_t n)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(1));
	const int	fd = memfd_create("bpf", MFD_CLOEXEC);
	ssize_t		len;
	size_t		i;

	ATF_REQUIRE(ctx != NULL && fd != -1);
	/* As ours, and not a kill of the thread. */
	ATF_REQUIRE_EQ(
	    seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(1)),
	    0);
	for (i = 0; i < n; i++)
		ATF_REQUIRE_EQ(seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW,
				   rules[i].nr, rules[i].nargs, rules[i].args),
		    0);
	ATF_REQUIRE_EQ(seccomp_export_bpf(ctx, fd), 0);
	seccomp_release(ctx);
	len = pread(fd, step, max * sizeof(*step), 0);
	ATF_REQUIRE(len > 0 && (size_t)len < max * sizeof(*step));
	close(fd);
	return ((size_t)len / sizeof(*step));
}

/* Two rules for a call with and without the comparisons exclude each other in
 * libseccomp: each call has comparisons in all of its rules, or in none. */
static size_t
any_rules(struct filter_rule *rules)
{
	const size_t n = 1 + below(RULES);
	size_t	     i, j;

	memset(rules, 0, RULES * sizeof(*rules));
	for (i = 0; i < n; i++) {
		struct filter_rule *r = &rules[i];
		const size_t	    call = below(NELEM(calls));

		r->nr = calls[call];
		r->nargs = call < 4 ? 0 : 1 + (unsigned int)below(FILTER_ARGS);
		for (j = 0; j < r->nargs; j++) {
			r->args[j].arg = (unsigned int)(2 * j);
			r->args[j].op = below(2) ? SCMP_CMP_EQ :
						   SCMP_CMP_MASKED_EQ;
			r->args[j].datum_a = value();
			r->args[j].datum_b = value();
			if (r->args[j].op == SCMP_CMP_MASKED_EQ)
				r->args[j].datum_b &= r->args[j].datum_a;
		}
	}
	return (n);
}

/* A call of the rules or its neighbour, of this machine or not. */
static void
any_call(struct seccomp_data *d, const struct filter_rule *rules, size_t n)
{
	const struct filter_rule *r = &rules[below(n)];
	size_t			  j;

	memset(d, 0, sizeof(*d));
	d->arch = below(8) ? seccomp_arch_native() : SCMP_ARCH_S390;
	d->nr = r->nr + (below(8) ? 0 : (int)below(3) - 1);
	if (below(16) == 0)
		d->nr |= 0x40000000; /* x32 */
	for (j = 0; j < NELEM(d->args); j++)
		d->args[j] = value();
	for (j = 0; j < r->nargs; j++)
		if (below(4))
			d->args[r->args[j].arg] = r->args[j].op == SCMP_CMP_EQ ?
			    r->args[j].datum_a :
			    r->args[j].datum_b |
				(value() & ~r->args[j].datum_a);
}

CASE(a_filter_decides_as_libseccomps,
    "for random rules, and calls near to them, a filter gives the same answer "
    "as libseccomp's filter does, for calls of other machines, too")
{
	struct sock_filter  other[2 * FILTER_MAX];
	struct filter_rule  rules[RULES];
	struct filter_table table = { .rules = rules };
	struct filter	    f;
	struct seccomp_data d;
	size_t		    i, j, len, allowed = 0, refused = 0;

	for (i = 0; i < FILTERS; i++) {
		table.n = any_rules(rules);
		ATF_REQUIRE_EQ(filter_build(&f, SCMP_ACT_ERRNO(1), &table, 1),
		    0);
		len = theirs(other, NELEM(other), rules, table.n);
		for (j = 0; j < 100; j++) {
			uint32_t ours;

			any_call(&d, rules, table.n);
			ours = verdict(f.step, f.n, &d);
			ATF_REQUIRE_EQ_MSG(ours, verdict(other, len, &d),
			    "filter %zu, call %d: %#x", i, d.nr, ours);
			if (ours == SECCOMP_RET_ALLOW)
				allowed++;
			else
				refused++;
		}
	}
	/* Both happen, or this shows nothing. */
	ATF_CHECK(allowed > refused / 10 && refused > allowed / 10);
}

CASE(a_filter_that_cannot_be_is_refused,
    "a comparison that is not known is refused, and so is a filter that is too "
    "long")
{
	static struct filter_rule many[FILTER_MAX];
	struct filter_rule	  greater = { .nr = SCMP_SYS(read),
		       .nargs = 1,
		       .args = { { .op = SCMP_CMP_GT, .datum_a = 1 } } };
	struct filter_table	  table = { &greater, 1 };
	struct filter		  f;
	size_t			  i;

	ATF_CHECK_ERRNO(EINVAL, filter_build(&f, 0, &table, 1) == -1);
	for (i = 0; i < NELEM(many); i++)
		many[i].nr = SCMP_SYS(read);
	table = (struct filter_table){ many, NELEM(many) };
	ATF_CHECK_ERRNO(EINVAL, filter_build(&f, 0, &table, 1) == -1);
}
