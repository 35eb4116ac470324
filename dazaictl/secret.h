/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_SECRET_H
#define DAZAICTL_SECRET_H

#include <stdbool.h>

void secret_put(const char *, const char *, const char *, const char *);
void secret_get(const char *, const char *, bool);

#endif
