/* SPDX-License-Identifier: ISC */
/*
 * The daemon's log: standard error, or syslog's datagram socket once the daemon
 * is in the background.  It uses neither syslog(3) nor err(3), because they
 * allocate and block.
 *
 * Writing to a terminal, a pipe or a socket never waits for its reader; a line
 * for which there is no room is dropped.  Writing to a file can block for as
 * long as its file system is frozen or its server does not answer.  So the
 * vault sends its lines to network, which writes them: see log_relay().
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "imsg.h"
#include "log.h"
#include "out.h"

#define LOG_LINE 512 /* bytes; less than PIPE_BUF, so written whole or not */

static const struct sockaddr_un log_dev = { .sun_family = AF_UNIX,
	.sun_path = "/dev/log" };

static bool	  log_named = true; /* lines on standard error have the name */
static char	  log_process[32];  /* "vault: "; empty during the start */
static struct out log_out = { STDERR_FILENO, OUT_FILE };
static int	  log_level;	  /* above 0: log_debug() writes */
static bool	  log_to_syslog;  /* log_out is syslog's socket */
static bool	  log_reconnects; /* reconnect if syslogd was restarted */
static int	  log_imsg = -1;  /* of log_relay() */

/*
 * Returns whether lines on standard error need the program's name: not if it is
 * the journal (see systemd.exec(5)), which adds the name itself.
 */
bool
log_is_named(void)
{
	const char *journal = getenv("JOURNAL_STREAM");
	char	    ours[64];
	struct stat st;

	if (journal == NULL || fstat(STDERR_FILENO, &st) == -1)
		return (true);
	(void)snprintf(ours, sizeof(ours), "%ju:%ju", (uintmax_t)st.st_dev,
	    (uintmax_t)st.st_ino);
	return (strcmp(journal, ours) != 0);
}

/* Starts to log on standard error; if named, with the program's name. */
void
log_open(bool named, int verbose)
{
	log_named = named;
	log_level = verbose;
	log_imsg = -1;
	out_open(&log_out, STDERR_FILENO);
}

/* From now on each line names the process within the daemon. */
void
log_role(const char *process)
{
	(void)snprintf(log_process, sizeof(log_process), "%s: ", process);
}

/* How often -v was given. */
int
log_verbose(void)
{
	return (log_level);
}

/*
 * Logs to syslog instead of standard error.  Connects the socket now, because
 * network cannot reach its path later.  If has_files is set, this process keeps
 * its file system: it will reconnect to a restarted syslogd, and now says on
 * standard error if there is no syslogd.
 */
void
log_syslog(bool has_files)
{
	int fd;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if ((fd == -1 ||
		connect(fd, (const struct sockaddr *)&log_dev,
		    sizeof(log_dev)) == -1) &&
	    has_files)
		log_warn("cannot log to syslog: %s", log_dev.sun_path);
	if (log_out.kind == OUT_OWN && log_out.fd != -1)
		close(log_out.fd);
	log_out.fd = fd;
	log_to_syslog = true;
	log_reconnects = has_files;
}

/*
 * In the vault: from now on sends each line to network, on fd, unless the log
 * is a socket, which never blocks.  With -1 the vault writes again itself.
 * Async-signal-safe.
 */
void
log_relay(int fd)
{
	log_imsg = log_to_syslog || log_out.kind == OUT_SOCKET ? -1 : fd;
}

/* True if network writes the vault's lines. */
bool
log_is_relayed(void)
{
	return (log_imsg != -1);
}

/* True if a write to the log can block. */
bool
log_is_file(void)
{
	return (!log_to_syslog && log_out.kind == OUT_FILE);
}

/*
 * Sends l to network, or drops it.  Lines of -v, one for each message, are
 * dropped if less than three quarters of the socket's room is free: the
 * vault's answers need that room, and if one does not fit, network counts as
 * lost.
 */
static void
log_send(const struct imsg_log *l)
{
	struct imsg im = { .type = IMSG_LOG, .fd = -1, .u.log = *l };

	if (l->priority != LOG_DEBUG || imsg_has_room(log_imsg))
		(void)imsg_send(log_imsg, &im, MSG_DONTWAIT);
}

static void
log_send_syslog(const char *line, size_t len)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	if (send(log_out.fd, line, len, flags) == -1 && errno != EAGAIN &&
	    log_reconnects)
		(void)sendto(log_out.fd, line, len, flags,
		    (const struct sockaddr *)&log_dev, sizeof(log_dev));
}

/*
 * Appends s to text at offset n, as far as it fits into size bytes with the
 * NUL.  Returns the new length.
 */
static size_t
log_add(char *text, size_t n, size_t size, const char *s)
{
	while (*s != '\0' && n < size - 1)
		text[n++] = *s++;
	text[n] = '\0';
	return (n);
}

/*
 * Writes the prefix of a line to line: "dazaid: ", or "<25>dazaid: " for
 * syslog.  Returns its length.
 */
static size_t
log_head(char *line, uint32_t priority)
{
	size_t n = 0;

	if (log_to_syslog) {
		priority |= LOG_DAEMON; /* two digits: 24 to 31 */
		line[n++] = '<';
		line[n++] = (char)('0' + priority / 10);
		line[n++] = (char)('0' + priority % 10);
		line[n++] = '>';
	}
	if (log_to_syslog || log_named)
		n = log_add(line, n, LOG_LINE, "dazaid: ");
	return (n);
}

/* Writes one line, which names its process.  Async-signal-safe. */
void
log_write(const struct imsg_log *l)
{
	char   line[LOG_LINE];
	size_t n;

	if (log_is_relayed()) {
		log_send(l);
		return;
	}
	n = log_head(line, l->priority & LOG_PRIMASK);
	n = log_add(line, n, sizeof(line), l->text);
	if (log_to_syslog) {
		log_send_syslog(line, n);
		return;
	}
	line[n++] = '\n';
	out_write(&log_out, line, n);
}

static void __attribute__((format(printf, 3, 0)))
log_format(uint32_t priority, const char *error, const char *fmt, va_list ap)
{
	struct imsg_log l;
	size_t		n;

	memset(&l, 0, sizeof(l));
	l.priority = priority;
	n = log_add(l.text, 0, sizeof(l.text), log_process);
	(void)vsnprintf(l.text + n, sizeof(l.text) - n, fmt, ap);
	n += strlen(l.text + n);
	if (error != NULL) {
		n = log_add(l.text, n, sizeof(l.text), ": ");
		(void)log_add(l.text, n, sizeof(l.text), error);
	}
	log_write(&l);
}

/* Logs a line with -v only.  Neither this nor the next three may block. */
void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (log_level < 1)
		return;
	va_start(ap, fmt);
	log_format(LOG_DEBUG, NULL, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_format(LOG_INFO, NULL, fmt, ap);
	va_end(ap);
}

/* Logs a line with ": " and the text of errno at its end. */
void
log_warn(const char *fmt, ...)
{
	const char *error = strerrordesc_np(errno);
	va_list	    ap;

	va_start(ap, fmt);
	log_format(LOG_WARNING, error, fmt, ap);
	va_end(ap);
}

void
log_warnx(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_format(LOG_WARNING, NULL, fmt, ap);
	va_end(ap);
}

/*
 * Logs the concatenated strings up to a NULL.  Async-signal-safe; keeps errno.
 */
void
log_parts(const char *const *part)
{
	struct imsg_log l;
	size_t		n;
	int		saved = errno;

	memset(&l, 0, sizeof(l));
	l.priority = LOG_ALERT;
	n = log_add(l.text, 0, sizeof(l.text), log_process);
	for (; *part != NULL; part++)
		n = log_add(l.text, n, sizeof(l.text), *part);
	log_write(&l);
	errno = saved;
}
