/* SPDX-License-Identifier: ISC */
/*
 * What the vault calls, in the fuzz target "vault": the effects of a panic,
 * which are recorded; the files, the child and the rest of the start; system
 * functions.
 */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sanitizer/asan_interface.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "child.h"
#include "daemon.h"
#include "files.h"
#include "last.h"
#include "load.h"
#include "loader.h"
#include "network.h"
#include "options.h"
#include "registry.h"
#include "sandbox.h"
#include "signals.h"
#include "stdfd.h"
#include "vault_world.h"

#define PIDFDS 1024

struct world w = { .network = -1, .front = -1 };

static int32_t pid_of[PIDFDS]; /* the process of each pidfd */

/* The effects of a panic, in the place of effects.c. */

bool
world_all_zero(const unsigned char *p, size_t len)
{
	return (len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0));
}

static void
on_wipe(void)
{
	CHECK(w.deeds == 0, "wiped after %u", w.deeds);
	w.deeds |= WIPED;
	v.damage = secmem_wipe(&v.mem);
	CHECK(v.damage == NULL, "%s", v.damage);
}

static void
on_kill_registered(void)
{
	CHECK(w.deeds == WIPED && m.c.armed, "killed after %u", w.deeds);
	w.deeds |= FELLED;
	registry_kill();
}

static void
on_remove_files(void)
{
	CHECK((w.deeds & WIPED) != 0, "files removed after %u", w.deeds);
	w.deeds |= REMOVED;
}

static void
on_log(enum panic_event event, const char *reason)
{
	CHECK(reason != NULL, "no reason");
	if (event == PANIC_PENDING || event == PANIC_CANCELLED) {
		CHECK(w.deeds == 0, "%s after the end", reason);
		return;
	}
	CHECK((w.deeds & REMOVED) != 0, "logged after %u", w.deeds);
	/* When the end of a GET is told to a deaf network is not known. */
	if (m.deaf && event == PANIC_HARD)
		model_hard();
	CHECK(m.c.end ==
		(event == PANIC_HARD	       ? HARD :
			event == PANIC_STOPPED ? STOPPED :
						 EXECUTED),
	    "it ends by %s", reason);
	w.deeds |= LOGGED;
}

static void
on_kill(void)
{
	CHECK(w.deeds == (WIPED | FELLED | REMOVED | LOGGED), "dies after %u",
	    w.deeds);
	fuzz_leave("kill");
}

static void
on_done(void)
{
	CHECK(w.deeds == (WIPED | REMOVED | LOGGED), "exits after %u", w.deeds);
	CHECK(v.bye == m.bye, "bye or not");
	fuzz_leave("done");
}

const struct panic_ops effects_ops = { .wipe = on_wipe,
	.kill_registered = on_kill_registered,
	.remove_files = on_remove_files,
	.log = on_log,
	.kill = on_kill,
	.done = on_done };

NOTHING(effects_log_begin, (void))
NOTHING(effects_log_end, (void))

/* What the vault calls. */

bool
files_accepted(unsigned int socket, int fd)
{
	const struct client *c = client_at(fd);

	return (c->accepted && c->heartbeat == (socket == FILES_HEARTBEAT));
}

int
files_listen(unsigned int i)
{
	if (w.how_start == 0xf1 && i == 1)
		return (-1);
	return (fcntl(w.network, F_DUPFD_CLOEXEC, 3));
}

STUB(int, files_watch, (void), eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))
STUB(bool, files_reachable, (void), !w.unlinked)
STUB(int, files_last, (void), 77)

void
last_begin(int fd)
{
	CHECK(fd == 77 && !m.started, "it runs already");
}

void
last_words(const char *how, const char *reason)
{
	CHECK((w.deeds & WIPED) != 0 && how != NULL && reason != NULL,
	    "words before the wipe");
}

STUB(int, files_dirfd, (void), -1)

int
sandbox_vault(const struct sandbox_vault *sv)
{
	CHECK(sv->arena == v.mem.pages && sv->owner == OWNER, "the sandbox");
	m.started = true;
	return (w.how_start == 0xf2 ? -1 : 0);
}

void
child_user(struct imsg_config *config)
{
	config->become_uid = config->become_gid = 60706;
}

int
child_start(const struct imsg_config *config, pid_t *pid)
{
	int sp[2];

	CHECK(config->owner == OWNER, "another owner");
	if (w.how_start == 0xf3) {
		errno = ENOMEM;
		return (-1);
	}
	fuzz_pair(SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, sp);
	w.network = sp[0];
	*pid = NETWORK;
	return (sp[1]);
}

const char *
child_wait(int fd, pid_t pid)
{
	CHECK(fd == v.imsg && pid == NETWORK, "another child");
	return (w.how_start == 0xf4 ? "it could not start" : NULL);
}

/* Waits for the input, and then for a secret that is not kept. */
const char *
load_secrets(struct store *st, void (*wait_input)(int))
{
	static const int reasons[] = { ENOSPC, ENODATA, EIO };
	char		 c;

	m.most = store_most(st);
	if (w.how_start >= 0xf5 && w.how_start <= 0xf7) {
		errno = reasons[w.how_start - 0xf5];
		return ("token");
	}
	if ((w.how_start & 4) == 0)
		return (NULL);
	wait_input(w.input[0]);
	CHECK(read(w.input[0], &c, 1) == 1, "nothing to read");
	arena_type();
	return (NULL);
}

/* The rest of the start, which does nothing here. */

NOTHING(stdfd_open, (void))

noreturn void
network_main(void)
{
	BROKEN("network is another process");
}

NOTHING(load_open, (void))
NOTHING(load_close_others, (void))

void
loader_start(const struct options *o)
{
	CHECK(o->load == NULL, "no option asks for it");
}

NOTHING(loader_secrets, (struct store * st UNUSED, void (*wait)(int) UNUSED))
STUB(int, daemon_detach, (int background UNUSED), 0)
STUB(int, daemon_ready, (void), 0)
STUB(int, sandbox_limits, (void), 0)

const char *
files_claim(const char *path)
{
	CHECK(*path == '\0', "another path");
	return (w.how_start == 0xfa ? "in use" : NULL);
}

WRAP(void, setproctitle, const char *fmt UNUSED, ...)
{
}

WRAP(int, setgroups, size_t n, const gid_t *gids)
{
	CHECK(m.root && n == 1 && *gids == GROUP, "groups");
	return (0);
}

WRAP(int, setegid, gid_t gid)
{
	CHECK(m.root && gid == (w.egid == 0 ? GROUP : 0), "gid %u", gid);
	w.egid = gid;
	return (0);
}

WRAP(int, seteuid, uid_t uid)
{
	CHECK(m.root && uid == (w.euid == 0 ? OWNER : 0), "uid %u", uid);
	w.euid = uid;
	return (0);
}

/* Clients do not take their channel: all keep to their connections. */
int
channel_offer(int fd, const char *text)
{
	int sv[2];

	if (send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		return (-1);
	fuzz_pair(SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, sv);
	close(sv[1]);
	return (sv[0]);
}

WRAP(void, log_syslog, bool has_files)
{
	CHECK(has_files, "no file system");
}

WRAP(void, signals_hide, void)
{
}

WRAP(int, signals_collect, const int *sigs UNUSED, size_t n)
{
	CHECK(n == 4, "%zu signals", n);
	return (
	    w.how_start == 0xf8 ? -1 : fcntl(w.signals[0], F_DUPFD_CLOEXEC, 3));
}

WRAP_VALUE(uid_t, geteuid, m.root ? w.euid : OWNER)
WRAP_VALUE(uid_t, getuid, m.root ? 0 : OWNER)
WRAP_VALUE(pid_t, getpid, SELF)
WRAP_VALUE(pid_t, getppid, FRONT)

WRAP(int, kill, pid_t pid, int sig)
{
	if (!fuzz_runs)
		return (__real_kill(pid, sig));
	CHECK(pid == SELF && sig == SIGSEGV, "kill %d %d", pid, sig);
	fuzz_leave("fatal");
}

WRAP(int, timerfd_create, clockid_t clock, int flags UNUSED)
{
	CHECK(clock == CLOCK_BOOTTIME, "another clock");
	return (eventfd(0, EFD_CLOEXEC));
}

WRAP(int, timerfd_settime, int fd, int flags, const struct itimerspec *its,
    struct itimerspec *old)
{
	CHECK(fd == v.timer && flags == TFD_TIMER_ABSTIME && old == NULL,
	    "another timer");
	w.timer_due = its->it_value.tv_sec * 1000 +
	    its->it_value.tv_nsec / 1000000;
	return (0);
}

WRAP(int, mlockall, int flags UNUSED)
{
	return (-1);
}

/* memfd_secret(2) is slow to make and to wipe; the other memory will do. */
WRAP(long, syscall, long number, ...)
{
	va_list ap;
	long	uid;

	if (number == SYS_setresuid) {
		va_start(ap, number);
		uid = va_arg(ap, uid_t);
		va_end(ap);
		CHECK(m.root && (uid == OWNER || uid == 0), "uid %ld", uid);
		return (0);
	}
	CHECK(number == SYS_memfd_secret, "system call %ld", number);
	errno = ENOSYS;
	return (-1);
}

/* A real mprotect(2) would take more time than all the rest. */
WRAP(int, mprotect, void *p, size_t len, int prot)
{
	if (fuzz_runs && prot != PROT_NONE && w.fail_unseal > 0 &&
	    --w.fail_unseal == 0) {
		errno = ENOMEM;
		return (-1);
	}
	if (!fuzz_runs)
		return (__real_mprotect(p, len, prot));
	ASAN_UNPOISON_MEMORY_REGION(p, len);
	if (prot == PROT_NONE)
		ASAN_POISON_MEMORY_REGION(p, len);
	return (0);
}

WRAP(noreturn void, _exit, int status)
{
	if (!fuzz_runs)
		__real__exit(status);
	CHECK(status == 1 && w.deeds == (WIPED | REMOVED), "exits after %u",
	    w.deeds);
	fuzz_leave("fail");
}

/* A pidfd can be read once its process has ended. */
static int
pidfd(int32_t pid)
{
	const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	CHECK(fd >= 0 && fd < PIDFDS, "eventfd");
	pid_of[fd] = pid;
	return (fd);
}

/* Returns a pidfd of FRONT if that is to run a command. */
int
daemon_fork(const struct options *o)
{
	CHECK(o->background, "no option asks for it");
	m.front = o->command != NULL;
	if (!m.front)
		return (-1);
	w.front = pidfd(FRONT);
	return (fcntl(w.front, F_DUPFD_CLOEXEC, 3));
}

WRAP(int, pidfd_open, pid_t pid, unsigned int flags)
{
	CHECK(flags == 0, "flags");
	errno = ESRCH;
	return (model_pid_opens(pid) ? pidfd(pid) : -1);
}

WRAP(int, pidfd_send_signal, int fd, int sig, siginfo_t *info UNUSED,
    unsigned int flags)
{
	struct pollfd has_ended = { fd, POLLIN, 0 };

	/* Root has a kernel that can kill groups, the user an older one. */
	errno = m.root ? EPERM : EINVAL;
	if (flags != 0 && (sig == 0 || !m.root))
		return (-1);
	CHECK(fd >= 0 && fd < PIDFDS, "a pidfd");
	if (sig == SIGKILL) {
		CHECK(w.deeds == (WIPED | FELLED), "killed after %u", w.deeds);
		if (flags != 0)
			return (0);
		if (poll(&has_ended, 1, 0) == 0)
			m.npids--;
		return (0);
	}
	errno = EPERM;
	return (model_pid_ours(pid_of[fd]) ? 0 : -1);
}

WRAP(int, getsockopt, int fd, int level, int name, void *value, socklen_t *len)
{
	const struct client *c;

	if (!fuzz_runs || name == SO_ERROR || name == SO_SNDBUF)
		return (__real_getsockopt(fd, level, name, value, len));
	c = client_at(fd);
	if (name == SO_PEERCRED) {
		*(struct ucred *)value = (struct ucred){ .pid = c->pid,
			.uid = c->uid };
		return (0);
	}
	if ((c->pid / 8) % 2 == 0) { /* as an old kernel does */
		errno = ENOPROTOOPT;
		return (-1);
	}
	*(int *)value = pidfd(c->pid);
	return (0);
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *msg, int flags)
{
	if (fuzz_runs && m.deaf && fd == v.imsg) {
		errno = EAGAIN;
		return (-1);
	}
	return (__real_sendmsg(fd, msg, flags));
}
