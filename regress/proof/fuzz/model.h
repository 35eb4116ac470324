/* SPDX-License-Identifier: ISC */
/*
 * The oracle of the fuzz target "vault": what the vault should answer and do,
 * written from the design.  regress/oracle has its controller and its secrets.
 */
#ifndef MODEL_H
#define MODEL_H

#include "client.h"
#include "imsg.h"

#include "../../oracle/controller.h"
#include "../../oracle/secrets.h"

#define MODEL_CLIENTS	48
#define MODEL_WANTS	64 /* messages expected at a time */
#define MODEL_TRANSFERS 32
#define TRANSFER_MS	5000 /* without a byte: it is cut */
#define MODEL_PIDS	32
#define MODEL_BYTES	((size_t)1 << 18) /* for one client */

#define SELF	4001
#define NETWORK 4002
#define FRONT	8000 /* runs the command of dazaid -- COMMAND */

/* A message to the vault. */
struct message {
	struct imsg    im;
	size_t	       len;  /* of the payload */
	uint32_t       says; /* added to the length in its header */
	bool	       cut;  /* not even the whole header */
	unsigned int   fds;
	struct client *c;    /* whose descriptor comes with it */
	size_t	       room; /* of a PUT: the largest value that fits */
	bool	       mute; /* there is no room for a byte to c */
};

struct transfer {
	struct client *c; /* NULL: none */
	struct secret *s;
	uint32_t       peerid;
	bool	       put;
	bool	       mute;	 /* a PUT whose GO has no room yet */
	bool	       must_end; /* the vault must cut it */
	size_t	       seen;	 /* bytes that the client of a PUT has sent */
	int64_t	       soonest;	 /* it may be cut from then on, ... */
	int64_t	       latest;	 /* ... and must be by then */
	int64_t	       ttl;
	uint32_t       reads;
};

/* What the vault keeps of a holder; at the index of the controller's own. */
struct keeper {
	struct client *c; /* NULL: its descriptors are closed */
	unsigned int   watched;
	bool	       front; /* one of these is FRONT: no longer the vault */
	bool	       gone;  /* a process of it has ended */
};

struct model {
	bool		  started;
	bool		  bye;
	bool		  deaf;	    /* network takes no message */
	bool		  sealed;   /* mprotect(2) fails to unseal the arena */
	bool		  root;	    /* the vault is root's */
	bool		  unlinked; /* the sockets were removed, not seen yet */
	bool		  front;    /* the vault itself watches FRONT */
	bool		  front_ended;
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
	struct imsg	  wants[MODEL_WANTS]; /* expected from the vault */
	size_t		  nwants;
};

extern struct model m;

void	     model_turn(int, const struct message *, size_t);
void	     model_got(const struct imsg *);
void	     model_check(void);
void	     model_hard(void);
bool	     model_busy(const struct client *);
bool	     model_keeps(const struct client *);
void	     model_client_read(struct client *);
bool	     model_pid_opens(int32_t);
bool	     model_pid_owned(int32_t);
bool	     model_pid_ours(int32_t);
struct imsg *model_want(uint32_t, uint32_t, uint32_t);
void	     model_answer(const struct message *, enum imsg_answer);
bool	     model_has_fd(void);
bool	     model_knows(const struct client *, bool);
void	     model_may_give(int64_t);
bool	     model_serve(const struct message *, int64_t);

void		 model_transfer_cut_gone(void);
void		 model_transfer_expire(int64_t);
struct transfer *model_transfer_slot(void);
unsigned int	 model_transfer_count(void);
void		 model_transfer_settle(int64_t);
bool		 model_transfer_ended(const struct imsg *);

#endif
