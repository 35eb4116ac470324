/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_HB_HEARTBEAT_H
#define DAZAI_HB_HEARTBEAT_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "sockpath.h"
#include "status.h"

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

#define ANSWER_MS 10000 /* for WELCOME and BYE, and to come back in */

struct heartbeat_options {
	struct sockpath places;	  /* of the socket */
	int64_t		interval; /* ms between PINGs; 0: none; -1: not given */
	int64_t		wait;	  /* ms for the daemon to come */
	const char     *tether;	  /* to hold; NULL: be the heartbeat */
	pid_t		pids[HEARTBEAT_WATCHED]; /* end with any of them */
	unsigned int	npids;
	const char     *paths[HEARTBEAT_WATCHED]; /* likewise */
	unsigned int	npaths;
	bool		background;
	bool		quiet; /* print errors only */
	bool		tell;  /* the terminal, of panics */
	bool		verbose;
};

/* What the parts of dazai-hb know of each other. */
struct heartbeat {
	const struct heartbeat_options *o;
	enum {
		AWAY,
		LEARNING, /* connected; STATUS is on its way */
		ASKED,	  /* HELLO or HOLD is */
		GUARDING,
		QUITTING
	} state;
	bool	      guarded;	/* we have, once at least */
	bool	      settled;	/* we have said so, and given up all rights */
	bool	      detached; /* in a session of our own */
	bool	      busy;	/* another guarded when we last asked */
	const char   *terminal; /* for notices, or NULL */
	pid_t	      session;	/* the process that we guard: watched, or us */
	struct status status;	/* of the daemon */
	int64_t	      due;	/* ms of CLOCK_MONOTONIC: give up then */
	int64_t	      retry;	/* while AWAY: not before */
	int64_t	      patient;	/* until then the daemon may come */
	unsigned int  naming;	/* processes for which no answer has come yet */
};

extern struct heartbeat hb;

noreturn void heartbeat_run(const struct heartbeat_options *);
noreturn void heartbeat_fail(int, const char *, ...)
    __attribute__((format(printf, 2, 3)));
noreturn void heartbeat_ended(void);

#endif
