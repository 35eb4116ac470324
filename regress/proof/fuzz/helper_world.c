/* SPDX-License-Identifier: ISC */
/* What the helpers of dazaictl call, in the fuzz target "helper". */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"
#include "secmem.h"

#include "../../../dazaictl/arena.h"
#include "../../../dazaictl/command.h"
#include "../../../dazaictl/client.h"
#include "../../../dazaictl/residue.h"
#include "../../../dazaictl/secret.h"

#define FILES 8
#define GROUP 5000 /* the pid of the other pinentry */

struct helper helper;

static FILE *files[FILES]; /* that are open */

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
		pwrite(fd, helper.file.at, helper.file.len, 0) ==
		    (ssize_t)helper.file.len,
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

static struct text *
text_of(int fd)
{
	return (fd == STDIN_FILENO ? &helper.asks : &helper.others);
}

WRAP(ssize_t, read, int fd, void *buf, size_t size)
{
	struct text *t = text_of(fd);

	if (!fuzz_runs)
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
	helper.interrupted = !helper.interrupted && fuzz_how & INTERRUPTED;
	if (helper.interrupted)
		errno = EINTR;
	return (helper.interrupted);
}

/* A client that leaves while the other pinentry is silent is WATCHED. */
WRAP(int, poll, struct pollfd *pfd, nfds_t n, int ms)
{
	const struct text *t = text_of(pfd->fd);

	if (!fuzz_runs)
		return (__real_poll(pfd, n, ms));
	CHECK(n == 2, "polls something else");
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
	*left = (int)(helper.asks.len - helper.asks.read);
	return (0);
}

static void
wrote(const void *bytes, size_t len)
{
	CHECK(helper.outlen + len < sizeof(helper.out), "writes without end");
	memcpy(helper.out + helper.outlen, bytes, len);
	helper.outlen += len;
	helper.out[helper.outlen] = '\0';
}

WRAP(ssize_t, write, int fd, const void *buf, size_t len)
{
	if (!fuzz_runs)
		return (__real_write(fd, buf, len));
	if (is_interrupted())
		return (-1);
	if (fd == STDOUT_FILENO)
		wrote(buf, len);
	return ((ssize_t)len);
}

WRAP(pid_t, fork, void)
{
	helper.forked = fuzz_runs;
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

NOTHING(command_places,
    (const char *sock UNUSED, struct sockpath *places UNUSED))

void
command_check_name(const char *name)
{
	if (!name_ok(name))
		errx(EXIT_USAGE, "no name");
}

/* A secret is never empty. */
size_t
secret_fetch(const struct sockpath *places UNUSED, const char *name,
    struct secmem *m)
{
	CHECK(name_ok(name), "\"%s\" is no name", name);
	(void)snprintf(helper.name_asked, sizeof(helper.name_asked), "%s",
	    name);
	if (helper.secret.len == 0)
		fuzz_leave("refused");
	arena_grow(m, helper.secret.len, 0);
	memcpy(m->data, helper.secret.at, helper.secret.len);
	return (helper.secret.len);
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
	CHECK(len == helper.secret.len, "other bytes");
}

static void
take(struct text *t)
{
	t->len = fuzz_string(t->at, TEXT);
	t->read = 0;
}

/* Takes the environment and the texts from the input. */
void
helper_begin(void)
{
	fuzz_how = fuzz_byte();
	take(&helper.file);
	take(&helper.asks);
	take(&helper.secret);
	take(&helper.others);
	helper.out[0] = helper.name_asked[0] = '\0';
	helper.outlen = 0;
	helper.forked = helper.interrupted = false;
}

void
helper_end(void)
{
	size_t i;

	for (i = 0; i < FILES; i++) {
		if (files[i] != NULL)
			(void)fclose(files[i]);
	}
}
