/* SPDX-License-Identifier: ISC */
/*
 * What the programs of the fuzz target "option" call: system functions, and
 * dazaictl's connection to a daemon, which may answer anything.
 */
#include <sys/prctl.h>
#include <sys/stat.h>

#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cred.h"
#include "fuzz.h"
#include "guard.h"
#include "process.h"
#include "sockpath.h"
#include "stdfd.h"

#include "../../../dazaictl/client.h"
#include "../../../dazaictl/dockercred.h"
#include "../../../dazaictl/gitcred.h"
#include "../../../dazaictl/load.h"
#include "../../../dazaictl/order.h"
#include "../../../dazaictl/pinentry.h"
#include "../../../dazaictl/run.h"
#include "../../../dazaictl/secret.h"
#include "../../../dazaictl/watch.h"
#include "../../../dazaictl/why.h"

typedef struct passwd *passwd_entry;

WRAP(int, fputs, const char *text, FILE *to)
{
	return (fuzz_runs ? 0 : __real_fputs(text, to));
}

WRAP(int, puts, const char *text)
{
	return (fuzz_runs ? 0 : __real_puts(text));
}

WRAP(int, printf, const char *fmt UNUSED, ...)
{
	return (0);
}

WRAP_VALUE(uid_t, geteuid, fuzz_how & 1 ? 0 : OWNER)

WRAP(passwd_entry, getpwnam, const char *user)
{
	static struct passwd pw = { .pw_uid = OWNER, .pw_gid = OWNER };

	return (strcmp(user, "u") == 0 ? &pw : NULL);
}

WRAP(char *, getenv, const char *var)
{
	static char rundir[] = "/run/x", secret[] = "sec ret";

	if (!fuzz_runs)
		return (__real_getenv(var));
	if (strcmp(var, "XDG_RUNTIME_DIR") == 0)
		return (fuzz_how & 2 ? rundir : NULL);
	if (strcmp(var, "DAZAI_SECRET") == 0)
		return (fuzz_how & 4 ? secret + (fuzz_how & 8 ? 4 : 0) : NULL);
	if (strcmp(var, "SSH_ASKPASS_PROMPT") == 0)
		return (fuzz_how & 16 ? rundir : NULL);
	return (NULL);
}

WRAP(int, isatty, int fd)
{
	return (fuzz_runs ? (int)(fuzz_how & 1) : __real_isatty(fd));
}

WRAP(int, prctl, int option, ...)
{
	CHECK(!fuzz_runs || option == PR_SET_DUMPABLE, "prctl %d", option);
	return (0);
}

WRAP(int, stat, const char *path, struct stat *st)
{
	if (!fuzz_runs)
		return (__real_stat(path, st));
	st->st_mode = S_IFDIR;
	st->st_uid = fuzz_how & 8 ? OWNER : 0;
	return (fuzz_how & 4 ? 0 : -1);
}

WRAP(void, closefrom, int fd)
{
	CHECK(!fuzz_runs || fd == 3, "closefrom %d", fd);
}

NOTHING(stdfd_open, (void))
NOTHING(stdfd_flush, (void))
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

/* Another program's main(). */
#define HELPER(name)                                            \
	noreturn void name(int argc UNUSED, char **argv UNUSED) \
	{                                                       \
		fuzz_leave("helper");                           \
	}

HELPER(dockercred_main)
HELPER(gitcred_main)
HELPER(pinentry_main)
