/* SPDX-License-Identifier: ISC */
#ifndef HOSTILE_ORDER_H
#define HOSTILE_ORDER_H

#include <stdint.h>

/* Orders of the driver to the network process. */
enum order {
	ORDER_CONFINE,	/* enter the real sandbox */
	ORDER_SEND,	/* send the vault what follows, with its descriptors */
	ORDER_FLOOD,	/* so, arg times, and read nothing meanwhile */
	ORDER_ACCEPT,	/* accept a connection at listener arg */
	ORDER_CONNECT,	/* connect to listener arg itself */
	ORDER_DEAF,	/* read nothing more from the vault */
	ORDER_SHUTDOWN, /* shut its socket to the vault down; arg: how */
	ORDER_EXIT	/* exit with status arg */
};

/* Reports of the network process to the driver. */
enum news {
	NEWS_HERE,  /* started; arg: pid; its socket and a socketpair */
	NEWS_VAULT, /* a message of the vault follows */
	NEWS_NOW,   /* carries out the order at this time */
	NEWS_DONE   /* arg: 0 or an errno; perhaps a descriptor */
};

struct order_head {
	uint32_t what;
	uint32_t arg;
	int64_t	 time; /* CLOCK_MONOTONIC, us */
};

#define ORDER_FD    1 /* connected to the driver */
#define ORDER_BYTES (64 * 1024)
#define ORDER_FDS   253 /* SCM_MAX_FD: all that a packet can carry */

#endif
