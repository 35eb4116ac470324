/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_CHANNEL_H
#define DAZAID_CHANNEL_H

#include <sys/socket.h>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif

int channel_send(int, const char *, int);
int channel_offer(int, const char *);

#endif
