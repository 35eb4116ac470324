/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_LINE_H
#define DAZAI_LINE_H

#include <stddef.h>

#define LINE_BYTES 8192 /* of the longest line, with its newline */

char *line_next(char *, size_t, size_t *);

#endif
