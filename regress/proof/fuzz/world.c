/* SPDX-License-Identifier: ISC */
/* Stands for the log, signals and time under network and the vault. */
#include <string.h>
#include <time.h>

#include "fuzz.h"
#include "out.h"

void
out_open(struct out *o, int fd)
{
	o->fd = fd;
}

void
out_write(const struct out *o UNUSED, const char *text, size_t len)
{
	CHECK(len > 0 && len <= 512 &&
		memchr(text, '\n', len) == text + len - 1,
	    "the log has a line of %zu", len);
}

WRAP(void, signals_ignore, void)
{
}

WRAP(int, clock_gettime, clockid_t clock, struct timespec *ts)
{
	if (!fuzz_runs)
		return (__real_clock_gettime(clock, ts));
	ts->tv_sec = fuzz_ms / 1000;
	ts->tv_nsec = fuzz_ms % 1000 * 1000000;
	return (0);
}
