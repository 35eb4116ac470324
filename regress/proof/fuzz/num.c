/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "num": what num.c makes of any text and any number, compared
 * with 128-bit arithmetic.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "num.h"

/* why and got are what num.c has made of text, which is the number n; -1: none.
 */
static void
compare(const char *text, wide n, wide min, wide max, const char *why,
    int64_t got)
{
	const char *const want = n == -1 ? "not a number" :
	    n > max			 ? "too large" :
	    n < min			 ? "too small" :
					   NULL;

	CHECK((want == NULL) == (why == NULL) &&
		(why == NULL || strncmp(why, want, strlen(want)) == 0),
	    "\"%s\" from %lld to %lld: %s, and not %s", text, (long long)min,
	    (long long)max, why, want);
	CHECK(got == (why == NULL ? (int64_t)n : -7), "\"%s\": %s, %lld", text,
	    why, (long long)got);
}

static void
whole(const char *text, int64_t min, int64_t max)
{
	const char *p = text, *why;
	wide	    n = fuzz_digits(&p);
	int64_t	    got = -7;

	if (p == text || *p != '\0')
		n = -1;
	why = num_int(text, min, max, &got);
	compare(text, n, min, max, why, got);
}

static void
seconds(const char *text)
{
	int64_t	    got = -7;
	const char *why = num_ms(text, &got);

	compare(text, fuzz_seconds(text), 0, 1000000000000LL, why, got);
}

/* What num_print() prints is what printf(3) does. */
static void
print_whole(uint64_t n)
{
	char buf[NUM_PRINT], want[32];

	(void)snprintf(want, sizeof(want), "%llu", (unsigned long long)n);
	CHECK(strcmp(num_print(n, buf), want) == 0, "%s is printed as %s", want,
	    num_print(n, buf));
}

/* A printed number reads back the same, and has no digit too many. */
static void
print(int64_t ms)
{
	char	    buf[NUM_PRINT + 1];
	const char *point;
	wide	    n;

	memset(buf, 'x', sizeof(buf));
	CHECK(num_print_ms(ms, buf) == buf, "another buffer");
	CHECK(memchr(buf, '\0', NUM_PRINT) != NULL && buf[NUM_PRINT] == 'x',
	    "%lld takes more than its room", (long long)ms);
	n = fuzz_seconds(buf);
	CHECK(n == (ms < 0 ? 0 : ms), "%lld is printed as %s", (long long)ms,
	    buf);
	CHECK(buf[0] != '0' || buf[1] == '.' || buf[1] == '\0',
	    "%s begins with a 0", buf);
	if ((point = strchr(buf, '.')) != NULL)
		CHECK(strlen(point) <= 4 && buf[strlen(buf) - 1] != '0' &&
			point[1] != '\0',
		    "%s could be shorter", buf);
	seconds(buf);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	text[256];
	int64_t a, b;

	fuzz_input(data, size);
	(void)fuzz_string(text, sizeof(text));
	a = (int64_t)(fuzz_number() % INT64_MAX);
	b = (int64_t)(fuzz_number() % INT64_MAX);
	whole(text, a < b ? a : b, a < b ? b : a);
	whole(text, 0, INT64_MAX - 1);
	whole(text, 1, 100);
	seconds(text);
	print(a);
	print(a % 1000000000000LL);
	print(-b);
	print_whole((uint64_t)a);
	print_whole(0);
	print_whole(UINT64_MAX);
	(void)snprintf(text, sizeof(text), "%lld", (long long)a);
	whole(text, 0, b);
	whole(text, 0, a);
	whole(text, a < b ? a : b, INT64_MAX - 1);
	return (0);
}
