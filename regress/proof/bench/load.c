/* SPDX-License-Identifier: ISC */
/* Processes that keep the machine busy. */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <err.h>
#include <signal.h>
#include <unistd.h>

#include "bench.h"

/* Starts n of them; each runs the given function. */
void
load_start(struct load *l, int n, void (*run)(const char *), const char *arg)
{
	for (l->n = 0; l->n < n; l->n++) {
		switch (l->pid[l->n] = fork()) {
		case -1:
			err(1, "fork");
		case 0:
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			closefrom(STDERR_FILENO + 1); /* the heartbeat's, too */
			for (;;)
				run(arg);
		}
	}
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
