/* SPDX-License-Identifier: ISC */
#ifndef HOSTILE_PACKET_H
#define HOSTILE_PACKET_H

#include <stddef.h>
#include <stdint.h>

#include "order.h"

/* A packet with its descriptors. */
struct packet {
	struct order_head head; /* only between driver and network */
	size_t		  len;
	unsigned int	  nfds;
	int		  fds[ORDER_FDS];
	unsigned char	  bytes[ORDER_BYTES];
};

int64_t packet_now(void);
int	packet_send(int, const struct packet *, int, int);
int	packet_recv(int, struct packet *, int, int);
void	packet_close(struct packet *);

#endif
