/* SPDX-License-Identifier: ISC */
/*
 * The daemon's log: standard error, or syslog's datagram socket once it is in
 * the background.  A line is one write that never waits and never allocates;
 * what the reader has no room for is dropped, because a stuck terminal must not
 * hold up a wipe.  syslog(3) and err(3) can do neither.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define LOG_LINE	512	/* below PIPE_BUF: whole or not at all */

static const struct sockaddr_un devlog = {
	.sun_family = AF_UNIX, .sun_path = "/dev/log"
};

static char	log_name[32] = "dazaid";
static char	log_part[32];		/* "vault: ", or empty at the start */
static int	log_fd = STDERR_FILENO;
static int	log_level;		/* above 0: log_debug() speaks */
static enum { OUT_SHARED, OUT_OWN, OUT_SOCKET, OUT_SYSLOG } log_out;

/*
 * Starts to log on standard error as name.  O_NONBLOCK belongs to the open file
 * that we share with the shell, so a pipe or terminal is opened anew for a
 * description of our own.  Where that is refused (the terminal of another user)
 * poll(2) is asked before each write; regular files never make a writer wait.
 */
void
log_open(const char *name, int verbose)
{
	struct stat	st;
	int		fd;

	(void)snprintf(log_name, sizeof(log_name), "%s", name);
	log_level = verbose;
	if (fstat(STDERR_FILENO, &st) == -1 || S_ISREG(st.st_mode))
		return;
	if (S_ISSOCK(st.st_mode)) {
		log_out = OUT_SOCKET;
		return;
	}
	fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd != -1) {
		log_fd = fd;
		log_out = OUT_OWN;
	}
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
 * the process that will have no file system; the other one can find a restarted
 * syslogd again by its path.  If nobody listens there the log is off until
 * somebody does; tell: say so while it can still be said.
 */
void
log_syslog(int tell)
{
	int	fd;

	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if ((fd == -1 || connect(fd, (const struct sockaddr *)&devlog,
	    sizeof(devlog)) == -1) && tell)
		log_warn("no syslog: %s", devlog.sun_path);
	if (log_out == OUT_OWN)
		close(log_fd);
	log_fd = fd;
	log_out = OUT_SYSLOG;
}

static void
log_send(const char *line, size_t len)
{
	const int	flags = MSG_DONTWAIT | MSG_NOSIGNAL;

	if (log_out == OUT_SOCKET) {
		(void)send(log_fd, line, len, flags);
	} else if (send(log_fd, line, len, flags) == -1 && errno != EAGAIN) {
		(void)sendto(log_fd, line, len, flags,
		    (const struct sockaddr *)&devlog, sizeof(devlog));
	}
}

static void
log_write(const char *line, size_t len)
{
	const struct timespec	now = { 0, 0 };
	struct pollfd		pfd = { .fd = log_fd, .events = POLLOUT };
	ssize_t			n = 0;

	if (log_out == OUT_OWN ||
	    (ppoll(&pfd, 1, &now, NULL) == 1 && (pfd.revents & POLLOUT)))
		n = write(log_fd, line, len);
	(void)n;		/* dropped, and nobody left to tell */
}

/* Appends s to line at n, keeping one byte for the newline; returns the new n. */
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
	size_t	n = 0;

	if (log_out == OUT_SYSLOG) {
		priority |= LOG_DAEMON;		/* two digits: 24 to 31 */
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
	if (log_out != OUT_SYSLOG)
		line[n++] = '\n';
	if (log_out == OUT_SYSLOG || log_out == OUT_SOCKET)
		log_send(line, n);
	else
		log_write(line, n);
}

static void __attribute__((format(printf, 3, 0)))
log_format(int priority, const char *error, const char *fmt, va_list ap)
{
	char	line[LOG_LINE];
	size_t	n;

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
	va_list	ap;

	if (log_level < 1)
		return;
	va_start(ap, fmt);
	log_format(LOG_DEBUG, NULL, fmt, ap);
	va_end(ap);
}

void
log_info(const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	log_format(LOG_INFO, NULL, fmt, ap);
	va_end(ap);
}

/* With ": " and what errno says. */
void
log_warn(const char *fmt, ...)
{
	const char	*error = strerrordesc_np(errno);
	va_list		 ap;

	va_start(ap, fmt);
	log_format(LOG_WARNING, error, fmt, ap);
	va_end(ap);
}

void
log_warnx(const char *fmt, ...)
{
	va_list	ap;

	va_start(ap, fmt);
	log_format(LOG_WARNING, NULL, fmt, ap);
	va_end(ap);
}

/* log_alert()'s strings, up to a NULL.  Async-signal-safe, and keeps errno. */
void
log_parts(const char *const *part)
{
	char	line[LOG_LINE];
	size_t	n;
	int	saved = errno;

	for (n = log_head(line, LOG_ALERT); *part != NULL; part++)
		n = log_add(line, n, *part);
	log_line(line, n);
	errno = saved;
}
