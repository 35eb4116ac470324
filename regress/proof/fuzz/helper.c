/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "helper": git-credential-dazai, docker-credential-dazai and
 * pinentry-dazai.  Whatever the user's file, the program that asks, a secret
 * and another pinentry say: a secret goes only to what its line names, whole,
 * in one well-formed answer, or not at all.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"
#include "name.h"
#include "../../../dazaictl/arena.h"
#include "../../../dazaictl/command.h"
#include "../../../dazaictl/residue.h"
#include "../../../dazaictl/secret.h"

/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../../dazaictl/gitcred.c"
#include "../../../dazaictl/dockercred.c"
#include "../../../dazaictl/pinentry.c"
/* NOLINTEND(bugprone-suspicious-include) */

#define TEXT  4096
#define FILES 8
#define GROUP 5000 /* the pid of the other pinentry */

/* The environment, in fuzz_how. */
enum {
	NO_FILE = 1,
	BAD_FILE = 2,
	NO_OTHER = 4,
	WATCHED = 8,
	NO_HOME = 16,
	INTERRUPTED = 32
};

enum { GIT, DOCKER, DOCKER_LIST, PINENTRY, HELPERS };

static struct text {
	char   at[TEXT];
	size_t len, read;
} file, asks, secret, others;

static char   out[16 * TEXT]; /* all that was written to standard output */
static size_t outlen;
static char  *printed; /* by stdio */
static size_t printedlen;
static FILE  *files[FILES];	      /* that are open */
static char   name_asked[NAME_BYTES]; /* the secret that was fetched last */
static bool   interrupted;	      /* by a signal, or not any more */
static bool   forked;		      /* there is another pinentry */

/* What the programs call. */

noreturn void
program_ended(int status)
{
	CHECK(status >= EXIT_DONE && status <= EXIT_REFUSED, "exit %d", status);
	fuzz_leave(status == EXIT_DONE ? "done" : "failed");
}

WRAP(char *, getenv, const char *var)
{
	static char home[] = "/home/user", program_path[] = "/bin/pinentry";
	static char path[] = "bin:/nowhere:/bin";

	if (!fuzz_runs)
		return (__real_getenv(var));
	if (strcmp(var, "XDG_CONFIG_HOME") == 0)
		return (fuzz_how & NO_HOME ? NULL : home);
	if (strcmp(var, "HOME") == 0)
		return (fuzz_how & BAD_FILE ? NULL : home);
	if (strcmp(var, "PINENTRY_PROGRAM") == 0)
		return (fuzz_how & (NO_OTHER | WATCHED) ? NULL : program_path);
	if (strcmp(var, "PATH") == 0)
		return (path);
	return (NULL);
}

WRAP(int, access, const char *path, int mode)
{
	if (!fuzz_runs)
		return (__real_access(path, mode));
	CHECK(path[0] == '/' && mode == X_OK, "access %s", path);
	return (fuzz_how & NO_OTHER ? -1 : 0);
}

WRAP(int, stat, const char *path, struct stat *st)
{
	if (!fuzz_runs)
		return (__real_stat(path, st));
	memset(st, 0, sizeof(*st));
	st->st_ino = strcmp(path, "/proc/self/exe") == 0 ? 1 : 2;
	return (0);
}

/* Opens the user's file. */
WRAP(int, open, const char *path, int flags, ...)
{
	va_list ap;
	mode_t	mode;
	int	fd;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (!fuzz_runs)
		return (__real_open(path, flags, mode));
	CHECK(strncmp(path, "/home/user/", 11) == 0 &&
		(flags & (O_ACCMODE | O_CREAT)) == O_RDONLY,
	    "opens %s", path);
	if (fuzz_how & NO_FILE) {
		errno = ENOENT;
		return (-1);
	}
	fd = memfd_create("file", MFD_CLOEXEC);
	CHECK(fd != -1 && fchmod(fd, fuzz_how & BAD_FILE ? 0622 : 0600) == 0 &&
		write(fd, file.at, file.len) == (ssize_t)file.len &&
		lseek(fd, 0, SEEK_SET) == 0,
	    "memfd_create");
	return (fd);
}

WRAP(FILE *, fdopen, int fd, const char *mode)
{
	size_t i = 0;

	while (i < FILES && files[i] != NULL)
		i++;
	CHECK(i < FILES, "too many open files");
	return (files[i] = __real_fdopen(fd, mode));
}

WRAP(int, fclose, FILE *f)
{
	size_t i;

	for (i = 0; i < FILES; i++) {
		if (files[i] == f)
			files[i] = NULL;
	}
	return (__real_fclose(f));
}

static bool
is_ours(int fd)
{
	return (fd == STDIN_FILENO || (other.pid != -1 && fd == other.out));
}

static struct text *
text_of(int fd)
{
	return (fd == STDIN_FILENO ? &asks : &others);
}

WRAP(ssize_t, read, int fd, void *buf, size_t size)
{
	struct text *t = text_of(fd);

	if (!fuzz_runs || !is_ours(fd))
		return (__real_read(fd, buf, size));
	CHECK(size == 1, "reads more than a byte");
	if (t->read == t->len)
		return (0);
	*(char *)buf = t->at[t->read++];
	return (1);
}

/* Every second call is. */
static bool
is_interrupted(void)
{
	interrupted = !interrupted && fuzz_how & INTERRUPTED;
	if (interrupted)
		errno = EINTR;
	return (interrupted);
}

/* A client that leaves while the other pinentry is silent is WATCHED. */
WRAP(int, poll, struct pollfd *pfd, nfds_t n, int ms)
{
	const struct text *t = text_of(pfd->fd);

	if (!fuzz_runs)
		return (__real_poll(pfd, n, ms));
	CHECK(n == 2 && is_ours(pfd->fd), "polls something else");
	if (is_interrupted())
		return (-1);
	if (t->read == t->len && pfd[1].fd != -1 && fuzz_how & WATCHED) {
		pfd[0].revents = 0;
		pfd[1].revents = POLLHUP;
		return (1);
	}
	if (t->read == t->len && ms != -1)
		return (0);
	pfd[0].revents = POLLIN;
	return (1);
}

WRAP(int, ioctl, int fd, unsigned long what, ...)
{
	va_list ap;
	int    *left;

	va_start(ap, what);
	left = va_arg(ap, int *);
	va_end(ap);
	if (!fuzz_runs)
		return (__real_ioctl(fd, what, left));
	CHECK(fd == STDIN_FILENO && what == FIONREAD, "ioctl");
	*left = (int)(asks.len - asks.read);
	return (0);
}

static void
wrote(const void *bytes, size_t len)
{
	CHECK(outlen + len < sizeof(out), "writes without end");
	memcpy(out + outlen, bytes, len);
	outlen += len;
	out[outlen] = '\0';
}

WRAP(ssize_t, write, int fd, const void *buf, size_t len)
{
	if (!fuzz_runs ||
	    (fd != STDOUT_FILENO && (other.pid == -1 || fd != other.in)))
		return (__real_write(fd, buf, len));
	if (is_interrupted())
		return (-1);
	if (fd == STDOUT_FILENO)
		wrote(buf, len);
	return ((ssize_t)len);
}

WRAP(pid_t, fork, void)
{
	forked = fuzz_runs;
	return (fuzz_runs ? GROUP : __real_fork());
}

WRAP(int, kill, pid_t pid, int sig)
{
	if (!fuzz_runs)
		return (__real_kill(pid, sig));
	CHECK(pid == GROUP && sig == SIGTERM, "kill %ld", (long)pid);
	return (0);
}

WRAP(pid_t, waitpid, pid_t pid, int *status, int options)
{
	if (!fuzz_runs)
		return (__real_waitpid(pid, status, options));
	CHECK(pid == GROUP && options == 0, "waitpid %ld", (long)pid);
	if (status != NULL)
		*status = 0;
	return (pid);
}

/* The rest of dazaictl. */

void
arena_grow(struct secmem *m, size_t size, size_t keep)
{
	CHECK(keep == 0, "keeps bytes");
	free(m->data);
	m->data = m->pages = malloc(size);
	CHECK(m->data != NULL, "no memory");
	m->size = size;
}

void
command_places(const char *sock, struct sockpath *places)
{
}

void
command_check_name(const char *name)
{
	if (!name_ok(name))
		errx(EXIT_USAGE, "no name");
}

/* A secret is never empty. */
size_t
secret_fetch(const struct sockpath *places, const char *name, struct secmem *m)
{
	CHECK(name_ok(name), "\"%s\" is no name", name);
	(void)snprintf(name_asked, sizeof(name_asked), "%s", name);
	if (secret.len == 0)
		fuzz_leave("refused");
	arena_grow(m, secret.len, 0);
	memcpy(m->data, secret.at, secret.len);
	return (secret.len);
}

void
secret_write(const struct secmem *m, size_t len)
{
	CHECK(len <= m->size, "more than there is");
	wrote(m->data, len);
}

void
residue_socket(size_t len)
{
	CHECK(len == secret.len, "other bytes");
}

/* What must be so. */

/* The secret without the newline that give() drops. */
static size_t
secret_len(void)
{
	return (secret.len - (secret.at[secret.len - 1] == '\n'));
}

static unsigned int
hex(const char *at, size_t n)
{
	char digits[5];

	(void)snprintf(digits, sizeof(digits), "%.*s", (int)n, at);
	CHECK(strspn(digits, "0123456789abcdefABCDEF") == n, "no number");
	return ((unsigned int)strtoul(digits, NULL, 16));
}

/*
 * Copies a string of JSON to text, whose size is enough; returns its end.
 * Bytes beyond ASCII are taken as they are.
 */
static const char *
json_string(const char *at, char *text, size_t *len)
{
	CHECK(*at++ == '"', "no string");
	for (*len = 0; *at != '"'; at++) {
		CHECK((unsigned char)*at >= ' ', "a control character");
		if (*at != '\\') {
			text[(*len)++] = *at;
			continue;
		}
		at++;
		if (*at == 'u') {
			text[(*len)++] = (char)hex(at + 1, 4);
			at += 4;
			continue;
		}
		CHECK(*at == '"' || *at == '\\', "escaped %c", *at);
		text[(*len)++] = *at;
	}
	text[*len] = '\0';
	return (at + 1);
}

/* Has the user's file a line with these words, in any case? */
static bool
file_has(const char *first, const char *second)
{
	char   text[TEXT + 1], *rest, *line, *words, *word[2];
	size_t i;

	memcpy(text, file.at, file.len);
	text[file.len] = '\0';
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		for (i = 0; i < 2; i++)
			word[i] = strtok_r(i == 0 ? line : NULL, " \t", &words);
		if (word[0] != NULL && word[1] != NULL &&
		    strcasestr(word[0], first) != NULL &&
		    strcmp(word[1], second) == 0)
			return (true);
	}
	return (false);
}

/* The host of a server, without a port that may be left out. */
static const char *
host_of(const char *from)
{
	static char host[SITE_HOST];
	char	   *port;

	(void)snprintf(host, sizeof(host), "%.*s", (int)strcspn(from, "/"),
	    from);
	port = strrchr(host, ':');
	if (port != NULL &&
	    (strcmp(port, ":443") == 0 || strcmp(port, ":80") == 0))
		*port = '\0';
	return (host);
}

static void
check_git(const char *ended)
{
	const char *at = out;

	if (outlen == 0)
		return;
	CHECK(strcmp(ended, "done") == 0, "an answer, and an error");
	CHECK(file_has(host_of(gitcred_asked[GITCRED_HOST].value), name_asked),
	    "%s for another host", name_asked);
	if (strncmp(at, "username=", 9) == 0) {
		at = strchr(at, '\n');
		CHECK(at != NULL, "no line");
		at++;
	}
	CHECK(strncmp(at, "password=", 9) == 0, "no password");
	at += 9;
	CHECK((size_t)(out + outlen - at) == secret_len() + 1 &&
		memcmp(at, secret.at, secret_len()) == 0 &&
		out[outlen - 1] == '\n' && strlen(at) == secret_len() + 1 &&
		strchr(at, '\n') == out + outlen - 1,
	    "not one line with the secret");
}

static void
check_docker(const char *ended)
{
	static const char *const words[] = { "ServerURL", "Username",
		"Secret" };
	static char		 text[TEXT * 2];
	const char		*at = out, *url;
	size_t			 i, len;

	if (outlen == 0)
		return;
	CHECK(strcmp(ended, "done") == 0, "an answer, and an error");
	for (i = 0; i < 3; i++) {
		CHECK(*at++ == (i == 0 ? '{' : ','), "no object");
		at = json_string(at, text, &len);
		CHECK(strcmp(text, words[i]) == 0 && *at++ == ':', "%s", text);
		at = json_string(at, text, &len);
		if (i == 0) {
			url = strstr(text, "://");
			CHECK(file_has(host_of(url != NULL ? url + 3 : text),
				  name_asked),
			    "%s for another registry", name_asked);
		}
	}
	CHECK(strcmp(at, "}\n") == 0, "more than an object: %s", at);
	CHECK(len == secret_len() && memcmp(text, secret.at, len) == 0,
	    "not the secret");
}

static void
check_docker_list(const char *ended)
{
	static char text[2 * TEXT];
	const char *at = printed;
	size_t	    len;

	CHECK(outlen == 0, "a secret");
	if (strcmp(ended, "done") != 0)
		return;
	CHECK(*at++ == '{', "no object");
	while (*at == '"') {
		at = json_string(at, text, &len);
		CHECK(*at++ == ':', "no value");
		at = json_string(at, text, &len);
		CHECK(*at == ',' ? at[1] == '"' : *at == '}', "no end");
		at += *at == ',';
	}
	CHECK(strcmp(at, "}\n") == 0, "more than an object: %s", at);
}

/* Returns whether the line of data says the secret, %-encoded. */
static bool
says_secret(const char *line, size_t len)
{
	size_t i, n = 0;
	char   c;

	for (i = 2; i < len; i++, n++) {
		c = line[i];
		if (c == '%') {
			c = (char)hex(line + i + 1, 2);
			i += 2;
		}
		if (n >= secret_len() || c != secret.at[n])
			return (false);
	}
	return (n == secret_len());
}

/* Each line that was written is short; without another, each is an answer. */
static void
check_pinentry(const char *ended)
{
	const char *at, *line_end;

	if (strcmp(ended, "failed") == 0)
		CHECK(outlen == 0, "an answer, and an error");
	for (at = out; at < out + outlen; at = line_end + 1) {
		line_end = memchr(at, '\n', (size_t)(out + outlen - at));
		CHECK(line_end != NULL && line_end - at <= ASSUAN_MAX,
		    "a long line");
		CHECK(forked || strncmp(at, "OK", 2) == 0 ||
			strncmp(at, "ERR ", 4) == 0 ||
			strncmp(at, "D ", 2) == 0,
		    "no answer: %s", at);
	}
}

/* Just written: the secret, for the key that was asked for. */
static void
check_pin(const char *before)
{
	const size_t len = strcspn(before, "\n");

	CHECK(strncmp(before, "D ", 2) == 0 && says_secret(before, len) &&
		strcmp(before + len, "\nOK\n") == 0,
	    "not the secret: %s", before);
	CHECK(!asked.failed && !asked.new, "an old passphrase is given again");
	CHECK(strlen(asked.grip) == PINENTRY_GRIP &&
		file_has(asked.grip, name_asked),
	    "%s for another key", name_asked);
}

/* A child, whose end is not the program's; arg: the secret of a key. */
WRAP(int, give_apart, void (*task)(const void *), const void *arg)
{
	const size_t   was = outlen;
	static jmp_buf outer;
	volatile int   status = EXIT_USAGE;

	memcpy(outer, fuzz_end, sizeof(outer));
	if (setjmp(fuzz_end) == 0) {
		task(arg);
		status = EXIT_DONE;
	} else if (strcmp(fuzz_ended, "done") == 0) {
		status = EXIT_DONE;
	}
	memcpy(fuzz_end, outer, sizeof(outer));
	fuzz_runs = true;
	if (status == EXIT_DONE && arg != NULL)
		check_pin(out + was);
	return (status);
}

static void
take(struct text *t)
{
	t->len = fuzz_string(t->at, TEXT);
	t->read = 0;
}

/* As the programs are at their start. */
static void
begin(void)
{
	size_t i;

	for (i = 0; i < GITCRED_KEYS; i++) {
		gitcred_asked[i].given = false;
		gitcred_asked[i].value[0] = '\0';
	}
	memset(keys, 0, sizeof(keys));
	memset(&asked, 0, sizeof(asked));
	answered[0] = program[0] = out[0] = name_asked[0] = '\0';
	nkeys = 0;
	other.pid = -1;
	outlen = 0;
	forked = interrupted = false;
}

static void
finish(FILE *in, FILE *to)
{
	size_t i;

	for (i = 0; i < FILES; i++) {
		if (files[i] != NULL)
			(void)fclose(files[i]);
	}
	if (other.pid != -1) {
		close(other.in);
		close(other.out);
	}
	(void)fclose(in);
	(void)fclose(to);
	free(printed);
}

static void
run(unsigned int helper)
{
	static char get[] = "get", list[] = "list";
	char	   *argv[] = { get, helper == DOCKER_LIST ? list : get, NULL };

	if (setjmp(fuzz_end) != 0)
		return;
	fuzz_runs = true;
	if (helper == GIT)
		gitcred_main(2, argv);
	if (helper == PINENTRY)
		pinentry_main(1, argv);
	dockercred_main(2, argv);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const check[])(const char *) = { check_git, check_docker,
		check_docker_list, check_pinentry };
	FILE *const was_in = stdin, *const was_out = stdout;
	unsigned int helper;

	fuzz_input(data, size);
	helper = fuzz_byte() % HELPERS;
	fuzz_how = fuzz_byte();
	take(&file);
	take(&asks);
	take(&secret);
	take(&others);
	begin();
	stdin = fmemopen(asks.at, asks.len, "r");
	stdout = open_memstream(&printed, &printedlen);
	CHECK(stdin != NULL && stdout != NULL, "no memory");
	run(helper);
	(void)fflush(stdout);
	check[helper](fuzz_ended);
	finish(stdin, stdout);
	stdin = was_in;
	stdout = was_out;
	return (0);
}
