/* SPDX-License-Identifier: ISC */
/*
 * The declarations that the files of the fuzz target "network" share: clients
 * at one of its two sockets, the vault, and time.
 */
#ifndef NET_H
#define NET_H

#include <sys/socket.h>
#include <sys/un.h>

#include "client.h"
#include "imsg.h"

#define NET_LINE    8192 /* by dazai-protocol(7) */
#define NET_MS	    10000
#define NET_ADDRESS (sizeof(sa_family_t) + 6) /* the kernel chooses it */

enum net_socket { NET_HEARTBEAT, NET_CONTROL };

struct line {
	char   text[NET_LINE + 1]; /* without blanks at its ends */
	bool   nul;		   /* it had a NUL byte in it */
	size_t used;		   /* bytes of the whole */
};

/* What a line asks for, parsed independently of the daemon. */
struct want {
	struct imsg im;	     /* type 0: there is no such verb */
	const char *refusal; /* the word that it is refused with, or NULL */
	bool	    put;     /* a refusal closes the connection */
};

extern bool		  net_may_end; /* network has a reason to end */
extern enum net_socket	  net_socket;  /* where the clients of a life are */
extern struct sockaddr_un net_address[2];
extern unsigned int	  net_state; /* of the vault: IMSG_UNGUARDED, ... */

/* The world of network: what it has done so far, and which calls must fail. */
extern struct net_world {
	int	     vault;	  /* the vault's end, or -1 */
	int	     signals[2];  /* network reads from the first */
	int	     last_signal; /* that network has not passed on yet, or 0 */
	bool	     ready;	  /* network has sent READY */
	size_t	     accepted;	  /* clients, in the order of clients */
	uint32_t     last_peer;
	unsigned int fail_accept, fail_refs;
	bool	     fail_limits, fail_sandbox, fail_signals;
} nw;

bool net_vault_read(void);
void net_vault_garbage(struct bytes);
void net_vault_log(struct bytes);
void net_vault_close(void);
void net_signal(unsigned int);

extern struct client *oracle_heart;

void oracle_begin(void);
bool oracle_admits(void);
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
void oracle_welcome(void);

bool want_is_put(const char *);
void want_of(const struct client *, const struct line *, struct want *);

void reply(struct client *, unsigned int);
void reply_drop(struct client *);
void reply_event(void);
bool reply_take(struct client *);

void net_send(struct imsg *);
void net_client_connect(unsigned int, size_t);
void net_client_repeat(struct client *, struct bytes, unsigned int);
void net_walk(struct client *);
void net_heard(struct client *);
bool net_line(const struct client *, struct line *);
void net_passed(const struct client *, const struct imsg *);
bool net_is_open(const struct client *);

#endif
