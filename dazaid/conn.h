/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_CONN_H
#define DAZAID_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "line.h"

#define CONN_MS	  10000 /* for a HELLO, or for a control client's request */
#define CONN_OUT  8192	/* bytes of answers that a client has not read */
#define CONN_BUFS (LINE_BYTES + CONN_OUT)

struct conn {
	int	 fd;	  /* -1: this slot is free */
	uint32_t peer;	  /* its number in messages, never reused */
	bool	 asked;	  /* the vault's answer is to come */
	bool	 skip;	  /* a line too long, up to its newline */
	bool	 deaf;	  /* takes no answers any more */
	bool	 dropped; /* by the vault: only a QUIT still counts */
	bool	 putting; /* a PUT has not been granted yet */
	bool	 last;	  /* to be closed when all is said */
	bool	 listing; /* LIST goes on, behind ... */
	uint64_t listed;  /* ... the secret of this id */
	int64_t	 due;	  /* to be closed then */
	size_t	 in;	  /* bytes in inbuf */
	size_t	 used;	  /* heart: done with, but ... */
	size_t	 taken;	  /* ... only so many, and of inbuf, left the socket */
	size_t	 out;
	char	*inbuf;	 /* of LINE_BYTES */
	char	*outbuf; /* of CONN_OUT */
};

void conn_init(struct conn *, char *);
void conn_open(struct conn *, int, uint32_t, int64_t);
void conn_say(struct conn *, const char *);
void conn_flush(struct conn *);
void conn_dismiss(int, const char *);

#endif
