/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_CONTROL_H
#define DAZAID_CONTROL_H

#include "conn.h"
#include "imsg.h"

/* Most connections at a time: with requests, of watchers, of holders. */
#define CONTROL_REQUESTS 32
#define CONTROL_WATCHERS 16
#define CONTROL_HOLDERS	 64
#define CONTROL_CONNS	 (CONTROL_REQUESTS + CONTROL_WATCHERS + CONTROL_HOLDERS)

void	control_init(void);
int64_t control_admits(void);
bool	control_has_room(struct conn **);
void	control_accept(int, struct conn *);
void	control_poll(struct conn_poll *);
void	control_ready(struct conn *, short);
void	control_reply(const struct imsg *);

#endif
