/* SPDX-License-Identifier: ISC */
/*
 * Numbers are read whole, or not at all.
 */
#include <atf-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

#define UNTOUCHED (-77)
#define NELEM(a)  (sizeof(a) / sizeof((a)[0]))

static const char *const no_numbers[] = { "", " ", "\t", "\n", "x", "5x", "x5",
	"5 ", " 5", "5\n", "\n5", "5\r", "+5", "-1", "-0", "+0", "--1", "+-1",
	"0x10", "0X10", "x10", "1e3", "1E3", "1e+3", "1e", "nan", "NAN",
	"nan(1)", "inf", "INF", "-inf", "infinity", "1,5", "1'000", "1_000",
	"1 000", "1k", "5s", "5ms", "0b1", "1;", "1/2", "1:2", "5-", "5+",
	"\xd9\xa5", "\xef\xbc\x95", "\xff", "five", "NULL", "true", "%d", "*" };

/* What num_int() says, or NULL if it took it, then for *out as well. */
static const char *
int_of(const char *s, int64_t min, int64_t max, int64_t *out)
{
	const char *why;

	*out = UNTOUCHED;
	why = num_int(s, min, max, out);
	if (why != NULL && *out != UNTOUCHED)
		atf_tc_fail("\"%s\" was refused, and its value was set", s);
	return (why);
}

static void
require_int(const char *s, int64_t want)
{
	int64_t	    n;
	const char *why = int_of(s, 0, INT64_MAX - 1, &n);

	ATF_REQUIRE_MSG(why == NULL, "\"%s\": %s", s, why);
	ATF_REQUIRE_MSG(n == want, "\"%s\": %lld", s, (long long)n);
}

static void
require_ms(const char *s, int64_t want)
{
	int64_t	    n = UNTOUCHED;
	const char *why = num_ms(s, &n);

	ATF_REQUIRE_MSG(why == NULL, "\"%s\": %s", s, why);
	ATF_REQUIRE_MSG(n == want, "\"%s\": %lld", s, (long long)n);
}

static void
require_no_ms(const char *s, const char *want)
{
	int64_t	    n = UNTOUCHED;
	const char *why = num_ms(s, &n);

	ATF_REQUIRE_MSG(why != NULL, "\"%s\" taken as %lld ms", s,
	    (long long)n);
	ATF_REQUIRE_STREQ_MSG(want, why, "\"%s\"", s);
	ATF_REQUIRE_EQ(UNTOUCHED, n);
}

ATF_TC_WITHOUT_HEAD(whole_numbers_are_read);
ATF_TC_BODY(whole_numbers_are_read, tc)
{
	require_int("0", 0);
	require_int("1", 1);
	require_int("42", 42);
	require_int("4294967296", 4294967296);
	require_int("9223372036854775806", INT64_MAX - 1);
}

ATF_TC_WITHOUT_HEAD(leading_zeros_are_decimal);
ATF_TC_BODY(leading_zeros_are_decimal, tc)
{
	require_int("00", 0);
	require_int("010", 10);
	require_int("0000000000000000000000000000000000000000000007", 7);
	require_ms("010.010", 10010);
}

ATF_TC_WITHOUT_HEAD(what_is_no_whole_number_is_refused);
ATF_TC_BODY(what_is_no_whole_number_is_refused, tc)
{
	int64_t n;
	size_t	i;

	for (i = 0; i < NELEM(no_numbers); i++) {
		const char *why = int_of(no_numbers[i], 0, 1000000, &n);

		ATF_REQUIRE_MSG(why != NULL, "\"%s\" taken", no_numbers[i]);
		ATF_REQUIRE_STREQ("not a number", why);
	}
	ATF_REQUIRE_STREQ("not a number", int_of("1.0", 0, 9, &n));
	ATF_REQUIRE_STREQ("not a number", int_of(".5", 0, 9, &n));
	ATF_REQUIRE_STREQ("not a number", int_of("5.", 0, 9, &n));
}

ATF_TC_WITHOUT_HEAD(limits_are_inclusive);
ATF_TC_BODY(limits_are_inclusive, tc)
{
	int64_t n;

	ATF_REQUIRE(int_of("4", 4, 7, &n) == NULL && n == 4);
	ATF_REQUIRE(int_of("7", 4, 7, &n) == NULL && n == 7);
	ATF_REQUIRE_STREQ("too small", int_of("3", 4, 7, &n));
	ATF_REQUIRE_STREQ("too small", int_of("0", 4, 7, &n));
	ATF_REQUIRE_STREQ("too large", int_of("8", 4, 7, &n));
	ATF_REQUIRE_STREQ("too large", int_of("70", 4, 7, &n));
	ATF_REQUIRE(int_of("0", 0, 0, &n) == NULL && n == 0);
	ATF_REQUIRE_STREQ("too large", int_of("1", 0, 0, &n));
}

ATF_TC_WITHOUT_HEAD(overflow_is_too_large);
ATF_TC_BODY(overflow_is_too_large, tc)
{
	static const char *const big[] = { "9223372036854775807",
		"9223372036854775808", "18446744073709551615",
		"18446744073709551616", "18446744073709551617",
		"36893488147419103232",
		"99999999999999999999999999999999999999999999999999" };
	char			 many[4096];
	int64_t			 n;
	size_t			 i;

	for (i = 0; i < NELEM(big); i++) {
		ATF_REQUIRE_STREQ("too large",
		    int_of(big[i], 0, INT64_MAX - 1, &n));
		ATF_REQUIRE_STREQ("too large", int_of(big[i], 1, 9, &n));
		require_no_ms(big[i], "too large");
	}
	memset(many, '9', sizeof(many));
	many[sizeof(many) - 1] = '\0';
	ATF_REQUIRE_STREQ("too large", int_of(many, 0, 9, &n));
	require_no_ms(many, "too large");
	many[sizeof(many) - 2] = 'x';
	ATF_REQUIRE_STREQ("not a number", int_of(many, 0, 9, &n));
}

/* Every limit and every number around it, against the obvious way. */
ATF_TC_WITHOUT_HEAD(every_small_number_against_every_limit);
ATF_TC_BODY(every_small_number_against_every_limit, tc)
{
	char	text[16];
	int64_t n;
	int	i, max;

	for (max = 0; max < 130; max++) {
		for (i = 0; i < 1300; i++) {
			(void)snprintf(text, sizeof(text), "%d", i);
			if (i > max)
				ATF_REQUIRE_STREQ("too large",
				    int_of(text, 0, max, &n));
			else
				ATF_REQUIRE(
				    int_of(text, 0, max, &n) == NULL && n == i);
		}
	}
}

ATF_TC_WITHOUT_HEAD(seconds_may_have_a_fraction);
ATF_TC_BODY(seconds_may_have_a_fraction, tc)
{
	require_ms("0", 0);
	require_ms("5", 5000);
	require_ms("0.3", 300);
	require_ms("0.25", 250);
	require_ms("0.001", 1);
	require_ms("1.5", 1500);
	require_ms("12.345", 12345);
	require_ms("5.0", 5000);
	require_ms("5.000000000000000000000000000", 5000);
	require_ms("0.0", 0);
	require_ms("0.000000", 0);
	require_ms("1000000000", NUM_MAX_SECONDS * 1000);
	require_ms("1000000000.000", NUM_MAX_SECONDS * 1000);
	require_ms("999999999.999", NUM_MAX_SECONDS * 1000 - 1);
}

/* 0 means "off" in some places: more than nothing must not become that. */
ATF_TC_WITHOUT_HEAD(a_finer_fraction_is_rounded_up);
ATF_TC_BODY(a_finer_fraction_is_rounded_up, tc)
{
	require_ms("0.0001", 1);
	require_ms("0.00000000000000000000000000000000001", 1);
	require_ms("0.0010", 1);
	require_ms("0.00100001", 2);
	require_ms("0.1234", 124);
	require_ms("0.1230", 123);
	require_ms("0.9990", 999);
	require_ms("0.9991", 1000);
	require_ms("0.9999999", 1000);
	require_ms("1.99999999999999999999999999999999999", 2000);
}

ATF_TC_WITHOUT_HEAD(what_is_no_number_of_seconds_is_refused);
ATF_TC_BODY(what_is_no_number_of_seconds_is_refused, tc)
{
	static const char *const more[] = { ".", ".5", "5.", "0.", "1.2.3",
		"1..2", "1.-2", "1.+2", "1.2x", "1.0001x", "1.0000x", "1. 2",
		"1.2 ", "0.1e3", "1.nan", "-0.5", "+0.5", "0x1.8", "0.0x1",
		"1.00000001 " };
	size_t			 i;

	for (i = 0; i < NELEM(no_numbers); i++)
		require_no_ms(no_numbers[i], "not a number of seconds");
	for (i = 0; i < NELEM(more); i++)
		require_no_ms(more[i], "not a number of seconds");
}

ATF_TC_WITHOUT_HEAD(more_seconds_than_the_most_are_too_large);
ATF_TC_BODY(more_seconds_than_the_most_are_too_large, tc)
{
	require_no_ms("1000000001", "too large");
	require_no_ms("1000000001.0", "too large");
	require_no_ms("1000000000.001", "too large");
	require_no_ms("1000000000.0000001", "too large");
	require_no_ms("10000000000", "too large");
	require_no_ms("9223372036854775", "too large");
	require_no_ms("9223372036854775807", "too large");
}

/*
 * What num_print_ms() makes of ms, in memory of just the size that it may use.
 */
static const char *
printed(int64_t ms)
{
	static char *buf;

	free(buf);
	buf = malloc(NUM_PRINT);
	ATF_REQUIRE(buf != NULL);
	memset(buf, 'x', NUM_PRINT);
	ATF_REQUIRE(num_print_ms(ms, buf) == buf);
	ATF_REQUIRE(memchr(buf, '\0', NUM_PRINT) != NULL);
	return (buf);
}

/* Digits, then perhaps a point and more of them; none that says nothing. */
static void
require_no_digit_too_many(const char *s)
{
	const char  *point = strchr(s, '.');
	const size_t whole = strcspn(s, ".");

	ATF_REQUIRE_MSG(strspn(s, "0123456789") == whole && whole > 0 &&
		(s[0] != '0' || whole == 1),
	    "\"%s\"", s);
	if (point != NULL)
		ATF_REQUIRE_MSG(strspn(point + 1, "0123456789") ==
			    strlen(point + 1) &&
			point[1] != '\0' && s[strlen(s) - 1] != '0',
		    "\"%s\"", s);
}

static void
require_round_trip(int64_t ms)
{
	const char *s = printed(ms);

	require_ms(s, ms);
	require_no_digit_too_many(s);
}

ATF_TC_WITHOUT_HEAD(seconds_are_printed_without_a_digit_too_many);
ATF_TC_BODY(seconds_are_printed_without_a_digit_too_many, tc)
{
	ATF_REQUIRE_STREQ("0", printed(0));
	ATF_REQUIRE_STREQ("0.001", printed(1));
	ATF_REQUIRE_STREQ("0.01", printed(10));
	ATF_REQUIRE_STREQ("0.1", printed(100));
	ATF_REQUIRE_STREQ("0.101", printed(101));
	ATF_REQUIRE_STREQ("0.11", printed(110));
	ATF_REQUIRE_STREQ("0.999", printed(999));
	ATF_REQUIRE_STREQ("1", printed(1000));
	ATF_REQUIRE_STREQ("1.001", printed(1001));
	ATF_REQUIRE_STREQ("2.5", printed(2500));
	ATF_REQUIRE_STREQ("5", printed(5000));
	ATF_REQUIRE_STREQ("10", printed(10000));
	ATF_REQUIRE_STREQ("100", printed(100000));
	ATF_REQUIRE_STREQ("100.01", printed(100010));
	ATF_REQUIRE_STREQ("1000000000", printed(NUM_MAX_SECONDS * 1000));
	ATF_REQUIRE_STREQ("9223372036854775.807", printed(INT64_MAX));
}

ATF_TC_WITHOUT_HEAD(what_is_past_is_printed_as_nothing);
ATF_TC_BODY(what_is_past_is_printed_as_nothing, tc)
{
	ATF_REQUIRE_STREQ("0", printed(-1));
	ATF_REQUIRE_STREQ("0", printed(-999));
	ATF_REQUIRE_STREQ("0", printed(-1000));
	ATF_REQUIRE_STREQ("0", printed(-123456789));
	ATF_REQUIRE_STREQ("0", printed(INT64_MIN));
}

ATF_TC_WITHOUT_HEAD(what_is_printed_reads_as_what_it_was);
ATF_TC_BODY(what_is_printed_reads_as_what_it_was, tc)
{
	const int64_t most = NUM_MAX_SECONDS * 1000;
	int64_t	      ms, around;

	for (ms = 0; ms <= 120000; ms++)
		require_round_trip(ms);
	for (around = 1000; around < most; around *= 10) {
		for (ms = around - 1000; ms <= around + 1000; ms++)
			require_round_trip(ms);
	}
	for (ms = most - 2000; ms <= most; ms++)
		require_round_trip(ms);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, whole_numbers_are_read);
	ATF_TP_ADD_TC(tp, leading_zeros_are_decimal);
	ATF_TP_ADD_TC(tp, what_is_no_whole_number_is_refused);
	ATF_TP_ADD_TC(tp, limits_are_inclusive);
	ATF_TP_ADD_TC(tp, overflow_is_too_large);
	ATF_TP_ADD_TC(tp, every_small_number_against_every_limit);
	ATF_TP_ADD_TC(tp, seconds_may_have_a_fraction);
	ATF_TP_ADD_TC(tp, a_finer_fraction_is_rounded_up);
	ATF_TP_ADD_TC(tp, what_is_no_number_of_seconds_is_refused);
	ATF_TP_ADD_TC(tp, more_seconds_than_the_most_are_too_large);
	ATF_TP_ADD_TC(tp, seconds_are_printed_without_a_digit_too_many);
	ATF_TP_ADD_TC(tp, what_is_past_is_printed_as_nothing);
	ATF_TP_ADD_TC(tp, what_is_printed_reads_as_what_it_was);

	return (atf_no_error());
}
