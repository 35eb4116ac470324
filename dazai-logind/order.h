/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_LOGIND_ORDER_H
#define DAZAI_LOGIND_ORDER_H

#include <sys/types.h>

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

int	    order_open(int, pid_t);
bool	    order_panic(int64_t);
void	    order_empty(void);
int64_t	    order_poll(struct pollfd *);
const char *order_emptied(const struct pollfd *);

#endif
