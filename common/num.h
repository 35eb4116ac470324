/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_NUM_H
#define DAZAI_NUM_H

#include <stdint.h>

/* 31 years; in milliseconds it is far from overflow. */
#define NUM_MAX_SECONDS 1000000000LL
#define NUM_PRINT	32 /* bytes of a printed number, with its NUL */

const char *num_int(const char *, int64_t, int64_t, int64_t *);
const char *num_ms(const char *, int64_t *);
char	   *num_print(uint64_t, char *);
char	   *num_print_ms(int64_t, char *);

#endif
