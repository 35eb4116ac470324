/* SPDX-License-Identifier: ISC */
/*
 * The network process: accepts, checks who connects, cuts what they say into
 * lines and turns each into one message for the vault.  It has no rights and no
 * secrets, and is the only one that reads what a client wrote.
 *
 * A connection with a question at the vault is left alone until the answer is
 * there: so answers come in order, and at most one a connection is under way.
 */
#include <sys/prctl.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "daemon.h"
#include "imsg.h"
#include "line.h"
#include "log.h"
#include "network.h"
#include "sandbox.h"
#include "signals.h"

#define NOBODIES	64	/* connections that have not said HELLO */
#define CONNS		(NOBODIES + 1)
#define HELLO_MS	10000	/* to say it in */
#define ACCEPTS		16	/* in a row before others are served */
#define PAUSE_MS	100	/* without accepting, when nothing else helps */
#define ANSWER		32	/* bytes of the longest, PONGs aside */
#define PING_BYTES	5	/* "PING\n", and "PONG\n" */
#define OUT_BYTES	8192	/* of answers that a client has not read */

struct conn {
	int		fd;		/* -1: this slot is free */
	uint32_t	peer;		/* its number in messages, never reused */
	bool		asked;		/* the vault's answer is to come */
	bool		skip;		/* a line too long, up to its newline */
	bool		deaf;		/* takes no answers any more */
	bool		dropped;	/* by the vault: only a QUIT still counts */
	int64_t		due;		/* of a nobody's HELLO */
	size_t		in;
	size_t		out;
	char		inbuf[LINE_BYTES];
	char		outbuf[OUT_BYTES];
};

/* PFD_LEAST of them are polled even when RLIMIT_NOFILE allows for no more. */
enum {
	PFD_VAULT, PFD_SIGNALS, PFD_HEARTBEAT, PFD_LEAST,
	PFD_LISTENER = PFD_LEAST, PFD_NOBODIES,
	PFD_MAX = PFD_NOBODIES + CONNS
};

static struct network {
	struct conn	 conns[CONNS];
	struct conn	*heartbeat;	/* has said HELLO; welcomed or about to be */
	bool		 guarded;	/* it was welcomed */
	uid_t		 owner;
	uint32_t	 last_peer;
	int		 listener;
	int		 signals;
	int		 spare;		/* given up to turn a newcomer away */
	int64_t		 paused;	/* accepting, until then; 0: it is not */
} n = { .listener = -1 };

static int64_t
network_now(void)
{
	struct timespec	ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/*
 * A message to the vault.  Without it there is nothing left to do here; but that
 * the client's user has too many descriptors on their way somewhere (unix(7)) is
 * the client's trouble: false.
 */
static bool
network_tell(enum imsg_type type, const struct conn *c, uint32_t number)
{
	struct imsg	im = { .type = type, .u.number.n = number };

	if (c != NULL) {
		im.peer = c->peer;
		im.fd = c->fd;
	}
	if (imsg_send(CHILD_FD, &im, 0) == -1) {
		if (errno != ETOOMANYREFS)
			_exit(0);
		return (false);
	}
	return (true);
}

/*
 * One connection.
 */

static void
conn_close(struct conn *c)
{
	if (c == n.heartbeat) {
		(void)network_tell(IMSG_LOST, c, 0);
		n.heartbeat = NULL;
		n.guarded = false;
	}
	close(c->fd);
	c->fd = -1;
}

/*
 * Sends what is to be sent.  That the client is gone is no reason to close: it may
 * have said QUIT before it went, and that is still to be read.
 */
static void
conn_flush(struct conn *c)
{
	ssize_t	sent;

	if (c->out == 0)
		return;
	sent = send(c->fd, c->outbuf, c->out, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent == -1 && errno != EAGAIN)
		c->deaf = true;
	if (c->deaf)
		sent = (ssize_t)c->out;
	if (sent > 0) {
		c->out -= (size_t)sent;
		memmove(c->outbuf, c->outbuf + sent, c->out);
	}
}

/* Appends an answer; the caller has seen to the room. */
static void
conn_say(struct conn *c, const char *text)
{
	size_t	len = strlen(text);

	memcpy(c->outbuf + c->out, text, len);
	c->out += len;
}

/* Says text, if that can be, and closes, whatever the client said unread. */
static void
network_dismiss(int fd, const char *text)
{
	char	unread[LINE_BYTES];

	(void)send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
	/* Closing on unread bytes would make the client's next read an error. */
	(void)recv(fd, unread, sizeof(unread), MSG_DONTWAIT);
	close(fd);
}

static void
conn_dismiss(struct conn *c, const char *text)
{
	network_dismiss(c->fd, text);
	c->fd = -1;
}

/* HELLO: c becomes the heartbeat, if the vault takes the client for real. */
static void
conn_hello(struct conn *c, pid_t pid)
{
	if (c == n.heartbeat) {
		conn_say(c, "WELCOME\n");
	} else if (n.heartbeat != NULL) {
		conn_dismiss(c, "BUSY\n");
	} else if (network_tell(IMSG_HELLO, c, (uint32_t)pid)) {
		n.heartbeat = c;
		c->asked = true;
	} else {
		conn_dismiss(c, "");
	}
}

static void
conn_use(struct conn *c, size_t used)
{
	c->in -= used;
	memmove(c->inbuf, c->inbuf + used, c->in);
}

/*
 * A PING, already taken from the buffer, and every other one right behind it
 * become one message: as many as there is room for PONGs.
 */
static void
conn_pings(struct conn *c)
{
	const size_t	room = (OUT_BYTES - c->out) / PING_BYTES;
	uint32_t	count = 1;
	size_t		used = 0;

	while (count < room && c->in - used >= PING_BYTES &&
	    strncasecmp(c->inbuf + used, "PING\n", PING_BYTES) == 0) {
		used += PING_BYTES;
		count++;
	}
	conn_use(c, used);
	c->asked = true;
	(void)network_tell(IMSG_PING, c, count);
}

static void
conn_line(struct conn *c, const char *line, size_t used)
{
	pid_t		pid = 0;
	enum line_verb	verb = line_parse(line, &pid);

	conn_use(c, used);
	if (c->dropped && verb != LINE_QUIT)
		return;
	if (verb == LINE_HELLO) {
		conn_hello(c, pid);
	} else if (verb == LINE_BAD_PID) {
		conn_say(c, "ERR bad-pid\n");
	} else if (verb == LINE_UNKNOWN || c != n.heartbeat) {
		conn_say(c, "ERR unknown-verb\n");
	} else if (verb == LINE_PING) {
		conn_pings(c);
	} else {
		c->asked = true;
		(void)network_tell(verb == LINE_QUIT ? IMSG_QUIT : IMSG_CANCEL,
		    c, 0);
	}
}

/* Sees to the lines that are there, as long as there is room for answers. */
static void
conn_lines(struct conn *c)
{
	const char	*line;
	size_t		 used;

	while (c->fd != -1 && !c->asked && c->out <= OUT_BYTES - ANSWER) {
		if ((line = line_next(c->inbuf, c->in, &used)) == NULL) {
			if (c->in < LINE_BYTES)
				return;
			if (!c->skip)
				conn_say(c, "ERR line-too-long\n");
			c->skip = true;
			c->in = 0;
		} else if (c->skip) {
			c->skip = false;
			conn_use(c, used);
		} else {
			conn_line(c, line, used);
		}
	}
}

/* Lines in, answers out, until neither moves. */
static void
conn_run(struct conn *c)
{
	size_t	before;

	do {
		before = c->in;
		conn_lines(c);
		if (c->fd == -1)
			return;
		conn_flush(c);
	} while (!c->asked && c->in > 0 && c->in != before);
}

static void
conn_read(struct conn *c)
{
	ssize_t	got;

	got = recv(c->fd, c->inbuf + c->in, LINE_BYTES - c->in, MSG_DONTWAIT);
	if (got == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0) {
		conn_close(c);
		return;
	}
	c->in += (size_t)got;
	conn_run(c);
}

/*
 * The vault has given this heartbeat up.  The client hears of it now; what it had
 * said before is looked through for a QUIT, which makes the end a clean one.
 */
static void
conn_drop(struct conn *c)
{
	log_debug("heartbeat cut off");
	c->dropped = true;
	(void)shutdown(c->fd, SHUT_RDWR);
	while (c->fd != -1 && !c->asked)
		conn_read(c);
}

static void
conn_ready(struct conn *c, short revents)
{
	if (c->fd == -1 || c->asked)
		return;
	if (c->out > 0) {
		conn_flush(c);
		conn_run(c);
	}
	if ((revents & ~POLLOUT) != 0 && c->fd != -1 && !c->asked &&
	    c->in < LINE_BYTES && c->out <= OUT_BYTES - ANSWER)
		conn_read(c);
}

/*
 * Newcomers.
 */

/*
 * There is no descriptor for one more.  With the one that is kept for this the
 * newcomer is taken and turned away; without it accepting rests for a moment.
 */
static void
network_turn_away(void)
{
	int	fd = -1;

	if (n.spare != -1) {
		close(n.spare);
		fd = accept4(n.listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd != -1)
			close(fd);
	}
	n.spare = dup(CHILD_FD);
	if (fd == -1)
		n.paused = network_now() + PAUSE_MS;
}

static struct conn *
network_free_slot(void)
{
	struct conn	*c;

	for (c = n.conns; c < n.conns + NOBODIES; c++) {
		if (c->fd == -1)
			return (c);
	}
	return (NULL);
}

static void
network_newcomer(int fd)
{
	struct ucred	 cred;
	socklen_t	 len = sizeof(cred);
	struct conn	*c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1 ||
	    (cred.uid != n.owner && cred.uid != 0)) {
		log_info("a client of uid %lu refused", (unsigned long)cred.uid);
		close(fd);
	} else if (n.heartbeat != NULL) {
		network_dismiss(fd, "BUSY\n");
	} else if ((c = network_free_slot()) == NULL) {
		network_dismiss(fd, "");
	} else {
		c->fd = fd;
		if (++n.last_peer == 0)
			n.last_peer = 1;
		c->peer = n.last_peer;
		c->asked = c->skip = c->deaf = c->dropped = false;
		c->in = c->out = 0;
		c->due = network_now() + HELLO_MS;
	}
}

static void
network_accept(void)
{
	int	fd, i;

	for (i = 0; i < ACCEPTS && n.paused == 0; i++) {
		fd = accept4(n.listener, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd != -1)
			network_newcomer(fd);
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR && errno != ECONNABORTED)
			network_turn_away();
	}
}

/*
 * What the vault says.
 */

/* There is a heartbeat now: nobody else is needed. */
static void
network_welcome(struct conn *heartbeat)
{
	struct conn	*c;

	n.guarded = true;
	conn_say(heartbeat, "WELCOME\n");
	for (c = n.conns; c < n.conns + CONNS; c++) {
		if (c->fd != -1 && c != heartbeat)
			conn_dismiss(c, "BUSY\n");
	}
}

/* The answer to what the heartbeat asked. */
static void
network_answer(struct conn *c, const struct imsg *im)
{
	uint32_t	i;

	if (im->type == IMSG_DROP) {
		conn_drop(c);
		return;
	}
	c->asked = false;
	switch (im->type) {
	case IMSG_WELCOME:
		network_welcome(c);
		break;
	case IMSG_PONG:
		for (i = 0; i < im->u.number.n; i++)
			conn_say(c, "PONG\n");
		break;
	case IMSG_CANCELLED:
		conn_say(c, "CANCELLED\n");
		break;
	case IMSG_NOTHING_PENDING:
		conn_say(c, "NOTHING-PENDING\n");
		break;
	case IMSG_BYE:
		conn_say(c, "BYE\n");
		conn_flush(c);
		_exit(0);
	}
	conn_run(c);
}

static void
network_vault(void)
{
	const unsigned int	now = n.listener == -1 ? IMSG_AT_START :
				    n.guarded ? IMSG_GUARDED : IMSG_UNGUARDED;
	struct imsg		im;

	switch (imsg_recv(CHILD_FD, IMSG_FROM_VAULT, now, &im)) {
	case IMSG_OK:
		if (im.type == IMSG_LISTENER)
			n.listener = im.fd;
		else if (n.heartbeat != NULL && im.peer == n.heartbeat->peer)
			network_answer(n.heartbeat, &im);
		break;			/* else about one who is gone */
	case IMSG_NONE:
		break;
	case IMSG_EOF:
	case IMSG_BAD:
		_exit(0);
	}
}

/*
 * The loop.
 */

static struct pollfd	pfd[PFD_MAX];
static struct conn	*polled[PFD_MAX];	/* whose entry it is */

/* What c, which may be NULL, waits for. */
static struct pollfd
conn_pollfd(const struct conn *c)
{
	struct pollfd	entry = { .fd = -1 };

	if (c == NULL || c->asked)
		return (entry);
	entry.fd = c->fd;
	if (c->out > 0)
		entry.events |= POLLOUT;
	if (c->out <= OUT_BYTES - ANSWER)
		entry.events |= POLLIN;
	return (entry);
}

/*
 * Whom to listen to: sets pfd, of which it returns the length, and *due to when
 * the first nobody's time is up, or -1.
 */
static nfds_t
network_poll_set(int64_t *due)
{
	struct conn	*c;
	nfds_t		 len = PFD_NOBODIES;

	pfd[PFD_VAULT] = (struct pollfd){ .fd = CHILD_FD, .events = POLLIN };
	pfd[PFD_SIGNALS] = (struct pollfd){ .fd = n.signals, .events = POLLIN };
	pfd[PFD_HEARTBEAT] = conn_pollfd(n.heartbeat);
	polled[PFD_HEARTBEAT] = n.heartbeat;
	pfd[PFD_LISTENER] = (struct pollfd){
		.fd = n.paused != 0 ? -1 : n.listener, .events = POLLIN
	};
	*due = n.paused != 0 ? n.paused : -1;
	for (c = n.conns; c < n.conns + CONNS; c++) {
		if (c->fd == -1 || c == n.heartbeat)
			continue;
		pfd[len] = conn_pollfd(c);
		polled[len++] = c;
		if (*due == -1 || c->due < *due)
			*due = c->due;
	}
	return (len);
}

/* Sleeps until something happens, or due; returns how many of pfd tell of it. */
static nfds_t
network_wait(nfds_t len, int64_t due)
{
	struct timespec	ts;
	int64_t		wait;

	if (due != -1) {
		wait = due - network_now();
		if (wait < 0)
			wait = 0;
		ts.tv_sec = wait / 1000;
		ts.tv_nsec = wait % 1000 * 1000000;
	}
	if (ppoll(pfd, len, due == -1 ? NULL : &ts, NULL) != -1)
		return (len);
	if (errno == EINTR)
		return (0);
	/* More than RLIMIT_NOFILE, which somebody has lowered, allows to poll. */
	if (errno != EINVAL || len == PFD_LEAST)
		_exit(1);
	n.paused = network_now() + PAUSE_MS;
	return (network_wait(PFD_LEAST, n.paused));
}

static void
network_deadlines(void)
{
	const int64_t	 now = network_now();
	struct conn	*c;

	if (n.paused != 0 && now >= n.paused)
		n.paused = 0;
	for (c = n.conns; c < n.conns + CONNS; c++) {
		if (c->fd != -1 && c != n.heartbeat && now >= c->due)
			conn_close(c);
	}
}

/* The vault first, then the heartbeat, then everybody else. */
static void
network_turn(void)
{
	int64_t	due;
	nfds_t	i, len;
	int	sig;

	len = network_poll_set(&due);
	if ((len = network_wait(len, due)) == 0)
		return;
	if (pfd[PFD_VAULT].revents != 0)
		network_vault();
	if (pfd[PFD_SIGNALS].revents != 0 &&
	    (sig = signals_next(n.signals)) != 0)
		(void)network_tell(IMSG_SIGNAL, NULL, (uint32_t)sig);
	if (pfd[PFD_HEARTBEAT].revents != 0)
		conn_ready(polled[PFD_HEARTBEAT], pfd[PFD_HEARTBEAT].revents);
	for (i = PFD_NOBODIES; i < len; i++) {
		if (pfd[i].revents != 0)
			conn_ready(polled[i], pfd[i].revents);
	}
	if (len > PFD_LISTENER && pfd[PFD_LISTENER].revents != 0)
		network_accept();
	if (due != -1)
		network_deadlines();
}

/* Ends a start that failed; the vault tells the user what errno was. */
static noreturn void
network_fail(const char *what)
{
	int	error = errno;

	log_warn("%s", what);
	_exit(error);
}

/* The first message; it also shows that it is the vault who started us. */
static void
network_config(struct imsg_config *config)
{
	struct pollfd	vault = { .fd = CHILD_FD, .events = POLLIN };
	struct imsg	im;

	(void)poll(&vault, 1, -1);
	if (imsg_recv(CHILD_FD, IMSG_FROM_VAULT, IMSG_AT_START, &im) != IMSG_OK ||
	    im.type != IMSG_CONFIG)
		errx(1, "not started by a vault");
	*config = im.u.config;
}

/* The network process from its first line to its end. */
noreturn void
network_main(void)
{
	static const int	forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
				    SIGUSR1, SIGUSR2 };
	struct imsg_config	config;
	size_t			i;

	/* We are executed as /proc/self/exe, and would be called "exe". */
	(void)prctl(PR_SET_NAME, "dazaid", 0, 0, 0);
	signals_ignore();
	n.signals = signals_collect(forwarded,
	    sizeof(forwarded) / sizeof(forwarded[0]));
	network_config(&config);
	log_open("dazaid", (int)config.verbose);
	log_role("network");
	n.owner = config.owner;
	for (i = 0; i < CONNS; i++)
		n.conns[i].fd = -1;
	n.spare = dup(CHILD_FD);
	if (n.signals == -1 || n.spare == -1)
		network_fail("descriptors");

	if (sandbox_limits() == -1)
		network_fail("limits");
	if (config.background)
		log_syslog(0);
	daemon_detach((int)config.background);
	if (sandbox_network(config.become) == -1)
		network_fail("sandbox");
	(void)network_tell(IMSG_READY, NULL, 0);
	for (;;)
		network_turn();
}
