/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_JSON_H
#define DAZAICTL_JSON_H

void json_status(const char *);
void json_event(const char *);
void json_entry(const char *);
void json_tether(const char *);

#endif
