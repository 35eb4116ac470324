/* SPDX-License-Identifier: ISC */
/*
 * Descriptors that network sends where none belongs, or that belong to nobody
 * who may ask: the vault must refuse each of them, and never block on one.
 */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <linux/userfaultfd.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "imsg.h"
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
OF(zero, open("/dev/zero", O_RDWR | O_CLOEXEC))
OF(null, open("/dev/null", O_RDWR | O_CLOEXEC))
OF(directory, open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC))
OF(path, open(".", O_PATH | O_CLOEXEC))
OF(terminal, posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC))
OF(fuse, open("/dev/fuse", O_RDWR | O_CLOEXEC))
OF(epoll, epoll_create1(EPOLL_CLOEXEC))
OF(event, eventfd(0, EFD_CLOEXEC))
OF(inotify, inotify_init1(IN_CLOEXEC))
OF(timer, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC))
OF(memfd, memfd_create("x", MFD_CLOEXEC))
OF(pidfd, pidfd_open(s.vault, 0))
OF(userfault, (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY))
OF(unbound, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))
OF(udp, socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))
OF(netlink, socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0))
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
of_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	return (signalfd(-1, &set, SFD_CLOEXEC));
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
OF(datagrams, of_pair(SOCK_DGRAM))
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
static int
of_tcp_itself(void)
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
 * which it never does.
 */
static int
of_tcp_lingering(void)
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
	other = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	return (fd);
}

/* A socket that sends the vault a signal when it becomes readable. */
static int
of_signalling(int sig)
{
	const int fd = of_stream();

	if (fcntl(fd, F_SETOWN, s.vault) == -1 ||
	    fcntl(fd, F_SETSIG, sig) == -1 || fcntl(fd, F_SETFL, O_ASYNC) == -1)
		return (-1);
	return (fd);
}

OF(sigio, of_signalling(SIGIO))

/* The client's end of a connection to the daemon. */
static int
of_clients_end(void)
{
	int at;

	other = siege_client(1, &at);
	return (at == -1 ? -1 : other);
}

static const struct kind {
	const char *name;
	int (*make)(void);
} kinds[] = { { "a file", of_file }, { "/dev/zero", of_zero },
	{ "/dev/null", of_null }, { "a directory", of_directory },
	{ "a path", of_path }, { "a terminal", of_terminal },
	{ "/dev/fuse", of_fuse }, { "a pipe", of_pipe },
	{ "an epoll", of_epoll }, { "an eventfd", of_event },
	{ "an inotify", of_inotify }, { "a timer", of_timer },
	{ "a signalfd", of_signals }, { "a memfd", of_memfd },
	{ "the vault's pidfd", of_pidfd }, { "a userfaultfd", of_userfault },
	{ "a socketpair", of_stream },
	{ "a datagram socketpair", of_datagrams },
	{ "a packet socketpair", of_packets },
	{ "a socket of nothing", of_unbound },
	{ "a connection by another name", of_another_name },
	{ "a UDP socket", of_udp }, { "a netlink socket", of_netlink },
	{ "a TCP listener", of_tcp_listener },
	{ "TCP, with itself", of_tcp_itself },
	{ "TCP, lingering", of_tcp_lingering },
	{ "a socket that signals", of_sigio },
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

static void
send_with(uint32_t type, int fd)
{
	const struct imsg_put	 put = { .size = 5, .name = "new" };
	const struct imsg_secret secret = { .name = NAME };
	const struct imsg_tether tether = { .name = "usb" };
	const uint32_t		 n = 1;

	if (type == IMSG_GET || type == IMSG_DEL)
		siege_say(type, PEER, &secret, sizeof(secret), fd);
	else if (type == IMSG_PUT)
		siege_say(type, PEER, &put, sizeof(put), fd);
	else if (type == IMSG_HOLD || type == IMSG_RELEASE)
		siege_say(type, PEER, &tether, sizeof(tether), fd);
	else
		siege_say(type, PEER, &n, type == IMSG_STATUS ? 0 : sizeof(n),
		    fd);
}

static void
foreign(const struct kind *kind, uint32_t type)
{
	int fd;

	/* Not every machine and user has this one. */
	if (kind->make == of_fuse && access("/dev/fuse", R_OK | W_OK) == -1)
		return;
	if (!siege_mine())
		return;
	siege_describe("%s with message %u", kind->name, type);
	siege_begin(state_for(type), true, NULL);
	other = -1;
	if ((fd = kind->make()) == -1)
		siege_fail("cannot be had: %s", strerror(errno));
	send_with(type, fd);
	attack_hostile(state_for(type));
	siege_clean(fd);
	siege_clean(other);
	close(fd);
	if (other != fd)
		close(other);
}

/*
 * Real connections of a client that may not ask for this.
 */

/* A connection to the other socket. */
static void
wrong_socket(uint32_t type)
{
	int at, client;

	if (!siege_mine())
		return;
	siege_describe("a connection to the other socket with message %u",
	    type);
	siege_begin(state_for(type), true, NULL);
	client = siege_client(type == IMSG_HELLO ? 1 : 0, &at);
	send_with(type, at);
	attack_hostile(state_for(type));
	siege_clean(client);
	close(client);
	close(at);
}

/* Network connects to the right socket itself, outside its sandbox. */
static void
own_connection(uint32_t type)
{
	const int which = type == IMSG_HELLO ? 0 : 1;
	int	  at, mine;

	if (!siege_mine())
		return;
	siege_describe("a connection of network's own with message %u", type);
	siege_begin(state_for(type), false, NULL);
	mine = siege_order(ORDER_CONNECT, (uint32_t)which);
	at = siege_accept(which);
	send_with(type, at);
	attack_hostile(state_for(type));
	siege_clean(mine);
	close(mine);
	close(at);
}

/* A connection of another user, which network should have refused. */
static void
strangers(uint32_t type)
{
	const int which = type == IMSG_HELLO ? 0 : 1;
	int	  at, client;

	if (!siege_mine())
		return;
	siege_describe("a connection of another uid with message %u", type);
	siege_begin(state_for(type), true, NULL);
	siege_unlock(which);
	if (seteuid(65534) == -1)
		err(1, "seteuid");
	client = siege_connect(which);
	if (seteuid(0) == -1)
		err(1, "seteuid");
	at = siege_accept(which);
	send_with(type, at);
	attack_hostile(state_for(type));
	siege_clean(client);
	close(client);
	close(at);
}

void
attack_descriptors(void)
{
	size_t i, j;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		for (j = 0; j < sizeof(types) / sizeof(types[0]); j++)
			foreign(&kinds[i], types[j]);
	}
	for (j = 0; j < sizeof(types) / sizeof(types[0]) - 1; j++) {
		wrong_socket(types[j]);
		own_connection(types[j]);
		if (geteuid() == 0)
			strangers(types[j]);
	}
}

/*
 * Descriptors on which a process can block.
 */

/* Sends descriptors of which the vault has the last copy when it runs. */
static void
only_the_vaults(uint32_t type, int *fds, unsigned int n)
{
	const struct imsg_secret secret = { .name = NAME };
	unsigned char		 bytes[256] = { 0 };
	const uint32_t		 size = type == IMSG_HELLO ? 16 :
		      type == IMSG_GET ? (uint32_t)(12 + sizeof(secret)) :
					 12;
	const uint32_t		 head[4] = { type, size, PEER, 1 };

	memcpy(bytes, head, sizeof(head));
	if (type == IMSG_GET)
		memcpy(bytes + 12, &secret, sizeof(secret));
	(void)kill(s.vault, SIGSTOP);
	siege_attack(bytes, size, fds, n);
	while (n > 0)
		close(fds[--n]);
	(void)siege_order(ORDER_DEAF, 0); /* it has closed its copies by then */
	siege_now();
	(void)kill(s.vault, SIGCONT);
}

static void
lingering(uint32_t type, unsigned int n)
{
	int	     fds[ORDER_FDS], others[ORDER_FDS];
	unsigned int i;

	if (!siege_mine())
		return;
	siege_describe("%u that linger with message %u", n, type);
	siege_begin(state_for(type), true, NULL);
	for (i = 0; i < n; i++) {
		if ((fds[i] = of_tcp_lingering()) == -1)
			siege_fail("cannot be had: %s", strerror(errno));
		others[i] = other;
	}
	only_the_vaults(type, fds, n);
	attack_hostile(state_for(type));
	while (i > 0)
		close(others[--i]);
}

/*
 * Starts a process that locks a TCP socket: it sends from a page that is
 * missing and that nobody provides.  Only root may do so.
 */
static pid_t
lock_by_page_fault(int fd)
{
	struct uffdio_api      api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	const pid_t	       pid = fork();
	void		      *page;
	int		       uffd;

	if (pid != 0)
		return (pid);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)page;
	reg.range.len = 4096;
	if (page == MAP_FAILED || uffd == -1 ||
	    ioctl(uffd, UFFDIO_API, &api) == -1 ||
	    ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
		_exit(1);
	(void)send(fd, page, 4096, 0);
	_exit(0);
}

/* Waits until the process sleeps in send(2), for the page. */
static void
wait_until_it_sleeps(pid_t pid)
{
	char	path[64], text[256];
	ssize_t n;
	int	fd, i;

	(void)snprintf(path, sizeof(path), "/proc/%ld/wchan", (long)pid);
	for (i = 0; i < 5000; i++) {
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
			break;
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, "userfault") != NULL)
			return;
		(void)usleep(1000);
	}
	siege_fail("no process waits for a page");
}

static void
locked(uint32_t type)
{
	pid_t pid;
	int   fd;

	if (!siege_mine())
		return;
	siege_describe("a socket that somebody has locked with message %u",
	    type);
	siege_begin(state_for(type), true, NULL);
	if ((fd = of_tcp_itself()) == -1 ||
	    (pid = lock_by_page_fault(fd)) == -1)
		siege_fail("cannot be had: %s", strerror(errno));
	wait_until_it_sleeps(pid);
	send_with(type, fd);
	attack_hostile(state_for(type));
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	close(fd);
}

void
attack_slow(void)
{
	static const uint32_t slow[] = { IMSG_STATUS, IMSG_GET, IMSG_HELLO };
	size_t		      i;

	for (i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		lingering(slow[i], 1);
		lingering(slow[i], 2);
	}
	lingering(IMSG_GET, 40);
	if (geteuid() != 0)
		return;
	locked(IMSG_GET);
	locked(IMSG_HELLO);
}
