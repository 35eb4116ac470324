/* SPDX-License-Identifier: ISC */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define END	    0xff /* ends a text */
#define FDS	    256
#define HUGE_NUMBER ((wide)1 << 100) /* stands for every larger number */
#define LITERAL	    0xfe	     /* the next byte stands for itself */

int64_t	     fuzz_ms;
bool	     fuzz_runs;
unsigned int fuzz_how;
jmp_buf	     fuzz_end;
const char  *fuzz_ended;

static const uint8_t *at, *end;
static uint8_t	      bytes[1 << 16];

void
fuzz_input(const uint8_t *data, size_t size)
{
	at = data;
	end = data + size;
	fuzz_ended = NULL;
}

bool
fuzz_more(void)
{
	return (at < end);
}

/* The next byte of the input, and 0 after its end. */
unsigned int
fuzz_byte(void)
{
	return (at < end ? *at++ : 0);
}

/* Eight bytes, the least significant first; 0 for those after the end. */
uint64_t
fuzz_number(void)
{
	uint64_t     number = 0;
	unsigned int i;

	for (i = 0; i < 64; i += 8)
		number |= (uint64_t)fuzz_byte() << i;
	return (number);
}

/*
 * The bytes up to END or the end of the input.  Because no length stands before
 * them, they keep their meaning when others are inserted or removed.  Valid
 * until the next call.
 */
struct bytes
fuzz_text(void)
{
	struct bytes b = { bytes, 0 };
	unsigned int c;

	while (fuzz_more() && b.len < sizeof(bytes)) {
		if ((c = fuzz_byte()) == END)
			break;
		bytes[b.len++] = (uint8_t)(c == LITERAL ? fuzz_byte() : c);
	}
	return (b);
}

/*
 * As fuzz_text(), as a string in to, cut to size - 1 bytes.  Returns how many
 * of them are the input's, which may have NULs.
 */
size_t
fuzz_string(char *to, size_t size)
{
	const struct bytes b = fuzz_text();
	const size_t	   len = b.len < size ? b.len : size - 1;

	memcpy(to, b.at, len);
	to[len] = '\0';
	return (len);
}

/* The number that the digits at *s make; *s moves past them. */
wide
fuzz_digits(const char **s)
{
	wide n = 0;

	for (; **s >= '0' && **s <= '9'; (*s)++) {
		n = n * 10 + (**s - '0');
		if (n > HUGE_NUMBER)
			n = HUGE_NUMBER;
	}
	return (n);
}

/* The number of seconds in text, as ms rounded up; -1 if it is none. */
wide
fuzz_seconds(const char *text)
{
	const char *p = text, *point;
	wide	    n = fuzz_digits(&p) * 1000, unit = 1000;

	if (p == text)
		return (-1);
	if (*p == '.') {
		for (point = ++p; *p >= '0' && *p <= '9'; p++) {
			unit /= 10;
			n += unit > 0 ? (*p - '0') * unit : 0;
		}
		if (p == point)
			return (-1);
		if (p - point > 3 &&
		    strspn(point + 3, "0") < (size_t)(p - point - 3))
			n++;
	}
	return (*p == '\0' ? n : -1);
}

/* Leaves the code under test, which has ended in this way. */
noreturn void
fuzz_leave(const char *how)
{
	fuzz_runs = false;
	fuzz_ended = how;
	longjmp(fuzz_end, 1);
}

static struct pollfd fds[FDS]; /* POLLNVAL: not open */

static void
fds_look(struct pollfd *pfd)
{
	int fd;

	for (fd = 0; fd < FDS; fd++)
		pfd[fd] = (struct pollfd){ .fd = fd };
	(void)poll(pfd, FDS, 0);
}

/* Remembers which descriptors are open; libFuzzer has some, too. */
void
fuzz_fds_begin(void)
{
	fds_look(fds);
}

/*
 * Checks that the same descriptors are open as then.  leaks: more may be, and
 * are closed.
 */
void
fuzz_fds_end(bool leaks)
{
	struct pollfd now[FDS];
	int	      fd;

	fds_look(now);
	for (fd = 0; fd < FDS; fd++) {
		if ((now[fd].revents & POLLNVAL) ==
		    (fds[fd].revents & POLLNVAL))
			continue;
		CHECK(leaks && (fds[fd].revents & POLLNVAL) != 0,
		    "the descriptor %d is %s", fd,
		    now[fd].revents & POLLNVAL ? "closed" : "left");
		close(fd);
	}
}

/* A socketpair(2) of this type. */
void
fuzz_pair(int type, int sp[2])
{
	CHECK(socketpair(AF_UNIX, type, 0, sp) == 0, "socketpair: %s",
	    strerror(errno));
}

void
fuzz_close(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

/* Drops what can be read from a socket. */
void
fuzz_drain(int fd)
{
	char buf[256];

	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		continue;
}

/* Fills a buffer with noise that is the same every time. */
void
fuzz_noise(uint8_t *to, size_t len)
{
	uint32_t x = 1;

	for (; len > 0; len--) {
		x = x * 1664525 + 1013904223;
		*to++ = (uint8_t)(x >> 24);
	}
}

/* The sanitizers call it before they report: their own calls must be real. */
void
__asan_on_error(void)
{
	fuzz_runs = false;
}

void
fuzz_broken(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fuzz_runs = false;
	(void)dprintf(STDERR_FILENO, "%s:%d: BROKEN: ", file, line);
	va_start(ap, fmt);
	(void)vdprintf(STDERR_FILENO, fmt, ap);
	va_end(ap);
	(void)dprintf(STDERR_FILENO, "\n");
}
