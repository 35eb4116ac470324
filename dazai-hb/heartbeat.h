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
	EXIT_LET_GO = 0, /* a signal, a watched end, QUIT, RELEASE */
	EXIT_USAGE = 1,	 /* or a system call failed */
	EXIT_NO_DAEMON = 2,
	EXIT_BUSY = 3,	  /* another heartbeat guards, or no room */
	EXIT_REFUSED = 4, /* no answer, or not the protocol's */
	EXIT_ENDED = 5	  /* the daemon ended while we guarded */
};

#define HEARTBEAT_WATCHED 16 /* processes, and as many paths */

#define ANSWER_MS 10000 /* to wait for WELCOME and BYE, and to reconnect */

struct heartbeat_options {
	struct sockpath places;	  /* of the socket */
	int64_t		interval; /* ms between PINGs; 0: none; -1: not given */
	int64_t		wait;	  /* ms to wait for a daemon */
	const char     *tether;	  /* to hold; NULL: be the heartbeat */
	pid_t	     pids[HEARTBEAT_WATCHED]; /* exit when any of them ends */
	unsigned int npids;
	const char  *paths[HEARTBEAT_WATCHED]; /* likewise */
	unsigned int npaths;
	bool	     background;
	bool	     quiet; /* print errors only */
	bool	     tell;  /* write to the terminal about panics */
	bool	     verbose;
};

/* The state that the files of dazai-hb share. */
struct heartbeat {
	const struct heartbeat_options *o;
	enum {
		AWAY,
		LEARNING, /* connected; waiting for the answer to STATUS */
		ASKED,	  /* waiting for the answer to HELLO or HOLD */
		GUARDING,
		QUITTING
	} state;
	bool	    guarded; /* we have guarded at least once */
	bool	    settled; /* we have printed that, and given up all rights */
	bool	    detached;  /* in a session of our own */
	bool	    busy;      /* another one guarded when we last asked */
	const char *terminal;  /* for notices, or NULL */
	pid_t	    session;   /* the process that we guard: watched, or us */
	struct status status;  /* of the daemon */
	int64_t	      due;     /* ms of CLOCK_MONOTONIC: when to give up */
	int64_t	      retry;   /* while AWAY: when to try again */
	int64_t	      patient; /* when to stop waiting for a daemon */
	unsigned int  naming;  /* processes whose WATCH is not answered yet */
};

extern struct heartbeat hb;

noreturn void heartbeat_run(const struct heartbeat_options *);
noreturn void heartbeat_fail(int, const char *, ...)
    __attribute__((format(printf, 2, 3)));
noreturn void heartbeat_ended(void);

#endif
