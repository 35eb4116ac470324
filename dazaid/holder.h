/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_HOLDER_H
#define DAZAID_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

#include "imsg.h"

bool holder_message(const struct imsg *);
void holder_tethers(uint32_t, uint64_t);
void holder_drop_lost(void);

#endif
