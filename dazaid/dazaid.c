/* SPDX-License-Identifier: ISC */
/*
 * dazaid: ties the life of secrets to the life of a login session.  This file
 * starts the daemon, step by step.  vault.c and network.c are its two
 * processes.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "daemon.h"
#include "files.h"
#include "last.h"
#include "load.h"
#include "loader.h"
#include "log.h"
#include "network.h"
#include "notify.h"
#include "options.h"
#include "registry.h"
#include "sandbox.h"
#include "signals.h"
#include "stdfd.h"
#include "transfer.h"
#include "vault.h"

#define START_TIMEOUT 100 /* ms; a shorter -t is doubtful */

/* Starts network, which gives up its rights while the vault's start goes on. */
static void
start_network(const struct options *o)
{
	struct imsg_config config = { .owner = o->owner };

	if (geteuid() == 0)
		child_user(&config);
	config.verbose = (uint32_t)log_verbose();
	config.background = o->background;
	config.unnamed = !log_is_named();
	v.imsg = child_start(&config, &v.network);
	if (v.imsg == -1)
		vault_fail("network process", strerror(errno));
	signals_hide();
}

/*
 * Not all of the arena could be locked.  Frees it, and returns the size of one
 * that RLIMIT_MEMLOCK allows; 0 if there is none, or if -z asked for a size.
 * Before Linux 5.16 the limit is 64 KiB by default, which leaves no room for
 * the canary of an arena of 64 KiB.
 */
static size_t
start_smaller(const struct options *o)
{
	const size_t  page = (size_t)sysconf(_SC_PAGESIZE);
	struct rlimit rl;

	if (o->sized || getrlimit(RLIMIT_MEMLOCK, &rl) == -1 ||
	    rl.rlim_cur < page || rl.rlim_cur >= v.mem.len)
		return (0);
	(void)munmap(v.mem.pages, v.mem.len);
	return (((size_t)rl.rlim_cur & ~(page - 1)) - SECMEM_CANARY);
}

/* Allocates the arena in memory of the one kind that -m allows. */
static void
start_arena_kind(const struct options *o)
{
	const char *why;
	size_t	    less;

	if (secmem_open_kind(&v.mem, o->memory, o->size, vault_arena_failed) ==
	    0)
		return;
	why = o->memory == SECMEM_MLOCK ?
	    "no memory can be locked (see ulimit -l)" :
	    strerror(errno);
	if ((less = start_smaller(o)) > 0 &&
	    secmem_open_kind(&v.mem, o->memory, less, vault_arena_failed) == 0)
		return;
	vault_fail(o->memory == SECMEM_MLOCK ? "--memory mlock" :
					       "--memory secretmem",
	    why);
}

/* Allocates the arena in the best kind of memory. */
static void
start_arena(const struct options *o)
{
	size_t less;

	if (secmem_open(&v.mem, o->size, vault_arena_failed) == -1)
		vault_fail("cannot allocate the arena", strerror(errno));
	if (v.mem.kind == SECMEM_UNLOCKED && (less = start_smaller(o)) > 0 &&
	    secmem_open(&v.mem, less, vault_arena_failed) == -1)
		vault_fail("cannot allocate the arena", strerror(errno));
}

/*
 * Allocates the arena, and then locks the rest of the vault, so that the arena
 * comes first if little memory may be locked.
 */
static void
start_memory(const struct options *o)
{
	if (o->one_kind)
		start_arena_kind(o);
	else
		start_arena(o);
	if (v.mem.kind == SECMEM_UNLOCKED && o->require_lock)
		vault_fail("--require-lock",
		    "no memory can be locked (see ulimit -l)");
	store_init(&v.store, &v.mem);
	transfer_init(&v.store);
	if (mlockall(MCL_CURRENT | MCL_ONFAULT) == -1)
		log_debug("the rest of the vault is not locked: %s",
		    strerror(errno));
}

/*
 * Makes the files with the rights of their owner.  Otherwise the owner could
 * use links to make root overwrite files of others.
 */
static void
start_files(const struct options *o)
{
	const char *why;

	if (geteuid() == 0 && o->owner != 0 &&
	    (setgroups(1, &o->gid) == -1 || setegid(o->gid) == -1 ||
		seteuid(o->owner) == -1))
		vault_fail("--user", strerror(errno));
	why = files_claim(o->path);
	if (getuid() == 0 && o->owner != 0 &&
	    (seteuid(0) == -1 || setegid(0) == -1))
		vault_fail("--user", strerror(errno));
	if (why != NULL)
		vault_fail("socket", why);
}

/* Waits until network has given up its rights. */
static void
start_wait_network(void)
{
	const char *why = child_wait(v.imsg, v.network);

	if (why != NULL)
		vault_fail("network process", why);
}

/* Reads the secrets of -l and -L, while the vault's loop runs. */
static void
start_secrets(void)
{
	const char *failed = load_secrets(&v.store, vault_wait_input);

	if (failed == NULL) {
		loader_secrets(&v.store, vault_wait_input);
		return;
	}
	if (errno == ENOSPC)
		vault_fail(failed,
		    "the secret does not fit into the arena; "
		    "make it larger with -z");
	if (errno == ENODATA)
		vault_fail(failed, "the secret is empty");
	vault_fail(failed, strerror(errno));
}

/* Lets clients connect: hands both listening sockets to network. */
static void
start_listening(void)
{
	struct imsg im = { .type = IMSG_LISTENER };
	uint32_t    i;

	last_begin(files_last());
	for (i = 0; i < FILES_SOCKETS; i++) {
		im.u.number.n = i;
		if ((im.fd = files_listen(i)) == -1)
			vault_fail("cannot listen on the socket",
			    strerror(errno));
		if (imsg_send(v.imsg, &im, MSG_DONTWAIT) == -1)
			vault_fail("network process", strerror(errno));
		close(im.fd);
	}
	if ((v.files = files_watch()) == -1)
		vault_fail("cannot watch the sockets (inotify)",
		    strerror(errno));
	v.started = true;
}

/*
 * Sets the title that ps(1) shows.  If argv[0] is longer than the title, libbsd
 * writes a '.' after the title, which ps(1) would show, too: removes that.
 */
static void
start_title(char *argv0)
{
	size_t len = strlen(argv0);

	/*
	 * pkill(1) and dazaictl(8) find the vault by this name, whatever the
	 * program's file is called.
	 */
	(void)prctl(PR_SET_NAME, "dazaid", 0, 0, 0);
	setproctitle("vault");
	if (strlen(argv0) < len)
		argv0[len] = '\0';
}

/* Gives up all rights that the loop does not need. */
static void
start_sandbox(void)
{
	const struct sandbox_vault sv = { .arena = v.mem.pages,
		.arena_len = v.mem.len,
		.owner = v.owner,
		.dirfd = files_dirfd(),
		.procfd = registry_procfd(),
		.timer = v.timer,
		.signals = v.signals,
		.files = v.files,
		.alive = v.alive };

	registry_own();
	if (sandbox_vault(&sv) == -1)
		vault_fail("cannot load the seccomp filter", strerror(errno));
}

/* Warns of memory that is worse than secretmem, unless -m has asked for it. */
static void
start_log_memory(const struct options *o)
{
	if (v.mem.kind == SECMEM_UNLOCKED)
		log_warnx("DEGRADED: memory: unlocked, secrets can be swapped "
			  "out (see ulimit -l, --require-lock)");
	else if (v.mem.kind == SECMEM_MLOCK && !o->one_kind)
		log_warnx("memory: mlock, because there is no secretmem here: "
			  "root can read the secrets, and kill -9 does not "
			  "wipe them (see -m)");
	if (v.mem.size < o->size)
		log_warnx("memory: %zu bytes instead of %zu, because no more "
			  "can be locked (see ulimit -l, -z)",
		    v.mem.size, o->size);
}

/*
 * Warns if the daemon will work badly, or otherwise than the options suggest.
 */
static void
start_log_doubts(const struct options *o)
{
	start_log_memory(o);
	if (o->timeout != 0 && o->timeout < START_TIMEOUT)
		log_warnx("-t %lld.%03lld: a busy machine delays a PING for "
			  "longer",
		    (long long)o->timeout / 1000, (long long)o->timeout % 1000);
}

static void
start_log_ready(const struct options *o)
{
	start_log_doubts(o);
	if (!registry_groups())
		log_info("this kernel kills a registered process alone, "
			 "without its group");
	log_info("ready, memory: %s, secrets: %u, %s, ping timeout %lld ms",
	    secmem_name(v.mem.kind), v.store.count,
	    v.panic.armed ? "armed" : "dry-run", (long long)v.session.timeout);
}

int
main(int argc, char *argv[])
{
	struct options o;

	stdfd_open();
	if (argc > 0 && strcmp(argv[0], CHILD_TITLE) == 0)
		network_main();
	options_read(&o, argc, argv);
	load_open();
	load_close_others();
	if (o.background)
		v.front = daemon_fork(&o);
	notify_open();

	log_open(log_is_named(), o.verbose);
	loader_start(&o);
	if (sandbox_limits() == -1)
		err(1, "cannot set resource limits");
	vault_init(&o);
	start_network(&o);
	start_memory(&o);
	start_files(&o);
	start_wait_network();
	if (!o.background)
		log_relay(v.imsg);
	start_secrets();
	start_listening();

	log_role("vault");
	start_title(argv[0]);
	if (o.background) {
		/* On standard error, too: few people read the system log. */
		start_log_doubts(&o);
		log_syslog(true);
	}
	if (daemon_detach(o.background) == -1)
		vault_fail("/dev/null", strerror(errno));
	start_sandbox();
	vault_start();
	start_log_ready(&o);
	notify_ready();
	if (daemon_ready() == -1)
		vault_fail("pipe", strerror(errno));
	vault_loop();
}
