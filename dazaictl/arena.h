/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_ARENA_H
#define DAZAICTL_ARENA_H

#include <stddef.h>

#include "secmem.h"

#define ARENA_MAX 66 /* arenas at a time */

void arena_grow(struct secmem *, size_t, size_t);
void arena_close(struct secmem *);
void arena_leave(void);

#endif
