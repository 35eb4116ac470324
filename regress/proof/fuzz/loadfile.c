/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "loadfile": what loadfile.c makes of any file keeps its
 * rules; and what it has understood it understands again, written down anew.
 */
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "loadfile.h"
#include "name.h"
#include "num.h"

#define PATH "a/file"

static struct loadfile file, again;
static char	       text[LOADFILE_BYTES], why[LOADFILE_WHY];

static bool
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

/* Does the line from at to its end say anything? */
static bool
says(const char *at, const char *end)
{
	if (memchr(at, '\0', (size_t)(end - at)) != NULL)
		return (false);
	if (end > at && end[-1] == '\r')
		end--;
	while (at < end && is_blank(*at))
		at++;
	return (at < end && *at != '#');
}

/* Counts all lines of the len bytes of text, and those that say something. */
static unsigned int
count(size_t len, unsigned int *all)
{
	const char  *at = text, *end;
	unsigned int n = 0;

	for (*all = 0; at < text + len; at = end + 1) {
		end = memchr(at, '\n', (size_t)(text + len - at));
		if (end == NULL)
			end = text + len;
		++*all;
		if (says(at, end))
			n++;
	}
	return (n);
}

/* Is p a string in the text of lf? */
static void
inside(const struct loadfile *lf, const char *p)
{
	CHECK(p >= lf->text && p < lf->text + sizeof(lf->text) &&
		memchr(p, '\0', (size_t)(lf->text + sizeof(lf->text) - p)) !=
		    NULL,
	    "outside of the text");
}

static void
check_entry(const struct loadfile_entry *e, unsigned int lines)
{
	const struct loadfile_entry *other;

	inside(&file, e->name);
	CHECK(name_ok(e->name), "\"%s\" is no name", e->name);
	CHECK(e->line > 0 && e->line <= lines, "line %u", e->line);
	for (other = file.entry; other < e; other++)
		CHECK(other->line < e->line &&
			strcmp(other->name, e->name) != 0,
		    "%s twice", e->name);
	CHECK(e->ttl >= 0 && e->ttl <= NUM_MAX_SECONDS * 1000, "%lld ms",
	    (long long)e->ttl);
	if (e->command == NULL)
		return;
	inside(&file, e->command);
	CHECK(*e->command != '\0' && !is_blank(*e->command) &&
		*e->command != '?' &&
		!is_blank(e->command[strlen(e->command) - 1]) &&
		strncmp(e->command, "reads=", 6) != 0 &&
		strncmp(e->command, "ttl=", 4) != 0 &&
		strncmp(e->command, "newline=", 8) != 0,
	    "\"%s\" is no command", e->command);
}

/* Writes e down, and reads it again. */
static void
check_again(const struct loadfile_entry *e)
{
	const struct loadfile_entry *a = &again.entry[0];
	char			     buf[NUM_PRINT];
	int			     len = 0, size = sizeof(again.text);

	len += snprintf(again.text, (size_t)size, "%s", e->name);
	if (e->reads != 0)
		len += snprintf(again.text + len, (size_t)(size - len),
		    " reads=%s", num_print(e->reads, buf));
	if (e->ttl != 0)
		len += snprintf(again.text + len, (size_t)(size - len),
		    " ttl=%s", num_print_ms(e->ttl, buf));
	if (e->keep)
		len += snprintf(again.text + len, (size_t)(size - len),
		    " newline=keep");
	/* With a blank, after which a command may even end in a CR. */
	len += snprintf(again.text + len, (size_t)(size - len), " %s ",
	    e->command == NULL ? "?" : e->command);
	if (len >= LOADFILE_BYTES)
		return;
	CHECK(loadfile_parse(&again, PATH, (size_t)len, why) == 0, "%s", why);
	CHECK(again.n == 1 && strcmp(a->name, e->name) == 0 &&
		a->reads == e->reads && a->ttl == e->ttl &&
		a->keep == e->keep &&
		(a->command == NULL) == (e->command == NULL) &&
		(a->command == NULL || strcmp(a->command, e->command) == 0),
	    "%s is another one now", e->name);
}

/* The reason begins with the path and the number of the line. */
static void
check_reason(unsigned int lines)
{
	const char *p = why + strlen(PATH ":");
	wide	    n;

	CHECK(strncmp(why, PATH ":", strlen(PATH ":")) == 0, "%s", why);
	n = fuzz_digits(&p);
	CHECK(n > 0 && n <= lines && strncmp(p, ": ", 2) == 0 && p[2] != '\0',
	    "%s", why);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t len = size < LOADFILE_BYTES ? size : LOADFILE_BYTES - 1;
	unsigned int i, lines, n;

	memcpy(text, data, len);
	memcpy(file.text, data, len);
	n = count(len, &lines);
	if (loadfile_parse(&file, PATH, len, why) == -1) {
		check_reason(lines);
		return (0);
	}
	CHECK(file.n == n, "%u secrets in %u lines", file.n, n);
	for (i = 0; i < file.n; i++) {
		check_entry(&file.entry[i], lines);
		check_again(&file.entry[i]);
	}
	return (0);
}
