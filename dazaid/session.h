/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_SESSION_H
#define DAZAID_SESSION_H

#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "name.h"
#include "panic.h"

#define SESSION_HOLDERS 65 /* the heartbeat, and 64 on the control socket */
#define SESSION_TETHERS 17 /* the heartbeat's, and 16 with a name */
#define SESSION_REASON	80

/* Descriptors of a holder; see alive.h. */
#define SESSION_WATCHED 4 /* the last of them are pidfds of WATCH */
#define SESSION_FDS	(3 + SESSION_WATCHED)

/*
 * How long network may take to report the lines that the heartbeat's client
 * sent before it hung up: a QUIT makes the end a clean one.
 */
#define SESSION_REPORT_MS 100

enum session_state {
	SESSION_FREE,	 /* an empty slot */
	SESSION_LIVE,	 /* holds its tether */
	SESSION_HUNG_UP, /* the kernel reports it; network still has to */
	SESSION_DRAINED, /* hung up, and network has read every byte */
	SESSION_LOST	 /* no longer counts; network's LOST has not come yet */
};

/* One connection that holds a tether.  The descriptors are the caller's. */
struct session_holder {
	enum session_state state;
	unsigned int	   tether; /* its index */
	uint32_t	   peerid; /* network's number for the connection */
	pid_t		   pid;	   /* of the client, as the kernel reports it */
	int		   fds[SESSION_FDS]; /* -1: not open */
	int64_t	    ping_due;	/* when it is lost; PANIC_NEVER: no limit */
	int64_t	    report_due; /* when it is lost, after it hung up */
	const char *how;	/* why it ended; NULL: it hung up */
	bool private; /* it uses its channel: its lines do not count */
};

/* A condition of the session, held while it has a holder. */
struct session_tether {
	char	     name[NAME_TETHER_BYTES]; /* empty: a free slot */
	unsigned int holders;		      /* that are alive */
	bool	     lost;
};

struct session {
	struct panic *panic;
	int64_t	      timeout;	 /* ms without PING; 0: no limit */
	int64_t	      first;	 /* ms; see session_wait_for_guard() */
	int64_t	      first_due; /* when to panic; PANIC_NEVER: no limit */
	char	      reason[SESSION_REASON]; /* of the last loss */
	struct session_tether tethers[SESSION_TETHERS];
	struct session_holder holders[SESSION_HOLDERS];
};

/* The heartbeat's slots, in both arrays, and its tether's name. */
#define SESSION_HEARTBEAT      0
#define SESSION_HEARTBEAT_NAME "heartbeat"

enum session_cancel {
	SESSION_CANCELLED,
	SESSION_NOTHING_PENDING,
	SESSION_STILL_LOST, /* a tether; the panic goes on */
	SESSION_TOO_LATE    /* the holder itself is lost, or the daemon ends */
};

void session_init(struct session *, struct panic *, int64_t, int64_t);
bool session_has_room(struct session *, const char *);
struct session_holder *session_hold(struct session *, const char *, uint32_t,
    int64_t, bool);
struct session_holder *session_find(struct session *, uint32_t);
bool session_ping(struct session *, struct session_holder *, int64_t);
enum session_cancel session_cancel(struct session *, struct session_holder *,
    int64_t);
void	session_ended(struct session *, struct session_holder *, int64_t, bool,
       const char *);
bool	session_drained(const struct session *);
void	session_heard(struct session *, int64_t);
void	session_left(struct session *, struct session_holder *, int64_t);
bool	session_release(struct session *, const char *, int64_t);
void	session_wait_for_guard(struct session *, bool, int64_t);
int64_t session_first_left(const struct session *, int64_t);
void	session_tick(struct session *, int64_t);
const struct session_tether *session_first_lost(const struct session *);
bool			     session_guarded(const struct session *);
unsigned int		     session_count(const struct session *);
bool			     session_gives(const struct session *);
int64_t			     session_deadline(const struct session *);

#endif
