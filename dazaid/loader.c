/* SPDX-License-Identifier: ISC */
/*
 * The -L option: a separate process, the loader, reads the file and runs its
 * commands, with the rights of the session's user, before any client can
 * connect.  It is forked before the vault has an arena.  For each command the
 * vault makes a pipe, and sends the loader the end for writing.  It reads the
 * other end directly into the arena.
 */
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "channel.h"
#include "load.h"
#include "loader.h"
#include "loadfile.h"
#include "log.h"
#include "name.h"
#include "num.h"
#include "oneline.h"
#include "vault.h"

#define LOADER_RUN  "R" /* the vault's answer, with a pipe, ... */
#define LOADER_SKIP "S" /* ... or without one */
#define LOADER_FD   (STDERR_FILENO + 1) /* of the loader, to the vault */

/*
 * A message of the loader.  The first one has the number of secrets.  Then it
 * sends one for each secret, and another one when its command has ended.
 */
struct loader_msg {
	int64_t	 ttl;	 /* ms; 0: for ever */
	uint32_t number; /* of secrets */
	uint32_t reads;	 /* 0: any number */
	int32_t	 status; /* of wait(2) */
	uint32_t keep;	 /* newlines at the end */
	uint32_t typed;	 /* there is no command */
	char	 name[NAME_BYTES];
};

static struct loadfile loader_file;    /* the loader's */
static int	       loader_fd = -1; /* the vault's, to the loader */
static pid_t	       loader_pid;
static uint32_t	       loader_number; /* of secrets */

/*
 * The loader.
 */

static noreturn void
loader_give_up(const char *why)
{
	warn("--load-file: %s", why);
	_exit(1);
}

/* Sets the environment of a login of the user, instead of root's. */
static void
loader_environment(const struct passwd *pw)
{
	char dir[32];

	(void)clearenv();
	(void)snprintf(dir, sizeof(dir), "/run/user/%lu",
	    (unsigned long)pw->pw_uid);
	if (setenv("HOME", pw->pw_dir, 1) == -1 ||
	    setenv("USER", pw->pw_name, 1) == -1 ||
	    setenv("LOGNAME", pw->pw_name, 1) == -1 ||
	    setenv("SHELL", pw->pw_shell, 1) == -1 ||
	    setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1) == -1 ||
	    (access(dir, X_OK) == 0 && setenv("XDG_RUNTIME_DIR", dir, 1) == -1))
		loader_give_up("environment");
	if (chdir(pw->pw_dir) == -1 && chdir("/") == -1)
		loader_give_up("/");
}

/*
 * If standard error is a terminal, it is open for reading, too, and the user's
 * commands could read root's input from it.  Opens it again only for writing.
 */
static void
loader_shut_stderr(void)
{
	int fd;

	if (!isatty(STDERR_FILENO))
		return;
	fd = open("/proc/self/fd/2", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (fd == -1 || dup2(fd, STDERR_FILENO) == -1)
		loader_give_up("standard error");
	close(fd);
}

/*
 * With -u the commands run as that user.  They get no controlling terminal: on
 * root's they could insert input for root's shell (TIOCSTI).
 */
static void
loader_become(const struct options *o)
{
	const struct passwd *pw;

	if (o->user == NULL)
		return;
	loader_shut_stderr();
	(void)setsid();
	pw = getpwnam(o->user);
	if (pw != NULL && initgroups(pw->pw_name, pw->pw_gid) == 0 &&
	    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0)
		loader_environment(pw);
	else
		loader_give_up(o->user);
}

/*
 * Closes every descriptor but standard error and fd, which becomes LOADER_FD.
 */
static void
loader_close(int fd)
{
	int null;

	/* Move fd first: it may have one of the other numbers. */
	if (fd != LOADER_FD && dup2(fd, LOADER_FD) == -1)
		loader_give_up("dup2");
	(void)fcntl(LOADER_FD, F_SETFD, FD_CLOEXEC);
	closefrom(LOADER_FD + 1);
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1 ||
	    dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1)
		loader_give_up("/dev/null");
}

static void
loader_send(const struct loader_msg *m)
{
	if (send(LOADER_FD, m, sizeof(*m), MSG_NOSIGNAL) != sizeof(*m))
		_exit(1); /* the vault has ended */
}

/*
 * Receives the pipe for the command's output; -1 if the vault does not want the
 * command to run.
 */
static int
loader_receive(void)
{
	union {
		struct cmsghdr align;
		char	       space[CMSG_SPACE(sizeof(int))];
	} control;
	char		byte;
	struct iovec	iov = { &byte, 1 };
	struct msghdr	msg = { .msg_iov = &iov,
		  .msg_iovlen = 1,
		  .msg_control = &control,
		  .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	int		fd = -1;

	if (recvmsg(LOADER_FD, &msg, MSG_CMSG_CLOEXEC) != 1)
		_exit(1);
	if ((cmsg = CMSG_FIRSTHDR(&msg)) != NULL)
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return (fd);
}

static void
loader_entry(const struct loadfile_entry *e)
{
	struct loader_msg m = { .ttl = e->ttl,
		.reads = e->reads,
		.keep = e->keep,
		.typed = e->command == NULL };
	pid_t		  pid;
	int		  fd;

	(void)snprintf(m.name, sizeof(m.name), "%s", e->name);
	loader_send(&m);
	if (e->command == NULL || (fd = loader_receive()) == -1)
		return;
	if ((pid = loadfile_run(e, fd)) == -1)
		loader_give_up(e->name);
	close(fd);
	while (waitpid(pid, &m.status, 0) == -1) {
		if (errno != EINTR)
			loader_give_up(e->name);
	}
	loader_send(&m);
}

static noreturn void
loader_main(const struct options *o, int fd, pid_t vault)
{
	struct loader_msg m = { .number = 0 };
	char		  why[LOADFILE_WHY];
	unsigned int	  i;

	loader_close(fd);
	loader_become(o);
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
	if (getppid() != vault)
		_exit(1);
	if (loadfile_read(&loader_file, o->load, o->owner, why) == -1) {
		warnx("%s", oneline(why));
		_exit(1);
	}
	m.number = loader_file.n;
	loader_send(&m);
	for (i = 0; i < loader_file.n; i++)
		loader_entry(&loader_file.entry[i]);
	_exit(0);
}

/*
 * The vault.
 */

/* Receives a message; returns false if the loader cannot have sent it. */
static bool
loader_hear(struct loader_msg *m, int flags)
{
	return (recv(loader_fd, m, sizeof(*m), flags) == sizeof(*m) &&
	    memchr(m->name, '\0', sizeof(m->name)) != NULL &&
	    m->number <= LOADFILE_MAX && m->ttl >= 0 &&
	    m->ttl <= NUM_MAX_SECONDS * 1000);
}

/*
 * Starts the loader for the file of -L, if that option was given.  Ends the
 * program, which has started nothing else yet, if a line of the file is wrong.
 */
void
loader_start(const struct options *o)
{
	const pid_t	  vault = getpid();
	struct loader_msg m;
	int		  sp[2];

	if (o->load == NULL)
		return;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) == -1 ||
	    (loader_pid = fork()) == -1)
		err(1, "--load-file");
	if (loader_pid == 0)
		loader_main(o, sp[1], vault);
	close(sp[1]);
	loader_fd = sp[0];
	if (!loader_hear(&m, 0))
		exit(1); /* it has said why */
	loader_number = m.number;
}

static void
loader_next(struct loader_msg *m, void (*wait)(int))
{
	wait(loader_fd);
	if (!loader_hear(m, MSG_DONTWAIT))
		vault_fail("--load-file",
		    "the process that runs the commands has ended");
}

/*
 * Makes the loader run the command, and fills the secret id with its output.
 * Returns NULL, or an error message.
 */
static const char *
loader_fill(struct store *st, uint64_t id, void (*wait)(int))
{
	const char *why = NULL;
	ssize_t	    n;
	int	    p[2];

	if (pipe2(p, O_CLOEXEC) == -1 || fcntl(p[0], F_SETFL, O_NONBLOCK) == -1)
		vault_fail("--load-file", strerror(errno));
	/* If the loader has ended, loader_next() will notice that. */
	(void)channel_send(loader_fd, LOADER_RUN, p[1]);
	close(p[1]);
	do {
		wait(p[0]);
		n = store_fill(st, id, p[0], read, STORE_ALL);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			n = 1;
		if (n == -1)
			why = errno == ENOSPC ?
			    "there is no room for all that its command prints" :
			    strerror(errno);
	} while (n > 0);
	/* A command that still writes gets SIGPIPE. */
	close(p[0]);
	return (why);
}

/* Stores the output of m's command.  Returns NULL, or an error message. */
static const char *
loader_run(struct store *st, const struct loader_msg *m, int64_t due,
    void (*wait)(int))
{
	static char	  text[LOADFILE_WHY];
	struct loader_msg end;
	const char	 *why;
	const uint64_t	  id = store_begin(st, m->name, STORE_ALL);

	if (id == 0) {
		why = errno == EEXIST ?
		    "exists" :
		    "there is no room for another secret of this size";
		(void)!send(loader_fd, LOADER_SKIP, sizeof(LOADER_SKIP) - 1,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		return (why);
	}
	why = loader_fill(st, id, wait);
	loader_next(&end, wait);
	if (why == NULL)
		why = loadfile_failure(end.status, text);
	while (why == NULL && m->keep == 0 && store_chomp(st, id))
		continue;
	if (why != NULL)
		store_drop(st, id);
	else if (store_commit(st, id, m->reads, due) == -1)
		why = "its command printed nothing, or nothing but newlines";
	return (why);
}

/*
 * Stores every secret of the file, and logs those that it cannot store.  wait
 * is as for load_secrets().
 */
void
loader_secrets(struct store *st, void (*wait)(int))
{
	struct loader_msg m;
	const char	 *why;
	uint32_t	  i;
	int64_t		  due;

	if (loader_fd == -1)
		return;
	for (i = 0; i < loader_number; i++) {
		loader_next(&m, wait);
		if (!name_ok(m.name))
			vault_fail("--load-file", NAME_RULE);
		due = m.ttl == 0 ? STORE_NEVER : vault_now() + m.ttl;
		if (m.typed != 0)
			why = load_prompted(st, m.name, m.reads, due, wait);
		else
			why = loader_run(st, &m, due, wait);
		if (why != NULL)
			log_warnx("%s: %s", m.name, why);
	}
	close(loader_fd);
	(void)kill(loader_pid, SIGKILL);
	(void)waitpid(loader_pid, NULL, 0);
}
