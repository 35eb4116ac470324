/* SPDX-License-Identifier: ISC */
/*
 * Sends a PING at each interval.
 */
#include <sys/timerfd.h>

#include <err.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "heartbeat.h"
#include "num.h"
#include "ping.h"
#include "wire.h"

#define PING_MS 5000 /* the longest interval without -i */

static int ping_timer = -1;

/* Returns the timer's descriptor; -1 with errno. */
int
ping_open(void)
{
	/* This clock, like the daemon's, goes on while the machine sleeps. */
	ping_timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	return (ping_timer);
}

/* Sets the interval of PINGs from -i and the daemon's STATUS. */
void
ping_interval(void)
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
		{ ms / 1000, (long)(ms % 1000 * 1000000) },
		{ ms / 1000, (long)(ms % 1000 * 1000000) },
	};
	if (timerfd_settime(ping_timer, 0, &its, NULL) == -1)
		heartbeat_fail(EXIT_USAGE, "timerfd: %s",
		    strerrordesc_np(errno));
}

/* Sends a PING, if the timer has fired. */
void
ping_send(void)
{
	uint64_t times;

	if (read(ping_timer, &times, sizeof(times)) == (ssize_t)sizeof(times) &&
	    hb.state == GUARDING)
		wire_send_vault(WIRE_PING);
}
