/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "vault": the daemon's main() up to its loop, with a network
 * process that may send any messages in any order, clients that send, read and
 * leave, processes that end, and time.  model.c has the oracle, vault_world.c
 * what the vault calls, vault_net.c network and its clients.
 */
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <sanitizer/asan_interface.h>

#include "alive.h"
#include "vault_world.h"

/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../../dazaid/registry.c"
#include "../../../dazaid/vault.c"
#define main dazaid_main
int dazaid_main(int, char *[]);
#include "../../../dazaid/dazaid.c"
/* NOLINTEND(bugprone-suspicious-include) */

#define TURNS 100000 /* before the vault must wait again */
#define PAGE  4096
#define LATE  3600000

static int	    vault_sig;	   /* a signal that waits for the vault */
static bool	    process_ended; /* a registered process has, not seen yet */
static unsigned int turns;
static unsigned int ending; /* steps after the end of the input */
static unsigned int times;  /* which of the options */
static int	    fail_poll;

static struct {
	struct vault v;
	struct world w;
	struct net   net;
} fresh; /* as they are before a life */

WRAP(void, signals_at_once, void (*hard)(int), void (*fatal)(int))
{
	CHECK(hard == vault_on_hard && fatal == vault_on_fatal, "handlers");
}

WRAP(int, getrlimit, __rlimit_resource_t what, struct rlimit *rl)
{
	if (!fuzz_runs)
		return (__real_getrlimit(what, rl));
	rl->rlim_cur = rl->rlim_max = VAULT_FDS + m.spare_fds;
	return (0);
}

WRAP(int, fstatat, int dir, const char *name, struct stat *st, int flags)
{
	const int32_t pid = (int32_t)strtol(name, NULL, 10);

	CHECK(m.root && dir == registry_procfd() && flags == 0, "fstatat");
	memset(st, 0, sizeof(*st));
	st->st_uid = pid % 8 == 2 ? STRANGER : OWNER;
	return (pid % 8 == 4 ? -1 : 0);
}

/* Steps of the input. */

static void
signal_send(unsigned int i)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	const struct signalfd_siginfo si = {
		.ssi_signo = (uint32_t)sigs[i % 4]
	};

	if (vault_sig != 0)
		return;
	(void)write(w.signals[1], &si, sizeof(si));
	vault_sig = sigs[i % 4];
}

/* Ends a registered process, by its index. */
static void
process_end(unsigned int i)
{
	struct pollfd  pfd[REGISTRY_MAX];
	const uint64_t one = 1;
	const nfds_t   n = registry_poll(pfd);

	/* One at a time: the same one cannot end twice. */
	if (n == 0 || process_ended)
		return;
	process_ended = true;
	i %= (unsigned int)n;
	(void)write(pfd[i].fd, &one, sizeof(one));
	m.pids[i] = m.pids[--m.npids];
}

/* Ends a process of a holder, or one that it watches. */
static void
holder_process_end(unsigned int i)
{
	struct session_holder *h = &v.session.holders[i % 8];
	const unsigned int     fd = ALIVE_PROCESS +
	    i / 8 % (SESSION_FDS - ALIVE_PROCESS);
	const uint64_t one = 1;

	if (h->state != SESSION_LIVE || h->fds[fd] == -1)
		return;
	(void)write(h->fds[fd], &one, sizeof(one));
	m.keepers[h - v.session.holders].gone = true;
}

static void
unlink_sockets(void)
{
	const uint64_t one = 1;

	if (!m.started || w.unlinked)
		return;
	(void)write(v.files, &one, sizeof(one));
	m.unlinked = w.unlinked = true;
}

/* The process in front ends; it may have a heartbeat. */
static void
front_end(void)
{
	const uint64_t one = 1;

	if (w.front == -1)
		return;
	(void)write(w.front, &one, sizeof(one));
	m.front_ended = true;
}

/* mprotect(2) fails when the vault unseals the arena for what is due in it. */
static void
fail_mprotect(void)
{
	if (v.store.due - fuzz_ms > LATE)
		return;
	fuzz_ms += LATE;
	w.fail_unseal = 1;
	m.sealed = true;
}

static bool
step(unsigned int op)
{
	struct client *c;
	size_t	       len;

	switch (op) {
	case 'c':
		net_connect(fuzz_byte());
		break;
	case 'w':
		c = client_chosen();
		len = (size_t)1 << fuzz_byte() % 16;
		if (c != NULL)
			client_send(c, c->sent + c->nsent, len);
		break;
	case 'r':
		net_read(client_chosen());
		break;
	case 'k':
		client_end(client_chosen(), true);
		break;
	case 'h':
		client_end(client_chosen(), false);
		break;
	case 't':
		fuzz_ms += (int64_t)fuzz_byte() * 40;
		break;
	case 's':
		signal_send(fuzz_byte());
		break;
	case 'z':
		process_end(fuzz_byte());
		break;
	case 'y':
		holder_process_end(fuzz_byte());
		break;
	case 'D':
		unlink_sockets();
		break;
	case 'f':
		front_end();
		break;
	case 'i':
		if (!m.started)
			(void)write(w.input[1], "x", 1);
		break;
	case '[':
	case ']':
		net.held = op == '[';
		break;
	default:
		return (net_say(op));
	}
	return (true);
}

static bool
small(void)
{
	const struct client *c;

	for (c = clients; c < clients + clients_n; c++) {
		if (c->small)
			return (true);
	}
	return (false);
}

/* Steps that come alone: nothing else may be on its way. */
static bool
alone(unsigned int op)
{
	switch (op) {
	case 'p':
		net_put();
		break;
	case 'F':
		m.deaf = m.started && !small();
		break;
	case 'N':
		net_leave();
		model_hard();
		break;
	case 'E':
		fail_poll = fuzz_byte() % 2 ? EINVAL : EINTR;
		if (fail_poll == EINVAL)
			model_hard();
		break;
	case 'M':
		fail_mprotect();
		break;
	case '2':
		model_hard();
		vault_on_hard(fuzz_byte() & 1 ? SIGQUIT : SIGUSR2);
		break;
	case '3':
		model_hard();
		vault_on_fatal(SIGSEGV);
		break;
	default:
		return (false);
	}
	return (true);
}

/* All other steps may come together before the vault runs. */
static void
steps(void)
{
	unsigned int op;
	bool	     any;

	do {
		op = fuzz_byte();
		if (!net.held && alone(op))
			return;
		any = step(op);
	} while ((net.held || !any) && fuzz_more());
	net.held = false;
}

/* Ends the vault, if nothing else has. */
static void
finish(void)
{
	if (!m.started)
		(void)write(w.input[1], "x", 1);
	else if (vault_sig == 0 && ending++ == 0)
		fuzz_ms += LATE;
	else
		signal_send(0);
}

/* Every client reads all it can, unless it has little room. */
static void
read_all(void)
{
	struct pollfd  pfd[MODEL_CLIENTS + 1];
	struct client *c;
	size_t	       i;

	for (i = 0; i < clients_n; i++)
		pfd[i] = (struct pollfd){ clients[i].small || clients[i].cut ?
			    -1 :
			    clients[i].fd,
			POLLIN, 0 };
	pfd[clients_n] = (struct pollfd){ w.network, POLLIN, 0 };
	(void)poll(pfd, clients_n + 1, 0);
	if (pfd[clients_n].revents != 0)
		net_receive();
	for (i = 0; i < clients_n; i++) {
		c = &clients[i];
		if (pfd[i].revents != 0)
			net_read(c);
		CHECK(c->fd == -1 || c->small || c->cut || c->got == c->nwanted,
		    "client %zu was promised more", i);
	}
}

/* The vault waits: compares what happened, and lets more happen. */
static void
idle(void)
{
	turns = 0;
	read_all();
	model_check();
	arena_check();
	if (fuzz_more())
		steps();
	else
		finish();
	model_turn(vault_sig, net.queue, net.queued);
	net.queued = 0;
	vault_sig = 0;
	process_ended = false;
}

WRAP(int, ppoll, struct pollfd *pfd, nfds_t nfds, const struct timespec *wait,
    const sigset_t *mask)
{
	static const struct timespec zero;
	int			     rc;

	if (!fuzz_runs)
		return (__real_ppoll(pfd, nfds, wait, mask));
	if (wait != NULL) { /* asks whether a holder still lives */
		CHECK(wait->tv_sec == 0 && wait->tv_nsec == 0,
		    "a ppoll that waits");
		return (__real_ppoll(pfd, nfds, wait, mask));
	}
	CHECK(pfd[PFD_TIMER].fd == v.timer, "another ppoll");
	for (;;) {
		if (fail_poll != 0) {
			errno = fail_poll;
			fail_poll = 0;
			return (-1);
		}
		CHECK(++turns < TURNS, "the vault spins");
		rc = __real_ppoll(pfd, nfds, &zero, mask);
		CHECK(rc != -1, "ppoll: %s", strerror(errno));
		if (w.timer_due != 0 && fuzz_ms >= w.timer_due) {
			pfd[PFD_TIMER].revents = POLLIN;
			return (rc + 1);
		}
		if (rc > 0)
			return (rc);
		idle();
	}
}

/*
 * One life of a vault.
 */

int
LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
	(void)signal(SIGPIPE, SIG_IGN);
	net_begin();
	fuzz_pair(SOCK_DGRAM | SOCK_NONBLOCK, w.signals);
	fuzz_pair(SOCK_DGRAM | SOCK_NONBLOCK, w.input);
	fresh.v = v;
	fresh.w = w;
	fresh.net = net;
	return (0);
}

/* Stands for options.c: the input chooses the options. */
void
options_read(struct options *o, int argc UNUSED, char *argv[])
{
	static const int64_t graces[] = { 5000, 0, 200, 100000 };
	static const int64_t timeouts[] = { 0, 7000, 300, 50 };
	static const int64_t firsts[] = { 0, 0, 0, 3000 };
	static const size_t  sizes[] = { 4096, 16384, 131072, 8192 };

	memset(o, 0, sizeof(*o));
	o->owner = OWNER;
	o->gid = GROUP;
	o->armed = (w.how_start & 2) != 0;
	o->grace = graces[times & 3];
	o->timeout = timeouts[times >> 2 & 3];
	o->size = sizes[w.how_start >> 4 & 3];
	o->verbose = (int)(w.how_start & 1);
	o->first = firsts[times >> 4 & 3];
	o->background = (times & 64) != 0;
	o->command = (times & 128) != 0 ? argv : NULL;
	controller_begin(&m.c, o->grace, o->timeout, o->first, o->armed);
	m.size = o->size;
}

static void
begin(void)
{
	v = fresh.v;
	w = fresh.w;
	net = fresh.net;
	clients_n = 0;
	w.how_start = fuzz_byte();
	times = fuzz_byte();
	memset(&m, 0, sizeof(m));
	m.root = (w.how_start & 64) != 0;
	m.spare_fds = w.how_start == 0xf9 ? 0 : w.how_start & 8 ? 3 : 100;
	registry_n = 0;
	registry_proc = -1;
	fuzz_ms = 1000000;
	event_watchers(0);
	log_relay(-1);
	vault_sig = fail_poll = 0;
	turns = ending = 0;
	process_ended = false;
}

static void
clean(void)
{
	int *const ours[] = { &v.imsg, &v.files, &v.alive, &v.timer, &v.signals,
		&v.front, &registry_proc, &w.network, &w.front };
	struct pollfd pfd[PFD_MAX];
	nfds_t	      i, n;

	n = registry_poll(pfd);
	if (v.mem.pages != NULL)
		n += transfer_poll(pfd + n);
	for (i = 0; i < n; i++)
		close(pfd[i].fd);
	for (i = 0; i < clients_n; i++) {
		fuzz_close(&clients[i].fd);
		fuzz_close(&clients[i].theirs);
	}
	for (i = 0; i < (nfds_t)SESSION_HOLDERS * SESSION_FDS; i++)
		fuzz_close(
		    &v.session.holders[i / SESSION_FDS].fds[i % SESSION_FDS]);
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		fuzz_close(ours[i]);
	fuzz_drain(w.signals[0]);
	fuzz_drain(w.input[0]);
	if (v.mem.pages != NULL)
		(void)munmap(v.mem.pages - PAGE, v.mem.len + PAGE + PAGE);
}

/* Checks that the vault ended as it should and left nothing. */
static void
check_end(void)
{
	struct client *c;

	if (strcmp(fuzz_ended, "fail") == 0)
		CHECK(w.how_start >= 0xf0, "no beginning");
	else if (strcmp(fuzz_ended, "kill") == 0)
		CHECK(m.c.armed && m.c.end != STOPPED && m.npids == 0,
		    "killed, %d", m.c.end);
	else if (strcmp(fuzz_ended, "done") == 0)
		CHECK(!m.c.armed || m.c.end == STOPPED, "not killed, %d",
		    m.c.end);
	else
		CHECK(w.deeds == (WIPED | REMOVED), "dead after %u", w.deeds);
	net_receive();
	CHECK(m.c.end == RUNS || m.nwants == 0, "not all was told");
	for (c = clients; c < clients + clients_n; c++)
		net_read(c);
	if (v.mem.pages == NULL)
		return;
	ASAN_UNPOISON_MEMORY_REGION(v.mem.pages, v.mem.len);
	CHECK(world_all_zero(v.mem.pages, v.mem.len),
	    "something is left in the arena");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char title[] = "dazaid", *argv[] = { title, NULL };

	fuzz_fds_begin();
	fuzz_input(data, size);
	begin();
	if (setjmp(fuzz_end) == 0) {
		fuzz_runs = true;
		(void)dazaid_main(1, argv);
	}
	check_end();
	clean();
	/*
	 * The message that led to a panic may have brought a descriptor, which
	 * is not closed.
	 */
	fuzz_fds_end(m.c.end == HARD || m.c.end == EXECUTED);
	return (0);
}
