/* SPDX-License-Identifier: ISC */
/*
 * What dazaictl asks of a daemon, which may answer anything.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "guard.h"
#include "sockpath.h"

#include "../../../dazaictl/client.h"
#include "../../../dazaictl/secret.h"

int
client_open(const char *path)
{
	CHECK(path[0] != '\0' && strlen(path) < SOCKPATH_SIZE, "no path");
	return (42);
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
	static char  line[1024];
	struct bytes b = fuzz_text();

	CHECK(fd == 42, "another connection");
	if (b.len >= sizeof(line))
		b.len = sizeof(line) - 1;
	memcpy(line, b.at, b.len);
	line[b.len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (!fuzz_more())
		(void)snprintf(line, sizeof(line), "OK");
	return (line);
}

noreturn void
client_refused(const char *line)
{
	(void)line;
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
	CHECK(*name != '\0' && strpbrk(name, " \t\r\n") == NULL,
	    "\"%s\" is no name", name);
}

void
secret_put(const char *path, const char *name, const char *reads,
    const char *ttl)
{
	const char *p = reads;

	(void)path;
	check_name(name);
	if (reads != NULL)
		CHECK(fuzz_digits(&p) >= 1 && *p == '\0', "%s reads", reads);
	if (ttl != NULL)
		CHECK(fuzz_seconds(ttl) > 0, "%s seconds", ttl);
}

void
secret_get(const char *path, const char *name, bool line)
{
	(void)path;
	(void)line;
	check_name(name);
}

void
guard_open(const char *path)
{
	(void)path;
}

void
guard_who(char *text, size_t size)
{
	(void)snprintf(text, size, "%s", fuzz_how & 32 ? ", by a process" : "");
}
