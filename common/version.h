/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_VERSION_H
#define DAZAI_VERSION_H

#define DAZAI_VERSION "0.1"

#endif
