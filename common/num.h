/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_NUM_H
#define DAZAI_NUM_H

#include <stdint.h>

#define NUM_MAX_SECONDS	1000000000LL	/* 31 years; in ms it is far from overflow */

const char	*num_int(const char *, int64_t, int64_t, int64_t *);
const char	*num_ms(const char *, int64_t *);

#endif
