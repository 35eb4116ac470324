/* SPDX-License-Identifier: ISC */
/*
 * Each refusal of a line, to the letter.  The fuzz target "network" checks
 * which lines are accepted, what message each becomes, and the answers;
 * replay_network runs it in this suite.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "request.h"

/* Parses line as CONTROL, HOLDER, or one of the heartbeat socket. */
enum kind { CONTROL, HOLDER, STRANGER, HEARTBEAT };

static const char *
parse(enum kind kind, const char *line, struct imsg *im)
{
	char	   *copy = strdup(line);
	const char *refusal;

	ATF_REQUIRE(copy != NULL);
	memset(im, 0x5a, sizeof(*im)); /* what was there must not count */
	refusal = kind == CONTROL ?
	    request_parse(copy, im) :
	    kind == HOLDER ?
	    request_parse_holder(copy, false, im) :
	    request_parse_heartbeat(copy, kind == HEARTBEAT, im);
	free(copy);
	return (refusal);
}

CASE(a_refusal_is_these_words,
    "the refusal of each kind of mistake, to the letter")
{
	static const struct {
		enum kind   kind;
		const char *line, *refusal;
	} lines[] = {
		{ CONTROL, "", "ERROR bad-request no such verb\n" },
		{ CONTROL, "STATUSS", "ERROR bad-request no such verb\n" },
		{ CONTROL, "PING", "ERROR bad-request no such verb\n" },
		{ CONTROL, "ARM 1",
		    "ERROR bad-request this request has no arguments\n" },
		{ CONTROL, "PANIC soft",
		    "ERROR bad-request say PANIC or PANIC hard\n" },
		{ CONTROL, "REGISTER pid=0", "ERROR invalid pid\n" },
		{ CONTROL, "UNREGISTER", "ERROR invalid pid\n" },
		{ CONTROL, "GET", "ERROR bad-request give one name\n" },
		{ CONTROL, "DEL -x",
		    "ERROR bad-name a name is 1 to 128 printable ASCII "
		    "characters, without blanks, quotes and backslashes, does "
		    "not begin with -, and is not *\n" },
		{ CONTROL, "PUT x",
		    "ERROR bad-request PUT <name> <size> [reads=N] "
		    "[ttl=SECONDS] [replace]\n" },
		{ CONTROL, "PUT x 1 reads=1 ttl=1 replace ttl=1",
		    "ERROR bad-request PUT <name> <size> [reads=N] "
		    "[ttl=SECONDS] [replace]\n" },
		{ CONTROL, "PUT x 0",
		    "ERROR bad-request the size is a number of bytes, 1 at "
		    "least\n" },
		{ CONTROL, "PUT x 9223372036854775807",
		    "ERROR too-large it is larger than the arena\n" },
		{ CONTROL, "PUT x 1 reads=0",
		    "ERROR bad-request reads= is 1 to 4294967295\n" },
		{ CONTROL, "PUT x 1 ttl=0",
		    "ERROR bad-request ttl= is a number of seconds, more than "
		    "0\n" },
		{ CONTROL, "PUT x 1 y=1",
		    "ERROR bad-request "
		    "the options of PUT are reads=, ttl= and replace\n" },
		{ CONTROL, "PUT x 1 replace=1",
		    "ERROR bad-request "
		    "the options of PUT are reads=, ttl= and replace\n" },
		{ CONTROL, "HOLD", "ERROR bad-request give one tether\n" },
		{ CONTROL, "RELEASE A",
		    "ERROR bad-name "
		    "a tether is 1 to 16 of a-z, 0-9 and '-'\n" },
		{ CONTROL, "HOLD heartbeat",
		    "ERROR bad-name "
		    "the tether 'heartbeat' is taken with HELLO on the "
		    "heartbeat socket\n" },
		{ HOLDER, "QUIT",
		    "ERROR bad-request "
		    "a holder can send only PING, CANCEL and WATCH\n" },
		{ HOLDER, "WATCH 0", "ERROR invalid pid\n" },
		{ STRANGER, "PING", "ERR unknown-verb\n" },
		{ STRANGER, "HELLO 0", "ERR bad-pid\n" },
		{ HEARTBEAT, "STATUS", "ERR unknown-verb\n" },
		{ HEARTBEAT, "WATCH", "ERROR invalid pid\n" },
	};
	struct imsg im;
	const char *refusal;
	size_t	    i;

	for (i = 0; i < NELEM(lines); i++) {
		refusal = parse(lines[i].kind, lines[i].line, &im);
		ATF_REQUIRE_MSG(refusal != NULL, "%s", lines[i].line);
		ATF_REQUIRE_STREQ(lines[i].refusal, refusal);
	}
}

CASE(a_message_says_nothing_else, "every byte that a line does not set is 0")
{
	static const struct {
		const char    *line;
		enum kind      kind;
		enum imsg_type type;
		size_t	       sum;
	} lines[] = { { "STATUS", CONTROL, IMSG_STATUS, 0 },
		{ "REGISTER pid=1", CONTROL, IMSG_REGISTER, 1 },
		{ "GET a", CONTROL, IMSG_GET, 'a' },
		{ "GET a CPU", CONTROL, IMSG_GET, 'a' + 1 },
		{ "HOLD a", CONTROL, IMSG_HOLD, 'a' },
		{ "DEL *", CONTROL, IMSG_DEL, '*' },
		{ "PUT a 1 reads=1 ttl=0.001 replace", CONTROL, IMSG_PUT,
		    'a' + 4 },
		{ "PING", HOLDER, IMSG_PING, 0 },
		{ "WATCH 1", HOLDER, IMSG_WATCH, 1 },
		{ "HELLO 1", STRANGER, IMSG_HELLO, 1 },
		{ "QUIT", HEARTBEAT, IMSG_QUIT, 0 } };
	const unsigned char *bytes;
	struct imsg	     im;
	size_t		     i, j, sum;

	for (i = 0; i < NELEM(lines); i++) {
		ATF_REQUIRE(parse(lines[i].kind, lines[i].line, &im) == NULL);
		ATF_REQUIRE_EQ(lines[i].type, im.type);
		ATF_REQUIRE_EQ(0, im.peerid);
		ATF_REQUIRE_EQ(-1, im.fd);
		bytes = (const unsigned char *)&im.u;
		for (j = sum = 0; j < sizeof(im.u); j++)
			sum += bytes[j];
		ATF_REQUIRE_EQ_MSG(lines[i].sum, sum, "%s", lines[i].line);
	}
}
