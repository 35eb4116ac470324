/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_COMMAND_H
#define DAZAICTL_COMMAND_H

#include <getopt.h>
#include <stdnoreturn.h>

#include "sockpath.h"

void	      command_places(const char *, struct sockpath *);
void	      command_check_name(const char *);
int	      command_option(int, char **, const char *, const struct option *);
noreturn void command_wrong(const char *, ...)
    __attribute__((format(printf, 1, 2)));
noreturn void command_run(const char *, int, char **);

#endif
