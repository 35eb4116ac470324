/* SPDX-License-Identifier: ISC */
/*
 * The rules of the fuzz target "program" for git-credential-dazai,
 * docker-credential-dazai and pinentry-dazai.  Whatever the user's file, the
 * program that asks, a secret and another pinentry say: a secret goes only to
 * what its line names, whole, in one well-formed answer, or not at all.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program.h"

/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../../dazaictl/gitcred.c"
#include "../../../dazaictl/dockercred.c"
#include "../../../dazaictl/pinentry.c"
/* NOLINTEND(bugprone-suspicious-include) */

/* What must be so. */

/* The secret without the newline that give() drops. */
static size_t
secret_len(void)
{
	return (
	    world.secret.len - (world.secret.at[world.secret.len - 1] == '\n'));
}

static unsigned int
hex(const char *at, size_t n)
{
	char digits[5];

	(void)snprintf(digits, sizeof(digits), "%.*s", (int)n, at);
	CHECK(strspn(digits, "0123456789abcdefABCDEF") == n, "no number");
	return ((unsigned int)strtoul(digits, NULL, 16));
}

/*
 * Copies a string of JSON to text, whose size is enough; returns its end.
 * Bytes beyond ASCII are taken as they are.
 */
static const char *
json_string(const char *at, char *text, size_t *len)
{
	CHECK(*at++ == '"', "no string");
	for (*len = 0; *at != '"'; at++) {
		CHECK((unsigned char)*at >= ' ', "a control character");
		if (*at != '\\') {
			text[(*len)++] = *at;
			continue;
		}
		at++;
		if (*at == 'u') {
			text[(*len)++] = (char)hex(at + 1, 4);
			at += 4;
			continue;
		}
		CHECK(*at == '"' || *at == '\\', "escaped %c", *at);
		text[(*len)++] = *at;
	}
	text[*len] = '\0';
	return (at + 1);
}

/* Has the user's file a line with these words, in any case? */
static bool
file_has(const char *first, const char *second)
{
	char   text[TEXT + 1], *rest, *line, *words, *word[2];
	size_t i;

	memcpy(text, world.file.at, world.file.len);
	text[world.file.len] = '\0';
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		for (i = 0; i < 2; i++)
			word[i] = strtok_r(i == 0 ? line : NULL, " \t", &words);
		if (word[0] != NULL && word[1] != NULL &&
		    strcasestr(word[0], first) != NULL &&
		    strcmp(word[1], second) == 0)
			return (true);
	}
	return (false);
}

/* The host of a server, without a port that may be left out. */
static const char *
host_of(const char *from)
{
	static char host[SITE_HOST];
	char	   *port;

	(void)snprintf(host, sizeof(host), "%.*s", (int)strcspn(from, "/"),
	    from);
	port = strrchr(host, ':');
	if (port != NULL &&
	    (strcmp(port, ":443") == 0 || strcmp(port, ":80") == 0))
		*port = '\0';
	return (host);
}

static void
check_git(const char *ended)
{
	const char *at = world.out;

	if (world.outlen == 0)
		return;
	CHECK(strcmp(ended, "done") == 0, "an answer, and an error");
	CHECK(file_has(host_of(gitcred_asked[GITCRED_HOST].value),
		  world.name_asked),
	    "%s for another host", world.name_asked);
	if (strncmp(at, "username=", 9) == 0) {
		at = strchr(at, '\n');
		CHECK(at != NULL, "no line");
		at++;
	}
	CHECK(strncmp(at, "password=", 9) == 0, "no password");
	at += 9;
	CHECK((size_t)(world.out + world.outlen - at) == secret_len() + 1 &&
		memcmp(at, world.secret.at, secret_len()) == 0 &&
		world.out[world.outlen - 1] == '\n' &&
		strlen(at) == secret_len() + 1 &&
		strchr(at, '\n') == world.out + world.outlen - 1,
	    "not one line with the secret");
}

static void
check_docker(const char *ended)
{
	static const char *const words[] = { "ServerURL", "Username",
		"Secret" };
	static char		 text[TEXT * 2];
	const char		*at = world.out, *url;
	size_t			 i, len;

	if (world.outlen == 0)
		return;
	CHECK(strcmp(ended, "done") == 0, "an answer, and an error");
	for (i = 0; i < 3; i++) {
		CHECK(*at++ == (i == 0 ? '{' : ','), "no object");
		at = json_string(at, text, &len);
		CHECK(strcmp(text, words[i]) == 0 && *at++ == ':', "%s", text);
		at = json_string(at, text, &len);
		if (i == 0) {
			url = strstr(text, "://");
			CHECK(file_has(host_of(url != NULL ? url + 3 : text),
				  world.name_asked),
			    "%s for another registry", world.name_asked);
		}
	}
	CHECK(strcmp(at, "}\n") == 0, "more than an object: %s", at);
	CHECK(len == secret_len() && memcmp(text, world.secret.at, len) == 0,
	    "not the secret");
}

static void
check_docker_list(const char *ended)
{
	static char text[2 * TEXT];
	const char *at = world.printed;
	size_t	    len;

	CHECK(world.outlen == 0, "a secret");
	if (strcmp(ended, "done") != 0)
		return;
	CHECK(*at++ == '{', "no object");
	while (*at == '"') {
		at = json_string(at, text, &len);
		CHECK(*at++ == ':', "no value");
		at = json_string(at, text, &len);
		CHECK(*at == ',' ? at[1] == '"' : *at == '}', "no end");
		at += *at == ',';
	}
	CHECK(strcmp(at, "}\n") == 0, "more than an object: %s", at);
}

/* Returns whether the line of data says the secret, %-encoded. */
static bool
says_secret(const char *line, size_t len)
{
	size_t i, n = 0;
	char   c;

	for (i = 2; i < len; i++, n++) {
		c = line[i];
		if (c == '%') {
			c = (char)hex(line + i + 1, 2);
			i += 2;
		}
		if (n >= secret_len() || c != world.secret.at[n])
			return (false);
	}
	return (n == secret_len());
}

/* Each line that was written is short; without another, each is an answer. */
static void
check_pinentry(const char *ended)
{
	const char *at, *line_end;

	if (strcmp(ended, "failed") == 0)
		CHECK(world.outlen == 0, "an answer, and an error");
	for (at = world.out; at < world.out + world.outlen; at = line_end + 1) {
		line_end = memchr(at, '\n',
		    (size_t)(world.out + world.outlen - at));
		CHECK(line_end != NULL && line_end - at <= ASSUAN_MAX,
		    "a long line");
		CHECK(world.forked || strncmp(at, "OK", 2) == 0 ||
			strncmp(at, "ERR ", 4) == 0 ||
			strncmp(at, "D ", 2) == 0,
		    "no answer: %s", at);
	}
}

/* Just written: the secret, for the key that was asked for. */
static void
check_pin(const char *before)
{
	const size_t len = strcspn(before, "\n");

	CHECK(strncmp(before, "D ", 2) == 0 && says_secret(before, len) &&
		strcmp(before + len, "\nOK\n") == 0,
	    "not the secret: %s", before);
	CHECK(!asked.failed && !asked.new, "an old passphrase is given again");
	CHECK(strlen(asked.grip) == PINENTRY_GRIP &&
		file_has(asked.grip, world.name_asked),
	    "%s for another key", world.name_asked);
}

/* A child, whose end is not the program's; arg: the secret of a key. */
WRAP(int, give_apart, void (*task)(const void *), const void *arg)
{
	const size_t   was = world.outlen;
	static jmp_buf outer;
	volatile int   status = EXIT_USAGE;

	memcpy(outer, fuzz_end, sizeof(outer));
	if (setjmp(fuzz_end) == 0) {
		task(arg);
		status = EXIT_DONE;
	} else if (strcmp(fuzz_ended, "done") == 0) {
		status = EXIT_DONE;
	}
	memcpy(fuzz_end, outer, sizeof(outer));
	fuzz_runs = true;
	if (status == EXIT_DONE && arg != NULL)
		check_pin(world.out + was);
	return (status);
}

/* As the programs are at their start. */
static void
begin(void)
{
	size_t i;

	for (i = 0; i < GITCRED_KEYS; i++) {
		gitcred_asked[i].given = false;
		gitcred_asked[i].value[0] = '\0';
	}
	memset(keys, 0, sizeof(keys));
	memset(&asked, 0, sizeof(asked));
	answered[0] = program[0] = '\0';
	nkeys = 0;
	other.pid = -1;
}

static void
run(void)
{
	static char get[] = "get", list[] = "list";
	char *argv[] = { get, program_now == DOCKER_LIST ? list : get, NULL };

	if (setjmp(fuzz_end) != 0)
		return;
	fuzz_runs = true;
	if (program_now == GIT)
		gitcred_main(2, argv);
	if (program_now == PINENTRY)
		pinentry_main(1, argv);
	dockercred_main(2, argv);
}

void
helper_run(void)
{
	static void (*const check[])(const char *) = { check_git, check_docker,
		check_docker_list, check_pinentry };
	FILE *const was = stdin;

	begin();
	stdin = fmemopen(world.asks.at, world.asks.len, "r");
	CHECK(stdin != NULL, "no memory");
	run();
	(void)fflush(stdout);
	check[program_now - GIT](fuzz_ended);
	if (other.pid != -1) {
		close(other.in);
		close(other.out);
	}
	(void)fclose(stdin);
	stdin = was;
}
