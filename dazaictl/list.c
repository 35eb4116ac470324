/* SPDX-License-Identifier: ISC */
/*
 * The commands list and tethers, whose answers have several lines.
 */
#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "client.h"
#include "guard.h"
#include "json.h"
#include "list.h"
#include "num.h"
#include "process.h"
#include "table.h"
#include "unit.h"

/*
 * Sends the request ask on fd, and stores the lines of the answer, up to OK, in
 * *l, whose text is the caller's to free(3).  is checks each line; exits if one
 * is wrong.
 */
void
list_ask(struct list *l, int fd, const char *ask, bool (*is)(const char *))
{
	const char *line;
	FILE	   *lines;

	if ((lines = open_memstream(&l->text, &l->len)) == NULL)
		err(EXIT_USAGE, "%s", ask);
	client_ask(fd, "%s", ask);
	while (strcmp(line = client_line(fd), "OK") != 0) {
		if (!is(line))
			client_refused(line);
		(void)fwrite(line, strlen(line) + 1, 1, lines);
	}
	if (fclose(lines) == EOF)
		err(EXIT_USAGE, "%s", ask);
}

/*
 * Returns the line after this one, or the first one for NULL; NULL if there is
 * none.
 */
const char *
list_next(const struct list *l, const char *line)
{
	line = line == NULL ? l->text : line + strlen(line) + 1;
	return (line < l->text + l->len ? line : NULL);
}

static void
list_show(const struct list *l, enum list_form form, void (*json)(const char *))
{
	const char *line = NULL;

	if (form == LIST_JSON)
		putchar('[');
	while ((line = list_next(l, line)) != NULL) {
		if (form == LIST_LINES) {
			puts(line);
			continue;
		}
		printf("%s", line == l->text ? "" : ",\n ");
		json(line);
	}
	if (form == LIST_JSON)
		puts("]");
}

/* Copies the words of line, which are four, to word. */
void
list_split(const char *line, char word[][LIST_WORD])
{
	size_t i, len;

	for (i = 0; i < 4; i++) {
		len = strcspn(line, " ");
		(void)snprintf(word[i], LIST_WORD, "%.*s", (int)len, line);
		line += len;
		if (*line == ' ')
			line++;
	}
}

/* Fills in the row for a secret: "name size reads left". */
static void
list_secret(const char *line, char cell[][TABLE_CELL])
{
	char	word[4][LIST_WORD], time[UNIT_PRINT];
	int64_t n = 0;

	list_split(line, word);
	(void)snprintf(cell[0], TABLE_CELL, "%s", word[0]);
	(void)num_int(word[1], 0, INT64_MAX - 1, &n);
	(void)unit_bytes(n, cell[1]);
	(void)snprintf(cell[2], TABLE_CELL, "%s", word[2]);
	(void)snprintf(cell[3], TABLE_CELL, "-");
	if (num_ms(word[3], &n) == NULL)
		(void)snprintf(cell[3], TABLE_CELL, "in %s",
		    unit_time(n, time));
}

/* Prints the daemon's secrets. */
void
list_secrets(const struct sockpath *places, enum list_form form)
{
	static const struct table_column columns[TABLE_COLUMNS] = {
		{ "NAME", false },
		{ "SIZE", true },
		{ "READS LEFT", true },
		{ "WIPED", false },
	};
	const int   fd = client_open(places, CLIENT_OURS);
	struct list l;

	list_ask(&l, fd, "LIST", answer_is_entry);
	close(fd);
	if (form == LIST_WORDS)
		table_print(columns, &l, list_secret);
	else
		list_show(&l, form, json_entry);
	free(l.text);
}

/* Exits if there is no daemon, or no secret of this name. */
void
list_wants(const struct sockpath *places, const char *name)
{
	const int    fd = client_open(places, CLIENT_OURS);
	const size_t len = strlen(name);
	const char  *line = NULL;
	struct list  l;

	list_ask(&l, fd, "LIST", answer_is_entry);
	close(fd);
	while ((line = list_next(&l, line)) != NULL) {
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			break;
	}
	free(l.text);
	if (line == NULL)
		client_refused("ERROR no-such-secret there is no secret of "
			       "this name");
}

/* Returns words for the holder pid, which may not be a dazai-hb. */
static void
list_process(pid_t pid, char *text)
{
	char  name[64], who[192];
	pid_t watched = 0;

	if (!process_name(pid, name, sizeof(name))) {
		(void)snprintf(text, LIST_HOLDER, "process %ld", (long)pid);
		return;
	}
	if (strcmp(name, "dazai-hb") == 0)
		watched = process_watched(pid);
	process_words(watched != 0 ? watched : pid, who, sizeof(who));
	if (watched != 0)
		(void)snprintf(text, LIST_HOLDER, "dazai-hb %ld for %s",
		    (long)pid, who);
	else
		(void)snprintf(text, LIST_HOLDER, "%s", who);
}

/*
 * Writes words for the first holder of a tether to text, of LIST_HOLDER bytes.
 * word has the four words of the tether's line in TETHERS.  near means that the
 * daemon is on this machine and in this PID namespace, so that the pid is that
 * of the same process here.
 */
void
list_holder(char word[][LIST_WORD], bool near, char *text)
{
	static const char by[] = ", by ";
	char		  who[192] = "";
	int64_t		  pid;

	(void)snprintf(text, LIST_HOLDER, "-");
	if (num_int(word[3], 1, INT_MAX, &pid) != NULL)
		return;
	if (near && strcmp(word[0], "heartbeat") == 0) {
		guard_open(client_daemon()->dir,
		    sockpath_name(client_daemon()->path));
		guard_who(who, sizeof(who));
	}
	if (strncmp(who, by, strlen(by)) == 0)
		(void)snprintf(text, LIST_HOLDER, "%s", who + strlen(by));
	else if (near)
		list_process((pid_t)pid, text);
	else
		(void)snprintf(text, LIST_HOLDER, "process %lld",
		    (long long)pid);
}

/* Returns whether the pids of the daemon at fd mean the same processes here. */
static bool
list_is_near(int fd)
{
	const char *line;

	client_ask(fd, "STATUS");
	line = client_line(fd);
	if (!answer_is_status(line))
		client_refused(line);
	return (client_is_near(line));
}

static bool list_near; /* for list_tether() */

/* Fills in the row for a tether. */
static void
list_tether(const char *line, char cell[][TABLE_CELL])
{
	char word[4][LIST_WORD];

	list_split(line, word);
	(void)snprintf(cell[0], TABLE_CELL, "%s", word[0]);
	(void)snprintf(cell[1], TABLE_CELL, "%s", word[2]);
	(void)snprintf(cell[2], TABLE_CELL, "%s", word[1]);
	list_holder(word, list_near, cell[3]);
}

/* Prints the daemon's tethers. */
void
list_tethers(const struct sockpath *places, enum list_form form)
{
	static const struct table_column columns[TABLE_COLUMNS] = {
		{ "TETHER", false },
		{ "STATE", false },
		{ "HOLDERS", true },
		{ "FIRST HOLDER", false },
	};
	const int   fd = client_open(places, CLIENT_ANY);
	struct list l;

	list_near = form == LIST_WORDS && list_is_near(fd);
	list_ask(&l, fd, "TETHERS", answer_is_tether);
	close(fd);
	if (form == LIST_WORDS)
		table_print(columns, &l, list_tether);
	else
		list_show(&l, form, json_tether);
	free(l.text);
}
