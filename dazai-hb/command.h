/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_COMMAND_H
#define DAZAI_HB_COMMAND_H

#include <sys/types.h>

pid_t command_start(char *[]);
void  command_ready(void);

#endif
