/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_REGISTRY_H
#define DAZAID_REGISTRY_H

#include <sys/types.h>

#include <poll.h>
#include <stdbool.h>

#define REGISTRY_MAX 32 /* processes */

const char  *registry_init(uid_t);
void	     registry_own(void);
int	     registry_procfd(void);
int	     registry_open(pid_t, int);
int	     registry_open_owned(pid_t);
bool	     registry_has(pid_t);
int	     registry_add(pid_t, int);
int	     registry_remove(pid_t);
unsigned int registry_count(void);
pid_t	     registry_pid(unsigned int);
bool	     registry_groups(void);
nfds_t	     registry_poll(struct pollfd *);
void	     registry_forget(const struct pollfd *, nfds_t);
void	     registry_kill(void);

#endif
