/* SPDX-License-Identifier: ISC */
#ifndef STORM_H
#define STORM_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DAZAID "dazaid/dazaid" /* make(1) runs us in the top directory */
#define NOBODY 65534

typedef int64_t usec; /* CLOCK_BOOTTIME, the daemon's own clock */

#define NEVER INT64_MAX
#define MS    ((usec)1000)
#define TICK  (2 * MS) /* the daemon counts whole milliseconds */
/* This machine may be busy with something else. */
#define STALL (10000 * MS) /* no turn of a loop takes so long */
#define SLOW  (60000 * MS) /* nothing that must happen takes so long */

enum {
	HEARTS = 3,
	HOLDERS = 8,
	CONTROLS = 10,
	GUARDS = HEARTS + HOLDERS,
	CONNS = GUARDS + CONTROLS,
	ORDERER = CONNS - 1, /* says PANIC */
	TETHERS = 4,	     /* the heartbeat's, and t1 to t3 */
	KIDS = 5,
	NAMES = 6,
	ACTS = 4096,
	OPS = 8192,
	PEERS = 1024,
	TRIGGERS = 1024,
	FACTS = 8192,
	QUEUE = 256, /* short lines: they fit into a socket */
	ANSWER = 16384,
	LOG = 1 << 24
};

/* How the daemon of one life is started. */
struct setup {
	bool   armed;
	bool   verbose;
	bool   other; /* root guards the session of nobody */
	usec   grace;
	usec   timeout;
	size_t size;
	usec   span; /* how long the acts last */
};

/*
 * What is done: operations as clients see them, from just before inv to just
 * after resp, ...
 */
enum kind {
	K_HOLD, /* on a new connection; of tether 0 it is HELLO */
	K_PING,
	K_CANCEL,
	K_QUIT,
	K_WATCH,
	K_PUT,
	K_GET,
	K_DEL,
	K_STATUS,
	K_PANIC,
	K_HARD,
	K_REGISTER,
	K_UNREGISTER,
	KINDS, /* ... and what has no answer */
	D_CLOSE,
	D_KILL_KID,
	D_SIGNAL_VAULT,
	D_SIGNAL_NETWORK
};

enum manner { /* of a PUT or GET */
	WHOLE,
	PIECES,
	CUT,
	STUCK,
	MANNERS
};

/* Drawn before a life begins. */
struct act {
	usec	    at;	   /* from when the daemon is ready */
	int	    order; /* of those at the same time */
	enum kind   deed;
	int	    who;   /* of the clients */
	bool	    fresh; /* on a new connection */
	bool	    other; /* ... of the guarded user's */
	bool	    rude;  /* even if another operation is not finished */
	int	    n;	   /* a signal, name, tether or kid */
	enum manner manner;
	size_t	    size;
	size_t	    at_byte; /* where a CUT or STUCK one stops */
	uint32_t    reads;
	usec	    ttl;
};

enum result {
	A_NONE,
	A_OK,
	A_UNGUARDED,
	A_PENDING,
	A_NO_SUCH,
	A_REFUSED,
	A_CLOSED
};

struct op {
	enum kind   kind;
	enum result result;
	usec	    inv;
	usec	    sent; /* when a PUT's last byte was about to be sent */
	usec	    resp; /* NEVER: none */
	usec	    left; /* when we gave it up without an answer */
	int	    name; /* or kid, or tether */
	enum manner manner;
	size_t	    size; /* of the secret */
	size_t	    at_byte;
	size_t	    moved; /* bytes of it */
	uint32_t    reads;
	usec	    ttl;
	uint32_t    id; /* of a PUT; its bytes depend on it */
	int	    of; /* PUT that a GET reads, trigger that a PANIC is, peer
			 * of a HOLD; or -1 */
	bool   going;	/* a PUT has its GO */
	bool   late;	/* a PING after the deadline */
	bool   void_;	/* a CANCEL or HOLD that ends no panic */
	size_t most; /* at most so many of its bytes can still come; 0: all */
	unsigned char *bytes; /* of a GET, as they came */
};

/* A connection that has said HOLD. */
struct peer {
	int	     tether; /* 0: it is a heartbeat */
	usec	     hello;  /* NEVER: it was told BUSY */
	usec	     welcome;
	usec	     refused;
	usec	     gone; /* when we were about to hang up */
	usec	     inv;  /* of its last PING (or HOLD) that was answered */
	usec	     resp;
	unsigned int pings;    /* not answered yet */
	int	     miss;     /* the trigger that its deadline is, or -1 */
	unsigned int watches;  /* kids, a bit each; it may */
	unsigned int watching; /* the vault has said so */
	bool	     ends;     /* such a kid was killed */
	bool	     quit;
};

enum class { GRACEFUL, HARD, STOP, KILL };

/*
 * When a trigger that is under way is noticed at the latest: after some time,
 * or by any request.  UNGUARDED: a GET gets nothing from then on, but the panic
 * may take some time to begin.
 */
enum sight { BY_TIME, AT_ONCE, UNGUARDED };

struct trigger {
	const char *reason; /* as the log gives it */
	int	    tether; /* whose loss it is; or -1 */
	int	    kid;    /* whose end it is; or -1 */
	enum class class;
	usec	   inv;
	usec	   ack;	    /* when it was on its way to the vault */
	usec	   seen;    /* when it was in effect */
	bool	   network; /* network passes it on */
	enum sight sight;
	bool	   void_; /* it turned out to be no trigger */
};

/* At some time between lo and hi a panic was pending, or none was. */
struct fact {
	usec lo, hi;
	bool pending;
};

/* At some time between lo and hi no secret had this name. */
struct absence {
	usec lo, hi;
	int  name;
};

struct conn {
	int    fd; /* -1: none */
	char   name[16];
	bool   ending; /* the daemon is to close it */
	usec   opened;
	usec   active;
	int    queue[QUEUE]; /* ops to be answered, in order */
	int    queued;
	int    peer;	/* of one that guards, or -1 */
	int    putting; /* ops, or -1 */
	int    getting;
	usec   pace; /* nothing moves before this time */
	char   in[ANSWER];
	size_t len;
};

struct kid {
	pid_t pid;
	int   pidfd;
	bool  killed; /* by us */
};

/* What the report tells, of all lives. */
struct counts {
	_Atomic uint64_t lives, acts, ops, bytes;
};

struct life {
	uint64_t       seed, number;
	struct setup   setup;
	struct act     acts[ACTS];
	int	       nacts;
	struct act     last;  /* ends what has not ended by itself */
	usec	       start; /* the daemon was ready */
	usec	       end;   /* it has ended; NEVER */
	int	       status;
	pid_t	       vault;
	int	       vaultfd, networkfd, logfd;
	char	       dir[64], sock[80], ctl[84], command[256];
	char	       log[LOG];
	size_t	       loglen;
	struct conn    conns[CONNS];
	struct kid     kids[KIDS];
	struct op      ops[OPS];
	int	       nops;
	struct peer    peers[PEERS];
	int	       npeers;
	struct trigger triggers[TRIGGERS];
	int	       ntriggers;
	struct fact    facts[FACTS];
	int	       nfacts;
	struct absence absences[FACTS];
	int	       nabsences;
	uint32_t       ids;
	usec vault_cont, network_cont; /* when it was continued after a stop */
	bool vault_stopped, network_stopped;
	usec odd; /* when a connection ended without a cause */
	char why_odd[80];
	struct counts *counts;
};

extern struct life l;

/* rng.c */
void	 rng_seed(uint64_t, uint64_t);
uint64_t rng_below(uint64_t);
uint64_t rng_range(uint64_t, uint64_t);
bool	 rng_chance(unsigned int);
uint64_t rng_mix(uint64_t);

/* plan.c */
void plan_life(bool);

/* history.c */
usec now(void);
void note(const char *, ...) __attribute__((format(printf, 1, 2)));
void broken(const char *, ...) __attribute__((noreturn, format(printf, 1, 2)));
void fatal(const char *) __attribute__((noreturn));
extern const char *const kind_names[KINDS];

/* daemon.c */
void daemon_start(void);
void daemon_log(void);
void daemon_signal(bool, int);
void daemon_kill(void);

/* kids.c */
void kids_start(void);
void kid_kill(int);
bool kid_is_dead(int, usec);
void kids_verdict(bool, bool);

/* conn.c */
void conn_open(struct conn *, const char *, bool);
void conn_line(struct conn *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
struct op *conn_op(struct conn *, enum kind);
void	   conn_close(struct conn *);
void	   conn_done(struct conn *);
bool	   conn_wants(const struct conn *, usec, short *);
void	   conn_ready(struct conn *, short);
void	   conn_begin(void);
void	   conn_act(const struct act *);

/* heart.c */
extern const char *const tether_names[TETHERS];
void			 heart_act(struct conn *, const struct act *);
void			 heart_line(struct conn *, const char *);
void			 heart_lost(struct conn *);

/* control.c, answer.c */
void   control_act(struct conn *, const struct act *);
void   control_line(struct conn *, const char *);
void   control_lost(struct conn *);
size_t control_bytes(struct conn *, const char *, size_t);
void   control_write(struct conn *);
void   control_cut(usec);

/* model.c: panics */
int  model_trigger(const char *, enum class, usec, usec);
void model_time(usec);
void model_answered(const struct op *);
void model_odd(const char *, ...) __attribute__((format(printf, 1, 2)));
usec model_arrived(usec, bool);
bool model_over(const struct trigger *, usec);
void model_not_pending(const struct op *, const char *);
void model_pending(const struct op *, usec);
void model_cancelled(const struct op *);
void model_held(const struct op *, const char *);
void model_lost(const struct op *, int);
usec model_bound(usec);

/* guard.c: heartbeats and holders */
usec	    guard_miss(const struct peer *);
bool	    guard_may_be(int, usec, usec, int);
bool	    guard_may_follow(int, usec);
void	    guard_unguarded(const struct op *);
void	    guard_guarded(const struct op *);
void	    guard_welcome(int);
void	    guard_join(struct conn *, struct op *, int);
bool	    guard_is_last(const struct peer *);
const char *guard_reason(int, bool);
void	    guard_kid_ends(int);
void	    guard_kid_ended(int);
int	    guard_hangup(struct conn *);

/* secret.c: what is stored */
void secret_fill(uint32_t, size_t, size_t, unsigned char *, size_t);
void secret_got(struct op *);
bool secret_cut_explained(const struct op *, usec);
void secret_absent(const struct op *);
void secret_absence(int, usec, usec);
bool secret_leaked(void);

/* life.c, end.c */
void life_run(uint64_t, uint64_t, const char *, bool, struct counts *);
void end_verdict(void);

#endif
