/* SPDX-License-Identifier: ISC */
/*
 * What the heartbeat must know of the daemon before it holds: how often to say
 * PING, and whether a pid means the same process to both.
 */
#include <sys/socket.h>

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "num.h"
#include "reach.h"
#include "status.h"

#define STATUS_SECONDS 2 /* for the answer; without it defaults will do */
#define STATUS_LINE    1024

/*
 * Copies the value of key ("pid=") in the STATUS line to value, of NUM_PRINT
 * bytes; it is empty if there is none.
 */
static const char *
status_value(const char *line, const char *key, char *value)
{
	const char *at = line;

	while ((at = strstr(at, key)) != NULL && at > line && at[-1] != ' ')
		at++;
	(void)snprintf(value, NUM_PRINT, "%.*s",
	    at != NULL ? (int)strcspn(at + strlen(key), " \n") : 0,
	    at != NULL ? at + strlen(key) : "");
	return (value);
}

static void
status_parse(const char *line, struct status *s)
{
	char	value[NUM_PRINT];
	int64_t n;

	if (num_ms(status_value(line, "timeout=", value), &n) == NULL)
		s->timeout = n;
	if (num_int(status_value(line, "pid=", value), 1, INT_MAX, &n) == NULL)
		s->pid = (pid_t)n;
}

/*
 * Asks the daemon at one of the places, and stores in *s what it knows; nothing
 * if it does not answer.
 */
void
status_ask(const struct sockpath *places, struct status *s)
{
	static const char ask[] = "STATUS\n";
	struct reach	  r = { .file = -1, .seconds = STATUS_SECONDS };
	char		  answer[STATUS_LINE];
	size_t		  len = 0;
	ssize_t		  n = 1;

	memset(s, 0, sizeof(*s));
	if (reach_find(&r, places, ".ctl") != REACH_FOUND)
		return;
	if (send(r.fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) != -1) {
		while (n > 0 && len < sizeof(answer) - 1) {
			n = recv(r.fd, answer + len, sizeof(answer) - 1 - len,
			    0);
			len += n > 0 ? (size_t)n : 0;
			if (memchr(answer, '\n', len) != NULL)
				break;
		}
		answer[len] = '\0';
		if (strncmp(answer, "STATUS ", 7) == 0)
			status_parse(answer, s);
	}
	close(r.fd);
	close(r.file);
	close(r.dir);
}
