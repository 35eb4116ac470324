/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "num": what num.c makes of any text and any number, compared
 * with 128-bit arithmetic.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "num.h"

static void
whole(const char *text, int64_t min, int64_t max)
{
	const char *p = text, *why;
	const wide  n = fuzz_digits(&p);
	int64_t	    got = -7;

	why = num_int(text, min, max, &got);
	if (*text == '\0' || *p != '\0')
		CHECK(why != NULL && strcmp(why, "not a number") == 0,
		    "\"%s\": %s", text, why);
	else if (n > max)
		CHECK(why != NULL && strcmp(why, "too large") == 0,
		    "\"%s\" up to %lld: %s", text, (long long)max, why);
	else if (n < min)
		CHECK(why != NULL && strcmp(why, "too small") == 0,
		    "\"%s\" from %lld: %s", text, (long long)min, why);
	else
		CHECK(why == NULL && got == (int64_t)n, "\"%s\": %s, %lld",
		    text, why, (long long)got);
	CHECK(why == NULL || got == -7, "\"%s\": %s, and set", text, why);
}

static void
seconds(const char *text)
{
	const wide  n = fuzz_seconds(text);
	const char *why;
	int64_t	    got = -7;

	why = num_ms(text, &got);
	if (n == -1)
		CHECK(why != NULL && strstr(why, "not a number") != NULL,
		    "\"%s\": %s", text, why);
	else if (n > 1000000000000LL)
		CHECK(why != NULL && strcmp(why, "too large") == 0,
		    "\"%s\": %s", text, why);
	else
		CHECK(why == NULL && got == (int64_t)n, "\"%s\": %s, %lld",
		    text, why, (long long)got);
	CHECK(why == NULL || got == -7, "\"%s\": %s, and set", text, why);
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
	char	     text[256];
	int64_t	     a, b;
	struct bytes t;

	fuzz_input(data, size);
	t = fuzz_text();
	if (t.len >= sizeof(text))
		t.len = sizeof(text) - 1;
	memcpy(text, t.at, t.len);
	text[t.len] = '\0';
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
