/* SPDX-License-Identifier: ISC */
/*
 * Orders to the network process, and what it reports: above all what the vault
 * has told it.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "imsg.h"
#include "net.h"
#include "packet.h"
#include "siege.h"

static struct packet packet;
static unsigned int said[IMSG_TYPES]; /* messages of the vault, not taken yet */
static uint32_t	    number[IMSG_TYPES]; /* the last one's */

/* Fails if the secret is in bytes, which nobody may see. */
void
net_unseen(const unsigned char *bytes, size_t len, const char *where)
{
	if (memmem(bytes, len, SECRET, 8) != NULL)
		siege_fail("THE SECRET %s", where);
}

static void
vault_said(void)
{
	uint32_t type;

	net_unseen(packet.bytes, packet.len, "was told to network");
	memcpy(&type, packet.bytes, sizeof(type));
	if (packet.len < 3 * sizeof(type) || type >= IMSG_TYPES)
		siege_fail("the vault said nonsense");
	said[type]++;
	memcpy(&number[type], packet.bytes + 3 * sizeof(type), sizeof(type));
	if (type == IMSG_LISTENER && packet.nfds == 1) {
		s.listeners[number[type] != 0] = packet.fds[0];
		packet.nfds = 0;
	}
	packet_close(&packet);
}

/* Receives one report of network's; false if network has ended. */
static bool
hear(int ms)
{
	if (!siege_readable(s.orders, ms))
		siege_fail("nothing is heard from network");
	if (packet_recv(s.orders, &packet, 1, 0) <= 0)
		return (false);
	if (packet.head.what == NEWS_VAULT)
		vault_said();
	return (true);
}

static void
hear_until(enum news what)
{
	do {
		if (!hear(PATIENCE_MS))
			siege_fail("network is gone");
	} while (packet.head.what != what);
}

static void
order(uint32_t what, uint32_t arg, const void *bytes, size_t len,
    const int *fds, unsigned int nfds)
{
	packet.head = (struct order_head){ what, arg, 0 };
	packet.len = len;
	packet.nfds = nfds;
	if (len > 0)
		memcpy(packet.bytes, bytes, len);
	if (nfds > 0)
		memcpy(packet.fds, fds, nfds * sizeof(*fds));
	if (packet_send(s.orders, &packet, 1, 0) == -1)
		siege_fail("no order can be given: %s", strerror(errno));
	packet.nfds = 0;
}

/* Returns the descriptor that network sent back, or -1. */
int
net_order(uint32_t what, uint32_t arg)
{
	int64_t delayed = siege_delays();

	order(what, arg, NULL, 0, NULL, 0);
	if (what == ORDER_SHUTDOWN || what == ORDER_EXIT) {
		hear_until(NEWS_NOW);
		siege_since(packet.head.time, delayed);
		return (-1);
	}
	hear_until(NEWS_DONE);
	if (packet.head.arg != 0)
		siege_fail("order %u: %s", what,
		    strerror((int)packet.head.arg));
	return (packet.nfds == 1 ? packet.fds[0] : -1);
}

static void
attack(uint32_t what, const void *bytes, size_t len, const int *fds,
    unsigned int nfds)
{
	const int64_t delayed = siege_delays();

	order(what, UINT32_MAX, bytes, len, fds, nfds);
	hear_until(NEWS_NOW);
	siege_since(packet.head.time, delayed);
}

/* Has network send any bytes and descriptors to the vault. */
void
net_attack(const void *bytes, size_t len, const int *fds, unsigned int nfds)
{
	attack(ORDER_SEND, bytes, len, fds, nfds);
}

/* Has network send the same bytes again and again, and read nothing. */
void
net_flood(const void *bytes, size_t len)
{
	attack(ORDER_FLOOD, bytes, len, NULL, 0);
}

/* Has network send a well-formed message, with fd unless that is -1. */
void
net_say(uint32_t type, uint32_t peerid, const void *payload, size_t len, int fd)
{
	unsigned char  bytes[512];
	const uint32_t head[3] = { type, (uint32_t)(sizeof(head) + len),
		peerid };

	memcpy(bytes, head, sizeof(head));
	if (len > 0)
		memcpy(bytes + sizeof(head), payload, len);
	net_attack(bytes, sizeof(head) + len, &fd, fd != -1 ? 1 : 0);
}

/* Waits for a message of this type from the vault; returns its number. */
uint32_t
net_answer(uint32_t type)
{
	while (said[type] == 0) {
		if (!hear(PATIENCE_MS))
			siege_fail("gone, without message %u", type);
	}
	said[type]--;
	return (number[type]);
}

/* As net_say(), with a number. */
void
net_number(uint32_t type, uint32_t peerid, uint32_t n, int fd)
{
	net_say(type, peerid, &n, sizeof(n), fd);
}

/* ... with the name of a tether. */
void
net_tether(uint32_t type, uint32_t peerid, const char *name, int fd)
{
	struct imsg_tether t = { .name = "" };

	memcpy(t.name, name, strlen(name));
	net_say(type, peerid, &t, sizeof(t), fd);
}

/* ... with the name of the secret. */
void
net_secret(uint32_t type, uint32_t peerid, int fd)
{
	const struct imsg_secret secret = { .name = NAME };

	net_say(type, peerid, &secret, sizeof(secret), fd);
}

/* Requires that the vault's next ANSWER is this one. */
void
net_want(uint32_t answer)
{
	const uint32_t got = net_answer(IMSG_ANSWER);

	if (got != answer)
		siege_fail("the answer is %u, not %u", got, answer);
}

/* Accepts a connection as network; returns it. */
int
net_accept(int which)
{
	return (net_order(ORDER_ACCEPT, (uint32_t)which));
}

/* A new daemon: waits until its network has come with its descriptors. */
void
net_begin(void)
{
	memset(said, 0, sizeof(said));
	hear_until(NEWS_HERE);
	if (packet.nfds != 3)
		siege_fail("network has not come with its descriptors");
	s.network = (pid_t)packet.head.arg;
	s.line = packet.fds[0];
	s.own[0] = packet.fds[1];
	s.own[1] = packet.fds[2];
}

/* The daemon has ended: hears what network has still reported. */
void
net_end(void)
{
	while (siege_readable(s.orders, PATIENCE_MS) && hear(0))
		;
}
