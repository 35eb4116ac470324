/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_HOLDER_H
#define DAZAID_HOLDER_H

#include <poll.h>
#include <stdbool.h>

#include "imsg.h"
#include "session.h"

#define HOLDER_PFD    (SESSION_HOLDERS * SESSION_FDS) /* all are polled */
#define HOLDER_CANCEL 'C' /* on a channel; any other byte is a PING */

bool	     holder_message(const struct imsg *);
nfds_t	     holder_poll(struct pollfd *);
void	     holder_seen(const struct pollfd *, nfds_t);
void	     holder_look(void);
void	     holder_tethers(uint32_t, uint64_t);
void	     holder_drop_lost(void);
unsigned int holder_fds(void);

#endif
