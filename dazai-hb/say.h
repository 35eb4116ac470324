/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_SAY_H
#define DAZAI_HB_SAY_H

#include <stdbool.h>

void say_open(bool);
void say(const char *, ...) __attribute__((format(printf, 1, 2)));
void say_close(void);

#endif
