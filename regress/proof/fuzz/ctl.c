/* SPDX-License-Identifier: ISC */
/* Stands for dazaictl's connection to a daemon, which may answer anything. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "cred.h"
#include "guard.h"
#include "process.h"
#include "sockpath.h"

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

const char *
cred_ambiguous(uid_t uid)
{
	return (NULL);
}

int
client_open(const struct sockpath *places, enum client_trust trust)
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
client_refused(const char *line)
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
secret_put(const struct sockpath *places, const char *name, const char *reads,
    const char *ttl, bool replace, bool once)
{
	const char *p = reads;

	check_name(name);
	if (reads != NULL)
		CHECK(fuzz_digits(&p) >= 1 && *p == '\0', "%s reads", reads);
	if (ttl != NULL)
		CHECK(fuzz_seconds(ttl) > 0, "%s seconds", ttl);
}

void
secret_get(const struct sockpath *places, const char *name, bool line)
{
	check_name(name);
}

void
order_panic(const struct sockpath *places, bool hard, int64_t ms)
{
	CHECK(ms > 0 || (ms == 0 && !hard), "%lld ms", (long long)ms);
}

bool
load_file(const struct sockpath *places, const char *path, bool replace,
    bool once)
{
	return (replace);
}

void
run_program(const struct sockpath *places, int argc, char *argv[])
{
	CHECK(argc > 0 && strcmp(argv[0], "run") == 0, "%d words", argc);
}

void
watch_release(const struct sockpath *places, const char *name)
{
	CHECK(strpbrk(name, " \t\r\n") == NULL, "released %s", name);
}

void
watch_events(const struct sockpath *places, bool json)
{
}

void
watch_wait(const struct sockpath *places, const char *event)
{
	CHECK(event[0] != '\0', "waits for nothing");
}

void
why_show(const struct sockpath *places, enum list_form form)
{
}

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

pid_t
process_watched(pid_t pid)
{
	return (fuzz_how & 4 ? pid + 1 : 0);
}

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

noreturn void
dockercred_main(int argc, char *argv[])
{
	fuzz_leave("helper");
}

noreturn void
gitcred_main(int argc, char *argv[])
{
	fuzz_leave("helper");
}

noreturn void
pinentry_main(int argc, char *argv[])
{
	fuzz_leave("helper");
}
