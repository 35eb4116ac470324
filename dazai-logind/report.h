/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_LOGIND_REPORT_H
#define DAZAI_LOGIND_REPORT_H

#include <stdbool.h>

void report_open(bool, bool);
void report(int, const char *, ...) __attribute__((format(printf, 2, 3)));

#endif
