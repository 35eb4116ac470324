/* SPDX-License-Identifier: ISC */
/* Clients of the daemon, in the fuzz targets "network" and "vault". */
#ifndef CLIENT_H
#define CLIENT_H

#include "fuzz.h"

#define CLIENTS	    100		      /* one after another */
#define CLIENT_SENT ((size_t)1 << 17) /* bytes that one may send, ... */
#define CLIENT_WANT ((size_t)1 << 20) /* ... and read */
#define CLIENT_ANY  "\1"	      /* in wanted text: the rest of a line */

struct client {
	int	 fd;	 /* the client's own end; -1: closed */
	int	 theirs; /* in the target "vault": the end that network has */
	int32_t	 pid;
	uint32_t uid;
	bool	 heartbeat; /* connected to the heartbeat socket */
	bool	 small;	    /* has little room for answers */
	bool	 sluggish;  /* reads only when it is told to */
	bool	 accepted;  /* by network, ... */
	uint64_t ino;	    /* ... as this socket */
	bool	 ended;	    /* sends no more: closed or shut down */
	bool	 eof;	    /* has read the end */
	const uint8_t *sent;
	size_t	       nsent;
	/* For the oracle. */
	size_t done;   /* of what was sent */
	size_t seen;   /* of sent bytes, those that network had time to read */
	char  *wanted; /* what it must read */
	size_t nwanted;
	size_t got;	/* of that, what it has read */
	bool   cut;	/* its end may come before the rest of that */
	bool   closing; /* network closes it, or has */
	bool   loose;	/* what it will read is not known */
	/* Of the target "network". */
	uint32_t peerid;   /* network's number; 0: it was not taken */
	bool	 lazy;	   /* has been sluggish: its deadline is not known */
	bool	 skip;	   /* the rest of a long line is skipped */
	bool	 refused;  /* its next message cannot be passed on */
	bool	 asked;	   /* the vault's answer is to come */
	int64_t	 due;	   /* when network closes it */
	uint32_t pings;	   /* that the message counts */
	uint32_t question; /* the message's type */
	int	 passed;   /* the descriptor that came with it, or -1 */
	uint64_t taking;   /* bytes of a PUT that are still to come */
	uint64_t listed;   /* a list goes on after this one, ... */
	bool	 listing;  /* ... and at once */
	bool	 holds;	   /* a tether */
	bool	 watching; /* events */
	bool	 greeting; /* its first event, the STATUS, is to come */
};

extern struct client clients[CLIENTS];
extern size_t	     clients_n;

struct client *client_new(int);
struct client *client_chosen(void);
struct client *client_at(int);
void	       client_want(struct client *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
void client_send(struct client *, const void *, size_t);
void client_end(struct client *, bool);
bool client_read(struct client *);
void client_await_end(struct client *);

#endif
