/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_PEER_H
#define DAZAI_PEER_H

#include <sys/types.h>

#include <stdbool.h>

int  peer_pidfd(int, pid_t);
bool peer_is_dazaid(pid_t);

#endif
