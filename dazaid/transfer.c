/* SPDX-License-Identifier: ISC */
/*
 * Moves the bytes of PUT and GET between a client's socket and the arena.  Each
 * transfer has a slot, moves bytes when its socket is ready, and ends when
 * nothing has moved for a while.  So none can delay the loop or another
 * transfer.
 */
#include <sys/socket.h>

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "event.h"
#include "transfer.h"
#include "vault.h"

#define TRANSFER_MS   5000 /* without progress */
#define TRANSFER_HEAD 48   /* bytes of "DATA <size> cpu=<n>\n" and its NUL */

/* Where the bytes of a transfer go. */
enum transfer_way {
	TRANSFER_OFFERED,   /* nothing yet: the head must be sent first */
	TRANSFER_CHANNEL,   /* the channel that went with the head */
	TRANSFER_CONNECTION /* the client did not take the channel */
};

static struct transfer {
	int		  fd; /* the client's, ours to close; -1: a free slot */
	int		  channel; /* the vault's end, or -1 */
	enum transfer_way way;
	uint32_t	  peerid;
	uint64_t	  id;	/* of the secret */
	size_t		  size; /* of its value, in bytes */
	size_t		  done;
	int64_t		  due;	  /* ms */
	int64_t		  ttl;	  /* of a PUT, ms; 0: none */
	uint32_t	  reads;  /* of a PUT */
	bool		  put;	  /* otherwise it is a GET */
	bool		  cpu;	  /* the head names our processor */
	bool		  polled; /* it was polled, ... */
	nfds_t		  entry;  /* ... as this entry */
} transfers[TRANSFER_MAX];
static struct store *transfer_store;

/* st has the secrets, and must outlive every transfer. */
void
transfer_init(struct store *st)
{
	struct transfer *t;

	transfer_store = st;
	for (t = transfers; t < transfers + TRANSFER_MAX; t++)
		t->fd = -1;
}

/*
 * Returns a free slot for transfer_get() or transfer_put(); NULL if there is
 * none.
 */
struct transfer *
transfer_slot(void)
{
	struct transfer *t;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++) {
		if (t->fd == -1)
			return (t);
	}
	return (NULL);
}

/* Returns the number of transfers. */
unsigned int
transfer_count(void)
{
	const struct transfer *t;
	unsigned int	       n = 0;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++)
		n += t->fd != -1;
	return (n);
}

/*
 * The client has not received the channel: starts the transfer again, over the
 * connection.
 */
static void
transfer_leave_channel(struct transfer *t)
{
	close(t->channel);
	t->channel = -1;
	t->way = TRANSFER_CONNECTION;
	t->done = 0;
}

/*
 * Ends t, and tells network the result.  If a secret was stored over a channel,
 * also sends OK over the channel.
 */
static void
transfer_finish(struct transfer *t, enum imsg_answer answer)
{
	if (t->channel != -1 && answer == IMSG_ANSWER_OK)
		(void)send(t->channel, "OK\n", 3, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (t->channel != -1)
		close(t->channel);
	/* close(2) would not end the connection: network has it open, too. */
	if (answer == IMSG_ANSWER_CUT)
		(void)shutdown(t->fd, SHUT_RDWR);
	close(t->fd);
	t->fd = t->channel = -1;
	if (!t->put)
		store_release(transfer_store, t->id);
	else if (answer == IMSG_ANSWER_CUT)
		store_drop(transfer_store, t->id);
	vault_answer(t->peerid, answer);
}

/* Tells the watchers the name of the secret that was put. */
static void
transfer_report(uint64_t id)
{
	struct store_item item;

	if (event_wanted() && store_next(transfer_store, id - 1, &item) &&
	    item.id == id)
		event_send(IMSG_EVENT_PUT, item.name, 0, 0, NULL);
}

/* The last byte of a PUT has arrived: stores the secret. */
static void
transfer_keep(struct transfer *t, int64_t now)
{
	const int64_t  due = t->ttl != 0 ? now + t->ttl : STORE_NEVER;
	const uint64_t id = t->id;

	if (store_commit(transfer_store, id, t->reads, due) == -1) {
		transfer_finish(t, IMSG_ANSWER_CUT);
		return;
	}
	transfer_finish(t, IMSG_ANSWER_OK);
	transfer_report(id);
}

/*
 * Source for store_fill(): recv(2) with MSG_DONTWAIT, because network could
 * clear O_NONBLOCK.
 */
static ssize_t
transfer_recv(int fd, void *buf, size_t size)
{
	return (recv(fd, buf, size, MSG_DONTWAIT));
}

/* Sends the head, and a channel with it. */
static void
transfer_offer(struct transfer *t)
{
	char head[TRANSFER_HEAD];

	if (t->put)
		(void)snprintf(head, sizeof(head), "GO\n");
	else if (t->cpu)
		(void)snprintf(head, sizeof(head), "DATA %zu cpu=%d\n", t->size,
		    sched_getcpu());
	else
		(void)snprintf(head, sizeof(head), "DATA %zu\n", t->size);
	t->channel = channel_offer(t->fd, head);
	if (t->channel != -1)
		t->way = TRANSFER_CHANNEL;
	else if (errno != EAGAIN && errno != EINTR)
		transfer_finish(t, IMSG_ANSWER_CUT);
}

/* Receives a piece of a PUT. */
static void
transfer_take(struct transfer *t, int64_t now)
{
	const bool    channel = t->way == TRANSFER_CHANNEL;
	const ssize_t n = store_fill(transfer_store, t->id,
	    channel ? t->channel : t->fd, transfer_recv, t->size - t->done);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 && channel && t->done == 0) {
		transfer_leave_channel(t);
		return;
	}
	if (n <= 0) { /* 0: the client has closed too early */
		transfer_finish(t, IMSG_ANSWER_CUT);
		return;
	}
	t->done += (size_t)n;
	t->due = now + TRANSFER_MS;
	if (t->done == t->size)
		transfer_keep(t, now);
}

/*
 * The channel of a GET has ended.  The kernel reports whether bytes were left
 * unread: then the client has not received the channel.
 */
static void
transfer_channel_ended(struct transfer *t)
{
	socklen_t len = sizeof(int);
	int	  error = 0;

	if (t->done == t->size &&
	    getsockopt(t->channel, SOL_SOCKET, SO_ERROR, &error, &len) != -1 &&
	    error == 0)
		transfer_finish(t, IMSG_ANSWER_SENT);
	else
		transfer_leave_channel(t);
}

/* Sends a piece of a GET. */
static void
transfer_give(struct transfer *t, int64_t now)
{
	const bool channel = t->way == TRANSFER_CHANNEL;
	ssize_t	   n;

	if (channel && t->done == t->size) {
		transfer_channel_ended(t);
		return;
	}
	n = store_send(transfer_store, t->id, channel ? t->channel : t->fd,
	    t->done);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n == -1 && channel) {
		transfer_channel_ended(t);
		return;
	}
	if (n == -1) {
		transfer_finish(t, IMSG_ANSWER_CUT);
		return;
	}
	t->done += (size_t)n;
	t->due = now + TRANSFER_MS;
	if (t->done == t->size && !channel)
		transfer_finish(t, IMSG_ANSWER_SENT);
}

/* Moves one piece, if possible without waiting. */
static void
transfer_move(struct transfer *t, int64_t now)
{
	if (t->way == TRANSFER_OFFERED)
		transfer_offer(t);
	else if (t->put)
		transfer_take(t, now);
	else
		transfer_give(t, now);
}

static void
transfer_begin(struct transfer *t, int fd, uint32_t peerid, uint64_t id,
    size_t size, int64_t now)
{
	t->fd = fd;
	t->polled = false;
	t->channel = -1;
	t->way = TRANSFER_OFFERED;
	t->peerid = peerid;
	t->id = id;
	t->done = 0;
	t->size = size;
	t->due = now + TRANSFER_MS;
	transfer_offer(t);
	if (!t->put && t->way == TRANSFER_CHANNEL)
		transfer_give(t, now);
}

/*
 * Uses the free slot t to send the secret id, of len bytes, which the caller
 * has taken, to the client of im at im->fd, which becomes ours.
 */
void
transfer_get(struct transfer *t, const struct imsg *im, uint64_t id, size_t len,
    int64_t now)
{
	t->put = false;
	t->cpu = im->u.secret.cpu != 0;
	transfer_begin(t, im->fd, im->peerid, id, len, now);
}

/*
 * Uses the free slot t to fill the secret id, which the caller has begun, from
 * the client peerid at fd, which becomes ours.
 */
void
transfer_put(struct transfer *t, int fd, uint32_t peerid, uint64_t id,
    const struct imsg_put *put, int64_t now)
{
	t->put = true;
	t->ttl = put->ttl;
	t->reads = put->reads;
	transfer_begin(t, fd, peerid, id, (size_t)put->size, now);
}

/*
 * Returns the events that t waits for.  The end of a channel needs none:
 * poll(2) always reports POLLHUP.
 */
static struct pollfd
transfer_pollfd(const struct transfer *t)
{
	struct pollfd pfd = { t->fd, POLLOUT, 0 };

	if (t->way == TRANSFER_OFFERED)
		return (pfd);
	if (t->way == TRANSFER_CHANNEL)
		pfd.fd = t->channel;
	if (t->put)
		pfd.events = POLLIN;
	else if (t->done == t->size)
		pfd.events = 0;
	return (pfd);
}

/*
 * Fills in pfd, with one entry for each transfer, at most TRANSFER_MAX.
 * Returns the number of entries.
 */
nfds_t
transfer_poll(struct pollfd *pfd)
{
	struct transfer *t;
	nfds_t		 n = 0;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++) {
		t->polled = t->fd != -1;
		t->entry = n;
		if (t->polled)
			pfd[n++] = transfer_pollfd(t);
	}
	return (n);
}

/*
 * Returns whether t is ready.  A transfer that began after the poll is not,
 * even if its descriptor has the number of one that was polled.
 */
static bool
transfer_is_ready(const struct transfer *t, const struct pollfd *pfd)
{
	return (t->polled && pfd[t->entry].revents != 0);
}

/* Returns whether moving t would hand out a piece of a secret. */
static bool
transfer_gives(const struct transfer *t)
{
	return (!t->put && !(t->way == TRANSFER_CHANNEL && t->done == t->size));
}

/*
 * Moves a piece of each transfer that is ready, and ends those that have not
 * moved for too long.  Asks the kernel whether the session still lives before
 * it hands out each piece of a secret.
 */
void
transfer_run(const struct pollfd *pfd, int64_t now)
{
	struct transfer *t;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++) {
		if (t->fd == -1)
			continue;
		if (transfer_is_ready(t, pfd)) {
			if (transfer_gives(t) && !vault_may_give())
				transfer_cut_gets();
			else if (t->fd != -1)
				transfer_move(t, now);
		}
		if (t->fd != -1 && now >= t->due)
			transfer_finish(t, IMSG_ANSWER_CUT);
	}
}

/* Ends every GET: after a trigger, no byte of a secret is handed out. */
void
transfer_cut_gets(void)
{
	struct transfer *t;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++) {
		if (t->fd != -1 && !t->put)
			transfer_finish(t, IMSG_ANSWER_CUT);
	}
}

/* Ends every transfer whose secret was deleted or has expired. */
void
transfer_cut_gone(void)
{
	struct transfer *t;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++) {
		if (t->fd != -1 && !store_has(transfer_store, t->id))
			transfer_finish(t, IMSG_ANSWER_CUT);
	}
}

/*
 * Returns when (ms) the first transfer must end if it does not move before;
 * STORE_NEVER if there is none.
 */
int64_t
transfer_due(void)
{
	const struct transfer *t;
	int64_t		       due = STORE_NEVER;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++) {
		if (t->fd != -1 && t->due < due)
			due = t->due;
	}
	return (due);
}
