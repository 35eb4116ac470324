/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_ASKPASS_H
#define DAZAICTL_ASKPASS_H

#include <stdnoreturn.h>

noreturn void askpass_main(int, char **);

#endif
