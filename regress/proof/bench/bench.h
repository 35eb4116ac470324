/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_BENCH_H
#define DAZAI_BENCH_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))

/* subject.c: the programs that are measured. */

#define SUBJECT_ARGS   16
#define SUBJECT_OTHERS 63

/* TETHERS: SUBJECT_OTHERS holders of another tether, beside it. */
enum greeting { HEARTBEAT, TETHER, TETHERS, SSH_AGENT, GPG_AGENT };

struct subject {
	const char   *name;
	enum greeting greeting;
	uid_t	      uid;
	int	      program;	    /* an open descriptor of its file */
	char	      command[256]; /* split into argv */
	char	     *argv[SUBJECT_ARGS];
	char	      dir[64];
	char	      sock[100];
	char	      greeted[108]; /* the socket that is connected to */
	pid_t	      pid;
	pid_t	      child; /* its child, or 0 */
	int	      pidfd;
	int	      heart; /* the first connection */
	int	      nothers;
	int	      others[SUBJECT_OTHERS];
};

void	subject_where(const char *, const char *);
void	subject_init(struct subject *, const char *, enum greeting, uid_t,
       const char *);
void	subject_start(struct subject *);
void	subject_greet(struct subject *);
void	subject_await(const struct subject *);
void	subject_know(struct subject *);
void	subject_guard(struct subject *);
void	subject_settle(long);
void	subject_stop(struct subject *);
void	subject_gone(struct subject *);
int	subject_connect(const char *);
void	say(int, const char *, size_t);
void	want(int, char *, size_t, const char *);
long	number_in(const char *);
int64_t now_ns(void);
double	us_since(int64_t);

/* compare.c: samples and the table. */

struct series {
	double *v;
	size_t	n;
	size_t	room;
};

#define UNLISTED (-1.0) /* for the plot only */

/* One of those that a figure compares; the first one is ours. */
struct rival {
	const char *name;
	double	    goal;	      /* of our ratio to it; 0: none */
	void (*take)(struct rival *); /* adds to its samples */
	enum greeting  greeting;
	const char    *command; /* of its daemon, or NULL */
	char	      *client;	/* a command line that is measured */
	struct subject s;
	struct series  samples;
};

#define RIVAL(a_name, a_goal, a_take, a_greeting, a_command)          \
	{                                                             \
		.name = (a_name), .goal = (a_goal), .take = (a_take), \
		.greeting = (a_greeting), .command = (a_command)      \
	}

/*
 * ROOT: works as root only; ALIVE: one life of the daemons for all turns;
 * LIVES: a life for TURNS of them; MORE: is better; TAIL: compares the 99th
 * percentiles; PLAIN: our goal is a number.
 */
enum { ROOT = 1, ALIVE = 2, LIVES = 4, MORE = 8, TAIL = 16, PLAIN = 32 };
#define TURNS 10

struct figure {
	const char  *name;
	const char  *unit;
	size_t	     turns;
	uid_t	     uid; /* of the daemons */
	unsigned int flags;
};

void report_open(const char *);
void report_missing(const char *, const char *);
void sample(struct rival *, double);
void compare(const struct figure *, struct rival *, size_t);

/* talk.c: puts a secret of so many bytes; returns the control connection. */
int get_open(const struct subject *, size_t);

/* load.c: busy processes. */
#define LOAD_MAX 8

struct load {
	pid_t pid[LOAD_MAX];
	int   n;
};

void load_start(struct load *, int, void (*)(const char *), const char *);
void load_stop(struct load *);

/* probe.c: when a process returns from a library function. */
int	probe_open(pid_t);
int64_t probe_last(void);

/* The figures. */
extern size_t samples, few;
extern uid_t  somebody;
extern char   root[4096]; /* of the source */
extern char   dazaictl[sizeof(root) + 32];

void figure_eof(void);
void figure_tether(void);
void figure_usr2(void);
void figure_load(void);
void figure_ping(void);
void figure_rate(void);
void figure_flood(void);
void figure_get(void);
void figure_command(void);
void figure_crowd(void);
void figure_file(void);
void figure_shell(void);
void figure_start(void);
void figure_memory(void);
void figure_holder(void);
void figure_idle(void);
void figure_wipe(void);

#endif
