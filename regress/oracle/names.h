/* SPDX-License-Identifier: ISC */
#ifndef ORACLE_NAMES_H
#define ORACLE_NAMES_H

#include <stdbool.h>

bool names_secret_ok(const char *);
bool names_tether_ok(const char *);

#endif
