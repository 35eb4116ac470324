/* SPDX-License-Identifier: ISC */
/*
 * The history of this life, line by line, and the report when it is impossible.
 */
#include <err.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "storm.h"

#define LINE ((size_t)512)

/* By enum kind. */
const char *const kind_names[KINDS] = { "HELLO", "PING", "CANCEL", "QUIT",
	"noise", "bad HELLO", "long line", "HOLD", "WATCH", "PUT", "GET", "DEL",
	"LIST", "STATUS", "ARM", "PANIC", "PANIC hard", "REGISTER",
	"UNREGISTER", "bad request", "TETHERS", "RELEASE", "EVENTS" };

static char  *history;
static size_t history_len, history_size;

usec
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return ((usec)ts.tv_sec * 1000000 + ts.tv_nsec / 1000);
}

/* Ends the storm after a failure that is not the daemon's. */
void
fatal(const char *what)
{
	warn("storm: %s", what);
	daemon_kill();
	_exit(2);
}

/* Makes room for a line. */
static void
history_grow(void)
{
	const size_t size = history_size * 2 + 8 * LINE;
	char	    *grown;

	if (history_size - history_len >= 2 * LINE)
		return;
	if ((grown = realloc(history, size)) == NULL)
		fatal("realloc");
	history = grown;
	history_size = size;
}

void
note(const char *fmt, ...)
{
	va_list ap;
	int	n;

	history_grow();
	n = snprintf(history + history_len, LINE, "%9.3f  ",
	    l.start == 0 ? 0 : (double)(now() - l.start) / MS);
	history_len += n > 0 ? (size_t)n : 0;
	va_start(ap, fmt);
	(void)vsnprintf(history + history_len, LINE, fmt, ap);
	va_end(ap);
	history_len += strcspn(history + history_len, "\n");
	history[history_len++] = '\n';
}

/* Prints the history and ends the storm. */
void
broken(const char *fmt, ...)
{
	va_list ap;

	daemon_log();
	(void)setvbuf(stderr, NULL, _IOFBF, 1 << 20);
	(void)fprintf(stderr,
	    "storm: seed %" PRIu64 ", life %" PRIu64
	    ": %s, ms since it was ready:\n",
	    l.seed, l.number, l.command);
	(void)fwrite(history, 1, history_len, stderr);
	(void)fprintf(stderr, "log:\n%.*s", (int)l.loglen, l.log);
	(void)fprintf(stderr,
	    "storm: BROKEN, seed %" PRIu64 ", life %" PRIu64 ": ", l.seed,
	    l.number);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr,
	    "\nagain: make storm STORM_SEED=%" PRIu64 " STORM_LIFE=%" PRIu64
	    "\n",
	    l.seed, l.number);
	(void)fflush(stderr);
	daemon_kill();
	_exit(1);
}
