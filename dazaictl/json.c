/* SPDX-License-Identifier: ISC */
/*
 * Prints the daemon's answers as JSON (RFC 8259), for --json.  The callers have
 * checked the lines by answer.c, so they are printable ASCII.  Numbers are
 * parsed and printed again, because JSON does not allow leading zeros.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "num.h"

#define JSON_WORD 1024 /* bytes of the longest word: a whole line */

enum json_kind { JSON_TEXT, JSON_BOOL, JSON_NUMBER, JSON_SECONDS };

/*
 * The keys of STATUS and EVENTS whose values are not strings.  The type depends
 * on the key and not on the value, because a secret may be named "1".
 */
static enum json_kind
json_kind(const char *key)
{
	static const struct {
		const char    *key;
		enum json_kind kind;
	} keys[] = { { "alive", JSON_BOOL }, { "armed", JSON_BOOL },
		{ "guarded", JSON_BOOL }, { "pending", JSON_BOOL },
		{ "registered", JSON_NUMBER }, { "secrets", JSON_NUMBER },
		{ "heartbeat", JSON_NUMBER }, { "since", JSON_NUMBER },
		{ "tethers", JSON_NUMBER }, { "pid", JSON_NUMBER },
		{ "groups", JSON_NUMBER }, { "size", JSON_NUMBER },
		{ "room", JSON_NUMBER }, { "grace", JSON_SECONDS },
		{ "left", JSON_SECONDS }, { "timeout", JSON_SECONDS },
		{ "first", JSON_SECONDS }, { "seconds", JSON_SECONDS } };
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(key, keys[i].key) == 0)
			return (keys[i].kind);
	}
	return (JSON_TEXT);
}

static void
json_text(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
	putchar('"');
}

/* Prints a value; null if the key has numbers and this is none, such as "-". */
static void
json_value(enum json_kind kind, const char *value)
{
	char	buf[NUM_PRINT];
	int64_t n;

	if (kind == JSON_TEXT)
		json_text(value);
	else if (kind == JSON_BOOL)
		printf("%s", strcmp(value, "1") == 0 ? "true" : "false");
	else if (kind == JSON_SECONDS && num_ms(value, &n) == NULL)
		printf("%s", num_print_ms(n, buf));
	else if (kind == JSON_NUMBER &&
	    num_int(value, 0, INT64_MAX - 1, &n) == NULL)
		printf("%" PRId64, n);
	else
		printf("null");
}

/* Copies the next word of *at to word, of JSON_WORD bytes; false at the end. */
static bool
json_word(const char **at, char *word)
{
	const size_t len = strcspn(*at, " ");

	if (len == 0)
		return (false);
	(void)snprintf(word, JSON_WORD, "%.*s", (int)len, *at);
	*at += len;
	if (**at == ' ')
		(*at)++;
	return (true);
}

/* Prints the key=value words of line, after others if first is false. */
static void
json_fields(const char *line, bool first)
{
	char  word[JSON_WORD];
	char *value;

	while (json_word(&line, word)) {
		if ((value = strchr(word, '=')) == NULL)
			continue;
		*value++ = '\0';
		printf("%s", first ? "" : ",");
		first = false;
		json_text(word);
		putchar(':');
		json_value(json_kind(word), value);
	}
}

/* Prints the words of line, in this order, with the given keys. */
static void
json_words(const char *line, const char *const *keys,
    const enum json_kind *kinds, size_t n)
{
	char   word[JSON_WORD];
	size_t i;

	putchar('{');
	for (i = 0; i < n && json_word(&line, word); i++) {
		printf("%s\"%s\":", i == 0 ? "" : ",", keys[i]);
		json_value(kinds[i], word);
	}
	putchar('}');
}

/* Prints an entry of LIST, without a newline. */
void
json_entry(const char *line)
{
	static const char *const keys[] = { "name", "size", "reads", "left" };
	static const enum json_kind kinds[] = { JSON_TEXT, JSON_NUMBER,
		JSON_NUMBER, JSON_SECONDS };

	json_words(line, keys, kinds, 4);
}

/* Prints a line of TETHERS, without a newline. */
void
json_tether(const char *line)
{
	static const char *const keys[] = { "name", "holders", "state", "pid" };
	static const enum json_kind kinds[] = { JSON_TEXT, JSON_NUMBER,
		JSON_TEXT, JSON_NUMBER };

	json_words(line, keys, kinds, 4);
}

/* Prints a STATUS, as one object and a newline. */
void
json_status(const char *line)
{
	putchar('{');
	json_fields(line, true);
	puts("}");
}

/*
 * Prints "EVENT kind key=value ..." as one object, with the kind as "event".
 */
void
json_event(const char *line)
{
	char word[JSON_WORD] = "";

	line += strlen("EVENT ");
	(void)json_word(&line, word);
	printf("{\"event\":");
	json_text(strcmp(word, "STATUS") == 0 ? "status" : word);
	json_fields(line, false);
	puts("}");
}

/* Prints the last words of a daemon, as one object and a newline. */
void
json_last(int64_t time, int64_t pid, const char *reason, bool armed,
    int64_t secrets, const char *how)
{
	printf("{\"time\":%" PRId64 ",\"pid\":%" PRId64 ",\"reason\":", time,
	    pid);
	json_text(reason);
	printf(",\"armed\":%s,\"secrets\":%" PRId64 ",\"how\":",
	    armed ? "true" : "false", secrets);
	json_text(how);
	puts("}");
}
