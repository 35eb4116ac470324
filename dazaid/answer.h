/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_ANSWER_H
#define DAZAID_ANSWER_H

#include "conn.h"
#include "imsg.h"

#define ANSWER_BYTES 512 /* of the longest line, with its NUL */

void answer_init(void);
void answer_status(char *, const struct imsg_report *);
void answer_entry(char *, const struct imsg_entry *);
void answer_tether(char *, const struct imsg_tether *);
void answer_event(char *, const struct imsg_event *);
void answer_holder(struct conn *, const struct imsg *);

#endif
