/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_LOGIND_SANDBOX_H
#define DAZAI_LOGIND_SANDBOX_H

int sandbox_logind(void);

#endif
