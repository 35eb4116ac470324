/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_COMMAND_H
#define DAZAICTL_COMMAND_H

#include <stdnoreturn.h>

#include "sockpath.h"

void	      command_places(const char *, struct sockpath *);
void	      command_check_name(const char *);
noreturn void command_run(const struct sockpath *, int, char **);

#endif
