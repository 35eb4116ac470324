/* SPDX-License-Identifier: ISC */
/*
 * Writes lines to standard error.  Drops a line for which there is no room, so
 * that a reader that hangs delays nothing.  Sends an alert to syslog(3), too.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "oneline.h"
#include "out.h"
#include "report.h"

static struct out report_out;
static int	  report_limit; /* the least important priority that is shown */
static bool	  report_journal; /* standard error is read by journald(8) */

/*
 * Prepares report().  With quiet, it shows only warnings and worse; with
 * verbose, debugging, too.  Call this before the sandbox, which forbids opening
 * files.  Ignores SIGPIPE: if nobody reads a pipe any more, that must not end
 * the program and lose the tether.
 */
void
report_open(bool quiet, bool verbose)
{
	report_limit = quiet ? LOG_WARNING : verbose ? LOG_DEBUG : LOG_INFO;
	report_journal = getenv("JOURNAL_STREAM") != NULL;
	out_open(&report_out, STDERR_FILENO);
	(void)signal(SIGPIPE, SIG_IGN);
	tzset();
	openlog("dazai-logind", LOG_NDELAY | LOG_PID, LOG_AUTHPRIV);
}

/* Writes a line, or drops it.  priority: one of syslog(3)'s. */
void
report(int priority, const char *fmt, ...)
{
	char	line[512], text[512];
	va_list ap;
	size_t	start, n;

	if (priority > report_limit)
		return;
	line[0] = '\0';
	if (report_journal)
		(void)snprintf(line, sizeof(line), "<%d>", priority);
	(void)strlcat(line, "dazai-logind: ", sizeof(line));
	start = strlen(line);
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)strlcat(line, oneline(text), sizeof(line) - 1);
	n = strlen(line);
	line[n++] = '\n';
	out_write(&report_out, line, n);
	if (priority == LOG_ALERT) {
		line[n - 1] = '\0';
		syslog(priority, "%s", line + start);
	}
}
