/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_NOTIFY_H
#define DAZAID_NOTIFY_H

void notify_open(void);
void notify_ready(void);
void notify_state(const char *);
void notify_stopping(const char *);

#endif
