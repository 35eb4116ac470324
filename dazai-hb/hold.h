/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_HOLD_H
#define DAZAI_HB_HOLD_H

void hold_ask(void);
void hold_line(const char *, int);
void hold_answer(const char *, int);
void hold_settle(void);

#endif
