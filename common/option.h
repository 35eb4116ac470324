/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_OPTION_H
#define DAZAI_OPTION_H

void	    option_check(const char *, const char *, const char *);
const char *option_tether(const char *);

#endif
