/* SPDX-License-Identifier: ISC */
/*
 * nomemfd PROGRAM [ARG...]: becomes PROGRAM, on a system that has no
 * memfd_secret(2), as many do not.
 */
#include <err.h>
#include <errno.h>
#include <seccomp.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	scmp_filter_ctx ctx;

	if (argc < 2)
		errx(1, "usage: nomemfd PROGRAM [ARG...]");
	if ((ctx = seccomp_init(SCMP_ACT_ALLOW)) == NULL ||
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
		SCMP_SYS(memfd_secret), 0) != 0 ||
	    seccomp_load(ctx) != 0)
		errx(1, "no filter");
	seccomp_release(ctx);
	execvp(argv[1], argv + 1);
	err(1, "%s", argv[1]);
}
