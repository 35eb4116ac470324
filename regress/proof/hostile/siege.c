/* SPDX-License-Identifier: ISC */
/*
 * Starts one daemon after another, brings it to a state, and judges what an
 * attack did to it.  Several processes share the attempts.
 *
 * "Within 100 ms" is the vault's own time.  The time in which the vault,
 * network and this process were ready to run and had no processor
 * (/proc/PID/schedstat) is subtracted: on a busy machine it can be anything.
 * Time that the vault spends waiting counts, also for a kernel lock whose
 * holder has no processor. For that each attempt has an allowance, but the
 * median of all has none.
 */
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"
#include "packet.h"
#include "siege.h"

#define PATIENCE_MS  20000 /* for what must come; a machine can be busy */
#define ALLOWANCE_MS 1900
#define ARGS	     16
#define ATTEMPTS     8192

const char  *state_names[STATES] = { "starting", "loading", "unguarded",
	 "unguarded, armed", "guarded", "guarded, armed", "pending", "dropped",
	 "PUT under way", "GET under way" };
struct siege s;

static struct packet packet;
static char	     doing[512];
static unsigned int said[IMSG_TYPES]; /* messages of the vault, not taken yet */
static uint32_t	    number[IMSG_TYPES]; /* the last one's */
static unsigned int share, shares = 1, turn;

/* What a process has seen, in memory that all of them share. */
struct seen {
	unsigned int attempts;
	int64_t	     worst;
	char	     worst_of[sizeof(doing)];
	size_t	     ntimes;
	int64_t	     times[ATTEMPTS]; /* us; of those within 100 ms */
};

static struct seen *seen, *mine;

void
siege_describe(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(doing, sizeof(doing), fmt, ap);
	va_end(ap);
}

/* Reads more of the log; false at its end. */
static bool
more_log(void)
{
	ssize_t n;

	n = read(s.log, s.text + s.text_len, sizeof(s.text) - 1 - s.text_len);
	if (n > 0)
		s.text_len += (size_t)n;
	s.text[s.text_len] = '\0';
	return (n > 0);
}

void
siege_fail(const char *fmt, ...)
{
	va_list ap;

	while (more_log())
		;
	printf("%s: ", doing);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	printf("\n%s", s.text);
	(void)fflush(stdout);
	if (s.vault > 0)
		(void)kill(s.vault, SIGKILL);
	_exit(1);
}

/*
 * Attempts.
 */

/* Returns whether this process does the next attempt. */
bool
siege_mine(void)
{
	return (turn++ % shares == share);
}

/* Forks into n processes; siege_report() in the last waits for the others. */
void
siege_share(unsigned int n)
{
	(void)fflush(stdout);
	shares = n;
	seen = mmap(NULL, n * sizeof(*seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		err(1, "mmap");
	for (share = 0; share < n - 1; share++) {
		const pid_t pid = fork();

		if (pid == -1)
			err(1, "fork");
		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			break;
		}
	}
	mine = seen + share;
	/* The parent of network, when the vault has ended. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static int
by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

/* Adds what the other processes have seen to what this one has. */
static void
gather(void)
{
	const struct seen *other;
	size_t		   i;

	for (other = seen; other < seen + shares - 1; other++) {
		mine->attempts += other->attempts;
		for (i = 0; i < other->ntimes && mine->ntimes < ATTEMPTS; i++)
			mine->times[mine->ntimes++] = other->times[i];
		if (other->worst > mine->worst) {
			mine->worst = other->worst;
			memcpy(mine->worst_of, other->worst_of, sizeof(doing));
		}
	}
}

/* Ends this process; the last one with a summary of all attempts. */
void
siege_report(const char *what)
{
	size_t late;
	int    status, bad = 0;

	if (share < shares - 1)
		exit(0);
	while (wait(&status) != -1)
		bad |= status != 0;
	gather();
	qsort(mine->times, mine->ntimes, sizeof(mine->times[0]), by_time);
	late = mine->ntimes;
	while (late > 0 && mine->times[late - 1] > INT64_C(100000))
		late--;
	printf("%s: %u attempts, median %lld us, %zu of %zu after more than "
	       "100 ms, at most %lld us (%s)\n",
	    what, mine->attempts, (long long)mine->times[mine->ntimes / 2],
	    mine->ntimes - late, mine->ntimes, (long long)mine->worst,
	    mine->worst_of);
	(void)fflush(stdout);
	if (mine->times[mine->ntimes / 2] > INT64_C(100000))
		siege_fail("the median is above 100 ms");
	exit(bad);
}

/*
 * Time.
 */

static int64_t
delay(pid_t pid)
{
	char	      path[64], text[128] = "", *at;
	unsigned long ns = 0;
	ssize_t	      n;
	int	      fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/schedstat", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return (0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n > 0 && (at = strchr(text, ' ')) != NULL)
		ns = strtoul(at, NULL, 10);
	return ((int64_t)(ns / 1000));
}

/*
 * Returns how long the vault, network and this process have waited for a
 * processor, in microseconds.  Network's last number stays when it has ended.
 */
int64_t
siege_delays(void)
{
	const int64_t network = delay(s.network);

	if (network > s.network_delayed)
		s.network_delayed = network;
	return (delay(s.vault) + s.network_delayed + delay(getpid()));
}

void
siege_since(int64_t began, int64_t delayed)
{
	s.began = began;
	s.delayed = delayed;
}

/* The attack begins now. */
void
siege_now(void)
{
	siege_since(packet_now(), siege_delays());
}

/*
 * Orders to network, and what it reports.
 */

/* Fails if the secret is in bytes, which nobody may see. */
static void
unseen(const unsigned char *bytes, size_t len, const char *where)
{
	if (memmem(bytes, len, SECRET, 8) != NULL)
		siege_fail("THE SECRET %s", where);
}

static void
vault_said(void)
{
	uint32_t type;

	unseen(packet.bytes, packet.len, "was told to network");
	memcpy(&type, packet.bytes, sizeof(type));
	if (packet.len < 3 * sizeof(type) || type >= IMSG_TYPES)
		siege_fail("the vault said nonsense");
	said[type]++;
	memcpy(&number[type], packet.bytes + 3 * sizeof(type), sizeof(type));
	if (type == IMSG_LISTENER && packet.nfds == 1) {
		s.listeners[number[type] != 0] = packet.fds[0];
		packet.nfds = 0;
	}
	packet_close(&packet);
}

static bool
readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return (poll(&pfd, 1, ms) == 1);
}

/* Receives one report of network's; false if network has ended. */
static bool
hear(int ms)
{
	if (!readable(s.orders, ms))
		siege_fail("nothing is heard from network");
	if (packet_recv(s.orders, &packet, 1, 0) <= 0)
		return (false);
	if (packet.head.what == NEWS_VAULT)
		vault_said();
	return (true);
}

static void
hear_until(enum news what)
{
	do {
		if (!hear(PATIENCE_MS))
			siege_fail("network is gone");
	} while (packet.head.what != what);
}

static void
order(uint32_t what, uint32_t arg, const void *bytes, size_t len,
    const int *fds, unsigned int nfds)
{
	packet.head = (struct order_head){ what, arg, 0 };
	packet.len = len;
	packet.nfds = nfds;
	if (len > 0)
		memcpy(packet.bytes, bytes, len);
	if (nfds > 0)
		memcpy(packet.fds, fds, nfds * sizeof(*fds));
	if (packet_send(s.orders, &packet, 1, 0) == -1)
		siege_fail("no order can be given: %s", strerror(errno));
	packet.nfds = 0;
}

/* Returns the descriptor that network sent back, or -1. */
int
siege_order(uint32_t what, uint32_t arg)
{
	int64_t delayed = siege_delays();

	order(what, arg, NULL, 0, NULL, 0);
	if (what == ORDER_SHUTDOWN || what == ORDER_EXIT ||
	    what == ORDER_CALL) {
		hear_until(NEWS_NOW);
		siege_since(packet.head.time, delayed);
		return (-1);
	}
	hear_until(NEWS_DONE);
	if (packet.head.arg != 0)
		siege_fail("order %u: %s", what,
		    strerror((int)packet.head.arg));
	return (packet.nfds == 1 ? packet.fds[0] : -1);
}

/* Has network send any bytes and descriptors to the vault. */
void
siege_attack(const void *bytes, size_t len, const int *fds, unsigned int nfds)
{
	const int64_t delayed = siege_delays();

	order(ORDER_SEND, 0, bytes, len, fds, nfds);
	hear_until(NEWS_NOW);
	siege_since(packet.head.time, delayed);
}

/* Has network send the same bytes again and again, and read nothing. */
void
siege_flood(const void *bytes, size_t len)
{
	const int64_t delayed = siege_delays();

	order(ORDER_FLOOD, UINT32_MAX, bytes, len, NULL, 0);
	hear_until(NEWS_NOW);
	siege_since(packet.head.time, delayed);
}

/* Has network send a well-formed message, with fd unless that is -1. */
void
siege_say(uint32_t type, uint32_t peerid, const void *payload, size_t len,
    int fd)
{
	unsigned char  bytes[512];
	const uint32_t head[3] = { type, (uint32_t)(sizeof(head) + len),
		peerid };

	memcpy(bytes, head, sizeof(head));
	if (len > 0)
		memcpy(bytes + sizeof(head), payload, len);
	siege_attack(bytes, sizeof(head) + len, &fd, fd != -1 ? 1 : 0);
}

/* Waits for a message of this type from the vault; returns its number. */
uint32_t
siege_answer(uint32_t type)
{
	while (said[type] == 0) {
		if (!hear(PATIENCE_MS))
			siege_fail("gone, without message %u", type);
	}
	said[type]--;
	return (number[type]);
}

/* Waits until the log has text. */
void
siege_logged(const char *text)
{
	while (strstr(s.text, text) == NULL) {
		if (!readable(s.log, PATIENCE_MS) || !more_log())
			siege_fail("not in the log: %s", text);
	}
}

/*
 * Clients.
 */

/* Connects to the heartbeat socket (0) or the control socket (1). */
int
siege_connect(int which)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int		   fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "sock.%u%s", share,
	    which == 0 ? "" : ".ctl");
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		siege_fail("%s: %s", sun.sun_path, strerror(errno));
	return (fd);
}

/* Lets every user connect to the socket. */
void
siege_unlock(int which)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "sock.%u%s", share,
	    which == 0 ? "" : ".ctl");
	if (chmod(".", 0711) == -1 || chmod(path, 0666) == -1)
		siege_fail("%s: %s", path, strerror(errno));
}

/* Returns the connection as network accepted it. */
int
siege_accept(int which)
{
	return (siege_order(ORDER_ACCEPT, (uint32_t)which));
}

int
siege_client(int which, int *at)
{
	const int fd = siege_connect(which);

	*at = siege_accept(which);
	return (fd);
}

/* Requires that a client reads text next. */
void
siege_want(int fd, const char *text)
{
	char	got[256] = "";
	size_t	n = 0;
	ssize_t rc;

	for (; n < strlen(text); n += (size_t)rc) {
		if (!readable(fd, PATIENCE_MS) ||
		    (rc = read(fd, got + n, strlen(text) - n)) <= 0)
			siege_fail("a client wants '%s'", text);
	}
	if (memcmp(got, text, n) != 0)
		siege_fail("a client wants '%s', not '%.*s'", text, (int)n,
		    got);
}

/* Requires that fd has no byte of the secret to read. */
void
siege_clean(int fd)
{
	static unsigned char bytes[1 << 20];
	ssize_t		     n;

	while (
	    fd != -1 && (n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		unseen(bytes, (size_t)n, "is where it must not be");
}

/*
 * The daemon.
 */

static bool front; /* the next daemon is to run a command */

static void
execute(int in, int out, int log, const char *const *options)
{
	char	      path[4096], sock[32];
	char	     *argv[ARGS + 5] = { strdup("dazaid"), strdup("-s"), sock,
			strdup("-d") };
	const ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 8);
	size_t	      i;

	if (n == -1 || dup2(in, 0) == -1 || dup2(out, 1) == -1 ||
	    dup2(log, 2) == -1)
		_exit(126);
	path[n] = '\0';
	memcpy(strrchr(path, '/') + 1, "dazaid", sizeof("dazaid"));
	(void)snprintf(sock, sizeof(sock), "sock.%u", share);
	for (i = 0; i < ARGS && options[i] != NULL; i++)
		argv[(front ? 3 : 4) + i] = strdup(options[i]);
	(void)execv(path, argv);
	_exit(127);
}

static pid_t
parent_of(pid_t pid)
{
	char	path[64], text[256] = "", *at;
	ssize_t n;
	int	fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		err(1, "%s", path);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0 || (at = strstr(text, ") ")) == NULL)
		errx(1, "%s", path);
	return ((pid_t)strtol(at + 4, NULL, 10));
}

static void
start(const char *const *options)
{
	int in[2], log[2], line[2];

	memset(&s, 0, sizeof(s));
	memset(said, 0, sizeof(said));
	s.heart = s.heart_at = s.busy = s.listeners[0] = s.listeners[1] = -1;
	if (pipe2(in, O_CLOEXEC) == -1 || pipe2(log, O_CLOEXEC) == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) == -1 ||
	    (s.vault = fork()) == -1)
		err(1, "start");
	if (s.vault == 0)
		execute(in[0], line[1], log[1], options);
	close(in[0]);
	close(log[1]);
	close(line[1]);
	s.input = in[1];
	s.log = log[0];
	s.orders = line[0];
	(void)fcntl(s.log, F_SETFL, O_NONBLOCK);
	if ((s.pidfd = pidfd_open(s.vault, 0)) == -1)
		err(1, "pidfd_open");
	hear_until(NEWS_HERE);
	if (packet.nfds != 3)
		siege_fail("network has not come with its descriptors");
	s.network = (pid_t)packet.head.arg;
	if (front) {
		s.front = s.vault;
		s.vault = parent_of(s.network);
		close(s.pidfd);
		if ((s.pidfd = pidfd_open(s.vault, 0)) == -1)
			err(1, "pidfd_open");
	}
	s.line = packet.fds[0];
	s.own[0] = packet.fds[1];
	s.own[1] = packet.fds[2];
}

/* Connects a heartbeat, which the vault welcomes. */
void
siege_guard(void)
{
	const uint32_t pid = (uint32_t)getpid();

	s.heart = siege_client(0, &s.heart_at);
	siege_say(IMSG_HELLO, PEER_HEART, &pid, sizeof(pid), s.heart_at);
	(void)siege_answer(IMSG_WELCOME);
}

static void
transfer(uint32_t type, const void *payload, size_t len, const char *head)
{
	int at;

	s.busy = siege_client(1, &at);
	siege_say(type, PEER_BUSY, payload, len, at);
	siege_want(s.busy, head);
	close(at);
}

/* Brings a guarded daemon to a later state. */
static void
go_on(enum state state)
{
	struct imsg_put	   put = { .size = 1000, .name = "half" };
	struct imsg_secret name = { .name = NAME };

	switch (state) {
	case PENDING:
		(void)kill(s.vault, SIGUSR1);
		siege_logged("panic pending: SIGUSR1");
		break;
	case DROPPED:
		close(s.heart);
		s.heart = -1;
		(void)siege_answer(IMSG_DROP);
		siege_logged("panic pending: heartbeat connection dropped");
		break;
	case PUTTING:
		transfer(IMSG_PUT, &put, sizeof(put), "GO\n");
		(void)send(s.busy, SECRET, strlen(SECRET), MSG_NOSIGNAL);
		break;
	case GETTING:
		transfer(IMSG_GET, &name, sizeof(name), "DATA ");
		break;
	default:
		break;
	}
}

/*
 * Starts a daemon and brings it to this state.  confined: network enters its
 * sandbox, as it should.  more: further options, or NULL.
 */
void
siege_begin(enum state state, bool confined, const char *const *more)
{
	static const char *const none[] = { NULL };
	const char		*options[ARGS] = { "-l", NAME "=secret" };
	size_t			 n = 2;

	mine->attempts++;
	if (state == LOADING)
		options[1] = NAME "=-";
	if (state == GETTING) {
		options[1] = NAME "=large";
		options[n++] = "-z4194304";
	}
	if (state == UNGUARDED_ARMED ||
	    (state >= GUARDED_ARMED && state != GETTING)) {
		options[n++] = "-a";
		options[n++] = "-g60";
	}
	for (more = more != NULL ? more : none; *more != NULL; more++)
		options[n++] = *more;
	start(options);
	s.state = state;
	if (state == STARTING)
		return;
	if (confined)
		(void)siege_order(ORDER_CONFINE, 0);
	siege_say(IMSG_READY, 0, NULL, 0, -1);
	if (state == LOADING)
		return;
	close(s.input);
	s.input = -1;
	if (s.front == 0)
		siege_logged("vault: ready");
	(void)siege_answer(IMSG_LISTENER);
	(void)siege_answer(IMSG_LISTENER);
	if (state >= GUARDED)
		siege_guard();
	go_on(state);
}

/*
 * Starts an unguarded daemon with these options, ..., "--", COMMAND.  What is
 * in front becomes dazai-hb, as $PATH has it.
 */
void
siege_front(const char *const *options)
{
	front = true;
	siege_begin(UNGUARDED, true, options);
	front = false;
}

/* Closes our copy of network's socket, so that only network keeps it open. */
void
siege_let_go(void)
{
	close(s.line);
	s.line = -1;
}

/* Requires that no one received the secret, and closes everything. */
static void
settle(void)
{
	const int fds[] = { s.line, s.own[0], s.own[1], s.heart, s.heart_at,
		s.listeners[0], s.listeners[1], s.pidfd, s.log, s.orders,
		s.input, s.busy };
	size_t	  i;

	while (readable(s.orders, PATIENCE_MS) && hear(0))
		;
	(void)waitpid(s.network, NULL, 0);
	siege_clean(s.line);
	siege_clean(s.own[0]);
	siege_clean(s.own[1]);
	siege_clean(s.heart);
	unseen((const unsigned char *)s.text, s.text_len, "is in the log");
	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] != -1)
			close(fds[i]);
	}
	s.vault = 0;
}

/* Requires that the log of the vault, which has ended, never had text. */
void
siege_never(const char *text)
{
	if (strstr(s.text, text) != NULL)
		siege_fail("in the log: %s", text);
}

/* Adds the vault's last words to the log. */
static void
last_words(void)
{
	char	path[32];
	ssize_t n = 0;
	int	fd;

	(void)snprintf(path, sizeof(path), "sock.%u.last", share);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) != -1) {
		n = read(fd, s.text + s.text_len,
		    sizeof(s.text) - 1 - s.text_len);
		close(fd);
	}
	if (n <= 0)
		siege_fail("%s: no last words", path);
	s.text_len += (size_t)n;
}

/*
 * Requires that the vault ends with this status within most_ms, and that text
 * is in the log or, with a command, in its last words.
 */
void
siege_ends(int want, const char *text, int64_t most_ms)
{
	int64_t took;
	int	status;

	if (!readable(s.pidfd, PATIENCE_MS))
		siege_fail("the vault lives on");
	took = packet_now() - s.began - (siege_delays() - s.delayed);
	if (took < 0) /* a part of the wait was before the attack */
		took = 0;
	if (s.front != 0) {
		/* Then we are the parent, and the log is syslog's. */
		(void)kill(s.front, SIGKILL);
		(void)waitpid(s.front, NULL, 0);
		last_words();
	}
	if (waitpid(s.vault, &status, 0) != s.vault)
		siege_fail("no status");
	while (more_log())
		;
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				       WEXITSTATUS(status);
	if (status != want)
		siege_fail("it ended with %d, not %d", status, want);
	if (strstr(s.text, text) == NULL)
		siege_fail("not in the log: %s", text);
	if (took > mine->worst) {
		mine->worst = took;
		(void)snprintf(mine->worst_of, sizeof(mine->worst_of), "%s",
		    doing);
	}
	if (most_ms == 100 && mine->ntimes < ATTEMPTS)
		mine->times[mine->ntimes++] = took;
	if (took > 1000 * (most_ms + ALLOWANCE_MS))
		siege_fail("after %lld.%03lld ms", (long long)took / 1000,
		    (long long)took % 1000);
	settle();
}

/* Requires that the vault answers, and ends on SIGTERM without a panic. */
void
siege_lives(void)
{
	if (s.input != -1) {
		close(s.input);
		s.input = -1;
	}
	if (s.state == STARTING)
		(void)siege_order(ORDER_CONFINE, 0);
	siege_logged("vault: ready");
	siege_say(IMSG_STATUS, 99, NULL, 0, -1);
	(void)siege_answer(IMSG_REPORT);
	siege_now();
	(void)kill(s.vault, SIGTERM);
	siege_ends(0, "SIGTERM: secrets wiped, bye", 100);
}
