/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_UNIT_H
#define DAZAICTL_UNIT_H

#include <stdint.h>

#define UNIT_PRINT 64 /* bytes: enough for two numbers of 64 bits and units */

char *unit_bytes(int64_t, char *);
char *unit_time(int64_t, char *);

#endif
