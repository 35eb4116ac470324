/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_FILES_H
#define DAZAID_FILES_H

#include <sys/types.h>

const char	*files_claim(const char *);
int		 files_listen(void);
int		 files_dirfd(void);
void		 files_remove(void);

#endif
