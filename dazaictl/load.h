/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_LOAD_H
#define DAZAICTL_LOAD_H

#include <stdbool.h>

#include "sockpath.h"

bool load_file(const struct sockpath *, const char *, bool, bool);

#endif
