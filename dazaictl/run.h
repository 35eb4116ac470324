/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_RUN_H
#define DAZAICTL_RUN_H

#include "sockpath.h"

void run_program(const struct sockpath *, int, char **);

#endif
