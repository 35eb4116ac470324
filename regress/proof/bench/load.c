/* SPDX-License-Identifier: ISC */
/*
 * Processes that keep the machine busy; they are stopped while nothing is
 * measured.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <err.h>
#include <signal.h>
#include <unistd.h>

#include "bench.h"

/* Starts n of them, stopped; each runs the given function. */
void
load_start(struct load *l, int n, void (*run)(const char *), const char *arg)
{
	for (l->n = 0; l->n < n; l->n++) {
		switch (l->pid[l->n] = fork()) {
		case -1:
			err(1, "fork");
		case 0:
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			(void)raise(SIGSTOP);
			for (;;)
				run(arg);
		}
		(void)waitpid(l->pid[l->n], NULL, WUNTRACED);
	}
}

/* pause: they have stopped when this returns. */
void
load_pause(const struct load *l, bool pause)
{
	int i;

	for (i = 0; i < l->n; i++)
		(void)kill(l->pid[i], pause ? SIGSTOP : SIGCONT);
	for (i = 0; pause && i < l->n; i++)
		(void)waitpid(l->pid[i], NULL, WUNTRACED);
}

void
load_stop(struct load *l)
{
	while (l->n-- > 0) {
		(void)kill(l->pid[l->n], SIGKILL);
		(void)waitpid(l->pid[l->n], NULL, 0);
	}
	l->n = 0;
}
