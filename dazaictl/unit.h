/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_UNIT_H
#define DAZAICTL_UNIT_H

#include <stdint.h>

#define UNIT_PRINT 32 /* bytes that are enough for any of these */

char *unit_bytes(int64_t, char *);
char *unit_time(int64_t, char *);

#endif
