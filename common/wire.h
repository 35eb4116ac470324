/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_WIRE_H
#define DAZAI_WIRE_H

#include <poll.h>
#include <stdbool.h>

#include "reach.h"

/*
 * The orders to the vault; their first byte is all that goes over the channel.
 * See dazai-protocol(7).
 */
#define WIRE_PING   "PING\n"
#define WIRE_CANCEL "CANCEL\n"

enum { WIRE_DAEMON, WIRE_CHANNEL, WIRE_PFD }; /* what wire_poll() fills in */

/* Takes a line, with the channel that came with it, or -1. */
typedef void wire_take(const char *, int);

const struct reach *wire_daemon(void);
bool		    wire_known(void);
enum reach_result   wire_open(const struct sockpath *, const char *);
void		    wire_close(void);
void		    wire_forget(void);
bool		    wire_welcome(int);
bool		    wire_forwarded(void);
void		    wire_poll(struct pollfd *);
void		    wire_send(const char *);
void		    wire_send_vault(const char *);
int		    wire_send_aside(const char *);
bool		    wire_read(wire_take *, bool);
void		    wire_read_vault(wire_take *);

#endif
