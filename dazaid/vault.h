/* SPDX-License-Identifier: ISC */
#ifndef DAZAID_VAULT_H
#define DAZAID_VAULT_H

#include <sys/resource.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdnoreturn.h>

#include "imsg.h"
#include "panic.h"
#include "secmem.h"
#include "session.h"
#include "store.h"

struct options;
struct ucred;

/* The whole state of the vault; only the vault's files use it. */
struct vault {
	struct panic   panic;
	struct session session;
	struct secmem  mem;
	struct store   store;
	const char    *damage; /* an error of the wipe, or NULL */
	uid_t	       owner;
	pid_t	       self;
	pid_t	       network;
	int64_t since; /* when the session was guarded, in s since 1970 */
	int	imsg;  /* to network */
	int	timer;
	int	signals;
	int	files;	   /* readable when the sockets may be gone */
	int	alive;	   /* readable when a holder may have ended */
	int	front;	   /* pidfd of a command without heartbeat yet, or -1 */
	pid_t	front_pid; /* its pid */
	rlim_t	spare_fds; /* descriptors that clients may take */
	int64_t timer_due; /* ms: the time that the timer is set to */
	bool	started;   /* network has the listeners */
	bool	network_lost; /* network has ended; the log line says how */
	bool	network_hostile;
	bool	bye; /* the heartbeat waits for its BYE */
};

extern struct vault	      v;
extern const struct panic_ops effects_ops;

void effects_log_begin(void);
void effects_log_end(void);

int64_t	      vault_now(void);
void	      vault_send(const struct imsg *);
void	      vault_answer(uint32_t, enum imsg_answer);
void	      vault_notify(enum imsg_type, uint32_t, uint32_t);
bool	      vault_may_give(void);
bool	      vault_knows(int, unsigned int, struct ucred *);
bool	      vault_has_fd(void);
void	      vault_init(const struct options *);
void	      vault_arena_failed(void);
noreturn void vault_fail(const char *, const char *);
int	      vault_take_front(pid_t);
void	      vault_start(void);
void	      vault_wait_input(int);
noreturn void vault_loop(void);

#endif
