/* SPDX-License-Identifier: ISC */
/*
 * Network and its clients, in the fuzz target "vault": any messages in any
 * order, and clients that send, read and leave.
 */
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <errno.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vault_world.h"

#define NAMES	5
#define TETHERS 18 /* more than there may be */

struct net net = { .peers = 100 };

static uint8_t values[1 << 18]; /* what clients send */

void
net_begin(void)
{
	size_t i;

	fuzz_noise(values, sizeof(values));
	for (i = 0; i < sizeof(values); i++)
		values[i] = values[i] == CLIENT_ANY[0] ? 0 : values[i];
}

void
net_connect(unsigned int how)
{
	static const int32_t  pids[] = { 0, 0, 0, 0, 0, 0, SELF, NETWORK };
	static const uint32_t uids[] = { OWNER, OWNER, OWNER, OWNER, 0,
		STRANGER, OWNER, OWNER };
	const int	      least = 1;
	const unsigned int    who = how >> 1 & 7;
	const size_t	      i = clients_n;
	struct client	     *c;
	struct stat	      st;
	int		      sp[2];

	if (i == MODEL_CLIENTS)
		return;
	fuzz_pair(SOCK_STREAM | SOCK_CLOEXEC, sp);
	(void)fstat(sp[1], &st);
	c = client_new(sp[0]);
	c->theirs = sp[1];
	c->ino = st.st_ino;
	c->heartbeat = (how & 1) != 0;
	c->uid = uids[who];
	c->pid = pids[who] != 0 ? pids[who] : FRONT + 8 * (int32_t)i;
	c->accepted = (how & 16) == 0;
	c->small = (how & 32) != 0;
	c->closing = true; /* at any time */
	/* Another part of the same for each client. */
	c->sent = values + i * 97;
	if (c->small)
		(void)setsockopt(sp[1], SOL_SOCKET, SO_SNDBUF, &least,
		    sizeof(least));
}

void
net_read(struct client *c)
{
	if (client_read(c))
		model_client_read(c);
}

/*
 * Network.
 */

/*
 * The model cannot tell apart two transfers on one connection, or a slow one
 * among others; and there is a limit to what a client may be told.
 */
static bool
tangled(const struct message *msg)
{
	size_t i;

	for (i = 0; i < net.queued; i++) {
		if (net.queue[i].c == msg->c)
			return (true);
	}
	if ((msg->im.type == IMSG_PUT || msg->im.type == IMSG_GET) &&
	    model_keeps(msg->c))
		return (true);
	return (msg->c->nwanted > MODEL_BYTES / 2 || model_busy(msg->c) ||
	    (net.held && msg->c->small) ||
	    (net.held && msg->im.type == IMSG_PUT));
}

/* Returns whether the kernel has no room for a byte to c. */
static bool
is_mute(const struct client *c)
{
	int	  queue_len, room;
	socklen_t len = sizeof(room);

	CHECK(ioctl(c->theirs, SIOCOUTQ, &queue_len) != -1 &&
		getsockopt(c->theirs, SOL_SOCKET, SO_SNDBUF, &room, &len) != -1,
	    "a socket of no room");
	return (queue_len >= room);
}

/* Sends msg as it is, right or wrong. */
static void
message_send(struct message *msg)
{
	union {
		struct cmsghdr align;
		char	       space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct {
		uint32_t type, len, peerid;
	} hdr;
	struct iovec	iov[2];
	struct msghdr	mh;
	struct cmsghdr *cmsg;
	int		fds[2];

	if (net.queued == HOLD || w.network == -1)
		return;
	if (msg->c == NULL)
		msg->fds = 0;
	if (msg->fds > 0 && tangled(msg))
		return;
	msg->mute = msg->c != NULL && is_mute(msg->c);
	memset(&mh, 0, sizeof(mh));
	hdr.type = msg->im.type;
	hdr.len = (uint32_t)(sizeof(hdr) + msg->len + msg->says);
	hdr.peerid = msg->im.peerid;
	iov[0] = (struct iovec){ &hdr, sizeof(hdr) };
	iov[1] = (struct iovec){ &msg->im.u, msg->len };
	mh.msg_iov = iov;
	mh.msg_iovlen = 2;
	if (msg->cut) {
		iov[0].iov_len = msg->len % sizeof(hdr);
		mh.msg_iovlen = 1;
	}
	if (msg->fds > 0) {
		fds[0] = fds[1] = msg->c->theirs;
		memset(&control, 0, sizeof(control));
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(msg->fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(msg->fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, msg->fds * sizeof(int));
	}
	CHECK(sendmsg(w.network, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) != -1,
	    "sendmsg: %s", strerror(errno));
	net.queue[net.queued++] = *msg;
}

static void
name(char *to)
{
	const unsigned int i = fuzz_byte();

	memset(to, 0, NAME_BYTES);
	if (i < 0xe8)
		(void)snprintf(to, NAME_BYTES, "n%u", i % NAMES);
	else if (i < 0xf0)
		memcpy(to, "*", 2);
	else
		memset(to, "'-n\" \x80n\\"[i & 7],
		    i & 8 ? NAME_BYTES : NAME_BYTES - 1);
}

static void
tether(char *to)
{
	const unsigned int i = fuzz_byte();

	if (i < 0xf0)
		(void)snprintf(to, NAME_TETHER_BYTES, "t%u", i % TETHERS);
	else if (i < 0xf8)
		memcpy(to, "heartbeat", 10);
	else
		memset(to, "aA-9_"[i & 3],
		    i & 4 ? NAME_TETHER_BYTES : NAME_TETHER_BYTES - 1);
}

void
net_put(void)
{
	static const uint64_t sizes[] = { 0, UINT64_MAX, INT64_MAX,
		INT64_MAX - 1, 65536, 1 << 20 };
	static const int64_t ttls[] = { -1, INT64_MAX, INT64_MIN, 1000000000000,
		1000000000001 };
	struct message	     msg = { .im = { .type = IMSG_PUT,
					 .peerid = ++net.peers },
		      .len = sizeof(struct imsg_put),
		      .fds = 1,
		      .c = client_chosen() };
	struct imsg_put	    *put = &msg.im.u.put;
	unsigned int	     size, ttl, reads;

	name(put->name);
	size = fuzz_byte();
	ttl = fuzz_byte();
	put->size = size >= 0xf0 ? sizes[(size & 15) % 6] :
	    size >= 0xc0	 ? (size - 0xbf) * 1024 :
				   size + 1;
	put->ttl = ttl >= 0xf0 ? ttls[(ttl & 15) % 5] : (int64_t)ttl * 100;
	reads = fuzz_byte();
	put->reads = reads % 4;
	put->replace = reads == 0xff ? 2 : reads >> 2 & 1;
	msg.room = store_room(&v.store);
	message_send(&msg);
}

/* A message of any type, size and so on, mostly a wrong one. */
static void
ask_anything(void)
{
	struct message msg = { .im = { .type = fuzz_byte() } };
	struct bytes   b;
	unsigned int   how;

	how = fuzz_byte();
	msg.im.peerid = how & 1 ? net.heart_peer : ++net.peers;
	msg.cut = (how & 64) != 0;
	msg.fds = how >> 1 & 3;
	if (msg.fds == 3)
		msg.fds = 0;
	msg.c = client_chosen();
	msg.says = how & 16 ? fuzz_byte() : 0;
	if (how & 32)
		msg.im.type |= 0x80000000;
	msg.room = store_room(&v.store);
	b = fuzz_text();
	msg.len = b.len < sizeof(msg.im.u) ? b.len : sizeof(msg.im.u);
	memcpy(&msg.im.u, b.at, msg.len);
	message_send(&msg);
}

/* The number of a holder, mostly. */
static uint32_t
holder(void)
{
	const unsigned int i = fuzz_byte();

	return (i < 0xf0 ? m.c.holders[i % 8].peerid : net.peers);
}

/* A pid, mostly one in steps of 17. */
static uint32_t
process(void)
{
	static const uint32_t special[] = { FRONT, 1, SELF, NETWORK,
		UINT32_MAX - 1 };
	const unsigned int    i = fuzz_byte();

	return (i >= 0xfb ? special[i - 0xfb] : i * 17);
}

/* The kinds of messages, by the step that sends one. */
static const struct saying {
	unsigned char  op;
	enum imsg_type type;
	/* Whose number it bears; a CLIENT is new, and its descriptor is sent.
	 */
	enum { HEARTBEAT, HOLDER, NEWCOMER, CLIENT, NOBODY } from;
	enum { NOTHING_MORE, NUMBER, BYTE, PROCESS, NAME, TETHER } payload;
	unsigned int mod; /* of a byte; or the number */
} sayings[] = {
	{ 'P', IMSG_PING, HEARTBEAT, BYTE, 256 },
	{ 'C', IMSG_CANCEL, HEARTBEAT, NOTHING_MORE, 0 },
	{ 'Q', IMSG_QUIT, HEARTBEAT, NOTHING_MORE, 0 },
	{ 'L', IMSG_LOST, HEARTBEAT, NOTHING_MORE, 0 },
	{ 'W', IMSG_WATCH, HOLDER, PROCESS, 0 },
	{ 'G', IMSG_PING, HOLDER, BYTE, 256 },
	{ 'K', IMSG_CANCEL, HOLDER, NOTHING_MORE, 0 },
	{ 'O', IMSG_LOST, HOLDER, NOTHING_MORE, 0 },
	{ 'S', IMSG_STATUS, NEWCOMER, NOTHING_MORE, 0 },
	{ 'A', IMSG_ARM, NEWCOMER, NOTHING_MORE, 0 },
	{ 'l', IMSG_LIST, NEWCOMER, BYTE, 256 },
	{ 'T', IMSG_TETHERS, NEWCOMER, BYTE, 20 },
	{ 'H', IMSG_HELLO, CLIENT, NUMBER, 77 },
	{ 'R', IMSG_REGISTER, CLIENT, PROCESS, 0 },
	{ 'U', IMSG_UNREGISTER, CLIENT, PROCESS, 0 },
	{ 'o', IMSG_HOLD, CLIENT, TETHER, 0 },
	{ 'e', IMSG_RELEASE, CLIENT, TETHER, 0 },
	{ 'g', IMSG_GET, CLIENT, NAME, 0 },
	{ 'd', IMSG_DEL, CLIENT, NAME, 0 },
	{ 'V', IMSG_EVENTS, NOBODY, BYTE, 3 },
	{ 'X', IMSG_PANIC, NOBODY, BYTE, 2 },
	{ 'I', IMSG_SIGNAL, NOBODY, BYTE, 256 },
};

static void
say(const struct saying *s)
{
	struct message msg = { .im = { .type = s->type },
		.len = imsg_rules[s->type].size };
	uint32_t      *n = &msg.im.u.number.n;

	if (s->from == HEARTBEAT)
		msg.im.peerid = net.heart_peer;
	else if (s->from == HOLDER)
		msg.im.peerid = holder();
	else if (s->from != NOBODY)
		msg.im.peerid = ++net.peers;
	if (s->payload != NOTHING_MORE)
		*n = s->payload == PROCESS ? process() :
		    s->payload == BYTE	   ? fuzz_byte() % s->mod :
					     s->mod;
	if (s->from == CLIENT) {
		msg.fds = 1;
		msg.c = client_chosen();
	}
	if (s->payload == NAME) {
		name(msg.im.u.secret.name);
		/* 1: the answer cannot be foretold */
		msg.im.u.secret.cpu = fuzz_byte() >= 0xf8 ? 2 : 0;
	} else if (s->payload == TETHER) {
		tether(msg.im.u.tether.name);
	}
	if (s->type == IMSG_HELLO)
		net.heart_peer = msg.im.peerid;
	message_send(&msg);
}

/* Sends a message of this kind; false if op is none. */
bool
net_say(unsigned int op)
{
	const struct saying *s;

	if (op == 'm') {
		ask_anything();
		return (true);
	}
	for (s = sayings; s < sayings + sizeof(sayings) / sizeof(*s); s++) {
		if (s->op == op) {
			say(s);
			return (true);
		}
	}
	return (false);
}

void
net_leave(void)
{
	close(w.network);
	w.network = -1;
}

static void
check_event(const struct imsg_event *e)
{
	CHECK(m.watched, "an event that nobody watches");
	CHECK(e->kind > 0 && e->kind < IMSG_EVENTS_KINDS &&
		memchr(e->name, '\0', NAME_BYTES) != NULL &&
		memchr(e->why, '\0', IMSG_EVENT_TEXT) != NULL,
	    "an event of kind %u", e->kind);
}

/* Checks every message of the vault. */
void
net_receive(void)
{
	static const unsigned int any = IMSG_UNGUARDED | IMSG_AT_START;
	enum imsg_result	  rc;
	struct imsg		  im;

	if (w.network == -1)
		return;
	while (
	    (rc = imsg_recv(w.network, IMSG_FROM_VAULT, any, &im)) == IMSG_OK) {
		if (im.type == IMSG_LISTENER)
			close(im.fd);
		else if (im.type == IMSG_LOG)
			CHECK(memchr(im.u.log.text, '\0', IMSG_LOG_BYTES) !=
				NULL,
			    "the log has a line without an end");
		else if (im.type == IMSG_EVENT)
			check_event(&im.u.event);
		else
			model_got(&im);
	}
	CHECK(rc != IMSG_BAD, "the vault breaks the rules");
}
