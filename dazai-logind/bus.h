/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_LOGIND_BUS_H
#define DAZAI_LOGIND_BUS_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define BUS_PFD 2 /* entries that bus_poll() fills in */

/* The last known state of the session and of the machine. */
struct bus {
	bool	    manager; /* the login manager runs, and knows the session */
	bool	    locked;  /* the session is locked */
	bool	    ended;   /* the session has ended */
	bool	    sleeping; /* the machine is about to sleep */
	const char *session;  /* its id */
	int64_t	    delay;    /* ms for which an inhibitor delays sleep */
};

extern struct bus bus;

void	bus_open(const char *, bool);
int64_t bus_poll(struct pollfd *);
void	bus_turn(const struct pollfd *);
void	bus_allow_sleep(void);
void	bus_inhibit_sleep(void);

#endif
