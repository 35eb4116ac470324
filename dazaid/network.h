/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_NETWORK_H
#define DAZAID_NETWORK_H

#include <stdnoreturn.h>

noreturn void	network_main(void);

#endif
