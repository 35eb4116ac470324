/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_FRONT_H
#define DAZAI_HB_FRONT_H

#include <sys/types.h>

void  front_background(void);
pid_t front_command(char *[]);
void  front_ready(void);

#endif
