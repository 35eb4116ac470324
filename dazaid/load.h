/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_LOAD_H
#define DAZAID_LOAD_H

#include "store.h"

#define LOAD_MAX 32 /* -l options; each holds a descriptor at the start */

const char *load_add(const char *);
void	    load_open(void);
void	    load_close_others(void);
const char *load_secrets(struct store *, void (*)(int));
const char *load_prompted(struct store *, const char *, uint32_t, int64_t,
    void (*)(int));
void	    load_once(void);

#endif
