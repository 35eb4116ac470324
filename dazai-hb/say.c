/* SPDX-License-Identifier: ISC */
/*
 * Prints lines for the user on standard output.  Never waits for the reader: a
 * full pipe must not keep dazai-hb from letting go.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "say.h"

static struct out say_out;
static bool	  say_quiet;

/* If quiet is set, say() prints nothing. */
void
say_open(bool quiet)
{
	say_quiet = quiet;
	out_open(&say_out, STDOUT_FILENO);
}

/* Prints a line; drops it if there is no room. */
void
say(const char *fmt, ...)
{
	char	line[512];
	va_list ap;
	size_t	n;

	if (say_quiet)
		return;
	(void)snprintf(line, sizeof(line), "%s: ", getprogname());
	n = strlen(line);
	va_start(ap, fmt);
	(void)vsnprintf(line + n, sizeof(line) - 1 - n, fmt, ap);
	va_end(ap);
	n = strlen(line);
	line[n++] = '\n';
	out_write(&say_out, line, n);
}

/* Replaces the standard descriptors, perhaps a terminal, by /dev/null. */
void
say_close(void)
{
	const int fd = open("/dev/null", O_RDWR);

	if (fd == -1)
		return;
	(void)dup2(fd, STDIN_FILENO);
	(void)dup2(fd, STDOUT_FILENO);
	(void)dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
	if (say_out.fd != STDOUT_FILENO && say_out.fd != -1)
		close(say_out.fd);
	say_out.fd = STDOUT_FILENO;
	say_out.kind = OUT_FILE;
}
