/* SPDX-License-Identifier: ISC */
/*
 * The heartbeat: a connection to the daemon that is held open for as long as
 * the session lives.  When it ends, for whatever reason, the daemon knows that
 * the session has ended.  With -n it is one of the connections that hold a
 * tether; nearly everything is the same.
 */
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
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
#include "command.h"
#include "guard.h"
#include "heartbeat.h"
#include "line.h"
#include "notice.h"
#include "num.h"
#include "reach.h"
#include "sandbox.h"
#include "say.h"
#include "sockpath.h"
#include "status.h"
#include "vouch.h"
#include "watch.h"

#define ANSWER_MS 10000 /* for WELCOME and BYE, and to come back in */
#define RETRY_MS  50	/* between attempts to come, or to come back */
#define PING_MS	  5000	/* the longest interval that is not asked for */
#define NAMED	  4	/* processes that a holder may name to the vault */

/*
 * The orders to the vault; their first byte is all that goes over the channel.
 * See dazai-protocol(7).
 */
#define ORDER_PING   "PING\n"
#define ORDER_CANCEL "CANCEL\n"

enum { PFD_DAEMON, PFD_CHANNEL, PFD_SIGNALS, PFD_TIMER, PFD_STATUS, PFD_MAX };

/* Bytes that have come in, up to the end of a line. */
struct lines {
	size_t len;
	char   buf[LINE_BYTES];
};

static struct heartbeat {
	const struct heartbeat_options *o;
	enum {
		AWAY,
		LEARNING, /* connected; STATUS is on its way */
		ASKED,	  /* HELLO or HOLD is */
		GUARDING,
		QUITTING
	} state;
	bool	      guarded;	 /* once at least */
	bool	      settled;	 /* has said so, and given up all rights */
	bool	      detached;	 /* in a session of our own */
	int	      fd;	 /* to the daemon; -1 while AWAY */
	int	      channel;	 /* to the vault; -1 unless GUARDING */
	bool	      forwarded; /* by ssh -L, through which no channel comes */
	int	      ask;	 /* for STATUS; -1 unless LEARNING */
	int	      signals;
	int	      timer;	/* of the PINGs */
	const char   *terminal; /* for notices, or NULL */
	pid_t	      session;	/* the process that we guard: watched, or us */
	struct reach  daemon;
	struct status status;  /* of the daemon */
	int64_t	      due;     /* give up then; not while GUARDING */
	int64_t	      retry;   /* while AWAY: not before */
	int64_t	      patient; /* until then the daemon may come */
	unsigned int  naming;  /* processes for which no answer has come yet */
	bool	      busy;    /* another guarded when we last asked */
	bool	      vouched; /* the vault has sent all that lines has */
	struct lines  lines;   /* from the daemon */
	struct lines  answers; /* from the vault, over the channel */
} hb = { .daemon = { .dir = -1, .file = -1 },
	.fd = -1,
	.channel = -1,
	.ask = -1,
	.signals = -1,
	.timer = -1 };

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
heartbeat_send_vault(const char *order)
{
	if (hb.forwarded)
		heartbeat_send(order);
	else
		(void)send(hb.channel, order, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
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

/* There is no daemon yet, and -W says that it may come. */
static void
heartbeat_come_later(void)
{
	if (hb.daemon.dir != -1)
		close(hb.daemon.dir);
	if (hb.daemon.file != -1)
		close(hb.daemon.file);
	hb.daemon.dir = hb.daemon.file = -1;
	hb.retry = clock_ms(CLOCK_MONOTONIC) + RETRY_MS;
}

/* Asks to be the heartbeat, or a holder of the tether. */
static void
heartbeat_hello(void)
{
	char line[32];

	hb.state = ASKED;
	if (hb.o->tether != NULL)
		(void)snprintf(line, sizeof(line), "HOLD %s\n", hb.o->tether);
	else
		(void)snprintf(line, sizeof(line), "HELLO %ld\n",
		    (long)hb.session);
	heartbeat_send(line);
}

/* Sets the time between PINGs, by what is known of the daemon. */
static void
heartbeat_interval(void)
{
	const int64_t timeout = hb.status.timeout;
	int64_t	      ms = hb.o->interval;
	char	      given[NUM_PRINT], needed[NUM_PRINT];

	if (ms == -1)
		ms = timeout != 0 && timeout / 3 < PING_MS ? timeout / 3 :
							     PING_MS;
	else if (timeout != 0 && (ms == 0 || ms >= timeout))
		warnx("--interval: %s: too long for the daemon, whose ping "
		      "timeout is %s",
		    num_print_ms(ms, given), num_print_ms(timeout, needed));
	const struct itimerspec its = {
		{ ms / 1000, ms % 1000 * 1000000 },
		{ ms / 1000, ms % 1000 * 1000000 },
	};
	if (timerfd_settime(hb.timer, 0, &its, NULL) == -1)
		heartbeat_fail(EXIT_USAGE, "timerfd: %s", strerror(errno));
}

/* What STATUS says is known now, or will not be. */
static void
heartbeat_learned(void)
{
	if (hb.ask != -1)
		close(hb.ask);
	hb.ask = -1;
	heartbeat_interval();
	heartbeat_hello();
}

/* Connects for the first time, to a daemon that must be found. */
static enum reach_result
heartbeat_find(void)
{
	enum reach_result result;

	result = reach_find(&hb.daemon, &hb.o->places,
	    hb.o->tether != NULL ? ".ctl" : "");
	if ((result == REACH_FOUND || result == REACH_FULL) &&
	    hb.o->tether == NULL)
		guard_open(hb.daemon.dir, sockpath_name(hb.daemon.path));
	return (result);
}

/*
 * Connects, and asks to hold; stays AWAY, to try again later, if the daemon is
 * not there yet, or has no room for a connection.
 */
static void
heartbeat_connect(void)
{
	const bool	  first = hb.daemon.file == -1;
	enum reach_result result;

	result = first ? heartbeat_find() : reach_again(&hb.daemon);
	if (first && result == REACH_NO_DAEMON &&
	    clock_ms(CLOCK_MONOTONIC) < hb.patient) {
		heartbeat_come_later();
		return;
	}
	if (result == REACH_FULL) {
		hb.retry = clock_ms(CLOCK_MONOTONIC) + RETRY_MS;
		return;
	}
	if (result != REACH_FOUND)
		heartbeat_no_daemon(result);
	hb.fd = hb.daemon.fd;
	hb.busy = false;
	hb.lines.len = hb.answers.len = 0;
	if (hb.settled || hb.guarded) {
		heartbeat_hello();
		return;
	}
	hb.due = clock_ms(CLOCK_MONOTONIC) + ANSWER_MS;
	hb.state = LEARNING;
	hb.ask = status_ask(hb.daemon.path, hb.daemon.maker.pid);
	if (hb.ask == -1)
		heartbeat_learned();
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
		if (hb.o->tether == NULL)
			guard_release();
	} else {
		hb.retry += RETRY_MS; /* do not retry at once a second time */
	}
	close(hb.fd);
	hb.fd = -1;
	if (hb.channel != -1)
		close(hb.channel);
	hb.channel = -1;
	hb.naming = 0;
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
 * Has the vault watch our processes itself: then we are no proof of life
 * without them, whatever stops us.
 */
static void
heartbeat_name(void)
{
	char	     line[32];
	unsigned int i;

	if (!hb.status.same || hb.forwarded)
		return;
	hb.due = clock_ms(CLOCK_MONOTONIC) + ANSWER_MS;
	for (i = 0; i < hb.o->npids && i < NAMED; i++) {
		(void)snprintf(line, sizeof(line), "WATCH %ld\n",
		    (long)hb.o->pids[i]);
		heartbeat_send(line);
		hb.naming++;
	}
}

/*
 * The vault watches what it will watch.  If a process of ours lives now, the
 * one that the vault has found under its pid is the same.  The first time, says
 * that we guard, closes what belongs to the terminal and gives up all rights.
 */
static void
heartbeat_settle(void)
{
	if (watch_look())
		exit(EXIT_LET_GO);
	if (hb.settled)
		return;
	hb.settled = true;
	say("guarding %ld with dazaid %ld", (long)hb.session,
	    (long)hb.daemon.maker.pid);
	if (hb.detached)
		say_close();
	if (sandbox_heartbeat(hb.terminal) == -1)
		err(EXIT_USAGE, "sandbox");
	command_ready();
}

/* The vault, or network, has answered a WATCH. */
static void
heartbeat_named(void)
{
	if (hb.naming > 0 && --hb.naming == 0)
		heartbeat_settle();
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
 * WELCOME has come, with the vault's channel.  If there is none (-1), but it
 * did come from the listener's maker, that is ssh -L, which forwards bytes
 * alone: then the connection is all we have.
 */
static void
heartbeat_welcome(int channel)
{
	if (!hb.vouched)
		heartbeat_fail(EXIT_REFUSED,
		    "%s: the answer did not come from the vault",
		    hb.daemon.path);
	hb.channel = channel;
	hb.forwarded = channel == -1;
	hb.state = GUARDING;
	/* From the first byte on, PINGs that network makes up do not count. */
	heartbeat_send_vault(ORDER_PING);
	if (hb.o->tether == NULL)
		guard_claim(hb.session);
	hb.guarded = true;
	heartbeat_name();
	if (hb.naming == 0)
		heartbeat_settle();
}

/* Whether pid is one that we named; network may have named another. */
static bool
heartbeat_has_named(const char *pid)
{
	int64_t	     n;
	unsigned int i;

	if (num_int(pid, 1, INT32_MAX, &n) != NULL)
		return (false);
	for (i = 0; i < hb.o->npids && i < NAMED; i++) {
		if (hb.o->pids[i] == (pid_t)n)
			return (true);
	}
	return (false);
}

/* A line of the vault's. */
static void
heartbeat_answer(const char *line, int channel)
{
	const char *lost = "ERROR lost ", *watching = "WATCHING ";

	(void)channel;
	if (hb.o->verbose && !hb.forwarded)
		say("%s", heartbeat_is_text(line) ? line : "(no text)");
	if (strcmp(line, "CANCELLED") == 0) {
		say("panic cancelled");
	} else if (strcmp(line, "NOTHING-PENDING") == 0) {
		say("no panic is pending");
	} else if (strncmp(line, lost, strlen(lost)) == 0) {
		say("not cancelled: tether %s is lost", line + strlen(lost));
	} else if (strncmp(line, watching, strlen(watching)) == 0) {
		if (heartbeat_has_named(line + strlen(watching)))
			heartbeat_named();
	} else if (strncmp(line, "EVENT ", strlen("EVENT ")) == 0 &&
	    heartbeat_is_text(line)) {
		notice_event(line + strlen("EVENT "));
	} else if (strcmp(line, "RELEASED") == 0) {
		say("released");
		exit(EXIT_LET_GO);
	}
}

/* A line of the daemon's, with the channel that came with it, or -1. */
static void
heartbeat_line(const char *line, int channel)
{
	const bool asked = hb.state == ASKED || hb.state == LEARNING;

	if (hb.o->verbose)
		say("%s", heartbeat_is_text(line) ? line : "(no text)");
	if (hb.state == ASKED &&
	    strcmp(line, hb.o->tether != NULL ? "HOLDING" : "WELCOME") == 0) {
		heartbeat_welcome(channel);
	} else if (asked && strcmp(line, "BUSY") == 0) {
		/*
		 * After a loss, the daemon may still see our old connection.
		 */
		if (!hb.guarded)
			heartbeat_busy();
		hb.busy = true;
		heartbeat_cut_off();
	} else if (asked) {
		heartbeat_fail(EXIT_REFUSED, "%s: not the answer of a dazaid",
		    hb.daemon.path);
	} else if (hb.state == GUARDING &&
	    strcmp(line, "ERROR invalid pid") == 0) {
		heartbeat_named();
	} else if (strcmp(line, "BYE") == 0) {
		say("stood down");
		exit(EXIT_LET_GO);
	} else if (hb.forwarded) {
		heartbeat_answer(line, channel);
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
	hb.vouched = vouched && (begins || hb.vouched);
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

/* The clean end: of the daemon, or of the tether as a condition. */
static void
heartbeat_quit(void)
{
	struct reach r = hb.daemon;
	char	     line[32];

	if (hb.state == AWAY || hb.state == LEARNING)
		exit(EXIT_LET_GO);
	if (hb.o->tether == NULL) {
		heartbeat_send("QUIT\n");
	} else if (reach_again(&r) == REACH_FOUND) {
		/* A holder cannot say it; RELEASED comes over the channel. */
		(void)snprintf(line, sizeof(line), "RELEASE %s\n",
		    hb.o->tether);
		(void)send(r.fd, line, strlen(line),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	hb.state = QUITTING; /* also before WELCOME has come */
	hb.due = clock_ms(CLOCK_MONOTONIC) + ANSWER_MS;
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
			heartbeat_send_vault(ORDER_CANCEL);
		break;
	case SIGQUIT:
		heartbeat_quit();
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
		heartbeat_send_vault(ORDER_PING);
}

static void
heartbeat_late(void)
{
	if (hb.state == GUARDING) {
		/* The vault watches nothing; we still do. */
		hb.naming = 0;
		heartbeat_settle();
		return;
	}
	if (hb.state == QUITTING)
		heartbeat_fail(EXIT_REFUSED, "no %s from the daemon",
		    hb.o->tether != NULL ? "RELEASED" : "BYE");
	if (hb.guarded && hb.busy)
		heartbeat_fail(EXIT_BUSY, "cut off, and %s now",
		    hb.o->tether != NULL ? "no room for one more holder" :
					   "another heartbeat guards");
	heartbeat_fail(EXIT_REFUSED, "%s%s: no answer", hb.daemon.path,
	    hb.daemon.suffix);
}

/* Milliseconds that the loop may sleep; -1 is for ever. */
static int64_t
heartbeat_wait(void)
{
	const int64_t now = clock_ms(CLOCK_MONOTONIC);
	int64_t	      left;

	if (hb.state == GUARDING && hb.naming == 0)
		return (-1);
	if ((left = hb.due - now) <= 0) {
		heartbeat_late();
		return (0);
	}
	if (hb.state == AWAY && hb.retry - now < left)
		left = hb.retry - now;
	return (left > 0 ? left : 0);
}

static void
heartbeat_turn(void)
{
	struct pollfd pfd[PFD_MAX + WATCH_PFD] = {
		[PFD_CHANNEL] = { .fd = hb.channel, .events = POLLIN },
		[PFD_DAEMON] = { .fd = hb.fd, .events = POLLIN },
		[PFD_SIGNALS] = { .fd = hb.signals, .events = POLLIN },
		[PFD_STATUS] = { .fd = hb.ask, .events = POLLIN },
		[PFD_TIMER] = { .fd = hb.timer, .events = POLLIN }
	};
	const nfds_t	n = watch_poll(pfd + PFD_MAX);
	const int64_t	wait = heartbeat_wait();
	struct timespec ts = { wait / 1000, wait % 1000 * 1000000 };

	if (ppoll(pfd, PFD_MAX + n, wait == -1 ? NULL : &ts, NULL) == -1) {
		if (errno != EINTR)
			heartbeat_fail(EXIT_USAGE, "poll: %s", strerror(errno));
		return;
	}
	if (watch_ended(pfd + PFD_MAX, n))
		exit(EXIT_LET_GO);
	if (pfd[PFD_SIGNALS].revents != 0)
		heartbeat_signal();
	if (pfd[PFD_CHANNEL].revents != 0)
		heartbeat_read_vault();
	if (pfd[PFD_DAEMON].revents != 0)
		heartbeat_read();
	if (pfd[PFD_TIMER].revents != 0)
		heartbeat_ping();
	if (pfd[PFD_STATUS].revents != 0 && hb.state == LEARNING &&
	    status_read(hb.ask, &hb.status))
		heartbeat_learned();
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
	if (hb.o->npids != 0 && setsid() != -1)
		hb.detached = true;
}

static void
heartbeat_descriptors(void)
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
	/* This clock goes on while the machine sleeps, as the daemon's does. */
	hb.timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (hb.signals == -1 || hb.timer == -1)
		err(EXIT_USAGE, "signalfd, timerfd");
}

/* Guards until the end; o must last as long. */
noreturn void
heartbeat_run(const struct heartbeat_options *o)
{
	hb.o = o;
	hb.session = o->npids != 0 ? o->pids[0] : getpid();
	hb.patient = clock_ms(CLOCK_MONOTONIC) + o->wait;
	hb.due = hb.patient + ANSWER_MS;
	say_open(o->quiet);
	heartbeat_descriptors();
	watch_open(o);
	if (o->tell)
		hb.terminal = notice_open(hb.session);
	heartbeat_detach();
	heartbeat_connect();
	for (;;)
		heartbeat_turn();
}
