/* SPDX-License-Identifier: ISC */
/*
 * Formats numbers with units, for reading.  Rounds down, so that a secret of a
 * printed size does fit, and a printed time does remain.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "unit.h"

/* Writes "13 B" or "1.5 KiB" to buf of UNIT_PRINT bytes, which is returned. */
char *
unit_bytes(int64_t bytes, char *buf)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB", "EiB" };
	size_t			 i;
	int			 tenths = 0;

	for (i = 0; bytes >= 1024; i++) {
		tenths = (int)(bytes % 1024 * 10 / 1024);
		bytes /= 1024;
	}
	if (tenths == 0 || bytes >= 100)
		(void)snprintf(buf, UNIT_PRINT, "%" PRId64 " %s", bytes,
		    units[i]);
	else
		(void)snprintf(buf, UNIT_PRINT, "%" PRId64 ".%d %s", bytes,
		    tenths, units[i]);
	return (buf);
}

/*
 * Writes milliseconds as "3.2 s", "59 min" or "2 h 5 min" to buf of UNIT_PRINT
 * bytes, which is returned.
 */
char *
unit_time(int64_t ms, char *buf)
{
	static const struct {
		int64_t	    s, part; /* seconds of the units */
		int64_t	    most;    /* print only this unit from here on */
		const char *name, *next;
	} units[] = { { 86400, 3600, 10, "d", "h" },
		{ 3600, 60, 24, "h", "min" }, { 60, 1, 10, "min", "s" } };
	const int64_t s = ms / 1000;
	size_t	      i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const int64_t n = s / units[i].s;
		const int64_t part = s % units[i].s / units[i].part;

		if (n == 0)
			continue;
		if (n >= units[i].most || part == 0)
			(void)snprintf(buf, UNIT_PRINT, "%" PRId64 " %s", n,
			    units[i].name);
		else
			(void)snprintf(buf, UNIT_PRINT,
			    "%" PRId64 " %s %" PRId64 " %s", n, units[i].name,
			    part, units[i].next);
		return (buf);
	}
	if (s >= 10 || ms % 1000 < 100)
		(void)snprintf(buf, UNIT_PRINT, "%" PRId64 " s", s);
	else
		(void)snprintf(buf, UNIT_PRINT, "%" PRId64 ".%d s", s,
		    (int)(ms % 1000 / 100));
	return (buf);
}
