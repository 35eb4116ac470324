/* SPDX-License-Identifier: ISC */
/* What talk says. */
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "talk.h"

#define STUCK_MS 300 /* a daemon that takes nothing so long */

/*
 * A daemon that has closed is no failure of ours: "want" or "eof" will see it.
 */
void
talk_put(const char *buf, size_t len)
{
	ssize_t n;

	for (; len > 0; buf += n, len -= (size_t)n) {
		n = send(cur->fd, buf, len, MSG_NOSIGNAL);
		if (n == -1 && (errno == EPIPE || errno == ECONNRESET))
			return;
		if (n == -1)
			err(1, "%s: %zu bytes not taken", doing, len);
	}
}

/* Undoes \n \r \t \0 \\ and \xNN of s into bulk at len; returns the new len. */
static size_t
unescape(const char *s, size_t len)
{
	static const char from[] = "nrt0\\", to[] = "\n\r\t\0\\";
	const char	 *p;
	char		  hex[3] = "";

	for (; *s != '\0' && len < BULK; s++) {
		if (*s != '\\') {
			bulk[len++] = *s;
		} else if (*++s == 'x' && isxdigit((unsigned char)s[1]) &&
		    isxdigit((unsigned char)s[2])) {
			hex[0] = *++s;
			hex[1] = *++s;
			bulk[len++] = (char)strtol(hex, NULL, 16);
		} else if (*s != '\0' && (p = strchr(from, *s)) != NULL) {
			bulk[len++] = to[p - from];
		} else {
			errx(1, "%s: bad escape", doing);
		}
	}
	if (len == BULK)
		errx(1, "%s: too much", doing);
	return (len);
}

void
talk_say(const char *line)
{
	const int len = snprintf(bulk, BULK, "%s\n", line);

	talk_put(bulk, (size_t)len);
}

void
do_say(void)
{
	talk_say(arg[0]);
}

void
do_raw(void)
{
	talk_put(bulk, unescape(arg[0], 0));
}

/* Out of band, where sockets of this kind have that (Linux 5.15). */
void
do_urgent(void)
{
	if (send(cur->fd, arg[0], 1, MSG_OOB | MSG_NOSIGNAL) != 1 &&
	    errno != EOPNOTSUPP)
		err(1, "%s", doing);
}

/* Byte by byte. */
void
do_bytes(void)
{
	const size_t len = unescape(arg[0], 0);
	size_t	     i;

	for (i = 0; i < len; i++)
		talk_put(bulk + i, 1);
}

void
do_repeat(void)
{
	size_t len = 0;
	long   n;

	for (n = talk_number(arg[0]); n > 0; n--)
		len = unescape(arg[1], len);
	talk_put(bulk, len);
}

/* Returns the bytes of file, which stay; *len is their number. */
const char *
talk_contents(const char *file, size_t *len)
{
	int	    fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void	   *map;

	if (fd == -1 || fstat(fd, &st) == -1)
		err(1, "%s: %s", doing, file);
	*len = (size_t)st.st_size;
	map = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		err(1, "%s: %s", doing, file);
	close(fd);
	return (map);
}

void
do_send_file(void)
{
	size_t	    len;
	const char *bytes = talk_contents(arg[0], &len);

	talk_put(bytes, len);
}

/* Sends PINGs until the daemon takes no more, and reads no answer. */
void
do_fill(void)
{
	size_t	len = 0, at = 0;
	ssize_t n;

	while (len < LINE)
		len = unescape("PING\\n", len);
	while (talk_ready(cur->fd, POLLOUT, STUCK_MS)) {
		n = send(cur->fd, bulk + at, len - at,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN)
			err(1, "%s", doing);
		at = (at + (n > 0 ? (size_t)n : 0)) % len;
	}
	if (talk_now() >= deadline)
		errx(1, "%s: it takes all of them", doing);
}

/*
 * Sends n bytes of noise, the same every time, and drops the answers.
 */
void
do_junk(void)
{
	uint32_t x = 2463534242U;
	long	 left = talk_number(arg[0]);
	ssize_t	 n;
	size_t	 i;
	char	 answer[LINE];

	while (left > 0) {
		for (i = 0; i < LINE; i++) {
			x ^= x << 13;
			x ^= x >> 17;
			x ^= x << 5;
			bulk[i] = (char)(x % 8 == 0 ? '\n' : x >> 24);
		}
		if (!talk_ready(cur->fd, POLLIN | POLLOUT, patience))
			errx(1, "%s: %ld bytes not taken", doing, left);
		while (recv(cur->fd, answer, LINE, MSG_DONTWAIT) > 0)
			;
		n = send(cur->fd, bulk, left < LINE ? (size_t)left : LINE,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN)
			err(1, "%s", doing);
		left -= n > 0 ? n : 0;
	}
}

/* Connects, talks and closes, for as long as somebody listens. */
void
do_hammer(void)
{
	int fd;

	while ((fd = talk_reach()) != -1) {
		(void)send(fd, "HELLO\nPING\n", 11,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
	}
}
