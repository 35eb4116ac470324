/* SPDX-License-Identifier: ISC */
/*
 * The history of this life, line by line, and the report when it is impossible.
 */
#include <err.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "storm.h"

/* By enum kind. */
const char *const kind_names[KINDS] = { "HOLD", "PING", "CANCEL", "QUIT",
	"WATCH", "PUT", "GET", "DEL", "STATUS", "PANIC", "PANIC hard",
	"REGISTER", "UNREGISTER" };

static FILE  *history; /* in memory */
static char  *history_text;
static size_t history_len;

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

void
note(const char *fmt, ...)
{
	va_list ap;

	if (history == NULL &&
	    (history = open_memstream(&history_text, &history_len)) == NULL)
		fatal("open_memstream");
	(void)fprintf(history, "%9.3f  ",
	    l.start == 0 ? 0 : (double)(now() - l.start) / MS);
	va_start(ap, fmt);
	(void)vfprintf(history, fmt, ap);
	va_end(ap);
	(void)fputc('\n', history);
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
	if (history != NULL && fflush(history) == 0)
		(void)fwrite(history_text, 1, history_len, stderr);
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
