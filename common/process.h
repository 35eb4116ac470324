/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_PROCESS_H
#define DAZAI_PROCESS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>

dev_t process_terminal(pid_t);
bool  process_name(pid_t, char *, size_t);
void  process_words(pid_t, char *, size_t);
pid_t process_watched(pid_t);

#endif
