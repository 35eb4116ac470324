/* SPDX-License-Identifier: ISC */
/*
 * Lines of the Assuan protocol, which gpg-agent and pinentry speak.  A line may
 * contain a passphrase that was typed, so they pass through an arena.
 */
#include <sys/ioctl.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "arena.h"
#include "assuan.h"
#include "client.h"
#include "secret.h"

static struct secmem assuan_line; /* with its newline, and a NUL */
static size_t	     assuan_len;

static void
assuan_open(void)
{
	if (assuan_line.pages == NULL)
		arena_grow(&assuan_line, ASSUAN_MAX + 2, 0);
}

/* Returns whether the writer has closed fd, and nothing is left to read. */
static bool
assuan_is_closed(int fd)
{
	int left = 0;

	return (ioctl(fd, FIONREAD, &left) == -1 || left == 0);
}

/*
 * Waits until fd is readable.  Returns false after ms, or if watch is closed.
 */
static bool
assuan_wait(int fd, int watch, int ms)
{
	struct pollfd pfd[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = watch } };

	for (;;) {
		switch (poll(pfd, 2, ms)) {
		case 0:
			return (false);
		case -1:
			if (errno != EINTR)
				return (false);
			continue;
		}
		if (pfd[0].revents != 0)
			return (true);
		if (assuan_is_closed(watch))
			return (false);
		pfd[1].fd = -1; /* it has sent more before it closed */
	}
}

/* Reads one byte, as assuan_read(). */
static bool
assuan_byte(int fd, int watch, int ms, unsigned char *c)
{
	ssize_t n;

	do {
		if (!assuan_wait(fd, watch, ms))
			return (false);
		n = read(fd, c, 1);
	} while (n == -1 && (errno == EINTR || errno == EAGAIN));
	return (n == 1);
}

/* Reads the next line, as assuan_read(). */
static enum assuan_result
assuan_next(int fd, int watch, int ms)
{
	bool	      fits = true;
	unsigned char c;

	assuan_len = 0;
	while (assuan_byte(fd, watch, ms, assuan_line.data + assuan_len)) {
		c = assuan_line.data[assuan_len];
		if (c == '\n') {
			assuan_line.data[++assuan_len] = '\0';
			return (fits ? ASSUAN_GOT : ASSUAN_TOO_LONG);
		}
		fits = fits && assuan_len < ASSUAN_MAX;
		if (fits)
			assuan_len++;
	}
	return (ASSUAN_ENDED);
}

/*
 * Reads the next line from fd that is neither empty nor a comment.  Waits at
 * most ms for each byte; -1: for ever.  Returns ASSUAN_ENDED if the time is up,
 * or if fd is closed, or watch is, unless watch is -1.  Skips the rest of a
 * line that is too long.
 */
enum assuan_result
assuan_read(int fd, int watch, int ms)
{
	enum assuan_result result;

	assuan_open();
	do
		result = assuan_next(fd, watch, ms);
	while (result == ASSUAN_GOT &&
	    strchr("#\r\n", assuan_line.data[0]) != NULL);
	return (result);
}

/* Returns whether this is the first word of the line. */
bool
assuan_is(const char *word)
{
	const char  *line = (const char *)assuan_line.data;
	const size_t len = strlen(word);

	return (strncasecmp(line, word, len) == 0 &&
	    strchr(" \t\r\n", line[len]) != NULL);
}

/*
 * Returns the rest of the line after its first word and the blanks, with the
 * newline.  Valid until the next assuan_read().
 */
const char *
assuan_words(void)
{
	const char *at = (const char *)assuan_line.data;

	at += strcspn(at, " \t\r\n");
	return (at + strspn(at, " \t"));
}

/* Writes the line unchanged to fd, and wipes it.  Returns false on an error. */
bool
assuan_pass(int fd)
{
	size_t	done;
	ssize_t n = 0;

	for (done = 0; done < assuan_len; done += (size_t)n) {
		n = write(fd, assuan_line.data + done, assuan_len - done);
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			break;
	}
	explicit_bzero(assuan_line.data, assuan_line.size);
	return (n != -1);
}

/* Sends text as a line to the client, on standard output. */
void
assuan_say(const char *text)
{
	const size_t len = strlen(text);

	if (len > ASSUAN_MAX)
		errx(EXIT_USAGE, "too long an answer");
	assuan_open();
	memcpy(assuan_line.data, text, len);
	assuan_line.data[len] = '\n';
	secret_write(&assuan_line, len + 1);
}
