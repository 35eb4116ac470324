/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_OUT_H
#define DAZAI_OUT_H

#include <stddef.h>

struct out {
	int fd; /* -1: every line is dropped */
	enum {
		OUT_FILE,   /* a regular file, or an unknown kind */
		OUT_OWN,    /* opened again for us, with O_NONBLOCK */
		OUT_SHARED, /* a pipe that cannot be opened again */
		OUT_SOCKET
	} kind;
};

void out_open(struct out *, int);
void out_write(const struct out *, const char *, size_t);

#endif
