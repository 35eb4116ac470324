/* SPDX-License-Identifier: ISC */
/*
 * talk: says and expects lines on a daemon's sockets, as its arguments tell it.
 * regress/README.md describes its options and commands.
 */
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "talk.h"

#define CONNS	 1300
#define RETRY_MS 10

static struct conn	  conns[CONNS];
static size_t		  nconns;
struct conn		 *cur;
static struct sockaddr_un addr = { .sun_family = AF_UNIX };
static int		  listener = -1;
int64_t			  patience = 10000;
int64_t			  deadline;
static int64_t		  marked;
const char		 *doing = "start";
char			**arg;
char			  bulk[BULK];

int64_t
talk_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

long
talk_number(const char *s)
{
	char *end;
	long  n = strtol(s, &end, 10);

	if (*s == '\0' || *end != '\0' || n < 0)
		errx(1, "%s: %s: not a number", doing, s);
	return (n);
}

/* Whether one of events comes at fd within ms, and before the deadline. */
bool
talk_ready(int fd, short events, int64_t ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int64_t	      left = deadline - talk_now();

	if (ms < left)
		left = ms;
	return (poll(&pfd, 1, left > 0 ? (int)left : 0) == 1);
}

/*
 * Connections.
 */

static void
adopt(int fd)
{
	if (fd == -1)
		err(1, "%s", doing);
	if (nconns == CONNS)
		errx(1, "%s: too many connections", doing);
	cur = &conns[nconns++];
	cur->fd = fd;
}

/*
 * Returns a new connection, or -1 with errno.  A send(2) on it that waits too
 * long fails.
 */
int
talk_reach(void)
{
	const struct timeval tv = { patience / 1000, patience % 1000 * 1000 };
	int		     fd, error;

	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == -1)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return (fd);
	error = errno;
	close(fd);
	errno = error;
	return (-1);
}

static void
set_address(const char *path)
{
	if (strlen(path) >= sizeof(addr.sun_path))
		errx(1, "%s: no socket can be there", path);
	memset(addr.sun_path, 0, sizeof(addr.sun_path));
	memcpy(addr.sun_path, path, strlen(path));
}

static void
do_connect(void)
{
	adopt(talk_reach());
}

static void
do_to(void)
{
	set_address(arg[0]);
	adopt(talk_reach());
}

/*
 * Makes the first connection.  patient: waits until a daemon listens.
 */
static void
open_first(bool patient)
{
	int fd;

	while ((fd = talk_reach()) == -1 && patient && talk_now() < deadline &&
	    (errno == ENOENT || errno == ECONNREFUSED))
		(void)poll(NULL, 0, RETRY_MS);
	adopt(fd);
}

static void
do_many(void)
{
	struct conn  *was = cur;
	struct rlimit rl;
	long	      n;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &rl);
	}
	for (n = talk_number(arg[0]); n > 0; n--)
		adopt(talk_reach());
	cur = was;
}

static void
do_accept(void)
{
	if (!talk_ready(listener, POLLIN, patience))
		errx(1, "%s: nobody came", doing);
	adopt(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
}

static void
do_use(void)
{
	const long n = talk_number(arg[0]);

	if ((size_t)n >= nconns)
		errx(1, "%s: there is no connection %ld", doing, n);
	cur = &conns[n];
}

static void
do_close(void)
{
	close(cur->fd);
	cur->fd = -1;
}

/* Sends the first len bytes of bulk with a descriptor; -1 with errno. */
static ssize_t
send_with(int fd, size_t len)
{
	union {
		struct cmsghdr align;
		char	       space[CMSG_SPACE(sizeof(int))];
	} control = { .space = "" };
	struct iovec	iov = { .iov_base = bulk, .iov_len = len };
	struct msghdr	msg = { .msg_iov = &iov,
		  .msg_iovlen = 1,
		  .msg_control = &control,
		  .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return (sendmsg(cur->fd, &msg, MSG_NOSIGNAL));
}

/* A byte with a descriptor, which the daemon has the kernel refuse. */
static void
do_pass(void)
{
	if (send_with(STDIN_FILENO, 1) != -1)
		errx(1, "%s: it was taken", doing);
	if (errno != EPERM)
		err(1, "%s", doing);
}

/* A line with a channel, as the vault says it; the channel is current then. */
static void
do_offer(void)
{
	const size_t len = strlen(arg[0]);
	int	     sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1)
		err(1, "%s", doing);
	memcpy(bulk, arg[0], len);
	bulk[len] = '\n';
	if (send_with(sv[1], len + 1) == -1)
		err(1, "%s", doing);
	close(sv[1]);
	adopt(sv[0]);
}

static void
do_shutwr(void)
{
	if (shutdown(cur->fd, SHUT_WR) == -1)
		err(1, "%s", doing);
}

/*
 * Processes, files and time.
 */

static void
do_echo(void)
{
	puts(arg[0]);
	(void)fflush(stdout);
}

static bool
file_has(const char *file, const char *text)
{
	FILE  *f;
	size_t n;

	if ((f = fopen(file, "re")) == NULL)
		return (false);
	n = fread(bulk, 1, BULK, f);
	(void)fclose(f);
	return (memmem(bulk, n, text, strlen(text)) != NULL);
}

static void
wait_for(const char *file, const char *text)
{
	while (!file_has(file, text)) {
		if (talk_now() >= deadline)
			errx(1, "%s: '%s' not in %s", doing, text, file);
		(void)poll(NULL, 0, RETRY_MS);
	}
}

static void
do_log(void)
{
	wait_for(arg[0], arg[1]);
}

/* After SIGSTOP, returns only when the process has stopped. */
static void
do_kill(void)
{
	const char *name;
	char	    status[64];
	int	    sig;

	for (sig = 1; sig < NSIG; sig++) {
		name = sigabbrev_np(sig);
		if (name != NULL && strcmp(name, arg[0]) == 0)
			break;
	}
	if (sig == NSIG || kill((pid_t)talk_number(arg[1]), sig) == -1)
		err(1, "%s %s %s", doing, arg[0], arg[1]);
	(void)snprintf(status, sizeof(status), "/proc/%s/status", arg[1]);
	if (sig == SIGSTOP)
		wait_for(status, "(stopped)");
}

static void
do_ended(void)
{
	int fd = pidfd_open((pid_t)talk_number(arg[0]), 0);

	if (fd == -1 && errno == ESRCH)
		return;
	if (fd == -1)
		err(1, "%s", doing);
	if (!talk_ready(fd, POLLIN, patience))
		errx(1, "%s: process %s lives", doing, arg[0]);
	close(fd);
}

static void
do_die(void)
{
	(void)raise(SIGKILL);
}

static void
do_mark(void)
{
	marked = talk_now();
}

/* Waits until so many ms after the mark. */
static void
do_at(void)
{
	int64_t left;

	while ((left = marked + talk_number(arg[0]) - talk_now()) > 0)
		(void)poll(NULL, 0, (int)left);
}

static void
do_within(void)
{
	if (talk_now() - marked > talk_number(arg[0]))
		errx(1, "%s %s: %lld ms have passed", doing, arg[0],
		    (long long)(talk_now() - marked));
}

static void
do_over(void)
{
	if (talk_now() - marked < talk_number(arg[0]))
		errx(1, "%s %s: only %lld ms have passed", doing, arg[0],
		    (long long)(talk_now() - marked));
}

static const struct command {
	const char *name;
	int	    nargs;
	bool	    alone; /* needs no connection */
	void (*run)(void);
} commands[] = { { "connect", 0, true, do_connect }, { "to", 1, true, do_to },
	{ "accept", 0, true, do_accept }, { "many", 1, true, do_many },
	{ "use", 1, true, do_use }, { "close", 0, false, do_close },
	{ "shutwr", 0, false, do_shutwr }, { "pass", 0, false, do_pass },
	{ "offer", 1, false, do_offer }, { "say", 1, false, do_say },
	{ "raw", 1, false, do_raw }, { "urgent", 1, false, do_urgent },
	{ "bytes", 1, false, do_bytes }, { "repeat", 2, false, do_repeat },
	{ "send-file", 1, false, do_send_file }, { "fill", 0, false, do_fill },
	{ "junk", 1, false, do_junk }, { "hammer", 0, true, do_hammer },
	{ "want", 1, false, do_want }, { "wantn", 2, false, do_wantn },
	{ "like", 1, false, do_like }, { "ask", 2, false, do_ask },
	{ "show", 0, false, do_show }, { "want-file", 1, false, do_want_file },
	{ "take", 1, false, do_take }, { "rest", 1, false, do_rest },
	{ "until", 1, false, do_until }, { "eof", 0, false, do_eof },
	{ "hold", 0, false, do_hold },
	{ "pong-under", 2, false, do_pong_under },
	{ "hello", 0, false, do_exchange }, { "ping", 0, false, do_exchange },
	{ "cancel", 0, false, do_exchange }, { "quit", 0, false, do_exchange },
	{ "get", 2, false, do_get }, { "put", 2, false, do_put },
	{ "echo", 1, true, do_echo }, { "die", 0, true, do_die },
	{ "kill", 2, true, do_kill }, { "log", 2, true, do_log },
	{ "ended", 1, true, do_ended }, { "mark", 0, true, do_mark },
	{ "at", 1, true, do_at }, { "within", 1, true, do_within },
	{ "over", 1, true, do_over } };

/* Runs the command at word, of n words left; returns how many it took. */
static int
command(char **word, int n)
{
	const struct command *c = commands;
	const struct command *end = c + sizeof(commands) / sizeof(*c);

	while (c < end && strcmp(c->name, word[0]) != 0)
		c++;
	if (c == end || c->nargs >= n)
		errx(1, "%s: no such command, or too few arguments", word[0]);
	doing = c->name;
	if (!c->alone && (cur == NULL || cur->fd == -1))
		errx(1, "%s: not connected", doing);
	deadline = talk_now() + patience;
	arg = word + 1;
	c->run();
	return (c->nargs + 1);
}

static void
open_listener(void)
{
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener == -1 ||
	    bind(listener, (struct sockaddr *)&addr, sizeof(addr)) == -1 ||
	    listen(listener, 8) == -1)
		err(1, "%s", addr.sun_path);
}

/* The other end of a log: reads it, or only holds it, until the writers end. */
static void
hold_log(int fd, bool reads)
{
	struct pollfd pfd = { .fd = fd, .events = reads ? POLLIN : 0 };
	ssize_t	      n;

	do {
		(void)poll(&pfd, 1, -1);
		n = reads ? read(fd, bulk, BULK) : 0;
		if (n > 0 && write(STDOUT_FILENO, bulk, (size_t)n) != n)
			err(1, "write");
	} while (n > 0);
	exit(0);
}

static void
become(char **argv, bool reads)
{
	int sp[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp) == -1)
		err(1, "socketpair");
	while (!reads && send(sp[0], bulk, 1, MSG_DONTWAIT) == 1)
		;
	switch (fork()) {
	case -1:
		err(1, "fork");
	case 0:
		close(sp[0]);
		hold_log(sp[1], reads);
	}
	if (dup2(sp[0], STDERR_FILENO) != -1)
		execv(argv[0], argv);
	exit(1);
}

/*
 * Receives datagrams at a path, whose @ in front is an abstract name, as a
 * service manager or syslogd would: count of them, or all if that is negative.
 */
static void
receive(const char *path, long count, bool reads)
{
	socklen_t len = sizeof(sa_family_t) + (socklen_t)strlen(path);
	ssize_t	  n;
	int	  fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	set_address(path);
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	else
		len++;
	if (fd == -1 || bind(fd, (struct sockaddr *)&addr, len) == -1)
		err(1, "%s", path);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	puts("listening");
	if (!reads)
		for (;;)
			(void)pause();
	for (; count != 0; count--) {
		if ((n = recv(fd, bulk, BULK, 0)) == -1)
			err(1, "recv");
		printf("%.*s\n", (int)n, bulk);
	}
	exit(0);
}

int
main(int argc, char *argv[])
{
	bool listens = false, patient = false;
	int  ch;

	while ((ch = getopt(argc, argv, "+d:D:lrw:xX")) != -1) {
		switch (ch) {
		case 'd':
		case 'D':
			receive(optarg,
			    argv[optind] != NULL ? talk_number(argv[optind]) :
						   -1,
			    ch == 'd');
			break;
		case 'l':
			listens = true;
			break;
		case 'r':
			patient = true;
			break;
		case 'w':
			patience = talk_number(optarg) * 1000;
			break;
		case 'x':
		case 'X':
			become(argv + optind, ch == 'x');
			break;
		default:
			errx(1, "usage: see the source");
		}
	}
	argc -= optind;
	argv += optind;
	if (argc < 1)
		errx(1, "no socket");
	set_address(argv[0]);
	deadline = talk_now() + patience;
	if (listens)
		open_listener();
	else if (strcmp(argv[0], "-") != 0)
		open_first(patient);
	for (argc--, argv++; argc > 0; argc -= ch, argv += ch)
		ch = command(argv, argc);
	return (0);
}
