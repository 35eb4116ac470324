/* SPDX-License-Identifier: ISC */
/*
 * The world around the network process: clients at its two sockets, the vault
 * behind it, and time.  A target is the oracle for one of the sockets: it says
 * what each client should read, and which message to the vault each line should
 * become.
 */
#ifndef NET_H
#define NET_H

#include "fuzz.h"
#include "imsg.h"

#define NET_CLIENTS 100		      /* one after another */
#define NET_SENT    ((size_t)1 << 15) /* bytes that one client may send, ... */
#define NET_WANTED  ((size_t)1 << 20) /* ... and read: one may make an ERROR */
#define NET_LINE    8192	      /* by dazai-protocol(7) */
#define NET_MS	    10000
#define NET_ANY	    "\1" /* in what is wanted: the rest of a line */

enum net_socket { NET_HEARTBEAT, NET_CONTROL };

struct client {
	int	 fd;	   /* its own end; -1: closed */
	bool	 stranger; /* of another uid */
	bool	 small;	   /* has little room for answers */
	bool	 sluggish; /* reads only when it is told to */
	bool	 accepted; /* by network, ... */
	uint64_t ino;	   /* ... as this socket */
	bool	 ended;	   /* no more is sent: closed, or one direction */
	bool	 eof;	   /* has read its end */
	uint8_t *sent;
	size_t	 nsent;
	/* What the oracle makes of it. */
	size_t	 done;	 /* of what was sent */
	size_t	 seen;	 /* of it network has had the time to read */
	char	*wanted; /* what it is to read */
	size_t	 nwanted;
	size_t	 got;	  /* of that it has read */
	uint32_t peerid;  /* network's number; 0: it was not taken */
	bool	 closing; /* network is to close, or has */
	bool	 cut;	  /* it is to read its end, that first */
	bool	 lazy;	  /* has been sluggish: its deadline is vague */
	bool	 loose;	  /* and so is what it will read */
	bool	 skip;	  /* inside a line too long */
	bool	 refused; /* its next message could not be passed on */
	bool	 asked;	  /* the vault's answer is to come */
	int64_t	 due;	  /* network closes it then */
	/* Of the control socket. */
	uint32_t question; /* the message's type */
	int	 passed;   /* the descriptor that came with it, or -1 */
	uint64_t taking;   /* bytes of a PUT that are still to come */
	uint64_t listed;   /* LIST goes on behind it, ... */
	bool	 listing;  /* ... at once */
	bool	 holds;	   /* a tether */
	bool	 watching; /* events */
};

struct line {
	char   text[NET_LINE + 1]; /* without what does not count */
	bool   nul;		   /* it had a NUL byte in it */
	size_t used;		   /* bytes of the whole */
};

extern struct client net_clients[NET_CLIENTS];
extern size_t	     net_n;
extern bool	     net_may_end; /* network has been given a reason to */
extern unsigned int  net_state;	  /* of the vault: IMSG_UNGUARDED, ... */

/* The target's. */
extern const enum net_socket oracle_socket;

void oracle_begin(void);
bool oracle_takes(struct client *);
bool oracle_line(struct client *, const struct line *);
void oracle_too_long(struct client *);
void oracle_gone(struct client *);
void oracle_message(struct client *, const struct imsg *);
bool oracle_may_be_sluggish(const struct client *);
bool oracle_is_timed(const struct client *);
bool oracle_late(struct client *);
bool oracle_idle(void);
bool oracle_step(unsigned int);
bool oracle_finish(void);

int  net_run(const uint8_t *, size_t);
void net_send(struct imsg *);
void net_want(struct client *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
void	       net_walk(struct client *);
void	       net_heard(struct client *);
bool	       net_line(const struct client *, struct line *);
void	       net_passed(const struct client *, const struct imsg *);
struct client *net_chosen(void);

#endif
