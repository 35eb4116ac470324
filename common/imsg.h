/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_IMSG_H
#define DAZAI_IMSG_H

#include <sys/types.h>

#include <stdint.h>

enum imsg_type {
	/* vault to network */
	IMSG_CONFIG = 1,	/* who may connect, and what to become */
	IMSG_LISTENER,		/* the socket to accept on; the start is over */
	IMSG_WELCOME,
	IMSG_PONG,
	IMSG_CANCELLED,
	IMSG_NOTHING_PENDING,
	IMSG_BYE,		/* tell the client, then exit */
	IMSG_DROP,		/* the heartbeat missed its deadline: close it */
	/* network to vault */
	IMSG_READY,		/* confined, waiting for the listener */
	IMSG_SIGNAL,		/* one was sent to network: take it as yours */
	IMSG_HELLO,		/* with the client's descriptor */
	IMSG_PING,
	IMSG_CANCEL,
	IMSG_QUIT,
	IMSG_LOST,		/* the last word about a heartbeat, unless QUIT was */
	IMSG_TYPES
};

/* When a message may come, as the receiver sees it. */
#define IMSG_AT_START	0x01	/* before the listener was handed over */
#define IMSG_UNGUARDED	0x02	/* no heartbeat */
#define IMSG_GUARDED	0x04	/* a heartbeat lives */
#define IMSG_DROPPED	0x08	/* the vault gave it up; LOST is still to come */

struct imsg_config {
	uint32_t	owner;		/* uid that may connect, beside root */
	uint32_t	become;		/* uid and gid to become; 0: stay */
	uint32_t	verbose;
	uint32_t	background;	/* own session, syslog */
};

struct imsg_number {
	uint32_t	n;		/* a pid, a signal, a count of PINGs */
};

struct imsg {
	uint32_t	type;		/* enum imsg_type */
	uint32_t	peer;		/* the client's number; 0: none */
	union {
		struct imsg_config	config;
		struct imsg_number	number;
	} u;
	int		fd;		/* -1: none; else the receiver's to close */
};

enum imsg_result {
	IMSG_OK,
	IMSG_NONE,		/* nothing there now */
	IMSG_EOF,		/* the other side is gone */
	IMSG_BAD		/* the other side breaks the rules */
};

enum imsg_side { IMSG_FROM_VAULT, IMSG_FROM_NETWORK };

int			 imsg_send(int, const struct imsg *, int);
enum imsg_result	 imsg_recv(int, enum imsg_side, unsigned int,
			    struct imsg *);
const char		*imsg_name(uint32_t);

#endif
