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

#define PINGS	   20	 /* in a row, of one subject */
#define BIG	   65536 /* bytes of the largest secret */
#define DEEP	   64
#define STREAM	   20000 /* PINGs of one sample */
#define SILENT	   600
#define HAMMERS	   3
#define PING_BYTES ((size_t)5)
#define OURS	   "dazaid -d -a -g 60 -z 65536 -l key=- -s @"
#define FLOOR	   "floor 2 @ 65536"

static void
pings(struct rival *v)
{
	char	buf[16];
	int64_t t;
	int	i;

	for (i = 0; i < PINGS; i++) {
		t = now_ns();
		say(v->s.heart, "PING\n", PING_BYTES);
		want(v->s.heart, buf, sizeof(buf), "PONG\n");
		sample(v, us_since(t));
	}
}

/* Two subjects live at once; the one that is not asked sleeps. */
static void
ping_pong(const char *name)
{
	const struct figure f = { name, "µs", samples, getuid(), ALIVE };

	struct rival v[] = {
		RIVAL("dazaid", 0, pings, HEARTBEAT, OURS),
		RIVAL("two-process floor", 1.3, pings, HEARTBEAT, FLOOR),
	};

	compare(&f, v, NELEM(v));
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
static void
stream(struct rival *v)
{
	static const char line[PING_BYTES] = { 'P', 'I', 'N', 'G', '\n' };
	const int	  heart = v->s.heart;
	const int64_t	  t = now_ns();
	char		  out[DEEP * PING_BYTES], in[DEEP * PING_BYTES];
	size_t		  sent = DEEP, got = 0, i;
	ssize_t		  n;

	for (i = 0; i < DEEP; i++)
		memcpy(out + i * PING_BYTES, line, PING_BYTES);
	say(heart, out, sizeof(out));
	while (got < STREAM * PING_BYTES) {
		if ((n = recv(heart, in, sizeof(in), 0)) <= 0)
			err(1, "%s: no PONG", v->name);
		i = (got + (size_t)n) / PING_BYTES - got / PING_BYTES;
		got += (size_t)n;
		if (i > STREAM - sent)
			i = STREAM - sent;
		if (i > 0)
			say(heart, out, i * PING_BYTES);
		sent += i;
	}
	sample(v, STREAM * 1e6 / us_since(t));
}

void
figure_rate(void)
{
	const struct figure f = { "PINGs a second, 64 deep", "/s", samples,
		getuid(), ALIVE | MORE };

	struct rival v[] = {
		RIVAL("dazaid", 0, stream, HEARTBEAT, OURS),
		RIVAL("two-process floor", 0.7, stream, HEARTBEAT, FLOOR),
	};

	compare(&f, v, NELEM(v));
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
flooded(struct rival *v)
{
	struct load load;
	int	    silent[SILENT], i;

	for (i = 0; i < SILENT; i++)
		silent[i] = subject_connect(v->s.sock);
	load_start(&load, HAMMERS, load_hammer, v->s.sock);
	subject_settle(5);
	pings(v);
	load_stop(&load);
	for (i = 0; i < SILENT; i++) {
		if (silent[i] != -1)
			close(silent[i]);
	}
	subject_settle(5);
}

void
figure_flood(void)
{
	const struct figure f = {
		"p99 of PONG, 600 silent and 3 hammering clients", "µs",
		samples, getuid(), ALIVE | TAIL
	};
	struct rival v[] = {
		RIVAL("dazaid", 0, flooded, HEARTBEAT, OURS),
		RIVAL("without them", 2, pings, HEARTBEAT, OURS),
		RIVAL("two-process floor, with them", 0, flooded, HEARTBEAT,
		    FLOOR),
	};

	compare(&f, v, NELEM(v));
}

/*
 * GET.
 */

static size_t get_size; /* of the secret */

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
 * From the request to the last byte.  They come after the head, or over the
 * channel that comes with it.
 */
static double
get(int fd)
{
	static char  buf[BIG + 64];
	char	     head[32];
	const size_t all = (size_t)snprintf(head, sizeof(head), "DATA %zu\n",
			       get_size) +
	    get_size;
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

/*
 * On which processors the three processes run matters more than what they do,
 * and does not change: hence many lives.
 */
static void
get_ours(struct rival *v)
{
	static pid_t of;
	static int   fd = -1;
	char	     line[512];

	if (v->s.pid != of) {
		close(fd);
		fd = get_open(&v->s, get_size);
		of = v->s.pid;
	}
	sample(v, get(fd));
	/* Work that is left over must not disturb the others. */
	say(fd, "STATUS\n", 7);
	want(fd, line, sizeof(line), "STATUS ");
}

static void
get_floor(struct rival *v)
{
	sample(v, get(v->s.heart));
}

static void
gets_of(const char *name, size_t size, const char *ours, const char *plain,
    const char *sealed)
{
	const struct figure f = { name, "µs", samples, getuid(), LIVES };

	struct rival v[] = {
		RIVAL("dazaid", 0, get_ours, HEARTBEAT, ours),
		RIVAL("two-process floor", 1.2, get_floor, HEARTBEAT, plain),
		RIVAL("two-process floor, a seal and a channel", 0, get_floor,
		    HEARTBEAT, sealed),
	};

	get_size = size;
	compare(&f, v, NELEM(v));
}

void
figure_get(void)
{
	gets_of("GET, 32 bytes", 32, "dazaid -d -a -g 60 -z 65536 -s @",
	    "floor 2 @ 32", "floor 2 @ 32 sealed");
	gets_of("GET, 64 KiB", BIG, "dazaid -d -a -g 60 -z 131072 -s @",
	    "floor 2 @ 65536", "floor 2 @ 65536 sealed");
}
