/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_OUT_H
#define DAZAI_OUT_H

#include <stddef.h>

struct out {
	int fd; /* -1: what is written is dropped */
	enum { OUT_FILE, OUT_OWN, OUT_SHARED, OUT_SOCKET } kind;
};

void out_open(struct out *, int);
void out_write(const struct out *, const char *, size_t);

#endif
