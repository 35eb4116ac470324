/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_PANIC_H
#define DAZAI_PANIC_H

#include <stdbool.h>
#include <stdint.h>

#define PANIC_NEVER INT64_MAX

enum panic_event { /* what the log hears of */
	PANIC_PENDING,
	PANIC_CANCELLED,
	PANIC_EXECUTED, /* graceful: its window is over, or had none */
	PANIC_HARD,
	PANIC_STOPPED /* clean shutdown */
};

/*
 * What the controller does to the world, in the order in which it does it.  ctx
 * is the owner's.  kill and done do not return in the daemon; they do in tests.
 * All are called from signal handlers, log not with PENDING and CANCELLED.
 */
struct panic_ops {
	void (*wipe)(void *ctx);
	void (*kill_registered)(void *ctx); /* SIGKILL to them, if armed */
	void (*clean)(void *ctx);	    /* socket and pid files */
	void (*log)(void *ctx, enum panic_event, const char *reason);
	void (*kill)(void *ctx); /* SIGKILL to ourselves */
	void (*done)(void *ctx); /* exit 0 */
};

struct panic {
	const struct panic_ops *ops;
	void		       *ctx;
	const char	       *reason;	 /* of the pending panic */
	int64_t			grace;	 /* ms */
	int64_t			timeout; /* ms without PING; 0: none */
	int64_t			due;	 /* of the pending panic */
	int64_t			ping_due;
	volatile bool		armed;
	volatile bool		over; /* executed or stopped */
	bool			pending;
	bool			guarded; /* a heartbeat lives */
	bool lost; /* the last one was, and none came since */
};

void	panic_init(struct panic *, const struct panic_ops *, void *, int64_t,
       int64_t, bool);
bool	panic_arm(struct panic *);
void	panic_heartbeat(struct panic *, int64_t);
bool	panic_ping(struct panic *, int64_t);
bool	panic_cancel(struct panic *, int64_t);
void	panic_lost(struct panic *, int64_t, const char *);
void	panic_trigger(struct panic *, int64_t, const char *);
void	panic_hard(struct panic *, const char *);
void	panic_stop(struct panic *, const char *);
void	panic_tick(struct panic *, int64_t);
int64_t panic_deadline(const struct panic *);
bool	panic_gives(const struct panic *);

#endif
