/* SPDX-License-Identifier: ISC */
#ifndef HOSTILE_ATTACK_H
#define HOSTILE_ATTACK_H

#include "siege.h"

void attack_hostile(enum state);
void attack_lost(enum state);

void descriptor_attempt(const char *, uint32_t);
void descriptor_hostile(uint32_t);
void descriptor_send(uint32_t, int);
int  descriptor_tcp_itself(void);
int  descriptor_tcp_lingering(int *);

void attack_descriptors(void);
void attack_slow(void);
void attack_losses(void);
void attack_floods(void);
void attack_ends(void);

#endif
