/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_STATUS_H
#define DAZAI_HB_STATUS_H

#include <sys/types.h>

#include <stdint.h>

#include "sockpath.h"

struct status {
	pid_t	pid;	 /* of the vault, as it knows itself; 0: unknown */
	int64_t timeout; /* ms without PING; 0: no limit, or unknown */
};

void status_ask(const struct sockpath *, struct status *);

#endif
