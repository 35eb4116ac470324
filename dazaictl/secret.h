/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_SECRET_H
#define DAZAICTL_SECRET_H

#include <stdbool.h>

#include "sockpath.h"

void secret_put(const struct sockpath *, const char *, const char *,
    const char *, bool);
void secret_get(const struct sockpath *, const char *, bool);

#endif
