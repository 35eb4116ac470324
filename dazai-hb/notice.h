/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_NOTICE_H
#define DAZAI_HB_NOTICE_H

#include <sys/types.h>

#include <stdbool.h>

/* open(2) adds O_LARGEFILE on 32-bit machines; elsewhere it is 0. */
#define NOTICE_FLAGS \
	(O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | O_LARGEFILE)

const char *notice_open(pid_t);
void	    notice_claim(void);
void	    notice_event(const char *);
void	    notice_flush(void);
void	    notice_ended(void);
bool	    notice_waits(void);

#endif
