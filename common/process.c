/* SPDX-License-Identifier: ISC */
/*
 * Finds in /proc which program a process runs, and on which terminal, for
 * messages.  Nothing else may depend on it, because at any time the process can
 * end, and its pid become that of another one.
 */
#include <sys/sysmacros.h>

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "num.h"
#include "process.h"
#include "visible.h"

#define PROCESS_COMMAND 4096 /* bytes read of a command line */

/*
 * Reads the file name in /proc/PID/ into text, of size bytes, as far as it
 * fits, with a NUL.  Returns its length; -1 if it cannot be read.
 */
static ssize_t
process_read(pid_t pid, const char *name, char *text, size_t size)
{
	char	file[64];
	ssize_t len;
	int	fd;

	text[0] = '\0';
	(void)snprintf(file, sizeof(file), "/proc/%ld/%s", (long)pid, name);
	if ((fd = open(file, O_RDONLY | O_CLOEXEC)) == -1)
		return (-1);
	len = read(fd, text, size - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	return (len);
}

/*
 * Stores the name of pid's program in name, of size bytes.  Returns false if
 * the name cannot be read.
 */
bool
process_name(pid_t pid, char *name, size_t size)
{
	char comm[32];

	if (process_read(pid, "comm", comm, sizeof(comm)) <= 0)
		return (false);
	comm[strlen(comm) - 1] = '\0'; /* its newline */
	visible_text(comm, name, size);
	return (true);
}

/*
 * The controlling terminal of pid; 0 if it has none, or /proc cannot be read.
 */
dev_t
process_terminal(pid_t pid)
{
	char	     stat[512], *p, *word = NULL;
	unsigned int i, tty;
	int64_t	     number = 0;

	(void)process_read(pid, "stat", stat, sizeof(stat));
	/* pid (name) state ppid pgrp session tty_nr */
	p = strrchr(stat, ')');
	for (i = 0; i < 6 && p != NULL; i++)
		word = strsep(&p, " ");
	if (word != NULL)
		(void)num_int(word, 0, UINT32_MAX, &number);
	tty = (unsigned int)number;
	return (makedev((tty >> 8) & 0xfff,
	    (tty & 0xff) | ((tty >> 12) & 0xfff00)));
}

/* Stores the name of the terminal dev in tty, or nothing. */
static void
process_controlling(dev_t dev, char *tty, size_t size)
{
	const unsigned int of = major(dev), number = minor(dev);

	tty[0] = '\0';
	if (of >= 136 && of <= 143)
		(void)snprintf(tty, size, "pts/%u",
		    number + ((of - 136) << 20));
	else if (of == 4)
		(void)snprintf(tty, size, "tty%s%u", number < 64 ? "" : "S",
		    number < 64 ? number : number - 64);
}

/* Stores the name of pid's terminal in tty; an empty one if it has none. */
static void
process_tty(pid_t pid, char *tty, size_t size)
{
	const char *dev = "/dev/";
	char	    file[64], target[64];
	ssize_t	    len;

	(void)snprintf(file, sizeof(file), "/proc/%ld/fd/0", (long)pid);
	len = readlink(file, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	if (strncmp(target, dev, strlen(dev)) == 0 &&
	    strcmp(target, "/dev/null") != 0)
		visible_text(target + strlen(dev), tty, size);
	else
		process_controlling(process_terminal(pid), tty, size);
}

/*
 * Writes "process PID (NAME on TTY)" to text, of size bytes, as far as it is
 * known.
 */
void
process_words(pid_t pid, char *text, size_t size)
{
	char name[64] = "a process", tty[96];

	(void)process_name(pid, name, sizeof(name));
	process_tty(pid, tty, sizeof(tty));
	(void)snprintf(text, size, "process %ld (%s%s%s)", (long)pid, name,
	    tty[0] != '\0' ? " on " : "", tty);
}

/*
 * If word, of a dazai-hb's command line, is the option -p, returns its value;
 * otherwise NULL.  next is the next word.
 */
static const char *
process_option(const char *word, const char *next)
{
	static const char option[] = "--watch-pid";

	if (strcmp(word, "-p") == 0 || strcmp(word, option) == 0)
		return (next);
	if (strncmp(word, "-p", 2) == 0)
		return (word + 2);
	if (strncmp(word, option, sizeof(option) - 1) == 0 &&
	    word[sizeof(option) - 1] == '=')
		return (word + sizeof(option));
	return (NULL);
}

/* The process that the dazai-hb pid was told to watch (-p), or 0. */
pid_t
process_watched(pid_t pid)
{
	char	    line[PROCESS_COMMAND];
	const char *word, *next, *end, *value;
	ssize_t	    len;
	int64_t	    n;

	if ((len = process_read(pid, "cmdline", line, sizeof(line))) <= 0)
		return (0);
	end = line + len;
	for (word = line; word < end && strcmp(word, "--") != 0; word = next) {
		next = word + strlen(word) + 1;
		value = process_option(word, next < end ? next : "");
		if (value != NULL && num_int(value, 1, INT_MAX, &n) == NULL)
			return ((pid_t)n);
	}
	return (0);
}
