/* SPDX-License-Identifier: ISC */
/*
 * Reads a typed secret from the terminal directly into an arena.
 */
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "client.h"
#include "name.h"
#include "prompt.h"
#include "typed.h"

#define TYPED_LINE 4096 /* bytes; a terminal gives no longer line */

static const int typed_sigs[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM,
	SIGUSR1, SIGUSR2 };
#define TYPED_SIGS (sizeof(typed_sigs) / sizeof(typed_sigs[0]))
static struct sigaction typed_was[TYPED_SIGS], typed_stop;

/* Undoes typed_catch(). */
static void
typed_put_back(void)
{
	size_t i;

	for (i = 0; i < TYPED_SIGS; i++)
		(void)sigaction(typed_sigs[i], &typed_was[i], NULL);
	(void)sigaction(SIGTSTP, &typed_stop, NULL);
}

/* Turns the echo on before the signal has its usual effect. */
static void
typed_on_signal(int sig)
{
	prompt_restore();
	typed_put_back();
	(void)raise(sig);
}

static void
typed_catch(void)
{
	struct sigaction sa;
	size_t		 i;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = typed_on_signal;
	for (i = 0; i < TYPED_SIGS; i++) {
		(void)sigaction(typed_sigs[i], NULL, &typed_was[i]);
		if (typed_was[i].sa_handler != SIG_IGN)
			(void)sigaction(typed_sigs[i], &sa, NULL);
	}
	(void)sigaction(SIGTSTP, NULL, &typed_stop);
	prompt_stops(prompt_again);
}

/* Turns the echo on, and exits. */
static noreturn void
typed_fail(int error)
{
	prompt_restore();
	errno = error;
	err(EXIT_USAGE, "cannot ask for the secret: /dev/tty");
}

/* Reads a line into data, of TYPED_LINE bytes; returns its length. */
static size_t
typed_read(int fd, unsigned char *data)
{
	struct pollfd pfd = { .events = POLLIN };
	ssize_t	      n;

	for (;;) {
		pfd.fd = prompt_wait_for(fd);
		(void)poll(&pfd, 1, -1);
		if (!prompt_is_ours(fd))
			continue;
		/* read(2) returns a whole line, or nothing yet. */
		n = read(fd, data, TYPED_LINE);
		if (prompt_retry(n))
			continue;
		if (n == -1)
			typed_fail(errno);
		if (n > 0 && data[n - 1] == '\n')
			data[--n] = '\0';
		return ((size_t)n);
	}
}

/* Asks for the secret name, with more after it.  Reads as typed_read(). */
static size_t
typed_ask(int fd, const char *name, const char *more, unsigned char *data)
{
	char   text[NAME_BYTES + 32];
	size_t len;

	(void)snprintf(text, sizeof(text), "Secret %s%s: ", name, more);
	if (prompt_begin(fd, text) == -1)
		typed_fail(errno);
	len = typed_read(fd, data);
	prompt_end("\n");
	return (len);
}

/*
 * Asks on the terminal for the secret name, without echo; unless once is set,
 * until the user has typed the same twice.  Stores the line in *sm, without its
 * newline, and returns its length.  *sm is as for arena_grow().
 */
size_t
typed_line(struct secmem *sm, const char *name, bool once)
{
	const int fd = prompt_open();
	size_t	  len, again;

	if (fd == -1)
		err(EXIT_USAGE,
		    "no terminal to ask for the secret on: "
		    "/dev/tty");
	arena_grow(sm, (size_t)2 * TYPED_LINE, 0);
	typed_catch();
	for (;;) {
		len = typed_ask(fd, name, "", sm->data);
		if (len == 0 || once)
			break;
		again = typed_ask(fd, name, " again", sm->data + TYPED_LINE);
		if (again == len &&
		    memcmp(sm->data, sm->data + TYPED_LINE, len) == 0)
			break;
		(void)dprintf(fd, "They differ.  Type it again.\n");
	}
	typed_put_back();
	close(fd);
	return (len);
}
