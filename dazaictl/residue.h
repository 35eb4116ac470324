/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_RESIDUE_H
#define DAZAICTL_RESIDUE_H

#include <stddef.h>

void residue_stay(int);
void residue_leave(void);
void residue_socket(size_t);
void residue_pipe(void);

#endif
