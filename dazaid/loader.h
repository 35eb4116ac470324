/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_LOADER_H
#define DAZAID_LOADER_H

#include "options.h"
#include "store.h"

void loader_start(const struct options *);
void loader_secrets(struct store *, void (*)(int));

#endif
