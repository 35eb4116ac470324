/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_LAST_H
#define DAZAID_LAST_H

void last_begin(int);
void last_words(const char *, const char *);

#endif
