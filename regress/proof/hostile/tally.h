/* SPDX-License-Identifier: ISC */
#ifndef HOSTILE_TALLY_H
#define HOSTILE_TALLY_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#define TALLY_TEXT 512

bool	     tally_mine(void);
unsigned int tally_share_of(void);
void	     tally_took(const char *, int64_t, bool);
void	     tally_share(unsigned int);
void	     tally_report(const char *);
void	     tally_now(void);
void	     tally_since(int64_t, int64_t);
int64_t	     tally_delays(void);
const char  *tally_proc(pid_t, const char *);

#endif
