/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_HEARTBEAT_H
#define DAZAI_HB_HEARTBEAT_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "sockpath.h"

/* Exit codes; they are in the man page. */
enum {
	EXIT_LET_GO = 0, /* as told: a signal, what is watched, QUIT, RELEASE */
	EXIT_USAGE = 1,	 /* or the system said no */
	EXIT_NO_DAEMON = 2,
	EXIT_BUSY = 3,	  /* another heartbeat guards, or no room */
	EXIT_REFUSED = 4, /* no answer, or not the protocol's */
	EXIT_ENDED = 5	  /* the daemon, while we guarded */
};

#define HEARTBEAT_WATCHED 16 /* processes, and as many paths */

struct heartbeat_options {
	struct sockpath places;	  /* of the socket */
	int64_t		interval; /* ms between PINGs; 0: none; -1: not given */
	int64_t		wait;	  /* ms for the daemon to come */
	const char     *tether;	  /* to hold; NULL: be the heartbeat */
	pid_t		pids[HEARTBEAT_WATCHED]; /* end with any of them */
	unsigned int	npids;
	const char     *paths[HEARTBEAT_WATCHED]; /* likewise */
	unsigned int	npaths;
	bool		quiet; /* of what is no error */
	bool		tell;  /* the terminal of panics */
	bool		verbose;
};

noreturn void heartbeat_run(const struct heartbeat_options *);

#endif
