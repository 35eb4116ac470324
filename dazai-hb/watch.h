/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_WATCH_H
#define DAZAI_HB_WATCH_H

#include <sys/types.h>

#include <poll.h>
#include <stdbool.h>

#define WATCH_PIDS  16 /* options -p */
#define WATCH_PATHS 16 /* options -w */
#define WATCH_PFD   (WATCH_PIDS + 1)

const char *watch_pid(pid_t);
const char *watch_path(const char *);
pid_t	    watch_nth(size_t);
nfds_t	    watch_poll(struct pollfd *);
bool	    watch_ended(const struct pollfd *, nfds_t);

#endif
