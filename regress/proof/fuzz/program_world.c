/* SPDX-License-Identifier: ISC */
/*
 * What the programs of the fuzz target "program" call: system functions, and
 * dazaictl's connection to a daemon, which may answer anything.  The end of a
 * program is one that world_ended() accepts.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cred.h"
#include "guard.h"
#include "process.h"
#include "program.h"
#include "secmem.h"
#include "sockpath.h"

#include "../../../dazaictl/arena.h"
#include "../../../dazaictl/client.h"
#include "../../../dazaictl/command.h"
#include "../../../dazaictl/load.h"
#include "../../../dazaictl/order.h"
#include "../../../dazaictl/residue.h"
#include "../../../dazaictl/run.h"
#include "../../../dazaictl/secret.h"
#include "../../../dazaictl/watch.h"
#include "../../../dazaictl/why.h"

#define GROUP 5000 /* the pid of the other pinentry */

struct world world;

typedef struct passwd *passwd_entry;

static FILE *file; /* the user's, while it is open */

/* It leaves what it has allocated. */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}

static noreturn void
world_ended(int status)
{
	if (program_now < GIT) {
		option_ended(status);
		fuzz_leave("exit");
	}
	CHECK(status >= EXIT_DONE && status <= EXIT_REFUSED, "exit %d", status);
	fuzz_leave(status == EXIT_DONE ? "done" : "failed");
}

WRAP(noreturn void, exit, int status)
{
	if (!fuzz_runs)
		__real_exit(status);
	world_ended(status);
}

WRAP(noreturn void, errx, int status, const char *fmt, ...)
{
	CHECK(status != 0, "%s, and exit 0", fmt);
	world_ended(status);
}

WRAP(noreturn void, err, int status, const char *fmt, ...)
{
	CHECK(status != 0, "%s, and exit 0", fmt);
	world_ended(status);
}

WRAP(void, warnx, const char *fmt UNUSED, ...)
{
}
WRAP(passwd_entry, getpwnam, const char *user)
{
	static struct passwd pw = { .pw_uid = OWNER, .pw_gid = OWNER };

	return (strcmp(user, "u") == 0 ? &pw : NULL);
}

WRAP(uid_t, geteuid, void)
{
	if (!fuzz_runs || program_now >= GIT)
		return (__real_geteuid());
	return (fuzz_how & 1 ? 0 : OWNER);
}

WRAP(int, isatty, int fd)
{
	if (!fuzz_runs || program_now >= GIT)
		return (__real_isatty(fd));
	return ((int)(fuzz_how & 1));
}

WRAP(char *, getenv, const char *var)
{
	static char rundir[] = "/run/x", secret[] = "sec ret", word[] = "ret";
	static char home[] = "/home/user", other[] = "/bin/pinentry";
	static char path[] = "bin:/nowhere:/bin";
	static const struct {
		const char  *var;
		bool	     helper; /* reads it */
		unsigned int mask, how;
		char	    *value;
	} vars[] = {
		{ "XDG_RUNTIME_DIR", false, 2, 2, rundir },
		{ "DAZAI_SECRET", false, 4 + 8, 4, secret },
		{ "DAZAI_SECRET", false, 4 + 8, 4 + 8, word },
		{ "SSH_ASKPASS_PROMPT", false, 16, 16, rundir },
		{ "XDG_CONFIG_HOME", true, NO_HOME, 0, home },
		{ "HOME", true, BAD_FILE, 0, home },
		{ "PINENTRY_PROGRAM", true, NO_OTHER | WATCHED, 0, other },
		{ "PATH", true, 0, 0, path },
	};
	size_t i;

	if (!fuzz_runs)
		return (__real_getenv(var));
	for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
		if (strcmp(var, vars[i].var) == 0 &&
		    vars[i].helper == (program_now >= GIT) &&
		    (fuzz_how & vars[i].mask) == vars[i].how)
			return (vars[i].value);
	}
	return (NULL);
}

WRAP(int, stat, const char *path, struct stat *st)
{
	if (!fuzz_runs)
		return (__real_stat(path, st));
	memset(st, 0, sizeof(*st));
	st->st_mode = S_IFDIR;
	st->st_uid = fuzz_how & 8 ? OWNER : 0;
	st->st_ino = strcmp(path, "/proc/self/exe") == 0 ? 1 : 2;
	return (program_now >= GIT || fuzz_how & 4 ? 0 : -1);
}

WRAP(int, prctl, int option, ...)
{
	CHECK(!fuzz_runs || option == PR_SET_DUMPABLE, "prctl %d", option);
	return (0);
}

WRAP(void, closefrom, int fd)
{
	CHECK(!fuzz_runs || fd == 3, "closefrom %d", fd);
}

WRAP(int, access, const char *path, int mode)
{
	if (!fuzz_runs)
		return (__real_access(path, mode));
	CHECK(path[0] == '/' && mode == X_OK, "access %s", path);
	return (fuzz_how & NO_OTHER ? -1 : 0);
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
		pwrite(fd, world.file.at, world.file.len, 0) ==
		    (ssize_t)world.file.len,
	    "memfd_create");
	return (fd);
}

WRAP(FILE *, fdopen, int fd, const char *mode)
{
	CHECK(!fuzz_runs || file == NULL, "two open files");
	return (file = __real_fdopen(fd, mode));
}

WRAP(int, fclose, FILE *f)
{
	if (f == file)
		file = NULL;
	return (__real_fclose(f));
}

static struct text *
text_of(int fd)
{
	return (fd == STDIN_FILENO ? &world.asks : &world.others);
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
	world.interrupted = !world.interrupted && fuzz_how & INTERRUPTED;
	if (world.interrupted)
		errno = EINTR;
	return (world.interrupted);
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
	*left = (int)(world.asks.len - world.asks.read);
	return (0);
}

static void
wrote(const void *bytes, size_t len)
{
	CHECK(world.outlen + len < sizeof(world.out), "writes without end");
	memcpy(world.out + world.outlen, bytes, len);
	world.outlen += len;
	world.out[world.outlen] = '\0';
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
	world.forked = fuzz_runs;
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

/* A secret is never empty. */
size_t
secret_fetch(const struct sockpath *places UNUSED, const char *name,
    struct secmem *m)
{
	CHECK(name_ok(name), "\"%s\" is no name", name);
	(void)snprintf(world.name_asked, sizeof(world.name_asked), "%s", name);
	if (world.secret.len == 0)
		fuzz_leave("refused");
	arena_grow(m, world.secret.len, 0);
	memcpy(m->data, world.secret.at, world.secret.len);
	return (world.secret.len);
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
	CHECK(len == world.secret.len, "other bytes");
}

STUB(const char *, cred_ambiguous, (uid_t uid UNUSED), NULL)

int
client_open(const struct sockpath *places, enum client_trust trust UNUSED)
{
	CHECK(places->n >= 1 && places->n <= SOCKPATH_PLACES, "no place");
	CHECK(places->path[0][0] != '\0', "no path");
	return (42);
}

const struct reach *
client_daemon(void)
{
	static struct reach daemon = { .path = "/sock", .dir = -1 };

	return (&daemon);
}

void
client_ask(int fd, const char *fmt, ...)
{
	char	line[1024];
	va_list ap;
	int	len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	CHECK(fd == 42 && len > 0 && strpbrk(line, "\r\n") == NULL,
	    "two lines are asked: %s", line);
}

const char *
client_line(int fd)
{
	static char line[1024];
	const char *p;

	CHECK(fd == 42, "another connection");
	(void)fuzz_string(line, sizeof(line));
	line[strcspn(line, "\n")] = '\0';
	for (p = line; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			fuzz_leave("nonsense");
	}
	if (!fuzz_more())
		(void)snprintf(line, sizeof(line), "OK");
	return (line);
}

noreturn void
client_refused(const char *line UNUSED)
{
	fuzz_leave("refused");
}

void
client_want(int fd, const char *want)
{
	if (strcmp(client_line(fd), want) != 0)
		client_refused("");
}

static void
check_name(const char *name)
{
	CHECK(*name != '\0' && strpbrk(name, " \t\r\n'\"\\") == NULL,
	    "\"%s\" is no name", name);
}

void
secret_put(const struct sockpath *places UNUSED, const char *name,
    const char *reads, const char *ttl, bool replace UNUSED, bool once UNUSED)
{
	const char *p = reads;

	check_name(name);
	if (reads != NULL)
		CHECK(fuzz_digits(&p) >= 1 && *p == '\0', "%s reads", reads);
	if (ttl != NULL)
		CHECK(fuzz_seconds(ttl) > 0, "%s seconds", ttl);
}

void
secret_get(const struct sockpath *places UNUSED, const char *name,
    bool line UNUSED)
{
	check_name(name);
}

void
order_panic(const struct sockpath *places UNUSED, bool hard, int64_t ms)
{
	CHECK(ms > 0 || (ms == 0 && !hard), "%lld ms", (long long)ms);
}

bool
load_file(const struct sockpath *places UNUSED, const char *path UNUSED,
    bool replace, bool once UNUSED)
{
	return (replace);
}

void
run_program(const struct sockpath *places UNUSED, int argc, char *argv[])
{
	CHECK(argc > 0 && strcmp(argv[0], "run") == 0, "%d words", argc);
}

void
watch_release(const struct sockpath *places UNUSED, const char *name)
{
	CHECK(strpbrk(name, " \t\r\n") == NULL, "released %s", name);
}

NOTHING(watch_events, (const struct sockpath *places UNUSED, bool json UNUSED))

void
watch_wait(const struct sockpath *places UNUSED, const char *event)
{
	CHECK(event[0] != '\0', "waits for nothing");
}

NOTHING(why_show,
    (const struct sockpath *places UNUSED, enum list_form form UNUSED))

bool
client_is_near(const char *status)
{
	CHECK(strncmp(status, "STATUS ", 7) == 0, "%s", status);
	return ((fuzz_how & 32) != 0);
}

bool
process_name(pid_t pid, char *name, size_t size)
{
	CHECK(pid > 0, "process %ld", (long)pid);
	(void)snprintf(name, size, "%s",
	    fuzz_how & 16 ? "dazai-hb" : "a program");
	return ((fuzz_how & 8) != 0);
}

void
process_words(pid_t pid, char *text, size_t size)
{
	(void)snprintf(text, size, "process %ld (a program)", (long)pid);
}

STUB(pid_t, process_watched, (pid_t pid), fuzz_how & 4 ? pid + 1 : 0)

void
guard_open(int dir, const char *name)
{
	CHECK(dir == -1 && strcmp(name, "sock") == 0, "%s", name);
}

void
guard_who(char *text, size_t size)
{
	(void)snprintf(text, size, "%s", fuzz_how & 2 ? ", by a process" : "");
}

static void
take(struct text *t)
{
	t->len = fuzz_string(t->at, TEXT);
	t->read = 0;
}

/* Takes the environment from the input, and a helper's texts. */
void
world_begin(void)
{
	fuzz_how = fuzz_byte();
	if (program_now >= GIT) {
		take(&world.file);
		take(&world.asks);
		take(&world.secret);
		take(&world.others);
	}
	world.out[0] = world.name_asked[0] = '\0';
	world.outlen = 0;
	world.forked = world.interrupted = false;
	stdout = open_memstream(&world.printed, &world.printedlen);
	stderr = fopen("/dev/null", "we");
	CHECK(stdout != NULL && stderr != NULL, "no memory");
}

void
world_end(void)
{
	if (file != NULL)
		(void)fclose(file);
	(void)fclose(stdout);
	(void)fclose(stderr);
	free(world.printed);
}
