/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_SECRET_H
#define DAZAICTL_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "secmem.h"
#include "sockpath.h"

void   secret_put(const struct sockpath *, const char *, const char *,
      const char *, bool, bool);
size_t secret_fetch(const struct sockpath *, const char *, struct secmem *);
void   secret_write(const struct secmem *, size_t);
void   secret_send(int, const unsigned char *, size_t);
void   secret_stored(int);
size_t secret_request(int, const char *, int *, int *);
void   secret_receive(int, unsigned char *, size_t);
void   secret_get(const struct sockpath *, const char *, bool);

#endif
