/* SPDX-License-Identifier: ISC */
/*
 * The tether: sends HOLD on a connection to the daemon, and closes it to let
 * go.
 */
#include <sys/timerfd.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "bus.h"
#include "clock.h"
#include "exit.h"
#include "order.h"
#include "report.h"
#include "status.h"
#include "tether.h"

#define ANSWER_MS 10000 /* to wait for an answer, and to reconnect */
#define RETRY_MS  50	/* between attempts to connect, or to reconnect */
#define PING_MS	  5000	/* the longest interval between PINGs */

static struct {
	const struct sockpath *places;
	const char	      *name;
	enum {
		AWAY,	  /* there will be another attempt to connect */
		LEARNING, /* connected; waiting for the answer to STATUS */
		ASKED,	  /* waiting for the answer to HOLD */
		HOLDING,
		LOOSE /* let go */
	} state;
	bool	      wanted; /* the tether must be held */
	bool	      held;   /* it was held at least once */
	int	      ask;    /* connection for STATUS; -1 unless LEARNING */
	int	      timer;  /* of the PINGs */
	int	      vault;  /* a pidfd; -1 until there is a daemon */
	struct status status;
	/* Times are ms of CLOCK_MONOTONIC. */
	int64_t due;	 /* when to give up; not while HOLDING or LOOSE */
	int64_t retry;	 /* while AWAY: when to try again */
	int64_t patient; /* when to stop waiting for a daemon */
} t = { .ask = -1, .timer = -1, .vault = -1 };

/*
 * Exits with a message.  Lets go first, because writing the line may take a
 * while.
 */
noreturn void
tether_end(int priority, int code, const char *fmt, ...)
{
	char	text[REACH_WHY];
	va_list ap;

	wire_close();
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report(priority, "%s", text);
	exit(code);
}

/*
 * Connecting.
 */

static noreturn void
tether_no_daemon(enum reach_result result)
{
	int code = EXIT_USAGE;

	if (t.vault != -1 && result == REACH_NO_DAEMON)
		tether_end(LOG_ERR, EXIT_ENDED,
		    "the daemon ended: this session is UNGUARDED");
	if (result == REACH_NO_DAEMON)
		code = EXIT_NO_DAEMON;
	else if (result == REACH_REFUSED)
		code = EXIT_REFUSED;
	tether_end(LOG_ERR, code, "%s", wire_daemon()->why);
}

/* Sets the timer of PINGs: often enough for the daemon. */
static void
tether_interval(void)
{
	const int64_t timeout = t.status.timeout;
	const int64_t ms = timeout != 0 && timeout / 3 < PING_MS ? timeout / 3 :
								   PING_MS;
	const struct itimerspec its = {
		{ ms / 1000, (long)(ms % 1000 * 1000000) },
		{ ms / 1000, (long)(ms % 1000 * 1000000) },
	};

	if (timerfd_settime(t.timer, 0, &its, NULL) == -1)
		tether_end(LOG_ERR, EXIT_USAGE, "timerfd: %s",
		    strerrordesc_np(errno));
}

static void
tether_ask(void)
{
	char line[32];

	t.state = ASKED;
	(void)snprintf(line, sizeof(line), "HOLD %s\n", t.name);
	wire_send(line);
}

/*
 * The answer to STATUS has come, or will not come: sets the interval of PINGs,
 * and asks to hold.
 */
static void
tether_learned(void)
{
	if (t.ask != -1)
		close(t.ask);
	t.ask = -1;
	tether_interval();
	tether_ask();
}

/* The daemon was reached for the first time. */
static void
tether_found(void)
{
	const struct reach *r = wire_daemon();

	if ((t.vault = order_open(r->fd, r->maker.pid)) == -1)
		tether_end(LOG_ERR, EXIT_REFUSED,
		    "process %ld cannot be watched: %s", (long)r->maker.pid,
		    strerrordesc_np(errno));
	t.state = LEARNING;
	t.due = clock_ms(CLOCK_MONOTONIC) + ANSWER_MS;
	t.ask = status_ask(r->path, r->maker.pid);
	if (t.ask == -1)
		tether_learned();
}

/*
 * Connects, and asks for STATUS.  Stays AWAY, to try again later, if there is
 * no daemon yet, or it has no room for a connection.
 */
static void
tether_connect(void)
{
	const int64_t	  now = clock_ms(CLOCK_MONOTONIC);
	enum reach_result result;

	t.retry = now + RETRY_MS;
	if (t.vault == -1)
		wire_forget();
	result = wire_open(t.places, ".ctl");
	if (result == REACH_FULL ||
	    (result == REACH_NO_DAEMON && t.vault == -1 && now < t.patient))
		return;
	if (result != REACH_FOUND)
		tether_no_daemon(result);
	if (t.vault == -1)
		tether_found();
	else
		tether_ask();
}

/*
 * Holding and letting go.
 */

/* Lets go; the program goes on. */
static void
tether_let_go(void)
{
	wire_close();
	t.state = LOOSE;
	report(LOG_INFO, "let go of %s", t.name);
}

/* Returns whether the tether is held now. */
bool
tether_is_held(void)
{
	return (t.state == HOLDING);
}

/* Returns whether the tether was ever held. */
bool
tether_was_held(void)
{
	return (t.held);
}

/* Returns whether a daemon was ever reached. */
bool
tether_has_daemon(void)
{
	return (t.vault != -1);
}

/*
 * Holds the tether from now on if wanted is set; otherwise lets go of it.  If
 * it was never held, takes it first, because only then is it lost when we let
 * go.
 */
void
tether_hold(bool wanted)
{
	t.wanted = wanted;
	if (wanted && t.state == LOOSE) {
		t.state = AWAY;
		t.retry = clock_ms(CLOCK_MONOTONIC);
		t.due = t.retry + ANSWER_MS;
	} else if (!wanted && t.held && t.state != LOOSE) {
		tether_let_go();
	}
}

/* HOLDING has come, with the vault's channel, or none (-1). */
static void
tether_held(int channel)
{
	if (!wire_welcome(channel))
		tether_end(LOG_ERR, EXIT_REFUSED,
		    "%s: the answer did not come from the vault",
		    wire_daemon()->path);
	t.state = HOLDING;
	/* Once we send a byte, the vault ignores PINGs forged by network. */
	wire_send_vault(WIRE_PING);
	t.held = true;
	report(LOG_INFO, "holding %s for session %s with dazaid %ld", t.name,
	    bus.session, (long)wire_daemon()->maker.pid);
	if (!t.wanted)
		tether_let_go();
}

/*
 * The connection is lost.  Connects again while the daemon lives: it may only
 * have missed our PINGs, and a new holder within the grace ends the panic.
 */
static void
tether_again(void)
{
	const int64_t now = clock_ms(CLOCK_MONOTONIC);

	if (!t.held)
		tether_end(LOG_ERR, EXIT_REFUSED,
		    "%s: the daemon closed the connection without an answer",
		    wire_daemon()->path);
	wire_close();
	t.retry = now;
	if (t.state == HOLDING)
		t.due = now + ANSWER_MS;
	else
		t.retry += RETRY_MS; /* later the second time */
	t.state = AWAY;
}

/*
 * Answers.
 */

/* Handles a line from the vault. */
static void
tether_answer(const char *line, int channel)
{
	(void)channel;
	if (strncmp(line, "TETHER ", 7) == 0 && strcmp(line + 7, t.name) != 0)
		tether_end(LOG_ERR, EXIT_REFUSED,
		    "%s: another tether is held than %s", wire_daemon()->path,
		    t.name);
	if (strcmp(line, "RELEASED") == 0)
		tether_end(LOG_INFO, EXIT_LET_GO, "released");
}

/* Handles a line from the daemon, with the channel that came with it, or -1. */
static void
tether_line(const char *line, int channel)
{
	if (t.state == ASKED && strcmp(line, "HOLDING") == 0)
		tether_held(channel);
	else if (t.state == ASKED && strcmp(line, "BUSY") == 0 && t.held)
		tether_again(); /* it may not know yet that we hung up */
	else if (t.state == ASKED && strcmp(line, "BUSY") == 0)
		tether_end(LOG_ERR, EXIT_BUSY,
		    "%s: no room for one more holder", wire_daemon()->path);
	else if (t.state != HOLDING)
		tether_end(LOG_ERR, EXIT_REFUSED,
		    "%s: not the answer of a dazaid", wire_daemon()->path);
	else if (wire_forwarded())
		tether_answer(line, channel);
}

/*
 * The loop's.
 */

/*
 * If may_connect is set and it is time, connects.  Fills in TETHER_PFD entries.
 * Returns the time until which to poll, in ms of CLOCK_MONOTONIC; -1: for ever.
 */
int64_t
tether_poll(struct pollfd *pfd, bool may_connect)
{
	const int64_t now = clock_ms(CLOCK_MONOTONIC);
	int64_t	      until = -1;

	if (t.state == AWAY && t.retry <= now && may_connect)
		tether_connect();
	if (t.state != HOLDING && t.state != LOOSE) {
		until = t.state == AWAY && t.retry < t.due ? t.retry : t.due;
		if (t.due <= now)
			tether_end(LOG_ERR, EXIT_REFUSED,
			    "%s%s: the daemon did not answer within 10 seconds",
			    wire_daemon()->path, wire_daemon()->suffix);
	}
	wire_poll(pfd);
	pfd[TETHER_ASK] = (struct pollfd){ t.ask, POLLIN, 0 };
	pfd[TETHER_TIMER] = (struct pollfd){ t.timer, POLLIN, 0 };
	pfd[TETHER_VAULT] = (struct pollfd){ t.vault, POLLIN, 0 };
	return (until);
}

/* Handles the results of poll(2) for the connection of these entries. */
static void
tether_wire(const struct pollfd *pfd)
{
	struct pollfd now[WIRE_PFD];

	/* The connection may have been closed since poll(2). */
	wire_poll(now);
	if (pfd[WIRE_CHANNEL].revents != 0 &&
	    now[WIRE_CHANNEL].fd == pfd[WIRE_CHANNEL].fd)
		wire_read_vault(tether_answer);
	wire_poll(now);
	if (pfd[WIRE_DAEMON].revents != 0 &&
	    now[WIRE_DAEMON].fd == pfd[WIRE_DAEMON].fd &&
	    !wire_read(tether_line, t.state == ASKED))
		tether_again();
}

/* Handles the results of poll(2). */
void
tether_turn(const struct pollfd *pfd)
{
	uint64_t times;

	if (pfd[TETHER_VAULT].revents != 0)
		tether_no_daemon(REACH_NO_DAEMON);
	tether_wire(pfd);
	if (pfd[TETHER_TIMER].revents != 0 &&
	    read(t.timer, &times, sizeof(times)) == (ssize_t)sizeof(times) &&
	    t.state == HOLDING)
		wire_send_vault(WIRE_PING);
	if (pfd[TETHER_ASK].revents != 0 && t.state == LEARNING &&
	    status_read(t.ask, &t.status))
		tether_learned();
}

/*
 * Prepares to hold the tether name of a daemon at one of the places.  Waits at
 * most wait ms for a daemon.  places and name must stay valid.
 */
void
tether_open(const struct sockpath *places, const char *name, int64_t wait)
{
	t.places = places;
	t.name = name;
	t.patient = clock_ms(CLOCK_MONOTONIC) + wait;
	t.due = t.patient + ANSWER_MS;
	t.wanted = true;
	/* This clock, like the daemon's, goes on while the machine sleeps. */
	t.timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (t.timer == -1)
		tether_end(LOG_ERR, EXIT_USAGE, "timerfd: %s",
		    strerrordesc_np(errno));
}
