/* SPDX-License-Identifier: ISC */
/*
 * Included first on 32-bit machines, see GNUmakefile.  With _FORTIFY_SOURCE
 * glibc's <poll.h> calls the ppoll(3) that takes a timespec of two 32-bit
 * numbers, although with _TIME_BITS=64 a timespec has 64-bit seconds: it would
 * take their upper half for the nanoseconds, and never wait for less than a
 * second.  So that header alone is included as without _FORTIFY_SOURCE.
 */
#ifndef DAZAI_WIDE_H
#define DAZAI_WIDE_H

#include <features.h>

#pragma push_macro("__USE_FORTIFY_LEVEL")
#undef __USE_FORTIFY_LEVEL
#define __USE_FORTIFY_LEVEL 0
#include <poll.h>
#pragma pop_macro("__USE_FORTIFY_LEVEL")

#endif
