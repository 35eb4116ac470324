/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_PING_H
#define DAZAI_HB_PING_H

int  ping_open(void);
void ping_interval(void);
void ping_send(void);

#endif
