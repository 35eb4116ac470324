/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_HEARTBEAT_H
#define DAZAI_HB_HEARTBEAT_H

#include <sys/types.h>

#include <stdint.h>
#include <stdnoreturn.h>

#include "sockpath.h"

/* Exit codes; they are in the man page. */
enum {
	EXIT_LET_GO = 0, /* as told: a signal, the watched process, QUIT */
	EXIT_USAGE = 1,	 /* or the system said no */
	EXIT_NO_DAEMON = 2,
	EXIT_BUSY = 3,	  /* another heartbeat guards, or too many hold */
	EXIT_REFUSED = 4, /* no answer, or not the protocol's */
	EXIT_ENDED = 5	  /* the daemon, while we guarded */
};

struct heartbeat_options {
	struct sockpath places;	  /* of the socket */
	const char     *tether;	  /* to hold; NULL: be the heartbeat */
	int64_t		interval; /* ms between PINGs; 0: none; -1: choose */
	int64_t		wait;	  /* ms for the daemon to come */
	int		quiet;
	int		verbose;
};

noreturn void heartbeat_run(const struct heartbeat_options *);

#endif
