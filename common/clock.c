/* SPDX-License-Identifier: ISC */
/*
 * Reads a clock as a number of milliseconds.
 */
#include "clock.h"

/* Milliseconds of clock; async-signal-safe. */
int64_t
clock_ms(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}
