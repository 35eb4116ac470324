/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_VOUCH_H
#define DAZAI_VOUCH_H

#include <sys/types.h>

#include <stdbool.h>

/* The process that made the socket which a client is connected to. */
struct vouch {
	pid_t pid;   /* 0: it is in another PID namespace, ... */
	ino_t inode; /* ... and this is its pidfd's; otherwise 0 */
};

int	vouch_ask(int);
int	vouch_init(struct vouch *, int);
ssize_t vouch_recv(const struct vouch *, int, void *, size_t, int, bool *,
    int *);

#endif
