/* SPDX-License-Identifier: ISC */
/*
 * The commands release, watch and wait.
 */
#include <sys/socket.h>
#include <sys/time.h>

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "client.h"
#include "json.h"
#include "oneline.h"
#include "stdfd.h"
#include "watch.h"

/* Takes the tether out of the session. */
void
watch_release(const struct sockpath *places, const char *name)
{
	const int fd = client_open(places, CLIENT_OURS);

	client_ask(fd, "RELEASE %s", name);
	client_want(fd, "OK");
	close(fd);
}

/* Asks for events, and waits for them without a time limit. */
static int
watch_open(const struct sockpath *places)
{
	const struct timeval forever = { 0, 0 };
	const int	     fd = client_open(places, CLIENT_ANY);

	client_ask(fd, "EVENTS");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &forever,
	    sizeof(forever));
	return (fd);
}

/* Returns the next event; NULL if the daemon has ended. */
static const char *
watch_next(int fd)
{
	const char *line = client_next(fd);

	if (line != NULL && !answer_is_event(line))
		client_refused(line);
	return (line);
}

/* Prints events, one on each line, until the daemon ends. */
void
watch_events(const struct sockpath *places, bool json)
{
	const int   fd = watch_open(places);
	const char *line;

	while ((line = watch_next(fd)) != NULL) {
		if (json)
			json_event(line);
		else
			puts(line + strlen("EVENT "));
		stdfd_flush();
	}
	close(fd);
}

/* Returns whether line, the first STATUS, shows the state after event. */
static bool
watch_is_so(const char *line, const char *event)
{
	static const char *const lasting[] = { "guarded", "pending", "armed" };
	char			 key[32], value[8];
	size_t			 i;

	if (strncmp(line, "EVENT STATUS ", 13) != 0)
		return (false);
	for (i = 0; i < sizeof(lasting) / sizeof(lasting[0]); i++) {
		if (strcmp(event, lasting[i]) != 0)
			continue;
		(void)snprintf(key, sizeof(key), "%s=", event);
		return (strcmp(answer_value(line, key, value, sizeof(value)),
			    "1") == 0);
	}
	return (false);
}

/*
 * Returns when the event has come, or if its state is reached already.  The end
 * of the daemon is the event "bye"; while waiting for another one, it is an
 * error.
 */
void
watch_wait(const struct sockpath *places, const char *event)
{
	const size_t len = strlen(event);
	const char  *line;
	int	     fd;

	if (!answer_is_event_kind(event))
		errx(EXIT_USAGE,
		    "%s: no such event (guarded, lost, released, pending, "
		    "cancelled, armed, put, got, gone, bye)",
		    oneline(event));
	fd = watch_open(places);
	while ((line = watch_next(fd)) != NULL) {
		if (watch_is_so(line, event) ||
		    (strcmp(event, "bye") != 0 &&
			strncmp(line + 6, event, len) == 0 &&
			(line[6 + len] == ' ' || line[6 + len] == '\0')))
			break;
	}
	if (line == NULL && strcmp(event, "bye") != 0)
		errx(EXIT_CUT, "the daemon has ended");
	close(fd);
}
