/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_ASSUAN_H
#define DAZAICTL_ASSUAN_H

#include <stdbool.h>

/* Errors of libgpg-error, from the source Pinentry. */
#define ASSUAN_NO_PINENTRY "ERR 83886165 No pinentry <dazai>"
#define ASSUAN_CANCELLED   "ERR 83886179 Operation cancelled <dazai>"
#define ASSUAN_LONG	   "ERR 83886343 Line too long <dazai>"
#define ASSUAN_UNKNOWN	   "ERR 83886355 Unknown IPC command <dazai>"

#define ASSUAN_MAX 1000 /* bytes of a line, without its end */

enum assuan_result { ASSUAN_GOT, ASSUAN_TOO_LONG, ASSUAN_ENDED };

enum assuan_result assuan_read(int, int, int);
bool		   assuan_is(const char *);
const char	  *assuan_words(void);
bool		   assuan_pass(int);
void		   assuan_say(const char *);

#endif
