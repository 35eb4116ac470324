/* SPDX-License-Identifier: ISC */
/*
 * Prints the daemon's STATUS line in words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer.h"
#include "client.h"
#include "guard.h"
#include "status.h"

static void
status_guarded(const char *line)
{
	char	  pid[32], since[32], when[64] = "", who[192];
	struct tm tm;
	time_t	  t;

	if (strcmp(answer_value(line, "guarded=", pid, sizeof(pid)), "1") !=
	    0) {
		printf("UNGUARDED\n");
		return;
	}
	t = (time_t)strtoll(answer_value(line, "since=", since, sizeof(since)),
	    NULL, 10);
	if (localtime_r(&t, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%F %T", &tm);
	guard_open(client_daemon()->dir, sockpath_name(client_daemon()->path));
	guard_who(who, sizeof(who));
	answer_value(line, "heartbeat=", pid, sizeof(pid));
	answer_value(line, "tethers=", since, sizeof(since));
	if (strcmp(pid, "0") == 0)
		printf("guarded, by %s tether%s, since %s\n", since,
		    strcmp(since, "1") == 0 ? "" : "s", when);
	else if (who[0] != '\0')
		printf("guarded%s, since %s\n", who, when);
	else
		printf("guarded, by process %s, since %s\n", pid, when);
}

/* line is the answer of the daemon that client_open() has found. */
void
status_print(const char *line)
{
	char a[64], b[64];

	status_guarded(line);
	if (strcmp(answer_value(line, "pending=", a, sizeof(a)), "1") == 0)
		printf("PENDING: a panic in %s s, unless it is cancelled\n",
		    answer_value(line, "left=", b, sizeof(b)));
	if (strcmp(answer_value(line, "armed=", a, sizeof(a)), "1") == 0)
		printf("armed, with %s s of grace\n",
		    answer_value(line, "grace=", b, sizeof(b)));
	else
		printf(
		    "dry-run: a rehearsal, a panic wipes and kills nothing\n");
	answer_value(line, "memory=", a, sizeof(a));
	printf("memory: %s%s, %s bytes\n", a,
	    strcmp(a, "unlocked") == 0 ? " (DEGRADED)" : "",
	    answer_value(line, "size=", b, sizeof(b)));
	printf("secrets: %s, room for one of %s bytes\n",
	    answer_value(line, "secrets=", a, sizeof(a)),
	    answer_value(line, "room=", b, sizeof(b)));
	printf("registered processes: %s\n",
	    answer_value(line, "registered=", a, sizeof(a)));
}
