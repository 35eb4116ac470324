/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_VAULT_H
#define DAZAID_VAULT_H

#include <sys/resource.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "imsg.h"
#include "panic.h"
#include "secmem.h"
#include "store.h"

struct ucred;

struct vault_options {
	uid_t	owner;	 /* whose session this guards */
	int64_t grace;	 /* ms */
	int64_t timeout; /* ms; 0: none */
	size_t	size;	 /* bytes of the arena */
	bool	armed;
	bool	require_lock;
	bool	background;
};

/* The vault's whole state; only vault, serve and effects see it. */
struct vault {
	struct panic  panic;
	struct secmem mem;
	struct store  store;
	const char   *damage; /* what the wipe found wrong */
	uid_t	      owner;
	pid_t	      self;
	pid_t	      network;
	pid_t	      client;	 /* the heartbeat's, by the kernel's word */
	int64_t	      since;	 /* when it came, in s of the epoch */
	int	      imsg;	 /* to network */
	int	      heartbeat; /* the client's, only polled; or -1 */
	int	      timer;
	int	      signals;
	rlim_t	      spare_fds;  /* descriptors that clients may take */
	uint32_t      peer;	  /* network's number for the heartbeat */
	int64_t	      hangup_due; /* act on the kernel's word then */
	bool	      silent;	  /* it hung up, and left no word unread */
	int64_t	      timer_due;  /* what the timer is set to */
	bool	      started;	  /* the listener is network's */
	bool	      lost_due;	  /* we gave a heartbeat up: LOST will come */
	bool	      network_lost;
	bool	      bye; /* the heartbeat waits for it */
};

extern const struct panic_ops effects_ops;

int64_t vault_now(void);
void	vault_tell(struct vault *, const struct imsg *);
bool	vault_knows(int, unsigned int, struct ucred *);
bool	vault_gives(const struct vault *);
bool	vault_has_fd(const struct vault *);

void	      vault_init(const struct vault_options *);
void	      vault_child(const struct vault_options *);
void	      vault_memory(const struct vault_options *);
void	      vault_wait_child(void);
void	      vault_load(void);
void	      vault_listen(void);
void	      vault_confine(void);
noreturn void vault_fail(const char *, const char *);
noreturn void vault_loop(void);

#endif
