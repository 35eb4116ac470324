/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_LOGIND_EXIT_H
#define DAZAI_LOGIND_EXIT_H

/* Exit codes; they are in the man page, and the same as dazai-hb's up to 5. */
enum {
	EXIT_LET_GO = 0, /* a signal, the session's end, RELEASE */
	EXIT_USAGE = 1,	 /* or a system call failed */
	EXIT_NO_DAEMON = 2,
	EXIT_BUSY = 3,	  /* no room for one more holder */
	EXIT_REFUSED = 4, /* no answer, or not the protocol's */
	EXIT_ENDED = 5,	  /* the daemon */
	EXIT_BUS = 6,	  /* no login manager, or it has no such session */
	EXIT_ALIVE = 7	  /* the daemon still ran when the machine slept */
};

#endif
