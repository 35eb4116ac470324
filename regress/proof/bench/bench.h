/* SPDX-License-Identifier: ISC */
#ifndef DAZAI_BENCH_H
#define DAZAI_BENCH_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* report.c: samples and the table. */

struct series {
	double *v;
	size_t	n;
	size_t	room;
	bool	sorted;
};

/* One line of the table: our figure beside another. */
struct row {
	const char    *figure;
	const char    *unit; /* "us", "ms", "KiB", ... */
	const char    *name; /* of the other subject, or NULL */
	struct series *ours;
	struct series *other; /* NULL: goal is a plain number */
	double	       goal;  /* of the ratio; 0: no goal */
	bool	       more;  /* more is better */
	bool	       tail;  /* compares the 99th percentiles */
};

void   series_add(struct series *, double);
double series_at(struct series *, double);
void   report_open(const char *);
void   report(const struct row *);
void   report_missing(const char *, const char *);
void   report_samples(const char *, const char *, struct series *);

/* subject.c: the programs that are measured. */

#define SUBJECT_ARGS 16

#define SUBJECT_OTHERS 63

enum greeting { HEARTBEAT, TETHER, SSH_AGENT, GPG_AGENT };

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
	int	      heart;   /* the first connection */
	int	      nothers; /* holders of another tether, beside it */
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

/* talk.c: a connection to a daemon that has a secret of so many bytes. */
#define BIG 65536 /* the largest */
int get_open(const struct subject *, size_t);

/* load.c: busy processes, which are stopped while nothing is measured. */
#define LOAD_MAX 8

struct load {
	pid_t pid[LOAD_MAX];
	int   n;
};

void load_start(struct load *, int, void (*)(const char *), const char *);
void load_pause(const struct load *, bool);
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
