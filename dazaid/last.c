/* SPDX-License-Identifier: ISC */
/*
 * The last words: a file of one line that stays when the daemon ends and says
 * when and why it ended, and how many secrets it had.  Every line has the same
 * length, so that one write(2) replaces the previous line completely.
 * dazai-protocol(7) has its grammar.
 */
#include <sys/uio.h>

#include <stdint.h>
#include <string.h>
#include <time.h>

#include "last.h"
#include "num.h"
#include "vault.h"

/* Bytes of the line, with the blanks that fill it and its newline. */
#define LAST_BYTES 256

static int last_fd = -1;

/* Appends key and n to line. */
static void
last_number(char *line, const char *key, uint64_t n)
{
	char digits[NUM_PRINT];

	(void)strlcat(line, key, LAST_BYTES);
	(void)strlcat(line, num_print(n, digits), LAST_BYTES);
}

/*
 * Writes to the file at fd, which is ours from now on, that the daemon runs.
 * If fd is -1, last_words() will do nothing, either.
 */
void
last_begin(int fd)
{
	last_fd = fd;
	last_words("running", "running");
}

/*
 * Writes how, one word for the kind of end, and the reason.  Call this after
 * the wipe, because the write may block.  Does nothing before last_begin().
 * Async-signal-safe, but changes errno.
 */
void
last_words(const char *how, const char *reason)
{
	char		line[LAST_BYTES] = "LAST";
	struct iovec	iov = { line, sizeof(line) };
	struct timespec ts;
	size_t		len;

	if (last_fd == -1)
		return;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	last_number(line, " time=", (uint64_t)ts.tv_sec);
	last_number(line, " pid=", (uint64_t)v.self);
	(void)strlcat(line, " reason=\"", sizeof(line));
	(void)strlcat(line, reason, sizeof(line));
	(void)strlcat(line, "\"", sizeof(line));
	last_number(line, " armed=", v.panic.armed);
	last_number(line, " secrets=", v.store.count);
	(void)strlcat(line, " how=", sizeof(line));
	(void)strlcat(line, how, sizeof(line));
	len = strlen(line);
	memset(line + len, ' ', sizeof(line) - len);
	line[sizeof(line) - 1] = '\n';
	/* The filter allows this call and no other that writes at an offset. */
	(void)!pwritev2(last_fd, &iov, 1, 0, 0);
}
