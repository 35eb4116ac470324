/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_PATH_H
#define DAZAI_HB_PATH_H

#include <poll.h>
#include <stdbool.h>

#define PATH_PFD 2

void   path_open(const char *);
nfds_t path_poll(struct pollfd *);
bool   path_ended(const struct pollfd *);

#endif
