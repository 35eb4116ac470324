/* SPDX-License-Identifier: ISC */
/*
 * The arenas through which secrets pass in dazaictl.  Every end of the program
 * but SIGKILL wipes all of them.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "client.h"

static struct secmem *arenas[ARENA_MAX]; /* those that are open; NULL: none */
static struct rlimit  arena_memlock;	 /* the limit at the start */

static void
arena_wipe_all(void)
{
	size_t i;

	for (i = 0; i < ARENA_MAX; i++) {
		if (arenas[i] != NULL)
			(void)secmem_wipe(arenas[i]);
	}
}

/* secmem calls this when mprotect(2) fails. */
static void
arena_failed(void)
{
	const int error = errno;

	arena_wipe_all();
	errno = error;
	err(EXIT_USAGE, "memory for the secret: mprotect");
}

static void
arena_on_signal(int sig)
{
	arena_wipe_all();
	(void)raise(sig); /* SA_RESETHAND: its default again */
}

/*
 * Forbids a core dump.  Lowers only the soft limit, so that a program which we
 * execute can raise it.
 */
static void
arena_no_core(void)
{
	struct rlimit rl;

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    getrlimit(RLIMIT_CORE, &rl) == -1)
		err(EXIT_USAGE, "cannot disable core dumps");
	rl.rlim_cur = 0;
	if (setrlimit(RLIMIT_CORE, &rl) == -1)
		err(EXIT_USAGE, "cannot disable core dumps");
}

/* Makes every signal that would end the program wipe the arenas first. */
static void
arena_catch(void)
{
	struct sigaction sa, was;
	int		 sig;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = arena_on_signal;
	sa.sa_flags = (int)SA_RESETHAND;
	for (sig = 1; sig <= SIGRTMAX; sig++) {
		switch (sig) {
		case SIGCHLD: /* these end no process, see signal(7) */
		case SIGCONT:
		case SIGTSTP:
		case SIGTTIN:
		case SIGTTOU:
		case SIGURG:
		case SIGWINCH:
			continue;
		}
		/* A signal that our parent ignored for us stays ignored. */
		if (sigaction(sig, &sa, &was) == 0 && was.sa_handler != SIG_DFL)
			(void)sigaction(sig, &was, NULL);
	}
}

/*
 * From now on every end but SIGKILL wipes the arenas, and our memory is never
 * dumped.
 */
static void
arena_protect(void)
{
	struct rlimit rl;

	arena_no_core();
	if (getrlimit(RLIMIT_MEMLOCK, &arena_memlock) == 0) {
		rl.rlim_cur = rl.rlim_max = arena_memlock.rlim_max;
		(void)setrlimit(RLIMIT_MEMLOCK, &rl);
	}
	if (atexit(arena_wipe_all) != 0)
		err(EXIT_USAGE, "atexit");
	arena_catch();
}

/*
 * As secmem_open().  The limit of the size of files (ulimit -f) applies to
 * secretmem, too.  Ignores SIGXFSZ, so that secmem_open() takes another kind of
 * memory if secretmem would exceed it.
 */
static int
arena_open(struct secmem *sm, size_t size)
{
	struct sigaction sa, was;
	int		 result;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = SIG_IGN;
	(void)sigaction(SIGXFSZ, &sa, &was);
	result = secmem_open(sm, size, arena_failed);
	(void)sigaction(SIGXFSZ, &was, NULL);
	return (result);
}

/* Warns once if an arena is of memory that can be swapped out. */
static void
arena_warn(const struct secmem *sm)
{
	static bool warned;

	if (sm->kind == SECMEM_UNLOCKED && !warned)
		warnx("DEGRADED: the secret passes through memory that can be "
		      "swapped out (see ulimit -l)");
	warned = warned || sm->kind == SECMEM_UNLOCKED;
}

/* Replaces from by to in the list; from is NULL for a free entry. */
static void
arena_list(struct secmem *from, struct secmem *to)
{
	size_t i;

	for (i = 0; i < ARENA_MAX && arenas[i] != from; i++)
		continue;
	if (i < ARENA_MAX)
		arenas[i] = to;
	else
		errx(EXIT_USAGE, "too many secrets");
}

/*
 * Replaces *sm by an arena of size bytes, unsealed.  Moves the first len bytes
 * to it and wipes the old one.  *sm is the caller's, and zero at first; it must
 * live as long as the program, or until arena_close().
 */
void
arena_grow(struct secmem *sm, size_t size, size_t len)
{
	static bool protected;
	struct secmem old = *sm, more;
	sigset_t      all, was;

	if (!protected)
		arena_protect();
	protected = true;
	if (arena_open(&more, size) == -1)
		err(EXIT_USAGE, "no memory for the secret");
	secmem_unseal(&more);
	arena_warn(&more);
	/* Meanwhile arena_on_signal() would wipe only one of the two. */
	sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &was);
	if (len > 0)
		memcpy(more.data, old.data, len);
	if (old.pages == NULL)
		arena_list(NULL, sm);
	*sm = more;
	(void)secmem_wipe(&old);
	if (old.pages != NULL)
		(void)munmap(old.pages, old.len);
	(void)sigprocmask(SIG_SETMASK, &was, NULL);
}

/*
 * Wipes and frees *sm, and sets it to zero; does nothing if it is zero already.
 */
void
arena_close(struct secmem *sm)
{
	if (sm->pages == NULL)
		return;
	(void)secmem_wipe(sm);
	if (sm->pages != NULL)
		(void)munmap(sm->pages, sm->len);
	arena_list(sm, NULL);
	memset(sm, 0, sizeof(*sm));
}

/*
 * Call this before executing another program in this process.  Restores the
 * limit of locked memory.  The limit of core dumps stays 0, but the program may
 * raise it.
 */
void
arena_leave(void)
{
	if (arena_memlock.rlim_max != 0)
		(void)setrlimit(RLIMIT_MEMLOCK, &arena_memlock);
}
