/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_ALIVE_H
#define DAZAID_ALIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "session.h"

#define ALIVE_LINE   64	 /* bytes of the longest answer on a channel */
#define ALIVE_CANCEL 'C' /* on a channel; any other byte is a PING */

/* Which of a holder's descriptors is which. */
enum { ALIVE_CONNECTION, ALIVE_CHANNEL, ALIVE_PROCESS, ALIVE_WATCHED };

int	     alive_open(void);
bool	     alive_watch(struct session_holder *, unsigned int);
void	     alive_close(struct session_holder *, unsigned int);
void	     alive_look(void);
void	     alive_ended(struct session_holder *, const char *);
void	     alive_tell(const char *, size_t);
void	     alive_answer(struct session_holder *, const char *);
unsigned int alive_fds(void);

#endif
