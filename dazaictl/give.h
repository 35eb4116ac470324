/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_GIVE_H
#define DAZAICTL_GIVE_H

#include <stddef.h>
#include <stdnoreturn.h>

/* An encoding makes at most this many bytes of one. */
#define GIVE_GROWTH 6

/*
 * Encodes a secret, of so many bytes, to the third argument, and stores in the
 * last one how many bytes that are.  Returns NULL, or why the protocol cannot
 * carry the secret.
 */
typedef const char *(
    *give_encoding)(const unsigned char *, size_t, unsigned char *, size_t *);

noreturn void give(const char *, const char *, give_encoding, const char *);
int	      give_apart(void (*)(const void *), const void *);
const char   *give_line(const unsigned char *, size_t);

#endif
