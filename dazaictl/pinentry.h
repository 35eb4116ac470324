/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_PINENTRY_H
#define DAZAICTL_PINENTRY_H

#include <stdnoreturn.h>

noreturn void pinentry_main(int, char **);

#endif
