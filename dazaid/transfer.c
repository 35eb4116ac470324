/* SPDX-License-Identifier: ISC */
/*
 * The bytes of PUT and GET, between a client's socket and the arena.  Each
 * transfer has a slot, moves when its socket can, and ends when nothing has
 * moved for a while: none can hold up the loop, or another one.
 */
#include <sys/socket.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "transfer.h"
#include "vault.h"

#define TRANSFER_MS   5000 /* without progress */
#define TRANSFER_HEAD 32   /* bytes of "DATA <size>\n" and its NUL */

static struct transfer {
	int	 fd; /* the client's, ours to close; -1: a free slot */
	uint32_t peerid;
	uint64_t id;   /* of the secret */
	size_t	 size; /* bytes to move, the head included */
	size_t	 done;
	int64_t	 due;	/* ms */
	int64_t	 ttl;	/* of a PUT, ms; 0: none */
	uint32_t reads; /* of a PUT */
	bool	 put;	/* or it is a GET */
	char	 head[TRANSFER_HEAD];
} transfers[TRANSFER_MAX];
static struct store *transfer_store;

/* st: where the secrets are; it must outlive every transfer. */
void
transfer_init(struct store *st)
{
	struct transfer *t;

	transfer_store = st;
	for (t = transfers; t < transfers + TRANSFER_MAX; t++)
		t->fd = -1;
}

/* A free slot, for transfer_get() or transfer_put() to take; NULL if there is
 * none. */
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

/* How many there are. */
unsigned int
transfer_count(void)
{
	const struct transfer *t;
	unsigned int	       n = 0;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++)
		n += t->fd != -1;
	return (n);
}

static void
transfer_finish(struct transfer *t, enum imsg_answer answer)
{
	/* Network holds the connection, too; the client is to see the end of
	 * it. */
	if (answer == IMSG_ANSWER_CUT)
		(void)shutdown(t->fd, SHUT_RDWR);
	close(t->fd);
	t->fd = -1;
	if (!t->put)
		store_release(transfer_store, t->id);
	else if (answer == IMSG_ANSWER_CUT)
		store_drop(transfer_store, t->id);
	vault_answer(t->peerid, answer);
}

/* The last byte of a PUT is there. */
static void
transfer_keep(struct transfer *t, int64_t now)
{
	const int64_t due = t->ttl != 0 ? now + t->ttl : STORE_NEVER;

	transfer_finish(t,
	    store_commit(transfer_store, t->id, t->reads, due) == -1 ?
		IMSG_ANSWER_CUT :
		IMSG_ANSWER_OK);
}

/* store_fill()'s, on a socket that network may have made one that waits. */
static ssize_t
transfer_recv(int fd, void *buf, size_t size)
{
	return (recv(fd, buf, size, MSG_DONTWAIT));
}

/* Moves what can be moved without waiting: one piece of it. */
static void
transfer_move(struct transfer *t, int64_t now)
{
	const size_t head = strlen(t->head);
	ssize_t	     n;

	if (!t->put)
		n = store_send(transfer_store, t->id, t->fd, t->head, t->done);
	else if (t->done < head)
		n = send(t->fd, t->head + t->done, head - t->done,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = store_fill(transfer_store, t->id, t->fd, transfer_recv,
		    t->size - t->done);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) { /* 0: the end of a PUT cut short */
		transfer_finish(t, IMSG_ANSWER_CUT);
		return;
	}
	t->done += (size_t)n;
	t->due = now + TRANSFER_MS;
	if (t->done < t->size)
		return;
	if (t->put)
		transfer_keep(t, now);
	else
		transfer_finish(t, IMSG_ANSWER_SENT);
}

static void
transfer_begin(struct transfer *t, int fd, uint32_t peerid, uint64_t id,
    size_t size, int64_t now)
{
	t->fd = fd;
	t->peerid = peerid;
	t->id = id;
	t->done = 0;
	t->size = strlen(t->head) + size;
	t->due = now + TRANSFER_MS;
	transfer_move(t, now);
}

/*
 * In the free slot t, sends the secret id, of len bytes and taken for this, to
 * the client at fd, which becomes ours.
 */
void
transfer_get(struct transfer *t, int fd, uint32_t peerid, uint64_t id,
    size_t len, int64_t now)
{
	t->put = false;
	(void)snprintf(t->head, sizeof(t->head), "DATA %zu\n", len);
	transfer_begin(t, fd, peerid, id, len, now);
}

/* Fills the secret id, begun for this, from the client at fd; as
 * transfer_get(). */
void
transfer_put(struct transfer *t, int fd, uint32_t peerid, uint64_t id,
    const struct imsg_put *put, int64_t now)
{
	t->put = true;
	t->ttl = put->ttl;
	t->reads = put->reads;
	(void)snprintf(t->head, sizeof(t->head), "GO\n");
	transfer_begin(t, fd, peerid, id, (size_t)put->size, now);
}

/* Fills in what to poll, an entry a transfer; returns how many they are. */
nfds_t
transfer_poll(struct pollfd *pfd)
{
	const struct transfer *t;
	nfds_t		       n = 0;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++) {
		if (t->fd == -1)
			continue;
		pfd[n].fd = t->fd;
		pfd[n].events = t->put && t->done >= strlen(t->head) ? POLLIN :
								       POLLOUT;
		pfd[n++].revents = 0;
	}
	return (n);
}

static bool
transfer_is_ready(const struct transfer *t, const struct pollfd *pfd, nfds_t n)
{
	while (n-- > 0) {
		if (pfd[n].fd == t->fd)
			return (pfd[n].revents != 0);
	}
	return (false);
}

/*
 * Moves what can be moved, as polled, and ends what has not moved for too long.
 */
void
transfer_run(const struct pollfd *pfd, nfds_t n, int64_t now)
{
	struct transfer *t;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++) {
		if (t->fd != -1 && transfer_is_ready(t, pfd, n))
			transfer_move(t, now);
		if (t->fd != -1 && now >= t->due)
			transfer_finish(t, IMSG_ANSWER_CUT);
	}
}

/* From a trigger on nothing is handed out: what has not left does not leave. */
void
transfer_cut_gets(void)
{
	struct transfer *t;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++) {
		if (t->fd != -1 && !t->put)
			transfer_finish(t, IMSG_ANSWER_CUT);
	}
}

/* Ends those whose secret was deleted or has expired. */
void
transfer_cut_gone(void)
{
	struct transfer *t;

	for (t = transfers; t < transfers + TRANSFER_MAX; t++) {
		if (t->fd != -1 && !store_has(transfer_store, t->id))
			transfer_finish(t, IMSG_ANSWER_CUT);
	}
}

/* When the first is to be ended if it does not move; STORE_NEVER if there is
 * none. */
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
