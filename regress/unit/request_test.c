/* SPDX-License-Identifier: ISC */
/*
 * The lines of both protocols: the message that each becomes, and the word with
 * which anything else is refused.
 */
#include <atf-c.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "line.h"
#include "num.h"
#include "request.h"

#define WORDS	 5 /* of a line, at most, in every combination */
#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

#define NAME_64                                            \
	"0123456789abcdef0123456789abcdef0123456789abcdef" \
	"0123456789ABCDE_"

/*
 * What request_parse() says of line, which it may cut up, in memory of just its
 * size, so that a sanitizer or valgrind sees a step too far.
 */
static const char *
parse(const char *line, struct imsg *im)
{
	char	   *copy = strdup(line);
	const char *refusal;

	ATF_REQUIRE(copy != NULL);
	/* What was there before does not count. */
	memset(im, 0x5a, sizeof(*im));
	refusal = request_parse(copy, im);
	free(copy);
	return (refusal);
}

/* The message is this one, and the rest of its payload is zero. */
static void
require_message(const char *line, const struct imsg *want,
    const struct imsg *im)
{
	ATF_REQUIRE_EQ_MSG(want->type, im->type, "\"%s\"", line);
	ATF_REQUIRE_EQ_MSG(0, im->peerid, "\"%s\"", line);
	ATF_REQUIRE_EQ_MSG(-1, im->fd, "\"%s\"", line);
	/* NOLINTNEXTLINE: both were cleared, padding included */
	ATF_REQUIRE_MSG(memcmp(&want->u, &im->u, sizeof(im->u)) == 0,
	    "\"%s\": another payload", line);
}

static void
require_request(const char *line, const struct imsg *want)
{
	struct imsg im;
	const char *refusal = parse(line, &im);

	ATF_REQUIRE_MSG(refusal == NULL, "\"%s\": %s", line, refusal);
	require_message(line, want, &im);
}

static void
require_number(const char *line, enum imsg_type type, uint32_t number)
{
	struct imsg want;

	memset(&want, 0, sizeof(want));
	want.type = type;
	want.u.number.n = number;
	require_request(line, &want);
}

static void
require_verb(const char *line, enum imsg_type type)
{
	require_number(line, type, 0);
}

static void
require_name(const char *line, enum imsg_type type, const char *name)
{
	struct imsg want;

	memset(&want, 0, sizeof(want));
	want.type = type;
	(void)stpcpy(want.u.secret.name, name);
	require_request(line, &want);
}

static void
require_put_of(const char *line, const char *name, uint64_t size,
    uint32_t reads, int64_t ttl)
{
	struct imsg want;

	memset(&want, 0, sizeof(want));
	want.type = IMSG_PUT;
	want.u.put.size = size;
	want.u.put.reads = reads;
	want.u.put.ttl = ttl;
	(void)stpcpy(want.u.put.name, name);
	require_request(line, &want);
}

/* PUT of the name "x". */
static void
require_put(const char *line, uint64_t size, uint32_t reads, int64_t ttl)
{
	require_put_of(line, "x", size, reads, ttl);
}

/* One line, "ERROR", then a word that is known, then a sentence. */
static bool
is_refusal(const char *s)
{
	static const char *const words[] = { "bad-name ", "bad-request ",
		"too-large " };
	size_t			 i;

	if (strcmp(s, "ERROR invalid pid\n") == 0)
		return (true);
	if (strncmp(s, "ERROR ", 6) != 0 ||
	    strchr(s, '\n') != s + strlen(s) - 1)
		return (false);
	for (i = 0; i < NELEM(words); i++) {
		if (strncmp(s + 6, words[i], strlen(words[i])) == 0)
			return (strlen(s + 6) > strlen(words[i]) + 1);
	}
	return (false);
}

static void
require_refused(const char *line, const char *word)
{
	struct imsg im;
	const char *refusal = parse(line, &im);

	ATF_REQUIRE_MSG(refusal != NULL, "\"%s\" taken", line);
	ATF_REQUIRE_MSG(is_refusal(refusal), "\"%s\": %s", line, refusal);
	ATF_REQUIRE_MSG(strncmp(refusal + 6, word, strlen(word)) == 0,
	    "\"%s\": %s", line, refusal);
}

static void
require_all_refused(const char *const *lines, size_t n, const char *word)
{
	while (n-- > 0)
		require_refused(lines[n], word);
}

ATF_TC_WITHOUT_HEAD(verbs_that_stand_alone);
ATF_TC_BODY(verbs_that_stand_alone, tc)
{
	require_verb("STATUS", IMSG_STATUS);
	require_verb("ARM", IMSG_ARM);
	require_verb("LIST", IMSG_LIST);
	require_refused("STATUS x", "bad-request");
	require_refused("ARM 1", "bad-request");
	require_refused("LIST LIST", "bad-request");
	require_refused("LIST a b c d e f g", "bad-request");
}

ATF_TC_WITHOUT_HEAD(panic_is_alone_or_hard);
ATF_TC_BODY(panic_is_alone_or_hard, tc)
{
	static const char *const lines[] = { "PANIC soft", "PANIC har",
		"PANIC hards", "PANIC hard hard", "PANIC hard now",
		"PANIC now hard", "PANIC 1", "PANIC=hard", "PANIC hard=1",
		"PANIChard", "PANIC hard a b c d e" };

	require_verb("PANIC", IMSG_PANIC);
	require_number("PANIC hard", IMSG_PANIC, 1);
	require_number("panic HARD", IMSG_PANIC, 1);
	require_number("Panic Hard", IMSG_PANIC, 1);
	require_all_refused(lines, NELEM(lines), "bad-request");
}

ATF_TC_WITHOUT_HEAD(register_takes_a_pid);
ATF_TC_BODY(register_takes_a_pid, tc)
{
	require_number("REGISTER", IMSG_REGISTER, 0);
	require_number("REGISTER ", IMSG_REGISTER, 0);
	require_number("REGISTER pid=1", IMSG_REGISTER, 1);
	require_number("REGISTER pid=1234", IMSG_REGISTER, 1234);
	require_number("REGISTER PID=5", IMSG_REGISTER, 5);
	require_number("REGISTER Pid=007", IMSG_REGISTER, 7);
	require_number("REGISTER pid=2147483647", IMSG_REGISTER, INT_MAX);
	require_number("UNREGISTER pid=1", IMSG_UNREGISTER, 1);
	require_number("UNREGISTER pid=2147483647", IMSG_UNREGISTER, INT_MAX);
}

ATF_TC_WITHOUT_HEAD(anything_else_is_an_invalid_pid);
ATF_TC_BODY(anything_else_is_an_invalid_pid, tc)
{
	static const char *const rest[] = { " pid", " pid=", " =", " 5",
		" pid=0", " pid=000", " pid=-1", " pid=-0", " pid=+1",
		" pid=2147483648", " pid=4294967295", " pid=4294967297",
		" pid=9223372036854775807", " pid=18446744073709551617",
		" pid=99999999999999999999999999", " pid=5x", " pid=x5",
		" pid=0x5", " pid=5.0", " pid=1e3", " pid=nan", " pid= 5",
		" pid =5", " pid=5 pid=6", " pid=5 6", " 5 pid=5", " pid==5",
		" xpid=5", " pidx=5", " pid:5", " pid=\xd9\xa5",
		" pid=5 a b c d e" };
	char			 line[64];
	size_t			 i;

	for (i = 0; i < NELEM(rest); i++) {
		(void)snprintf(line, sizeof(line), "REGISTER%s", rest[i]);
		require_refused(line, "invalid pid\n");
		(void)snprintf(line, sizeof(line), "UNREGISTER%s", rest[i]);
		require_refused(line, "invalid pid\n");
	}
	require_refused("UNREGISTER", "invalid pid\n");
	require_refused("UNREGISTER ", "invalid pid\n");
}

ATF_TC_WITHOUT_HEAD(get_and_del_take_a_name);
ATF_TC_BODY(get_and_del_take_a_name, tc)
{
	require_name("GET x", IMSG_GET, "x");
	require_name("GET Token.v2_a-b", IMSG_GET, "Token.v2_a-b");
	require_name("GET get", IMSG_GET, "get");
	require_name("GET 5", IMSG_GET, "5");
	require_name("DEL x", IMSG_DEL, "x");
	require_name("DEL DEL", IMSG_DEL, "DEL");
	require_refused("GET", "bad-request");
	require_refused("DEL", "bad-request");
	require_refused("GET x y", "bad-request");
	require_refused("DEL x x", "bad-request");
	require_refused("DEL a b c d e f g h", "bad-request");
}

ATF_TC_WITHOUT_HEAD(put_takes_a_name_and_a_size);
ATF_TC_BODY(put_takes_a_name_and_a_size, tc)
{
	static const char *const lines[] = { "PUT", "PUT x", "PUT 5", "PUT -x",
		"PUT reads=1", "PUT x 1 reads=1 ttl=1 x",
		"PUT x 1 reads=1 ttl=1 reads=1",
		"PUT x 1 reads=1 ttl=1 reads=1 ttl=1 reads=1" };

	require_put("PUT x 1", 1, 0, 0);
	require_put("PUT x 65536", 65536, 0, 0);
	require_put("PUT x 007", 7, 0, 0);
	require_all_refused(lines, NELEM(lines), "bad-request");
}

ATF_TC_WITHOUT_HEAD(a_size_is_a_number_of_bytes);
ATF_TC_BODY(a_size_is_a_number_of_bytes, tc)
{
	static const char *const lines[] = { "PUT x 0", "PUT x 00", "PUT x -1",
		"PUT x +1", "PUT x 1.0", "PUT x 1k", "PUT x 0x10", "PUT x 1e3",
		"PUT x nan", "PUT x inf", "PUT x x", "PUT x 5,",
		"PUT x reads=1", "PUT x ttl=1", "PUT x reads=1 5",
		"PUT x \xd9\xa5" };

	require_put("PUT x 4294967296", 4294967296, 0, 0);
	require_put("PUT x 9223372036854775806", INT64_MAX - 1, 0, 0);
	require_all_refused(lines, NELEM(lines), "bad-request");
}

/* No number wraps around to one that would do. */
ATF_TC_WITHOUT_HEAD(a_size_beyond_all_limits_is_refused);
ATF_TC_BODY(a_size_beyond_all_limits_is_refused, tc)
{
	static const char *const lines[] = { "PUT x 9223372036854775807",
		"PUT x 9223372036854775808", "PUT x 18446744073709551615",
		"PUT x 18446744073709551616", "PUT x 18446744073709551617",
		"PUT x 99999999999999999999999999999999999999999999" };

	require_all_refused(lines, NELEM(lines), "too-large");
}

ATF_TC_WITHOUT_HEAD(reads_is_a_number_from_one);
ATF_TC_BODY(reads_is_a_number_from_one, tc)
{
	static const char *const lines[] = { "PUT x 1 reads=0",
		"PUT x 1 reads=00", "PUT x 1 reads=", "PUT x 1 reads=-1",
		"PUT x 1 reads=+1", "PUT x 1 reads=1.0", "PUT x 1 reads=x",
		"PUT x 1 reads=1x", "PUT x 1 reads= 1", "PUT x 1 reads =1",
		"PUT x 1 reads==1", "PUT x 1 reads=4294967296",
		"PUT x 1 reads=4294967297",
		"PUT x 1 reads=18446744073709551617", "PUT x 1 reads",
		"PUT x 1 read=1", "PUT x 1 readss=1", "PUT x 1 xreads=1" };

	require_put("PUT x 1 reads=1", 1, 1, 0);
	require_put("PUT x 1 READS=2", 1, 2, 0);
	require_put("PUT x 1 reads=010", 1, 10, 0);
	require_put("PUT x 1 reads=4294967295", 1, UINT32_MAX, 0);
	require_all_refused(lines, NELEM(lines), "bad-request");
}

ATF_TC_WITHOUT_HEAD(ttl_is_more_than_no_seconds);
ATF_TC_BODY(ttl_is_more_than_no_seconds, tc)
{
	static const char *const lines[] = { "PUT x 1 ttl=0", "PUT x 1 ttl=0.0",
		"PUT x 1 ttl=0.000000", "PUT x 1 ttl=", "PUT x 1 ttl=-1",
		"PUT x 1 ttl=+1", "PUT x 1 ttl=.5", "PUT x 1 ttl=5.",
		"PUT x 1 ttl=5s", "PUT x 1 ttl=nan", "PUT x 1 ttl=inf",
		"PUT x 1 ttl=1e3", "PUT x 1 ttl= 1", "PUT x 1 ttl =1",
		"PUT x 1 ttl", "PUT x 1 ttl=1000000000.001",
		"PUT x 1 ttl=1000000001", "PUT x 1 ttl=9223372036854775807",
		"PUT x 1 ttl=18446744073709551617", "PUT x 1 tt=1" };

	require_put("PUT x 1 ttl=1", 1, 0, 1000);
	require_put("PUT x 1 TTL=0.25", 1, 0, 250);
	require_put("PUT x 1 ttl=0.001", 1, 0, 1);
	require_put("PUT x 1 ttl=0.0000001", 1, 0, 1);
	require_put("PUT x 1 ttl=1000000000", 1, 0, NUM_MAX_SECONDS * 1000);
	require_all_refused(lines, NELEM(lines), "bad-request");
}

ATF_TC_WITHOUT_HEAD(options_come_in_either_order);
ATF_TC_BODY(options_come_in_either_order, tc)
{
	require_put("PUT x 9 reads=3 ttl=0.5", 9, 3, 500);
	require_put("PUT x 9 ttl=0.5 reads=3", 9, 3, 500);
	require_put("put x 9 Ttl=0.5 rEADS=3", 9, 3, 500);
	require_refused("PUT x 9 ttl=0.5 reads=0", "bad-request");
	require_refused("PUT x 9 reads=0 ttl=0.5", "bad-request");
	require_refused("PUT x 9 reads=3 size=5", "bad-request");
	require_refused("PUT x reads=3 9", "bad-request");
}

ATF_TC_WITHOUT_HEAD(of_an_option_given_twice_the_last_counts);
ATF_TC_BODY(of_an_option_given_twice_the_last_counts, tc)
{
	require_put("PUT x 9 reads=3 reads=4", 9, 4, 0);
	require_put("PUT x 9 reads=4 READS=3", 9, 3, 0);
	require_put("PUT x 9 ttl=1 ttl=2", 9, 0, 2000);
	require_refused("PUT x 9 reads=0 reads=4", "bad-request");
	require_refused("PUT x 9 ttl=1 ttl=0", "bad-request");
}

ATF_TC_WITHOUT_HEAD(a_name_has_64_letters_at_most);
ATF_TC_BODY(a_name_has_64_letters_at_most, tc)
{
	ATF_REQUIRE_EQ(64, strlen(NAME_64));
	ATF_REQUIRE_EQ(64, IMSG_NAME_BYTES - 1);
	require_name("GET " NAME_64, IMSG_GET, NAME_64);
	require_name("DEL " NAME_64, IMSG_DEL, NAME_64);
	require_put_of("PUT " NAME_64 " 1", NAME_64, 1, 0, 0);
	require_refused("GET " NAME_64 "x", "bad-name");
	require_refused("DEL " NAME_64 "x", "bad-name");
	require_refused("PUT " NAME_64 "x 1", "bad-name");
}

ATF_TC_WITHOUT_HEAD(a_bad_name_is_told_as_such);
ATF_TC_BODY(a_bad_name_is_told_as_such, tc)
{
	static const char *const names[] = { "-", "-x", "--help", ".", "..",
		".x", "/", "a/b", "../x", "a=b", "pid=5", "reads=1", "a:b",
		"a,b", "*", "%s", "$x", "\\", "\"x\"", "a\rb", "a\vb", "\x01",
		"\x7f", "\xff", "\xc3\xa4" };
	char			 line[64];
	size_t			 i;

	for (i = 0; i < NELEM(names); i++) {
		(void)snprintf(line, sizeof(line), "GET %s", names[i]);
		require_refused(line, "bad-name");
		(void)snprintf(line, sizeof(line), "del %s", names[i]);
		require_refused(line, "bad-name");
		(void)snprintf(line, sizeof(line), "PUT %s 1", names[i]);
		require_refused(line, "bad-name");
		/* Of two mistakes the name is told first. */
		(void)snprintf(line, sizeof(line), "PUT %s 0 x=y", names[i]);
		require_refused(line, "bad-name");
	}
}

ATF_TC_WITHOUT_HEAD(verbs_are_known_in_any_case);
ATF_TC_BODY(verbs_are_known_in_any_case, tc)
{
	require_verb("status", IMSG_STATUS);
	require_verb("sTaTuS", IMSG_STATUS);
	require_verb("arm", IMSG_ARM);
	require_verb("Arm", IMSG_ARM);
	require_verb("panic", IMSG_PANIC);
	require_verb("list", IMSG_LIST);
	require_verb("LisT", IMSG_LIST);
	require_number("register pid=5", IMSG_REGISTER, 5);
	require_number("UnRegister pid=5", IMSG_UNREGISTER, 5);
	require_put("put x 1", 1, 0, 0);
	require_put("Put x 1", 1, 0, 0);
	require_name("get x", IMSG_GET, "x");
	require_name("gEt X", IMSG_GET, "X");
	require_name("del x", IMSG_DEL, "x");
}

ATF_TC_WITHOUT_HEAD(what_is_no_verb_is_a_bad_request);
ATF_TC_BODY(what_is_no_verb_is_a_bad_request, tc)
{
	static const char *const lines[] = { "S", "STATU", "STATUSS",
		"STATUS=1", "STATUS,", "AR", "ARMED", "DISARM", "PANI",
		"PANICS", "LISTS", "REGISTE", "REGISTERED", "REGISTERpid=5",
		"PUTS x 1", "GETS x", "DELETE x", "GE x", "HELLO 5", "PING",
		"CANCEL", "QUIT", "OK", "ERROR", "GO", "x", "=", "-",
		"STATUS\r", "\rSTATUS", "ARM\v", "LIST\n", "\xff",
		"L\xc4\xb0ST", "\xc2\xa0STATUS", "%s", "\x1b[2J",
		"GET\xc2\xa0x", "no verb at all, but words",
		"1 2 3 4 5 6 7 8 9" };

	require_all_refused(lines, NELEM(lines), "bad-request");
}

ATF_TC_WITHOUT_HEAD(an_empty_line_is_a_bad_request);
ATF_TC_BODY(an_empty_line_is_a_bad_request, tc)
{
	require_refused("", "bad-request");
	require_refused(" ", "bad-request");
	require_refused("\t", "bad-request");
	require_refused(" \t \t  ", "bad-request");
}

ATF_TC_WITHOUT_HEAD(any_blanks_part_words);
ATF_TC_BODY(any_blanks_part_words, tc)
{
	require_verb(" STATUS", IMSG_STATUS);
	require_verb("STATUS ", IMSG_STATUS);
	require_verb("\t STATUS\t \t", IMSG_STATUS);
	require_number("\tREGISTER\t\tpid=5\t", IMSG_REGISTER, 5);
	require_name("GET    x", IMSG_GET, "x");
	require_name("GET\tx ", IMSG_GET, "x");
	require_put(" PUT \t x\t \t12  reads=3\tttl=4 ", 12, 3, 4000);
	require_refused("PUT x 12 reads= 3", "bad-request");
	require_refused("G ET x", "bad-request");
}

/* As long as a line can be: it begins so, and then there is nothing but c. */
static char *
longest(const char *start, char c)
{
	static char line[LINE_BYTES];
	size_t	    i;

	memset(line, c, sizeof(line) - 1);
	for (i = 0; start[i] != '\0'; i++)
		line[i] = start[i];
	return (line);
}

ATF_TC_WITHOUT_HEAD(the_longest_lines_are_only_lines);
ATF_TC_BODY(the_longest_lines_are_only_lines, tc)
{
	static const char *const verbs[] = { "ARM ", "GET ", "PUT " };
	char			*line;
	size_t			 i, verb;

	require_refused(longest("", 'x'), "bad-request");
	require_refused(longest("GET ", 'x'), "bad-name");
	require_refused(longest("PUT ", 'x'), "bad-request");
	require_refused(longest("PUT x ", '9'), "too-large");
	require_refused(longest("PUT x 1 reads=", '9'), "bad-request");
	require_refused(longest("REGISTER pid=", '9'), "invalid pid");
	require_verb(longest("ARM", ' '), IMSG_ARM);
	line = longest("GET", '\t');
	line[LINE_BYTES - 2] = 'y';
	require_name(line, IMSG_GET, "y");
	line = longest("PUT x ", '0');
	line[LINE_BYTES - 2] = '9';
	require_put(line, 9, 0, 0);
	/* As many words as there can be. */
	for (verb = 0; verb < NELEM(verbs); verb++) {
		line = longest(verbs[verb], 'x');
		for (i = 5; i < LINE_BYTES - 1; i += 2)
			line[i] = ' ';
		require_refused(line, "bad-request");
	}
}

/*
 * Every line of up to WORDS words of these.
 */

static const struct word {
	const char *text;
	bool	    name;   /* may be one */
	bool	    option; /* of PUT */
} vocabulary[] = { { "STATUS", true, false }, { "panic", true, false },
	{ "hard", true, false }, { "Register", true, false },
	{ "pid=7", false, false }, { "PUT", true, false },
	{ "gEt", true, false }, { "12", true, false }, { "0", true, false },
	{ "-x", false, false }, { "reads=2", false, true },
	{ "TTL=1.5", false, true }, { "reads=0", false, false } };

static bool
word_is(const struct word *w, const char *text)
{
	return (strcasecmp(w->text, text) == 0);
}

static bool
are_put_options(const struct word *const *w, size_t n)
{
	while (n > 0 && w[n - 1]->option)
		n--;
	return (n == 0);
}

/* Whether that is a request, by the protocol's table. */
static bool
is_request(const struct word *const *w, size_t n)
{
	if (word_is(w[0], "STATUS"))
		return (n == 1);
	if (word_is(w[0], "PANIC"))
		return (n == 1 || (n == 2 && word_is(w[1], "hard")));
	if (word_is(w[0], "REGISTER"))
		return (n == 1 || (n == 2 && word_is(w[1], "pid=7")));
	if (word_is(w[0], "GET"))
		return (n == 2 && w[1]->name);
	return (word_is(w[0], "PUT") && n >= 3 && n <= 5 && w[1]->name &&
	    word_is(w[2], "12") && are_put_options(w + 3, n - 3));
}

static void
try_line(const struct word *const *w, size_t n)
{
	char	    line[128] = "", *end = line;
	struct imsg im;
	const char *refusal;
	size_t	    i;

	for (i = 0; i < n; i++)
		end += snprintf(end, sizeof(line) - (size_t)(end - line),
		    "%s%s", i > 0 ? " " : "", w[i]->text);
	refusal = parse(line, &im);
	if ((refusal == NULL) != is_request(w, n))
		atf_tc_fail("\"%s\": %s", line,
		    refusal != NULL ? refusal : "taken");
	if (refusal != NULL && !is_refusal(refusal))
		atf_tc_fail("\"%s\": %s", line, refusal);
}

ATF_TC_WITHOUT_HEAD(every_line_of_these_words_is_taken_or_refused);
ATF_TC_BODY(every_line_of_these_words_is_taken_or_refused, tc)
{
	const struct word *w[WORDS];
	size_t		   n, i, rest, tried, lines = 1, all = 0;

	for (n = 1; n <= WORDS; n++) {
		lines *= NELEM(vocabulary);
		for (tried = 0; tried < lines; tried++) {
			for (i = 0, rest = tried; i < n; i++) {
				w[i] = &vocabulary[rest % NELEM(vocabulary)];
				rest /= NELEM(vocabulary);
			}
			try_line(w, n);
		}
		all += lines;
	}
	printf("%zu lines\n", all);
}

/*
 * The heartbeat socket.
 */

static void
require_heartbeat_refused(const char *line, bool is_heartbeat, const char *want)
{
	struct imsg im;
	const char *refusal = request_parse_heartbeat(line, is_heartbeat, &im);

	ATF_REQUIRE_MSG(refusal != NULL, "\"%s\" taken", line);
	ATF_REQUIRE_STREQ_MSG(want, refusal, "\"%s\"", line);
	/* So that no refused line can be taken for a QUIT. */
	ATF_REQUIRE_EQ_MSG(0, im.type, "\"%s\"", line);
}

static void
require_heartbeat(const char *line, bool is_heartbeat, enum imsg_type type,
    uint32_t number)
{
	struct imsg im, want;
	const char *refusal;

	memset(&want, 0, sizeof(want));
	want.type = type;
	want.u.number.n = number;
	memset(&im, 0x5a, sizeof(im));
	refusal = request_parse_heartbeat(line, is_heartbeat, &im);
	ATF_REQUIRE_MSG(refusal == NULL, "\"%s\": %s", line, refusal);
	require_message(line, &want, &im);
}

/* A verb that only the heartbeat may use. */
static void
require_beat(const char *line, enum imsg_type type)
{
	require_heartbeat(line, true, type, 0);
	require_heartbeat_refused(line, false, "ERR unknown-verb\n");
}

static void
require_hello(const char *line, uint32_t pid)
{
	require_heartbeat(line, false, IMSG_HELLO, pid);
	require_heartbeat(line, true, IMSG_HELLO, pid);
}

static void
require_bad_pid(const char *line)
{
	require_heartbeat_refused(line, false, "ERR bad-pid\n");
	require_heartbeat_refused(line, true, "ERR bad-pid\n");
}

static void
require_unknown(const char *line)
{
	require_heartbeat_refused(line, false, "ERR unknown-verb\n");
	require_heartbeat_refused(line, true, "ERR unknown-verb\n");
}

ATF_TC_WITHOUT_HEAD(a_heartbeats_verbs_are_known_in_any_case);
ATF_TC_BODY(a_heartbeats_verbs_are_known_in_any_case, tc)
{
	require_beat("PING", IMSG_PING);
	require_beat("ping", IMSG_PING);
	require_beat("pInG", IMSG_PING);
	require_beat("CANCEL", IMSG_CANCEL);
	require_beat("Cancel", IMSG_CANCEL);
	require_beat("QUIT", IMSG_QUIT);
	require_beat("quit", IMSG_QUIT);
	require_hello("HELLO 5", 5);
	require_hello("hello 5", 5);
	require_hello("HeLLo 5", 5);
}

ATF_TC_WITHOUT_HEAD(what_is_no_verb_of_a_heartbeat_is_unknown);
ATF_TC_BODY(what_is_no_verb_of_a_heartbeat_is_unknown, tc)
{
	static const char *const lines[] = { "", " ", "P", "PIN", "PINGS",
		"PING ", " PING", "PING PING", "PING 1", "PING\r", "\rPING",
		"CANCEL now", "CANCELLED", "QUITS", "QUIT 0", "BYE", "WELCOME",
		"PONG", "BUSY", "HELL", "HELLO5", "HELLOO 5", "HELLO,5",
		"HELLO=5", "HELLO\r5", "HELLO\v5", "HELLO-1", "XHELLO 1",
		"STATUS", "ARM", "GET x", "PUT x 1", "PANIC", "EHLO 5", "%s",
		"\x1b[2J", "\xff", "P\xc4\xb0NG", "HELLO\302\2405" };
	size_t			 i;

	for (i = 0; i < NELEM(lines); i++)
		require_unknown(lines[i]);
}

ATF_TC_WITHOUT_HEAD(hello_takes_a_positive_number);
ATF_TC_BODY(hello_takes_a_positive_number, tc)
{
	require_hello("HELLO 1", 1);
	require_hello("HELLO 007", 7);
	require_hello("HELLO    12", 12);
	require_hello("HELLO\t12", 12);
	require_hello("HELLO \t \t 12", 12);
	require_hello("HELLO 2147483647", INT_MAX);
}

ATF_TC_WITHOUT_HEAD(hello_with_anything_else_is_a_bad_pid);
ATF_TC_BODY(hello_with_anything_else_is_a_bad_pid, tc)
{
	static const char *const lines[] = { "HELLO", "HELLO ", "HELLO \t",
		"HELLO 0", "HELLO 000", "HELLO -1", "HELLO +1", "HELLO -0",
		"HELLO 2147483648", "HELLO 4294967297",
		"HELLO 18446744073709551617",
		"HELLO 99999999999999999999999999", "HELLO 1 2", "HELLO 1 ",
		"HELLO 1x", "HELLO x1", "HELLO 0x1", "HELLO 1.0", "HELLO 1e1",
		"HELLO nan", "HELLO inf", "HELLO 1\r", "HELLO 1,", "HELLO %d",
		"HELLO $$", "HELLO \xd9\xa5", "hello world", "HELLO HELLO 1" };
	size_t			 i;

	for (i = 0; i < NELEM(lines); i++)
		require_bad_pid(lines[i]);
}

ATF_TP_ADD_TCS(tp)
{
	ATF_TP_ADD_TC(tp, verbs_that_stand_alone);
	ATF_TP_ADD_TC(tp, panic_is_alone_or_hard);
	ATF_TP_ADD_TC(tp, register_takes_a_pid);
	ATF_TP_ADD_TC(tp, anything_else_is_an_invalid_pid);
	ATF_TP_ADD_TC(tp, get_and_del_take_a_name);
	ATF_TP_ADD_TC(tp, put_takes_a_name_and_a_size);
	ATF_TP_ADD_TC(tp, a_size_is_a_number_of_bytes);
	ATF_TP_ADD_TC(tp, a_size_beyond_all_limits_is_refused);
	ATF_TP_ADD_TC(tp, reads_is_a_number_from_one);
	ATF_TP_ADD_TC(tp, ttl_is_more_than_no_seconds);
	ATF_TP_ADD_TC(tp, options_come_in_either_order);
	ATF_TP_ADD_TC(tp, of_an_option_given_twice_the_last_counts);
	ATF_TP_ADD_TC(tp, a_name_has_64_letters_at_most);
	ATF_TP_ADD_TC(tp, a_bad_name_is_told_as_such);
	ATF_TP_ADD_TC(tp, verbs_are_known_in_any_case);
	ATF_TP_ADD_TC(tp, what_is_no_verb_is_a_bad_request);
	ATF_TP_ADD_TC(tp, an_empty_line_is_a_bad_request);
	ATF_TP_ADD_TC(tp, any_blanks_part_words);
	ATF_TP_ADD_TC(tp, the_longest_lines_are_only_lines);
	ATF_TP_ADD_TC(tp, every_line_of_these_words_is_taken_or_refused);
	ATF_TP_ADD_TC(tp, a_heartbeats_verbs_are_known_in_any_case);
	ATF_TP_ADD_TC(tp, what_is_no_verb_of_a_heartbeat_is_unknown);
	ATF_TP_ADD_TC(tp, hello_takes_a_positive_number);
	ATF_TP_ADD_TC(tp, hello_with_anything_else_is_a_bad_pid);

	return (atf_no_error());
}
