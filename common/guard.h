/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_GUARD_H
#define DAZAI_GUARD_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

void guard_open(int, const char *);
void guard_close(void);
bool guard_writes(dev_t);
bool guard_alone(dev_t);
void guard_claim(pid_t);
void guard_release(void);
void guard_who(char *, size_t);

#endif
