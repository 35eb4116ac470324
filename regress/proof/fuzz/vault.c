/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "vault": the daemon's main() up to its loop, with a network
 * process that may send any messages in any order, clients that send, read and
 * leave, processes that end, and time.  model.c has the oracle.  A panic's
 * effects are recorded.
 */
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <linux/sockios.h>
#include <sanitizer/asan_interface.h>
#include <stdarg.h>

#include "alive.h"
#include "channel.h"
#include "last.h"
#include "notify.h"
#include "model.h"

/* NOLINTBEGIN(bugprone-suspicious-include) */
#include "../../../dazaid/registry.c"
#include "../../../dazaid/vault.c"
#define main dazaid_main
int dazaid_main(int, char *[]);
#include "../../../dazaid/dazaid.c"
/* NOLINTEND(bugprone-suspicious-include) */

#define TURNS	100000 /* before the vault must wait again */
#define HOLD	12     /* messages that may wait for the vault */
#define PAGE	4096
#define LATE	3600000
#define NAMES	5
#define TETHERS 18 /* more than there may be */
#define GROUP	1002
#define PIDFDS	1024

static struct client clients[MODEL_CLIENTS];
static size_t	     nclients;
static char	     told[MODEL_CLIENTS][MODEL_BYTES];
static uint8_t	     values[1 << 18]; /* what clients send */

static int	      network = -1; /* network's end of the socket */
static int	      signals[2];
static int	      input[2]; /* the input of -l; the vault has the first */
static int32_t	      pid_of[PIDFDS]; /* the process of each pidfd */
static uint32_t	      heart_peer;
static uint32_t	      peers;
static int64_t	      timer_due; /* 0: never */
static struct message queue[HOLD];
static size_t	      queued;
static bool	      held;	   /* the vault does not run yet */
static int	      vault_sig;   /* a signal that waits for the vault */
static bool	    process_ended; /* a registered process has, not seen yet */
static unsigned int turns;
static unsigned int ending; /* steps after the end of the input */

/* What is to fail or to differ. */
static unsigned int how_start, times;
static int	    fail_poll, fail_unseal;
static uid_t	    euid; /* of a vault that root started */
static gid_t	    egid;
static bool	    unlinked; /* the sockets */
static unsigned int deeds;    /* of a panic, in their order */

enum { WIPED = 1, FELLED = 2, REMOVED = 4, LOGGED = 8 };

/* The effects of a panic, in the place of effects.c. */

static bool
all_zero(const unsigned char *p, size_t len)
{
	return (len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0));
}

static void
on_wipe(void)
{
	CHECK(deeds == 0, "wiped after %u", deeds);
	deeds |= WIPED;
	v.damage = secmem_wipe(&v.mem);
	CHECK(v.damage == NULL, "%s", v.damage);
}

static void
on_kill_registered(void)
{
	CHECK(deeds == WIPED && m.c.armed, "killed after %u", deeds);
	deeds |= FELLED;
	registry_kill();
}

static void
on_remove_files(void)
{
	CHECK((deeds & WIPED) != 0, "files removed after %u", deeds);
	deeds |= REMOVED;
}

static void
on_log(enum panic_event event, const char *reason)
{
	CHECK(reason != NULL, "no reason");
	if (event == PANIC_PENDING || event == PANIC_CANCELLED) {
		CHECK(deeds == 0, "%s after the end", reason);
		return;
	}
	CHECK((deeds & REMOVED) != 0, "logged after %u", deeds);
	/* When the end of a GET is told to a deaf network is not known. */
	if (m.deaf && event == PANIC_HARD)
		model_hard();
	CHECK(m.c.end ==
		(event == PANIC_HARD	       ? HARD :
			event == PANIC_STOPPED ? STOPPED :
						 EXECUTED),
	    "it ends by %s", reason);
	deeds |= LOGGED;
}

static void
on_kill(void)
{
	CHECK(deeds == (WIPED | FELLED | REMOVED | LOGGED), "dies after %u",
	    deeds);
	fuzz_leave("kill");
}

static void
on_done(void)
{
	CHECK(deeds == (WIPED | REMOVED | LOGGED), "exits after %u", deeds);
	CHECK(v.bye == m.bye, "bye or not");
	fuzz_leave("done");
}

const struct panic_ops effects_ops = { .wipe = on_wipe,
	.kill_registered = on_kill_registered,
	.remove_files = on_remove_files,
	.log = on_log,
	.kill = on_kill,
	.done = on_done };

void
effects_log_begin(void)
{
}

void
effects_log_end(void)
{
}

/* What the vault calls. */

static struct client *
client_at(int fd)
{
	struct client *c;
	struct stat    st;

	CHECK(fstat(fd, &st) == 0, "fstat: %s", strerror(errno));
	for (c = clients; c < clients + nclients; c++) {
		if (c->ino == st.st_ino)
			return (c);
	}
	BROKEN("a descriptor of nobody's");
}

bool
files_accepted(unsigned int socket, int fd)
{
	const struct client *c = client_at(fd);

	return (c->accepted && c->heartbeat == (socket == FILES_HEARTBEAT));
}

int
files_listen(unsigned int i)
{
	if (how_start == 0xf1 && i == 1)
		return (-1);
	return (fcntl(network, F_DUPFD_CLOEXEC, 3));
}

int
files_watch(void)
{
	return (eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

bool
files_reachable(void)
{
	return (!unlinked);
}

int
files_last(void)
{
	return (77);
}

void
last_begin(int fd)
{
	CHECK(fd == 77 && !m.started, "it runs already");
}

void
last_words(const char *how, const char *reason)
{
	CHECK((deeds & WIPED) != 0 && how != NULL && reason != NULL,
	    "words before the wipe");
}

int
files_dirfd(void)
{
	return (-1);
}

int
sandbox_vault(const struct sandbox_vault *sv)
{
	CHECK(sv->arena == v.mem.pages && sv->owner == OWNER, "the sandbox");
	m.started = true;
	return (how_start == 0xf2 ? -1 : 0);
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
	if (how_start == 0xf3) {
		errno = ENOMEM;
		return (-1);
	}
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		  0, sp) == 0,
	    "socketpair");
	network = sp[0];
	*pid = NETWORK;
	return (sp[1]);
}

const char *
child_wait(int fd, pid_t pid)
{
	CHECK(fd == v.imsg && pid == NETWORK, "another child");
	return (how_start == 0xf4 ? "it could not start" : NULL);
}

/* Waits for the input, and then has no secret to load. */
const char *
load_secrets(struct store *st, void (*wait_input)(int))
{
	uint64_t id;
	char	 c;

	m.most = store_most(st);
	if (how_start == 0xf5 || how_start == 0xf6 || how_start == 0xf7) {
		errno = how_start == 0xf5 ? ENOSPC :
		    how_start == 0xf6	  ? ENODATA :
					    EIO;
		return ("token");
	}
	if ((how_start & 4) == 0)
		return (NULL);
	wait_input(input[0]);
	CHECK(read(input[0], &c, 1) == 1, "nothing to read");
	id = store_begin(st, "loaded", 16);
	store_drop(st, id);
	m.secrets.last_id++;
	return (NULL);
}

/* The rest of the start, which does nothing here. */

void
stdfd_open(void)
{
}

noreturn void
network_main(void)
{
	BROKEN("network is another process");
}

void
load_open(void)
{
}

void
load_close_others(void)
{
}

void
loader_start(const struct options *o)
{
	CHECK(o->load == NULL, "no option asks for it");
}

void
loader_secrets(struct store *st, void (*wait)(int))
{
	(void)st;
	(void)wait;
}

void
daemon_fork(const struct options *o)
{
	(void)o;
	BROKEN("no option asks for it");
}

void
notify_open(void)
{
}

void
notify_ready(void)
{
}

void
notify_state(const char *state)
{
	(void)state;
}

void
notify_stopping(const char *reason)
{
	CHECK((deeds & WIPED) != 0 && reason != NULL, "told before the wipe");
}

void
daemon_detach(int background)
{
	CHECK(!background, "no option asks for it");
}

int
daemon_ready(void)
{
	return (0);
}

int
sandbox_limits(void)
{
	return (0);
}

const char *
files_claim(const char *path)
{
	CHECK(*path == '\0', "another path");
	return (how_start == 0xfa ? "in use" : NULL);
}

WRAP(int, setgroups, size_t n, const gid_t *gids)
{
	CHECK(m.root && n == 1 && *gids == GROUP, "groups");
	return (0);
}

WRAP(int, setegid, gid_t gid)
{
	CHECK(m.root && gid == (egid == 0 ? GROUP : 0), "gid %u", gid);
	egid = gid;
	return (0);
}

WRAP(int, seteuid, uid_t uid)
{
	CHECK(m.root && uid == (euid == 0 ? OWNER : 0), "uid %u", uid);
	euid = uid;
	return (0);
}

WRAP(void, setproctitle, const char *fmt, ...)
{
	(void)fmt;
}

/* Clients do not take their channel: all keep to their connections. */
int
channel_offer(int fd, const char *text)
{
	int sv[2];

	if (send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) == -1)
		return (-1);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		  sv) == 0,
	    "socketpair");
	close(sv[1]);
	return (sv[0]);
}

/* How full the socket is, is the kernel's; what is dropped then is not told. */
WRAP(void, signals_hide, void)
{
}

WRAP(void, signals_at_once, void (*hard)(int), void (*fatal)(int))
{
	CHECK(hard == vault_on_hard && fatal == vault_on_fatal, "handlers");
}

WRAP(int, signals_collect, const int *sigs, size_t n)
{
	(void)sigs;
	CHECK(n == 4, "%zu signals", n);
	return (how_start == 0xf8 ? -1 : fcntl(signals[0], F_DUPFD_CLOEXEC, 3));
}

WRAP(uid_t, geteuid, void)
{
	return (fuzz_runs ? (m.root ? euid : OWNER) : __real_geteuid());
}

WRAP(uid_t, getuid, void)
{
	return (fuzz_runs ? (m.root ? 0 : OWNER) : __real_getuid());
}

WRAP(pid_t, getpid, void)
{
	return (fuzz_runs ? SELF : __real_getpid());
}

WRAP(int, kill, pid_t pid, int sig)
{
	if (!fuzz_runs)
		return (__real_kill(pid, sig));
	CHECK(pid == SELF && sig == SIGSEGV, "kill %d %d", pid, sig);
	fuzz_leave("fatal");
}

WRAP(int, timerfd_create, clockid_t clock, int flags)
{
	(void)flags;
	CHECK(clock == CLOCK_BOOTTIME, "another clock");
	return (eventfd(0, EFD_CLOEXEC));
}

WRAP(int, timerfd_settime, int fd, int flags, const struct itimerspec *its,
    struct itimerspec *old)
{
	CHECK(fd == v.timer && flags == TFD_TIMER_ABSTIME && old == NULL,
	    "another timer");
	timer_due = its->it_value.tv_sec * 1000 +
	    its->it_value.tv_nsec / 1000000;
	return (0);
}

WRAP(int, mlockall, int flags)
{
	(void)flags;
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
	if (fuzz_runs && prot != PROT_NONE && fail_unseal > 0 &&
	    --fail_unseal == 0) {
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

WRAP(int, getrlimit, __rlimit_resource_t what, struct rlimit *rl)
{
	if (!fuzz_runs)
		return (__real_getrlimit(what, rl));
	rl->rlim_cur = rl->rlim_max = VAULT_FDS + m.spare_fds;
	return (0);
}

WRAP(noreturn void, _exit, int status)
{
	if (!fuzz_runs)
		__real__exit(status);
	CHECK(status == 1 && deeds == (WIPED | REMOVED), "exits after %u",
	    deeds);
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

WRAP(int, pidfd_open, pid_t pid, unsigned int flags)
{
	CHECK(flags == 0, "flags");
	errno = ESRCH;
	return (model_pid_opens(pid) ? pidfd(pid) : -1);
}

WRAP(int, pidfd_send_signal, int fd, int sig, siginfo_t *info,
    unsigned int flags)
{
	struct pollfd has_ended = { fd, POLLIN, 0 };

	(void)info;
	/* Root has a kernel that can kill groups, the user an older one. */
	errno = m.root ? EPERM : EINVAL;
	if (flags != 0 && (sig == 0 || !m.root))
		return (-1);
	CHECK(fd >= 0 && fd < PIDFDS, "a pidfd");
	if (sig == SIGKILL) {
		CHECK(deeds == (WIPED | FELLED), "killed after %u", deeds);
		if (flags != 0)
			return (0);
		if (poll(&has_ended, 1, 0) == 0)
			m.npids--;
		return (0);
	}
	errno = EPERM;
	return (model_pid_ours(pid_of[fd]) ? 0 : -1);
}

WRAP(int, fstatat, int dir, const char *name, struct stat *st, int flags)
{
	const int32_t pid = (int32_t)strtol(name, NULL, 10);

	CHECK(m.root && dir == registry_procfd() && flags == 0, "fstatat");
	memset(st, 0, sizeof(*st));
	st->st_uid = pid % 8 == 2 ? STRANGER : OWNER;
	return (pid % 8 == 4 ? -1 : 0);
}

WRAP(int, getsockopt, int fd, int level, int name, void *value, socklen_t *len)
{
	const struct client *c;

	if (!fuzz_runs || name == SO_ERROR)
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

/*
 * Clients.
 */

/* The bytes that c sends: another part of the same for each client. */
const uint8_t *
model_value(const struct client *c)
{
	return (values + (c - clients) * 97 + c->done);
}

static struct client *
chosen(void)
{
	const unsigned int i = fuzz_byte();

	return (nclients > 0 ? &clients[i % nclients] : NULL);
}

static void
client_connect(unsigned int how)
{
	static const int32_t  pids[] = { 0, 0, 0, 0, 0, 0, SELF, NETWORK };
	static const uint32_t uids[] = { OWNER, OWNER, OWNER, OWNER, 0,
		STRANGER, OWNER, OWNER };
	const int	      least = 1;
	const unsigned int    who = how >> 1 & 7;
	struct client	     *c = &clients[nclients];
	struct stat	      st;
	int		      sp[2];

	if (nclients == MODEL_CLIENTS)
		return;
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sp) == 0 &&
		fstat(sp[1], &st) == 0,
	    "socketpair");
	*c = (struct client){ .fd = sp[0],
		.theirs = sp[1],
		.ino = st.st_ino,
		.heartbeat = (how & 1) != 0,
		.uid = uids[who],
		.pid = pids[who] != 0 ? pids[who] :
					8000 + 8 * (int32_t)nclients,
		.accepted = (how & 16) == 0,
		.small = (how & 32) != 0,
		.wanted = told[nclients] };
	if (c->small)
		(void)setsockopt(sp[1], SOL_SOCKET, SO_SNDBUF, &least,
		    sizeof(least));
	nclients++;
}

static void
client_send(struct client *c, size_t len)
{
	ssize_t n;

	if (c == NULL || c->ended || c->nsent + len > sizeof(values) / 2)
		return;
	n = send(c->fd, values + (c - clients) * 97 + c->nsent, len,
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		c->nsent += (size_t)n;
}

static void
client_read(struct client *c)
{
	static char buf[1 << 16];
	ssize_t	    n;

	if (c == NULL || c->fd == -1)
		return;
	while ((n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
		CHECK((size_t)n <= c->nwanted - c->got &&
			memcmp(buf, c->wanted + c->got, (size_t)n) == 0,
		    "client %td reads what is not for it", c - clients);
		c->got += (size_t)n;
		model_client_read(c);
	}
}

static void
client_end(struct client *c, bool all)
{
	if (c == NULL || c->fd == -1)
		return;
	c->ended = true;
	if (all) {
		close(c->fd);
		c->fd = -1;
	} else {
		(void)shutdown(c->fd, SHUT_WR);
	}
}

/*
 * Network.
 */

/*
 * The model cannot tell apart two transfers on one connection, or a slow one
 * among others; and there is a limit to what a client may be told.
 */
static bool
tangled(const struct message *msg)
{
	size_t i;

	for (i = 0; i < queued; i++) {
		if (queue[i].c == msg->c)
			return (true);
	}
	if ((msg->im.type == IMSG_PUT || msg->im.type == IMSG_GET) &&
	    model_keeps(msg->c))
		return (true);
	return (msg->c->nwanted > MODEL_BYTES / 2 || model_busy(msg->c) ||
	    (held && msg->c->small) || (held && msg->im.type == IMSG_PUT));
}

/* Returns whether the kernel has no room for a byte to c. */
static bool
is_mute(const struct client *c)
{
	int	  queue_len, room;
	socklen_t len = sizeof(room);

	CHECK(ioctl(c->theirs, SIOCOUTQ, &queue_len) != -1 &&
		__real_getsockopt(c->theirs, SOL_SOCKET, SO_SNDBUF, &room,
		    &len) != -1,
	    "a socket of no room");
	return (queue_len >= room);
}

/* Sends msg as it is, right or wrong. */
static void
message_send(struct message *msg)
{
	union {
		struct cmsghdr align;
		char	       space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct {
		uint32_t type, len, peerid;
	} hdr;
	struct iovec	iov[2];
	struct msghdr	mh;
	struct cmsghdr *cmsg;
	int		fds[2];

	if (queued == HOLD || network == -1)
		return;
	if (msg->c == NULL)
		msg->fds = 0;
	if (msg->fds > 0 && tangled(msg))
		return;
	msg->mute = msg->c != NULL && is_mute(msg->c);
	memset(&mh, 0, sizeof(mh));
	hdr.type = msg->im.type;
	hdr.len = (uint32_t)(sizeof(hdr) + msg->len + msg->says);
	hdr.peerid = msg->im.peerid;
	iov[0] = (struct iovec){ &hdr, sizeof(hdr) };
	iov[1] = (struct iovec){ &msg->im.u, msg->len };
	mh.msg_iov = iov;
	mh.msg_iovlen = 2;
	if (msg->cut) {
		iov[0].iov_len = msg->len % sizeof(hdr);
		mh.msg_iovlen = 1;
	}
	if (msg->fds > 0) {
		fds[0] = fds[1] = msg->c->theirs;
		memset(&control, 0, sizeof(control));
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(msg->fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(msg->fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, msg->fds * sizeof(int));
	}
	CHECK(__real_sendmsg(network, &mh, MSG_DONTWAIT | MSG_NOSIGNAL) != -1,
	    "sendmsg: %s", strerror(errno));
	queue[queued++] = *msg;
}

static void
say(uint32_t type, uint32_t peerid, uint32_t number, size_t len)
{
	struct message msg = { .im = { .type = type, .peerid = peerid },
		.len = len };

	msg.im.u.number.n = number;
	message_send(&msg);
}

static void
ask_number(uint32_t type, int32_t number)
{
	struct message msg = { .im = { .type = type, .peerid = ++peers },
		.len = 4,
		.fds = 1,
		.c = chosen() };

	msg.im.u.number.n = (uint32_t)number;
	if (type == IMSG_HELLO)
		heart_peer = msg.im.peerid;
	message_send(&msg);
}

static void
name(char *to)
{
	const unsigned int i = fuzz_byte();

	memset(to, 0, NAME_BYTES);
	if (i < 0xe8)
		(void)snprintf(to, NAME_BYTES, "n%u", i % NAMES);
	else if (i < 0xf0)
		memcpy(to, "*", 2);
	else
		memset(to, "'-n\" \x80n\\"[i & 7],
		    i & 8 ? NAME_BYTES : NAME_BYTES - 1);
}

static void
ask_name(uint32_t type)
{
	struct message msg = { .im = { .type = type, .peerid = ++peers },
		.len = sizeof(struct imsg_secret),
		.fds = 1,
		.c = chosen() };

	name(msg.im.u.secret.name);
	if (fuzz_byte() >= 0xf8)
		msg.im.u.secret.cpu = 2; /* 1: the answer cannot be foretold */
	message_send(&msg);
}

static void
ask_tether(uint32_t type)
{
	struct message msg = { .im = { .type = type, .peerid = ++peers },
		.len = sizeof(struct imsg_tether),
		.fds = 1,
		.c = chosen() };
	char	      *to = msg.im.u.tether.name;
	unsigned int   i = fuzz_byte();

	if (i < 0xf0)
		(void)snprintf(to, IMSG_TETHER_BYTES, "t%u", i % TETHERS);
	else if (i < 0xf8)
		memcpy(to, "heartbeat", 10);
	else
		memset(to, "aA-9_"[i & 3],
		    i & 4 ? IMSG_TETHER_BYTES : IMSG_TETHER_BYTES - 1);
	message_send(&msg);
}

/* The number of a holder, mostly. */
static uint32_t
holder(void)
{
	const unsigned int i = fuzz_byte();

	return (i < 0xf0 ? m.c.holders[i % 8].peerid : peers);
}

static void
ask_put(void)
{
	static const uint64_t sizes[] = { 0, UINT64_MAX, INT64_MAX,
		INT64_MAX - 1, 65536, 1 << 20 };
	static const int64_t ttls[] = { -1, INT64_MAX, INT64_MIN, 1000000000000,
		1000000000001 };
	struct message	 msg = { .im = { .type = IMSG_PUT, .peerid = ++peers },
		  .len = sizeof(struct imsg_put),
		  .fds = 1,
		  .c = chosen() };
	struct imsg_put *put = &msg.im.u.put;
	unsigned int	 size, ttl, reads;

	name(put->name);
	size = fuzz_byte();
	ttl = fuzz_byte();
	put->size = size >= 0xf0 ? sizes[(size & 15) % 6] :
	    size >= 0xc0	 ? (size - 0xbf) * 1024 :
				   size + 1;
	put->ttl = ttl >= 0xf0 ? ttls[(ttl & 15) % 5] : (int64_t)ttl * 100;
	reads = fuzz_byte();
	put->reads = reads % 4;
	put->replace = reads == 0xff ? 2 : reads >> 2 & 1;
	msg.room = store_room(&v.store);
	message_send(&msg);
}

/* A message of any type, size and so on, mostly a wrong one. */
static void
ask_anything(void)
{
	struct message msg = { .im = { .type = fuzz_byte() } };
	struct bytes   b;
	unsigned int   how;

	how = fuzz_byte();
	msg.im.peerid = how & 1 ? heart_peer : ++peers;
	msg.cut = (how & 64) != 0;
	msg.fds = how >> 1 & 3;
	if (msg.fds == 3)
		msg.fds = 0;
	msg.c = chosen();
	msg.says = how & 16 ? fuzz_byte() : 0;
	if (how & 32)
		msg.im.type |= 0x80000000;
	msg.room = store_room(&v.store);
	b = fuzz_text();
	msg.len = b.len < sizeof(msg.im.u) ? b.len : sizeof(msg.im.u);
	memcpy(&msg.im.u, b.at, msg.len);
	message_send(&msg);
}

static void
network_end(void)
{
	close(network);
	network = -1;
}

static void
check_event(const struct imsg_event *e)
{
	CHECK(m.watched, "an event that nobody watches");
	CHECK(e->kind > 0 && e->kind < IMSG_EVENTS_KINDS &&
		memchr(e->name, '\0', NAME_BYTES) != NULL &&
		memchr(e->why, '\0', IMSG_EVENT_TEXT) != NULL,
	    "an event of kind %u", e->kind);
}

/* Checks every message of the vault. */
static void
network_read(void)
{
	static const unsigned int any = IMSG_UNGUARDED | IMSG_AT_START;
	enum imsg_result	  rc;
	struct imsg		  im;

	if (network == -1)
		return;
	while (
	    (rc = imsg_recv(network, IMSG_FROM_VAULT, any, &im)) == IMSG_OK) {
		if (im.type == IMSG_LISTENER)
			close(im.fd);
		else if (im.type == IMSG_LOG)
			CHECK(memchr(im.u.log.text, '\0', IMSG_LOG_BYTES) !=
				NULL,
			    "the log has a line without an end");
		else if (im.type == IMSG_EVENT)
			check_event(&im.u.event);
		else
			model_got(&im);
	}
	CHECK(rc != IMSG_BAD, "the vault breaks the rules");
}

/* Steps of the input. */

static void
signal_send(unsigned int i)
{
	static const int sigs[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	const struct signalfd_siginfo si = {
		.ssi_signo = (uint32_t)sigs[i % 4]
	};

	if (vault_sig != 0)
		return;
	(void)write(signals[1], &si, sizeof(si));
	vault_sig = sigs[i % 4];
}

/* Ends a registered process, by its index. */
static void
process_end(unsigned int i)
{
	struct pollfd  pfd[REGISTRY_MAX];
	const uint64_t one = 1;
	const nfds_t   n = registry_poll(pfd);

	/* One at a time: the same one cannot end twice. */
	if (n == 0 || process_ended)
		return;
	process_ended = true;
	i %= (unsigned int)n;
	(void)write(pfd[i].fd, &one, sizeof(one));
	m.pids[i] = m.pids[--m.npids];
}

/* Ends a process of a holder, or one that it watches. */
static void
holder_process_end(unsigned int i)
{
	struct session_holder *h = &v.session.holders[i % 8];
	const unsigned int     fd = ALIVE_PROCESS +
	    i / 8 % (SESSION_FDS - ALIVE_PROCESS);
	const uint64_t one = 1;

	if (h->state != SESSION_LIVE || h->fds[fd] == -1)
		return;
	(void)write(h->fds[fd], &one, sizeof(one));
	m.keepers[h - v.session.holders].gone = true;
}

static void
unlink_sockets(void)
{
	const uint64_t one = 1;

	if (!m.started || unlinked)
		return;
	(void)write(v.files, &one, sizeof(one));
	m.unlinked = unlinked = true;
}

/* mprotect(2) fails when the vault unseals the arena for what is due in it. */
static void
fail_mprotect(void)
{
	if (v.store.due - fuzz_ms > LATE)
		return;
	fuzz_ms += LATE;
	fail_unseal = 1;
	m.sealed = true;
}

/* Sends a message of this kind; false if op is none. */
static bool
messages(unsigned int op)
{
	switch (op) {
	case 'H':
		ask_number(IMSG_HELLO, 77);
		break;
	case 'P':
		say(IMSG_PING, heart_peer, fuzz_byte(), 4);
		break;
	case 'C':
		say(IMSG_CANCEL, heart_peer, 0, 0);
		break;
	case 'Q':
		say(IMSG_QUIT, heart_peer, 0, 0);
		break;
	case 'L':
		say(IMSG_LOST, heart_peer, 0, 0);
		break;
	case 'S':
		say(IMSG_STATUS, ++peers, 0, 0);
		break;
	case 'A':
		say(IMSG_ARM, ++peers, 0, 0);
		break;
	case 'l':
		say(IMSG_LIST, ++peers, fuzz_byte(), 8);
		break;
	case 'R':
		ask_number(IMSG_REGISTER, (int32_t)(fuzz_byte() * 17));
		break;
	case 'U':
		ask_number(IMSG_UNREGISTER, (int32_t)(fuzz_byte() * 17));
		break;
	case 'o':
		ask_tether(IMSG_HOLD);
		break;
	case 'e':
		ask_tether(IMSG_RELEASE);
		break;
	case 'W':
		say(IMSG_WATCH, holder(), fuzz_byte() * 17, 4);
		break;
	case 'G':
		say(IMSG_PING, holder(), fuzz_byte(), 4);
		break;
	case 'K':
		say(IMSG_CANCEL, holder(), 0, 0);
		break;
	case 'O':
		say(IMSG_LOST, holder(), 0, 0);
		break;
	case 'T':
		say(IMSG_TETHERS, ++peers, fuzz_byte() % 20, 8);
		break;
	case 'V':
		say(IMSG_EVENTS, 0, fuzz_byte() % 3, 4);
		break;
	case 'g':
		ask_name(IMSG_GET);
		break;
	case 'd':
		ask_name(IMSG_DEL);
		break;
	case 'X':
		say(IMSG_PANIC, 0, fuzz_byte() & 1, 4);
		break;
	case 'I':
		say(IMSG_SIGNAL, 0, fuzz_byte(), 4);
		break;
	case 'm':
		ask_anything();
		break;
	default:
		return (false);
	}
	return (true);
}

static bool
step(unsigned int op)
{
	struct client *c;

	switch (op) {
	case 'c':
		client_connect(fuzz_byte());
		break;
	case 'w':
		c = chosen();
		client_send(c, (size_t)1 << fuzz_byte() % 16);
		break;
	case 'r':
		client_read(chosen());
		break;
	case 'k':
		client_end(chosen(), true);
		break;
	case 'h':
		client_end(chosen(), false);
		break;
	case 't':
		fuzz_ms += (int64_t)fuzz_byte() * 40;
		break;
	case 's':
		signal_send(fuzz_byte());
		break;
	case 'z':
		process_end(fuzz_byte());
		break;
	case 'y':
		holder_process_end(fuzz_byte());
		break;
	case 'D':
		unlink_sockets();
		break;
	case 'i':
		if (!m.started)
			(void)write(input[1], "x", 1);
		break;
	case '[':
	case ']':
		held = op == '[';
		break;
	default:
		return (messages(op));
	}
	return (true);
}

static bool
small(void)
{
	const struct client *c;

	for (c = clients; c < clients + nclients; c++) {
		if (c->small)
			return (true);
	}
	return (false);
}

/* Steps that come alone: nothing else may be on its way. */
static bool
alone(unsigned int op)
{
	switch (op) {
	case 'p':
		ask_put();
		break;
	case 'F':
		m.deaf = m.started && !small();
		break;
	case 'N':
		network_end();
		model_hard();
		break;
	case 'E':
		fail_poll = fuzz_byte() % 2 ? EINVAL : EINTR;
		if (fail_poll == EINVAL)
			model_hard();
		break;
	case 'M':
		fail_mprotect();
		break;
	case '2':
		model_hard();
		vault_on_hard(fuzz_byte() & 1 ? SIGQUIT : SIGUSR2);
		break;
	case '3':
		model_hard();
		vault_on_fatal(SIGSEGV);
		break;
	default:
		return (false);
	}
	return (true);
}

/* All other steps may come together before the vault runs. */
static void
steps(void)
{
	unsigned int op;
	bool	     any;

	do {
		op = fuzz_byte();
		if (!held && alone(op))
			return;
		any = step(op);
	} while ((held || !any) && fuzz_more());
	held = false;
}

/* Ends the vault, if nothing else has. */
static void
finish(void)
{
	if (!m.started)
		(void)write(input[1], "x", 1);
	else if (vault_sig == 0 && ending++ == 0)
		fuzz_ms += LATE;
	else
		signal_send(0);
}

/* Every client reads all it can, unless it has little room. */
static void
read_all(void)
{
	struct pollfd  pfd[MODEL_CLIENTS + 1];
	struct client *c;
	size_t	       i;

	for (i = 0; i < nclients; i++)
		pfd[i] = (struct pollfd){ clients[i].small || clients[i].cut ?
			    -1 :
			    clients[i].fd,
			POLLIN, 0 };
	pfd[nclients] = (struct pollfd){ network, POLLIN, 0 };
	(void)poll(pfd, nclients + 1, 0);
	if (pfd[nclients].revents != 0)
		network_read();
	for (i = 0; i < nclients; i++) {
		c = &clients[i];
		if (pfd[i].revents != 0)
			client_read(c);
		CHECK(c->fd == -1 || c->small || c->cut || c->got == c->nwanted,
		    "client %zu was promised more", i);
	}
}

/* The vault waits: compares what happened, and lets more happen. */
static void
idle(void)
{
	turns = 0;
	read_all();
	model_check();
	if (fuzz_more())
		steps();
	else
		finish();
	model_turn(vault_sig, queue, queued);
	queued = 0;
	vault_sig = 0;
	process_ended = false;
}

WRAP(int, ppoll, struct pollfd *pfd, nfds_t nfds, const struct timespec *wait,
    const sigset_t *mask)
{
	static const struct timespec zero;
	int			     rc;

	if (!fuzz_runs)
		return (__real_ppoll(pfd, nfds, wait, mask));
	if (wait != NULL) { /* asks whether a holder still lives */
		CHECK(wait->tv_sec == 0 && wait->tv_nsec == 0,
		    "a ppoll that waits");
		return (__real_ppoll(pfd, nfds, wait, mask));
	}
	CHECK(pfd[PFD_TIMER].fd == v.timer, "another ppoll");
	for (;;) {
		if (fail_poll != 0) {
			errno = fail_poll;
			fail_poll = 0;
			return (-1);
		}
		CHECK(++turns < TURNS, "the vault spins");
		rc = __real_ppoll(pfd, nfds, &zero, mask);
		CHECK(rc != -1, "ppoll: %s", strerror(errno));
		if (timer_due != 0 && fuzz_ms >= timer_due) {
			pfd[PFD_TIMER].revents = POLLIN;
			return (rc + 1);
		}
		if (rc > 0)
			return (rc);
		idle();
	}
}

/*
 * One life of a vault.
 */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	(void)signal(SIGPIPE, SIG_IGN);
	fuzz_noise(values, sizeof(values));
	CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, signals) ==
		    0 &&
		socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, input) == 0,
	    "socketpair");
	return (0);
}

/* Stands for options.c: the input chooses the options. */
void
options_read(struct options *o, int argc, char *argv[])
{
	static const int64_t graces[] = { 5000, 0, 200, 100000 };
	static const int64_t timeouts[] = { 0, 7000, 300, 50 };
	static const int64_t firsts[] = { 0, 0, 0, 3000 };
	static const size_t  sizes[] = { 4096, 16384, 65536, 8192 };

	(void)argc;
	(void)argv;
	memset(o, 0, sizeof(*o));
	o->owner = OWNER;
	o->gid = GROUP;
	o->armed = (how_start & 2) != 0;
	o->grace = graces[times & 3];
	o->timeout = timeouts[times >> 2 & 3];
	o->size = sizes[how_start >> 4 & 3];
	o->verbose = (int)(how_start & 1);
	o->first = firsts[times >> 4 & 3];
	controller_begin(&m.c, o->grace, o->timeout, o->first, o->armed);
	m.size = o->size;
}

static void
begin(void)
{
	how_start = fuzz_byte();
	times = fuzz_byte();
	memset(&m, 0, sizeof(m));
	m.root = (how_start & 64) != 0;
	m.spare_fds = how_start == 0xf9 ? 0 : how_start & 8 ? 3 : 100;
	v = (struct vault){ .imsg = -1,
		.timer = -1,
		.signals = -1,
		.files = -1 };
	euid = egid = 0;
	registry_n = 0;
	registry_proc = -1;
	fuzz_ms = 1000000;
	timer_due = 0;
	deeds = 0;
	nclients = queued = 0;
	vault_sig = 0;
	fail_poll = fail_unseal = 0;
	unlinked = false;
	event_watchers(0);
	turns = ending = 0;
	heart_peer = 0;
	peers = 100;
	held = process_ended = false;
}

static void
clean(void)
{
	struct pollfd pfd[PFD_MAX];
	char	      buf[256];
	nfds_t	      i, n = 0;

	n = registry_poll(pfd);
	if (v.mem.pages != NULL)
		n += transfer_poll(pfd + n);
	for (i = 0; i < n; i++)
		close(pfd[i].fd);
	for (i = 0; i < nclients; i++) {
		fuzz_close(&clients[i].fd);
		fuzz_close(&clients[i].theirs);
	}
	for (i = 0; i < (nfds_t)SESSION_HOLDERS * SESSION_FDS; i++)
		fuzz_close(
		    &v.session.holders[i / SESSION_FDS].fds[i % SESSION_FDS]);
	fuzz_close(&v.imsg);
	fuzz_close(&v.files);
	fuzz_close(&v.timer);
	fuzz_close(&v.signals);
	fuzz_close(&registry_proc);
	fuzz_close(&network);
	while (recv(signals[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	while (recv(input[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	if (v.mem.pages != NULL)
		(void)munmap(v.mem.pages - PAGE, v.mem.len + PAGE + PAGE);
}

/* Checks that the vault ended as it should and left nothing. */
static void
check_end(void)
{
	struct client *c;

	if (strcmp(fuzz_ended, "fail") == 0)
		CHECK(how_start >= 0xf0, "no beginning");
	else if (strcmp(fuzz_ended, "kill") == 0)
		CHECK(m.c.armed && m.c.end != STOPPED && m.npids == 0,
		    "killed, %d", m.c.end);
	else if (strcmp(fuzz_ended, "done") == 0)
		CHECK(!m.c.armed || m.c.end == STOPPED, "not killed, %d",
		    m.c.end);
	else
		CHECK(deeds == (WIPED | REMOVED), "dead after %u", deeds);
	network_read();
	CHECK(m.c.end == RUNS || m.nwants == 0, "not all was told");
	for (c = clients; c < clients + nclients; c++)
		client_read(c);
	if (v.mem.pages == NULL)
		return;
	ASAN_UNPOISON_MEMORY_REGION(v.mem.pages, v.mem.len);
	CHECK(all_zero(v.mem.pages, v.mem.len),
	    "something is left in the arena");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char title[] = "dazaid", *argv[] = { title, NULL };

	fuzz_fds_begin();
	fuzz_input(data, size);
	begin();
	if (setjmp(fuzz_end) == 0) {
		fuzz_runs = true;
		(void)dazaid_main(1, argv);
	}
	check_end();
	clean();
	/*
	 * The message that led to a panic may have brought a descriptor, which
	 * is not closed.
	 */
	fuzz_fds_end(m.c.end == HARD || m.c.end == EXECUTED);
	return (0);
}
