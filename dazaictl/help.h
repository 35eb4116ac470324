/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_HELP_H
#define DAZAICTL_HELP_H

#include <stdbool.h>
#include <stdio.h>

void	    help_all(FILE *);
bool	    help_one(const char *);
const char *help_usage(const char *);

#endif
