/* SPDX-License-Identifier: ISC */
/*
 * Checks the grammar of the daemon's answers.  Network writes them, and a
 * client may have taken it over.  So dazaictl shows or believes an answer only
 * if a dazaid could have sent each word of it.
 */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "answer.h"
#include "name.h"
#include "num.h"

#define ANSWER_WORD 160 /* bytes of the longest word; a name has up to 128 */

/* A check of one word. */
typedef bool (*answer_check)(const char *);

static bool
answer_is_number(const char *word)
{
	int64_t n;

	return (num_int(word, 0, INT64_MAX - 1, &n) == NULL);
}

static bool
answer_is_seconds(const char *word)
{
	int64_t ms;

	return (num_ms(word, &ms) == NULL);
}

static bool
answer_is_bool(const char *word)
{
	return (strcmp(word, "0") == 0 || strcmp(word, "1") == 0);
}

static bool
answer_is_memory(const char *word)
{
	return (strcmp(word, "secretmem") == 0 || strcmp(word, "mlock") == 0 ||
	    strcmp(word, "unlocked") == 0);
}

/* Returns whether word is printable ASCII without blanks. */
static bool
answer_is_graphic(const char *word)
{
	while (*word > ' ' && *word <= '~')
		word++;
	return (*word == '\0');
}

static bool
answer_is_unlimited(const char *word)
{
	return (strcmp(word, "-") == 0);
}

/*
 * Copies the word at *at, up to a blank or the end, to word, of ANSWER_WORD
 * bytes, and moves *at past it and one blank, or to NULL at the end of the
 * line. False if there is no word, or one that is too long.
 */
static bool
answer_word(const char **at, char *word)
{
	size_t len;

	if (*at == NULL || (len = strcspn(*at, " ")) == 0 || len >= ANSWER_WORD)
		return (false);
	memcpy(word, *at, len);
	word[len] = '\0';
	*at = (*at)[len] == ' ' ? *at + len + 1 : NULL;
	return (true);
}

/* The fields that every daemon sends. */
static const struct answer_field {
	const char  *key;
	answer_check check;
} answer_fields[] = { { "alive", answer_is_bool }, { "armed", answer_is_bool },
	{ "grace", answer_is_seconds }, { "registered", answer_is_number },
	{ "guarded", answer_is_bool }, { "pending", answer_is_bool },
	{ "memory", answer_is_memory }, { "secrets", answer_is_number },
	{ "left", answer_is_seconds }, { "heartbeat", answer_is_number },
	{ "since", answer_is_number }, { "size", answer_is_number },
	{ "room", answer_is_number } };

#define ANSWER_FIELDS (sizeof(answer_fields) / sizeof(answer_fields[0]))

/*
 * Returns whether word is a valid key=value of STATUS; changes word.  Notes the
 * field in *seen, and refuses a second one.  An unknown field may have any
 * value.
 */
static bool
answer_field(char *word, unsigned int *seen)
{
	char  *value = strchr(word, '=');
	size_t i;

	if (value == NULL || value == word || !answer_is_graphic(word))
		return (false);
	*value++ = '\0';
	for (i = 0; i < ANSWER_FIELDS; i++) {
		if (strcmp(word, answer_fields[i].key) != 0)
			continue;
		if ((*seen & 1U << i) != 0 || !answer_fields[i].check(value))
			return (false);
		*seen |= 1U << i;
	}
	return (true);
}

/* Returns whether line is "STATUS key=value ...", with every field. */
bool
answer_is_status(const char *line)
{
	char	     word[ANSWER_WORD];
	unsigned int seen = 0;

	if (!answer_word(&line, word) || strcmp(word, "STATUS") != 0)
		return (false);
	while (line != NULL) {
		if (!answer_word(&line, word) || !answer_field(word, &seen))
			return (false);
	}
	return (seen == (1U << ANSWER_FIELDS) - 1);
}

/* Returns whether line is "name size reads left", an entry of LIST. */
bool
answer_is_entry(const char *line)
{
	char name[ANSWER_WORD], size[ANSWER_WORD], reads[ANSWER_WORD];
	char left[ANSWER_WORD];

	return (answer_word(&line, name) && answer_word(&line, size) &&
	    answer_word(&line, reads) && answer_word(&line, left) &&
	    line == NULL && name_ok(name) && answer_is_number(size) &&
	    (answer_is_unlimited(reads) || answer_is_number(reads)) &&
	    (answer_is_unlimited(left) || answer_is_seconds(left)));
}

/* Returns whether line is "tether holders held|lost pid", of TETHERS. */
bool
answer_is_tether(const char *line)
{
	char name[ANSWER_WORD], holders[ANSWER_WORD], is[ANSWER_WORD];
	char pid[ANSWER_WORD];

	return (answer_word(&line, name) && answer_word(&line, holders) &&
	    answer_word(&line, is) && answer_word(&line, pid) && line == NULL &&
	    name_tether_ok(name) && answer_is_number(holders) &&
	    (strcmp(is, "held") == 0 || strcmp(is, "lost") == 0) &&
	    answer_is_number(pid));
}

/* Returns whether word is the kind of an event. */
bool
answer_is_event_kind(const char *word)
{
	static const char *const kinds[] = { "guarded", "lost", "released",
		"pending", "cancelled", "armed", "put", "got", "gone", "bye" };
	size_t			 i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(word, kinds[i]) == 0)
			return (true);
	}
	return (false);
}

/*
 * Returns whether line is "EVENT kind key=value ..." or "EVENT " and a STATUS.
 */
bool
answer_is_event(const char *line)
{
	char word[ANSWER_WORD];

	if (!answer_word(&line, word) || strcmp(word, "EVENT") != 0 ||
	    line == NULL)
		return (false);
	if (strncmp(line, "STATUS ", 7) == 0)
		return (answer_is_status(line));
	if (!answer_word(&line, word) || !answer_is_event_kind(word))
		return (false);
	while (line != NULL) {
		if (!answer_word(&line, word) || !answer_is_graphic(word) ||
		    strchr(word, '=') == NULL)
			return (false);
	}
	return (true);
}

/* Returns whether *at is a reason in double quotes, and moves past it. */
static bool
answer_quoted(const char **at)
{
	const char *p = *at;

	if (*p++ != '"')
		return (false);
	while (*p >= ' ' && *p <= '~' && *p != '"')
		p++;
	*at = p + 1;
	return (*p == '"');
}

/* Returns whether line is a daemon's last words, without trailing blanks. */
bool
answer_is_last(const char *line)
{
	static const char *const  keys[] = { "LAST time=", " pid=", " reason=",
		 " armed=", " secrets=" };
	static const answer_check checks[] = { answer_is_number,
		answer_is_number, NULL, answer_is_bool, answer_is_number };
	char			  value[32];
	size_t			  i, len;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strncmp(line, keys[i], strlen(keys[i])) != 0)
			return (false);
		line += strlen(keys[i]);
		len = strcspn(line, " ");
		(void)snprintf(value, sizeof(value), "%.*s", (int)len, line);
		if (checks[i] == NULL ? !answer_quoted(&line) :
					!checks[i](value))
			return (false);
		line += checks[i] == NULL ? 0 : len;
	}
	while (*line >= ' ' && *line <= '~')
		line++;
	return (*line == '\0');
}

/* Returns whether line is "BUSY" or "ERROR word sentence". */
bool
answer_is_refusal(const char *line)
{
	char  word[ANSWER_WORD];
	char *p;

	if (strcmp(line, "BUSY") == 0)
		return (true);
	if (!answer_word(&line, word) || strcmp(word, "ERROR") != 0 ||
	    !answer_word(&line, word) || line == NULL || *line == '\0')
		return (false);
	for (p = word; islower((unsigned char)*p) || *p == '-'; p++)
		continue;
	if (*p != '\0')
		return (false);
	while (line != NULL) {
		if (!answer_word(&line, word) || !answer_is_graphic(word))
			return (false);
	}
	return (true);
}

/*
 * Copies the value of key ("armed=") in line, a STATUS, to value, of size
 * bytes, and returns that; it is empty if there is no such field.
 */
const char *
answer_value(const char *line, const char *key, char *value, size_t size)
{
	const size_t len = strlen(key);
	const char  *p = line;

	value[0] = '\0';
	while ((p = strstr(p, key)) != NULL && p > line && p[-1] != ' ')
		p += len;
	if (p != NULL)
		(void)snprintf(value, size, "%.*s", (int)strcspn(p + len, " "),
		    p + len);
	return (value);
}
