/* SPDX-License-Identifier: ISC */
/*
 * Tells the service manager, if there is one, the state of the daemon, by the
 * datagrams of sd_notify(3).  Connects the socket before the sandbox.  Drops a
 * datagram for which there is no room, so that the vault never waits for the
 * service manager.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notify.h"

#define NOTIFY_BYTES 160 /* of a datagram */

static int	   notify_fd = -1;
static char	   notify_pid[32]; /* our pid, for the service manager */
static const char *notify_last;	   /* the state that was sent last */

/* Connects to the socket at path; a leading "@" means an abstract one. */
static void
notify_connect(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t	   len;

	memcpy(sun.sun_path, path, strlen(path) + 1);
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(path) + 1);
	if (path[0] == '@') { /* counted, no NUL */
		sun.sun_path[0] = '\0';
		len--;
	}
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify_fd != -1 &&
	    connect(notify_fd, (const struct sockaddr *)&sun, len) == -1) {
		close(notify_fd);
		notify_fd = -1;
	}
}

/*
 * Connects to the service manager, if there is one.  Call this in the process
 * that will be the vault, before the sandbox.
 */
void
notify_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL)
		return;
	if ((path[0] == '/' || path[0] == '@') &&
	    strlen(path) < sizeof(((struct sockaddr_un *)0)->sun_path))
		notify_connect(path);
	else
		warnx("NOTIFY_SOCKET is not a socket path: "
		      "the service manager is not notified");
	(void)unsetenv("NOTIFY_SOCKET");
	(void)snprintf(notify_pid, sizeof(notify_pid), "MAINPID=%ld",
	    (long)getpid());
}

/* Sends first and then second, as one datagram. */
static void
notify_send(const char *first, const char *second)
{
	char text[NOTIFY_BYTES];

	if (notify_fd == -1)
		return;
	(void)strlcpy(text, first, sizeof(text));
	(void)strlcat(text, second, sizeof(text));
	(void)send(notify_fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Tells the service manager that clients can connect. */
void
notify_ready(void)
{
	notify_send(notify_pid, "\nREADY=1");
}

/*
 * Sends the state of the session, if it has changed.  It compares pointers, so
 * each state must always be the same string constant.
 */
void
notify_state(const char *state)
{
	if (notify_last == state)
		return;
	notify_last = state;
	notify_send("STATUS=", state);
}

/*
 * Tells the service manager that the daemon ends, and why.  Call this after the
 * wipe.  Async-signal-safe, but changes errno.
 */
void
notify_stopping(const char *reason)
{
	notify_send("STOPPING=1\nSTATUS=secrets wiped: ", reason);
}
