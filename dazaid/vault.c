/* SPDX-License-Identifier: ISC */
/*
 * The vault: the process that holds the secrets, and every bit of state about
 * them.  It never waits for anybody, allocates nothing once it runs, and
 * interprets no byte that a client chose.  It hears of clients through
 * network's messages, and of the heartbeat's end from the kernel as well.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "daemon.h"
#include "files.h"
#include "imsg.h"
#include "load.h"
#include "log.h"
#include "panic.h"
#include "registry.h"
#include "sandbox.h"
#include "secmem.h"
#include "serve.h"
#include "signals.h"
#include "store.h"
#include "transfer.h"
#include "vault.h"

/* Network's time to report a hangup that the kernel reported to us. */
#define VAULT_HANGUP_MS	  100
#define VAULT_TIMER_FIRED (-1) /* in timer_due: to be set anew */
#define VAULT_FDS	  20 /* its own, the heartbeat's, and one that comes */
#define VAULT_MESSAGES	  16 /* taken in a row before deadlines are looked at */

enum {
	PFD_HEARTBEAT,
	PFD_SIGNALS,
	PFD_NETWORK,
	PFD_TIMER,
	PFD_INPUT,
	PFD_NAMED,
	PFD_MAX = PFD_NAMED + REGISTRY_MAX + TRANSFER_MAX
};

static struct vault v = {
	.imsg = -1, .heartbeat = -1, .timer = -1, .signals = -1
};

/*
 * Signals that do not wait for the loop.
 */

static void
vault_on_hard(int sig)
{
	panic_hard(&v.panic, sig == SIGQUIT ? "SIGQUIT" : "SIGUSR2");
}

/*
 * Wipes, then dies of sig: its default action is back, and it is blocked here.
 */
static void
vault_on_fatal(int sig)
{
	const char *name = sigabbrev_np(sig);

	effects_ops.wipe(&v);
	effects_ops.clean(&v);
	log_alert("SIG", name != NULL ? name : "NAL", ": secrets wiped");
	(void)kill(v.self, sig);
	if (v.self == 1)
		_exit(128 + sig);
}

/*
 * Talking to network.
 */

/* Milliseconds of the clock that does not stop while the machine sleeps. */
int64_t
vault_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
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
	panic_hard(&v.panic, "network process hostile");
}

/*
 * An arena that the kernel did not open is one whose secrets cannot be had,
 * told of, or wiped when their time is up; one that it did not shut lies open.
 */
static void
vault_see_arena(void)
{
	if (v.mem.stuck)
		panic_hard(&v.panic, "the arena cannot be opened or shut");
}

/*
 * Never waits: who does not take what it has asked for is stuck, and so lost.
 * Nor is anything told that an arena which could not be looked into made us
 * believe.
 */
void
vault_tell(struct vault *vault, const struct imsg *im)
{
	vault_see_arena();
	if (imsg_send(vault->imsg, im, MSG_DONTWAIT) == -1)
		vault_network_lost();
}

/* To the heartbeat. */
static void
vault_say(enum imsg_type type, uint32_t n)
{
	const struct imsg im = { .type = type,
		.peer = v.peer,
		.u.number.n = n };

	vault_tell(&v, &im);
}

/* The end of a transfer. */
static void
vault_transferred(uint32_t peer, enum imsg_answer answer)
{
	const struct imsg im = { .type = IMSG_ANSWER,
		.peer = peer,
		.u.number.n = answer };

	vault_tell(&v, &im);
}

static unsigned int
vault_state(void)
{
	if (!v.started)
		return (IMSG_AT_START);
	if (v.heartbeat != -1)
		return (IMSG_GUARDED);
	return (v.lost_due ? IMSG_DROPPED : IMSG_UNGUARDED);
}

static void
vault_gone(const char *reason)
{
	const int heartbeat = v.heartbeat;

	v.heartbeat = -1;
	v.hangup_due = PANIC_NEVER;
	v.silent = false;
	panic_lost(&v.panic, vault_now(), reason);
	if (heartbeat != -1)
		close(heartbeat);
}

/* Gives the heartbeat up before network has: its LOST is still to come. */
static void
vault_drop(const char *reason)
{
	v.lost_due = true;
	vault_gone(reason);
	vault_say(IMSG_DROP, 0);
}

/*
 * The kernel says that the heartbeat has hung up.  Network has its time to tell
 * what the client has said before; but a line leaves the socket only after its
 * message, so that, with nothing left in there, what has been sent to us by now
 * is all.
 */
static void
vault_hung_up(void)
{
	int unread;

	v.hangup_due = vault_now() + VAULT_HANGUP_MS;
	v.silent = ioctl(v.heartbeat, FIONREAD, &unread) != -1 && unread == 0;
}

/*
 * Whether a panic is pending that the heartbeat, which says that it would end
 * it, cannot: by the kernel's word of this moment it has hung up.  All that is
 * left to hear of it then is a QUIT.  Else network could end panic after panic
 * in the name of the dead.
 */
static bool
vault_too_late(void)
{
	const struct timespec at_once = { 0, 0 };
	struct pollfd	      pfd = { v.heartbeat, POLLRDHUP, 0 };

	if (v.hangup_due == PANIC_NEVER && ppoll(&pfd, 1, &at_once, NULL) != 0)
		vault_hung_up();
	if (v.hangup_due == PANIC_NEVER || !v.panic.pending)
		return (false);
	vault_drop("heartbeat connection dropped");
	return (true);
}

/*
 * Who is at the other end of fd, by the kernel's word: true for a client of the
 * owner's or root's on one of our two sockets, which is neither of us, whom
 * network could have made up.  A listener's peer is who made it: us.
 */
bool
vault_knows(int fd, unsigned int socket, struct ucred *who)
{
	socklen_t len = sizeof(*who);

	return (files_accepted(socket, fd) &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &len) != -1 &&
	    who->pid != v.network && who->pid != v.self &&
	    (who->uid == v.owner || who->uid == 0));
}

/*
 * Whether a secret may be handed out.  That the kernel has told of the
 * heartbeat's hang-up is enough not to, whatever network will say of it.
 */
bool
vault_gives(const struct vault *vault)
{
	return (panic_gives(&vault->panic) && vault->hangup_due == PANIC_NEVER);
}

/*
 * Whether one more descriptor may be kept.  The last ones are not for clients:
 * when no message of network's could bring one any more, that would look like
 * an attack.
 */
bool
vault_has_fd(const struct vault *vault)
{
	return (registry_count() + transfer_count() < vault->spare_fds);
}

static void
vault_hello(const struct imsg *im)
{
	struct ucred	who;
	struct timespec ts;

	if (!vault_knows(im->fd, FILES_HEARTBEAT, &who)) {
		vault_hostile();
		return;
	}
	v.heartbeat = im->fd;
	v.peer = im->peer;
	v.client = who.pid;
	if (vault_too_late())
		return;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	v.since = ts.tv_sec;
	panic_heartbeat(&v.panic, vault_now());
	log_info("guarded by pid %ld", (long)who.pid);
	if (who.pid != (pid_t)im->u.number.n)
		log_debug("which calls itself pid %lu",
		    (unsigned long)im->u.number.n);
	vault_say(IMSG_WELCOME, 0);
}

/* A signal that network was sent means the same as if it had come to us. */
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
		panic_trigger(&v.panic, vault_now(), "SIGHUP");
		break;
	case SIGUSR1:
		panic_trigger(&v.panic, vault_now(), "SIGUSR1");
		break;
	case SIGUSR2:
	case SIGQUIT:
		vault_on_hard(sig);
		break;
	default:
		vault_hostile();
	}
}

/*
 * What the heartbeat says, and the end of it.  One that was given up, which may
 * show only now, gets no answer: the connection is about to end.
 */
static void
vault_peer(const struct imsg *im)
{
	bool had;

	if (im->peer != v.peer) {
		vault_hostile();
		return;
	}
	switch (im->type) {
	case IMSG_PING:
		if (panic_ping(&v.panic, vault_now()))
			vault_say(IMSG_PONG, im->u.number.n);
		break;
	case IMSG_CANCEL:
		if (vault_too_late())
			break;
		had = panic_cancel(&v.panic, vault_now());
		if (v.panic.guarded)
			vault_say(had ? IMSG_CANCELLED : IMSG_NOTHING_PENDING,
			    0);
		break;
	case IMSG_QUIT:
		v.bye = true;
		panic_stop(&v.panic, "QUIT from the heartbeat");
		break;
	case IMSG_LOST:
		v.lost_due = false;
		vault_gone("heartbeat connection dropped");
		break;
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
		vault_hello(im);
		break;
	case IMSG_PING:
	case IMSG_CANCEL:
	case IMSG_QUIT:
	case IMSG_LOST:
		vault_peer(im);
		break;
	case IMSG_PANIC:
		if (im->u.number.n != 0)
			panic_hard(&v.panic, "PANIC hard");
		else
			panic_trigger(&v.panic, vault_now(), "PANIC");
		break;
	case IMSG_READY:
		vault_hostile();
		break;
	default:
		if (!serve_request(&v, im))
			vault_hostile();
	}
}

/* Takes messages; there may be more when they were many. */
static void
vault_network(void)
{
	struct imsg im;
	int	    i;

	for (i = 0; i < VAULT_MESSAGES && !v.panic.over; i++) {
		switch (
		    imsg_recv(v.imsg, IMSG_FROM_NETWORK, vault_state(), &im)) {
		case IMSG_OK:
			log_debug("%s from network", imsg_name(im.type));
			vault_dispatch(&im);
			break;
		case IMSG_NONE:
			if (v.silent)
				v.hangup_due = 0;
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

/* Before anybody is heard: who asks for a secret that is due is too late. */
static void
vault_expire(int64_t now)
{
	if (store_expire(&v.store, now) == 1)
		transfer_cut_gone();
}

/*
 * Settles what time brings.  The kernel's word on the heartbeat counts once
 * network has reported, or had its time to, a QUIT that came before the
 * hang-up.
 */
static void
vault_deadlines(int64_t now)
{
	panic_tick(&v.panic, now);
	if (!v.panic.guarded && v.heartbeat != -1)
		vault_drop("ping deadline missed");
	else if (now >= v.hangup_due)
		vault_drop("heartbeat connection dropped");
}

/* Sets the timer to the next deadline, unless it is set so already. */
static void
vault_set_timer(void)
{
	const int64_t	  dues[] = { panic_deadline(&v.panic), v.hangup_due,
		    v.store.due, transfer_due() };
	struct itimerspec its;
	int64_t		  due = PANIC_NEVER;
	size_t		  i;

	for (i = 0; i < sizeof(dues) / sizeof(dues[0]); i++) {
		if (dues[i] < due)
			due = dues[i];
	}
	if (due == v.timer_due)
		return;
	memset(&its, 0, sizeof(its));
	if (due != PANIC_NEVER) {
		its.it_value.tv_sec = due / 1000;
		its.it_value.tv_nsec = due % 1000 * 1000000;
	}
	if (timerfd_settime(v.timer, TFD_TIMER_ABSTIME, &its, NULL) == -1)
		panic_hard(&v.panic, "the timer cannot be set");
	v.timer_due = due;
}

/* What there is to wait for, in the order in which a turn sees to it. */
struct vault_poll {
	struct pollfd pfd[PFD_MAX];
	nfds_t	      registered; /* entries behind PFD_NAMED, ... */
	nfds_t	      transfers;  /* ... and behind those */
};

static nfds_t
vault_poll_set(struct vault_poll *vp, int input)
{
	const int heartbeat = v.hangup_due == PANIC_NEVER ? v.heartbeat : -1;

	vp->pfd[PFD_HEARTBEAT] = (struct pollfd){ heartbeat, POLLRDHUP, 0 };
	vp->pfd[PFD_SIGNALS] = (struct pollfd){ v.signals, POLLIN, 0 };
	vp->pfd[PFD_NETWORK] = (struct pollfd){ v.imsg, POLLIN, 0 };
	vp->pfd[PFD_TIMER] = (struct pollfd){ v.timer, POLLIN, 0 };
	vp->pfd[PFD_INPUT] = (struct pollfd){ input, POLLIN, 0 };
	vp->registered = registry_poll(vp->pfd + PFD_NAMED);
	vp->transfers = transfer_poll(vp->pfd + PFD_NAMED + vp->registered);
	return (PFD_NAMED + vp->registered + vp->transfers);
}

/*
 * One turn: sleeps until something happens, and sees to it.  That the heartbeat
 * hung up is noted first, so that nothing is handed out any more, and acted on
 * last, as network may have more to say of it.  Returns whether input, if not
 * -1, can be read.
 */
static bool
vault_turn(int input)
{
	struct vault_poll    vp;
	struct pollfd *const pfd = vp.pfd;
	nfds_t		     n;

	vault_see_arena();
	vault_set_timer();
	n = vault_poll_set(&vp, input);
	if (ppoll(pfd, n, NULL, NULL) == -1) {
		/*
		 * Somebody lowered RLIMIT_NOFILE: we would be deaf from now on.
		 */
		if (errno != EINTR)
			panic_hard(&v.panic, "the vault cannot poll");
		return (false);
	}
	if (pfd[PFD_HEARTBEAT].revents != 0)
		vault_hung_up();
	if (pfd[PFD_SIGNALS].revents != 0)
		vault_signal(signals_next(v.signals));
	registry_forget(pfd + PFD_NAMED, vp.registered);
	vault_expire(vault_now());
	if (pfd[PFD_NETWORK].revents != 0 || v.silent)
		vault_network();
	if (pfd[PFD_TIMER].revents != 0)
		v.timer_due = VAULT_TIMER_FIRED;
	vault_deadlines(vault_now());
	if (!vault_gives(&v))
		transfer_cut_gets();
	transfer_run(pfd + PFD_NAMED + vp.registered, vp.transfers,
	    vault_now());
	return (pfd[PFD_INPUT].revents != 0);
}

noreturn void
vault_loop(void)
{
	for (;;)
		(void)vault_turn(-1);
}

/*
 * The start.
 */

/* Ends a start that failed: one line, exit 1, and nothing left behind. */
noreturn void
vault_fail(const char *what, const char *why)
{
	effects_ops.wipe(&v);
	effects_ops.clean(&v);
	log_alert(what, ": ", why);
	_exit(1);
}

/*
 * Takes the options that are the vault's, and every signal, before there is
 * anything to lose.
 */
void
vault_init(const struct vault_options *o)
{
	static const int collected[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

	struct rlimit rl;

	v.owner = o->owner;
	v.self = getpid();
	v.hangup_due = v.timer_due = PANIC_NEVER;
	panic_init(&v.panic, &effects_ops, &v, o->grace, o->timeout, o->armed);
	signals_ignore();
	signals_at_once(vault_on_hard, vault_on_fatal);
	v.signals = signals_collect(collected,
	    sizeof(collected) / sizeof(collected[0]));
	v.timer = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (v.signals == -1 || v.timer == -1)
		vault_fail("signalfd, timerfd", strerror(errno));
	if (registry_init(o->owner) == -1)
		vault_fail("/proc", strerror(errno));
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur <= VAULT_FDS)
		vault_fail("descriptors",
		    "too few may be open (see ulimit -n)");
	v.spare_fds = rl.rlim_cur - VAULT_FDS;
}

/* The arena first, as it matters most if little memory may be locked. */
void
vault_memory(const struct vault_options *o)
{
	if (secmem_open(&v.mem, o->size) == -1)
		vault_fail("memory for the arena", strerror(errno));
	if (v.mem.kind == SECMEM_UNLOCKED && o->require_lock)
		vault_fail("--require-lock",
		    "no memory can be locked (see ulimit -l)");
	if (store_init(&v.store, &v.mem) == -1)
		vault_fail("memory for the arena", strerror(errno));
	transfer_init(&v.store, vault_transferred);
	if (mlockall(MCL_CURRENT | MCL_ONFAULT) == -1)
		log_debug("the rest of the vault is not locked: %s",
		    strerror(errno));
}

/* Network starts while the vault goes on. */
void
vault_child(const struct vault_options *o)
{
	struct imsg_config config = { .owner = o->owner };

	config.become = geteuid() == 0 ? child_uid() : 0;
	config.verbose = (uint32_t)log_verbose();
	config.background = o->background;
	v.imsg = child_start(&config, &v.network);
	if (v.imsg == -1)
		vault_fail("network process", strerror(errno));
	signals_hide();
}

/* Nothing goes on without it, and before it has given up its rights. */
void
vault_wait_child(void)
{
	if (child_wait(v.imsg) == -1)
		vault_fail("network process",
		    errno == ECHILD ? "it could not start" : strerror(errno));
}

static void
vault_wait_input(int fd)
{
	while (!vault_turn(fd))
		;
}

/* Reads the secrets of -l, alive to every signal and to network's end. */
void
vault_load(void)
{
	const char *failed;

	failed = load_secrets(&v.store, vault_wait_input);
	if (failed == NULL) {
		vault_see_arena();
		return;
	}
	if (errno == ENOSPC)
		vault_fail(failed, "does not fit in the arena, see -z");
	if (errno == ENODATA)
		vault_fail(failed, "there is nothing in it");
	vault_fail(failed, strerror(errno));
}

/* Lets clients connect, to network: the last things that it is given. */
void
vault_listen(void)
{
	struct imsg im = { .type = IMSG_LISTENER };
	uint32_t    i;

	for (i = 0; i < FILES_SOCKETS; i++) {
		im.u.number.n = i;
		if ((im.fd = files_listen(i)) == -1)
			vault_fail("listen", strerror(errno));
		if (imsg_send(v.imsg, &im, MSG_DONTWAIT) == -1)
			vault_fail("network process", strerror(errno));
		close(im.fd);
	}
	v.started = true;
}

/* Gives up all that the loop does not need. */
void
vault_confine(void)
{
	const struct sandbox_vault sv = { .arena = v.mem.pages,
		.arena_len = v.mem.len,
		.owner = v.owner,
		.dirfd = files_dirfd(),
		.procfd = registry_procfd(),
		.timer = v.timer,
		.signals = v.signals };

	if (sandbox_vault(&sv) == -1)
		vault_fail("sandbox", strerror(errno));
	if (v.mem.kind == SECMEM_UNLOCKED)
		log_warnx(
		    "DEGRADED: memory: unlocked, secrets can be swapped out "
		    "(see ulimit -l, --require-lock)");
	log_info("ready, memory: %s, secrets: %u, %s, ping timeout %lld ms",
	    secmem_name(v.mem.kind), v.store.count,
	    v.panic.armed ? "armed" : "dry-run", (long long)v.panic.timeout);
}
