/* SPDX-License-Identifier: ISC */
/* Clients of the daemon: what they do themselves. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "imsg.h"
#include "net.h"
#include "siege.h"

/* Connects to the heartbeat socket (0) or the control socket (1). */
int
client_connect(int which)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int		   fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)strlcpy(sun.sun_path, which == 0 ? "sock" : "sock.ctl",
	    sizeof(sun.sun_path));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		siege_fail("%s: %s", sun.sun_path, strerror(errno));
	return (fd);
}

/* Lets every user connect to the socket. */
void
client_unlock(int which)
{
	const char *path = which == 0 ? "sock" : "sock.ctl";

	if (chmod(".", 0711) == -1 || chmod(path, 0666) == -1)
		siege_fail("%s: %s", path, strerror(errno));
}

/* A client connects, and network accepts its connection. */
struct client
client_come(int which)
{
	struct client c;

	c.fd = client_connect(which);
	c.at = net_accept(which);
	return (c);
}

/* A new client holds the tether. */
struct client
client_hold(uint32_t peerid, const char *name)
{
	const struct client c = client_come(1);

	net_tether(IMSG_HOLD, peerid, name, c.at);
	(void)net_answer(IMSG_HOLDING);
	return (c);
}

/* Requires that it has not got the secret, and closes both ends. */
void
client_leave(const struct client *c)
{
	client_clean(c->fd);
	client_clean(c->at);
	close(c->fd);
	close(c->at);
}

/* Requires that a client reads text next. */
void
client_want(int fd, const char *text)
{
	char	got[256] = "";
	size_t	n = 0;
	ssize_t rc;

	for (; n < strlen(text); n += (size_t)rc) {
		if (!siege_readable(fd, PATIENCE_MS) ||
		    (rc = read(fd, got + n, strlen(text) - n)) <= 0)
			siege_fail("a client wants '%s'", text);
	}
	if (memcmp(got, text, n) != 0)
		siege_fail("a client wants '%s', not '%.*s'", text, (int)n,
		    got);
}

/* Requires that fd has no byte of the secret to read. */
void
client_clean(int fd)
{
	static unsigned char bytes[1 << 20];
	ssize_t		     n;

	while (
	    fd != -1 && (n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		net_unseen(bytes, (size_t)n, "is where it must not be");
}
