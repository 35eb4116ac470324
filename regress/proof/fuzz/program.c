/* SPDX-License-Identifier: ISC */
/* Under a whole program: its end is one that program_ended() accepts. */
#include <err.h>

#include "fuzz.h"

/* It leaves what it has allocated. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}

WRAP(noreturn void, exit, int status)
{
	if (!fuzz_runs)
		__real_exit(status);
	program_ended(status);
}

WRAP(noreturn void, errx, int status, const char *fmt, ...)
{
	CHECK(status != 0, "%s, and exit 0", fmt);
	program_ended(status);
}

WRAP(noreturn void, err, int status, const char *fmt, ...)
{
	CHECK(status != 0, "%s, and exit 0", fmt);
	program_ended(status);
}

WRAP(void, warnx, const char *fmt UNUSED, ...)
{
}
