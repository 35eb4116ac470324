/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_STATUS_H
#define DAZAICTL_STATUS_H

#include "list.h"

void status_show(const struct sockpath *, enum list_form);

#endif
