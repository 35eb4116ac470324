/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_VISIBLE_H
#define DAZAI_VISIBLE_H

#include <stddef.h>

void visible_text(const char *, char *, size_t);

#endif
