/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_TYPED_H
#define DAZAICTL_TYPED_H

#include <stdbool.h>
#include <stddef.h>

#include "secmem.h"

size_t typed_line(struct secmem *, const char *, bool);

#endif
