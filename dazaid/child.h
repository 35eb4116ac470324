/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_CHILD_H
#define DAZAID_CHILD_H

#include <sys/types.h>

#include <stdbool.h>

#include "imsg.h"

#define CHILD_TITLE "dazaid: network" /* network's argv[0], which ps shows */
#define CHILD_FD    3		      /* its end of the socketpair */

int	    child_start(const struct imsg_config *, pid_t *);
const char *child_wait(int, pid_t);
void	    child_user(struct imsg_config *);
bool	    child_is_stopped(pid_t);
void	    child_end(int, int64_t);

#endif
