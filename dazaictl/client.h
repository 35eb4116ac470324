/* SPDX-License-Identifier: ISC */
#ifndef DAZAICTL_CLIENT_H
#define DAZAICTL_CLIENT_H

#include <stdbool.h>
#include <stdnoreturn.h>

#include "reach.h"

/* Exit codes; they are in the man page. */
enum {
	EXIT_DONE = 0,
	EXIT_USAGE = 1, /* or a system call failed */
	EXIT_NO_DAEMON = 2,
	EXIT_POLICY = 3, /* unguarded, or a panic is pending */
	EXIT_NO_SECRET = 4,
	EXIT_REFUSED = 5, /* any other refusal, by us or by the daemon */
	/* the daemon ended before it had answered; panic: it did not end */
	EXIT_CUT = 6,
	EXIT_PARTLY = 7 /* load: some secrets were not loaded */
};

/* The daemons that a command accepts. */
enum client_trust {
	CLIENT_OURS, /* our user's or root's: they may get secrets */
	CLIENT_ANY   /* for root, also those of any other user */
};

int		    client_open(const struct sockpath *, enum client_trust);
const struct reach *client_daemon(void);
bool		    client_is_near(const char *);
void client_ask(int, const char *, ...) __attribute__((format(printf, 2, 3)));
const char   *client_line(int);
const char   *client_next(int);
const char   *client_vouched(int, const char *, int *);
bool	      client_offered(int, const char *, int *, char *, size_t);
void	      client_want(int, const char *);
void	      client_speak_of(const char *);
noreturn void client_refused(const char *);
noreturn void client_nonsense(void);

#endif
