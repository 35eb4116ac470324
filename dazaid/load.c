/* SPDX-License-Identifier: ISC */
/*
 * The -l option: stores secrets before any client can connect.  It opens their
 * files first of all, so that nothing is started if one is missing.  It reads
 * them much later, from the descriptors directly into the arena.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "load.h"
#include "oneline.h"
#include "prompt.h"

/* load_add()'s messages contain these limits. */
_Static_assert(LOAD_MAX == 32 && NAME_BYTES == 129, "other limits");

static struct load {
	const char *file; /* NULL: the terminal */
	int	    fd;
	char	    name[NAME_BYTES];
} loads[LOAD_MAX];
static unsigned int nloads;

static bool load_asks_once;

/* The -1 option: asks once for a typed secret, not twice. */
void
load_once(void)
{
	load_asks_once = true;
}

/*
 * Adds NAME[=FILE].  arg stays the caller's and must outlive load_secrets().
 * Returns NULL, or an error message that is valid until the next call.
 */
const char *
load_add(const char *arg)
{
	static char  why[NAME_BYTES + 16];
	struct load *l = &loads[nloads];
	size_t	     len = strcspn(arg, "=");
	unsigned int i;

	if (nloads == LOAD_MAX)
		return ("at most 32 secrets can be loaded");
	if (len >= sizeof(l->name))
		return ("a name is at most 128 bytes long");
	memcpy(l->name, arg, len);
	l->name[len] = '\0';
	if (!name_ok(l->name))
		return ("not a name: " NAME_RULE);
	l->file = arg[len] == '=' ? arg + len + 1 : NULL;
	for (i = 0; i < nloads; i++) {
		if (strcmp(loads[i].name, l->name) == 0) {
			(void)snprintf(why, sizeof(why), "%s: given twice",
			    l->name);
			return (why);
		}
		if (l->file != NULL && loads[i].file != NULL &&
		    strcmp(l->file, "-") == 0 &&
		    strcmp(loads[i].file, "-") == 0)
			return ("standard input can be read only once");
	}
	nloads++;
	return (NULL);
}

/*
 * Opens every file, or ends the program.  With O_NONBLOCK, open(2) does not
 * wait for the writer of a FIFO: load_secrets() waits later, in the loop that
 * also handles signals.
 */
void
load_open(void)
{
	const int    flags = O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
	struct load *l;

	for (l = loads; l < loads + nloads; l++) {
		if (l->file != NULL && strcmp(l->file, "-") == 0 &&
		    isatty(STDIN_FILENO))
			l->file = NULL;
		if (l->file == NULL)
			l->fd = prompt_open();
		else if (strcmp(l->file, "-") == 0)
			l->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		else
			l->fd = open(l->file, O_RDONLY | flags);
		if (l->fd == -1 && l->file == NULL)
			err(1,
			    "%s: -l %s=- reads standard input; no terminal to "
			    "ask on: /dev/tty",
			    l->name, l->name);
		if (l->fd == -1)
			err(1, "%s", oneline(l->file));
	}
}

/*
 * Closes every descriptor but standard input, output and error and those of
 * load_open(), which are in ascending order, because open(2) returns the lowest
 * free number.
 */
void
load_close_others(void)
{
	unsigned int i, next = 3;

	for (i = 0; i < nloads; i++) {
		if ((unsigned int)loads[i].fd > next)
			(void)close_range(next, (unsigned int)loads[i].fd - 1,
			    0);
		next = (unsigned int)loads[i].fd + 1;
	}
	closefrom((int)next);
}

/*
 * Reads l up to its end or, from a terminal, one line.  Returns the number of
 * bytes, without the newline of a terminal's line; -1 with errno.
 */
static ssize_t
load_read(const struct load *l, struct store *st, uint64_t id, bool tty,
    void (*wait)(int))
{
	ssize_t n, total = 0;

	do {
		wait(tty ? prompt_wait_for(l->fd) : l->fd);
		n = store_fill(st, id, l->fd, read, STORE_ALL);
		if (n > 0)
			total += n;
		else if (tty ? prompt_retry(n) :
			       n == -1 && (errno == EAGAIN || errno == EINTR))
			n = 1;
		if (tty && store_chomp(st, id))
			return (total - 1);
	} while (n > 0);
	return (n == -1 ? -1 : total);
}

/* Asks on the terminal, and reads a line.  Returns as load_read(). */
static ssize_t
load_ask(const struct load *l, struct store *st, uint64_t id, const char *more,
    void (*wait)(int))
{
	char	text[NAME_BYTES + 32];
	ssize_t len = -1;
	int	error;

	(void)snprintf(text, sizeof(text), "Secret %s%s: ", l->name, more);
	if (prompt_begin(l->fd, text) == 0)
		len = load_read(l, st, id, true, wait);
	error = errno;
	prompt_end("\n"); /* also after an error, because the echo is off */
	errno = error;
	return (len);
}

/*
 * Asks until the user has typed the same secret twice.  Returns as load_read().
 */
static ssize_t
load_typed(const struct load *l, struct store *st, uint64_t id,
    void (*wait)(int))
{
	ssize_t len;

	for (;;) {
		len = load_ask(l, st, id, "", wait);
		if (len <= 0 || load_asks_once)
			return (len);
		if (load_ask(l, st, id, " again", wait) == -1)
			return (-1);
		if (store_twice(st, id, (size_t)len))
			return (len);
		(void)dprintf(l->fd, "They differ.  Type it again.\n");
	}
}

/*
 * Reads one secret, and closes l->fd.  reads and due are as in store_commit().
 * Returns 0, or -1 with errno.
 */
static int
load_one(const struct load *l, struct store *st, uint32_t reads, int64_t due,
    void (*wait)(int))
{
	const uint64_t id = store_begin(st, l->name, STORE_ALL);
	ssize_t	       len;
	int	       error;

	if (id == 0)
		return (-1);
	if (isatty(l->fd))
		len = load_typed(l, st, id, wait);
	else
		len = load_read(l, st, id, false, wait);
	error = errno;
	close(l->fd);
	if (len != -1)
		return (store_commit(st, id, reads, due));
	store_drop(st, id);
	errno = error;
	return (-1);
}

/*
 * Reads all secrets into st.  wait runs the vault's loop until the descriptor
 * that it is called with is readable.  Returns NULL, or the name of the secret
 * that failed, with errno: ENOSPC if it does not fit, ENODATA if it is empty,
 * EEXIST, or the error of a system call.
 */
const char *
load_secrets(struct store *st, void (*wait)(int))
{
	struct load *l;

	for (l = loads; l < loads + nloads; l++) {
		if (load_one(l, st, 0, STORE_NEVER, wait) == -1)
			return (l->name);
	}
	return (NULL);
}

/*
 * Asks for one secret on the terminal, as load_one().  Returns NULL, or an
 * error message.
 */
const char *
load_prompted(struct store *st, const char *name, uint32_t reads, int64_t due,
    void (*wait)(int))
{
	struct load l = { .file = NULL, .fd = prompt_open() };

	if (l.fd == -1)
		return ("there is no terminal to ask on");
	(void)strlcpy(l.name, name, sizeof(l.name));
	if (load_one(&l, st, reads, due, wait) == 0)
		return (NULL);
	switch (errno) {
	case EEXIST:
		return ("exists");
	case ENODATA:
		return ("nothing was typed");
	case ENOSPC:
		return ("there is no room for another secret of this size");
	default:
		return (strerror(errno));
	}
}
