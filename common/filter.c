/* SPDX-License-Identifier: ISC */
/*
 * Builds a seccomp filter from tables of allowed system calls, and loads it.
 * It uses only the header of libseccomp, for the numbers of the calls.  The
 * library itself would leave a heap in a process that runs for as long as a
 * session.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/net.h>
#include <linux/seccomp.h>

#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "filter.h"

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/* A new machine needs its AUDIT_ARCH_ here. */
#if defined(__x86_64__) && defined(__LP64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#define FILTER_X32  0x40000000U /* in the number of a call of that ABI */
#elif defined(__i386__)
#define FILTER_ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__) && defined(__ARMEL__)
#define FILTER_ARCH AUDIT_ARCH_ARM
#elif defined(__riscv) && defined(__LP64__)
#define FILTER_ARCH AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define FILTER_ARCH AUDIT_ARCH_PPC64LE
#elif defined(__s390x__)
#define FILTER_ARCH AUDIT_ARCH_S390X
#elif defined(__mips64) && defined(__MIPSEL__) && defined(__LP64__)
#define FILTER_ARCH AUDIT_ARCH_MIPSEL64
#elif defined(__mips__) && defined(__MIPSEL__)
#define FILTER_ARCH AUDIT_ARCH_MIPSEL
#elif defined(__loongarch64)
#define FILTER_ARCH AUDIT_ARCH_LOONGARCH64
#endif

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FILTER_HIGH 4 /* bytes from an argument to its upper half */
#else
#define FILTER_HIGH 0
#endif

#define FILTER_ARG_STEPS 6 /* that filter_arg() makes */

/* On a 32-bit machine the C library may make the second call instead. */
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
 * On some machines, such as i386, glibc makes calls about sockets by
 * socketcall(2).  There the filter sees which socket call it is, but not the
 * arguments, because they are in memory.
 */
static const struct filter_socketcall {
	int	     nr;
	unsigned int call;
} filter_socketcalls[] = {
	{ SCMP_SYS(accept4), SYS_ACCEPT4 },
	{ SCMP_SYS(connect), SYS_CONNECT },
	{ SCMP_SYS(getsockname), SYS_GETSOCKNAME },
	{ SCMP_SYS(getsockopt), SYS_GETSOCKOPT },
	{ SCMP_SYS(recvfrom), SYS_RECV },
	{ SCMP_SYS(recvfrom), SYS_RECVFROM },
	{ SCMP_SYS(recvmsg), SYS_RECVMSG },
	{ SCMP_SYS(sendmsg), SYS_SENDMSG },
	{ SCMP_SYS(sendto), SYS_SEND },
	{ SCMP_SYS(sendto), SYS_SENDTO },
	{ SCMP_SYS(setsockopt), SYS_SETSOCKOPT },
	{ SCMP_SYS(shutdown), SYS_SHUTDOWN },
	{ SCMP_SYS(socket), SYS_SOCKET },
	{ SCMP_SYS(socketpair), SYS_SOCKETPAIR },
};

static void
filter_step(struct filter *f, uint16_t code, uint32_t k, size_t jt, size_t jf)
{
	if (f->n == FILTER_MAX) {
		f->bad = true;
		return;
	}
	f->step[f->n++] = (struct sock_filter){ code, (uint8_t)jt, (uint8_t)jf,
		k };
}

static void
filter_load_word(struct filter *f, size_t offset)
{
	filter_step(f, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

/* Skips the next skip steps unless the loaded word is k. */
static void
filter_unless(struct filter *f, uint32_t k, size_t skip)
{
	filter_step(f, BPF_JMP | BPF_JEQ | BPF_K, k, 0, skip);
}

/* Compares one half of an argument, and skips as filter_unless() does. */
static void
filter_half(struct filter *f, size_t offset, uint32_t mask, uint32_t value,
    size_t skip)
{
	filter_load_word(f, offset);
	filter_step(f, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	filter_unless(f, value, skip);
}

/* Skips the next skip steps unless the comparison a is true. */
static void
filter_arg(struct filter *f, const struct scmp_arg_cmp *a, size_t skip)
{
	const bool     masked = a->op == SCMP_CMP_MASKED_EQ;
	const uint64_t mask = masked ? a->datum_a : UINT64_MAX;
	const uint64_t value = masked ? a->datum_b : a->datum_a;
	const size_t   at = offsetof(struct seccomp_data, args) +
	    a->arg * sizeof(uint64_t);

	if (!masked && a->op != SCMP_CMP_EQ)
		f->bad = true;
	filter_half(f, at + 4 - FILTER_HIGH, (uint32_t)mask, (uint32_t)value,
	    skip + FILTER_ARG_STEPS / 2);
	filter_half(f, at + FILTER_HIGH, (uint32_t)(mask >> 32),
	    (uint32_t)(value >> 32), skip);
}

/*
 * Allows the call nr if the first nargs comparisons of args are true.  Expects
 * the number of the current call to be loaded, and leaves it loaded.  A
 * negative nr is a call that this machine does not have.
 */
static void
filter_allow(struct filter *f, int nr, unsigned int nargs,
    const struct scmp_arg_cmp *args)
{
	unsigned int i;

	if (nr < 0)
		return;
	/* The steps of the arguments, the return, and the load. */
	filter_unless(f, (uint32_t)nr,
	    nargs > 0 ? nargs * FILTER_ARG_STEPS + 2 : 1);
	for (i = 0; i < nargs; i++)
		filter_arg(f, &args[i], (nargs - 1 - i) * FILTER_ARG_STEPS + 1);
	filter_step(f, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	if (nargs > 0)
		filter_load_word(f, offsetof(struct seccomp_data, nr));
}

static void
filter_add_rule(struct filter *f, const struct filter_rule *r)
{
	const unsigned int first = r->nargs > 0 && r->args[0].arg == 0;
	size_t		   i;

	filter_allow(f, r->nr, r->nargs, r->args);
	for (i = 0; i < NELEM(filter_aliases); i++) {
		const struct filter_alias *a = &filter_aliases[i];

		if (a->nr == r->nr)
			filter_allow(f, a->also, a->first ? first : r->nargs,
			    r->args);
	}
	for (i = 0; i < NELEM(filter_socketcalls); i++) {
		const struct filter_socketcall *s = &filter_socketcalls[i];
		const struct scmp_arg_cmp is = { 0, SCMP_CMP_EQ, s->call, 0 };

		if (s->nr == r->nr)
			filter_allow(f, SCMP_SYS(socketcall), 1, &is);
	}
}

/* Refuses a call of another architecture; otherwise loads its number. */
static void
filter_begin(struct filter *f, uint32_t otherwise)
{
	filter_load_word(f, offsetof(struct seccomp_data, arch));
	filter_step(f, BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0);
	filter_step(f, BPF_RET | BPF_K, otherwise, 0, 0);
	filter_load_word(f, offsetof(struct seccomp_data, nr));
#ifdef FILTER_X32
	filter_step(f, BPF_JMP | BPF_JGE | BPF_K, FILTER_X32, 0, 1);
	filter_step(f, BPF_RET | BPF_K, otherwise, 0, 0);
#endif
}

/*
 * Builds the filter f from n tables.  otherwise (SCMP_ACT_...)  is the action
 * for any call that they do not allow.  Returns 0, or -1 with EINVAL if the
 * filter is too long, or a table has an unknown kind of comparison.
 */
int
filter_build(struct filter *f, uint32_t otherwise,
    const struct filter_table *tables, size_t n)
{
	const struct filter_rule *r;
	size_t			  i;

	f->n = 0;
	f->bad = false;
	filter_begin(f, otherwise);
	for (i = 0; i < n; i++) {
		for (r = tables[i].rules; r < tables[i].rules + tables[i].n;
		     r++)
			filter_add_rule(f, r);
	}
	filter_step(f, BPF_RET | BPF_K, otherwise, 0, 0);
	if (f->bad) {
		errno = EINVAL;
		return (-1);
	}
	return (0);
}

/*
 * Builds a filter as filter_build() does, sets no_new_privs, and loads the
 * filter for the rest of this process's life.  Returns 0, or -1 with errno and
 * no filter loaded.
 */
int
filter_load(uint32_t otherwise, const struct filter_table *tables, size_t n)
{
	struct filter	  f;
	struct sock_fprog prog;

	if (filter_build(&f, otherwise, tables, n) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return (-1);
	prog.len = f.n;
	prog.filter = f.step;
	return ((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
}
