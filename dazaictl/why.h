/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_WHY_H
#define DAZAICTL_WHY_H

#include "list.h"

void why_show(const struct sockpath *, enum list_form);
void why_warn(const struct sockpath *);

#endif
