/* SPDX-License-Identifier: ISC */
/*
 * Starts one daemon after another, brings it to a state, and judges what an
 * attack did to it.
 *
 * "Within 100 ms" is the vault's own time.  The time in which the vault,
 * network and this process were ready to run and had no processor
 * (/proc/PID/schedstat) is subtracted: on a busy machine it can be anything.
 * Time that the vault spends waiting counts, also for a kernel lock whose
 * holder has no processor. For that each attempt has an allowance, but the
 * median of all has none.
 */
#include <sys/pidfd.h>
#include <sys/socket.h>
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

#include "client.h"
#include "imsg.h"
#include "net.h"
#include "packet.h"
#include "siege.h"

#define ATTEMPTS     1024
#define ALLOWANCE_MS 1900
#define MOST_US	     INT64_C(100000)
#define ARGS	     16

const char  *state_names[STATES] = { "starting", "loading", "unguarded",
	 "unguarded, armed", "guarded", "guarded, armed", "pending", "dropped",
	 "PUT under way", "GET under way" };
struct siege s;

static char    doing[256];
static int64_t times[ATTEMPTS]; /* us; of attempts that have MOST_US */
static size_t  ntimes;

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

bool
siege_readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return (poll(&pfd, 1, ms) == 1);
}

/* Waits until the log has text. */
void
siege_logged(const char *text)
{
	while (strstr(s.text, text) == NULL) {
		if (!siege_readable(s.log, PATIENCE_MS) || !more_log())
			siege_fail("not in the log: %s", text);
	}
}

/*
 * Time.
 */

/* The text of a file of pid's in /proc; "" if there is none. */
const char *
siege_proc(pid_t pid, const char *name)
{
	static char text[512];
	char	    path[64];
	ssize_t	    n = -1;
	int	    fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) != -1) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return (text);
}

static int64_t
delay(pid_t pid)
{
	const char *at = strchr(siege_proc(pid, "schedstat"), ' ');

	return (at != NULL ? (int64_t)(strtoul(at, NULL, 10) / 1000) : 0);
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

/* The attack began then, when the waits for a processor were so long. */
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

static int
by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

/* All attempts of a case went well: prints and judges their times. */
void
siege_report(const char *what)
{
	qsort(times, ntimes, sizeof(times[0]), by_time);
	printf("%s: median %lld us, at most %lld us\n", what,
	    (long long)times[ntimes / 2], (long long)times[ntimes - 1]);
	if (times[ntimes / 2] > MOST_US)
		errx(1, "the median is above 100 ms");
}

/*
 * The daemon.
 */

static void
execute(int in, int out, int log, const char *const *options)
{
	char	      path[4096];
	char	     *argv[ARGS + 4] = { strdup("dazaid"), strdup("-s"),
			strdup("sock") };
	const ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 8);
	size_t	      i;

	if (n == -1 || dup2(in, 0) == -1 || dup2(out, 1) == -1 ||
	    dup2(log, 2) == -1)
		_exit(126);
	path[n] = '\0';
	memcpy(strrchr(path, '/') + 1, "dazaid", sizeof("dazaid"));
	for (i = 0; i < ARGS && options[i] != NULL; i++)
		argv[3 + i] = strdup(options[i]);
	(void)execv(path, argv);
	_exit(127);
}

static void
start(const char *const *options)
{
	int in[2], log[2], line[2];

	memset(&s, 0, sizeof(s));
	s.heart = s.heart_at = s.busy = s.listeners[0] = s.listeners[1] = -1;
	if (pipe2(in, O_CLOEXEC) == -1 || pipe2(log, O_CLOEXEC) == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line) == -1 ||
	    (s.vault = fork()) == -1 ||
	    (s.vault != 0 && (s.pidfd = pidfd_open(s.vault, 0)) == -1))
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
	net_begin();
}

/* Network offers the client that guards to the vault, under this number. */
void
siege_offer(uint32_t peerid, const char *tether)
{
	if (tether == NULL)
		net_number(IMSG_HELLO, peerid, 1, s.heart_at);
	else
		net_tether(IMSG_HOLD, peerid, tether, s.heart_at);
}

/* A client guards: as a holder of the tether; NULL: as the heartbeat. */
void
siege_guard(const char *tether)
{
	const struct client c = client_come(tether != NULL);

	s.heart = c.fd;
	s.heart_at = c.at;
	siege_offer(PEER_HEART, tether);
	(void)net_answer(tether == NULL ? IMSG_WELCOME : IMSG_HOLDING);
}

/* It hangs up: that is the attack. */
void
siege_leave(void)
{
	siege_now();
	close(s.heart);
	s.heart = -1;
}

static void
transfer(uint32_t type, const void *payload, size_t len, const char *head)
{
	const struct client c = client_come(1);

	s.busy = c.fd;
	net_say(type, PEER_BUSY, payload, len, c.at);
	client_want(s.busy, head);
	close(c.at);
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
		siege_leave();
		(void)net_answer(IMSG_DROP);
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

static void
begin(enum state state, bool confined, const char *const *more)
{
	const char *options[ARGS] = { "-l", NAME "=secret", "-d" };
	size_t	    n = 3;

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
	while (more != NULL && *more != NULL)
		options[n++] = *more++;
	start(options);
	s.state = state;
	if (state == STARTING)
		return;
	if (confined)
		(void)net_order(ORDER_CONFINE, 0);
	net_say(IMSG_READY, 0, NULL, 0, -1);
	if (state == LOADING)
		return;
	close(s.input);
	s.input = -1;
	siege_logged("vault: ready");
	(void)net_answer(IMSG_LISTENER);
	(void)net_answer(IMSG_LISTENER);
	if (state >= GUARDED)
		siege_guard(NULL);
	go_on(state);
}

/*
 * Begins an attempt, which fmt describes: starts a daemon, with more options or
 * NULL, and brings it to this state.  confined: network enters its sandbox, as
 * it should.
 */
void
siege_begin(enum state state, bool confined, const char *const *more,
    const char *fmt, ...)
{
	va_list ap;
	int	n;

	va_start(ap, fmt);
	n = vsnprintf(doing, sizeof(doing), fmt, ap);
	va_end(ap);
	(void)snprintf(doing + n, sizeof(doing) - (size_t)n, ", %s",
	    state_names[state]);
	begin(state, confined, more);
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

	net_end();
	(void)waitpid(s.network, NULL, 0);
	client_clean(s.line);
	client_clean(s.own[0]);
	client_clean(s.own[1]);
	client_clean(s.heart);
	net_unseen((const unsigned char *)s.text, s.text_len, "is in the log");
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

/*
 * Requires that the vault ends with this status within most_ms, and that text
 * is in the log.
 */
void
siege_ends(int want, const char *text, int64_t most_ms)
{
	int64_t took;
	int	status;

	if (!siege_readable(s.pidfd, PATIENCE_MS))
		siege_fail("the vault lives on");
	took = packet_now() - s.began - (siege_delays() - s.delayed);
	if (took < 0) /* a part of the wait was before the attack */
		took = 0;
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
	if (most_ms == 100 && ntimes < ATTEMPTS)
		times[ntimes++] = took;
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
		(void)net_order(ORDER_CONFINE, 0);
	siege_logged("vault: ready");
	net_say(IMSG_STATUS, 99, NULL, 0, -1);
	(void)net_answer(IMSG_REPORT);
	siege_now();
	(void)kill(s.vault, SIGTERM);
	siege_ends(0, "SIGTERM: secrets wiped, bye", 100);
}
