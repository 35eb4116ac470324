/* SPDX-License-Identifier: ISC */
#ifndef HOSTILE_ORDER_H
#define HOSTILE_ORDER_H

#include <stdint.h>

/* What the driver has the network process do, over its standard output. */
enum order {
	ORDER_CONFINE,	/* the real sandbox; arg: nothing */
	ORDER_SEND,	/* what follows, and the descriptors, to the vault */
	ORDER_FLOOD,	/* the same, arg times, reading nothing meanwhile */
	ORDER_ACCEPT,	/* at listener arg */
	ORDER_CONNECT,	/* to listener arg: a connection with itself */
	ORDER_DEAF,	/* read nothing from the vault any more */
	ORDER_SHUTDOWN, /* the line to the vault; arg is shutdown(2)'s */
	ORDER_CALL,	/* system call arg */
	ORDER_EXIT	/* status arg */
};

/* What it tells the driver. */
enum news {
	NEWS_HERE,  /* arg: pid; its line, and a socketpair of its own */
	NEWS_VAULT, /* what the vault said follows, and its descriptor */
	NEWS_NOW,   /* time: it does what it was told now */
	NEWS_DONE   /* arg: 0, or an errno; and a descriptor */
};

struct order_head {
	uint32_t what;
	uint32_t arg;
	int64_t	 time; /* CLOCK_MONOTONIC, us */
};

#define ORDER_FD    1 /* the driver is at the other end */
#define ORDER_BYTES (64 * 1024)
#define ORDER_FDS   253 /* SCM_MAX_FD: all that a packet can carry */

#endif
