/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_PROMPT_H
#define DAZAI_PROMPT_H

#include <sys/types.h>

#include <stdbool.h>

int  prompt_open(void);
int  prompt_begin(int, const char *);
bool prompt_is_ours(int);
int  prompt_wait_for(int);
bool prompt_retry(ssize_t);
void prompt_end(const char *);
void prompt_restore(void);
void prompt_stops(void (*)(void));
void prompt_again(void);

#endif
