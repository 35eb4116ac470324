/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_PAINT_H
#define DAZAICTL_PAINT_H

enum paint { PAINT_GOOD, PAINT_BAD, PAINT_HEAD, PAINT_OFF };

const char *paint(enum paint);

#endif
