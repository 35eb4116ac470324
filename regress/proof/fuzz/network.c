/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "network": any bytes in any pieces from many clients of one
 * of the two sockets, and a vault that answers what it likes, or nothing, when
 * it likes.  Here are the steps of a life of network, and the rules.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "net.h"
#include "network.h"

/* NOLINTBEGIN(bugprone-suspicious-include): what is static there is used */
#include "../../../dazaid/conn.c"
#include "../../../dazaid/control.c"
#include "../../../dazaid/heart.c"
#include "../../../dazaid/network.c"
/* NOLINTEND(bugprone-suspicious-include) */

#define CONNS (HEART_CONNS + CONTROL_CONNS)
#define TURNS 100000 /* before network must wait again */
/*
 * When network gives up the slot of a client that reads slowly is not known, so
 * no slot may be missed then.
 */
#define LAZY_CLIENTS 30

bool	     net_may_end;
unsigned int net_state;

enum net_socket	   net_socket;
struct sockaddr_un net_address[2];

static int	    listeners[2];
static bool	    lazy; /* there is a client that reads slowly */
static unsigned int turns;
static unsigned int ending; /* steps after the end of the input */
static int	    fail_poll;
static bool	    partly; /* network polls only some of its clients */
static int64_t	    woken;  /* when network last looked at the clock */

/* A slot of network, of either socket. */
static struct conn *
conn_at(size_t i)
{
	return (i < HEART_CONNS ? &heart_conns[i] :
				  &control_conns[i - HEART_CONNS]);
}

/*
 * Clients.
 */

/* Whether network has not closed c's connection to the control socket yet. */
bool
net_is_open(const struct client *c)
{
	const struct conn *conn;

	for (conn = control_conns; conn < control_conns + CONTROL_CONNS;
	     conn++) {
		if (conn->fd != -1 && conn->peerid == c->peerid)
			return (true);
	}
	return (false);
}

/*
 * A client that is to act.  While network polls only some of them, the order in
 * which it sees things is not known: then only the heartbeat may act.
 */
static struct client *
actor(void)
{
	struct client *c = client_chosen();

	return (
	    c != NULL && (partly || network_paused != 0) && oracle_is_timed(c) ?
		NULL :
		c);
}

/* The rules, checked when network has nothing to do. */

static void
check_client(struct client *c)
{
	static struct line l;

	if (!c->accepted) {
		CHECK(network_paused != 0 || partly || !oracle_admits(),
		    "client %td is kept waiting", c - clients);
		return;
	}
	if (partly || c->sluggish || c->fd == -1 || c->loose)
		return;
	CHECK(!c->listing, "a list does not go on");
	/* While the vault is asked, unsent answers and events wait as well. */
	CHECK(c->got == c->nwanted || ((c->small || c->watching) && c->asked),
	    "client %td does not read \"%.*s\"", c - clients,
	    (int)(c->nwanted - c->got), c->wanted + c->got);
	if (!c->eof && (c->closing || c->cut))
		client_await_end(c);
	CHECK(c->eof == (c->closing || c->cut), "client %td is %s", c - clients,
	    c->eof ? "closed" : "not closed");
	CHECK(c->closing || c->asked || !net_line(c, &l),
	    "\"%s\" of client %td is not seen to", l.text, c - clients);
}

/*
 * Whose time is up.  Network reads once what had arrived when it woke, and then
 * looks at the clock.  It does not wake for clients that it does not poll.
 */
static void
check_due(struct client *c)
{
	const int64_t now = partly ? woken : fuzz_ms;

	if (c->peerid == 0 || now < c->due || (c->asked && !c->listing) ||
	    !oracle_is_timed(c))
		return;
	if (c->lazy)
		c->loose = true;
	else if (!c->closing && (c->seen == c->nsent || !oracle_late(c)))
		c->closing = true;
}

/* Reads what the vault and the clients can read; false if there was nothing. */
static bool
take_all(void)
{
	static struct pollfd pfd[CLIENTS + 1];
	struct client	    *c;
	bool		     any = false;
	size_t		     i;

	for (i = 0; i < clients_n; i++) {
		c = &clients[i];
		pfd[i] = (struct pollfd){ c->eof || c->sluggish ? -1 : c->fd,
			POLLIN, 0 };
	}
	pfd[clients_n] = (struct pollfd){ nw.vault, POLLIN, 0 };
	(void)poll(pfd, clients_n + 1, 0);
	if (pfd[clients_n].revents != 0)
		any = net_vault_read();
	for (i = 0; i < clients_n; i++) {
		c = &clients[i];
		check_due(c);
		if (!partly || !oracle_is_timed(c))
			net_walk(c);
		if (pfd[i].revents != 0 && client_read(c))
			any = true;
	}
	return (any);
}

/* Returns false if what was just read may have more to come. */
static bool
check_all(void)
{
	struct client *c;

	if (take_all() || oracle_idle())
		return (false);
	for (c = clients; c < clients + clients_n; c++) {
		check_client(c);
		c->seen = c->nsent;
	}
	CHECK(nw.last_signal == 0 || partly, "a signal is not passed on");
	return (true);
}

/* Steps of the input. */

/*
 * Time passes before the next step, and network does not see it in between.
 * Not while clients of the control socket wait to be accepted: how many lines
 * of others network reads first, one of which may make room, is not known.
 */
static void
time_with_next(unsigned int time)
{
	if (network_paused == 0 || net_socket != NET_CONTROL)
		fuzz_ms += (int64_t)time * 64;
}

/* One step; false if the byte means none. */
static bool
step(void)
{
	const unsigned int op = fuzz_byte();
	struct client	  *c;
	struct bytes	   b;
	uint8_t		   byte;

	switch (op) {
	case 'c':
		net_client_connect(fuzz_byte(), lazy ? LAZY_CLIENTS : CLIENTS);
		break;
	case 's':
		c = actor();
		b = fuzz_text();
		client_send(c, b.at, b.len);
		break;
	case 'f':
		c = actor();
		byte = (uint8_t)fuzz_byte();
		net_client_repeat(c, (struct bytes){ &byte, 1 },
		    33 * fuzz_byte());
		break;
	case 'm':
		c = actor();
		b = fuzz_text();
		net_client_repeat(c, b, fuzz_byte());
		break;
	case 'x':
		client_end(actor(), true);
		break;
	case 'w':
		client_end(actor(), false);
		break;
	case 'z':
		if ((c = client_chosen()) != NULL &&
		    clients_n <= LAZY_CLIENTS && oracle_may_be_sluggish(c))
			c->sluggish = c->lazy = lazy = true;
		break;
	case 'r':
		(void)client_read(client_chosen());
		break;
	case 't':
		fuzz_ms += (int64_t)fuzz_byte() * 64;
		break;
	case 'T':
		time_with_next(fuzz_byte());
		return (false);
	case 'E':
		nw.fail_accept = fuzz_byte() % 4;
		break;
	case 'I':
		fail_poll = fuzz_byte() % 2 ? EINVAL : EINTR;
		break;
	case 'R':
		nw.fail_refs = 1;
		break;
	case 'S':
		net_signal(fuzz_byte());
		break;
	case 'G':
		net_vault_garbage(fuzz_text());
		break;
	case 'L':
		net_vault_log(fuzz_text());
		break;
	case 'V':
		net_vault_close();
		break;
	default:
		return (oracle_step(op));
	}
	return (true);
}

/*
 * The end: every client reads all, is answered and leaves; nothing may be left.
 */
static void
finish(void)
{
	struct client *c;
	size_t	       i;

	nw.fail_accept = nw.fail_refs = 0;
	fail_poll = 0;
	if (ending % 2 == 1 && !oracle_finish())
		return;
	for (c = clients; c < clients + clients_n; c++) {
		c->sluggish = false;
		if (ending == 2)
			client_end(c, true);
	}
	if (ending == 0)
		fuzz_ms += 1000; /* network accepts again */
	if (ending == 4)
		fuzz_ms += NET_MS;
	if (ending++ <= 4)
		return;
	for (i = 0; i < CONNS; i++)
		CHECK(conn_at(i)->fd == -1, "a connection is left");
	net_vault_close();
}

WRAP(int, ppoll, struct pollfd *pfd, nfds_t nfds, const struct timespec *wait,
    const sigset_t *mask)
{
	static const struct timespec zero, late = FUZZ_LATE;
	int64_t			     due = INT64_MAX;
	int			     rc;

	if (!fuzz_runs)
		return (__real_ppoll(pfd, nfds, wait, mask));
	if (wait != NULL)
		due = fuzz_ms + wait->tv_sec * 1000 + wait->tv_nsec / 1000000;
	for (;;) {
		if (fail_poll != 0 && nfds > PFD_LEAST) {
			errno = fail_poll;
			fail_poll = 0;
			return (-1);
		}
		CHECK(++turns < TURNS, "network spins");
		rc = __real_ppoll(pfd, nfds, net_may_end ? &late : &zero, mask);
		CHECK(rc != -1, "ppoll: %s", strerror(errno));
		if (rc > 0 || fuzz_ms >= due) {
			woken = fuzz_ms;
			return (rc);
		}
		CHECK(!net_may_end, "network lives on");
		partly = nfds <= PFD_LEAST;
		if (!check_all())
			continue;
		turns = 0;
		if (!fuzz_more())
			finish();
		while (fuzz_more() && !step())
			;
	}
}

/*
 * One life of a network process.
 */

int
LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
	socklen_t len;
	int	  i, fd;

	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < 2; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    0);
		/* Without a name the kernel chooses one that is not a file. */
		net_address[i].sun_family = AF_UNIX;
		len = sizeof(net_address[i]);
		CHECK(bind(fd, (const struct sockaddr *)&net_address[i],
			  sizeof(sa_family_t)) == 0 &&
			listen(fd, 128) == 0 &&
			getsockname(fd, (struct sockaddr *)&net_address[i],
			    &len) == 0 &&
			len == NET_ADDRESS,
		    "listen: %s", strerror(errno));
		listeners[i] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		close(fd);
	}
	fuzz_pair(SOCK_DGRAM | SOCK_NONBLOCK, nw.signals);
	for (i = 0; i < 2; i++)
		nw.signals[i] = fcntl(nw.signals[i], F_DUPFD_CLOEXEC, 20);
	(void)dup2(nw.signals[0],
	    CHILD_FD); /* so that nobody else gets this number */
	return (0);
}

/* Starts network, mostly as it should be started. */
static void
begin(void)
{
	const unsigned int how = fuzz_byte();
	struct imsg	   im = { .type = IMSG_CONFIG };
	uint32_t	   i;
	int		   sp[2];

	fuzz_pair(SOCK_SEQPACKET | SOCK_CLOEXEC, sp);
	nw.vault = sp[0];
	(void)dup2(sp[1], CHILD_FD);
	close(sp[1]);
	net_socket = how & 4 ? NET_HEARTBEAT : NET_CONTROL;
	nw.fail_limits = how == 0xf0;
	nw.fail_sandbox = how == 0xf1;
	nw.fail_signals = how == 0xf2;
	net_may_end = how >= 0xf0;
	im.u.config.owner = OWNER;
	im.u.config.verbose = how & 1;
	im.u.config.background = how >> 1 & 1;
	if (how >= 0xf3)
		im.type = IMSG_BYE;
	net_send(&im);
	im.type = IMSG_LISTENER;
	for (i = 0; i < 2 && !net_may_end; i++) {
		im.fd = listeners[i];
		im.u.number.n = i;
		net_send(&im);
	}
	net_state = IMSG_AT_START;
}

static void
clean(void)
{
	size_t i;
	int    fd;

	for (i = 0; i < clients_n; i++) {
		fuzz_close(&clients[i].fd);
		fuzz_close(&clients[i].passed);
	}
	while ((fd = accept4(listeners[net_socket], NULL, NULL, 0)) != -1)
		close(fd);
	for (i = 0; i < CONNS; i++)
		fuzz_close(&conn_at(i)->fd);
	for (i = 0; i < 2; i++)
		fuzz_close(&network_listeners[i]);
	fuzz_close(&network_signals);
	fuzz_close(&network_spare);
	fuzz_close(&network_stderr);
	fuzz_close(&nw.vault);
	(void)dup2(nw.signals[0], CHILD_FD);
	fuzz_drain(nw.signals[0]);
	heart_current = NULL;
	heart_welcomed = false;
	conn_last_peerid = 0;
	network_paused = 0;
	network_refused = 0;
	network_refused_due = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t i;

	fuzz_fds_begin();
	fuzz_input(data, size);
	fuzz_ms = woken = 1000000;
	clients_n = nw.accepted = 0;
	nw.last_peer = 0;
	nw.last_signal = 0;
	turns = ending = 0;
	nw.fail_accept = nw.fail_refs = 0;
	fail_poll = 0;
	nw.ready = partly = lazy = false;
	for (i = 0; i < CONNS; i++)
		conn_at(i)->fd = -1;
	network_signals = network_spare = -1;
	oracle_begin();
	begin();
	if (setjmp(fuzz_end) == 0) {
		fuzz_runs = true;
		network_main();
	}
	/* What network sent last has arrived and is right. */
	for (i = 0; i < clients_n; i++) {
		clients[i].closing = true;
		(void)client_read(&clients[i]);
	}
	clean();
	fuzz_fds_end(false);
	return (0);
}
