/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_ORDER_H
#define DAZAICTL_ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "sockpath.h"

#define ORDER_WAIT_MS 10000 /* to wait for the vault's end without -w */

void order_panic(const struct sockpath *, bool, int64_t);

#endif
