/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_DOCKERCRED_H
#define DAZAICTL_DOCKERCRED_H

#include <stdnoreturn.h>

noreturn void dockercred_main(int, char **);

#endif
