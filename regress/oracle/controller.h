/* SPDX-License-Identifier: ISC */
/*
 * What the session and the panic controller should do, written from the design
 * and not from session.c and panic.c: a list of holders, a set of lost tethers
 * and one window.  Times are milliseconds.  session_test.c enumerates the real
 * ones against it, and the fuzz target "vault" drives the whole vault.
 */
#ifndef ORACLE_CONTROLLER_H
#define ORACLE_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

#define CONTROLLER_NEVER     INT64_MAX
#define CONTROLLER_HOLDERS   65 /* the heartbeat is the first */
#define CONTROLLER_TETHERS   17 /* so is its tether */
#define CONTROLLER_NAME	     17
#define CONTROLLER_REPORT_MS 100

enum controller_end { RUNS, EXECUTED, HARD, STOPPED };

enum controller_cancel { CANCELLED, NOTHING_PENDING, STILL_LOST, TOO_LATE };

struct controller_holder {
	bool	     known;   /* network has not reported its LOST */
	bool	     holds;   /* its tether */
	bool	     hung_up; /* and may have said QUIT before */
	bool	     drained; /* it is lost as soon as network is heard */
	unsigned int tether;
	uint32_t     peerid;
	int64_t	     ping_due;
	int64_t	     report_due;
};

struct controller {
	int64_t			 grace, timeout, first;
	int64_t			 window; /* closes then; NEVER: none is open */
	int64_t			 first_due;
	bool			 armed;
	bool			 ordered; /* no return closes the window */
	enum controller_end	 end;
	char			 names[CONTROLLER_TETHERS][CONTROLLER_NAME];
	bool			 lost[CONTROLLER_TETHERS];
	struct controller_holder holders[CONTROLLER_HOLDERS];
};

void controller_begin(struct controller *, int64_t, int64_t, int64_t, bool);
void controller_end(struct controller *, enum controller_end);
void controller_tick(struct controller *, int64_t);
void controller_order(struct controller *, int64_t);
struct controller_holder *controller_hold(struct controller *, const char *,
    uint32_t, int64_t, bool);
struct controller_holder *controller_find(struct controller *, uint32_t);
bool controller_ping(struct controller *, struct controller_holder *, int64_t);
enum controller_cancel controller_cancel(struct controller *,
    struct controller_holder *, int64_t);
void controller_ended(struct controller *, struct controller_holder *, int64_t,
    bool);
void controller_heard(struct controller *, int64_t);
void controller_left(struct controller *, struct controller_holder *, int64_t);
bool controller_release(struct controller *, const char *, int64_t);
void controller_wait(struct controller *, bool, int64_t);
unsigned int controller_count(const struct controller *, unsigned int);
unsigned int controller_tethers(const struct controller *);
int	     controller_first_lost(const struct controller *);
bool	     controller_guarded(const struct controller *);
bool	     controller_gives(const struct controller *);
int64_t	     controller_deadline(const struct controller *);

#endif
