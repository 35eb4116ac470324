/* SPDX-License-Identifier: ISC */
/*
 * The declarations that the files of the fuzz target "vault" share.
 * vault.c runs a vault, vault_world.c has the functions that it calls,
 * vault_net.c plays network and its clients, and arena.c looks into the store.
 */
#ifndef VAULT_WORLD_H
#define VAULT_WORLD_H

#include "model.h"
#include "vault.h"

#define HOLD  12 /* messages that may wait for the vault */
#define GROUP 1002

/* The deeds of a panic. */
enum { WIPED = 1, FELLED = 2, REMOVED = 4, LOGGED = 8 };

extern struct world {
	int	     network;	 /* network's end of the socket */
	int	     signals[2]; /* the vault has the first */
	int	     input[2];	 /* the input of -l; the vault has the first */
	int	     front;	/* another descriptor of FRONT's pidfd, or -1 */
	int64_t	     timer_due; /* 0: never */
	unsigned int deeds;
	bool	     unlinked; /* the sockets */
	/* What is to fail or to differ. */
	unsigned int how_start;
	int	     fail_unseal;
	uid_t	     euid; /* of a vault that root started */
	gid_t	     egid;
} w;

extern struct net {
	struct message queue[HOLD]; /* what the vault has not received yet */
	size_t	       queued;
	bool	       held;	   /* the vault does not run yet */
	uint32_t       heart_peer; /* the number of the last HELLO, */
	uint32_t       peers;	   /* and of the last newcomer */
} net;

bool world_all_zero(const unsigned char *, size_t);
void arena_check(void);
void arena_type(void);

void net_begin(void);
void net_connect(unsigned int);
void net_read(struct client *);
bool net_say(unsigned int);
void net_put(void);
void net_receive(void);
void net_leave(void);

#endif
