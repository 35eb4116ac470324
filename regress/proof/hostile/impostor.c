/* SPDX-License-Identifier: ISC */
/*
 * A network process that was taken over and plays the vault to clients, in the
 * place of dazaid/network.c; the rest of the daemon is as shipped.  It answers
 * every request as if all had gone well, offers a channel of its own, tries to
 * send in the vault's name, and logs every byte that a client then sends.
 * impostor_test.sh runs it.
 */
#include <sys/prctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "imsg.h"
#include "log.h"
#include "network.h"
#include "sandbox.h"

#define CLIENTS 32
#define FORGED	"forged-by-network"

static int listeners[2] = { -1, -1 };
static int clients[CLIENTS];
static int channel[2]; /* our own, made before the sandbox */

/* Our parent, whom we play, and who the sandbox makes us. */
static pid_t vault;
static uid_t uid;
static gid_t gid;

/* The false answers to each request. */
static const struct lie {
	const char *verb, *answer;
	bool offers; /* with a channel, and in the vault's name if the kernel
			allows it */
} lies[] = {
	{ "HELLO", "WELCOME\n", true },
	{ "HOLD", "HOLDING\n", true },
	{ "PUT", "GO\n", true },
	{ "GET", "DATA 17 cpu=0\n" FORGED, true },
	{ "PANIC", "OK\n", false },
	{ "LIST",
	    "$(touch evil) 1 - -\n`touch evil` 1 - -\n\033[31mred 1 - -\nOK\n",
	    false },
	{ "STATUS", "STATUS alive=1 \033[31m armed=$(touch evil)\n", false },
	{ "PING", "PONG\n", false },
	{ "CANCEL", "CANCELLED\n", false },
	{ "", "OK\n", false },
};

/*
 * Sends text on fd with our channel; pid: in the name of that process, unless
 * 0.
 */
static int
offer(int fd, const char *text, pid_t pid)
{
	union {
		struct cmsghdr align;
		char	       space[CMSG_SPACE(sizeof(int)) +
		      CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct ucred	who = { pid, uid, gid };
	struct iovec	iov;
	struct msghdr	msg;
	struct cmsghdr *cmsg;

	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	memcpy(&iov.iov_base, &text, sizeof(text));
	iov.iov_len = strlen(text);
	msg.msg_iov = &iov;
	msg.msg_iovlen = 1;
	msg.msg_control = &control;
	msg.msg_controllen = CMSG_SPACE(sizeof(int));
	cmsg = CMSG_FIRSTHDR(&msg);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &channel[1], sizeof(int));
	if (pid != 0) {
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_NXTHDR(&msg, cmsg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_CREDENTIALS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(who));
		memcpy(CMSG_DATA(cmsg), &who, sizeof(who));
	}
	return (sendmsg(fd, &msg, MSG_NOSIGNAL) == -1 ? -1 : 0);
}

static void
lie_to(int fd, const char *request)
{
	const struct lie *l = lies;

	while (strncmp(request, l->verb, strlen(l->verb)) != 0)
		l++;
	log_info("impostor: asked to %s", l->verb);
	if (!l->offers) {
		(void)send(fd, l->answer, strlen(l->answer), MSG_NOSIGNAL);
	} else if (offer(fd, l->answer, vault) == 0) {
		log_info("impostor: taken for the vault by the kernel");
	} else {
		(void)offer(fd, l->answer, 0);
	}
}

/* A client sends a request first, and a secret if it trusts us. */
static void
client_ready(int *fd)
{
	char	buf[4096];
	ssize_t n = recv(*fd, buf, sizeof(buf) - 1, MSG_DONTWAIT);

	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return;
	}
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	log_info("impostor: got %s", buf);
	lie_to(*fd, buf);
}

static void
channel_ready(void)
{
	char	buf[4096];
	ssize_t n = recv(channel[0], buf, sizeof(buf) - 1, MSG_DONTWAIT);

	if (n <= 0)
		return;
	buf[n] = '\0';
	log_info("impostor: got %s over its channel", buf);
}

static void
newcomer(int listener)
{
	int i, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	for (i = 0; i < CLIENTS; i++) {
		if (clients[i] == -1) {
			clients[i] = fd;
			return;
		}
	}
	close(fd);
}

static void
vault_ready(void)
{
	struct imsg im;

	switch (imsg_recv(CHILD_FD, IMSG_FROM_VAULT,
	    IMSG_AT_START | IMSG_UNGUARDED, &im)) {
	case IMSG_OK:
		if (im.type == IMSG_LISTENER)
			listeners[im.u.number.n != 0] = im.fd;
		if (im.type == IMSG_LOG)
			log_write(&im.u.log);
		break;
	case IMSG_NONE:
		break;
	default:
		_exit(0);
	}
}

static void
turn(void)
{
	struct pollfd pfd[4 + CLIENTS] = { { CHILD_FD, POLLIN, 0 },
		{ listeners[0], POLLIN, 0 }, { listeners[1], POLLIN, 0 },
		{ channel[0], POLLIN, 0 } };
	int	      i;

	for (i = 0; i < CLIENTS; i++)
		pfd[4 + i] = (struct pollfd){ clients[i], POLLIN, 0 };
	if (ppoll(pfd, 4 + CLIENTS, NULL, NULL) == -1)
		return;
	if (pfd[0].revents != 0)
		vault_ready();
	for (i = 1; i <= 2; i++) {
		if (pfd[i].revents != 0)
			newcomer(listeners[i - 1]);
	}
	if (pfd[3].revents != 0)
		channel_ready();
	for (i = 0; i < CLIENTS; i++) {
		if (pfd[4 + i].revents != 0)
			client_ready(&clients[i]);
	}
}

noreturn void
network_main(void)
{
	struct imsg   im = { .type = IMSG_READY };
	struct pollfd pfd = { .fd = CHILD_FD, .events = POLLIN };
	int	      i;

	(void)prctl(PR_SET_NAME, "dazaid", 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < CLIENTS; i++)
		clients[i] = -1;
	(void)poll(&pfd, 1, -1);
	if (imsg_recv(CHILD_FD, IMSG_FROM_VAULT, IMSG_AT_START, &im) !=
		IMSG_OK ||
	    im.type != IMSG_CONFIG ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) == -1)
		_exit(1);
	vault = getppid();
	uid = im.u.config.become_uid != 0 ? im.u.config.become_uid : getuid();
	gid = im.u.config.become_uid != 0 ? im.u.config.become_gid : getgid();
	log_open(true, 1);
	log_role("network");
	if (sandbox_limits() == -1 ||
	    sandbox_network(im.u.config.become_uid, im.u.config.become_gid) !=
		NULL)
		_exit(1);
	im = (struct imsg){ .type = IMSG_READY, .fd = -1 };
	(void)imsg_send(CHILD_FD, &im, 0);
	for (;;)
		turn();
}
