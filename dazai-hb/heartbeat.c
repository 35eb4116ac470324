/* SPDX-License-Identifier: ISC */
/*
 * The heartbeat: a connection to the daemon that is held open for as long as
 * the session lives.  When it ends, for whatever reason, the daemon knows that
 * the session has ended.
 */
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "guard.h"
#include "heartbeat.h"
#include "line.h"
#include "num.h"
#include "out.h"
#include "reach.h"
#include "sandbox.h"
#include "command.h"
#include "sockpath.h"
#include "status.h"
#include "vouch.h"
#include "watch.h"

#define ANSWER_MS   10000 /* for WELCOME and BYE, and to come back in */
#define RETRY_MS    50	  /* between attempts to come back */
#define INTERVAL_MS 5000  /* between PINGs, at most */

/*
 * The orders over the channel to the vault, a byte each; see dazai-protocol(7).
 */
#define CHANNEL_PING   "P"
#define CHANNEL_CANCEL "C"

enum {
	PFD_DAEMON,
	PFD_CHANNEL,
	PFD_SIGNALS,
	PFD_TIMER,
	PFD_WATCH,
	PFD_MAX = PFD_WATCH + WATCH_PFD
};

#define WATCH_NAMED 4 /* processes that a daemon watches for one holder */

/* Bytes that have come in, up to the end of a line. */
struct lines {
	size_t len;
	char   buf[LINE_BYTES];
};

static struct heartbeat {
	const struct heartbeat_options *o;
	enum { AWAY, ASKED, GUARDING, QUITTING } state;
	bool	      guarded;	/* once at least */
	bool	      detached; /* in a session of our own */
	int	      fd;	/* to the daemon; -1 while AWAY */
	int	      channel;	/* to the vault; -1 unless GUARDING */
	int	      signals;
	int64_t	      wait_due; /* the daemon must have come by then */
	struct status status;	/* the daemon's, as it was at the start */
	int	      timer;	/* of the PINGs */
	pid_t	      session;	/* the process that we guard: watched, or us */
	struct reach  daemon;
	int64_t	      due;     /* give up then; not while GUARDING */
	int64_t	      retry;   /* while AWAY: not before */
	bool	      busy;    /* another guarded when we last asked */
	struct out    out;     /* standard output */
	struct lines  lines;   /* from the daemon */
	struct lines  answers; /* from the vault, over the channel */
} hb = {
	.daemon.file = -1, .fd = -1, .channel = -1, .signals = -1, .timer = -1
};

/*
 * Prints a line to the user, if not -q.  Never blocks: a full pipe must not
 * keep us from letting go.
 */
static void __attribute__((format(printf, 1, 2)))
heartbeat_print(const char *fmt, ...)
{
	char	line[512];
	va_list ap;
	size_t	n;

	if (hb.o->quiet)
		return;
	(void)snprintf(line, sizeof(line), "%s: ", getprogname());
	n = strlen(line);
	va_start(ap, fmt);
	(void)vsnprintf(line + n, sizeof(line) - 1 - n, fmt, ap);
	va_end(ap);
	n = strlen(line);
	line[n++] = '\n';
	out_write(&hb.out, line, n);
}

/*
 * Ends with a line that says what went wrong; lets go first, because writing
 * the line may block.
 */
static noreturn void __attribute__((format(printf, 2, 3)))
heartbeat_fail(int code, const char *fmt, ...)
{
	va_list ap;

	if (hb.fd != -1)
		close(hb.fd);
	va_start(ap, fmt);
	vwarnx(fmt, ap);
	va_end(ap);
	exit(code);
}

static void
heartbeat_send(const char *line)
{
	/* If the daemon does not read, its own deadline will pass. */
	if (hb.fd != -1)
		(void)send(hb.fd, line, strlen(line),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* To the vault alone: a byte that network cannot see or invent. */
static void
heartbeat_send_vault(const char *byte)
{
	(void)send(hb.channel, byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/*
 * Connecting and letting go.
 */

static noreturn void
heartbeat_no_daemon(enum reach_result result)
{
	int code = EXIT_USAGE;

	if (hb.guarded && result == REACH_NO_DAEMON)
		heartbeat_fail(EXIT_ENDED,
		    "the daemon ended: this session is UNGUARDED");
	if (result == REACH_NO_DAEMON)
		code = EXIT_NO_DAEMON;
	else if (result == REACH_REFUSED)
		code = EXIT_REFUSED;
	heartbeat_fail(code, "%s", hb.daemon.why);
}

/* Whether the daemon may still come. */
static bool
heartbeat_may_wait(enum reach_result result)
{
	return (!hb.guarded && result == REACH_NO_DAEMON &&
	    clock_ms(CLOCK_MONOTONIC) < hb.wait_due);
}

/* Asks to be the heartbeat, or a holder of the tether. */
static void
heartbeat_hello(void)
{
	char line[64];

	if (hb.o->tether != NULL)
		(void)snprintf(line, sizeof(line), "HOLD %s\n", hb.o->tether);
	else
		(void)snprintf(line, sizeof(line), "HELLO %ld\n",
		    (long)hb.session);
	heartbeat_send(line);
}

/*
 * Connects, the first time to a daemon that must be found, and says HELLO;
 * stays AWAY, to try again later, if the daemon has no room for a connection.
 */
static void
heartbeat_connect(void)
{
	enum reach_result result;

	if (hb.daemon.file == -1) {
		result = reach_find(&hb.daemon, &hb.o->places,
		    hb.o->tether != NULL ? ".ctl" : "");
		if (result == REACH_FOUND || result == REACH_FULL)
			guard_open(hb.daemon.dir,
			    sockpath_name(hb.daemon.path));
	} else {
		result = reach_again(&hb.daemon);
	}
	if (result == REACH_FULL || heartbeat_may_wait(result)) {
		hb.retry = clock_ms(CLOCK_MONOTONIC) + RETRY_MS;
		return;
	}
	if (result != REACH_FOUND)
		heartbeat_no_daemon(result);
	hb.fd = hb.daemon.fd;
	if (!hb.guarded)
		status_ask(&hb.o->places, &hb.status);
	hb.busy = false;
	hb.state = ASKED;
	hb.lines.len = hb.answers.len = 0;
	heartbeat_hello();
}

/*
 * The connection was closed.  Connect again while the daemon lives: it may only
 * have missed our PINGs, and a new heartbeat ends the panic in its grace.
 */
static void
heartbeat_cut_off(void)
{
	if (hb.state == QUITTING)
		exit(EXIT_LET_GO);
	if (!hb.guarded)
		heartbeat_fail(EXIT_REFUSED, "%s: refused without an answer",
		    hb.daemon.path);
	hb.retry = clock_ms(CLOCK_MONOTONIC);
	if (hb.state == GUARDING) {
		hb.due = hb.retry + ANSWER_MS;
		guard_release();
	} else {
		hb.retry += RETRY_MS; /* do not retry at once a second time */
	}
	close(hb.fd);
	hb.fd = -1;
	if (hb.channel != -1)
		close(hb.channel);
	hb.channel = -1;
	hb.state = AWAY;
}

static noreturn void
heartbeat_busy(void)
{
	char who[192];

	if (hb.o->tether != NULL)
		heartbeat_fail(EXIT_BUSY, "%s: no room for one more holder",
		    hb.daemon.path);
	guard_who(who, sizeof(who));
	heartbeat_fail(EXIT_BUSY, "guarded already%s", who);
}

/*
 * Closes what belongs to the terminal, and gives up all rights.
 */
static void
heartbeat_first_welcome(void)
{
	int fd;

	heartbeat_print("guarding %ld with dazaid %ld", (long)hb.session,
	    (long)hb.daemon.maker.pid);
	if (hb.detached && (fd = open("/dev/null", O_RDWR)) != -1) {
		(void)dup2(fd, STDIN_FILENO);
		(void)dup2(fd, STDOUT_FILENO);
		(void)dup2(fd, STDERR_FILENO);
		if (fd > STDERR_FILENO)
			close(fd);
		if (hb.out.fd != STDOUT_FILENO && hb.out.fd != -1)
			close(hb.out.fd);
		hb.out.fd = STDOUT_FILENO;
		hb.out.kind = OUT_FILE;
	}
	command_ready();
	if (sandbox_heartbeat() == -1)
		err(EXIT_USAGE, "sandbox");
}

/*
 * Answers.
 */

/* Can line be shown on a terminal?  Every answer of a daemon can. */
static bool
heartbeat_is_text(const char *line)
{
	while (*line >= ' ' && *line <= '~')
		line++;
	return (*line == '\0');
}

/*
 * The time between PINGs: as it was asked for, or a third of the daemon's ping
 * timeout, so that two may be late, and at most 5 seconds.
 */
static int64_t
heartbeat_interval(void)
{
	const int64_t asked = hb.o->interval, limit = hb.status.timeout;
	char	      a[NUM_PRINT], b[NUM_PRINT];

	if (asked == -1)
		return (limit != 0 && limit / 3 < INTERVAL_MS ? limit / 3 + 1 :
								INTERVAL_MS);
	if (limit != 0 && (asked == 0 || asked >= limit))
		warnx("--interval: %s: too long for the daemon, whose ping "
		      "timeout is %s",
		    num_print_ms(asked, a), num_print_ms(limit, b));
	return (asked);
}

static void
heartbeat_timer(void)
{
	const int64_t	  ms = heartbeat_interval();
	const time_t	  sec = ms / 1000;
	const long	  nsec = ms % 1000 * 1000000;
	struct itimerspec its = { { sec, nsec }, { sec, nsec } };

	/* This clock goes on while the machine sleeps, as the daemon's does. */
	hb.timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (hb.timer == -1 || timerfd_settime(hb.timer, 0, &its, NULL) == -1)
		err(EXIT_USAGE, "timerfd");
}

/*
 * Has the vault watch our processes itself, so that we cannot outlive them when
 * we are stopped or starved.  Only if a pid means the same process to it: then
 * it sees its own pid as we do.  If a process has ended and its pid is
 * another's by now, our own pidfd tells, at the next turn.
 */
static void
heartbeat_name_processes(void)
{
	char   line[32];
	size_t i;

	if (hb.status.pid == 0 || hb.status.pid != hb.daemon.maker.pid)
		return;
	for (i = 0; i < WATCH_NAMED && watch_nth(i) != 0; i++) {
		(void)snprintf(line, sizeof(line), "WATCH %ld\n",
		    (long)watch_nth(i));
		heartbeat_send(line);
	}
}

/* WELCOME has come, with the vault's channel, or -1 if the vault sent none. */
static void
heartbeat_welcome(int channel)
{
	if (channel == -1)
		heartbeat_fail(EXIT_REFUSED,
		    "%s: the answer did not come from the vault",
		    hb.daemon.path);
	hb.channel = channel;
	hb.state = GUARDING;
	/* From the first byte on, PINGs that network makes up do not count. */
	heartbeat_send_vault(CHANNEL_PING);
	heartbeat_name_processes();
	if (hb.o->tether == NULL)
		guard_claim(hb.session);
	if (!hb.guarded) {
		heartbeat_timer();
		heartbeat_first_welcome();
	}
	hb.guarded = true;
}

/* A line of the daemon's, with the channel that came with it, or -1. */
static void
heartbeat_line(const char *line, int channel)
{
	if (hb.o->verbose)
		heartbeat_print("%s",
		    heartbeat_is_text(line) ? line : "(no text)");
	if (hb.state == ASKED &&
	    strcmp(line, hb.o->tether != NULL ? "HOLDING" : "WELCOME") == 0) {
		heartbeat_welcome(channel);
	} else if (hb.state == ASKED && strcmp(line, "BUSY") == 0) {
		/*
		 * After a loss, the daemon may still see our old connection.
		 */
		if (!hb.guarded)
			heartbeat_busy();
		hb.busy = true;
		heartbeat_cut_off();
	} else if (hb.state == ASKED) {
		heartbeat_fail(EXIT_REFUSED, "%s: not the answer of a dazaid",
		    hb.daemon.path);
	} else if (strcmp(line, "BYE") == 0) {
		heartbeat_print("stood down");
		exit(EXIT_LET_GO);
	}
}

/* A line of the vault's. */
static void
heartbeat_answer(const char *line, int channel)
{
	(void)channel;
	if (hb.o->verbose)
		heartbeat_print("%s",
		    heartbeat_is_text(line) ? line : "(no text)");
	if (strcmp(line, "CANCELLED") == 0)
		heartbeat_print("panic cancelled");
	else if (strcmp(line, "NOTHING-PENDING") == 0)
		heartbeat_print("no panic is pending");
	else if (strncmp(line, "ERROR lost ", 11) == 0 &&
	    heartbeat_is_text(line))
		heartbeat_print("not cancelled: tether %s is lost", line + 11);
	else if (strcmp(line, "RELEASED") == 0) {
		heartbeat_print("released");
		exit(EXIT_LET_GO);
	}
}

/* Calls take for each whole line in l, and removes it. */
static void
heartbeat_lines(struct lines *l, void (*take)(const char *, int), int channel)
{
	const char *line;
	size_t	    used;

	while (
	    hb.fd != -1 && (line = line_next(l->buf, l->len, &used)) != NULL) {
		take(line, channel);
		l->len -= used;
		memmove(l->buf, l->buf + used, l->len);
	}
	if (l->len == sizeof(l->buf))
		l->len = 0; /* no answer is that long */
}

static void
heartbeat_read(void)
{
	const bool begins = hb.lines.len == 0;
	bool	   vouched;
	ssize_t	   n;
	int	   channel;

	n = vouch_recv(&hb.daemon.vouch, hb.fd, hb.lines.buf + hb.lines.len,
	    sizeof(hb.lines.buf) - hb.lines.len, MSG_DONTWAIT, &vouched,
	    &channel);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		heartbeat_cut_off();
		return;
	}
	hb.lines.len += (size_t)n;
	if (channel != -1 && (!begins || hb.state != ASKED)) {
		close(channel);
		channel = -1;
	}
	heartbeat_lines(&hb.lines, heartbeat_line, channel);
}

/*
 * Reads answers from the channel.  If the channel has ended, the connection
 * will, too.
 */
static void
heartbeat_read_vault(void)
{
	ssize_t n;

	n = recv(hb.channel, hb.answers.buf + hb.answers.len,
	    sizeof(hb.answers.buf) - hb.answers.len, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(hb.channel);
		hb.channel = -1;
		return;
	}
	hb.answers.len += (size_t)n;
	heartbeat_lines(&hb.answers, heartbeat_answer, -1);
}

static void
heartbeat_signal(void)
{
	struct signalfd_siginfo si;

	if (read(hb.signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	switch (si.ssi_signo) {
	case SIGUSR1:
		if (hb.state == GUARDING)
			heartbeat_send_vault(CHANNEL_CANCEL);
		break;
	case SIGQUIT:
		if (hb.state == AWAY || hb.o->tether != NULL)
			exit(EXIT_LET_GO);
		hb.state = QUITTING; /* also before WELCOME has come */
		hb.due = clock_ms(CLOCK_MONOTONIC) + ANSWER_MS;
		heartbeat_send("QUIT\n");
		break;
	default:
		exit(EXIT_LET_GO);
	}
}

static void
heartbeat_ping(void)
{
	uint64_t times;

	if (read(hb.timer, &times, sizeof(times)) == (ssize_t)sizeof(times) &&
	    hb.state == GUARDING)
		heartbeat_send_vault(CHANNEL_PING);
}

static noreturn void
heartbeat_late(void)
{
	if (hb.state == QUITTING)
		heartbeat_fail(EXIT_REFUSED, "no BYE from the daemon");
	if (hb.guarded && hb.busy)
		heartbeat_fail(EXIT_BUSY,
		    "cut off, and another heartbeat guards now");
	heartbeat_fail(EXIT_REFUSED, "%s: no answer", hb.daemon.path);
}

/* Milliseconds that the loop may sleep; -1 is for ever. */
static int64_t
heartbeat_wait(void)
{
	int64_t left;

	if (hb.state == GUARDING)
		return (-1);
	if ((left = hb.due - clock_ms(CLOCK_MONOTONIC)) <= 0)
		heartbeat_late();
	if (hb.state == AWAY && hb.retry - clock_ms(CLOCK_MONOTONIC) < left)
		left = hb.retry - clock_ms(CLOCK_MONOTONIC);
	return (left > 0 ? left : 0);
}

static void
heartbeat_turn(void)
{
	struct pollfd pfd[PFD_MAX] = {
		[PFD_CHANNEL] = { .fd = hb.channel, .events = POLLIN },
		[PFD_DAEMON] = { .fd = hb.fd, .events = POLLIN },
		[PFD_SIGNALS] = { .fd = hb.signals, .events = POLLIN },
		[PFD_TIMER] = { .fd = hb.timer, .events = POLLIN },
	};
	const nfds_t	watched = watch_poll(pfd + PFD_WATCH);
	const int64_t	wait = heartbeat_wait();
	struct timespec ts = { wait / 1000, wait % 1000 * 1000000 };

	if (ppoll(pfd, PFD_WATCH + watched, wait == -1 ? NULL : &ts, NULL) ==
	    -1) {
		if (errno != EINTR)
			heartbeat_fail(EXIT_USAGE, "poll: %s", strerror(errno));
		return;
	}
	if (watch_ended(pfd + PFD_WATCH, watched))
		exit(EXIT_LET_GO);
	if (pfd[PFD_SIGNALS].revents != 0)
		heartbeat_signal();
	if (pfd[PFD_CHANNEL].revents != 0)
		heartbeat_read_vault();
	if (pfd[PFD_DAEMON].revents != 0)
		heartbeat_read();
	if (pfd[PFD_TIMER].revents != 0)
		heartbeat_ping();
	if (hb.state == AWAY && clock_ms(CLOCK_MONOTONIC) >= hb.retry)
		heartbeat_connect();
}

/*
 * The start.
 */

/*
 * Leaves the session of the shell that started us to watch a process: we must
 * not get the signals of its keyboard, nor hold its terminal or its pipe.
 */
static void
heartbeat_detach(void)
{
	if (watch_nth(0) != 0 && setsid() != -1)
		hb.detached = true;
}

/* Signals come to the loop as descriptors, and nothing else ends us. */
static void
heartbeat_signals(void)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGQUIT };
	sigset_t	 set;
	size_t		 i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		sigaddset(&set, sigs[i]);
		(void)signal(sigs[i], SIG_DFL);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	hb.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (hb.signals == -1)
		err(EXIT_USAGE, "signalfd");
}

/* Guards until the end; o must last as long. */
noreturn void
heartbeat_run(const struct heartbeat_options *o)
{
	hb.o = o;
	hb.session = watch_nth(0) != 0 ? watch_nth(0) : getpid();
	hb.wait_due = clock_ms(CLOCK_MONOTONIC) + o->wait;
	hb.due = hb.wait_due + ANSWER_MS;
	out_open(&hb.out, STDOUT_FILENO);
	heartbeat_signals();
	heartbeat_detach();
	heartbeat_connect();
	for (;;)
		heartbeat_turn();
}
