/* SPDX-License-Identifier: ISC */
/*
 * Moves the bytes of a secret between the daemon and our standard input or
 * output.  If possible, sendfile(2) and splice(2) move them without copying
 * them into our memory.  Otherwise the bytes pass through an arena, which we
 * wipe before we exit.
 */
#include <sys/param.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "arena.h"
#include "client.h"
#include "num.h"
#include "residue.h"
#include "secmem.h"
#include "secret.h"
#include "typed.h"

/* Bytes moved at once; with the arena's canary 64 KiB, a usual ulimit -l. */
#define SECRET_PIECE ((size_t)64 * 1024 - SECMEM_CANARY)

/*
 * One page: for each page of secretmem the kernel makes all processors flush
 * their TLBs.
 */
#define SECRET_FIRST ((size_t)4096 - SECMEM_CANARY)

static struct secmem secret;

/*
 * How much to overwrite in the kernel's buffers at exit(3), which also comes if
 * a secret is refused or cut short.
 */
static size_t secret_sent;   /* bytes that we tried to send to the daemon */
static bool   secret_piped;  /* standard input may be a pipe, and was read */
static size_t secret_coming; /* bytes that the daemon began to send, ... */
static int    secret_cpu;    /* ... on this processor */

static void
secret_at_exit(void (*overwrite)(void))
{
	if (atexit(overwrite) != 0)
		err(EXIT_USAGE, "atexit");
}

/* Waits until fd, which may have O_NONBLOCK, is ready for events. */
static void
secret_wait(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	(void)poll(&pfd, 1, -1);
}

/*
 * put
 */

/* Asks the daemon for the largest size of a secret now. */
static size_t
secret_room(const struct sockpath *places)
{
	const char *line;
	char	    room[32];
	int	    fd = client_open(places, CLIENT_OURS);

	client_ask(fd, "STATUS");
	line = client_line(fd);
	if (!answer_is_status(line))
		client_refused(line);
	close(fd);
	answer_value(line, "room=", room, sizeof(room));
	return ((size_t)strtoull(room, NULL, 10));
}

/* Reads all of standard input into the arena; returns its length. */
static size_t
secret_read(const struct sockpath *places)
{
	const size_t room = secret_room(places);
	size_t	     len = 0;
	ssize_t	     n;

	arena_grow(&secret, SECRET_FIRST, 0);
	while (len <= room) {
		if (len == secret.size)
			arena_grow(&secret, MAX(2 * len, SECRET_PIECE), len);
		n = read(STDIN_FILENO, secret.data + len, secret.size - len);
		if (n == 0)
			return (len);
		if (n > 0)
			len += (size_t)n;
		else if (errno == EAGAIN)
			secret_wait(STDIN_FILENO, POLLIN);
		else if (errno != EINTR)
			err(EXIT_USAGE, "standard input");
	}
	errx(EXIT_REFUSED,
	    "refused: full: there is room for %zu bytes, and "
	    "standard input has more",
	    room);
}

/* Sends len bytes, or ends the program. */
void
secret_send(int fd, const unsigned char *buf, size_t len)
{
	size_t	done;
	ssize_t n;

	for (done = 0; done < len; done += (size_t)n) {
		n = send(fd, buf + done, len - done, MSG_NOSIGNAL);
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			err(EXIT_CUT, "the daemon has ended");
	}
}

/*
 * Returns whether errno says that the kernel cannot move bytes between these
 * descriptors, or that a container's filter refuses the call.
 */
static bool
secret_unable(void)
{
	return (errno == EINVAL || errno == ENOSYS || errno == EPERM);
}

/* Sends a piece of the file that is standard input, through the arena. */
static ssize_t
secret_sendread(int fd, size_t len)
{
	ssize_t n;

	if (secret.pages == NULL)
		arena_grow(&secret, MIN(len, SECRET_PIECE), 0);
	n = read(STDIN_FILENO, secret.data, MIN(len, secret.size));
	if (n > 0)
		secret_send(fd, secret.data, (size_t)n);
	return (n);
}

/* Sends the file that is standard input, by sendfile(2) if possible. */
static void
secret_sendfile(int fd, size_t len)
{
	ssize_t n;

	for (; len > 0; len -= (size_t)n) {
		n = sendfile(fd, STDIN_FILENO, NULL, len);
		if (n == -1 && secret_unable())
			n = secret_sendread(fd, len);
		if (n == 0)
			errx(EXIT_USAGE,
			    "the file on standard input became shorter "
			    "while it was read");
		if (n == -1 && errno == EINTR)
			n = 0;
		if (n == -1)
			err(EXIT_CUT,
			    "cannot send standard input to the daemon");
	}
}

/* Waits until the vault says over the channel that it has stored the secret. */
void
secret_stored(int channel)
{
	char	ok[3];
	ssize_t n;

	do
		n = recv(channel, ok, sizeof(ok), MSG_WAITALL);
	while (n == -1 && errno == EINTR);
	if (n != sizeof(ok) || memcmp(ok, "OK\n", sizeof(ok)) != 0)
		errx(EXIT_CUT, "the daemon ended or closed the connection");
}

/*
 * Exits if the daemon would refuse a secret of this name now, so that nobody
 * types one in vain.  Sends a PUT of one byte, and closes the connection before
 * the byte, so that nothing is stored.  Waits until the vault has closed it,
 * too, because until then it refuses another PUT of this name.
 */
static void
secret_would_fit(const struct sockpath *places, const char *name, bool replace)
{
	const int fd = client_open(places, CLIENT_OURS);
	int	  channel;
	char	  rest;
	ssize_t	  n;

	client_ask(fd, "PUT %s 1%s", name, replace ? " replace" : "");
	(void)client_vouched(fd, "GO", &channel);
	close(channel);
	(void)shutdown(fd, SHUT_WR);
	do
		n = recv(fd, &rest, sizeof(rest), 0);
	while (n > 0 || (n == -1 && errno == EINTR));
	close(fd);
}

/*
 * Overwrites the copies that a put has left, on this processor: see
 * residue_stay().
 */
static void
secret_overwrite_put(void)
{
	close(STDIN_FILENO);
	if (secret_sent > 0)
		residue_socket(secret_sent);
	if (secret_piped)
		residue_pipe();
}

/*
 * Returns the length of the secret on standard input.  If that is a file, sets
 * *file, and secret_sendfile() can send it; otherwise reads the secret into the
 * arena.  The other arguments are as for secret_put().
 */
static size_t
secret_length(const struct sockpath *places, const char *name, bool replace,
    bool once, bool *file)
{
	struct stat st;
	off_t	    at;

	if (fstat(STDIN_FILENO, &st) == -1)
		err(EXIT_USAGE, "standard input");
	/* A file in /proc has size 0, but may have contents. */
	*file = S_ISREG(st.st_mode) && st.st_size > 0 &&
	    (at = lseek(STDIN_FILENO, 0, SEEK_CUR)) != -1;
	secret_piped = !*file;
	if (*file)
		return (at < st.st_size ?
			(size_t)MIN(st.st_size - at, (off_t)SSIZE_MAX) :
			0);
	if (!isatty(STDIN_FILENO))
		return (secret_read(places));
	secret_would_fit(places, name, replace);
	return (typed_line(&secret, name, once));
}

/*
 * Puts standard input, or a typed line if it is a terminal, as the secret name
 * into the daemon at one of places.  reads and ttl are the request's options,
 * as text, or NULL.  replace allows an existing secret of this name.  With
 * once, the line need not be typed twice.
 */
void
secret_put(const struct sockpath *places, const char *name, const char *reads,
    const char *ttl, bool replace, bool once)
{
	size_t len;
	bool   file;
	int    fd, channel;

	residue_stay(-1);
	secret_at_exit(secret_overwrite_put);
	len = secret_length(places, name, replace, once, &file);
	if (len == 0)
		errx(EXIT_USAGE, "the secret is empty");

	/* sendfile(2) has no MSG_NOSIGNAL. */
	(void)signal(SIGPIPE, SIG_IGN);
	fd = client_open(places, CLIENT_OURS);
	client_ask(fd, "PUT %s %zu%s%s%s%s%s", name, len,
	    reads != NULL ? " reads=" : "", reads != NULL ? reads : "",
	    ttl != NULL ? " ttl=" : "", ttl != NULL ? ttl : "",
	    replace ? " replace" : "");
	(void)client_vouched(fd, "GO", &channel);
	secret_sent = len;
	if (file)
		secret_sendfile(channel, len);
	else
		secret_send(channel, secret.data, len);
	secret_stored(channel);
	close(channel);
	close(fd);
}

/*
 * get
 */

/* Writes the first len bytes of an arena to standard output. */
void
secret_write(const struct secmem *sm, size_t len)
{
	size_t	done;
	ssize_t n;

	for (done = 0; done < len; done += (size_t)n) {
		n = write(STDOUT_FILENO, sm->data + done, len - done);
		if (n == -1 && errno == EAGAIN)
			secret_wait(STDOUT_FILENO, POLLOUT);
		else if (n == -1 && errno != EINTR)
			err(EXIT_USAGE, "standard output");
		if (n == -1)
			n = 0;
	}
}

/* Receives len bytes into buf, or ends the program. */
void
secret_receive(int fd, unsigned char *buf, size_t len)
{
	size_t	done;
	ssize_t n;

	/*
	 * With SO_RCVTIMEO, recv(2) fails with EINTR after SIGSTOP and
	 * SIGCONT.
	 */
	for (done = 0; done < len; done += (size_t)n) {
		n = recv(fd, buf + done, len - done, 0);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			errx(EXIT_CUT,
			    "the connection ended before the end "
			    "of the secret");
	}
}

/* Returns whether standard output is full. */
static bool
secret_out_is_full(void)
{
	struct pollfd pfd = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return (poll(&pfd, 1, 0) == 0);
}

/*
 * If standard output is a pipe, moves len bytes there by splice(2).  Returns
 * the number of bytes that secret_copy() must copy: none or all.
 */
static size_t
secret_splice(int fd, size_t len)
{
	size_t	left = len;
	ssize_t n;

	while (left > 0) {
		n = splice(fd, NULL, STDOUT_FILENO, NULL, left, SPLICE_F_MOVE);
		if (n == -1 && left == len && secret_unable())
			return (len);
		if (n == -1 && errno == EAGAIN && secret_out_is_full()) {
			secret_wait(STDOUT_FILENO, POLLOUT);
			continue;
		}
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno != EAGAIN)
			err(EXIT_USAGE, "standard output");
		if (n <= 0)
			errx(EXIT_CUT,
			    "the connection ended before the end "
			    "of the secret");
		left -= (size_t)n;
	}
	return (0);
}

/*
 * Copies len bytes to standard output, piece by piece.  If line is set, adds a
 * newline unless they end with one.
 */
static void
secret_copy(int fd, size_t len, bool line)
{
	size_t piece;

	/* Leave room for a newline. */
	arena_grow(&secret, MIN(len + 1, SECRET_PIECE), 0);
	for (; len > 0; len -= piece) {
		piece = MIN(len, secret.size - 1);
		secret_receive(fd, secret.data, piece);
		if (line && piece == len && secret.data[piece - 1] != '\n') {
			secret.data[piece] = '\n';
			secret_write(&secret, piece + 1);
		} else {
			secret_write(&secret, piece);
		}
	}
}

/*
 * Parses "SIZE cpu=N", the words after DATA.  Returns the size in bytes, and
 * stores the vault's processor in *cpu.
 */
static size_t
secret_head(const char *words, int *cpu)
{
	static const char key[] = " cpu=";
	char		  size[24];
	const char	 *rest = words + strcspn(words, " ");
	int64_t		  bytes, n;

	/* A number with more digits than fit is too large, too. */
	(void)snprintf(size, sizeof(size), "%.*s", (int)(rest - words), words);
	if (num_int(size, 1, INT64_MAX - 1, &bytes) != NULL ||
	    strncmp(rest, key, strlen(key)) != 0 ||
	    num_int(rest + strlen(key), 0, INT_MAX, &n) != NULL)
		client_nonsense();
	*cpu = (int)n;
	return ((size_t)bytes);
}

/*
 * Asks for the secret name on the connection fd, and returns its size in bytes.
 * The bytes come over *channel, the caller's to close.  The vault sends them on
 * processor *cpu, where residue_socket() must overwrite the copies.
 */
size_t
secret_request(int fd, const char *name, int *channel, int *cpu)
{
	client_ask(fd, "GET %s cpu", name);
	return (secret_head(client_vouched(fd, "DATA ", channel), cpu));
}

/* Overwrites the copies of the bytes that came from the daemon. */
static void
secret_overwrite_get(void)
{
	if (secret_coming == 0)
		return;
	residue_stay(secret_cpu);
	residue_socket(secret_coming);
	residue_leave();
	secret_coming = 0;
}

/* As secret_request(), for a program that gets only this secret. */
static size_t
secret_expect(int fd, const char *name, int *channel)
{
	secret_at_exit(secret_overwrite_get);
	secret_coming = secret_request(fd, name, channel, &secret_cpu);
	return (secret_coming);
}

/*
 * Writes the secret name of the daemon at one of places to standard output;
 * with line, as a line of text.
 */
void
secret_get(const struct sockpath *places, const char *name, bool line)
{
	const int    fd = client_open(places, CLIENT_OURS);
	int	     channel;
	const size_t len = secret_expect(fd, name, &channel);
	size_t	     left = len;

	if (!line)
		left = secret_splice(channel, len);
	if (left > 0)
		secret_copy(channel, left, line);
	close(channel);
	close(fd);
}

/*
 * Gets the secret name of the daemon at one of places into *sm, which is as for
 * arena_grow().  Returns its length.
 */
size_t
secret_fetch(const struct sockpath *places, const char *name, struct secmem *sm)
{
	const int    fd = client_open(places, CLIENT_OURS);
	int	     channel;
	const size_t len = secret_expect(fd, name, &channel);

	arena_grow(sm, len, 0);
	secret_receive(channel, sm->data, len);
	close(channel);
	close(fd);
	secret_overwrite_get();
	return (len);
}
