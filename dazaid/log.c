/* SPDX-License-Identifier: ISC */
/*
 * The daemon's log: standard error, or syslog's datagram socket once it is in
 * the background.  A line is one write that never waits and never allocates;
 * what the reader has no room for is dropped, because a stuck terminal must not
 * hold up a wipe.  syslog(3) and err(3) can do neither.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "out.h"

#define LOG_LINE 512 /* below PIPE_BUF: whole or not at all */

static const struct sockaddr_un devlog = { .sun_family = AF_UNIX,
	.sun_path = "/dev/log" };

static char	  log_name[32] = "dazaid";
static char	  log_part[32]; /* "vault: ", or empty at the start */
static struct out log_out = { STDERR_FILENO, OUT_FILE };
static int	  log_level; /* above 0: log_debug() speaks */
static int	  log_sys;   /* to syslog, by log_out's socket */
static int	  log_finds; /* a syslogd that was started anew */

/* Starts to log on standard error as name. */
void
log_open(const char *name, int verbose)
{
	(void)snprintf(log_name, sizeof(log_name), "%s", name);
	log_level = verbose;
	out_open(&log_out, STDERR_FILENO);
}

/* Names the process within the daemon, for every line from here on. */
void
log_role(const char *role)
{
	(void)snprintf(log_part, sizeof(log_part), "%s: ", role);
}

int
log_verbose(void)
{
	return (log_level);
}

/*
 * Turns from standard error to syslog.  The socket is connected for the sake of
 * network, which will have no file system.  first: in the process that still
 * has one, which finds a restarted syslogd again by its path, and says so,
 * while it can be said, if there is none.
 */
void
log_syslog(int first)
{
	int fd;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if ((fd == -1 ||
		connect(fd, (const struct sockaddr *)&devlog, sizeof(devlog)) ==
		    -1) &&
	    first)
		log_warn("no syslog: %s", devlog.sun_path);
	if (log_out.kind == OUT_OWN && log_out.fd != -1)
		close(log_out.fd);
	log_out.fd = fd;
	log_sys = 1;
	log_finds = first;
}

static void
log_send(const char *line, size_t len)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	if (send(log_out.fd, line, len, flags) == -1 && errno != EAGAIN &&
	    log_finds)
		(void)sendto(log_out.fd, line, len, flags,
		    (const struct sockaddr *)&devlog, sizeof(devlog));
}

/*
 * Appends s to line at n, keeping one byte for the newline; returns the new n.
 */
static size_t
log_add(char *line, size_t n, const char *s)
{
	while (*s != '\0' && n < LOG_LINE - 1)
		line[n++] = *s++;
	return (n);
}

/* What stands before the text: "dazaid: vault: ", for syslog also "<25>". */
static size_t
log_head(char *line, int priority)
{
	size_t n = 0;

	if (log_sys) {
		priority |= LOG_DAEMON; /* two digits: 24 to 31 */
		line[n++] = '<';
		line[n++] = (char)('0' + priority / 10);
		line[n++] = (char)('0' + priority % 10);
		line[n++] = '>';
	}
	n = log_add(line, n, log_name);
	n = log_add(line, n, ": ");
	return (log_add(line, n, log_part));
}

static void
log_line(char *line, size_t n)
{
	if (log_sys) {
		log_send(line, n);
		return;
	}
	line[n++] = '\n';
	out_write(&log_out, line, n);
}

static void __attribute__((format(printf, 3, 0)))
log_format(int priority, const char *error, const char *fmt, va_list ap)
{
	char   line[LOG_LINE];
	size_t n;

	n = log_head(line, priority);
	(void)vsnprintf(line + n, sizeof(line) - 1 - n, fmt, ap);
	n += strlen(line + n);
	if (error != NULL)
		n = log_add(line, log_add(line, n, ": "), error);
	log_line(line, n);
}

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

/* With ": " and what errno says. */
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

/* log_alert()'s strings, up to a NULL.  Async-signal-safe, and keeps errno. */
void
log_parts(const char *const *part)
{
	char   line[LOG_LINE];
	size_t n;
	int    saved = errno;

	for (n = log_head(line, LOG_ALERT); *part != NULL; part++)
		n = log_add(line, n, *part);
	log_line(line, n);
	errno = saved;
}
