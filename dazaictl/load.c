/* SPDX-License-Identifier: ISC */
/*
 * dazaictl load: runs the command of each secret in a file, and puts its output
 * into the daemon.  The bytes go from the command's pipe into an arena and from
 * there to the daemon.
 */
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "arena.h"
#include "client.h"
#include "config.h"
#include "load.h"
#include "loadfile.h"
#include "num.h"
#include "oneline.h"
#include "residue.h"
#include "secret.h"
#include "typed.h"

#define LOAD_PIECE ((size_t)4096) /* bytes of the arena at first */

static struct loadfile load;
static bool   load_there[LOADFILE_MAX]; /* the daemon has the secret already */
static bool   load_once;		/* a secret is typed once */
static size_t load_most; /* most bytes of a secret that it can store */
static struct secmem value;
static size_t	     load_sent;	 /* bytes that were to be sent to the daemon */
static bool	     load_piped; /* a command's pipe was read */

/* Returns the default file. */
static const char *
load_default(void)
{
	static char path[PATH_MAX];

	if (!config_path("secrets", path))
		errx(EXIT_USAGE, "HOME is not set, and no file is named");
	return (path);
}

/*
 * Asks the daemon which secrets it has, and how much it can store, so that
 * nobody types a passphrase in vain.
 */
static void
load_look(const struct sockpath *places)
{
	const int    fd = client_open(places, CLIENT_OURS);
	const char  *line;
	char	     word[32];
	unsigned int i;
	size_t	     len;

	client_ask(fd, "STATUS");
	line = client_line(fd);
	if (!answer_is_status(line))
		client_refused(line);
	if (strcmp(answer_value(line, "pending=", word, sizeof(word)), "1") ==
	    0)
		errx(EXIT_POLICY, "refused: a panic is pending");
	answer_value(line, "size=", word, sizeof(word));
	load_most = (size_t)strtoull(word, NULL, 10);
	client_ask(fd, "LIST");
	while (strcmp(line = client_line(fd), "OK") != 0) {
		if (!answer_is_entry(line))
			client_refused(line);
		len = strcspn(line, " ");
		for (i = 0; i < load.n; i++) {
			if (strncmp(load.entry[i].name, line, len) == 0 &&
			    load.entry[i].name[len] == '\0')
				load_there[i] = true;
		}
	}
	close(fd);
}

/*
 * Reads fd to its end into the arena; returns the length, which is more than
 * load_most if the rest was not read, or -1 with errno.
 */
static ssize_t
load_read(int fd)
{
	size_t	len = 0;
	ssize_t n;

	if (value.pages == NULL)
		arena_grow(&value, LOAD_PIECE, 0);
	while (len <= load_most) {
		if (len == value.size)
			arena_grow(&value, 2 * len, len);
		n = read(fd, value.data + len, value.size - len);
		if (n == 0)
			break;
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			return (-1);
		len += (size_t)n;
	}
	return ((ssize_t)len);
}

/*
 * Runs the command, and returns the length of its output.  If the output cannot
 * be a secret, returns 0 with the reason in why, of LOADFILE_WHY bytes.
 */
static size_t
load_command(const struct loadfile_entry *e, char *why)
{
	ssize_t len;
	pid_t	pid;
	int	p[2], status;

	if (pipe2(p, O_CLOEXEC) == -1 || (pid = loadfile_run(e, p[1])) == -1)
		err(EXIT_USAGE, "%s: its command", e->name);
	close(p[1]);
	residue_stay(-1);
	load_piped = true;
	if ((len = load_read(p[0])) == -1)
		err(EXIT_USAGE, "%s: its command", e->name);
	/* A command that still writes gets SIGPIPE. */
	close(p[0]);
	while (waitpid(pid, &status, 0) == -1) {
		if (errno != EINTR)
			err(EXIT_USAGE, "%s: its command", e->name);
	}
	if ((size_t)len > load_most)
		(void)snprintf(why, LOADFILE_WHY,
		    "its command prints more than the %zu bytes of the arena",
		    load_most);
	else if (loadfile_failure(status, why) == NULL && len == 0)
		(void)snprintf(why, LOADFILE_WHY,
		    "its command printed nothing");
	else if (*why == '\0')
		return ((size_t)len);
	return (0);
}

/* As load_command(), but asks on the terminal. */
static size_t
load_ask(const struct loadfile_entry *e, char *why)
{
	const int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	size_t	  len;

	residue_stay(-1);
	if (tty == -1) {
		(void)snprintf(why, LOADFILE_WHY,
		    "there is no terminal to ask on");
		return (0);
	}
	close(tty);
	if ((len = typed_line(&value, e->name, load_once)) == 0)
		(void)snprintf(why, LOADFILE_WHY, "nothing was typed");
	return (len);
}

/* Puts the len bytes of the arena; returns false with the reason in why. */
static bool
load_put(const struct sockpath *places, const struct loadfile_entry *e,
    bool replace, size_t len, char *why)
{
	const int fd = client_open(places, CLIENT_OURS);
	char	  reads[32] = "", ttl[NUM_PRINT + 8] = "", ms[NUM_PRINT];
	int	  channel;
	bool	  taken;

	if (e->reads != 0)
		(void)snprintf(reads, sizeof(reads), " reads=%u", e->reads);
	if (e->ttl != 0)
		(void)snprintf(ttl, sizeof(ttl), " ttl=%s",
		    num_print_ms(e->ttl, ms));
	client_ask(fd, "PUT %s %zu%s%s%s", e->name, len, reads, ttl,
	    replace ? " replace" : "");
	taken = client_offered(fd, "GO", &channel, why, LOADFILE_WHY);
	if (taken) {
		load_sent = len;
		secret_send(channel, value.data, len);
		secret_stored(channel);
		close(channel);
	}
	close(fd);
	return (taken);
}

/*
 * Overwrites the copies of a secret in the kernel's buffers of the pipe and the
 * socket.  Also runs at every exit(3), as the daemon may refuse everything.
 */
static void
load_overwrite(void)
{
	if (load_sent > 0)
		residue_socket(load_sent);
	if (load_piped)
		residue_pipe();
	load_sent = 0;
	load_piped = false;
	residue_leave();
}

/* Loads one secret.  If that fails, prints why and returns false. */
static bool
load_one(const struct sockpath *places, const struct loadfile_entry *e,
    bool replace)
{
	char   why[LOADFILE_WHY] = "";
	size_t len;

	len = e->command == NULL ? load_ask(e, why) : load_command(e, why);
	while (len > 0 && !e->keep && value.data[len - 1] == '\n') {
		if (--len == 0)
			(void)snprintf(why, sizeof(why),
			    "its command printed nothing but newlines");
	}
	if (len > 0)
		(void)load_put(places, e, replace, len, why);
	if (value.pages != NULL)
		explicit_bzero(value.data, value.size);
	load_overwrite();
	if (*why != '\0')
		warnx("%s: %s", e->name, why);
	return (*why == '\0');
}

/*
 * Loads every secret of the file at path, or of the default file if path is
 * NULL, into the daemon at one of places.  With replace, also loads those that
 * the daemon has already; with once, asks only once for a typed one.  Returns
 * true if all were loaded.  If the file has an error, exits before it does
 * anything.
 */
bool
load_file(const struct sockpath *places, const char *path, bool replace,
    bool once)
{
	char	     why[LOADFILE_WHY];
	unsigned int i;
	bool	     all = true;

	load_once = once;
	if (path == NULL)
		path = load_default();
	if (loadfile_read(&load, path, geteuid(), why) == -1)
		errx(EXIT_USAGE, "%s", oneline(why));
	load_look(places);
	if (atexit(load_overwrite) != 0)
		err(EXIT_USAGE, "atexit");
	for (i = 0; i < load.n; i++) {
		if (load_there[i] && !replace) {
			warnx("%s: exists; -r replaces it", load.entry[i].name);
			all = false;
		} else if (!load_one(places, &load.entry[i], replace)) {
			all = false;
		}
	}
	return (all);
}
