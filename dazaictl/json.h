/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_JSON_H
#define DAZAICTL_JSON_H

#include <stdbool.h>
#include <stdint.h>

void json_status(const char *);
void json_event(const char *);
void json_entry(const char *);
void json_tether(const char *);
void json_last(int64_t, int64_t, const char *, bool, int64_t, const char *);

#endif
