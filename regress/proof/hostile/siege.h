/* SPDX-License-Identifier: ISC */
#ifndef HOSTILE_SIEGE_H
#define HOSTILE_SIEGE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET	    "Qx7~not-in-any-log~Zv3"
#define NAME	    "zebra-9152"
#define PEER_HEART  7u	  /* network's numbers for who guards, ... */
#define PEER_BUSY   8u	  /* ... for a client with a transfer, ... */
#define PEER	    9u	  /* ... and for a client with a request */
#define SIGKILLED   137	  /* as a shell counts */
#define PATIENCE_MS 20000 /* for what must come; a machine can be busy */

/* What the vault is doing when the attack comes. */
enum state {
	STARTING, /* network has not said READY */
	LOADING,  /* ... it has; the secrets are being read */
	UNGUARDED,
	UNGUARDED_ARMED,
	GUARDED,
	GUARDED_ARMED,
	PENDING, /* guarded, armed, a panic's grace is running */
	DROPPED, /* so, but the vault has dropped the heartbeat */
	PUTTING,
	GETTING,
	STATES
};

/* A daemon whose network process obeys us, and its clients. */
struct siege {
	enum state state;
	pid_t	   vault;
	pid_t	   network;
	int	   pidfd;  /* the vault's */
	int	   input;  /* its standard input */
	int	   log;	   /* its standard error */
	int	   orders; /* to network */
	int	   line;   /* network's end of its socket to the vault */
	int	   own[2]; /* network's socketpair */
	int	   listeners[2];
	int	   heart;    /* who guards: the client's end, ... */
	int	   heart_at; /* ... and network's */
	int	   busy;     /* the client of a transfer that is on */
	int64_t	   began;    /* us: the attack, ... */
	int64_t	   delayed;  /* ... and the waits for a processor by then */
	int64_t	   network_delayed;
	size_t	   text_len;
	char	   text[16384]; /* the log so far */
};

extern struct siege s;
extern const char  *state_names[STATES];

const char *siege_proc(pid_t, const char *);
void	    siege_fail(const char *, ...)
    __attribute__((noreturn, format(printf, 1, 2)));
bool	siege_readable(int, int);
int64_t siege_delays(void);
void	siege_since(int64_t, int64_t);
void	siege_now(void);
void	siege_begin(enum state, bool, const char *const *, const char *, ...)
    __attribute__((format(printf, 4, 5)));
#define siege_attempt(state, more, ...) \
	siege_begin((state), true, (more), __VA_ARGS__)
void siege_offer(uint32_t, const char *);
void siege_guard(const char *);
void siege_leave(void);
void siege_logged(const char *);
void siege_ends(int, const char *, int64_t);
void siege_never(const char *);
void siege_lives(void);
void siege_let_go(void);
void siege_report(const char *);

#endif
