/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_HEART_H
#define DAZAID_HEART_H

#include <stdbool.h>

#include "conn.h"
#include "imsg.h"

#define HEART_CONNS 64 /* to the heartbeat socket */

void heart_init(void);
void heart_accept(int);
bool heart_is_welcomed(void);
void heart_poll_heartbeat(struct conn_poll *);
void heart_poll(struct conn_poll *);
void heart_ready(struct conn *, short);
bool heart_reply(const struct imsg *);

#endif
