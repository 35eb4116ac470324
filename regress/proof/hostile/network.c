/* SPDX-License-Identifier: ISC */
/*
 * A network process that was taken over, in the place of dazaid/network.c; the
 * rest of the daemon is as shipped.  It obeys the driver on its standard
 * output, and passes on whatever it receives, so that the driver sees every
 * byte that the vault has let out.
 */
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "imsg.h"
#include "log.h"
#include "network.h"
#include "packet.h"
#include "sandbox.h"

static struct packet packet; /* received, to be passed on */
static int	     listeners[2] = { -1, -1 };
static uid_t	     become;
static int	     deaf; /* reads nothing more from the vault */
static int	     confined;

static void
tell(enum news what, uint32_t arg)
{
	packet.head = (struct order_head){ what, arg, packet_now() };
	if (packet_send(ORDER_FD, &packet, 1, 0) == -1)
		_exit(0);
}

/*
 * Reports that an order was carried out, or its errno; sends fd, unless it is
 * -1, and closes it.
 */
static void
done(int error, int fd)
{
	packet.len = 0;
	packet.nfds = fd == -1 ? 0 : 1;
	packet.fds[0] = fd;
	tell(NEWS_DONE, (uint32_t)error);
	packet_close(&packet);
}

/* Writes a line of the vault's log, which the driver reads. */
static void
log_line(void)
{
	struct imsg_log l;

	if (packet.len != 3 * sizeof(uint32_t) + sizeof(l))
		return;
	memcpy(&l, packet.bytes + 3 * sizeof(uint32_t), sizeof(l));
	log_write(&l);
}

/* Passes on a message of the vault with its descriptor; keeps the listeners. */
static void
vault_said(void)
{
	const int rc = packet_recv(CHILD_FD, &packet, 0, MSG_DONTWAIT);
	uint32_t  type = 0, which = 0;

	if (rc == -1 && errno == EAGAIN)
		return;
	/*
	 * The vault says no more, and waits for us to end.  Once we are
	 * confined, its end is ours (PR_SET_PDEATHSIG).
	 */
	if (rc <= 0 && !confined)
		_exit(0);
	if (rc <= 0) {
		deaf = 1;
		return;
	}
	tell(NEWS_VAULT, 0);
	memcpy(&type, packet.bytes, sizeof(type));
	memcpy(&which, packet.bytes + 3 * sizeof(type), sizeof(which));
	if (type == IMSG_LOG)
		log_line();
	if (type == IMSG_LISTENER && packet.nfds == 1)
		listeners[which != 0] = dup(packet.fds[0]);
	packet_close(&packet);
}

static void
confine(void)
{
	const int rc = sandbox_limits() == -1 ||
	    sandbox_network(become, become) != NULL;

	confined = rc == 0;
	done(rc ? errno : 0, -1);
}

/* Reports the time first, because there may be no time after. */
static void
attack(uint32_t times)
{
	struct order_head head = { NEWS_NOW, 0, packet_now() };

	if (send(ORDER_FD, &head, sizeof(head), MSG_NOSIGNAL) == -1)
		_exit(0);
	while (times-- > 0 && packet_send(CHILD_FD, &packet, 0, 0) != -1)
		;
	packet_close(&packet);
}

/* Works only outside the sandbox. */
static void
connect_to_itself(int listener)
{
	struct sockaddr_un sun;
	socklen_t	   len = sizeof(sun);
	int		   fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (getsockname(listener, (struct sockaddr *)&sun, &len) == -1 ||
	    connect(fd, (struct sockaddr *)&sun, len) == -1)
		done(errno, -1);
	else
		done(0, fd);
}

static void
obey(void)
{
	const uint32_t arg = packet.head.arg;
	int	       fd;

	switch (packet.head.what) {
	case ORDER_CONFINE:
		confine();
		break;
	case ORDER_SEND:
		attack(1);
		break;
	case ORDER_FLOOD:
		attack(arg);
		break;
	case ORDER_ACCEPT:
		fd = accept4(listeners[arg], NULL, NULL, SOCK_CLOEXEC);
		done(fd == -1 ? errno : 0, fd);
		break;
	case ORDER_CONNECT:
		connect_to_itself(listeners[arg]);
		break;
	case ORDER_DEAF:
		deaf = 1;
		done(0, -1);
		break;
	case ORDER_SHUTDOWN:
		tell(NEWS_NOW, 0);
		(void)shutdown(CHILD_FD, (int)arg);
		break;
	case ORDER_EXIT:
		tell(NEWS_NOW, 0);
		_exit((int)arg);
	}
}

/* The vault's first message tells who we are to become. */
static void
configure(void)
{
	struct pollfd pfd = { .fd = CHILD_FD, .events = POLLIN };
	struct imsg   im;

	if (poll(&pfd, 1, -1) != 1 ||
	    imsg_recv(CHILD_FD, IMSG_FROM_VAULT, IMSG_AT_START, &im) !=
		IMSG_OK ||
	    im.type != IMSG_CONFIG)
		_exit(1);
	become = im.u.config.become_uid;
}

noreturn void
network_main(void)
{
	struct pollfd pfd[2] = { { .fd = ORDER_FD, .events = POLLIN },
		{ .events = POLLIN } };
	int	      own[2];

	(void)prctl(PR_SET_NAME, "dazaid", 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	configure();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, own) == -1)
		_exit(1);
	packet.nfds = 3;
	packet.fds[0] = CHILD_FD;
	packet.fds[1] = own[0];
	packet.fds[2] = own[1];
	tell(NEWS_HERE, (uint32_t)getpid());
	for (;;) {
		pfd[1].fd = deaf ? -1 : CHILD_FD;
		if (ppoll(pfd, 2, NULL, NULL) == -1)
			continue;
		if (pfd[1].revents != 0)
			vault_said();
		if (pfd[0].revents == 0)
			continue;
		if (packet_recv(ORDER_FD, &packet, 1, 0) <= 0)
			_exit(0);
		obey();
	}
}
