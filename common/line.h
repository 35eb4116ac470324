/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_LINE_H
#define DAZAI_LINE_H

#include <sys/types.h>

#define LINE_BYTES 8192 /* a line's longest, its newline included */

enum line_verb {
	LINE_UNKNOWN,
	LINE_HELLO,
	LINE_BAD_PID, /* HELLO, but not with a positive number */
	LINE_PING,
	LINE_CANCEL,
	LINE_QUIT
};

char	      *line_next(char *, size_t, size_t *);
enum line_verb line_parse(const char *, pid_t *);

#endif
