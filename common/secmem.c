/* SPDX-License-Identifier: ISC */
/*
 * The arena: memory for secrets between two guard pages.  It is sealed
 * (PROT_NONE) unless something is being copied.  secmem_open() takes the best
 * kind of memory that the system gives; the caller reports which one.
 */
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secmem.h"

#define SECMEM_ALIGN 16 /* bytes; the data ends at the guard page */

/* As memfd_secret(2), which 32-bit ARM does not have. */
static int
secmem_memfd(void)
{
#ifdef SYS_memfd_secret
	return ((int)syscall(SYS_memfd_secret, O_CLOEXEC));
#else
	errno = ENOSYS;
	return (-1);
#endif
}

/*
 * Maps pages of memfd_secret(2), which the kernel removes from its own map of
 * memory.  Not even root can read them through /proc/PID/mem, ptrace(2) or a
 * core dump, and the kernel zeroes them when the process ends, for whatever
 * cause.
 */
static int
secmem_map_secret(struct secmem *sm)
{
	int   fd, error;
	void *p;

	if ((fd = secmem_memfd()) == -1)
		return (-1);
	p = MAP_FAILED;
	if (ftruncate(fd, (off_t)sm->len) != -1)
		p = mmap(sm->pages, sm->len, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, fd, 0);
	error = errno;
	close(fd);
	errno = error;
	return (p == MAP_FAILED ? -1 : 0);
}

/*
 * Maps ordinary pages, shared: mprotect(2) counts private pages against
 * RLIMIT_DATA (and against overcommit) when it makes them writable.  Anybody of
 * the same uid can lower that limit with prlimit(2), and then they could not be
 * unsealed any more, not even to be wiped.
 */
static int
secmem_map_anon(struct secmem *sm)
{
	void *p;

	p = mmap(sm->pages, sm->len, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	return (p == MAP_FAILED ? -1 : 0);
}

/* Ends the process if mprotect(2) fails; leaves errno alone if it does not. */
static void
secmem_protect(const struct secmem *sm, int prot)
{
	if (mprotect(sm->pages, sm->len, prot) == -1) {
		sm->failed();
		abort();
	}
}

/* Backs the pages with memory of that kind; -1 with errno. */
static int
secmem_map(struct secmem *sm, enum secmem_kind kind)
{
	sm->kind = kind;
	switch (kind) {
	case SECMEM_SECRET:
		return (secmem_map_secret(sm));
	case SECMEM_MLOCK:
		if (secmem_map_anon(sm) == -1)
			return (-1);
		return (mlock(sm->pages, sm->len));
	case SECMEM_UNLOCKED:
		return (secmem_map_anon(sm));
	}
	return (-1);
}

/* Reserves addresses for size bytes, a canary and two guard pages. */
static int
secmem_reserve(struct secmem *sm, size_t size, void (*failed)(void))
{
	const size_t   page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *map;

	memset(sm, 0, sizeof(*sm));
	sm->failed = failed;
	sm->size = (size + SECMEM_ALIGN - 1) & ~(size_t)(SECMEM_ALIGN - 1);
	sm->len = (sm->size + SECMEM_CANARY + page - 1) & ~(page - 1);
	map = mmap(NULL, sm->len + 2 * page, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return (-1);
	sm->pages = map + page;
	sm->data = sm->pages + sm->len - sm->size;
	return (0);
}

/* Makes the mapped pages an arena, and seals it. */
static int
secmem_prepare(struct secmem *sm)
{
	if (madvise(sm->pages, sm->len, MADV_DONTDUMP) == -1 ||
	    madvise(sm->pages, sm->len, MADV_DONTFORK) == -1)
		return (-1);

	explicit_bzero(sm->pages, sm->len);
	if (getrandom(sm->canary, sizeof(sm->canary), 0) !=
	    (ssize_t)sizeof(sm->canary))
		return (-1);
	memcpy(sm->data - SECMEM_CANARY, sm->canary, SECMEM_CANARY);
	return (mprotect(sm->pages, sm->len, PROT_NONE));
}

/*
 * Maps an arena of the best kind that there is, with room for size bytes,
 * rounded up to SECMEM_ALIGN, and leaves it sealed.  Touches every page, so
 * that no later access can fail for lack of memory.  failed is called, with
 * errno, when mprotect(2) fails in secmem_unseal() or secmem_seal(); it must
 * end the process.  Returns -1 with errno if there is no memory, or no random
 * number for the canary.
 */
int
secmem_open(struct secmem *sm, size_t size, void (*failed)(void))
{
	if (secmem_reserve(sm, size, failed) == -1)
		return (-1);
	if (secmem_map(sm, SECMEM_SECRET) == -1 &&
	    secmem_map(sm, SECMEM_MLOCK) == -1 &&
	    secmem_map(sm, SECMEM_UNLOCKED) == -1)
		return (-1);
	return (secmem_prepare(sm));
}

/* As secmem_open(), but fails unless the memory can be of this kind. */
int
secmem_open_kind(struct secmem *sm, enum secmem_kind kind, size_t size,
    void (*failed)(void))
{
	if (secmem_reserve(sm, size, failed) == -1 ||
	    secmem_map(sm, kind) == -1)
		return (-1);
	return (secmem_prepare(sm));
}

/*
 * Makes the arena accessible until secmem_seal() has been called as often as
 * secmem_unseal().  mprotect(2) costs more than most copies, so a caller that
 * does several things in a row unseals once for all of them.
 */
void
secmem_unseal(struct secmem *sm)
{
	if (sm->users == 0)
		secmem_protect(sm, PROT_READ | PROT_WRITE);
	sm->users++;
}

/* Ends one secmem_unseal().  The last call seals the arena. */
void
secmem_seal(struct secmem *sm)
{
	if (sm->users > 0 && --sm->users > 0)
		return;
	secmem_protect(sm, PROT_NONE);
}

/*
 * Overwrites the whole arena with zeros and leaves it unsealed: nothing is left
 * to protect, and the process is about to end.  Async-signal-safe, and may
 * interrupt itself.  Returns NULL, or a static string that says what was wrong.
 * If mprotect(2) fails, unmaps the pages; failed() is not called, because it
 * may be the caller.
 */
const char *
secmem_wipe(struct secmem *sm)
{
	int broken;

	if (sm->pages == NULL)
		return (NULL);
	if (mprotect(sm->pages, sm->len, PROT_READ | PROT_WRITE) == -1) {
		(void)munmap(sm->pages, sm->len);
		sm->pages = NULL;
		return ("arena not writable: its memory was given "
			"back to the kernel");
	}
	broken = !sm->wiped &&
	    memcmp(sm->data - SECMEM_CANARY, sm->canary, SECMEM_CANARY) != 0;
	explicit_bzero(sm->pages, sm->len);
	sm->wiped = 1;
	return (broken ? "arena canary overwritten: something wrote "
			 "outside of a secret" :
			 NULL);
}

/* The word for kind in STATUS and in the log; a static string. */
const char *
secmem_name(enum secmem_kind kind)
{
	static const char *const names[] = { [SECMEM_SECRET] = "secretmem",
		[SECMEM_MLOCK] = "mlock",
		[SECMEM_UNLOCKED] = "unlocked" };

	return (names[kind]);
}
