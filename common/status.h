/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_STATUS_H
#define DAZAI_STATUS_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

struct status {
	int64_t timeout; /* ms without PING that are a loss; 0: no limit */
	bool	same;	 /* the vault sees our processes by the same pids */
};

int  status_ask(const char *, pid_t);
bool status_read(int, struct status *);

#endif
