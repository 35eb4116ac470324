/* SPDX-License-Identifier: ISC */
/*
 * talk: says and expects lines on a daemon's sockets, as its arguments tell it.
 * regress/README.md describes its options and commands.
 */
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CONNS	 1300
#define LINE	 8192
#define BULK	 (1 << 20) /* the most that one command says */
#define RETRY_MS 10
#define STUCK_MS 300 /* without room: the daemon takes no more */

struct conn {
	int    fd;
	size_t len;
	char   buf[LINE];
};

static struct conn	  conns[CONNS];
static size_t		  nconns;
static struct conn	 *cur; /* the connection in use */
static struct sockaddr_un addr = { .sun_family = AF_UNIX };
static int		  listener = -1;
static int64_t		  patience = 10000;
static int64_t		  deadline; /* of this command */
static int64_t		  marked;
static const char	 *doing = "start"; /* this command, */
static char		**arg;		   /* its arguments */
static char		  bulk[BULK];

static int64_t
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static long
number(const char *s)
{
	char *end;
	long  n = strtol(s, &end, 10);

	if (*s == '\0' || *end != '\0' || n < 0)
		errx(1, "%s: %s: not a number", doing, s);
	return (n);
}

/* Whether one of events comes at fd within ms, and before the deadline. */
static bool
ready(int fd, short events, int64_t ms)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int64_t	      left = deadline - now();

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
static int
reach(void)
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
	adopt(reach());
}

static void
do_to(void)
{
	set_address(arg[0]);
	adopt(reach());
}

/*
 * Makes the first connection.  patient: waits until a daemon listens.
 */
static void
open_first(bool patient)
{
	int fd;

	while ((fd = reach()) == -1 && patient && now() < deadline &&
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
	for (n = number(arg[0]); n > 0; n--)
		adopt(reach());
	cur = was;
}

static void
do_accept(void)
{
	if (!ready(listener, POLLIN, patience))
		errx(1, "%s: nobody came", doing);
	adopt(accept4(listener, NULL, NULL, SOCK_CLOEXEC));
}

static void
do_use(void)
{
	const long n = number(arg[0]);

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
 * Saying.
 */

/*
 * A daemon that has closed is no failure of ours: "want" or "eof" will see it.
 */
static void
put(const char *buf, size_t len)
{
	ssize_t n;

	for (; len > 0; buf += n, len -= (size_t)n) {
		n = send(cur->fd, buf, len, MSG_NOSIGNAL);
		if (n == -1 && (errno == EPIPE || errno == ECONNRESET))
			return;
		if (n == -1)
			err(1, "%s: %zu bytes not taken", doing, len);
	}
}

/* Undoes \n \r \t \0 \\ and \xNN of s into bulk at len; returns the new len. */
static size_t
unescape(const char *s, size_t len)
{
	static const char from[] = "nrt0\\", to[] = "\n\r\t\0\\";
	const char	 *p;
	char		  hex[3] = "";

	for (; *s != '\0' && len < BULK; s++) {
		if (*s != '\\') {
			bulk[len++] = *s;
		} else if (*++s == 'x' && isxdigit((unsigned char)s[1]) &&
		    isxdigit((unsigned char)s[2])) {
			hex[0] = *++s;
			hex[1] = *++s;
			bulk[len++] = (char)strtol(hex, NULL, 16);
		} else if (*s != '\0' && (p = strchr(from, *s)) != NULL) {
			bulk[len++] = to[p - from];
		} else {
			errx(1, "%s: bad escape", doing);
		}
	}
	if (len == BULK)
		errx(1, "%s: too much", doing);
	return (len);
}

static void
say(const char *line)
{
	const int len = snprintf(bulk, BULK, "%s\n", line);

	put(bulk, (size_t)len);
}

static void
do_say(void)
{
	say(arg[0]);
}

static void
do_raw(void)
{
	put(bulk, unescape(arg[0], 0));
}

/* Out of band, where sockets of this kind have that (Linux 5.15). */
static void
do_urgent(void)
{
	if (send(cur->fd, arg[0], 1, MSG_OOB | MSG_NOSIGNAL) != 1 &&
	    errno != EOPNOTSUPP)
		err(1, "%s", doing);
}

/* Byte by byte. */
static void
do_bytes(void)
{
	const size_t len = unescape(arg[0], 0);
	size_t	     i;

	for (i = 0; i < len; i++)
		put(bulk + i, 1);
}

static void
do_repeat(void)
{
	size_t len = 0;
	long   n;

	for (n = number(arg[0]); n > 0; n--)
		len = unescape(arg[1], len);
	put(bulk, len);
}

/* Returns the bytes of file, which stay; *len is their number. */
static const char *
contents(const char *file, size_t *len)
{
	int	    fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void	   *map;

	if (fd == -1 || fstat(fd, &st) == -1)
		err(1, "%s: %s", doing, file);
	*len = (size_t)st.st_size;
	map = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		err(1, "%s: %s", doing, file);
	close(fd);
	return (map);
}

static void
do_send_file(void)
{
	size_t	    len;
	const char *bytes = contents(arg[0], &len);

	put(bytes, len);
}

/* Sends PINGs until the daemon takes no more, and reads no answer. */
static void
do_fill(void)
{
	size_t	len = 0, at = 0;
	ssize_t n;

	while (len < LINE)
		len = unescape("PING\\n", len);
	while (ready(cur->fd, POLLOUT, STUCK_MS)) {
		n = send(cur->fd, bulk + at, len - at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN)
			err(1, "%s", doing);
		at = (at + (n > 0 ? (size_t)n : 0)) % len;
	}
	if (now() >= deadline)
		errx(1, "%s: it takes all of them", doing);
}

/*
 * Sends n bytes of noise, the same every time, and drops the answers.
 */
static void
do_junk(void)
{
	uint32_t x = 2463534242U;
	long	 left = number(arg[0]);
	ssize_t	 n;
	size_t	 i;
	char	 answer[LINE];

	while (left > 0) {
		for (i = 0; i < LINE; i++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			bulk[i] = (char)(x % 8 == 0 ? '\n' : x >> 24);
		}
		if (!ready(cur->fd, POLLIN | POLLOUT, patience))
			errx(1, "%s: %ld bytes not taken", doing, left);
		while (recv(cur->fd, answer, LINE, MSG_DONTWAIT) > 0)
			;
		n = send(cur->fd, bulk, left < LINE ? (size_t)left : LINE,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN)
			err(1, "%s", doing);
		left -= n > 0 ? n : 0;
	}
}

/* Connects, talks and closes, for as long as somebody listens. */
static void
do_hammer(void)
{
	int fd;

	while ((fd = reach()) != -1) {
		(void)send(fd, "HELLO\nPING\n", 11,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
	}
}

/*
 * Expecting.
 */

/* Returns the next line, valid until the next call; NULL at the end. */
static const char *
next_line(void)
{
	static char line[LINE];
	char	   *end;
	ssize_t	    n;
	size_t	    used;

	while ((end = memchr(cur->buf, '\n', cur->len)) == NULL) {
		if (!ready(cur->fd, POLLIN, patience))
			errx(1, "%s: nothing came", doing);
		n = recv(cur->fd, cur->buf + cur->len, LINE - cur->len, 0);
		if (n == 0 || (n == -1 && errno == ECONNRESET))
			return (NULL);
		if (n == -1)
			err(1, "%s", doing);
		cur->len += (size_t)n;
	}
	*end = '\0';
	used = (size_t)(end - cur->buf) + 1;
	memcpy(line, cur->buf, used);
	cur->len -= used;
	memmove(cur->buf, cur->buf + used, cur->len);
	return (line);
}

/* Returns the next line; fails, as text is wanted, if there is none. */
static const char *
line_for(const char *text)
{
	const char *line = next_line();

	if (line == NULL)
		errx(1, "%s: wanted '%s', got the end", doing, text);
	return (line);
}

static void
want(const char *text)
{
	const char *line = line_for(text);

	if (strcmp(line, text) != 0)
		errx(1, "%s: wanted '%s', got '%s'", doing, text, line);
}

static void
do_want(void)
{
	want(arg[0]);
}

static void
do_wantn(void)
{
	long n;

	for (n = number(arg[0]); n > 0; n--)
		want(arg[1]);
}

/* Drops lines up to the one that is wanted. */
static void
do_until(void)
{
	while (strcmp(line_for(arg[0]), arg[0]) != 0)
		;
}

static void
do_like(void)
{
	const char *line = line_for(arg[0]);

	if (fnmatch(arg[0], line, 0) != 0)
		errx(1, "%s: wanted '%s', got '%s'", doing, arg[0], line);
}

static void
do_ask(void)
{
	const char *line;

	for (;;) {
		say(arg[0]);
		line = line_for(arg[1]);
		if (fnmatch(arg[1], line, 0) == 0)
			return;
		if (now() + RETRY_MS >= deadline)
			errx(1, "%s: wanted '%s', got '%s'", doing, arg[1],
			    line);
		(void)poll(NULL, 0, RETRY_MS);
	}
}

static void
do_show(void)
{
	puts(line_for("a line"));
	(void)fflush(stdout);
}

/*
 * Reads at most most bytes into bulk.  Returns how many; 0 at the end.
 */
static size_t
next_bytes(size_t most)
{
	ssize_t n;

	if (most > BULK)
		most = BULK;
	if (cur->len > 0) {
		if (most > cur->len)
			most = cur->len;
		memcpy(bulk, cur->buf, most);
		cur->len -= most;
		memmove(cur->buf, cur->buf + most, cur->len);
		return (most);
	}
	if (!ready(cur->fd, POLLIN, patience))
		errx(1, "%s: nothing came", doing);
	n = recv(cur->fd, bulk, most, 0);
	if (n == -1 && errno != ECONNRESET)
		err(1, "%s", doing);
	return (n > 0 ? (size_t)n : 0);
}

/* Wants len bytes, those at bytes if that is not NULL. */
static void
want_bytes(const char *bytes, size_t len)
{
	size_t n, done;

	for (done = 0; done < len; done += n) {
		if ((n = next_bytes(len - done)) == 0)
			errx(1, "%s: got the end, %zu of %zu bytes before it",
			    doing, done, len);
		if (bytes != NULL && memcmp(bulk, bytes + done, n) != 0)
			errx(1, "%s: other bytes behind the first %zu", doing,
			    done);
	}
}

static void
do_want_file(void)
{
	size_t	    len;
	const char *bytes = contents(arg[0], &len);

	want_bytes(bytes, len);
}

static void
do_take(void)
{
	want_bytes(NULL, (size_t)number(arg[0]));
}

static void
do_rest(void)
{
	FILE  *f = fopen(arg[0], "we");
	size_t n;

	if (f == NULL)
		err(1, "%s: %s", doing, arg[0]);
	while ((n = next_bytes(BULK)) > 0) {
		if (fwrite(bulk, 1, n, f) != n)
			err(1, "%s: %s", doing, arg[0]);
	}
	if (fclose(f) != 0)
		err(1, "%s: %s", doing, arg[0]);
}

static void
do_eof(void)
{
	const char *line = next_line();

	if (line != NULL)
		errx(1, "%s: wanted the end, got '%s'", doing, line);
}

/* Waits for the end without a limit, and drops what comes before. */
static void
do_hold(void)
{
	deadline = INT64_MAX;
	patience = INT32_MAX;
	while (next_line() != NULL)
		;
}

static void
do_pong_under(void)
{
	const long most = number(arg[0]);
	int64_t	   asked, took;
	long	   n;

	for (n = number(arg[1]); n > 0; n--) {
		asked = now();
		put("PING\n", 5);
		want("PONG");
		took = now() - asked;
		if (took >= most)
			errx(1, "%s: PONG took %lld ms", doing,
			    (long long)took);
		deadline = now() + patience;
	}
}

/*
 * The most frequent dialogues.
 */

static void
exchange(const char *line, const char *answer)
{
	say(line);
	want(answer);
}

/* hello, ping, cancel, quit */
static void
do_exchange(void)
{
	static const char *const words[][3] = {
		{ "hello", "HELLO 1", "WELCOME" }, { "ping", "PING", "PONG" },
		{ "cancel", "CANCEL", "CANCELLED" }, { "quit", "QUIT", "BYE" }
	};
	size_t i = 0;

	while (strcmp(words[i][0], doing) != 0)
		i++;
	exchange(words[i][1], words[i][2]);
	if (strcmp(doing, "quit") == 0)
		do_eof();
}

/* GET of a secret whose bytes are those of a file. */
static void
do_get(void)
{
	size_t	    len;
	const char *bytes = contents(arg[1], &len);
	char	    line[LINE], answer[32];

	(void)snprintf(line, sizeof(line), "GET %s", arg[0]);
	(void)snprintf(answer, sizeof(answer), "DATA %zu", len);
	exchange(line, answer);
	want_bytes(bytes, len);
}

/* PUT of the bytes of a file, under the name arg[0] and with options there. */
static void
do_put(void)
{
	size_t	    len;
	const char *bytes = contents(arg[1], &len);
	const int   name = (int)strcspn(arg[0], " ");
	char	    line[LINE];

	(void)snprintf(line, sizeof(line), "PUT %.*s %zu%s", name, arg[0], len,
	    arg[0] + name);
	exchange(line, "GO");
	put(bytes, len);
	want("OK");
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
		if (now() >= deadline)
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
	if (sig == NSIG || kill((pid_t)number(arg[1]), sig) == -1)
		err(1, "%s %s %s", doing, arg[0], arg[1]);
	(void)snprintf(status, sizeof(status), "/proc/%s/status", arg[1]);
	if (sig == SIGSTOP)
		wait_for(status, "(stopped)");
}

static void
do_ended(void)
{
	int fd = pidfd_open((pid_t)number(arg[0]), 0);

	if (fd == -1 && errno == ESRCH)
		return;
	if (fd == -1)
		err(1, "%s", doing);
	if (!ready(fd, POLLIN, patience))
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
	marked = now();
}

/* Waits until so many ms after the mark. */
static void
do_at(void)
{
	int64_t left;

	while ((left = marked + number(arg[0]) - now()) > 0)
		(void)poll(NULL, 0, (int)left);
}

static void
do_within(void)
{
	if (now() - marked > number(arg[0]))
		errx(1, "%s %s: %lld ms have passed", doing, arg[0],
		    (long long)(now() - marked));
}

static void
do_over(void)
{
	if (now() - marked < number(arg[0]))
		errx(1, "%s %s: only %lld ms have passed", doing, arg[0],
		    (long long)(now() - marked));
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
	deadline = now() + patience;
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
			    argv[optind] != NULL ? number(argv[optind]) : -1,
			    ch == 'd');
			break;
		case 'l':
			listens = true;
			break;
		case 'r':
			patient = true;
			break;
		case 'w':
			patience = number(optarg) * 1000;
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
	deadline = now() + patience;
	if (listens)
		open_listener();
	else if (strcmp(argv[0], "-") != 0)
		open_first(patient);
	for (argc--, argv++; argc > 0; argc -= ch, argv += ch)
		ch = command(argv, argc);
	return (0);
}
