/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_GIVE_H
#define DAZAICTL_GIVE_H

#include <stddef.h>
#include <stdnoreturn.h>

/* An encoding makes at most this many bytes of each byte. */
#define GIVE_GROWTH 6

/*
 * Encodes a secret, whose length is the second argument, into the third one,
 * and stores the number of encoded bytes in the last one.  Returns NULL, or why
 * the protocol cannot carry the secret.
 */
typedef const char *(
    *give_encoding)(const unsigned char *, size_t, unsigned char *, size_t *);

noreturn void give(const char *, const char *, give_encoding, const char *);
int	      give_apart(void (*)(const void *), const void *);
const char   *give_line(const unsigned char *, size_t);

#endif
