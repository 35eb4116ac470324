/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_OPTION_H
#define DAZAI_OPTION_H

#include <getopt.h>

int	    option_next(int, char **, const char *, const struct option *);
void	    option_check(const char *, const char *, const char *);
const char *option_tether(const char *);

#endif
