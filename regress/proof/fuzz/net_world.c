/* SPDX-License-Identifier: ISC */
/* What network calls, and the vault at the other end of its socket. */
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "daemon.h"
#include "net.h"
#include "sandbox.h"

struct net_world nw = { .vault = -1 };

/* What network calls. */

STUB(int, sandbox_limits, (void), nw.fail_limits ? -1 : 0)

const char *
sandbox_network(uid_t uid UNUSED, gid_t gid UNUSED)
{
	return (nw.fail_sandbox ? "sandbox" : NULL);
}

STUB(int, daemon_detach, (int background UNUSED), 0)

WRAP(void, log_syslog, int first)
{
	CHECK(!first, "network finds no syslogd");
}

WRAP(int, signals_collect, const int *sigs UNUSED, size_t count)
{
	CHECK(count == 6, "%zu signals", count);
	return (
	    nw.fail_signals ? -1 : fcntl(nw.signals[0], F_DUPFD_CLOEXEC, 4));
}

WRAP(noreturn void, _exit, int status)
{
	if (!fuzz_runs)
		__real__exit(status);
	CHECK(net_may_end, "network ends by itself, %d", status);
	fuzz_leave("exit");
}

WRAP(noreturn void, errx, int status, const char *fmt UNUSED, ...)
{
	CHECK(fuzz_runs && net_may_end, "network ends by itself, %d", status);
	fuzz_leave("exit");
}

/* The client whose descriptor goes with msg. */
static struct client *
passed_with(const struct msghdr *msg)
{
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	int		      fd;

	CHECK(cmsg != NULL, "no descriptor");
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return (client_at(fd));
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *msg, int flags)
{
	if (fuzz_runs && fd == CHILD_FD && msg->msg_control != NULL &&
	    nw.fail_refs > 0) {
		nw.fail_refs--;
		passed_with(msg)->refused = true;
		errno = ETOOMANYREFS;
		return (-1);
	}
	return (__real_sendmsg(fd, msg, flags));
}

WRAP(int, getsockopt, int fd, int level, int name, void *value, socklen_t *len)
{
	struct ucred *cred = value;
	const int     rc = __real_getsockopt(fd, level, name, value, len);

	if (fuzz_runs && name == SO_PEERCRED && nw.accepted > 0)
		cred->uid = clients[nw.accepted - 1].uid;
	return (rc);
}

static void
took(struct client *c, int fd, bool turned_away)
{
	const int   least = 1;
	struct stat st;

	(void)fstat(fd, &st);
	c->ino = st.st_ino;
	c->accepted = true;
	if (c->small)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least,
		    sizeof(least));
	/*
	 * The messages so far are the reason why network takes c or refuses it.
	 */
	if (nw.vault != -1)
		(void)net_vault_read();
	if (turned_away || c->uid == STRANGER || !oracle_takes(c)) {
		c->closing = true;
		return;
	}
	c->peerid = ++nw.last_peer;
	c->due = fuzz_ms + NET_MS;
}

WRAP(int, accept4, int listener, struct sockaddr *sa, socklen_t *len, int flags)
{
	int fd;

	if (!fuzz_runs)
		return (__real_accept4(listener, sa, len, flags));
	if (nw.fail_accept > 0) {
		nw.fail_accept--;
		errno = EMFILE;
		return (-1);
	}
	if ((fd = __real_accept4(listener, sa, len, flags)) != -1)
		took(&clients[nw.accepted++], fd, (flags & SOCK_NONBLOCK) == 0);
	return (fd);
}

/*
 * The vault.
 */

void
net_send(struct imsg *im)
{
	CHECK(imsg_send(nw.vault, im, MSG_DONTWAIT) == 0, "imsg_send: %s",
	    strerror(errno));
}

static struct client *
client_of(uint32_t peerid)
{
	struct client *c;

	for (c = clients; c < clients + clients_n; c++) {
		if (c->peerid == peerid)
			return (c);
	}
	BROKEN("nobody is %u", peerid);
}

static void
vault_message(const struct imsg *im)
{
	struct client *c;

	switch (im->type) {
	case IMSG_READY:
		CHECK(!nw.ready, "ready twice");
		nw.ready = true;
		net_state = IMSG_UNGUARDED;
		return;
	case IMSG_SIGNAL:
		CHECK((int)im->u.number.n == nw.last_signal, "another signal");
		nw.last_signal = 0;
		return;
	}
	c = im->peerid != 0 ? client_of(im->peerid) : NULL;
	if (c != NULL) {
		net_walk(c);
		CHECK(!c->asked || c->listing, "asked twice");
	}
	oracle_message(c, im);
}

bool
net_vault_read(void)
{
	enum imsg_result rc;
	struct imsg	 im;
	bool		 any = false;

	while ((rc = imsg_recv(nw.vault, IMSG_FROM_NETWORK, net_state, &im)) ==
	    IMSG_OK) {
		any = true;
		vault_message(&im);
		if (im.fd != -1)
			close(im.fd);
	}
	CHECK(rc == IMSG_NONE, "network breaks the rules with %s",
	    imsg_type_name(im.type));
	return (any);
}

/* Sends bytes that are no message: network must end. */
void
net_vault_garbage(struct bytes b)
{
	uint8_t packet[512] = { 0 };

	if (b.len > sizeof(packet))
		b.len = sizeof(packet);
	memcpy(packet, b.at, b.len);
	packet[1] |= 0x80; /* a type that does not exist */
	(void)send(nw.vault, packet, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	net_may_end = true;
}

void
net_vault_close(void)
{
	close(nw.vault);
	nw.vault = -1;
	net_may_end = true;
}

/* A line of the vault's log, which need not end with a NUL. */
void
net_vault_log(struct bytes b)
{
	struct imsg im = { .type = IMSG_LOG, .u.log.priority = 6 };
	size_t	    i;

	for (i = 0; i < b.len && i < IMSG_LOG_BYTES; i++)
		im.u.log.text[i] = (char)(b.at[i] != '\n' ? b.at[i] : ' ');
	net_send(&im);
}

void
net_signal(unsigned int sig)
{
	const struct signalfd_siginfo si = { .ssi_signo = sig % 64 + 1,
		.ssi_uid = sig & 0x80 ? STRANGER :
		    sig & 0x40	      ? OWNER :
					0 };

	if (nw.last_signal == 0 &&
	    write(nw.signals[1], &si, sizeof(si)) == (ssize_t)sizeof(si) &&
	    si.ssi_uid != STRANGER)
		nw.last_signal = (int)si.ssi_signo;
}
