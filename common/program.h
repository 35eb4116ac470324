/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_PROGRAM_H
#define DAZAI_PROGRAM_H

#define PROGRAM_NOT_RUN	  126 /* exit codes, as env(1) has them */
#define PROGRAM_NOT_FOUND 127

int program_check(const char *);

#endif
