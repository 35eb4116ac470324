/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_SERVE_H
#define DAZAID_SERVE_H

#include <stdbool.h>

#include "imsg.h"
#include "vault.h"

bool serve_request(struct vault *, const struct imsg *);

#endif
