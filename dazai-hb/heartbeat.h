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
	EXIT_BUSY = 3,	  /* another heartbeat guards */
	EXIT_REFUSED = 4, /* no answer, or not the protocol's */
	EXIT_ENDED = 5	  /* the daemon, while we guarded */
};

struct heartbeat_options {
	struct sockpath places;	  /* of the socket */
	int64_t		interval; /* ms between PINGs; 0: none */
	pid_t		watch;	  /* end with it; 0: with no process */
	int		quiet;
	int		verbose;
};

noreturn void heartbeat_run(const struct heartbeat_options *);

#endif
