/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_NETWORK_H
#define DAZAID_NETWORK_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "conn.h"
#include "imsg.h"

#define CONNS	 64 /* to the heartbeat socket, before HELLO */
#define CONTROLS 32 /* connections to the control socket */

/* What the network process knows; only its own files see it. */
struct network {
	struct conn  conns[CONNS];
	struct conn  controls[CONTROLS];
	struct conn *heartbeat; /* has said HELLO; welcomed or about to be */
	bool	     guarded;	/* it was welcomed */
	bool	     started;	/* both listeners are there */
	uid_t	     owner;
	uint32_t     last_peer;
	int	     listeners[2];
	int	     signals;
	int	     spare;  /* given up to turn a newcomer away */
	int64_t	     paused; /* accepting, until then; 0: it is not */
};

extern struct network n;

noreturn void network_main(void);
int64_t	      network_now(void);
bool	      network_send(struct imsg *, const struct conn *);
bool	      network_tell(enum imsg_type, const struct conn *, uint32_t);

/* The heartbeat socket. */
bool heart_reads(const struct conn *);
void heart_ready(struct conn *, short);
void heart_answer(struct conn *, const struct imsg *);

/* The control socket. */
bool control_reads(const struct conn *);
void control_ready(struct conn *, short);
void control_answer(struct conn *, const struct imsg *);

#endif
