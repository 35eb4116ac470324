/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_STDFD_H
#define DAZAI_STDFD_H

void stdfd_open(void);
void stdfd_flush(void);

#endif
