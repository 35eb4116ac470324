/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_WATCH_H
#define DAZAI_HB_WATCH_H

#include <poll.h>
#include <stdbool.h>

#include "heartbeat.h"
#include "path.h"

/* Entries that watch_poll() fills in. */
#define WATCH_PFD (HEARTBEAT_WATCHED + PATH_PFD)

void   watch_open(const struct heartbeat_options *);
nfds_t watch_poll(struct pollfd *);
bool   watch_ended(const struct pollfd *, nfds_t);
bool   watch_look(void);

#endif
