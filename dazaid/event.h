/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_EVENT_H
#define DAZAID_EVENT_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "imsg.h"

void event_watchers(uint32_t);
bool event_wanted(void);
void event_send(enum imsg_event_kind, const char *, pid_t, int64_t,
    const char *);

#endif
