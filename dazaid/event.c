/* SPDX-License-Identifier: ISC */
/*
 * The events that the vault sends to watchers (EVENTS), through network.  The
 * vault does not wait: if network's socket is full, the event is dropped.
 */
#include <sys/socket.h>

#include <string.h>

#include "event.h"
#include "vault.h"

static uint32_t event_n; /* watchers */

/* Network reports how many watchers there are now. */
void
event_watchers(uint32_t n)
{
	event_n = n;
}

/* Whether there is a watcher.  If not, callers need not prepare an event. */
bool
event_wanted(void)
{
	return (event_n > 0);
}

/* Copies text to to, of size bytes, as far as there is room; NULL is empty. */
static void
event_copy(char *to, size_t size, const char *text)
{
	size_t i;

	for (i = 0; text != NULL && text[i] != '\0' && i < size - 1; i++)
		to[i] = text[i];
	to[i] = '\0';
}

/*
 * Sends an event to the watchers, if there are any and there is room.  name is
 * that of a tether or a secret, ms the length of the grace window, why the
 * reason; each is NULL or 0 if the event has none.  Async-signal-safe, but
 * changes errno.
 */
void
event_send(enum imsg_event_kind kind, const char *name, pid_t pid, int64_t ms,
    const char *why)
{
	struct imsg im;

	if (event_n == 0 || !imsg_has_room(v.imsg))
		return;
	memset(&im, 0, sizeof(im));
	im.type = IMSG_EVENT;
	im.fd = -1;
	im.u.event.kind = kind;
	im.u.event.pid = (uint32_t)pid;
	im.u.event.ms = ms;
	event_copy(im.u.event.name, sizeof(im.u.event.name), name);
	event_copy(im.u.event.why, sizeof(im.u.event.why), why);
	(void)imsg_send(v.imsg, &im, MSG_DONTWAIT);
}
