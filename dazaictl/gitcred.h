/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_GITCRED_H
#define DAZAICTL_GITCRED_H

#include <stdnoreturn.h>

noreturn void gitcred_main(int, char **);

#endif
