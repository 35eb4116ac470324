/* SPDX-License-Identifier: ISC */
/*
 * nomemfd [-c CALL]... PROGRAM [ARG...]: becomes PROGRAM, on a system that has
 * no memfd_secret(2), as many do not; or, with -c, in a container whose filter
 * refuses these calls.
 */
#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <unistd.h>

static scmp_filter_ctx ctx;

static void
refuse(int error, int nr)
{
	if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO((unsigned int)error), nr, 0) !=
	    0)
		errx(1, "no filter");
}

int
main(int argc, char *argv[])
{
	int ch, calls = 0;

	if ((ctx = seccomp_init(SCMP_ACT_ALLOW)) == NULL)
		errx(1, "no filter");
	while ((ch = getopt(argc, argv, "+c:")) == 'c') {
		refuse(EPERM, seccomp_syscall_resolve_name(optarg));
		calls++;
	}
	if (ch != -1 || optind == argc)
		errx(1, "usage: nomemfd [-c CALL]... PROGRAM [ARG...]");
	if (calls == 0)
		refuse(ENOSYS, SCMP_SYS(memfd_secret));
	if (seccomp_load(ctx) != 0)
		errx(1, "no filter");
	seccomp_release(ctx);
	execvp(argv[optind], argv + optind);
	err(1, "%s", argv[optind]);
}
