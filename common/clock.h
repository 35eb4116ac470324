/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_CLOCK_H
#define DAZAI_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_ms(clockid_t);

#endif
