/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_LOGIND_TETHER_H
#define DAZAI_LOGIND_TETHER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "sockpath.h"
#include "wire.h"

/* Entries that tether_poll() fills in. */
enum { TETHER_ASK = WIRE_PFD, TETHER_TIMER, TETHER_VAULT, TETHER_PFD };

void	      tether_open(const struct sockpath *, const char *, int64_t);
void	      tether_hold(bool);
bool	      tether_is_held(void);
bool	      tether_was_held(void);
bool	      tether_has_daemon(void);
noreturn void tether_end(int, int, const char *, ...)
    __attribute__((format(printf, 3, 4)));
int64_t tether_poll(struct pollfd *, bool);
void	tether_turn(const struct pollfd *);

#endif
