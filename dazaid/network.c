/* SPDX-License-Identifier: ISC */
/*
 * The network process: accepts connections, checks the uids of clients, and
 * passes messages between heart.c and control.c on one side and the vault on
 * the other.  It has no rights and no secrets, and is the only process that
 * reads clients' lines.
 */
#include <sys/prctl.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "child.h"
#include "clock.h"
#include "control.h"
#include "cred.h"
#include "daemon.h"
#include "heart.h"
#include "imsg.h"
#include "log.h"
#include "network.h"
#include "sandbox.h"
#include "signals.h"

#define NETWORK_PAUSE_MS   100	 /* how long to accept nothing */
#define NETWORK_REFUSED_MS 60000 /* between two lines about refused clients */

/* RLIMIT_NOFILE may be lowered so far that only PFD_LEAST can be polled. */
enum {
	PFD_VAULT,
	PFD_SIGNALS,
	PFD_HEARTBEAT,
	PFD_LEAST,
	PFD_LISTENER = PFD_LEAST,
	PFD_LISTENER_CONTROL,
	PFD_CONNS,
	PFD_MAX = PFD_CONNS + HEART_CONNS + CONTROL_CONNS
};

static uid_t   network_owner; /* may connect, and so may root */
static int     network_listeners[2] = { -1, -1 }; /* heartbeat, control */
static int     network_signals;
static int     network_stderr = -1; /* while a background daemon starts */
static int     network_spare;	    /* closed to make room for one more */
static int64_t network_paused;	    /* accept nothing until then; 0: accept */

static unsigned long network_refused; /* refused clients not logged yet */
/* ms: when they will be logged; 0: log the next one at once */
static int64_t network_refused_due;

static struct pollfd network_pfd[PFD_MAX];
static struct conn  *network_conn[PFD_MAX]; /* whose entry of network_pfd */
static nfds_t network_controls; /* index of the control socket's first entry */

/*
 * Milliseconds of the clock for clients' time limits.  It stops during suspend.
 */
int64_t
network_now(void)
{
	return (clock_ms(CLOCK_MONOTONIC));
}

/*
 * Sends the vault a message, about c if that is not NULL, with c's descriptor
 * where the type has one.  Returns false if the kernel refuses that, because
 * the client's user has too many descriptors in flight (unix(7)).  If the vault
 * has ended, exits.
 */
bool
network_send(struct imsg *im, const struct conn *c)
{
	if (c != NULL) {
		im->peerid = c->peerid;
		im->fd = c->fd;
	}
	if (imsg_send(CHILD_FD, im, 0) == -1) {
		if (errno != ETOOMANYREFS)
			_exit(0);
		return (false);
	}
	return (true);
}

/* As network_send(), for a message with a number or no payload. */
bool
network_send_number(enum imsg_type type, const struct conn *c, uint32_t number)
{
	struct imsg im = { .type = type, .u.number.n = number };

	return (network_send(&im, c));
}

/*
 * Accepting.
 */

/*
 * No descriptor is left for one more client: closes the spare one, accepts the
 * client with it, and disconnects the client.  If that fails, accepting pauses
 * for a moment.
 */
static void
network_turn_away(int listener)
{
	int fd = -1;

	if (network_spare != -1) {
		close(network_spare);
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd != -1)
			close(fd);
	}
	network_spare = dup(CHILD_FD);
	if (fd == -1)
		network_paused = network_now() + NETWORK_PAUSE_MS;
}

/*
 * Logs the first refused client, and then once a minute how many more there
 * were, because anybody on the machine can connect as often as they like.
 */
static void
network_log_refused(uid_t uid)
{
	if (network_refused_due != 0) {
		network_refused++;
		return;
	}
	log_info("a client of uid %lu refused", (unsigned long)uid);
	network_refused_due = network_now() + NETWORK_REFUSED_MS;
}

static void
network_log_more_refused(int64_t now)
{
	if (network_refused_due == 0 || now < network_refused_due)
		return;
	network_refused_due = 0;
	if (network_refused > 0) {
		log_info("%lu more clients refused", network_refused);
		network_refused = 0;
		network_refused_due = now + NETWORK_REFUSED_MS;
	}
}

/* Returns whether the client at the other end of fd may connect. */
static bool
network_is_allowed(int fd)
{
	struct ucred who;

	if (cred_allowed(fd, network_owner, &who))
		return (true);
	network_log_refused(who.uid);
	return (false);
}

/*
 * Accepts one client a turn, so that a flood of clients does not delay the
 * heartbeat.
 */
static void
network_accept(int listener, bool control)
{
	struct conn *silent = NULL;
	int	     fd;

	if (control && !control_has_room(&silent))
		return;
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd == -1) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			network_turn_away(listener);
	} else if (!network_is_allowed(fd)) {
		close(fd);
	} else if (control) {
		control_accept(fd, silent);
	} else {
		heart_accept(fd);
	}
}

/*
 * The vault.
 */

/* The phase in which a message from the vault must be allowed; see imsg.c. */
static unsigned int
network_phase(void)
{
	if (network_listeners[0] == -1 || network_listeners[1] == -1)
		return (IMSG_AT_START);
	return (heart_is_welcomed() ? IMSG_GUARDED : IMSG_UNGUARDED);
}

/* Writes a line of the vault's log: see log_relay(). */
static void
network_log(struct imsg_log *l)
{
	l->text[sizeof(l->text) - 1] = '\0';
	log_write(l);
}

/* Handles a message of the vault.  Exits if the vault has ended. */
static void
network_vault(void)
{
	struct imsg im;

	switch (imsg_recv(CHILD_FD, IMSG_FROM_VAULT, network_phase(), &im)) {
	case IMSG_OK:
		if (im.type == IMSG_LISTENER)
			network_listeners[im.u.number.n != 0] = im.fd;
		else if (im.type == IMSG_LOG)
			network_log(&im.u.log);
		else if (!heart_reply(&im))
			control_reply(&im);
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

/* Lowers *due to time.  *due may be -1 (never), and time 0 (none). */
static void
network_sooner(int64_t *due, int64_t time)
{
	if (time != 0 && (*due == -1 || time < *due))
		*due = time;
}

/*
 * Returns the listening socket i, or -1 for poll(2) to ignore while accepting
 * pauses.  admits is the result of control_admits().
 */
static struct pollfd
network_listener(int i, int64_t admits)
{
	const bool waits = network_paused != 0 || (i == 1 && admits != 0);

	return (
	    (struct pollfd){ waits ? -1 : network_listeners[i], POLLIN, 0 });
}

/*
 * Fills in network_pfd, and returns its length.  Sets *due to the time at which
 * poll(2) must return; -1: never.
 */
static nfds_t
network_poll_set(int64_t *due)
{
	struct conn_poll heartbeat = { network_pfd + PFD_HEARTBEAT,
		network_conn + PFD_HEARTBEAT, 0, -1 };
	struct conn_poll conns = { network_pfd, network_conn, PFD_CONNS, -1 };
	const int64_t	 admits = control_admits();
	int		 i;

	network_pfd[PFD_VAULT] = (struct pollfd){ CHILD_FD, POLLIN, 0 };
	network_pfd[PFD_SIGNALS] = (struct pollfd){ network_signals, POLLIN,
		0 };
	network_pfd[PFD_HEARTBEAT] = (struct pollfd){ -1, 0, 0 };
	heart_poll_heartbeat(&heartbeat);
	for (i = 0; i < 2; i++)
		network_pfd[PFD_LISTENER + i] = network_listener(i, admits);
	heart_poll(&conns);
	network_controls = conns.n;
	control_poll(&conns);
	network_sooner(&conns.due, network_paused);
	if (admits != CONN_NEVER)
		network_sooner(&conns.due, admits);
	network_sooner(&conns.due, network_refused_due);
	*due = conns.due;
	return (conns.n);
}

/* Calls ppoll(2) for the first len entries, until due; -1: for ever. */
static int
network_poll(nfds_t len, int64_t due)
{
	struct timespec ts;
	int64_t		wait;

	if (due == -1)
		return (ppoll(network_pfd, len, NULL, NULL));
	if ((wait = due - network_now()) < 0)
		wait = 0;
	ts.tv_sec = wait / 1000;
	ts.tv_nsec = (long)(wait % 1000 * 1000000);
	return (ppoll(network_pfd, len, &ts, NULL));
}

/*
 * Polls until something happens, or until due.  Returns the number of entries
 * that were polled; 0 if a signal has interrupted it.  If RLIMIT_NOFILE was
 * lowered below len, polls only the most important entries for a while.
 */
static nfds_t
network_wait(nfds_t len, int64_t due)
{
	int rc = network_poll(len, due);

	if (rc == -1 && errno == EINVAL) {
		len = PFD_LEAST;
		network_paused = network_now() + NETWORK_PAUSE_MS;
		rc = network_poll(len, network_paused);
	}
	if (rc != -1)
		return (len);
	if (errno != EINTR)
		_exit(1);
	return (0);
}

/* Handles revents of the connection with entry i; 0: its time is up. */
static void
network_ready(nfds_t i, short revents)
{
	if (i >= network_controls)
		control_ready(network_conn[i], revents);
	else
		heart_ready(network_conn[i], revents);
}

/*
 * Handles connections whose time is up.  len is the result of
 * network_poll_set() in this turn.
 */
static void
network_deadlines(nfds_t len)
{
	const int64_t now = network_now();
	nfds_t	      i;

	if (network_paused != 0 && now >= network_paused)
		network_paused = 0;
	network_log_more_refused(now);
	for (i = PFD_CONNS; i < len; i++) {
		if (now >= network_conn[i]->due)
			network_ready(i, 0);
	}
}

/*
 * Passes a signal on to the vault.  Ignores a signal unless the owner, root or
 * the kernel has sent it: network's uid may belong to an account that
 * /etc/passwd does not list, and that account may signal network.
 */
static void
network_signal(void)
{
	uid_t	  sender = 0;
	const int sig = signals_next(network_signals, &sender);

	if (sig != 0 && (sender == 0 || sender == network_owner))
		(void)network_send_number(IMSG_SIGNAL, NULL, (uint32_t)sig);
}

/* Handles the vault first, then the heartbeat, then everybody else. */
static void
network_turn(void)
{
	int64_t due;
	nfds_t	i, all, len;

	all = network_poll_set(&due);
	if ((len = network_wait(all, due)) == 0)
		return;
	if (network_pfd[PFD_VAULT].revents != 0)
		network_vault();
	if (network_pfd[PFD_SIGNALS].revents != 0)
		network_signal();
	if (network_pfd[PFD_HEARTBEAT].revents != 0)
		network_ready(PFD_HEARTBEAT,
		    network_pfd[PFD_HEARTBEAT].revents);
	for (i = PFD_CONNS; i < len; i++) {
		if (network_pfd[i].revents != 0)
			network_ready(i, network_pfd[i].revents);
	}
	if (due != -1)
		network_deadlines(all);
	for (i = 0; i < 2 && len > PFD_LISTENER; i++) {
		if (network_pfd[PFD_LISTENER + i].revents != 0)
			network_accept(network_listeners[i], i == 1);
	}
}

/*
 * Logs why the start has failed, and exits; the vault logs that it has failed.
 * In the background, also writes the line to the standard error of the process
 * that waits for the start.
 */
static noreturn void
network_fail(const char *what)
{
	const char *why = strerrordesc_np(errno);

	log_warnx("%s: %s", what, why);
	if (network_stderr != -1)
		(void)dprintf(network_stderr, "dazaid: network: %s: %s\n", what,
		    why);
	_exit(1);
}

/* Receives the first message, which proves that the vault has started us. */
static void
network_config(struct imsg_config *config)
{
	struct pollfd vault = { .fd = CHILD_FD, .events = POLLIN };
	struct imsg   im;

	(void)poll(&vault, 1, -1);
	if (imsg_recv(CHILD_FD, IMSG_FROM_VAULT, IMSG_AT_START, &im) !=
		IMSG_OK ||
	    im.type != IMSG_CONFIG)
		errx(1,
		    "this is dazaid's network process: "
		    "it is not started by hand");
	*config = im.u.config;
}

/* The network process, from its start to its end. */
noreturn void
network_main(void)
{
	static const int   forwarded[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
		  SIGUSR1, SIGUSR2 };
	struct imsg_config config;
	const char	  *failed;

	/* We were executed as /proc/self/exe, so our name is "exe". */
	(void)prctl(PR_SET_NAME, "dazaid", 0, 0, 0);
	signals_ignore();
	network_signals = signals_collect(forwarded,
	    sizeof(forwarded) / sizeof(forwarded[0]));
	network_config(&config);
	log_open(config.unnamed == 0, (int)config.verbose);
	log_role("network");
	network_owner = config.owner;
	heart_init();
	control_init();
	answer_init();
	network_spare = dup(CHILD_FD);
	if (network_signals == -1 || network_spare == -1)
		network_fail("descriptors");

	if (sandbox_limits() == -1)
		network_fail("limits");
	if (config.background) {
		network_stderr = dup(STDERR_FILENO);
		log_syslog(false);
	}
	if (daemon_detach((int)config.background) == -1)
		network_fail("/dev/null");
	failed = sandbox_network(config.become_uid, config.become_gid);
	if (failed != NULL)
		network_fail(failed);
	if (network_stderr != -1)
		close(network_stderr);
	network_stderr = -1;
	(void)network_send_number(IMSG_READY, NULL, 0);
	for (;;)
		network_turn();
}
