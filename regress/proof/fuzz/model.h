/* SPDX-License-Identifier: ISC */
/*
 * The oracle of the fuzz target "vault": what the vault should answer and do,
 * written from the design.  regress/oracle has its controller and its secrets.
 */
#ifndef MODEL_H
#define MODEL_H

#include "fuzz.h"
#include "imsg.h"

#include "../../oracle/controller.h"
#include "../../oracle/secrets.h"

#define MODEL_CLIENTS	48
#define MODEL_WANTS	64 /* messages from the vault, at once */
#define MODEL_TRANSFERS 32
#define MODEL_PIDS	32
#define MODEL_BYTES	((size_t)1 << 18) /* that one client may be told */

#define OWNER	 1000
#define STRANGER 1001
#define SELF	 4001
#define NETWORK	 4002

/* One that network tells of. */
struct client {
	int	 fd;	 /* its own end; -1: closed */
	int	 theirs; /* what network has of it */
	uint64_t ino;	 /* of theirs */
	int32_t	 pid;
	uint32_t uid;
	bool	 heartbeat; /* connected to that socket, or to the other */
	bool	 accepted;  /* by one of ours */
	bool	 small;	    /* has little room for what it is sent */
	bool	 ended;	    /* sends no more */
	size_t	 nsent;
	size_t	 done;	 /* taken by a PUT */
	char	*wanted; /* what it is to read */
	size_t	 nwanted;
	size_t	 got;
	bool	 cut; /* by the vault: all that it has read is right */
};

/* A message to the vault, as it is sent. */
struct message {
	struct imsg    im;
	size_t	       len;  /* of the payload */
	uint32_t       says; /* what its header says of that, on top */
	bool	       cut;  /* not even all of the header */
	unsigned int   fds;
	struct client *c;    /* whose descriptor it comes with */
	size_t	       room; /* for a PUT: the store has it */
	bool	       mute; /* not one byte more can be said to c */
};

struct transfer {
	struct client *c; /* NULL: none */
	struct secret *s;
	uint32_t       peerid;
	bool	       put;
	bool	       mute;	 /* a PUT whose GO has found no room */
	bool	       must_end; /* cut, if it has not come to its end */
	size_t	       seen;	 /* of what the client of a PUT has sent */
	int64_t	       soonest;	 /* it may be cut from then on, ... */
	int64_t	       latest;	 /* ... and must be by then */
	int64_t	       ttl;
	uint32_t       reads;
};

/* What the vault keeps of a holder; at the index of the controller's own. */
struct keeper {
	struct client *c; /* NULL: its descriptors are closed */
	unsigned int   watched;
	bool	       gone; /* a process of it */
};

struct model {
	bool		  started;
	bool		  bye;
	bool		  deaf;	    /* network takes no message */
	bool		  sealed;   /* mprotect(2) fails to unseal the arena */
	bool		  root;	    /* the vault is root's */
	bool		  unlinked; /* the sockets were removed, unseen yet */
	int64_t		  since;
	struct controller c;
	struct keeper	  keepers[CONTROLLER_HOLDERS];
	bool		  watched; /* somebody has asked for events */
	unsigned int	  spare_fds;
	size_t		  size, most; /* of the arena, of a value */
	struct secrets	  secrets;
	struct transfer	  transfers[MODEL_TRANSFERS];
	int32_t		  pids[MODEL_PIDS];
	unsigned int	  npids;
	struct imsg	  wants[MODEL_WANTS]; /* to come from the vault */
	size_t		  nwants;
};

extern struct model m;

void	       model_turn(int, const struct message *, size_t);
void	       model_got(const struct imsg *);
void	       model_check(void);
void	       model_hard(void);
bool	       model_busy(const struct client *);
bool	       model_keeps(const struct client *);
void	       model_client_read(struct client *);
bool	       model_pid_opens(int32_t);
bool	       model_pid_owned(int32_t);
bool	       model_pid_ours(int32_t);
const uint8_t *model_value(const struct client *);

#endif
