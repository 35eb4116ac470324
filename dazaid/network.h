/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_NETWORK_H
#define DAZAID_NETWORK_H

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "conn.h"
#include "imsg.h"

noreturn void network_main(void);
int64_t	      network_now(void);
bool	      network_send(struct imsg *, const struct conn *);
bool network_send_number(enum imsg_type, const struct conn *, uint32_t);

#endif
