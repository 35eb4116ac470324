/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_ONELINE_H
#define DAZAI_ONELINE_H

const char *oneline(const char *);

#endif
