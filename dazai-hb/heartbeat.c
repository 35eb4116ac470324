/* SPDX-License-Identifier: ISC */
/*
 * The heartbeat: a connection to the daemon that stays open for as long as the
 * session lives.  When it ends, for whatever reason, the daemon knows that the
 * session has ended.  With -n it is one of the connections that hold a tether,
 * and nearly everything is the same.
 *
 * This file has the start, the loop, the signals and the end.  wire.c has the
 * connection, come.c decides when to connect, and hold.c sends requests and
 * handles the answers.
 */
#include <sys/signalfd.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "come.h"
#include "heartbeat.h"
#include "hold.h"
#include "notice.h"
#include "oneline.h"
#include "ping.h"
#include "say.h"
#include "watch.h"
#include "wire.h"

enum { PFD_WIRE, PFD_SIGNALS = WIRE_PFD, PFD_TIMER, PFD_STATUS, PFD_MAX };

#define HEARTBEAT_TRIES 500 /* of 10 ms, to wait for the end of others */

struct heartbeat hb;

static int heartbeat_signals = -1;
static int heartbeat_timer = -1;

/*
 * Exits with an error message.  Lets go first, because writing the message may
 * block.
 */
noreturn void
heartbeat_fail(int code, const char *fmt, ...)
{
	char	what[REACH_WHY + SOCKPATH_SIZE];
	va_list ap;

	wire_close();
	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	warnx("%s", oneline(what));
	exit(code);
}

/*
 * Waits for a while until all other dazai-hb on the terminal have ended, so
 * that none of them writes again that the daemon has ended.  Stops at a signal,
 * or at the end of what we watch.
 */
static void
heartbeat_wait_for_others(void)
{
	const struct timespec wait = { 0, 10000000 };
	struct pollfd pfd[1 + WATCH_PFD] = { { heartbeat_signals, POLLIN, 0 } };
	const nfds_t  n = 1 + watch_poll(pfd + 1);
	int	      i;

	for (i = 0; i < HEARTBEAT_TRIES && notice_waits(); i++) {
		if (ppoll(pfd, n, &wait, NULL) != 0)
			return;
	}
}

/* The daemon has ended while we guarded: exits. */
noreturn void
heartbeat_ended(void)
{
	if (hb.detached) {
		notice_ended();
		heartbeat_wait_for_others();
	}
	heartbeat_fail(EXIT_ENDED,
	    "the daemon ended: this session is UNGUARDED");
}

/* Asks for a clean end of the daemon, or to release the tether. */
static void
heartbeat_quit(void)
{
	char line[32];

	if (hb.state == AWAY || hb.state == LEARNING)
		exit(EXIT_LET_GO);
	if (hb.o->tether == NULL) {
		wire_send("QUIT\n");
	} else {
		/* A holder cannot send it; RELEASED comes over the channel. */
		(void)snprintf(line, sizeof(line), "RELEASE %s\n",
		    hb.o->tether);
		(void)wire_send_aside(line);
	}
	hb.state = QUITTING; /* even before WELCOME has come */
	hb.due = clock_ms(CLOCK_MONOTONIC) + ANSWER_MS;
}

static void
heartbeat_signal(void)
{
	struct signalfd_siginfo si;

	if (read(heartbeat_signals, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return;
	switch (si.ssi_signo) {
	case SIGUSR1:
		if (hb.state == GUARDING)
			wire_send_vault(WIRE_CANCEL);
		break;
	case SIGQUIT:
		heartbeat_quit();
		break;
	default:
		exit(EXIT_LET_GO);
	}
}

/* hb.due has passed: the answer that we wait for has not come. */
static void
heartbeat_late(void)
{
	if (hb.state == GUARDING) {
		/* The vault does not watch our processes; we still do. */
		hb.naming = 0;
		hold_settle();
		return;
	}
	if (hb.state == QUITTING)
		heartbeat_fail(EXIT_REFUSED, "no %s from the daemon",
		    hb.o->tether != NULL ? "RELEASED" : "BYE");
	if (hb.guarded && hb.busy)
		heartbeat_fail(EXIT_BUSY, "the connection was lost, and %s now",
		    hb.o->tether != NULL ? "no room for one more holder" :
					   "another heartbeat guards");
	heartbeat_fail(EXIT_REFUSED,
	    "%s%s: the daemon did not answer within 10 seconds",
	    wire_daemon()->path, wire_daemon()->suffix);
}

/* Returns how many ms the loop may sleep; -1 is for ever. */
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
		[PFD_SIGNALS] = { .fd = heartbeat_signals, .events = POLLIN },
		[PFD_TIMER] = { .fd = heartbeat_timer, .events = POLLIN },
		[PFD_STATUS] = come_poll()
	};
	const nfds_t	n = watch_poll(pfd + PFD_MAX);
	const int64_t	wait = heartbeat_wait();
	struct timespec ts = { wait / 1000, (long)(wait % 1000 * 1000000) };

	wire_poll(pfd + PFD_WIRE);
	if (ppoll(pfd, PFD_MAX + n, wait == -1 ? NULL : &ts, NULL) == -1) {
		if (errno != EINTR)
			heartbeat_fail(EXIT_USAGE, "poll: %s",
			    strerrordesc_np(errno));
		return;
	}
	if (watch_ended(pfd + PFD_MAX, n))
		exit(EXIT_LET_GO);
	if (pfd[PFD_SIGNALS].revents != 0)
		heartbeat_signal();
	if (pfd[PFD_WIRE + WIRE_CHANNEL].revents != 0)
		wire_read_vault(hold_answer);
	notice_flush();
	if (pfd[PFD_WIRE + WIRE_DAEMON].revents != 0 &&
	    !wire_read(hold_line, hb.state == ASKED))
		come_again();
	if (pfd[PFD_TIMER].revents != 0)
		ping_send();
	if (pfd[PFD_STATUS].revents != 0)
		come_learn();
	if (hb.state == AWAY && clock_ms(CLOCK_MONOTONIC) >= hb.retry)
		come_connect();
}

/*
 * Leaves the session of the shell that started us to watch a process: we must
 * not get the signals of its terminal, nor keep its terminal or its pipe open.
 */
static void
heartbeat_detach(void)
{
	if ((hb.o->npids != 0 || hb.o->background) && setsid() != -1)
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
	heartbeat_signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	heartbeat_timer = ping_open();
	if (heartbeat_signals == -1 || heartbeat_timer == -1)
		err(EXIT_USAGE, "signalfd or timerfd_create");
}

/* Guards until the end.  o must last as long as the program. */
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
	come_connect();
	for (;;)
		heartbeat_turn();
}
