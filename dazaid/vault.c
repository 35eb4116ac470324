/* SPDX-License-Identifier: ISC */
/*
 * The vault: the process that holds the secrets and all state about them.  It
 * never blocks, allocates nothing after the start, and parses no line of a
 * client: it sees clients through network's messages, and through channels, on
 * which each byte is a PING or a CANCEL.  This file has the handlers of the
 * signals that wipe at once, and the loop, which dispatches messages and
 * events; session.c, store.c and panic.c decide what they mean.
 */
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "cred.h"
#include "alive.h"
#include "event.h"
#include "files.h"
#include "holder.h"
#include "imsg.h"
#include "last.h"
#include "log.h"
#include "notify.h"
#include "options.h"
#include "registry.h"
#include "serve.h"
#include "signals.h"
#include "transfer.h"
#include "vault.h"

#define VAULT_TIMER_FIRED (-1) /* in timer_due: the timer must be set again */
/* Descriptors of the vault, of the heartbeat, and one for a message. */
#define VAULT_FDS      28
#define VAULT_MESSAGES 16 /* handled in a row before deadlines are checked */

enum {
	PFD_SIGNALS,
	PFD_NETWORK,
	PFD_TIMER,
	PFD_INPUT,
	PFD_FILES,
	PFD_FRONT,
	PFD_ALIVE,
	PFD_NAMED,
	PFD_MAX = PFD_NAMED + REGISTRY_MAX + TRANSFER_MAX
};

struct vault v = { .imsg = -1,
	.timer = -1,
	.signals = -1,
	.files = -1,
	.alive = -1,
	.front = -1 };

/*
 * Signals that are handled at once.
 */

static void
vault_on_hard(int sig)
{
	panic_hard(&v.panic, sig == SIGQUIT ? "SIGQUIT" : "SIGUSR2");
}

/*
 * Wipes, then ends by sig.  Its default action was restored, so kill(2) ends
 * the process when this handler returns and unblocks it.
 */
static void
vault_on_fatal(int sig)
{
	const char *name = sigabbrev_np(sig);
	char	    reason[32] = "SIG";

	effects_ops.wipe();
	effects_ops.remove_files();
	(void)strlcat(reason, name != NULL ? name : "NAL", sizeof(reason));
	last_words("died", reason);
	effects_log_begin();
	log_alert(reason, ": secrets wiped");
	effects_log_end();
	(void)kill(v.self, sig);
	if (v.self == 1)
		_exit(128 + sig);
}

/*
 * Network.
 */

/* Returns milliseconds of a clock that goes on while the machine sleeps. */
int64_t
vault_now(void)
{
	return (clock_ms(CLOCK_BOOTTIME));
}

static void
vault_network_lost(void)
{
	v.network_lost = true;
	panic_hard(&v.panic, "network process lost");
}

static void
vault_hostile(void)
{
	v.network_hostile = true;
	panic_hard(&v.panic, "network process hostile");
}

/*
 * Sends im to network.  Never blocks: if the socket is full, network does not
 * read its messages, and counts as lost.
 */
void
vault_send(const struct imsg *im)
{
	if (imsg_send(v.imsg, im, MSG_DONTWAIT) == -1)
		vault_network_lost();
}

/* Tells network the result of the request of the client peerid. */
void
vault_answer(uint32_t peerid, enum imsg_answer answer)
{
	const struct imsg im = { .type = IMSG_ANSWER,
		.peerid = peerid,
		.u.number.n = answer };

	vault_send(&im);
}

/* Sends a message about the connection that network calls peerid. */
void
vault_notify(enum imsg_type type, uint32_t peerid, uint32_t n)
{
	const struct imsg im = { .type = type,
		.peerid = peerid,
		.u.number.n = n };

	vault_send(&im);
}

/*
 * Returns the phase for which the table in imsg.c must allow a message of
 * network.
 */
static unsigned int
vault_state(void)
{
	if (!v.started)
		return (IMSG_AT_START);
	switch (v.session.holders[SESSION_HEARTBEAT].state) {
	case SESSION_FREE:
		return (IMSG_UNGUARDED);
	case SESSION_LOST:
		return (IMSG_DROPPED);
	default:
		return (IMSG_GUARDED);
	}
}

/*
 * Returns whether fd is a client's connection to one of our two sockets, as the
 * kernel reports it.  The client's uid must be the owner's or root's.  Its pid
 * must not be network's, which could pass a connection of its own, nor the
 * vault's, which the kernel reports for a listening socket.
 */
bool
vault_knows(int fd, unsigned int socket, struct ucred *who)
{
	return (files_accepted(socket, fd) && cred_allowed(fd, v.owner, who) &&
	    who->pid != v.network && who->pid != v.self);
}

/*
 * Returns whether the vault may keep one more descriptor for a client.  Some
 * are reserved: without a free one, a message with a descriptor could not be
 * received, and would look like an attack.
 */
bool
vault_has_fd(void)
{
	return (alive_fds() + registry_count() + 2 * transfer_count() <
	    v.spare_fds);
}

/*
 * Dispatch.
 */

/* Acts on a signal that the vault or network has collected (0: none). */
static void
vault_signal(int sig)
{
	switch (sig) {
	case 0:
		break;
	case SIGTERM:
		panic_stop(&v.panic, "SIGTERM");
		break;
	case SIGINT:
		panic_stop(&v.panic, "SIGINT");
		break;
	case SIGHUP:
		panic_order(&v.panic, vault_now(), "SIGHUP");
		break;
	case SIGUSR1:
		panic_order(&v.panic, vault_now(), "SIGUSR1");
		break;
	case SIGUSR2:
	case SIGQUIT:
		vault_on_hard(sig);
		break;
	default:
		vault_hostile();
	}
}

static void
vault_dispatch(const struct imsg *im)
{
	switch (im->type) {
	case IMSG_SIGNAL:
		vault_signal((int)im->u.number.n);
		break;
	case IMSG_HELLO:
	case IMSG_HOLD:
	case IMSG_RELEASE:
	case IMSG_WATCH:
	case IMSG_PING:
	case IMSG_CANCEL:
	case IMSG_QUIT:
	case IMSG_LOST:
		if (!holder_message(im))
			vault_hostile();
		break;
	case IMSG_EVENTS:
		event_watchers(im->u.number.n);
		break;
	case IMSG_PANIC:
		if (im->u.number.n != 0)
			panic_hard(&v.panic, "PANIC hard");
		else
			panic_order(&v.panic, vault_now(), "PANIC");
		break;
	case IMSG_READY:
		vault_hostile();
		break;
	default:
		if (!serve_request(im))
			vault_hostile();
	}
	holder_drop_lost();
}

/*
 * Handles messages of network: at most VAULT_MESSAGES, so that deadlines are
 * not delayed.
 */
static void
vault_network(void)
{
	struct imsg im;
	int	    i;

	for (i = 0; i < VAULT_MESSAGES && !v.panic.over; i++) {
		switch (
		    imsg_recv(v.imsg, IMSG_FROM_NETWORK, vault_state(), &im)) {
		case IMSG_OK:
			log_debug("%s from network", imsg_type_name(im.type));
			vault_dispatch(&im);
			break;
		case IMSG_NONE:
			session_heard(&v.session, vault_now());
			return;
		case IMSG_EOF:
			vault_network_lost();
			return;
		case IMSG_BAD:
			vault_hostile();
			return;
		}
	}
}

/*
 * The loop.
 */

static void
vault_expired(const char *name)
{
	event_send(IMSG_EVENT_GONE, name, 0, 0, "expired");
}

/* Wipes the secrets whose time is up, and tells the watchers of each. */
static void
vault_expire(int64_t now)
{
	if (store_expire(&v.store, now, vault_expired))
		transfer_cut_gone();
}

/*
 * Panics if the sockets were removed, because nobody can reach the daemon any
 * more.  Reads only some of the events in a turn, since the user can make new
 * ones without end.
 */
static void
vault_check_files(void)
{
	char events[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];

	(void)!read(v.files, events, sizeof(events));
	if (files_reachable())
		return;
	close(v.files);
	v.files = -1;
	panic_order(&v.panic, vault_now(), "sockets removed");
}

/*
 * Sets the timer to the next deadline, unless it is set so already.  This need
 * not read a timer that has fired: timerfd_settime(2) clears that, too.
 * Returns -1 with errno.
 */
static int
vault_set_timer(void)
{
	const int64_t	  dues[] = { session_deadline(&v.session), v.store.due,
		    transfer_due() };
	struct itimerspec its;
	int64_t		  due = PANIC_NEVER;
	size_t		  i;

	for (i = 0; i < sizeof(dues) / sizeof(dues[0]); i++) {
		if (dues[i] < due)
			due = dues[i];
	}
	if (due == v.timer_due)
		return (0);
	memset(&its, 0, sizeof(its));
	if (due != PANIC_NEVER) {
		its.it_value.tv_sec = due / 1000;
		its.it_value.tv_nsec = (long)(due % 1000 * 1000000);
	}
	v.timer_due = due;
	return (timerfd_settime(v.timer, TFD_TIMER_ABSTIME, &its, NULL));
}

/*
 * Checks every holder and deadline again: the vault may have been stopped
 * since poll(2) returned.  Returns whether a secret may be handed out.
 */
bool
vault_may_give(void)
{
	alive_look();
	session_tick(&v.session, vault_now());
	vault_expire(vault_now());
	holder_drop_lost();
	return (session_gives(&v.session));
}

/* The descriptors that a turn polls, in the order in which it handles them. */
struct vault_poll {
	struct pollfd pfd[PFD_MAX];
	nfds_t	      registered; /* entries from PFD_NAMED on, ... */
	nfds_t	      transfers;  /* ... and after those */
};

static nfds_t
vault_poll_set(struct vault_poll *vp, int input)
{
	struct pollfd *pfd = vp->pfd + PFD_NAMED;

	vp->pfd[PFD_SIGNALS] = (struct pollfd){ v.signals, POLLIN, 0 };
	vp->pfd[PFD_NETWORK] = (struct pollfd){ v.imsg, POLLIN, 0 };
	vp->pfd[PFD_TIMER] = (struct pollfd){ v.timer, POLLIN, 0 };
	vp->pfd[PFD_INPUT] = (struct pollfd){ input, POLLIN, 0 };
	vp->pfd[PFD_FILES] = (struct pollfd){ v.files, POLLIN, 0 };
	vp->pfd[PFD_FRONT] = (struct pollfd){ v.front, POLLIN, 0 };
	vp->pfd[PFD_ALIVE] = (struct pollfd){ v.alive, POLLIN, 0 };
	pfd += vp->registered = registry_poll(pfd);
	pfd += vp->transfers = transfer_poll(pfd);
	return ((nfds_t)(pfd - vp->pfd));
}

/*
 * One turn: sleeps until something happens, and handles it.  It handles ends of
 * holders first, so that no secret is handed out afterwards, and the loss of
 * the heartbeat last, because network may still report a QUIT.  Returns whether
 * input, if not -1, is readable.
 */
static bool
vault_turn(int input)
{
	static struct vault_poll vp;
	struct pollfd *const	 pfd = vp.pfd;
	struct pollfd		*next = pfd + PFD_NAMED;
	nfds_t			 n;

	session_wait_for_guard(&v.session, v.store.count > 0, vault_now());
	if (vault_set_timer() == -1)
		panic_hard(&v.panic, "timerfd_settime failed");
	n = vault_poll_set(&vp, input);
	if (ppoll(pfd, n, NULL, NULL) == -1) {
		/* RLIMIT_NOFILE was lowered: the vault cannot poll any more. */
		if (errno != EINTR)
			panic_hard(&v.panic, "poll failed");
		return (false);
	}
	if (pfd[PFD_ALIVE].revents != 0)
		alive_look();
	if (pfd[PFD_SIGNALS].revents != 0)
		vault_signal(signals_next(v.signals, NULL));
	registry_forget(next, vp.registered);
	next += vp.registered;
	vault_expire(vault_now());
	if (pfd[PFD_NETWORK].revents != 0 || session_drained(&v.session))
		vault_network();
	if (pfd[PFD_TIMER].revents != 0)
		v.timer_due = VAULT_TIMER_FIRED;
	if (pfd[PFD_FILES].revents != 0)
		vault_check_files();
	if (pfd[PFD_FRONT].revents != 0 && v.front != -1)
		panic_stop(&v.panic, "the command was never guarded");
	session_tick(&v.session, vault_now());
	holder_drop_lost();
	if (!session_gives(&v.session))
		transfer_cut_gets();
	transfer_run(next, vault_now());
	return (pfd[PFD_INPUT].revents != 0);
}

/*
 * If pid is the process that runs the command of dazaid -- COMMAND, and the
 * vault still watches it, returns its pidfd.  From now on the caller watches
 * and closes it.  Otherwise returns -1.
 */
int
vault_take_front(pid_t pid)
{
	const int fd = pid == v.front_pid ? v.front : -1;

	if (fd != -1)
		v.front = -1;
	return (fd);
}

/* Starts the deadline of -f.  Call this once, before vault_loop(). */
void
vault_start(void)
{
	session_wait_for_guard(&v.session, v.store.count > 0, vault_now());
	if (vault_set_timer() == -1)
		vault_fail("timerfd", strerror(errno));
}

/* Runs the loop until fd is readable.  Does not return if the daemon ends. */
void
vault_wait_input(int fd)
{
	while (!vault_turn(fd))
		continue;
}

/* Tells the service manager the state of the session. */
static void
vault_tell_manager(void)
{
	if (v.panic.pending)
		notify_state("a panic is pending");
	else if (session_guarded(&v.session))
		notify_state("guarded");
	else
		notify_state("not guarded");
}

/* Runs the loop until the end. */
noreturn void
vault_loop(void)
{
	for (;;) {
		vault_tell_manager();
		(void)vault_turn(-1);
	}
}

/*
 * The start.
 */

/*
 * secmem.c calls this if mprotect(2) fails: the secrets are then unreachable or
 * exposed.  Panics; during the start, exits.
 */
void
vault_arena_failed(void)
{
	if (!v.started)
		vault_fail("cannot allocate the arena", strerror(errno));
	panic_hard(&v.panic, "mprotect failed");
}

/*
 * The start has failed: wipes, removes the files, logs "WHAT: WHY" and exits
 * with 1.
 */
noreturn void
vault_fail(const char *what, const char *why)
{
	effects_ops.wipe();
	effects_ops.remove_files();
	last_words("failed", "the start failed");
	effects_log_begin();
	log_alert(what, ": ", why);
	effects_log_end();
	_exit(1);
}

/*
 * Takes the vault's options from o, and installs the signal handlers, before
 * there is a secret.
 */
void
vault_init(const struct options *o)
{
	static const int collected[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	const char	*failed;
	struct rlimit	 rl;

	v.owner = o->owner;
	v.self = getpid();
	v.front_pid = v.front != -1 ? getppid() : 0;
	v.timer_due = PANIC_NEVER;
	panic_init(&v.panic, &effects_ops, o->grace, o->armed);
	session_init(&v.session, &v.panic, o->timeout, o->first);
	signals_ignore();
	signals_at_once(vault_on_hard, vault_on_fatal);
	v.signals = signals_collect(collected,
	    sizeof(collected) / sizeof(collected[0]));
	v.timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	v.alive = alive_open();
	if (v.signals == -1 || v.timer == -1 || v.alive == -1)
		vault_fail("signalfd, timerfd_create or epoll_create1",
		    strerror(errno));
	if ((failed = registry_init(o->owner)) != NULL)
		vault_fail(failed, strerror(errno));
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur <= VAULT_FDS)
		vault_fail("descriptors",
		    "too few are allowed (see ulimit -Hn)");
	v.spare_fds = rl.rlim_cur - VAULT_FDS;
}
