/* SPDX-License-Identifier: ISC */
/*
 * Asks the daemon for its STATUS once, and reads the fields that a holder
 * needs.
 */
#include <sys/socket.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "num.h"
#include "reach.h"
#include "status.h"

#define STATUS_BYTES 1024

static pid_t  status_vault; /* as the kernel reports it */
static char   status_line[STATUS_BYTES];
static size_t status_len;

/*
 * Sends STATUS to the daemon whose heartbeat socket is path, and whose vault is
 * the process vault.  Returns the connection on which the answer will come, the
 * caller's to close; -1 if the control socket cannot be reached, or another
 * process listens there.
 */
int
status_ask(const char *path, pid_t vault)
{
	static struct sockpath at = { .n = 1 };
	static struct reach    r;
	const char	      *ask = "STATUS\n";

	memcpy(at.path[0], path, strlen(path) + 1);
	if (reach_find(&r, &at, ".ctl") == REACH_FOUND &&
	    (r.maker.pid != vault ||
		send(r.fd, ask, strlen(ask), MSG_NOSIGNAL) == -1)) {
		close(r.fd);
		r.fd = -1;
	}
	reach_close(&r);
	status_vault = vault;
	status_len = 0;
	return (r.fd);
}

static void
status_field(const char *field, struct status *s)
{
	int64_t pid;

	if (strncmp(field, "timeout=", strlen("timeout=")) == 0)
		(void)num_ms(field + strlen("timeout="), &s->timeout);
	if (strncmp(field, "pid=", strlen("pid=")) == 0 &&
	    num_int(field + strlen("pid="), 1, INT_MAX, &pid) == NULL)
		s->same = pid == status_vault;
}

/*
 * Reads the answer from the connection fd, without waiting.  Returns false if
 * more is to come; true with *s filled in.  A field that the daemon did not
 * send is 0.
 */
bool
status_read(int fd, struct status *s)
{
	char	    *word, *rest;
	ssize_t	     n;
	const size_t room = sizeof(status_line) - 1 - status_len;

	n = recv(fd, status_line + status_len, room, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return (false);
	memset(s, 0, sizeof(*s));
	if (n <= 0)
		return (true);
	status_len += (size_t)n;
	if (memchr(status_line, '\n', status_len) == NULL)
		return (status_len == sizeof(status_line) - 1);
	status_line[status_len] = '\0';
	rest = status_line;
	while ((word = strsep(&rest, " \n")) != NULL)
		status_field(word, s);
	return (true);
}
