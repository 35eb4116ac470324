/* SPDX-License-Identifier: ISC */
/*
 * The -l option: secrets that are stored before anything can connect.  Their
 * files are opened first of all, so that nothing is started if one is missing.
 * They are read much later, from the descriptor directly into the arena.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "load.h"

static struct load {
	const char *file; /* NULL: the terminal */
	int	    fd;
	char	    name[NAME_BYTES];
} loads[LOAD_MAX];
static unsigned int nloads;

static volatile int   load_tty = -1; /* the terminal without echo, or -1 */
static struct termios load_termios;  /* its settings before that */

/*
 * Adds NAME[=FILE].  arg stays the caller's and must outlive load_secrets().
 * Returns NULL, or a static string that says what is wrong with it.
 */
const char *
load_add(const char *arg)
{
	struct load *l = &loads[nloads];
	size_t	     len = strcspn(arg, "=");
	unsigned int i;

	if (nloads == LOAD_MAX)
		return ("too many secrets to load");
	if (len >= sizeof(l->name))
		return ("name too long");
	memcpy(l->name, arg, len);
	l->name[len] = '\0';
	if (!name_ok(l->name))
		return ("not a name: " NAME_RULE);
	l->file = arg[len] == '=' ? arg + len + 1 : NULL;
	for (i = 0; i < nloads; i++) {
		if (strcmp(loads[i].name, l->name) == 0)
			return ("name given twice");
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
 * wait for the writer of a FIFO: load_secrets() does, where signals are seen.
 * And write(2) does not wait for a terminal that is stopped by Ctrl-S.
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
			l->fd = open("/dev/tty", O_RDWR | flags);
		else if (strcmp(l->file, "-") == 0)
			l->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		else
			l->fd = open(l->file, O_RDONLY | flags);
		if (l->fd == -1 && l->file == NULL)
			err(1, "no terminal to ask on: /dev/tty");
		if (l->fd == -1)
			err(1, "%s", l->file);
	}
}

/*
 * Closes every descriptor but standard input, output and error and those of
 * load_open().  open(2) returns the lowest free number, so ours ascend.
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
 * Turns the terminal's echo on again, if load_ask() turned it off.  Discards
 * what was typed and not read, or the shell would take it for a command.
 * Async-signal-safe.
 */
void
load_restore_tty(void)
{
	if (load_tty != -1) {
		(void)tcflush(load_tty, TCIFLUSH);
		(void)tcsetattr(load_tty, TCSANOW, &load_termios);
	}
	load_tty = -1;
}

/* Turns the echo off and prompts for the secret; -1 with errno. */
static int
load_ask(const struct load *l)
{
	struct termios quiet;

	if (tcgetattr(l->fd, &load_termios) == -1)
		return (-1);
	quiet = load_termios;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_lflag |= ICANON;
	load_tty = l->fd;
	if (tcsetattr(l->fd, TCSAFLUSH, &quiet) == -1)
		return (-1);
	(void)dprintf(l->fd, "Secret %s: ", l->name);
	return (0);
}

/* Reads one secret; -1 with errno. */
static int
load_one(struct load *l, struct store *st, void (*wait)(int))
{
	const int      tty = isatty(l->fd);
	const uint64_t id = store_begin(st, l->name, STORE_ALL);
	ssize_t	       n;

	if (id == 0 || (tty && load_ask(l) == -1))
		return (-1);
	do {
		wait(l->fd);
		n = store_fill(st, id, l->fd, read, STORE_ALL);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			n = 1;
		if (n == -1)
			return (-1);
	} while (n > 0 && !(tty && store_chomp(st, id)));
	if (tty) {
		load_restore_tty();
		(void)dprintf(l->fd, "\n");
	}
	close(l->fd);
	return (store_commit(st, id, 0, STORE_NEVER));
}

/*
 * Reads all secrets into st.  Calls wait with a descriptor; it returns when
 * that can be read, and meanwhile runs the vault's loop.  Returns NULL, or the
 * name of the secret that failed, with errno: ENOSPC if it does not fit,
 * ENODATA if it is empty, EEXIST, or the error of a system call.
 */
const char *
load_secrets(struct store *st, void (*wait)(int))
{
	struct load *l;

	for (l = loads; l < loads + nloads; l++) {
		if (load_one(l, st, wait) == -1)
			return (l->name);
	}
	return (NULL);
}
