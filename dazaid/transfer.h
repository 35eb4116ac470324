/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_TRANSFER_H
#define DAZAID_TRANSFER_H

#include <poll.h>
#include <stdint.h>

#include "imsg.h"
#include "store.h"

/* Transfers at a time: CONTROL_REQUESTS in network, and STORE_READERS. */
#define TRANSFER_MAX STORE_READERS

struct transfer;

void		 transfer_init(struct store *);
struct transfer *transfer_slot(void);
unsigned int	 transfer_count(void);
void	transfer_get(struct transfer *, const struct imsg *, uint64_t, size_t,
       int64_t);
void	transfer_put(struct transfer *, int, uint32_t, uint64_t,
       const struct imsg_put *, int64_t);
nfds_t	transfer_poll(struct pollfd *);
void	transfer_run(const struct pollfd *, int64_t);
void	transfer_cut_gets(void);
void	transfer_cut_gone(void);
int64_t transfer_due(void);

#endif
