/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_SANDBOX_H
#define DAZAI_HB_SANDBOX_H

int sandbox_heartbeat(const char *);

#endif
