/* SPDX-License-Identifier: ISC */
/*
 * The arena, in each kind of memory that a system may give: what it keeps out,
 * and that the wipe leaves nothing.  Cases that mean to die have "_faults" in
 * their names.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "secmem.h"

#define SIZE 65536

/* AddressSanitizer's mlock(2) does nothing, and says that it did. */
#ifdef SANITIZE
#define MLOCK_LIES true
#else
#define MLOCK_LIES false
#endif

/* From here on the system has no memfd_secret(2).  Returns -1 if that fails. */
static int
no_secret_memory(void)
{
	scmp_filter_ctx ctx;
	int		rc;

	if ((ctx = seccomp_init(SCMP_ACT_ALLOW)) == NULL)
		return (-1);
	rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
	    SCMP_SYS(memfd_secret), 0);
	if (rc == 0)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return (rc == 0 ? 0 : -1);
}

/* From here on nothing can be locked, not even by root. */
static int
no_locked_memory(void)
{
	const struct rlimit		none = { 0, 0 };
	struct __user_cap_header_struct hdr = { _LINUX_CAPABILITY_VERSION_3,
		0 };
	struct __user_cap_data_struct	data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &hdr, data) == -1)
		return (-1);
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &hdr, data) == -1)
		return (-1);
	return (setrlimit(RLIMIT_MEMLOCK, &none));
}

/* Brings about that an arena is of that kind, or says that it cannot. */
static int
make_system(enum secmem_kind kind)
{
	switch (kind) {
	case SECMEM_SECRET:
		return (0);
	case SECMEM_MLOCK:
		return (no_secret_memory());
	case SECMEM_UNLOCKED:
		return (no_locked_memory());
	}
	return (-1);
}

static bool
all_are(const unsigned char *p, size_t len, unsigned char want)
{
	while (len > 0 && *p == want) {
		p++;
		len--;
	}
	return (len == 0);
}

/* In a child of each_kind(). */
static void
require(bool right)
{
	if (!right)
		_exit(1);
}

/*
 * Uses an arena of each kind that this system has, in a child, since nothing
 * takes back what make_system() does.  use() must return or, if it faults, die
 * of SIGSEGV.
 */
static void
each_kind(void (*use)(struct secmem *, int), int how, bool faults)
{
	static const enum secmem_kind kinds[] = { SECMEM_SECRET, SECMEM_MLOCK,
		SECMEM_UNLOCKED };
	const struct rlimit	      none = { 0, 0 };
	struct secmem		      sm;
	size_t			      i;
	pid_t			      pid;
	int			      status;

	for (i = 0; i < NELEM(kinds); i++) {
		ATF_REQUIRE((pid = fork()) != -1);
		if (pid == 0) {
			(void)setrlimit(RLIMIT_CORE, &none);
			(void)signal(SIGSEGV, SIG_DFL);
			if (make_system(kinds[i]) == -1 ||
			    secmem_open(&sm, SIZE, abort) == -1)
				_exit(2);
			if (sm.kind != kinds[i])
				_exit(3);
			use(&sm, how);
			_exit(0);
		}
		ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 3 &&
		    (kinds[i] == SECMEM_SECRET || MLOCK_LIES))
			printf("not on this system: %s\n",
			    secmem_name(kinds[i]));
		else
			ATF_REQUIRE_MSG(faults ?
				WIFSIGNALED(status) &&
				    WTERMSIG(status) == SIGSEGV :
				WIFEXITED(status) && WEXITSTATUS(status) == 0,
			    "%s, %d: status 0x%x", secmem_name(kinds[i]), how,
			    (unsigned int)status);
	}
}

/*
 * Faults: touching the arena somewhere.
 */

enum where { BEFORE, BEHIND, FIRST, LAST, IN_FORK };

static void
touch(volatile unsigned char *p, bool writing)
{
	if (writing)
		*p = 1;
	else
		(void)*p;
}

/* how: where to touch it, and 1 to write or 0 to read. */
static void
touch_arena(struct secmem *sm, int how)
{
	const enum where where = (enum where)(how / 2);
	const bool	 writing = how % 2 != 0;
	int		 status;

	if (where != FIRST && where != LAST)
		secmem_unseal(sm);
	switch (where) {
	case BEFORE:
		touch(sm->pages, writing); /* that one is ours */
		touch(sm->pages - 1, writing);
		break;
	case BEHIND:
		touch(sm->data + sm->size - 1, writing);
		touch(sm->data + sm->size, writing);
		break;
	case FIRST:
		touch(sm->pages, writing);
		break;
	case LAST:
		touch(sm->data + sm->size - 1, writing);
		break;
	case IN_FORK:
		touch(sm->data, writing);
		if (fork() == 0)
			touch(sm->data, writing);
		else if (wait(&status) != -1 && WIFSIGNALED(status))
			(void)raise(WTERMSIG(status));
		break;
	}
}

CASE(whoever_may_not_touch_the_arena_faults,
    "reading or writing before or behind the arena, while it is sealed, or in "
    "a child of fork(2) is SIGSEGV, in each kind of memory")
{
	int how;

	for (how = BEFORE * 2; how <= IN_FORK * 2 + 1; how++)
		each_kind(touch_arena, how, true);
}

/*
 * What the kernel says about the memory.
 */

/* Whether the mapping that is the arena, and it alone, has that flag. */
static bool
has_flag(const struct secmem *sm, const char *flag)
{
	const unsigned long start = (uintptr_t)sm->pages;
	char		    line[512], want[8], head[64];
	bool		    here = false, found = false, has = false;
	FILE		   *f = fopen("/proc/self/smaps", "re");

	if (f == NULL)
		err(1, "smaps");
	(void)snprintf(want, sizeof(want), " %s ", flag);
	(void)snprintf(head, sizeof(head), "%08lx-%08lx ", start,
	    start + (unsigned long)sm->len);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (line[0] >= 'A' && line[0] <= 'Z') {
			if (!here || strncmp(line, "VmFlags:", 8) != 0)
				continue;
			found = true;
			line[strcspn(line, "\n")] = ' ';
			has = strstr(line, want) != NULL;
		} else {
			here = strncmp(line, head, strlen(head)) == 0;
		}
	}
	(void)fclose(f);
	if (!found)
		errx(1, "the arena is no mapping of its own");
	return (has);
}

static unsigned long
locked_kib(void)
{
	char	      line[256];
	unsigned long kib = 0;
	FILE	     *f = fopen("/proc/self/status", "re");

	if (f == NULL)
		err(1, "status");
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmLck:", 6) == 0)
			kib = strtoul(line + 6, NULL, 10);
	(void)fclose(f);
	return (kib);
}

static void
arena_is_kept(struct secmem *sm, int how)
{
	(void)how;
	require(has_flag(sm, "dd")); /* not dumped */
	require(has_flag(sm, "dc")); /* not copied on fork */
	if (MLOCK_LIES && sm->kind == SECMEM_MLOCK)
		return;
	/* A child begins with no locked memory. */
	if (sm->kind == SECMEM_UNLOCKED)
		require(locked_kib() == 0);
	else
		require(has_flag(sm, "lo") && locked_kib() >= sm->len / 1024);
}

CASE(an_arena_is_locked_and_not_dumped,
    "secretmem and mlock memory are locked; each kind is in no core dump, and "
    "not in a child")
{
	each_kind(arena_is_kept, 0, false);
}

/* Reads len bytes at p as a debugger would; false if it may not. */
static bool
read_from_outside(unsigned char *p, unsigned char *to, size_t len)
{
	struct iovec here = { to, len };
	struct iovec there = { p, len };
	int	     fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	bool	     got;

	require(fd != -1);
	got = pread(fd, to, len, (off_t)(uintptr_t)p) == (ssize_t)len;
	close(fd);
	return (process_vm_readv(getpid(), &here, 1, &there, 1, 0) ==
		(ssize_t)len ||
	    got);
}

static void
arena_shows_outside(struct secmem *sm, int how)
{
	const bool    shows = sm->kind != SECMEM_SECRET;
	unsigned char seen[16] = { 0 };

	(void)how;
	require(shows || !read_from_outside(sm->data, seen, sizeof(seen)));
	secmem_unseal(sm);
	memset(sm->data, 0x5a, sm->size);
	require(shows == read_from_outside(sm->data, seen, sizeof(seen)));
	require(shows == all_are(seen, sizeof(seen), 0x5a));
}

CASE(secret_memory_cannot_be_read_from_outside,
    "neither /proc/PID/mem nor process_vm_readv(2) reads secretmem; the same "
    "calls read the other kinds, so they would find a secret")
{
	each_kind(arena_shows_outside, 0, false);
}

/*
 * Use, and the wipe.
 */

static void
arena_is_wiped(struct secmem *sm, int sealed)
{
	size_t i;

	secmem_unseal(sm);
	for (i = 0; i < sm->size; i++)
		sm->data[i] = (unsigned char)(i % 255 + 1);
	if (sealed)
		secmem_seal(sm);
	require(secmem_wipe(sm) == NULL);
	secmem_unseal(sm);
	require(all_are(sm->pages, sm->len, 0));
	/* And once more, as from a handler; the canary is no news by now. */
	require(secmem_wipe(sm) == NULL);
	require(secmem_wipe(sm) == NULL);
}

CASE(a_wipe_leaves_only_zeros,
    "an arena of each kind, sealed or in the middle of a copy, is zero after a "
    "wipe, and after two more")
{
	each_kind(arena_is_wiped, true, false);
	each_kind(arena_is_wiped, false, false);
}

static int
protection_is_none(const struct secmem *sm)
{
	return (
	    !has_flag(sm, "rd") && !has_flag(sm, "wr") && !has_flag(sm, "ex"));
}

CASE(an_arena_is_sealed_but_for_its_use,
    "an arena can be accessed from secmem_unseal() to the same number of "
    "secmem_seal(), which leave errno alone, and is never executable")
{
	struct secmem sm;

	ATF_REQUIRE(secmem_open(&sm, SIZE, abort) == 0);
	ATF_REQUIRE(protection_is_none(&sm));
	errno = ENOTTY;
	secmem_unseal(&sm);
	secmem_unseal(&sm);
	secmem_seal(&sm);
	ATF_REQUIRE_EQ(ENOTTY, errno);
	ATF_REQUIRE(has_flag(&sm, "rd") && has_flag(&sm, "wr"));
	ATF_REQUIRE(!has_flag(&sm, "ex"));
	secmem_seal(&sm);
	ATF_REQUIRE(protection_is_none(&sm));
}

CASE(every_byte_of_the_canary_is_watched,
    "a wipe tells of a change of any byte of the canary, once, and wipes "
    "all the same")
{
	struct secmem sm;
	size_t	      i;

	for (i = 1; i <= SECMEM_CANARY; i++) {
		ATF_REQUIRE(secmem_open(&sm, 4096, abort) == 0);
		secmem_unseal(&sm);
		sm.data[-(ptrdiff_t)i] ^= 0x10;
		secmem_seal(&sm);
		ATF_REQUIRE_STREQ(
		    "arena canary overwritten: something wrote outside of a "
		    "secret",
		    secmem_wipe(&sm));
		ATF_REQUIRE(secmem_wipe(&sm) == NULL);
		secmem_unseal(&sm);
		ATF_REQUIRE(all_are(sm.pages, sm.len, 0));
		ATF_REQUIRE(munmap(sm.pages, sm.len) == 0);
	}
}

CASE(two_arenas_have_two_canaries, "the canaries of two arenas differ")
{
	struct secmem a, b;

	ATF_REQUIRE(secmem_open(&a, 4096, abort) == 0);
	ATF_REQUIRE(secmem_open(&b, 4096, abort) == 0);
	ATF_REQUIRE(memcmp(a.canary, b.canary, SECMEM_CANARY) != 0);
	ATF_REQUIRE(!all_are(a.canary, SECMEM_CANARY, 0));
}

static void
exit_with_errno(void)
{
	_exit(errno);
}

static void
return_at_once(void)
{
}

/* How a child ends that unseals, or seals, an arena that is not there. */
static int
protect_nothing(bool seal, void (*failed)(void))
{
	const struct rlimit none = { 0, 0 };
	struct secmem	    sm;
	pid_t		    pid;
	int		    status;

	ATF_REQUIRE((pid = fork()) != -1);
	if (pid == 0) {
		(void)setrlimit(RLIMIT_CORE, &none);
		(void)signal(SIGABRT, SIG_DFL);
		if (secmem_open(&sm, SIZE, failed) == -1 ||
		    munmap(sm.pages, sm.len) == -1)
			_exit(0);
		if (seal)
			secmem_seal(&sm);
		else
			secmem_unseal(&sm);
		_exit(0);
	}
	ATF_REQUIRE(waitpid(pid, &status, 0) == pid);
	return (status);
}

CASE(a_failed_mprotect_ends_the_process,
    "when mprotect(2) fails, secmem_unseal() and secmem_seal() call failed() "
    "with errno, and abort if it returns")
{
	int seal, status;

	for (seal = 0; seal < 2; seal++) {
		status = protect_nothing(seal, exit_with_errno);
		ATF_REQUIRE(WIFEXITED(status));
		ATF_REQUIRE_EQ(ENOMEM, WEXITSTATUS(status));
		status = protect_nothing(seal, return_at_once);
		ATF_REQUIRE(WIFSIGNALED(status));
		ATF_REQUIRE_EQ(SIGABRT, WTERMSIG(status));
	}
}

CASE(a_wipe_whose_mprotect_fails_unmaps_the_arena,
    "when mprotect(2) fails, secmem_wipe() unmaps the arena, says so, "
    "and does not call failed()")
{
	struct secmem sm;

	ATF_REQUIRE(secmem_open(&sm, SIZE, abort) == 0);
	ATF_REQUIRE(munmap(sm.pages, sm.len) == 0);
	ATF_REQUIRE_STREQ(
	    "arena not writable: its memory was given back to the kernel",
	    secmem_wipe(&sm));
	ATF_REQUIRE(secmem_wipe(&sm) == NULL);
}

CASE(an_arena_has_any_size,
    "an arena of 1 byte to 1 MB is aligned, zero, writable to its last byte, "
    "and as large as asked")
{
	static const size_t sizes[] = { 1, 15, 16, 17, 4079, 4080, 4081, 4095,
		4096, 4097, 65536, 1000003 };
	struct secmem	    sm;
	size_t		    i;

	for (i = 0; i < NELEM(sizes); i++) {
		ATF_REQUIRE(secmem_open(&sm, sizes[i], abort) == 0);
		ATF_REQUIRE(sm.size >= sizes[i] && sm.size < sizes[i] + 16);
		ATF_REQUIRE_EQ(0, (uintptr_t)sm.data % 16);
		ATF_REQUIRE_EQ(0, sm.len % 4096);
		ATF_REQUIRE(sm.len < sm.size + SECMEM_CANARY + 4096);
		ATF_REQUIRE(sm.data >= sm.pages + SECMEM_CANARY);
		ATF_REQUIRE(sm.data + sm.size == sm.pages + sm.len);
		secmem_unseal(&sm);
		ATF_REQUIRE(all_are(sm.data, sm.size, 0));
		memset(sm.data, 0xff, sm.size);
		secmem_seal(&sm);
		ATF_REQUIRE(secmem_wipe(&sm) == NULL);
		ATF_REQUIRE(munmap(sm.pages, sm.len) == 0);
	}
}

CASE(a_wipe_without_an_arena_does_nothing,
    "secmem_open() of all address space fails, and a wipe is harmless "
    "before and after that")
{
	struct secmem sm;

	memset(&sm, 0, sizeof(sm));
	ATF_REQUIRE(secmem_wipe(&sm) == NULL);
	ATF_REQUIRE(secmem_open(&sm, SIZE_MAX - (1 << 20), abort) == -1);
	ATF_REQUIRE(secmem_wipe(&sm) == NULL);
}
