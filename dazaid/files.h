/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_FILES_H
#define DAZAID_FILES_H

#include <sys/types.h>

#include <stdbool.h>

enum { FILES_HEARTBEAT, FILES_CONTROL, FILES_SOCKETS };

const char *files_claim(const char *);
int	    files_listen(unsigned int);
bool	    files_accepted(unsigned int, int);
int	    files_dirfd(void);
int	    files_last(void);
int	    files_watch(void);
bool	    files_reachable(void);
void	    files_remove(void);

#endif
