/* SPDX-License-Identifier: ISC */
/*
 * The network process: accepts, checks who connects, and talks to the vault for
 * them. It has no rights and no secrets, and is the only one that reads what a
 * client wrote: see heart.c and control.c for that.
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
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "daemon.h"
#include "imsg.h"
#include "log.h"
#include "network.h"
#include "sandbox.h"
#include "signals.h"

#define PAUSE_MS 100 /* without accepting, when nothing else helps */

/* PFD_LEAST of them are polled even when RLIMIT_NOFILE allows for no more. */
enum {
	PFD_VAULT,
	PFD_SIGNALS,
	PFD_HEARTBEAT,
	PFD_LEAST,
	PFD_LISTENER = PFD_LEAST,
	PFD_LISTENER_CONTROL,
	PFD_CONNS,
	PFD_MAX = PFD_CONNS + CONNS + CONTROLS
};

struct network n = { .listeners = { -1, -1 } };

static char	     bufs[CONNS + CONTROLS][CONN_BUFS];
static struct pollfd pfd[PFD_MAX];
static struct conn  *polled[PFD_MAX]; /* whose entry it is */

/* Milliseconds, for the time that connections may take. */
int64_t
network_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/*
 * A message to the vault, about c if not NULL, whose descriptor goes with it
 * where the type has one.  Without the vault there is nothing left to do here;
 * but that the client's user has too many descriptors on their way somewhere
 * (unix(7)) is the client's trouble: false.
 */
bool
network_send(struct imsg *im, const struct conn *c)
{
	if (c != NULL) {
		im->peer = c->peer;
		im->fd = c->fd;
	}
	if (imsg_send(CHILD_FD, im, 0) == -1) {
		if (errno != ETOOMANYREFS)
			_exit(0);
		return (false);
	}
	return (true);
}

/* One that is a number, or nothing. */
bool
network_tell(enum imsg_type type, const struct conn *c, uint32_t number)
{
	struct imsg im = { .type = type, .u.number.n = number };

	return (network_send(&im, c));
}

/*
 * Newcomers.
 */

/*
 * There is no descriptor for one more.  With the one that is kept for this the
 * newcomer is taken and turned away; without it accepting rests for a moment.
 */
static void
network_turn_away(int listener)
{
	int fd = -1;

	if (n.spare != -1) {
		close(n.spare);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd != -1)
			close(fd);
	}
	n.spare = dup(CHILD_FD);
	if (fd == -1)
		n.paused = network_now() + PAUSE_MS;
}

static struct conn *
network_free_slot(struct conn *c, size_t slots)
{
	for (; slots > 0; c++, slots--) {
		if (c->fd == -1)
			return (c);
	}
	return (NULL);
}

static void
network_newcomer(int fd, bool control)
{
	struct ucred cred;
	socklen_t    len = sizeof(cred);
	struct conn *c;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1 ||
	    (cred.uid != n.owner && cred.uid != 0)) {
		log_info("a client of uid %lu refused",
		    (unsigned long)cred.uid);
		close(fd);
		return;
	}
	/* It may have left since it was polled, and then it is this one that
	 * comes back. */
	if (!control && n.heartbeat != NULL)
		heart_ready(n.heartbeat, POLLIN);
	if (!control && n.heartbeat != NULL) {
		conn_dismiss(fd, "BUSY\n");
		return;
	}
	c = control ? network_free_slot(n.controls, CONTROLS) :
		      network_free_slot(n.conns, CONNS);
	if (c == NULL) {
		conn_dismiss(fd, control ? "BUSY\n" : "");
		return;
	}
	if (++n.last_peer == 0)
		n.last_peer = 1;
	conn_open(c, fd, n.last_peer, network_now() + CONN_MS);
}

/* One a turn: the heartbeat is looked at again before the next of a flood. */
static void
network_accept(int listener, bool control)
{
	const int fd = accept4(listener, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd != -1)
		network_newcomer(fd, control);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		network_turn_away(listener);
}

/*
 * What the vault says.
 */

/* One of the two; with both of them the start is over. */
static void
network_listen(const struct imsg *im)
{
	n.listeners[im->u.number.n != 0] = im->fd;
	n.started = n.listeners[0] != -1 && n.listeners[1] != -1;
}

/* Who asked what the vault answers; NULL for one who is gone. */
static struct conn *
network_peer(uint32_t peer)
{
	struct conn *c;

	for (c = n.controls; c < n.controls + CONTROLS; c++) {
		if (c->fd != -1 && c->asked && c->peer == peer)
			return (c);
	}
	return (NULL);
}

static void
network_vault(void)
{
	const unsigned int now = !n.started ? IMSG_AT_START :
	    n.guarded			    ? IMSG_GUARDED :
					      IMSG_UNGUARDED;
	struct imsg	   im;
	struct conn	  *c;

	switch (imsg_recv(CHILD_FD, IMSG_FROM_VAULT, now, &im)) {
	case IMSG_OK:
		if (im.type == IMSG_LISTENER)
			network_listen(&im);
		else if (n.heartbeat != NULL && im.peer == n.heartbeat->peer)
			heart_answer(n.heartbeat, &im);
		else if ((c = network_peer(im.peer)) != NULL)
			control_answer(c, &im);
		break;
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

static bool
network_is_control(const struct conn *c)
{
	return (c >= n.controls && c < n.controls + CONTROLS);
}

/* Adds what c, which may be NULL, waits for. */
static void
network_poll_conn(nfds_t at, struct conn *c)
{
	polled[at] = c;
	pfd[at] = (struct pollfd){ .fd = -1 };
	if (c == NULL || c->asked)
		return;
	pfd[at].fd = c->fd;
	if (c->out > 0)
		pfd[at].events |= POLLOUT;
	if (network_is_control(c) ? control_reads(c) : heart_reads(c))
		pfd[at].events |= POLLIN;
}

/*
 * Adds those of c's slots that somebody has; returns the length of pfd by then.
 */
static nfds_t
network_poll_conns(nfds_t len, struct conn *c, size_t slots, int64_t *due)
{
	for (; slots > 0; c++, slots--) {
		if (c->fd == -1 || c == n.heartbeat || c->asked)
			continue;
		network_poll_conn(len++, c);
		if (*due == -1 || c->due < *due)
			*due = c->due;
	}
	return (len);
}

/*
 * Whom to listen to: sets pfd, of which it returns the length, and *due to when
 * somebody's time is up, or -1.
 */
static nfds_t
network_poll_set(int64_t *due)
{
	nfds_t len = PFD_CONNS;
	int    i;

	pfd[PFD_VAULT] = (struct pollfd){ .fd = CHILD_FD, .events = POLLIN };
	pfd[PFD_SIGNALS] = (struct pollfd){ .fd = n.signals, .events = POLLIN };
	network_poll_conn(PFD_HEARTBEAT, n.heartbeat);
	for (i = 0; i < 2; i++)
		pfd[PFD_LISTENER + i] = (struct pollfd){ .fd = n.paused != 0 ?
			    -1 :
			    n.listeners[i],
			.events = POLLIN };
	*due = n.paused != 0 ? n.paused : -1;
	len = network_poll_conns(len, n.conns, CONNS, due);
	return (network_poll_conns(len, n.controls, CONTROLS, due));
}

/* ppoll(2) until due, or for ever if that is -1. */
static int
network_poll(nfds_t len, int64_t due)
{
	struct timespec ts;
	int64_t		wait;

	if (due == -1)
		return (ppoll(pfd, len, NULL, NULL));
	if ((wait = due - network_now()) < 0)
		wait = 0;
	ts.tv_sec = wait / 1000;
	ts.tv_nsec = wait % 1000 * 1000000;
	return (ppoll(pfd, len, &ts, NULL));
}

/*
 * Sleeps until something happens, or due; returns how many of pfd tell of it.
 * When they are more than RLIMIT_NOFILE, which somebody has lowered, allows to
 * poll, the most important ones are polled for a while.
 */
static nfds_t
network_wait(nfds_t len, int64_t due)
{
	int rc = network_poll(len, due);

	if (rc == -1 && errno == EINVAL) {
		len = PFD_LEAST;
		n.paused = network_now() + PAUSE_MS;
		rc = network_poll(len, n.paused);
	}
	if (rc != -1)
		return (len);
	if (errno != EINTR)
		_exit(1);
	return (0);
}

static void
network_ready(struct conn *c, short revents)
{
	if (network_is_control(c))
		control_ready(c, revents);
	else
		heart_ready(c, revents);
}

/* Those whose time is up; len of pfd is as it was set for this turn. */
static void
network_deadlines(nfds_t len)
{
	const int64_t now = network_now();
	nfds_t	      i;

	if (n.paused != 0 && now >= n.paused)
		n.paused = 0;
	for (i = PFD_CONNS; i < len; i++) {
		if (polled[i] != n.heartbeat && now >= polled[i]->due)
			network_ready(polled[i], 0);
	}
}

/* The vault first, then the heartbeat, then everybody else. */
static void
network_turn(void)
{
	int64_t due;
	nfds_t	i, all, len;
	int	sig;

	all = network_poll_set(&due);
	if ((len = network_wait(all, due)) == 0)
		return;
	if (pfd[PFD_VAULT].revents != 0)
		network_vault();
	if (pfd[PFD_SIGNALS].revents != 0 &&
	    (sig = signals_next(n.signals)) != 0)
		(void)network_tell(IMSG_SIGNAL, NULL, (uint32_t)sig);
	if (pfd[PFD_HEARTBEAT].revents != 0)
		heart_ready(polled[PFD_HEARTBEAT], pfd[PFD_HEARTBEAT].revents);
	for (i = PFD_CONNS; i < len; i++) {
		if (pfd[i].revents != 0)
			network_ready(polled[i], pfd[i].revents);
	}
	if (due != -1)
		network_deadlines(all);
	for (i = 0; i < 2 && len > PFD_LISTENER; i++) {
		if (pfd[PFD_LISTENER + i].revents != 0)
			network_accept(n.listeners[i], i == 1);
	}
}

/* Ends a start that failed, and has said why; the vault says that it did. */
static noreturn void
network_fail(const char *what)
{
	log_warn("%s", what);
	_exit(1);
}

/* The first message; it also shows that it is the vault who started us. */
static void
network_config(struct imsg_config *config)
{
	struct pollfd vault = { .fd = CHILD_FD, .events = POLLIN };
	struct imsg   im;

	(void)poll(&vault, 1, -1);
	if (imsg_recv(CHILD_FD, IMSG_FROM_VAULT, IMSG_AT_START, &im) !=
		IMSG_OK ||
	    im.type != IMSG_CONFIG)
		errx(1, "not started by a vault");
	*config = im.u.config;
}

/* The network process from its first line to its end. */
noreturn void
network_main(void)
{
	static const int   forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
		  SIGUSR1, SIGUSR2 };
	struct imsg_config config;
	size_t		   i;

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
		conn_init(&n.conns[i], bufs[i]);
	for (i = 0; i < CONTROLS; i++)
		conn_init(&n.controls[i], bufs[CONNS + i]);
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
