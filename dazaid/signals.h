/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_SIGNALS_H
#define DAZAID_SIGNALS_H

#include <sys/types.h>

#include <stddef.h>

void signals_ignore(void);
int  signals_collect(const int *, size_t);
int  signals_next(int, uid_t *);
void signals_at_once(void (*)(int), void (*)(int));
void signals_hide(void);

#endif
