/* SPDX-License-Identifier: ISC */
/*
 * How long a living daemon takes to answer: PING, one by one and in a stream,
 * while strangers connect, and GET.  person.c has the programs.
 */
#include <sys/socket.h>

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define PINGS	   20 /* in a row, of one subject */
#define GETS	   10 /* in a row, of one life */
#define DEEP	   64
#define STREAM	   20000 /* PINGs of one sample */
#define SILENT	   600
#define HAMMERS	   3
#define PING_BYTES ((size_t)5)

static const char ours_command[] = "dazaid -d -a -g 60 -z 65536 -l key=- -s @";
static const char floor_command[] = "floor 2 @ 65536";

static double
ping(struct subject *s)
{
	const int64_t t = now_ns();
	char	      buf[16];

	say(s->heart, "PING\n", PING_BYTES);
	want(s->heart, buf, sizeof(buf), "PONG\n");
	return (us_since(t));
}

static void
pings(struct subject *s, struct series *to)
{
	int i;

	for (i = 0; i < PINGS; i++)
		series_add(to, ping(s));
}

/* Two subjects at once; the one that is not asked sleeps. */
static void
pair_start(struct subject *ours, struct subject *two)
{
	subject_init(ours, "dazaid", HEARTBEAT, getuid(), ours_command);
	subject_init(two, "two-process floor", HEARTBEAT, getuid(),
	    floor_command);
	subject_guard(ours);
	subject_guard(two);
}

static void
pair_stop(struct subject *ours, struct subject *two)
{
	subject_stop(ours);
	subject_stop(two);
}

static void
ping_pong(const char *figure)
{
	struct subject	 ours, two;
	struct series	 a = { 0 }, b = { 0 };
	const struct row r = { .figure = figure,
		.unit = "µs",
		.name = "two-process floor",
		.ours = &a,
		.other = &b,
		.goal = 1.3 };
	size_t		 i;

	pair_start(&ours, &two);
	for (i = 0; i < samples; i++) {
		pings(&ours, &a);
		pings(&two, &b);
	}
	pair_stop(&ours, &two);
	report(&r);
}

void
figure_ping(void)
{
	cpu_set_t all, one;

	ping_pong("PING to PONG");
	(void)sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) == -1)
		err(1, "one core");
	ping_pong("PING to PONG, one core");
	(void)sched_setaffinity(0, sizeof(all), &all);
}

/* PINGs a second, with DEEP of them unanswered. */
static double
stream(struct subject *s)
{
	static const char line[PING_BYTES] = { 'P', 'I', 'N', 'G', '\n' };
	const int64_t	  t = now_ns();
	char		  out[DEEP * PING_BYTES], in[DEEP * PING_BYTES];
	size_t		  sent = DEEP, got = 0, i;
	ssize_t		  n;

	for (i = 0; i < DEEP; i++)
		memcpy(out + i * PING_BYTES, line, PING_BYTES);
	say(s->heart, out, sizeof(out));
	while (got < STREAM * PING_BYTES) {
		if ((n = recv(s->heart, in, sizeof(in), 0)) <= 0)
			err(1, "%s: no PONG", s->name);
		i = (got + (size_t)n) / PING_BYTES - got / PING_BYTES;
		got += (size_t)n;
		if (i > STREAM - sent)
			i = STREAM - sent;
		if (i > 0)
			say(s->heart, out, i * PING_BYTES);
		sent += i;
	}
	return (STREAM * 1e6 / us_since(t));
}

void
figure_rate(void)
{
	struct subject ours, two;
	struct series  a = { 0 }, b = { 0 };
	struct row     r = { .figure = "PINGs a second, 64 deep",
		    .unit = "/s",
		    .name = "two-process floor",
		    .ours = &a,
		    .other = &b,
		    .goal = 0.7,
		    .more = true };
	size_t	       i;

	pair_start(&ours, &two);
	for (i = 0; i < samples; i++) {
		series_add(&a, stream(&ours));
		series_add(&b, stream(&two));
	}
	pair_stop(&ours, &two);
	report(&r);
}

static void
load_hammer(const char *path)
{
	const int fd = subject_connect(path);

	if (fd == -1)
		return;
	(void)send(fd, "HELLO\nPING\n", 11, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

static void
flooded(struct subject *s, const struct load *load, struct series *quiet,
    struct series *loud)
{
	int silent[SILENT], i;

	pings(s, quiet);
	for (i = 0; i < SILENT; i++)
		silent[i] = subject_connect(s->sock);
	load_pause(load, false);
	subject_settle(5);
	pings(s, loud);
	load_pause(load, true);
	for (i = 0; i < SILENT; i++) {
		if (silent[i] != -1)
			close(silent[i]);
	}
	subject_settle(5);
}

void
figure_flood(void)
{
	struct subject ours, two;
	struct load    on_ours, on_two;
	struct series  quiet = { 0 }, loud = { 0 }, quiet2 = { 0 },
		      loud2 = { 0 };
	struct row r = {
		.figure = "p99 of PONG, 600 silent and 3 hammering clients",
		.unit = "µs",
		.tail = true,
		.ours = &loud,
		.name = "without them",
		.other = &quiet,
		.goal = 2
	};
	size_t i;

	pair_start(&ours, &two);
	load_start(&on_ours, HAMMERS, load_hammer, ours.sock);
	load_start(&on_two, HAMMERS, load_hammer, two.sock);
	for (i = 0; i < samples; i++) {
		flooded(&ours, &on_ours, &quiet, &loud);
		flooded(&two, &on_two, &quiet2, &loud2);
	}
	load_stop(&on_ours);
	load_stop(&on_two);
	pair_stop(&ours, &two);
	report(&r);
	r.name = "two-process floor, with them";
	r.other = &loud2;
	r.goal = 0;
	report(&r);
}

/*
 * GET.
 */

/*
 * Receives what there is of an answer, as recv(2); *channel becomes the
 * descriptor that comes with it, if one does.
 */
static ssize_t
get_recv(int fd, char *buf, size_t size, int *channel)
{
	union {
		struct cmsghdr align;
		char	       space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec	iov = { .iov_base = buf, .iov_len = size };
	struct msghdr	msg = { .msg_iov = &iov,
		  .msg_iovlen = 1,
		  .msg_control = &control,
		  .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	const ssize_t	n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);

	if (n > 0 && (cmsg = CMSG_FIRSTHDR(&msg)) != NULL)
		memcpy(channel, CMSG_DATA(cmsg), sizeof(int));
	return (n);
}

/*
 * From the request to the last of size bytes, which come after the head, or
 * over the channel that comes with it.
 */
static double
get(int fd, size_t size)
{
	static char  buf[BIG + 64];
	char	     head[32];
	const size_t all = (size_t)snprintf(head, sizeof(head), "DATA %zu\n",
			       size) +
	    size;
	const int64_t t = now_ns();
	int	      from = fd;
	size_t	      got = 0;
	double	      took;
	ssize_t	      n;

	say(fd, "GET key\n", 8);
	while (got < all) {
		if ((n = get_recv(from, buf + got, sizeof(buf) - got, &from)) <=
		    0)
			err(1, "GET");
		got += (size_t)n;
		if (got > strlen(head) && strncmp(buf, head, strlen(head)) != 0)
			errx(1, "GET: got %.80s", buf);
	}
	took = us_since(t);
	if (from != fd)
		close(from);
	return (took);
}

/* Puts a secret of size bytes; returns the control connection. */
int
get_open(const struct subject *s, size_t size)
{
	static char bytes[BIG];
	char	    path[120], line[64];
	int	    fd;

	(void)snprintf(path, sizeof(path), "%s.ctl", s->sock);
	if ((fd = subject_connect(path)) == -1)
		err(1, "%s", path);
	memset(bytes, 'x', sizeof(bytes));
	say(fd, line,
	    (size_t)snprintf(line, sizeof(line), "PUT key %zu\n", size));
	want(fd, line, sizeof(line), "GO\n");
	say(fd, bytes, size);
	want(fd, line, sizeof(line), "OK\n");
	return (fd);
}

enum { GET_OURS, GET_FLOOR, GET_SEALED, GET_KINDS };

/* GETs of each in turn, of daemons that were just started. */
static void
get_life(struct subject *s, size_t size, struct series *to)
{
	char line[512];
	int  fd, i, k;

	for (k = 0; k < GET_KINDS; k++)
		subject_guard(&s[k]);
	fd = get_open(&s[GET_OURS], size);
	for (i = 0; i < GETS; i++) {
		series_add(&to[GET_OURS], get(fd, size));
		/* Work that is left over must not disturb the others. */
		say(fd, "STATUS\n", 7);
		want(fd, line, sizeof(line), "STATUS ");
		series_add(&to[GET_FLOOR], get(s[GET_FLOOR].heart, size));
		series_add(&to[GET_SEALED], get(s[GET_SEALED].heart, size));
	}
	close(fd);
	for (k = 0; k < GET_KINDS; k++)
		subject_stop(&s[k]);
}

/*
 * On which processors the three processes run matters more than what they do,
 * and does not change: hence many lives.
 */
static void
get_relay(const char *figure, size_t size)
{
	struct subject s[GET_KINDS];
	struct series  t[GET_KINDS] = { { 0 } };
	struct row     r = { .figure = figure,
		    .unit = "µs",
		    .ours = &t[GET_OURS],
		    .goal = 1.2 };
	char	       command[GET_KINDS][64];
	size_t	       i;
	int	       k;

	(void)snprintf(command[GET_OURS], sizeof(command[0]),
	    "dazaid -d -a -g 60 -z %d -s @", size < BIG ? BIG : 2 * BIG);
	(void)snprintf(command[GET_FLOOR], sizeof(command[0]), "floor 2 @ %zu",
	    size);
	(void)snprintf(command[GET_SEALED], sizeof(command[0]),
	    "floor 2 @ %zu sealed", size);
	subject_init(&s[GET_OURS], "dazaid", HEARTBEAT, getuid(),
	    command[GET_OURS]);
	subject_init(&s[GET_FLOOR], "two-process floor", HEARTBEAT, getuid(),
	    command[GET_FLOOR]);
	subject_init(&s[GET_SEALED], "two-process floor, a seal and a channel",
	    HEARTBEAT, getuid(), command[GET_SEALED]);
	for (i = 0; i < samples; i++)
		get_life(s, size, t);
	for (k = GET_FLOOR; k < GET_KINDS; k++) {
		r.name = s[k].name;
		r.other = &t[k];
		report(&r);
		r.goal = 0;
	}
}

void
figure_get(void)
{
	get_relay("GET, 32 bytes", 32);
	get_relay("GET, 64 KiB", BIG);
}
