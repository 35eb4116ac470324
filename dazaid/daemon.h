/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_DAEMON_H
#define DAZAID_DAEMON_H

struct options;

int daemon_fork(const struct options *);
int daemon_detach(int);
int daemon_ready(void);

#endif
