/* SPDX-License-Identifier: ISC */
/*
 * Numbers from command lines and from the wire, parsed whole.  strtonum(3) and
 * strtod(3) accept blanks, signs, "0x10", "nan" and "1e9", which these refuse.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "num.h"

/*
 * Reads digits into *n and returns what follows them, or NULL when there is no
 * digit.  *n stays limit + 1 if the number is larger, so it does not overflow;
 * the digits are still skipped.
 */
static const char *
num_digits(const char *s, int64_t limit, int64_t *n)
{
	const char *p;

	*n = 0;
	for (p = s; *p >= '0' && *p <= '9'; p++) {
		if (*n > (limit - (*p - '0')) / 10)
			*n = limit + 1;
		else
			*n = *n * 10 + (*p - '0');
	}
	return (p == s ? NULL : p);
}

/*
 * Reads a whole number from min to max, both from 0 up and max below INT64_MAX.
 * Returns NULL and sets *out, or returns what is wrong and leaves *out alone.
 */
const char *
num_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
	const char *end;
	int64_t	    n;

	if ((end = num_digits(s, max, &n)) == NULL || *end != '\0')
		return ("not a number");
	if (n > max)
		return ("too large");
	if (n < min)
		return ("too small");
	*out = n;
	return (NULL);
}

/*
 * Converts seconds with an optional fraction ("5", "0.25"), at most
 * NUM_MAX_SECONDS, to milliseconds.  A finer fraction is rounded up: a time
 * that is not 0 must not become 0, which means "off" in some places.  Returns
 * as num_int().
 */
const char *
num_ms(const char *s, int64_t *out)
{
	const char *p, *frac;
	int64_t	    sec, ms = 0, scale;

	if ((p = num_digits(s, NUM_MAX_SECONDS, &sec)) == NULL)
		return (*s == '.' ? "not a number of seconds; it begins with "
				    "a digit, as 0.5 does" :
				    "not a number of seconds");
	if (*p == '.') {
		frac = ++p;
		for (scale = 100; *p >= '0' && *p <= '9'; p++, scale /= 10) {
			ms += (*p - '0') * scale;
			if (scale == 0 && *p != '0') {
				ms++;
				break;
			}
		}
		while (*p >= '0' && *p <= '9')
			p++;
		if (p == frac)
			return ("not a number of seconds");
	}
	if (*p != '\0')
		return ("not a number of seconds");
	if (sec > NUM_MAX_SECONDS || (sec == NUM_MAX_SECONDS && ms > 0))
		return ("too large");
	*out = sec * 1000 + ms;
	return (NULL);
}

/*
 * Prints n to the end of buf, of NUM_PRINT bytes, and returns where it begins.
 * Async-signal-safe.
 */
char *
num_print(uint64_t n, char *buf)
{
	char *p = &buf[NUM_PRINT - 1];

	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return (p);
}

/*
 * Prints milliseconds as num_ms() reads them, without needless digits, to buf
 * of NUM_PRINT bytes, which is returned.  A negative time is past, and shown as
 * 0.
 */
char *
num_print_ms(int64_t ms, char *buf)
{
	size_t len;

	if (ms < 0)
		ms = 0;
	(void)snprintf(buf, NUM_PRINT, "%" PRId64 ".%03d", ms / 1000,
	    (int)(ms % 1000));
	for (len = strlen(buf); buf[len - 1] == '0'; len--)
		;
	if (buf[len - 1] == '.')
		len--;
	buf[len] = '\0';
	return (buf);
}
