/* SPDX-License-Identifier: ISC */
/*
 * Descriptors that network sends where none belongs, or that belong to nobody
 * who may ask: the vault must refuse each of them, and never block on one.
 */
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "client.h"
#include "imsg.h"
#include "net.h"
#include "order.h"

#define LINGER_S 60

static int other = -1; /* the other end, if there is one and it is ours */

/* of_NAME() makes one kind of descriptor; -1 with errno if it cannot. */
#define OF(name, make)             \
	static int of_##name(void) \
	{                          \
		return (make);     \
	}

OF(file, open("secret", O_RDWR | O_CLOEXEC))
OF(epoll, epoll_create1(EPOLL_CLOEXEC))
OF(pidfd, pidfd_open(s.vault, 0))
OF(unbound, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
OF(udp, socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))
OF(own_pair, fcntl(s.own[0], F_DUPFD_CLOEXEC, 0))
OF(own_line, fcntl(s.line, F_DUPFD_CLOEXEC, 0))
OF(heart_listener, fcntl(s.listeners[0], F_DUPFD_CLOEXEC, 0))
OF(control_listener, fcntl(s.listeners[1], F_DUPFD_CLOEXEC, 0))

static int
of_pipe(void)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) == -1)
		return (-1);
	other = p[0];
	return (p[1]);
}

static int
of_pair(int type)
{
	int sp[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sp) == -1)
		return (-1);
	other = sp[1];
	return (sp[0]);
}

OF(stream, of_pair(SOCK_STREAM))
OF(packets, of_pair(SOCK_SEQPACKET))

/* A connection of ours, accepted on a name like the daemon's. */
static int
of_another_name(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	const int	   s1 = of_unbound(), s2 = of_unbound();
	int		   fd;

	(void)snprintf(sun.sun_path + 1, sizeof(sun.sun_path) - 1,
	    "sock.%ld.ctl", (long)getpid());
	if (bind(s1, (struct sockaddr *)&sun, sizeof(sun)) == -1 ||
	    listen(s1, 1) == -1 ||
	    connect(s2, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return (-1);
	fd = accept4(s1, NULL, NULL, SOCK_CLOEXEC);
	close(s1);
	other = s2;
	return (fd);
}

static int
of_tcp(struct sockaddr_in *sin)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(*sin);

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)sin, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)sin, &len) == -1)
		return (-1);
	return (fd);
}

static int
of_tcp_listener(void)
{
	struct sockaddr_in sin;
	const int	   fd = of_tcp(&sin);

	return (fd != -1 && listen(fd, 1) == -1 ? -1 : fd);
}

/* A TCP socket that is connected to itself. */
int
descriptor_tcp_itself(void)
{
	struct sockaddr_in sin;
	const int	   fd = of_tcp(&sin);

	return (fd != -1 &&
		    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ?
		-1 :
		fd);
}

/*
 * A full TCP socket with SO_LINGER: close(2) blocks until the other end reads,
 * *end, which it never does.
 */
int
descriptor_tcp_lingering(int *end)
{
	static const char   bytes[65536];
	const struct linger linger = { 1, LINGER_S };
	struct sockaddr_in  sin;
	const int	    listener = of_tcp(&sin);
	const int	    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener == -1 || fd == -1 || listen(listener, 1) == -1 ||
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) ==
		-1)
		return (-1);
	*end = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	return (fd);
}

OF(tcp_lingering, descriptor_tcp_lingering(&other))

/* The client's end of a connection to the daemon. */
static int
of_clients_end(void)
{
	other = client_come(1).fd;
	return (other);
}

static const struct kind {
	const char *name;
	int (*make)(void);
} kinds[] = { { "a file", of_file }, { "a pipe", of_pipe },
	{ "an epoll", of_epoll }, { "the vault's pidfd", of_pidfd },
	{ "a socketpair", of_stream }, { "a packet socketpair", of_packets },
	{ "a socket of nothing", of_unbound },
	{ "a connection by another name", of_another_name },
	{ "a UDP socket", of_udp }, { "a TCP listener", of_tcp_listener },
	{ "TCP, with itself", descriptor_tcp_itself },
	{ "TCP, lingering", of_tcp_lingering },
	{ "network's socketpair", of_own_pair },
	{ "network's line", of_own_line },
	{ "the listener for heartbeats", of_heart_listener },
	{ "the listener for control", of_control_listener },
	{ "a client's own end", of_clients_end } };

/* The messages that come with a descriptor, and one that does not. */
static const uint32_t types[] = { IMSG_HELLO, IMSG_GET, IMSG_PUT, IMSG_DEL,
	IMSG_REGISTER, IMSG_UNREGISTER, IMSG_HOLD, IMSG_RELEASE, IMSG_STATUS };

static enum state
state_for(uint32_t type)
{
	return (type == IMSG_HELLO ? UNGUARDED_ARMED : GUARDED_ARMED);
}

/* Begins an attempt with such a message. */
void
descriptor_attempt(const char *what, uint32_t type)
{
	siege_attempt(state_for(type), NULL, "%s with message %u", what, type);
}

/* Requires that the vault panics because of such a message. */
void
descriptor_hostile(uint32_t type)
{
	attack_hostile(state_for(type));
}

/* Sends a message of this type with fd. */
void
descriptor_send(uint32_t type, int fd)
{
	const struct imsg_put put = { .size = 5, .name = "new" };

	if (type == IMSG_GET || type == IMSG_DEL)
		net_secret(type, PEER, fd);
	else if (type == IMSG_PUT)
		net_say(type, PEER, &put, sizeof(put), fd);
	else if (type == IMSG_HOLD || type == IMSG_RELEASE)
		net_tether(type, PEER, "usb", fd);
	else if (type == IMSG_STATUS)
		net_say(type, PEER, NULL, 0, fd);
	else
		net_number(type, PEER, 1, fd);
}

static void
foreign(const struct kind *kind, uint32_t type)
{
	int fd;

	descriptor_attempt(kind->name, type);
	other = -1;
	if ((fd = kind->make()) == -1)
		siege_fail("cannot be had: %s", strerror(errno));
	descriptor_send(type, fd);
	descriptor_hostile(type);
	client_clean(fd);
	client_clean(other);
	close(fd);
	if (other != fd)
		close(other);
}

/*
 * Real connections whose client may not ask for this.
 */

enum intruder { WRONG_SOCKET, NETWORK_ITSELF, STRANGER, INTRUDERS };

/* Connects as another user, which network should have refused. */
static int
strangers_end(int which)
{
	int fd;

	client_unlock(which);
	if (seteuid(65534) == -1)
		err(1, "seteuid");
	fd = client_connect(which);
	if (seteuid(0) == -1)
		err(1, "seteuid");
	return (fd);
}

static void
intruder(enum intruder who, uint32_t type)
{
	static const char *const names[INTRUDERS] = {
		"a connection to the other socket",
		"a connection of network's own", "a connection of another uid"
	};
	const int     which = (type == IMSG_HELLO) == (who == WRONG_SOCKET);
	struct client c;

	/* Only outside its sandbox network can connect. */
	siege_begin(state_for(type), who != NETWORK_ITSELF, NULL,
	    "%s with message %u", names[who], type);
	if (who == NETWORK_ITSELF)
		c.fd = net_order(ORDER_CONNECT, (uint32_t)which);
	else
		c.fd = who == STRANGER ? strangers_end(which) :
					 client_connect(which);
	c.at = net_accept(which);
	descriptor_send(type, c.at);
	descriptor_hostile(type);
	client_leave(&c);
}

void
attack_descriptors(void)
{
	const unsigned int intruders = geteuid() == 0 ? INTRUDERS : STRANGER;
	unsigned int	   who;
	size_t		   i, j;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (j = 0; j < sizeof(types) / sizeof(types[0]); j++)
			foreign(&kinds[i], types[j]);
	}
	for (j = 0; j < sizeof(types) / sizeof(types[0]) - 1; j++) {
		for (who = 0; who < intruders; who++)
			intruder((enum intruder)who, types[j]);
	}
}
