/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_STATUS_H
#define DAZAICTL_STATUS_H

void status_print(const char *);

#endif
