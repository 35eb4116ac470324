/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_LOADFILE_H
#define DAZAI_LOADFILE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOADFILE_BYTES 65536 /* of a file, at most */
#define LOADFILE_MAX   256   /* secrets in a file, at most */
#define LOADFILE_WHY   512   /* bytes of an error message */

/* A line of the file: a secret, and where it comes from. */
struct loadfile_entry {
	const char  *name;
	const char  *command; /* for sh(1); NULL: the secret is typed */
	int64_t	     ttl;     /* ms; 0: for ever */
	uint32_t     reads;   /* 0: any number */
	unsigned int line;
	bool	     keep; /* newlines at the end stay */
};

struct loadfile {
	struct loadfile_entry entry[LOADFILE_MAX];
	unsigned int	      n;
	char		      text[LOADFILE_BYTES + 1];
};

int	    loadfile_read(struct loadfile *, const char *, uid_t, char *);
int	    loadfile_parse(struct loadfile *, const char *, size_t, char *);
pid_t	    loadfile_run(const struct loadfile_entry *, int);
const char *loadfile_failure(int, char *);

#endif
