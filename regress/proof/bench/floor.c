/* SPDX-License-Identifier: ISC */
/*
 * The least program that does dazaid's work, to measure dazaid against.
 *
 * usage: floor 1|2 SOCK BYTES [duties|sealed|many|again], floor get SOCK
 *
 * It holds BYTES in memfd_secret(2) memory, guards, answers and dies as dazaid
 * does, and does nothing else: no checks, limits, sandbox, log or clean-up; it
 * expects whole lines.
 *
 * 1: one process, which polls its client, wipes and kills itself.
 * 2: a relay with the clients, a socketpair, and that process.  As in dazaid,
 * the bytes of a GET go to the client's own descriptor.
 *
 * With duties it does what dazaid must do at its end as well: its memory is
 * locked, three files, of which it watches two, are removed, and one line is
 * written.  That shows how much of the difference is due to these.
 *
 * With sealed its memory is inaccessible but for a GET, and the bytes of that
 * go over a socket that network never has, as dazaid's do.  It cannot be wiped
 * then.  many is the same, with room for many clients.
 *
 * With the word "again", the memory is locked, and the relay is a process that
 * has called exec(3), so that it has addresses of its own.
 *
 * get prints what the floor at SOCK holds, and overwrites the kernel's buffers.
 *
 * Both wait with poll(2), because such a program has more than one event to
 * wait for.
 */
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNS	   4	/* clients at a time, ... */
#define MANY	   512	/* ... with many */
#define BATCH	   8192 /* bytes read at once */
#define PING_BYTES 5
#define AGAIN_FD   3 /* the listening socket of a relay that is executed */

enum { PFD_LISTENER, PFD_PAIR, PFD_CONNS };

struct msg {
	char what; /* the first letter of a line; 0: heartbeat lost */
	int  conn;
	int  count; /* of PINGs */
};

union control {
	struct cmsghdr align;
	char	       space[CMSG_SPACE(sizeof(int))];
};

static unsigned char *memory;
static size_t	      size;
static struct pollfd  pfd[PFD_CONNS + MANY];
static int	      conns = CONNS;
static int	      heartbeat = -1;
static int  pair = -1;	   /* to the other process; -1: there is one only */
static char files[3][128]; /* to be removed, with duties */
static int  sealed;	   /* whether it is */

static void
take_duties(const char *path)
{
	static const char *const suffixes[] = { "", ".ctl", ".pid" };
	const int		 watch = inotify_init1(IN_CLOEXEC);
	int			 i;

	for (i = 0; i < 3; i++)
		(void)snprintf(files[i], sizeof(files[i]), "%s%s", path,
		    suffixes[i]);
	for (i = 1; i < 3; i++)
		close(open(files[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	for (i = 0; i < 2; i++)
		(void)inotify_add_watch(watch, files[i],
		    IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF);
	if (mlockall(MCL_CURRENT | MCL_ONFAULT) == -1)
		err(1, "mlockall");
}

static void
fulfil(void)
{
	static const char line[] =
	    "PANIC: heartbeat connection dropped: secrets "
	    "wiped, SIGKILL\n";
	int i;

	for (i = 0; i < 3; i++)
		(void)unlink(files[i]);
	(void)!write(STDERR_FILENO, line, sizeof(line) - 1);
}

static void
seal(int prot)
{
	if (mprotect(memory, size, prot) == -1)
		err(1, "mprotect");
}

static void
die(int sig)
{
	(void)sig;
	/* NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c) */
	explicit_bzero(memory, size);
	if (files[0][0] != '\0')
		fulfil();
	(void)kill(getpid(), SIGKILL);
}

static void
hold(void)
{
	const int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);

	if (fd == -1 || ftruncate(fd, (off_t)size) == -1)
		err(1, "memfd_secret");
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		err(1, "mmap");
	close(fd);
	memset(memory, 'x', size);
}

static struct sockaddr_un
address(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(sun.sun_path))
		errx(1, "%s: too long", path);
	memcpy(sun.sun_path, path, strlen(path));
	return (sun);
}

static void
listen_at(const char *path)
{
	struct sockaddr_un sun = address(path);

	pfd[PFD_LISTENER].fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(pfd[PFD_LISTENER].fd, (struct sockaddr *)&sun, sizeof(sun)) ==
		-1 ||
	    listen(pfd[PFD_LISTENER].fd, 128) == -1)
		err(1, "%s", path);
}

/* Sends text on fd, and a descriptor with it, if that is not -1. */
static void
send_with(int fd, struct iovec *text, int descriptor)
{
	union control	control;
	struct msghdr	hdr = { .msg_iov = text, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;

	if (descriptor != -1) {
		memset(&control, 0, sizeof(control));
		hdr.msg_control = &control;
		hdr.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&hdr);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &descriptor, sizeof(int));
	}
	if (sendmsg(fd, &hdr, MSG_NOSIGNAL) == -1)
		_exit(0);
}

/* A GET over a channel; the last one is closed with the next GET. */
static void
serve_sealed(int fd, struct iovec *head)
{
	static int channel[2] = { -1, -1 };

	close(channel[0]);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) == -1)
		err(1, "socketpair");
	send_with(fd, head, channel[1]);
	close(channel[1]);
	seal(PROT_READ | PROT_WRITE);
	(void)send(channel[0], memory, size, MSG_NOSIGNAL);
	seal(PROT_NONE);
}

/* What the process with the memory does for a client; fd: for a GET. */
static void
serve(const struct msg *m, int fd)
{
	char	     head[32];
	struct iovec iov[2];

	if (m->what == '\0')
		die(0);
	if (m->what != 'G')
		return;
	iov[0].iov_base = head;
	iov[0].iov_len = (size_t)snprintf(head, sizeof(head), "DATA %zu\n",
	    size);
	if (sealed) {
		serve_sealed(fd, iov);
		return;
	}
	iov[1].iov_base = memory;
	iov[1].iov_len = size;
	if (writev(fd, iov, 2) == -1)
		warn("GET");
}

/* The answer to a client. */
static void
answer(const struct msg *m)
{
	static const char pong[PING_BYTES] = { 'P', 'O', 'N', 'G', '\n' };
	static char	  pongs[BATCH];
	const int	  fd = pfd[PFD_CONNS + m->conn].fd;
	const size_t	  len = (size_t)m->count * PING_BYTES;
	size_t		  i;

	if (m->what == 'H' && heartbeat == -1) {
		heartbeat = m->conn;
		(void)send(fd, "WELCOME\n", 8, MSG_NOSIGNAL);
	} else if (m->what == 'P') {
		for (i = 0; i < len; i += PING_BYTES)
			memcpy(pongs + i, pong, PING_BYTES);
		(void)send(fd, pongs, len, MSG_NOSIGNAL);
	}
}

/* Sends a message to the other process, with fd for a GET. */
static void
pass(const struct msg *m, int fd)
{
	struct msg   copy = *m;
	struct iovec iov = { .iov_base = &copy, .iov_len = sizeof(copy) };

	send_with(pair, &iov, fd);
}

/* Receives at most so many bytes, with a descriptor or -1. */
static int
receive(int from, void *bytes, size_t most)
{
	union control	control;
	struct iovec	iov = { .iov_base = bytes, .iov_len = most };
	struct msghdr	hdr = { .msg_iov = &iov,
		  .msg_iovlen = 1,
		  .msg_control = &control,
		  .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	int		fd = -1;

	if (recvmsg(from, &hdr, MSG_CMSG_CLOEXEC) <= 0)
		_exit(0);
	if ((cmsg = CMSG_FIRSTHDR(&hdr)) != NULL)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	return (fd);
}

/* Receives a message of the other process, with a descriptor or -1. */
static int
take(struct msg *m)
{
	return (receive(pair, m, sizeof(*m)));
}

static void
newcomer(void)
{
	const int fd = accept4(pfd[PFD_LISTENER].fd, NULL, NULL, SOCK_CLOEXEC);
	int	  i;

	for (i = 0; i < conns; i++) {
		if (pfd[PFD_CONNS + i].fd == -1) {
			pfd[PFD_CONNS + i].fd = fd;
			return;
		}
	}
	close(fd);
}

static void
client(int conn)
{
	static char   buf[BATCH];
	const int     fd = pfd[PFD_CONNS + conn].fd;
	struct msg    m = { .conn = conn };
	const ssize_t n = recv(fd, buf, sizeof(buf), 0);

	if (n <= 0) {
		close(fd);
		pfd[PFD_CONNS + conn].fd = -1;
		if (conn != heartbeat)
			return;
	} else {
		m.what = buf[0];
		m.count = (int)(n / PING_BYTES);
	}
	if (pair != -1) {
		pass(&m, m.what == 'G' ? fd : -1);
		return;
	}
	serve(&m, fd);
	answer(&m);
}

/* The process with the clients. */
static void
front(void)
{
	struct msg m;
	int	   i;

	pfd[PFD_PAIR].fd = pair;
	for (i = 0; i < conns; i++)
		pfd[PFD_CONNS + i].fd = -1;
	for (i = 0; i < PFD_CONNS + conns; i++)
		pfd[i].events = POLLIN;
	for (;;) {
		if (poll(pfd, PFD_CONNS + (nfds_t)conns, -1) == -1)
			continue;
		if (pfd[PFD_PAIR].revents != 0) {
			(void)take(&m);
			answer(&m);
		}
		for (i = 0; i < conns; i++) {
			if (pfd[PFD_CONNS + i].revents != 0)
				client(i);
		}
		if (pfd[PFD_LISTENER].revents != 0)
			newcomer();
	}
}

/* The process with the memory. */
static void
back(void)
{
	struct pollfd p = { .fd = pair, .events = POLLIN };
	struct msg    m;
	int	      fd;

	for (;;) {
		if (poll(&p, 1, -1) == -1)
			continue;
		fd = take(&m);
		serve(&m, fd);
		if (fd != -1)
			close(fd);
		else
			pass(&m, -1);
	}
}

/* Executes this program again as the relay, which gets the sockets only. */
static void
again(void)
{
	if (dup2(pfd[PFD_LISTENER].fd, AGAIN_FD) == -1 ||
	    dup2(pair, AGAIN_FD + 1) == -1)
		err(1, "dup2");
	(void)fcntl(AGAIN_FD, F_SETFD, 0);
	(void)fcntl(AGAIN_FD + 1, F_SETFD, 0);
	(void)execl("/proc/self/exe", "floor", "again", (char *)NULL);
	err(1, "/proc/self/exe");
}

/* Fills a socket with messages of len bytes, as dazaictl does after a GET. */
static void
overwrite(size_t len)
{
	static const char zeros[BATCH];
	int		  sp[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sp) == -1)
		err(1, "socketpair");
	while (send(sp[0], zeros, len, MSG_NOSIGNAL) > 0)
		continue;
}

/* Prints the secret, which comes over a channel. */
static void
get(const char *path)
{
	const struct sockaddr_un sun = address(path);
	static char		 buf[BATCH];
	const int		 fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ssize_t			 n;
	int			 channel;

	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1, "%s", path);
	(void)send(fd, "GET\n", 4, MSG_NOSIGNAL);
	if ((channel = receive(fd, buf, sizeof(buf))) == -1)
		errx(1, "%s: not sealed", path);
	n = recv(channel, buf, sizeof(buf), 0);
	if (n <= 0 || write(STDOUT_FILENO, buf, (size_t)n) != n)
		err(1, "GET");
	overwrite((size_t)n);
}

int
main(int argc, char *argv[])
{
	const char *how;
	int	    sp[2];

	if (argc == 3 && strcmp(argv[1], "get") == 0) {
		get(argv[2]);
		return (0);
	}
	if (argc == 2 && strcmp(argv[1], "again") == 0) {
		pfd[PFD_LISTENER].fd = AGAIN_FD;
		pair = AGAIN_FD + 1;
		front();
	}
	if (argc < 4 || argc > 5 || (size = strtoul(argv[3], NULL, 10)) == 0)
		errx(1,
		    "usage: floor 1|2 SOCK BYTES "
		    "[duties|sealed|many|again], floor get SOCK");
	how = argc == 5 ? argv[4] : "";
	if (strcmp(how, "many") == 0)
		conns = MANY;
	listen_at(argv[2]);
	if (argv[1][0] == '2') {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) ==
		    -1)
			err(1, "socketpair");
		switch (fork()) {
		case -1:
			err(1, "fork");
		case 0:
			close(sp[0]);
			pair = sp[1];
			if (strcmp(how, "again") == 0)
				again();
			front();
		}
		close(sp[1]);
		close(pfd[PFD_LISTENER].fd);
		pair = sp[0];
	}
	hold();
	sealed = strcmp(how, "sealed") == 0 || conns == MANY;
	if (sealed)
		seal(PROT_NONE);
	if (strcmp(how, "duties") == 0)
		take_duties(argv[2]);
	if (strcmp(how, "again") == 0 &&
	    mlockall(MCL_CURRENT | MCL_ONFAULT) == -1)
		err(1, "mlockall");
	(void)signal(SIGUSR2, die);
	if (pair != -1)
		back();
	front();
}
