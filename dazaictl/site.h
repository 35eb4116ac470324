/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_SITE_H
#define DAZAICTL_SITE_H

#include <stdbool.h>

#define SITE_SCHEME 16	 /* bytes, with the NUL */
#define SITE_HOST   272	 /* a name's 255, and a port */
#define SITE_PATH   1024 /* more than any URL of a repository needs */

/* A server, or a part of one. */
struct site {
	char scheme[SITE_SCHEME];
	char host[SITE_HOST]; /* in lower case, without the scheme's own port */
	char path[SITE_PATH]; /* without a slash at either end */
};

const char *site_parse(struct site *, const char *);
const char *site_set(struct site *, const char *, const char *, const char *);
bool	    site_covers(const struct site *, const struct site *);

#endif
