/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_PANIC_H
#define DAZAI_PANIC_H

#include <stdbool.h>
#include <stdint.h>

#define PANIC_NEVER INT64_MAX

/* The events that the controller logs. */
enum panic_event {
	PANIC_PENDING,
	PANIC_CANCELLED,
	PANIC_EXECUTED, /* graceful: after the grace, or without one */
	PANIC_HARD,
	PANIC_STOPPED /* clean shutdown */
};

/*
 * The effects of the controller, in the order in which it calls them.  In the
 * daemon, kill and done do not return; in the tests they do.  All of these are
 * called from signal handlers too, except log with PANIC_PENDING and
 * PANIC_CANCELLED.
 */
struct panic_ops {
	void (*wipe)(void);
	void (*kill_registered)(void); /* send them SIGKILL; only if armed */
	void (*remove_files)(void);    /* the sockets and the pid file */
	void (*log)(enum panic_event, const char *reason);
	void (*kill)(void); /* SIGKILL the vault */
	void (*done)(void); /* exit 0 */
};

struct panic {
	const struct panic_ops *ops;
	const char	       *reason; /* of the pending panic */
	int64_t			grace;	/* ms */
	int64_t			due;	/* of the pending panic */
	volatile bool		armed;
	volatile bool		over; /* executed or stopped */
	bool			pending;
	bool ordered; /* only CANCEL ends the pending panic */
};

void	panic_init(struct panic *, const struct panic_ops *, int64_t, bool);
bool	panic_arm(struct panic *);
void	panic_lost(struct panic *, int64_t, const char *);
void	panic_order(struct panic *, int64_t, const char *);
void	panic_returned(struct panic *, int64_t, const char *);
bool	panic_cancel(struct panic *, int64_t);
void	panic_hard(struct panic *, const char *);
void	panic_stop(struct panic *, const char *);
void	panic_tick(struct panic *, int64_t);
int64_t panic_deadline(const struct panic *);

#endif
