/* SPDX-License-Identifier: ISC */
/*
 * The daemon's STATUS line, for people.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guard.h"
#include "status.h"

/* The value of key ("armed=") in line, into value of size bytes; empty if not
 * there. */
static const char *
status_value(const char *line, const char *key, char *value, size_t size)
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

static void
status_guarded(const char *path, const char *line)
{
	char	  pid[32], since[32], when[64] = "", who[192];
	struct tm tm;
	time_t	  t;

	if (strcmp(status_value(line, "guarded=", pid, sizeof(pid)), "1") !=
	    0) {
		printf("UNGUARDED\n");
		return;
	}
	t = (time_t)strtoll(status_value(line, "since=", since, sizeof(since)),
	    NULL, 10);
	if (localtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%F %T", &tm);
	guard_open(path);
	guard_who(who, sizeof(who));
	if (who[0] != '\0')
		printf("guarded%s, since %s\n", who, when);
	else
		printf("guarded, by process %s, since %s\n",
		    status_value(line, "heartbeat=", pid, sizeof(pid)), when);
}

/* line is the daemon's answer, path its heartbeat socket. */
void
status_print(const char *path, const char *line)
{
	char a[64], b[64];

	status_guarded(path, line);
	if (strcmp(status_value(line, "pending=", a, sizeof(a)), "1") == 0)
		printf("PENDING: a panic in %s s, unless it is cancelled\n",
		    status_value(line, "left=", b, sizeof(b)));
	if (strcmp(status_value(line, "armed=", a, sizeof(a)), "1") == 0)
		printf("armed, with %s s of grace\n",
		    status_value(line, "grace=", b, sizeof(b)));
	else
		printf(
		    "dry-run: a rehearsal, a panic wipes and kills nothing\n");
	status_value(line, "memory=", a, sizeof(a));
	printf("memory: %s%s, %s bytes\n", a,
	    strcmp(a, "unlocked") == 0 ? " (DEGRADED)" : "",
	    status_value(line, "size=", b, sizeof(b)));
	printf("secrets: %s, room for one of %s bytes\n",
	    status_value(line, "secrets=", a, sizeof(a)),
	    status_value(line, "room=", b, sizeof(b)));
	printf("registered processes: %s\n",
	    status_value(line, "registered=", a, sizeof(a)));
}
