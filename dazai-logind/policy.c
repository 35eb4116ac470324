/* SPDX-License-Identifier: ISC */
/*
 * The loop: holds the tether, lets go of it, or orders a panic, depending on
 * the state that the login manager reports.
 */
#include <sys/signalfd.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <syslog.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>

#include "bus.h"
#include "clock.h"
#include "exit.h"
#include "order.h"
#include "policy.h"
#include "report.h"
#include "sandbox.h"
#include "tether.h"

#define PANIC_MS 10000 /* the most time that the end of a vault may take */

enum {
	PFD_BUS,
	PFD_SIGNALS = BUS_PFD,
	PFD_ORDER,
	PFD_TETHER,
	PFD_MAX = PFD_TETHER + TETHER_PFD
};

static struct {
	const struct policy *rules;
	int		     signals;
	bool settled;  /* the tether is held, and all rights are given up */
	bool locked;   /* the session was locked when we last looked */
	bool sleeping; /* likewise */
	bool emptied;  /* order_empty() was called since Lock */
	bool full;     /* the daemon failed to wipe the secrets */
} p;

/*
 * Orders a panic, lets the machine sleep when the vault has ended or the time
 * is up, and exits.  If there was no daemon yet, only lets the machine sleep.
 */
static void
policy_sleep(void)
{
	const int64_t ms = bus.delay < PANIC_MS ? bus.delay : PANIC_MS;
	bool	      ended;

	if (!tether_has_daemon()) {
		bus_allow_sleep();
		return;
	}
	/* Keep some time to report that it has not ended. */
	ended = order_panic(ms - ms / 10);
	if (!ended)
		report(LOG_ALERT,
		    "the machine sleeps, and the daemon was not seen to end: "
		    "its secrets may be in memory");
	bus_allow_sleep();
	if (!ended)
		tether_end(LOG_ERR, EXIT_ALIVE, "let go");
	tether_end(LOG_INFO, EXIT_LET_GO,
	    "the daemon has ended before the machine sleeps");
}

/* Acts on a lock or unlock of the session. */
static void
policy_lock(void)
{
	const bool locked = bus.locked && p.rules->lock != LOCK_IGNORE;

	if (bus.locked != p.locked)
		report(LOG_INFO, "session %s is %s", bus.session,
		    bus.locked ? "locked" : "unlocked");
	p.locked = bus.locked;
	if (!locked)
		p.emptied = false;
	if (p.rules->lock == LOCK_RELEASE) {
		tether_hold(bus.manager && !locked);
		return;
	}
	if (locked && !p.emptied && tether_is_held()) {
		p.emptied = true;
		p.full = false;
		order_empty();
	}
	tether_hold(bus.manager && !(p.emptied && p.full));
}

/*
 * Checks for the answer to the order to wipe every secret.  If that has failed,
 * lets go of the tether, so that the daemon panics.
 */
static void
policy_emptied(const struct pollfd *pfd)
{
	const char *why = order_emptied(pfd);

	if (why == NULL)
		return;
	p.full = why[0] != '\0';
	if (p.full)
		report(LOG_WARNING, "the daemon does not wipe its secrets: %s",
		    why);
	else
		report(LOG_INFO, "all secrets are wiped");
}

/* Acts on what has changed. */
static void
policy_act(void)
{
	if (bus.sleeping != p.sleeping && p.rules->sleep) {
		if (bus.sleeping)
			policy_sleep();
		else
			bus_inhibit_sleep();
	}
	p.sleeping = bus.sleeping;
	if (bus.ended)
		tether_end(LOG_INFO, EXIT_LET_GO, "the session has ended");
	policy_lock();
}

/* As soon as the tether is held, reports that, and gives up all rights. */
static void
policy_settle(void)
{
	if (p.settled || !tether_was_held())
		return;
	p.settled = true;
	(void)sd_notify(1, "READY=1");
	if (sandbox_logind() == -1)
		tether_end(LOG_ERR, EXIT_USAGE, "%s", strerrordesc_np(errno));
}

static void
policy_signal(void)
{
	struct signalfd_siginfo si;

	if (read(p.signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
		tether_end(LOG_INFO, EXIT_LET_GO, "ended by a signal: let go");
}

/* Returns the earlier of two times; -1 is never. */
static int64_t
policy_earlier(int64_t a, int64_t b)
{
	return (a == -1 || (b != -1 && b < a) ? b : a);
}

static void
policy_turn(void)
{
	struct pollfd	pfd[PFD_MAX] = { [PFD_SIGNALS] = { .fd = p.signals,
					     .events = POLLIN } };
	struct timespec ts = { 0, 0 };
	int64_t		until, left;

	until = policy_earlier(tether_poll(pfd + PFD_TETHER, !bus.sleeping),
	    policy_earlier(order_poll(&pfd[PFD_ORDER]),
		bus_poll(&pfd[PFD_BUS])));
	left = until - clock_ms(CLOCK_MONOTONIC);
	if (left > 0)
		ts = (struct timespec){ left / 1000,
			(long)(left % 1000 * 1000000) };
	if (ppoll(pfd, PFD_MAX, until == -1 ? NULL : &ts, NULL) == -1) {
		if (errno != EINTR)
			tether_end(LOG_ERR, EXIT_USAGE, "%s",
			    strerrordesc_np(errno));
		return;
	}
	if (pfd[PFD_SIGNALS].revents != 0)
		policy_signal();
	bus_turn(&pfd[PFD_BUS]);
	policy_emptied(&pfd[PFD_ORDER]);
	policy_act();
	tether_turn(pfd + PFD_TETHER);
	/* The session may have been locked before the tether was held. */
	policy_act();
	policy_settle();
}

/* Runs until the end.  rules must last as long as the program. */
noreturn void
policy_run(const struct policy *rules)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP };
	sigset_t	 set;
	size_t		 i;

	p.rules = rules;
	sigemptyset(&set);
	for (i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++) {
		sigaddset(&set, sigs[i]);
		/* If our parent ignored it for us, it would never come. */
		(void)signal(sigs[i], SIG_DFL);
	}
	(void)sigprocmask(SIG_SETMASK, &set, NULL);
	p.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (p.signals == -1)
		tether_end(LOG_ERR, EXIT_USAGE, "%s", strerrordesc_np(errno));
	policy_act();
	for (;;)
		policy_turn();
}
