/* SPDX-License-Identifier: ISC */
/*
 * Gives a secret to a program that asks for it in its own protocol: all of it,
 * or no byte.
 */
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "client.h"
#include "command.h"
#include "give.h"
#include "residue.h"
#include "secret.h"
#include "stdfd.h"

static struct secmem give_plain, give_coded;

/*
 * Returns NULL if a protocol of lines can carry a secret of len bytes, or an
 * error message.  The rest of a password after a newline would be taken for an
 * attribute.
 */
const char *
give_line(const unsigned char *secret, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (secret[i] == '\n' || secret[i] == '\r')
			return ("has a newline inside");
		if (secret[i] == '\0')
			return ("has a NUL inside");
	}
	return (NULL);
}

/*
 * Writes the secret name to standard output, encoded by encode, between the
 * texts before and after, and exits.  Drops one newline at the end of the
 * secret, because many programs add one.
 */
noreturn void
give(const char *name, const char *before, give_encoding encode,
    const char *after)
{
	const size_t	head = strlen(before), tail = strlen(after);
	struct sockpath places;
	const char     *why;
	size_t		all, len, coded;

	command_places(NULL, &places);
	command_check_name(name);
	len = all = secret_fetch(&places, name, &give_plain);
	if (give_plain.data[len - 1] == '\n')
		len--;
	if (len == 0)
		errx(EXIT_REFUSED, "refused: the secret %s has only a newline",
		    name);
	arena_grow(&give_coded, head + GIVE_GROWTH * len + tail + 1, 0);
	memcpy(give_coded.data, before, head);
	why = encode(give_plain.data, len, give_coded.data + head, &coded);
	if (why != NULL)
		errx(EXIT_REFUSED, "refused: the secret %s %s", name, why);
	memcpy(give_coded.data + head + coded, after, tail);
	secret_write(&give_coded, head + coded + tail);
	residue_socket(all);
	exit(EXIT_DONE);
}

/*
 * Calls task with arg in a child process.  Returns the exit code of that;
 * EXIT_USAGE if a signal has ended it.
 */
int
give_apart(void (*task)(const void *), const void *arg)
{
	int   status;
	pid_t pid;

	stdfd_flush();
	/* If it stayed ignored, waitpid(2) would not get the status. */
	(void)signal(SIGCHLD, SIG_DFL);
	if ((pid = fork()) == -1)
		err(EXIT_USAGE, "fork");
	if (pid == 0) {
		task(arg);
		exit(EXIT_DONE);
	}
	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR)
			err(EXIT_USAGE, "waitpid");
	}
	return (WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_USAGE);
}
