/* SPDX-License-Identifier: ISC */
#ifndef FAULTS_H
#define FAULTS_H

#include <sys/types.h>
#include <sys/user.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#ifdef __x86_64__ /* whose registers the tracer knows */

#define NELEM(a)  (sizeof(a) / sizeof((a)[0]))
#define CALLS	  3000 /* of one process in one run */
#define NOBODY	  65534
#define ARENA	  65536		 /* -z */
#define ARENA_LEN (ARENA + 4096) /* with the canary's page */
#define SECRET	  40		 /* bytes; client.c says so, too */
#define SCENES	  6
#define SLEEPERS  2
#define TEXT	  8192
/* A run that takes longer hangs; nothing in it waits for more than 10 s. */
#define PATIENCE_MS 40000

enum role { FRONT, VAULT, NETWORK, ROLES };

enum ending { END_CLOSE, END_QUIT, END_HARD, END_TERM, END_TETHER };

/* How a daemon is started and ended. */
struct scene {
	const char *name;
	bool	    root; /* as root, for another user; otherwise as nobody */
	bool	    background;
	bool	    armed;
	bool	    mlock; /* mlock memory, into which we can look */
	bool whole; /* faults from the first call on, or only at the end */
	enum ending ending;
};

/* The errors come first, in the order of fault_errors[]. */
enum { SHORT = 5, KILL, STOP, WHATS };

struct point {
	uint8_t	 scene, role, what;
	uint16_t k; /* the k-th call of the process; 0: no fault */
};

/* The run of a scene without a fault, with which the others are compared. */
struct plain {
	uint16_t n[ROLES];    /* how many calls */
	uint16_t late[ROLES]; /* of these, before a client ended it */
	uint16_t main[ROLES]; /* of these, by the loader */
	int16_t	 nr[ROLES][CALLS];
	char	 guards[TEXT];
};

/* For main, from all workers. */
struct shared {
	atomic_uint next, tried, bad, missed;
	atomic_int  slowest; /* ms, a loss while network was stopped */
};

/* For the tracer, from its client. */
struct note {
	volatile bool guarded, ending, registered;
	/* Registered, and another one of its group: must die with the vault. */
	volatile pid_t sleepers[SLEEPERS];
	char	       why[256];
};

/* Exit statuses of a client.  GONE: the daemon has ended. */
enum { SERVED, GONE, WRONG };

struct proc {
	pid_t	     pid;
	int	     status;	    /* as of wait(2), after its end */
	bool	     ended, looked; /* looked: into its memory at its end */
	bool	     inside;	    /* a system call */
	unsigned int k;		    /* calls so far */
	int	     nr;
	struct user_regs_struct was; /* restored after the call */
	bool			restore;
	long result; /* the result of this call; 1: its own */
};

struct run {
	struct point	    at;
	const struct scene *s;
	enum role	    first; /* the process that we start */
	unsigned int	    nprocs;
	pid_t		    client;
	int		    client_status;
	bool		    client_done, counting, confined, ready, open;
	bool		    hit; /* the fault has been made */
	int		    hit_nr;
	bool		    killed[ROLES]; /* by us */
	int		    held;	   /* a stopped process, or -1 */
	bool		    stopping;	   /* we sent SIGTERM to end it */
	int64_t		    hold_until, deadline, lost_at;
	int		    log;	/* its standard error */
	char		    text[TEXT]; /* the log so far */
	char		    bad[512];
};

extern const char *const  roles[ROLES];
extern const struct scene scenes[SCENES];
extern struct plain	  plain[SCENES];
extern struct shared	 *all;
extern struct note	 *note;
extern struct proc	  procs[ROLES];
extern struct run	  r;				    /* this run */
extern const char	  one[SECRET + 1], two[SECRET + 1]; /* the secrets */
extern char		  dir[64];			    /* of this worker */
extern char		  sock[80];

int64_t	      faults_now(void);
void	      faults_become_nobody(void);
noreturn void client_run(const struct scene *, pid_t);
void	     *fault_pointer(uintptr_t);
void	      fault_set_regs(struct proc *, const struct user_regs_struct *);
bool	      fault_is_one_of(int, const int *, size_t);
bool	      fault_makes_sense(unsigned int, int);
void	      fault_fail(struct proc *, int);
void	      fault_make(struct proc *);
void	      tracer_go(const struct proc *, int);
void	      tracer_follow(void);
void judge_bad(const char *, ...) __attribute__((format(printf, 1, 2)));
void judge_memory(const struct proc *, const char *);
void judge_guards(void);
void judge_vault(void);
void judge_others(void);
bool judge_sleepers(void);

#endif
#endif
