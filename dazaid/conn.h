/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_CONN_H
#define DAZAID_CONN_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "line.h"

#define CONN_MS	   10000 /* to send HELLO, or the next request */
#define CONN_NEVER INT64_MAX
#define CONN_OUT   8192 /* bytes of answers that are not sent yet */
#define CONN_BUFS  (LINE_BYTES + CONN_OUT)

struct conn {
	int	 fd;	   /* -1: a free slot */
	uint32_t peerid;   /* its number in messages, never reused */
	bool	 asked;	   /* the vault has not answered its request yet */
	bool	 skip;	   /* the rest of a line that was too long is ignored */
	bool	 broken;   /* a send failed: send no more */
	bool	 dropped;  /* by the vault: of its lines, only QUIT counts */
	bool	 putting;  /* a PUT is not answered yet */
	bool	 closing;  /* close it when all answers are sent */
	bool	 holding;  /* a tether: it has no time limit */
	bool	 watching; /* it has sent EVENTS: it has no time limit */
	bool	 greeting; /* the answer to its STATUS is its first event */
	uint32_t listing;  /* IMSG_LIST or IMSG_TETHERS goes on after ... */
	uint64_t listed;   /* ... this one; 0: no listing */
	int64_t	 due;	   /* ms: close it then, or CONN_NEVER */
	size_t	 in;	   /* bytes in inbuf */
	size_t	 used;	   /* heart.c: bytes handled and removed from inbuf */
	size_t	 taken;	   /* heart.c: of used and in, taken from the socket */
	size_t	 out;	   /* bytes in outbuf */
	char	*inbuf;	   /* of LINE_BYTES */
	char	*outbuf;   /* of CONN_OUT */
};

/* The connections' entries for poll(2). */
struct conn_poll {
	struct pollfd *pfd;  /* one entry for each connection */
	struct conn  **conn; /* conn[i] is the connection of pfd[i] */
	nfds_t	       n;
	int64_t	       due; /* ms: when to close the first of them; -1: never */
};

void	     conn_init(struct conn *, char *);
void	     conn_open(struct conn *, int, int64_t);
struct conn *conn_free_slot(struct conn *, size_t);
void	     conn_poll(struct conn_poll *, struct conn *, bool);
void	     conn_answer(struct conn *, const char *);
void	     conn_flush(struct conn *);
void	     conn_refuse(int, const char *);

#endif
