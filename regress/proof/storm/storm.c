/* SPDX-License-Identifier: ISC */
/*
 * Runs daemons for a while, several at a time, each with many clients, killers
 * and stoppers.  A model knows what must hold in whichever order the kernel
 * lets them run.  The seed alone decides what each client does, and when.
 * Prints how much was done; exits 1 with the history of the life in which a
 * rule was broken.
 *
 * usage: storm SEED SECONDS [LIFE]
 *
 * LIFE runs that one alone, again and again.  `make storm' takes ten minutes,
 * STORM_SECONDS=20 is a first look.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "num.h"
#include "storm.h"

#define LIVES 8 /* at a time: most of them wait for something */

static char		     dir[] = "/tmp/dazai-storm.XXXXXX";
static struct counts	    *counts; /* of all workers */
static pid_t		     workers[LIVES];
static uint64_t		     numbers[LIVES];
static volatile sig_atomic_t stopped;

static void
on_stop(int sig)
{
	stopped = sig;
}

/* Ends a worker with all that it has started: they are one process group. */
static void
on_stop_worker(int sig)
{
	(void)sig;
	(void)kill(0, SIGKILL);
}

static uint64_t
number(const char *s)
{
	int64_t	    n;
	const char *why = num_int(s, 0, INT64_MAX, &n);

	if (why != NULL)
		errx(2, "%s: %s", s, why);
	return ((uint64_t)n);
}

static void
worker_start(int place, uint64_t seed, uint64_t life)
{
	numbers[place] = life;
	if ((workers[place] = fork()) == -1)
		err(2, "fork");
	/* So that Ctrl-C does not reach the daemons. */
	(void)setpgid(workers[place], 0);
	if (workers[place] != 0)
		return;
	(void)signal(SIGTERM, on_stop_worker);
	(void)signal(SIGINT, SIG_IGN);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	life_run(seed, life, dir, geteuid() == 0, counts);
	_exit(0);
}

/* A vault that was killed leaves its files. */
static void
clean(uint64_t life)
{
	static const char *const names[] = { "/s", "/s.ctl", "/s.pid",
		"/s.last", "" };
	char			 path[64];
	size_t			 i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%" PRIu64 "%s", dir,
		    life, names[i]);
		(void)remove(path);
	}
}

/*
 * Waits for a worker to end, and ends what it may have left.  Returns its
 * place, or -1; *status is 0 if all went well.
 */
static int
worker_wait(int *status)
{
	siginfo_t si = { .si_pid = 0 };
	int	  i;

	if (waitid(P_ALL, 0, &si, WEXITED | WNOWAIT) == -1)
		return (-1);
	for (i = 0; i < LIVES; i++) {
		if (workers[i] != si.si_pid)
			continue;
		workers[i] = 0;
		(void)kill(-si.si_pid, SIGKILL);
		(void)waitpid(si.si_pid, status, 0);
		clean(numbers[i]);
		return (i);
	}
	/* As process 1 of a container, we are everybody's parent. */
	(void)waitpid(si.si_pid, NULL, 0);
	return (-1);
}

static void
report(uint64_t seed, usec took)
{
	printf("storm: seed %" PRIu64 ", %" PRIu64 " lives, %" PRIu64
	       " acts, %" PRIu64 " requests, %" PRIu64
	       " secret bytes read, %.0f s\n",
	    seed, counts->lives, counts->acts, counts->ops, counts->bytes,
	    (double)took / 1e6);
}

static void
all_stop(void)
{
	int i, status;

	for (i = 0; i < LIVES; i++) {
		if (workers[i] <= 0)
			continue;
		(void)kill(-workers[i], SIGKILL);
		(void)waitpid(workers[i], &status, 0);
		clean(numbers[i]);
	}
}

/* Runs lives until the time is up; returns the exit status. */
static int
storm(uint64_t seed, usec until, const uint64_t *only)
{
	uint64_t life = 0;
	int	 i, status, running = 0, rc = 0;

	for (i = 0; i < LIVES && (only == NULL || i == 0); i++, running++)
		worker_start(i, seed, only != NULL ? *only : life++);
	while (running > 0 && rc == 0 && stopped == 0) {
		if ((i = worker_wait(&status)) == -1)
			continue;
		running--;
		if (status != 0)
			rc = WIFEXITED(status) ? WEXITSTATUS(status) : 2;
		else if (now() < until) {
			worker_start(i, seed, only != NULL ? *only : life++);
			running++;
		}
	}
	all_stop();
	return (stopped != 0 ? 2 : rc);
}

int
main(int argc, char *argv[])
{
	struct sigaction sa = { .sa_handler = on_stop };
	usec		 begin = now();
	uint64_t	 seed, only = 0;
	int		 rc;

	if (argc < 3 || argc > 4)
		errx(2, "usage: storm SEED SECONDS [LIFE]");
	seed = number(argv[1]);
	if (argc == 4)
		only = number(argv[3]);
	if (mkdtemp(dir) == NULL || chmod(dir, 0711) == -1)
		err(2, "%s", dir);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (counts == MAP_FAILED)
		err(2, "mmap");
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	printf("storm: seed %" PRIu64 ", %s s, as %s\n", seed, argv[2],
	    geteuid() == 0 ? "root" : "a user");
	(void)fflush(stdout);
	rc = storm(seed, begin + (usec)number(argv[2]) * 1000000,
	    argc == 4 ? &only : NULL);
	report(seed, now() - begin);
	(void)rmdir(dir);
	return (rc);
}
