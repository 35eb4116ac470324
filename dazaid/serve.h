/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_SERVE_H
#define DAZAID_SERVE_H

#include <stdbool.h>

#include "imsg.h"

bool serve_request(const struct imsg *);

#endif
