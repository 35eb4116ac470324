/* SPDX-License-Identifier: ISC */
/*
 * The command status: the daemon's STATUS in words.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "client.h"
#include "json.h"
#include "num.h"
#include "paint.h"
#include "status.h"
#include "unit.h"

#define STATUS_LINE 1024 /* bytes; client_line() returns no more */

/* Returns the value of a field that is 0 or 1. */
static bool
status_is(const char *line, const char *key)
{
	char value[8];

	return (
	    strcmp(answer_value(line, key, value, sizeof(value)), "1") == 0);
}

static int64_t
status_number(const char *line, const char *key)
{
	char	value[32];
	int64_t n = 0;

	(void)num_int(answer_value(line, key, value, sizeof(value)), 0,
	    INT64_MAX - 1, &n);
	return (n);
}

/* Formats a field in seconds, for reading. */
static char *
status_time(const char *line, const char *key, char *buf)
{
	char	value[32];
	int64_t ms = 0;

	(void)num_ms(answer_value(line, key, value, sizeof(value)), &ms);
	return (unit_time(ms, buf));
}

static void
status_session(const char *line)
{
	const time_t since = (time_t)status_number(line, "since=");
	const time_t now = time(NULL);
	char	     when[64] = "", ago[UNIT_PRINT];
	struct tm    tm;

	printf("session:    ");
	if (!status_is(line, "guarded=")) {
		printf("%sUNGUARDED%s\n", paint(PAINT_BAD), paint(PAINT_OFF));
		return;
	}
	if (localtime_r(&since, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%F %T", &tm);
	printf("%sguarded%s since %s, for %s\n", paint(PAINT_GOOD),
	    paint(PAINT_OFF), when,
	    unit_time(now > since ? (int64_t)(now - since) * 1000 : 0, ago));
}

/*
 * Prints a line about the holder of each tether.  Returns true if one is lost.
 */
static bool
status_tethers(const struct list *l, bool near)
{
	char	    word[4][LIST_WORD], holder[LIST_HOLDER];
	bool	    lost, any = false;
	const char *line = NULL;

	while ((line = list_next(l, line)) != NULL) {
		list_split(line, word);
		lost = strcmp(word[2], "lost") == 0;
		any = any || lost;
		list_holder(word, near, holder);
		printf("%-12s%-9s ", line == l->text ? "tethers:" : "",
		    word[0]);
		if (lost)
			printf("%sLOST%s\n", paint(PAINT_BAD),
			    paint(PAINT_OFF));
		else if (strcmp(word[1], "1") == 0)
			printf("held by %s\n", holder);
		else
			printf("has %s holders, the first is %s\n", word[1],
			    holder);
	}
	return (any);
}

static void
status_panic(const char *line, bool lost)
{
	const char *how = "pkill -USR1 dazai-hb";
	char	    left[UNIT_PRINT];

	if (!status_is(line, "pending="))
		return;
	if (lost)
		how = "by holding again what is lost, as dazai_guard does";
	else if (status_number(line, "tethers=") == 0)
		how = "dazai_guard, and then dazai_cancel";
	printf("panic:      %sPENDING%s: a panic in %s, unless it is "
	       "cancelled (%s)\n",
	    paint(PAINT_BAD), paint(PAINT_OFF),
	    status_time(line, "left=", left), how);
}

/*
 * If nothing guards: prints when the daemon will panic.  Older ones do not say.
 */
static void
status_deadline(const char *line)
{
	char value[32], left[UNIT_PRINT];

	answer_value(line, "first=", value, sizeof(value));
	if (value[0] == '\0' || strcmp(value, "0") == 0)
		return;
	printf("deadline:   a panic in %s, unless the session is guarded by "
	       "then (dazai_guard)\n",
	    status_time(line, "first=", left));
}

static void
status_daemon(const char *line)
{
	char time[UNIT_PRINT];

	printf("daemon:     process %" PRId64 ", ",
	    status_number(line, "pid="));
	if (status_is(line, "armed="))
		printf("armed, with %s of grace",
		    status_time(line, "grace=", time));
	else
		printf("not armed (dry-run): a panic wipes the secrets and "
		       "kills nothing");
	(void)status_time(line, "timeout=", time);
	if (strcmp(time, "0 s") != 0)
		printf(", ping timeout %s", time);
	putchar('\n');
}

static void
status_memory(const char *line)
{
	char memory[16], size[UNIT_PRINT], room[UNIT_PRINT];

	answer_value(line, "memory=", memory, sizeof(memory));
	printf("memory:     %s, ",
	    unit_bytes(status_number(line, "size="), size));
	if (strcmp(memory, "unlocked") == 0)
		printf("%sunlocked (DEGRADED)%s: it can be swapped out\n",
		    paint(PAINT_BAD), paint(PAINT_OFF));
	else
		printf("%s\n", memory);
	printf("secrets:    %" PRId64 ", room for one of %s\n",
	    status_number(line, "secrets="),
	    unit_bytes(status_number(line, "room="), room));
	printf("registered: %" PRId64 " process%s\n",
	    status_number(line, "registered="),
	    status_number(line, "registered=") == 1 ? "" : "es");
}

/* Prints the state of the daemon. */
void
status_show(const struct sockpath *places, enum list_form form)
{
	const int   fd = client_open(places, CLIENT_ANY);
	char	    status[STATUS_LINE];
	const char *line;
	struct list tethers;

	client_ask(fd, "STATUS");
	line = client_line(fd);
	if (!answer_is_status(line))
		client_refused(line);
	(void)snprintf(status, sizeof(status), "%s", line);
	if (form == LIST_LINES)
		puts(status);
	else if (form == LIST_JSON)
		json_status(status);
	if (form != LIST_WORDS)
		return;
	list_ask(&tethers, fd, "TETHERS", answer_is_tether);
	close(fd);
	status_session(status);
	status_panic(status, status_tethers(&tethers, client_is_near(status)));
	free(tethers.text);
	status_deadline(status);
	status_daemon(status);
	status_memory(status);
}
