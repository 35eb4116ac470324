/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_COME_H
#define DAZAI_HB_COME_H

#include <poll.h>

void	      come_connect(void);
void	      come_later(void);
void	      come_again(void);
struct pollfd come_poll(void);
void	      come_learn(void);

#endif
