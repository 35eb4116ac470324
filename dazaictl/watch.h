/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_WATCH_H
#define DAZAICTL_WATCH_H

#include <stdbool.h>

#include "sockpath.h"

void watch_release(const struct sockpath *, const char *);
void watch_events(const struct sockpath *, bool);
void watch_wait(const struct sockpath *, const char *);

#endif
