/* SPDX-License-Identifier: ISC */
#ifndef HOSTILE_NET_H
#define HOSTILE_NET_H

#include <stddef.h>
#include <stdint.h>

#include "order.h"

void	 net_begin(void);
void	 net_end(void);
void	 net_unseen(const unsigned char *, size_t, const char *);
int	 net_order(uint32_t, uint32_t);
int	 net_accept(int);
void	 net_attack(const void *, size_t, const int *, unsigned int);
void	 net_flood(const void *, size_t);
void	 net_say(uint32_t, uint32_t, const void *, size_t, int);
void	 net_number(uint32_t, uint32_t, uint32_t, int);
void	 net_tether(uint32_t, uint32_t, const char *, int);
void	 net_secret(uint32_t, uint32_t, int);
uint32_t net_answer(uint32_t);
void	 net_want(uint32_t);

#endif
