/* SPDX-License-Identifier: ISC */
/*
 * Lets one system call of the daemon go wrong in each run, and judges what
 * becomes of the daemon.
 *
 * usage: faults [-v] [-e EVERY] [-j JOBS] [-p POINT] DAZAID, as root
 *
 * A plain run of each scene (start, guard, PUT, LIST, GET, DEL, STATUS, an end,
 * of which one is the loss of a tether with two holders)
 * shows which calls each process makes.  A point is one of these calls with a
 * fault: it fails with an error, moves one byte instead of all, or its process
 * is killed or stopped right after it.  The faults are made with ptrace(2), so
 * that no other process is touched.  After each run
 *
 * - what clients were told must be true: a secret that was accepted is there,
 * what is handed out is what was put, and a refused client is served the next
 * time;
 * - or the daemon has ended, gave the reason, and left no process and no file;
 * - it must be as protected as in the plain run: filters, signals,
 * capabilities, uids, and the arena sealed while it waits;
 * - no process but a killed vault may have a byte of a secret when it ends.
 *
 * -e tries one point of EVERY, -p only POINT, as it is printed.  Prints a line
 * for each broken rule and "N points of M tried, N bad"; exits 1 if any is bad.
 * `make faults' takes about half an hour, FAULTS_EVERY=40 a minute.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <linux/ptrace.h>

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef __x86_64__

#define NELEM(a)    (sizeof(a) / sizeof((a)[0]))
#define JOBS	    64
#define CALLS	    3000 /* of one process in one run */
#define NOBODY	    65534
#define ARENA	    65536	   /* -z */
#define ARENA_LEN   (ARENA + 4096) /* with the canary's page */
#define PATIENCE_MS 40000 /* then a run hangs; it waits for 10 s at most */
#define STOP_MS	    300	  /* longer than the vault's 100 ms, and than GRACE */
#define START_MS    1500  /* for network to start, instead of 10 s */
#define GRACE	    "0.1"
#define TICK_US	    50000
#define TEXT	    8192

enum role { FRONT, VAULT, NETWORK, ROLES };
static const char *const roles[] = { "front", "vault", "network" };

enum ending { END_CLOSE, END_QUIT, END_HARD, END_TERM, END_TETHER };

/* How a daemon is started and ended. */
static const struct scene {
	const char *name;
	bool	    root; /* as root, for another user; otherwise as nobody */
	bool	    background;
	bool	    armed;
	bool	    mlock; /* mlock memory, into which we can look */
	bool whole; /* faults from the first call on, or only at the end */
	enum ending ending;
} scenes[] = { { "user", false, false, false, true, true, END_CLOSE },
	{ "root", true, true, true, false, true, END_CLOSE },
	{ "quit", false, false, true, true, false, END_QUIT },
	{ "hard", true, false, true, true, false, END_HARD },
	{ "term", false, true, false, true, false, END_TERM },
	{ "tether", false, false, true, true, false, END_TETHER } };

/* The errors come first, in the order of errors[]. */
enum { SHORT = 5, KILL, STOP, WHATS };
static const int	 errors[] = { EINTR, ENOMEM, EMFILE, EIO, EAGAIN };
static const char *const whats[] = { "EINTR", "ENOMEM", "EMFILE", "EIO",
	"EAGAIN", "short", "kill", "stop" };

struct point {
	uint8_t	 scene, role, what;
	uint16_t k; /* the k-th call of the process; 0: no fault */
};

/* What the plain run of a scene is like. */
static struct plain {
	uint16_t n[ROLES];    /* how many calls */
	uint16_t late[ROLES]; /* of these, before a client ended it */
	uint16_t main[ROLES]; /* of these, by the loader */
	int16_t	 nr[ROLES][CALLS];
	char	 guards[TEXT];
} plain[NELEM(scenes)];

/* all: for main, from all workers.  note: for the tracer, from its client. */
static struct shared {
	atomic_uint next, tried, bad, missed;
	atomic_int  slowest; /* ms, a loss while network was stopped */
} * all;
static struct note {
	volatile bool  guarded, ending, registered;
	volatile pid_t sleeper; /* registered: must die with the vault */
	char	       why[256];
} * note;

static const char one[] = "Kp3!first-secret-by-stdin_wQ9zjXfa81LmN#";
static const char two[] = "Zt8?second-secret-by-PUT_e4RkVbC6yUo2Ds@";
#define SECRET (sizeof(one) - 1)

static const char *dazaid;
static char	   dir[64]; /* of this worker */
static char	   sock[80];
static int	   verbose;

static int64_t
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static void
become_nobody(void)
{
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) == -1 ||
		setresgid(NOBODY, NOBODY, NOBODY) == -1 ||
		setresuid(NOBODY, NOBODY, NOBODY) == -1))
		err(1, "nobody");
}

/* The client.  It exits with one of these, or dies of SIGALRM if it hangs. */
enum { SERVED, GONE, WRONG }; /* GONE: the daemon has ended */
enum outcome { GOOD, REFUSED };

static int  heart = -1, control = -1;
static bool maybe_put; /* all of it was sent */

static noreturn void
wrong(const char *what, const char *got)
{
	(void)snprintf(note->why, sizeof(note->why), "%s: %.100s", what, got);
	_exit(WRONG);
}

/* Connects; exits if nobody listens any more. */
static int
client_connect(const char *suffix)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int		   fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s%s", sock,
	    suffix);
	if (fd == -1)
		err(3, "socket");
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		_exit(GONE);
	return (fd);
}

static void
client_send(int fd, const char *bytes, size_t len)
{
	(void)!send(fd, bytes, len, MSG_NOSIGNAL); /* the answer tells more */
}

/* A line without its newline; "" at the end. */
static const char *
client_line(int fd)
{
	static char line[512];
	size_t	    n = 0;

	while (n < sizeof(line) - 1 && recv(fd, line + n, 1, 0) == 1 &&
	    line[n] != '\n')
		n++;
	if (n > 0 && line[n] != '\n') /* cut short */
		n = 0;
	line[n] = '\0';
	return (line);
}

static const char *
client_ask(int fd, const char *question)
{
	client_send(fd, question, strlen(question));
	return (client_line(fd));
}

/* The answer must be word, a refusal, or the end of the connection. */
static enum outcome
client_is(const char *answer, const char *word)
{
	if (strcmp(answer, word) == 0)
		return (GOOD);
	if (*answer != '\0' && strcmp(answer, "BUSY") != 0 &&
	    strncmp(answer, "ERROR ", 6) != 0)
		wrong(word, answer);
	if (strncmp(answer, "ERROR no-such-secret", 20) == 0 ||
	    strncmp(answer, "ERROR exists", 12) == 0)
		wrong(word, answer);
	return (REFUSED);
}

static enum outcome
client_put(void)
{
	char	    line[64];
	const char *answer;

	(void)snprintf(line, sizeof(line), "PUT two %zu\n", SECRET);
	answer = client_ask(control, line);
	if (maybe_put && strncmp(answer, "ERROR exists", 12) == 0)
		return (GOOD);
	if (client_is(answer, "GO") != GOOD)
		return (REFUSED);
	client_send(control, two, SECRET);
	maybe_put = true;
	return (client_is(client_line(control), "OK"));
}

static enum outcome
client_get(const char *line, const char *want)
{
	char	bytes[SECRET], data[32];
	ssize_t n;

	(void)snprintf(data, sizeof(data), "DATA %zu", SECRET);
	if (client_is(client_ask(control, line), data) != GOOD)
		return (REFUSED);
	n = recv(control, bytes, SECRET, MSG_WAITALL);
	if (n > 0 && memcmp(bytes, want, (size_t)n) != 0)
		wrong(line, "other bytes");
	return (n == SECRET ? GOOD : REFUSED);
}

static enum outcome
client_get_one(void)
{
	return (client_get("GET one\n", one));
}

static enum outcome
client_get_two(void)
{
	return (client_get("GET two\n", two));
}

static enum outcome
client_list(bool has_one)
{
	char	    entry[2][64];
	const char *line;
	bool	    seen[2] = { false, false };
	int	    i;

	(void)snprintf(entry[0], sizeof(entry[0]), "one %zu - -", SECRET);
	(void)snprintf(entry[1], sizeof(entry[1]), "two %zu - -", SECRET);
	for (line = client_ask(control, "LIST\n"); strcmp(line, "OK") != 0;
	     line = client_line(control)) {
		for (i = 0; i < 2 && strcmp(line, entry[i]) != 0; i++)
			;
		if (i == 2)
			return (client_is(line, "OK"));
		seen[i] = true;
	}
	if (seen[0] != has_one || !seen[1])
		wrong("LIST", "not the secrets that there are");
	return (GOOD);
}

static enum outcome
client_list_both(void)
{
	return (client_list(true));
}

static enum outcome
client_list_two(void)
{
	return (client_list(false));
}

static enum outcome
client_del(void)
{
	static bool asked;
	const char *answer = client_ask(control, "DEL one\n");

	/* A DEL without an answer may have been done. */
	if (asked && strncmp(answer, "ERROR no-such-secret", 20) == 0)
		return (GOOD);
	asked = true;
	return (client_is(answer, "OK"));
}

static enum outcome
client_status(void)
{
	const char *line = client_ask(control, "STATUS\n");

	if (strncmp(line, "STATUS alive=1 ", 15) != 0)
		return (client_is(line, "STATUS"));
	if (strstr(line, " guarded=1 ") == NULL)
		return (REFUSED);
	if (strstr(line, " secrets=1 ") == NULL)
		wrong("STATUS", line);
	return (GOOD);
}

static enum outcome
client_register(void)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "REGISTER pid=%ld\n",
	    (long)note->sleeper);
	return (client_is(client_ask(control, line), "OK"));
}

static enum outcome
client_panic(void)
{
	return (client_is(client_ask(control, "PANIC\n"), "OK"));
}

static enum outcome
client_hard(void)
{
	return (client_is(client_ask(control, "PANIC hard\n"), "OK"));
}

/* Two holders of one tether. */

static int	    holders[2];
static unsigned int nholders;

static enum outcome
client_hold(void)
{
	if (client_is(client_ask(control, "HOLD usb\n"), "HOLDING") != GOOD)
		return (REFUSED);
	holders[nholders++] = control;
	control = -1;
	return (GOOD);
}

/* The fault may have cost one of the holders, which is no loss. */
static enum outcome
client_tethers(void)
{
	const char *line;
	bool	    heartbeat = false, usb = false;

	for (line = client_ask(control, "TETHERS\n"); strcmp(line, "OK") != 0;
	     line = client_line(control)) {
		if (strncmp(line, "heartbeat 1 held ", 17) == 0)
			heartbeat = true;
		else if (strncmp(line, "usb 1 held ", 11) == 0 ||
		    strncmp(line, "usb 2 held ", 11) == 0)
			usb = true;
		else
			return (client_is(line, "OK"));
	}
	if (!heartbeat || !usb)
		wrong("TETHERS", "not those that there are");
	return (GOOD);
}

/* Holds and releases a tether of its own. */
static enum outcome
client_release(void)
{
	const int	   fd = client_connect(".ctl");
	const enum outcome held = client_is(client_ask(fd, "HOLD other\n"),
	    "HOLDING");
	enum outcome	   released = REFUSED;

	if (held == GOOD)
		released = client_is(client_ask(control, "RELEASE other\n"),
		    "OK");
	if (held == GOOD && released == GOOD && *client_line(fd) != '\0')
		wrong("RELEASE", "its holder is not disconnected");
	close(fd);
	return (released);
}

/* A line of the second holder; if it is cut off, the first one remains. */
static void
client_holder_says(const char *line, const char *want)
{
	const char *answer = client_ask(holders[1], line);

	if (*answer != '\0' && strcmp(answer, want) != 0 &&
	    strncmp(answer, "ERROR ", 6) != 0)
		wrong(line, answer);
}

/* Returns whether the daemon gives up the heartbeat. */
static bool
client_dropped(int ms)
{
	struct pollfd pfd = { .fd = heart, .events = POLLRDHUP };

	return (poll(&pfd, 1, ms) == 1);
}

/*
 * One request.  There is one fault, so a second try must be served, unless the
 * daemon is about to end.
 */
static void
client_does(const char *what, enum outcome (*request)(void))
{
	int i;

	for (i = 0; i < 2; i++) {
		if (control == -1)
			control = client_connect(".ctl");
		if (request() == GOOD)
			return;
		close(control);
		control = -1;
	}
	if (client_dropped(5000))
		_exit(GONE);
	wrong(what, "neither served nor ended");
}

/* A line of the heartbeat.  If the connection is closed, the daemon ends. */
static void
client_beats(const char *line, const char *want)
{
	const char *answer = client_ask(heart, line);

	if (*answer == '\0')
		_exit(GONE);
	if (strcmp(answer, want) != 0)
		wrong(line, answer);
}

static void
client_guards(void)
{
	const char *answer;
	int	    i;

	for (i = 0; i < 200; i++) {
		heart = client_connect("");
		answer = client_ask(heart, "HELLO 1\n");
		if (strcmp(answer, "WELCOME") == 0) {
			note->guarded = true;
			return;
		}
		if (*answer != '\0' && strcmp(answer, "BUSY") != 0)
			wrong("HELLO", answer);
		close(heart);
		(void)poll(NULL, 0,
		    i == 0 ? 0 :
			     10); /* the vault may not have seen the end yet */
	}
	wrong("HELLO", "always BUSY");
}

/* The loss of one holder is none; that of the last one ends the daemon. */
static void
client_loses_tether(void)
{
	char line[32];

	client_does("HOLD", client_hold);
	client_does("HOLD", client_hold);
	client_does("TETHERS", client_tethers);
	(void)snprintf(line, sizeof(line), "WATCH %ld\n", (long)getpid());
	client_holder_says(line, "OK");
	client_does("RELEASE", client_release);
	close(holders[0]);
	client_does("STATUS", client_status);
	client_holder_says("CANCEL\n", "NOTHING-PENDING");
	client_holder_says("PING\n", "PONG");
	close(holders[1]);
}

static void
client_ends(const struct scene *s, pid_t vault)
{
	switch (s->ending) {
	case END_CLOSE:
		return;
	case END_QUIT:
		/* Not while it is executed: there must be time to cancel. */
		client_does("PANIC", client_panic);
		client_beats("CANCEL\n", "CANCELLED");
		client_beats("QUIT\n", "BYE");
		return;
	case END_HARD:
		client_does("PANIC hard", client_hard);
		break;
	case END_TERM:
		(void)kill(vault, SIGTERM);
		break;
	case END_TETHER:
		client_loses_tether();
		break;
	}
	if (!client_dropped(10000))
		wrong("the end", "there is none");
}

static noreturn void
client(const struct scene *s, pid_t vault)
{
	pid_t pid;

	(void)signal(SIGALRM, SIG_DFL);
	(void)alarm(30);
	become_nobody();
	client_guards();
	client_does("PUT", client_put);
	client_does("LIST", client_list_both);
	client_does("GET two", client_get_two);
	client_does("GET one", client_get_one);
	client_does("DEL", client_del);
	client_does("LIST", client_list_two);
	client_does("STATUS", client_status);
	client_beats("PING\n", "PONG");
	note->ending = true;
	if (s->ending == END_HARD) {
		if ((pid = fork()) == 0) {
			closefrom(heart);
			for (;;)
				(void)pause();
		}
		note->sleeper = pid;
		client_does("REGISTER", client_register);
		note->registered = true;
	}
	client_ends(s, vault);
	_exit(SERVED);
}

/* The tracer. */

static struct proc {
	pid_t	     pid;
	int	     status;	    /* as of wait(2), after its end */
	bool	     ended, looked; /* looked: into its memory at its end */
	bool	     inside;	    /* a system call */
	unsigned int k;		    /* calls so far */
	int	     nr;
	struct user_regs_struct was; /* restored after the call */
	bool			restore;
	long result; /* the result of this call; 1: its own */
} procs[ROLES];

static struct run {
	struct point	    at;
	const struct scene *s;
	enum role	    first; /* the process that we start */
	unsigned int	    nprocs;
	pid_t		    client;
	int		    client_status;
	bool		    client_done, counting, confined, ready, open;
	bool		    hit; /* the fault has been made */
	int		    hit_nr;
	bool		    killed[ROLES]; /* by us */
	int		    held;	   /* a stopped process, or -1 */
	bool		    stopping;	   /* we sent SIGTERM to end it */
	int64_t		    hold_until, deadline, lost_at;
	int		    log;	/* its standard error */
	char		    text[TEXT]; /* the log so far */
	char		    bad[512];
} r;

static const char *
point_name(const struct point *p, int nr)
{
	static char text[128];
	char *call = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

	(void)snprintf(text, sizeof(text), "%s/%s/%u/%s (%s)",
	    scenes[p->scene].name, roles[p->role], p->k, whats[p->what],
	    call != NULL ? call : "?");
	free(call);
	return (text);
}

/* Notes the first broken rule of this run. */
static void __attribute__((format(printf, 1, 2))) bad(const char *fmt, ...)
{
	va_list ap;

	if (r.bad[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(r.bad, sizeof(r.bad), fmt, ap);
	va_end(ap);
}

/* A number or an address for ptrace(2). */
static void *
pointer(uintptr_t number)
{
	void *p;

	memcpy(&p, &number, sizeof(p));
	return (p);
}

static FILE *
proc_open(pid_t pid, const char *file)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, file);
	return (fopen(path, "re"));
}

/*
 * Looks for secrets in the writable memory of a process that is about to end.
 */
static void
look_into(const struct proc *p, const char *role)
{
	static char   bytes[ARENA_LEN * 16];
	unsigned long start, end;
	char	      line[256], *perms;
	FILE	     *maps, *mem;
	size_t	      n;

	if ((maps = proc_open(p->pid, "maps")) == NULL ||
	    (mem = proc_open(p->pid, "mem")) == NULL) {
		bad("%s: its memory cannot be looked into", role);
		return;
	}
	while (fgets(line, sizeof(line), maps) != NULL) {
		start = strtoul(line, &perms, 16);
		end = strtoul(perms + 1, &perms, 16);
		if (perms[2] != 'w' && strchr(line, '/') != NULL)
			continue; /* of a file, and unwritten */
		for (; start < end; start += sizeof(bytes)) {
			n = end - start < sizeof(bytes) ? end - start :
							  sizeof(bytes);
			if (fseek(mem, (long)start, SEEK_SET) == -1 ||
			    (n = fread(bytes, 1, n, mem)) == 0)
				break;
			if (memmem(bytes, n, one + 4, 16) != NULL ||
			    memmem(bytes, n, two + 4, 16) != NULL)
				bad("%s ends with a secret in its memory: %s",
				    role, line);
		}
	}
	(void)fclose(maps);
	(void)fclose(mem);
}

/*
 * What protects pid.  The uid of network differs from run to run and is
 * replaced.
 */
static void
guards_of(pid_t pid, char *text, size_t size)
{
	static const char *const keys[] = { "Uid:", "Gid:", "Groups:",
		"SigBlk:", "SigIgn:", "SigCgt:", "CapInh:", "CapPrm:",
		"CapEff:", "NoNewPrivs:", "Seccomp:" };
	struct stat		 st;
	unsigned long		 uid;
	char			 line[256], path[64];
	size_t			 i, n = 0;
	FILE			*f;

	(void)snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	if (stat(path, &st) == -1 || (f = proc_open(pid, "status")) == NULL) {
		(void)snprintf(text, size, "gone\n");
		return;
	}
	n += (size_t)snprintf(text, size, "dumpable: %d\n", st.st_uid != 0);
	while (fgets(line, sizeof(line), f) != NULL) {
		for (i = 0; i < NELEM(keys); i++) {
			if (strncmp(line, keys[i], strlen(keys[i])) != 0)
				continue;
			uid = strtoul(line + 4, NULL, 10);
			if (i < 2 && uid >= 60706 && uid < 61184)
				(void)snprintf(line, sizeof(line),
				    "%s its own\n", keys[i]);
			n += (size_t)snprintf(text + n, size - n, "%s", line);
		}
	}
	(void)fclose(f);
	if ((f = proc_open(pid, "limits")) == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "Max core", 8) == 0)
			(void)snprintf(text + n, size - n, "%s", line);
	}
	(void)fclose(f);
}

/*
 * When the vault is ready: learns what protects it, or compares with the plain
 * run.
 */
static void
see_guards(void)
{
	char *known = plain[r.at.scene].guards, *line, *rest, text[TEXT];

	guards_of(procs[VAULT].pid, text, TEXT / 2);
	guards_of(procs[NETWORK].pid, text + strlen(text), TEXT / 2);
	if (*known == '\0')
		(void)strlcpy(known, text, TEXT);
	else if (!r.killed[NETWORK] && strstr(text, "gone") == NULL)
		for (line = strtok_r(text, "\n", &rest); line != NULL;
		     line = strtok_r(NULL, "\n", &rest)) {
			if (strncmp(known, line, strlen(line)) != 0)
				bad("alive, but %s", line);
			known += strlen(line) + 1;
		}
}

/* Interrupts waitpid(2) now and then; us 0: no more. */
static void
tick(int us)
{
	const struct itimerval it = { { 0, us }, { 0, us } };

	(void)setitimer(ITIMER_REAL, &it, NULL);
}

/*
 * Lets p continue: up to its next system call if that matters, as it does in a
 * plain run, in the process whose fault is to come, and in the vault until it
 * is ready, after its own fault, and for what it sends to syslogd.
 */
static void
let_go(const struct proc *p, int sig)
{
	const enum role role = (enum role)(p - procs);
	const bool	calls = r.at.k == 0 || role == r.at.role ?
		 r.at.role == VAULT || !r.hit || p->inside :
		 role == VAULT && (!r.ready || r.s->background);

	(void)ptrace(calls ? PTRACE_SYSCALL : PTRACE_CONT, p->pid, NULL,
	    pointer((unsigned int)sig));
}

static void
start_client(void)
{
	if ((r.client = fork()) == -1)
		err(1, "fork");
	if (r.client == 0)
		client(r.s, procs[VAULT].pid);
}

/* The process is stopped or about to end: kills the client, which is a loss. */
static void
lose_client(void)
{
	if (r.client == 0 || r.client_done)
		return;
	(void)kill(r.client, SIGKILL);
	r.lost_at = now();
}

/* Nobody guards and nothing would end the vault: sends SIGTERM. */
static void
stop_vault(void)
{
	r.stopping = true;
	(void)kill(procs[VAULT].pid, SIGTERM);
}

static void
hold(enum role role)
{
	if (procs[VAULT].ended)
		return;
	r.held = (int)role;
	r.hold_until = now() + STOP_MS;
	if (role == FRONT)
		return;
	lose_client();
	if (role == NETWORK && r.ready && !note->guarded)
		stop_vault();
}

static void
release(void)
{
	const enum role role = (enum role)r.held;

	r.held = -1;
	if (role == VAULT && r.ready && !note->guarded)
		stop_vault();
	let_go(&procs[role], 0);
}

/* The vault waits for the first time: starts the client. */
static void
is_ready(void)
{
	r.ready = true;
	see_guards();
	if (r.hit && r.at.what == STOP && r.at.role != FRONT)
		stop_vault();
	else
		start_client();
}

static void
set_regs(struct proc *p, const struct user_regs_struct *regs)
{
	if (ptrace(PTRACE_SETREGS, p->pid, NULL, regs) == -1)
		err(1, "PTRACE_SETREGS");
}

/*
 * Makes the call fail: it becomes close(-1), which every filter allows and
 * which does nothing.  A close is made, as the kernel makes it whatever it
 * returns.
 */
static void
fail_call(struct proc *p, int error)
{
	struct user_regs_struct regs = p->was;

	p->result = -error;
	if (p->nr == SYS_close)
		return;
	regs.orig_rax = SYS_close;
	regs.rdi = (unsigned long long)-1;
	set_regs(p, &regs);
	p->restore = true;
}

/* Makes the call move one byte: its third argument, or the second iovec. */
static void
shorten_call(struct proc *p)
{
	struct user_regs_struct regs = p->was;
	struct msghdr		msg;
	struct iovec		iov[2], local, remote;
	size_t			least = 1;

	if (p->nr != SYS_sendmsg) {
		regs.rdx = 1;
		set_regs(p, &regs);
		p->restore = true;
		return;
	}
	local = (struct iovec){ &msg, sizeof(msg) };
	remote = (struct iovec){ pointer(p->was.rsi), sizeof(msg) };
	if (process_vm_readv(p->pid, &local, 1, &remote, 1, 0) == -1)
		return;
	local = (struct iovec){ iov, sizeof(iov) };
	remote = (struct iovec){ msg.msg_iov, sizeof(iov) };
	if (process_vm_readv(p->pid, &local, 1, &remote, 1, 0) == -1 ||
	    iov[0].iov_len == 12 || iov[1].iov_len <= 1)
		return; /* 12: a message to network, which is one packet */
	local = (struct iovec){ &least, sizeof(least) };
	remote = (struct iovec){ &msg.msg_iov[1].iov_len, sizeof(least) };
	(void)process_vm_writev(p->pid, &local, 1, &remote, 1, 0);
}

/* Reads what the process sends to syslogd, which is not there. */
static void
hear(const struct proc *p)
{
	char	     line[512];
	struct iovec local = { line, sizeof(line) - 2 };
	struct iovec remote = { pointer(p->was.rsi), p->was.rdx };
	ssize_t	     n;

	n = process_vm_readv(p->pid, &local, 1, &remote, 1, 0);
	if (n <= 0 || line[0] != '<')
		return;
	line[n] = '\n';
	line[n + 1] = '\0';
	(void)strncat(r.text, line, sizeof(r.text) - strlen(r.text) - 1);
}

static bool
is_one_of(int nr, const int *nrs, size_t n)
{
	while (n > 0 && nrs[n - 1] != nr)
		n--;
	return (n > 0);
}

/*
 * Not every fault makes sense: some calls fail only for wrong arguments, and
 * some move no bytes.
 */
static bool
makes_sense(unsigned int what, int nr)
{
	static const int sure[] = { SYS_exit_group, SYS_getpid, SYS_getuid,
		SYS_geteuid, SYS_getgid, SYS_getegid, SYS_umask,
		SYS_set_tid_address, SYS_rseq, SYS_set_robust_list,
		SYS_rt_sigreturn, SYS_rt_sigaction, SYS_rt_sigprocmask,
		SYS_sigaltstack, SYS_futex };
	static const int moving[] = { SYS_read, SYS_write, SYS_pread64,
		SYS_recvfrom, SYS_sendto, SYS_sendmsg };

	if (is_one_of(nr, sure, NELEM(sure)))
		return (nr != SYS_exit_group && what > SHORT);
	return (what != SHORT || is_one_of(nr, moving, NELEM(moving)));
}

static void
on_entry(struct proc *p, enum role role)
{
	struct plain *pl = &plain[r.at.scene];

	if (ptrace(PTRACE_GETREGS, p->pid, NULL, &p->was) == -1)
		return;
	p->nr = (int)p->was.orig_rax;
	p->result = 1;
	p->restore = false;
	if (++p->k >= CALLS)
		errx(1, "%s makes too many calls", roles[role]);
	if (r.at.k == 0)
		pl->nr[role][p->k] = (int16_t)p->nr;
	if (r.at.k == 0 && !note->ending)
		pl->late[role] = (uint16_t)p->k;
	if (r.at.k == 0 && pl->main[role] == 0 && p->nr == SYS_fcntl)
		pl->main[role] = (uint16_t)p->k; /* stdfd_open() */
	if (role == VAULT && p->nr == SYS_seccomp)
		r.confined = true;
	/* In its loop; at its end the vault polls one descriptor, or none. */
	if (role == VAULT && p->nr == SYS_ppoll && r.confined &&
	    p->was.rsi > 1) {
		if (!r.ready)
			is_ready();
		if (r.open)
			bad("the arena is open while nothing is copied");
	}
	if (p->nr == SYS_sendto)
		hear(p);
	if (p->nr == SYS_memfd_secret && r.s->mlock)
		fail_call(p, ENOSYS);
	/* The vault gives network 10 s to start: shortened. */
	if (p->nr == SYS_poll && role == VAULT && r.at.what == STOP &&
	    p->was.rdx == 10000) {
		struct user_regs_struct regs = p->was;

		regs.rdx = START_MS;
		set_regs(p, &regs);
		p->restore = true;
	}
	if (r.at.k == 0 || r.at.role != role || p->k != r.at.k)
		return;
	if (!makes_sense(r.at.what, p->nr))
		return; /* no run is quite like another */
	r.hit = true;
	r.hit_nr = p->nr;
	if (r.at.what < SHORT)
		fail_call(p, errors[r.at.what]);
	else if (r.at.what == SHORT)
		shorten_call(p);
}

static void
on_return(struct proc *p, enum role role)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, p->pid, NULL, &regs) == -1)
		return;
	if (p->restore) {
		regs.rdi = p->was.rdi;
		regs.rdx = p->was.rdx;
		regs.orig_rax = p->was.orig_rax;
	}
	if (p->result != 1)
		regs.rax = (unsigned long long)p->result;
	if (p->restore || p->result != 1)
		set_regs(p, &regs);
	if (role == VAULT && p->nr == SYS_mprotect && p->was.rsi == ARENA_LEN &&
	    regs.rax == 0)
		r.open = p->was.rdx != PROT_NONE;
	if (!r.hit || r.at.role != role || p->k != r.at.k)
		return;
	if (r.at.what == KILL) {
		r.killed[role] = true;
		(void)kill(p->pid, SIGKILL);
	} else if (r.at.what == STOP) {
		hold(role);
	}
}

static void
on_end(struct proc *p, enum role role, int status)
{
	if (p->ended)
		return;
	p->ended = true;
	p->status = status;
	if (role != VAULT)
		return;
	if (r.lost_at != 0 && r.held == NETWORK && !r.stopping &&
	    r.s->ending != END_QUIT &&
	    now() - r.lost_at > atomic_load(&all->slowest))
		atomic_store(&all->slowest, (int)(now() - r.lost_at));
	if (r.held != -1)
		release();
}

/*
 * The role of a process.  An unknown one is the next that is born, as each
 * forks the other; if it has ended, it is no process of this run: ROLES.
 */
static enum role
role_of(pid_t pid, bool ended)
{
	enum role role;

	for (role = r.first; role < r.first + r.nprocs; role++) {
		if (procs[role].pid == pid)
			return (role);
	}
	if (ended)
		return (ROLES);
	if (role >= ROLES)
		errx(1, "a process too many");
	procs[role].pid = pid;
	r.nprocs++;
	return (role);
}

static void
on_stop(struct proc *p, enum role role, int status)
{
	const int     sig = WSTOPSIG(status);
	unsigned long child;

	if (status >> 16 == PTRACE_EVENT_EXIT) {
		p->looked = true;
		if (role != VAULT || (!r.killed[VAULT] && r.s->mlock))
			look_into(p, roles[role]);
	} else if (status >> 16 == PTRACE_EVENT_EXEC) {
		r.counting = true;
	} else if (status >> 16 == PTRACE_EVENT_FORK ||
	    status >> 16 == PTRACE_EVENT_CLONE) {
		/* Before its parent can end, so that it is waited for. */
		if (ptrace(PTRACE_GETEVENTMSG, p->pid, NULL, &child) != -1)
			(void)role_of((pid_t)child, false);
	} else if (sig == (SIGTRAP | 0x80)) {
		if (r.counting && !p->inside)
			on_entry(p, role);
		else if (r.counting && p->k > 0)
			on_return(p, role);
		p->inside = !p->inside;
		if (r.held == (int)role)
			return;
	} else if (status >> 16 == 0 && sig != SIGSTOP && sig != SIGTRAP) {
		let_go(p, sig);
		return;
	}
	let_go(p, 0);
}

static bool
is_over(void)
{
	enum role role;

	for (role = r.first; role < r.first + r.nprocs; role++) {
		if (!procs[role].ended)
			return (false);
	}
	return (r.client == 0 || r.client_done);
}

static void
give_up(void)
{
	enum role role;

	for (role = r.first; role < ROLES && role < r.first + r.nprocs;
	     role++) {
		if (!procs[role].ended) {
			bad("hangs: %s, in call %d%s", roles[role],
			    procs[role].nr,
			    procs[role].inside ? "" : ", behind it");
			r.killed[role] = true;
			(void)kill(procs[role].pid, SIGKILL);
		}
	}
	bad("hangs: a client");
	if (r.client != 0 && !r.client_done)
		(void)kill(r.client, SIGKILL);
}

static void
follow(void)
{
	enum role role;
	pid_t	  pid;
	int	  status;

	tick(TICK_US);
	while (!is_over()) {
		if (now() > r.deadline) {
			give_up();
			r.deadline += PATIENCE_MS;
		}
		if (r.held != -1 && r.held != NETWORK && now() > r.hold_until)
			release();
		if ((pid = waitpid(-1, &status, __WALL)) == -1) {
			if (errno != EINTR)
				err(1, "waitpid");
			continue;
		}
		if (pid == r.client) {
			r.client_done = true;
			r.client_status = status;
		} else if ((role = role_of(pid, !WIFSTOPPED(status))) ==
		    ROLES) {
			if (pid == note->sleeper)
				note->sleeper = 0;
		} else if (WIFSTOPPED(status)) {
			on_stop(&procs[role], role, status);
		} else {
			on_end(&procs[role], role, status);
		}
	}
	tick(0);
}

/*
 * One run.
 */

static noreturn void
become_daemon(const struct scene *s, const int in[2], const int out[2])
{
	const char *argv[16];
	char	   *args[16];
	int	    n = 0;

	(void)signal(SIGALRM, SIG_DFL);
	if (dup2(in[0], STDIN_FILENO) == -1 ||
	    dup2(out[1], STDERR_FILENO) == -1)
		_exit(1);
	argv[n++] = "dazaid";
	argv[n++] = "-s";
	argv[n++] = sock;
	argv[n++] = "-z";
	argv[n++] = "65536";
	argv[n++] = "-g";
	argv[n++] = s->ending == END_QUIT ? "5" : GRACE;
	argv[n++] = "-l";
	argv[n++] = "one=-";
	if (!s->background)
		argv[n++] = "-d";
	if (s->armed)
		argv[n++] = "-a";
	if (s->root) {
		argv[n++] = "-u";
		argv[n++] = "nobody";
	} else {
		become_nobody();
	}
	argv[n] = NULL;
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
	memcpy(args, argv, sizeof(args)); /* execv(3) leaves them as they are */
	execv(dazaid, args);
	err(1, "%s", dazaid);
}

static void
launch(const struct scene *s)
{
	int   in[2], out[2], status;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1)
		err(1, "pipe");
	(void)!write(in[1], one, SECRET);
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0)
		become_daemon(s, in, out);
	close(in[0]);
	close(in[1]);
	close(out[1]);
	r.log = out[0];
	r.nprocs = 1;
	procs[r.first].pid = pid;
	if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL,
		pointer(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
		    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		    PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
		    PTRACE_O_EXITKILL)) == -1)
		err(1, "ptrace");
	let_go(&procs[r.first], 0);
}

/* Lists the files that are left, and removes them. */
static bool
left_files(char *names, size_t size)
{
	struct dirent *d;
	size_t	       n = 0;
	DIR	      *dp;

	if ((dp = opendir(dir)) == NULL)
		err(1, "%s", dir);
	names[0] = '\0';
	while ((d = readdir(dp)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		if (strcmp(d->d_name, "sock.last") == 0) { /* its last words */
			(void)unlinkat(dirfd(dp), d->d_name, 0);
			continue;
		}
		n += (size_t)snprintf(names + n, size - n, " %s", d->d_name);
		(void)unlinkat(dirfd(dp), d->d_name, 0);
	}
	(void)closedir(dp);
	return (n > 0);
}

/* Returns whether the registered process lives on; kills it. */
static bool
sleeper_lives(void)
{
	const int64_t deadline = now() + 5000;

	if (note->sleeper == 0)
		return (false);
	while (now() < deadline) {
		if (waitpid(note->sleeper, NULL, WNOHANG) == note->sleeper)
			return (false);
		(void)poll(NULL, 0, 5);
	}
	(void)kill(note->sleeper, SIGKILL);
	(void)waitpid(note->sleeper, NULL, 0);
	return (true);
}

/*
 * Returns whether the fault came in the loader, before any code of ours ran:
 * how that ends is not our affair.
 */
static bool
loading(enum role role)
{
	return (r.hit && r.at.role == role &&
	    r.at.k < plain[r.at.scene].main[role]);
}

static void
judge_vault(void)
{
	static const int   says[] = { SYS_write, SYS_pwritev2, SYS_writev,
		  SYS_sendto };
	static const int   kills[] = { SYS_pidfd_send_signal, SYS_setresuid };
	const struct proc *v = &procs[VAULT];
	const bool	   panicked = strstr(r.text, "PANIC") != NULL;
	const bool	   silent = !is_one_of(r.hit_nr, says, NELEM(says));
	const int	   code = WEXITSTATUS(v->status);

	if (r.killed[VAULT])
		return;
	if (!v->looked)
		bad("the vault's end was not seen");
	if (loading(VAULT) && r.first == VAULT)
		return;
	if (r.at.role == FRONT && !r.ready && WIFSIGNALED(v->status) &&
	    WTERMSIG(v->status) == SIGTERM)
		return; /* meant for the front, before there is a secret */
	if (WIFSIGNALED(v->status) &&
	    (WTERMSIG(v->status) != SIGKILL || !r.s->armed ||
		(r.stopping && !panicked)))
		bad("the vault ends by signal %d", WTERMSIG(v->status));
	else if (WIFSIGNALED(v->status) && !panicked && silent)
		bad("an end without a word");
	if (!WIFEXITED(v->status)) {
		if (sleeper_lives() && note->registered &&
		    !is_one_of(r.hit_nr, kills, NELEM(kills)))
			bad("what is registered lives on");
	} else if (r.ready && code != 0 &&
	    (code != 137 || r.hit_nr != SYS_kill)) {
		bad("the vault ends with %d", code);
	} else if (!r.ready && code == 0 && !panicked && !r.stopping) {
		bad("a start that fails ends with 0");
	} else if (r.text[0] == '\0' && silent) {
		bad("an end without a word");
	} else if (r.ready && strstr(r.text, "secrets wiped") == NULL &&
	    silent) {
		bad("an end that does not say that it wiped");
	}
}

static void
judge_others(void)
{
	/* Files that it cannot recognize as its own it must leave. */
	static const int makes[] = { SYS_newfstatat, SYS_unlinkat, SYS_flock,
		SYS_pread64 };
	const int	 network = procs[NETWORK].status;
	const int	 front = procs[FRONT].status;
	const int	 c = r.client_status;
	char		 names[256];

	if (r.nprocs + r.first == ROLES && WIFSIGNALED(network) &&
	    WTERMSIG(network) != SIGKILL && !loading(NETWORK))
		bad("network ends by signal %d", WTERMSIG(network));
	if (r.first == FRONT && !r.killed[FRONT] &&
	    (!WIFEXITED(front) ||
		(WEXITSTATUS(front) != (r.ready ? 0 : 1) &&
		    !r.killed[VAULT])) &&
	    !loading(FRONT))
		bad("the start ends with %#x", front);
	if (r.client != 0 && r.lost_at == 0 && WIFSIGNALED(c))
		bad("a client hangs");
	else if (r.client != 0 && WIFEXITED(c) && WEXITSTATUS(c) == WRONG)
		bad("%s", note->why);
	if (left_files(names, sizeof(names)) && !r.killed[r.first] &&
	    !r.killed[VAULT] && !is_one_of(r.hit_nr, makes, NELEM(makes)))
		bad("files are left:%s", names);
}

static void
read_log(void)
{
	const size_t len = strlen(r.text);
	ssize_t	     n = read(r.log, r.text + len, sizeof(r.text) - 1 - len);

	r.text[len + (size_t)(n > 0 ? n : 0)] = '\0';
	close(r.log);
}

/* Runs one point; returns whether no rule was broken. */
static bool
run(const struct point *at)
{
	memset(&r, 0, sizeof(r));
	memset(procs, 0, sizeof(procs));
	memset(note, 0, sizeof(*note));
	r.at = *at;
	r.s = &scenes[at->scene];
	r.first = r.s->background ? FRONT : VAULT;
	r.held = r.hit_nr = -1;
	r.deadline = now() + PATIENCE_MS;
	launch(r.s);
	follow();
	read_log();
	if (procs[VAULT].pid != 0)
		judge_vault();
	judge_others();
	(void)sleeper_lives();
	if (r.bad[0] != '\0' || verbose > 1)
		printf("%s: %s\n%s", point_name(at, r.hit_nr),
		    r.bad[0] != '\0' ? r.bad : "good", verbose ? r.text : "");
	return (r.bad[0] == '\0');
}

/*
 * All of them.
 */

static size_t
make_points(struct point *points, size_t size)
{
	const struct plain *pl;
	struct point	    p;
	unsigned int	    role, scene, what;
	size_t		    n = 0;

	for (scene = 0; scene < NELEM(scenes); scene++) {
		pl = &plain[scene];
		for (role = 0; role < ROLES; role++) {
			p = (struct point){ (uint8_t)scene, (uint8_t)role, 0,
				0 };
			p.k = scenes[scene].whole ? 0 : pl->late[role];
			while (++p.k <= pl->n[role]) {
				for (what = 0; what < WHATS && n < size;
				     what++) {
					p.what = (uint8_t)what;
					if (makes_sense(what,
						pl->nr[role][p.k]))
						points[n++] = p;
				}
			}
		}
	}
	return (n);
}

static void
work(const struct point *points, size_t n, unsigned int every)
{
	size_t i;

	while ((i = atomic_fetch_add(&all->next, 1)) < n) {
		/* Spread, so that each kind of fault is tried. */
		if ((uint32_t)(i * 2654435761U) >> 8 >=
		    UINT32_MAX / 256 / every)
			continue;
		if (!run(&points[i]))
			atomic_fetch_add(&all->bad, 1);
		if (r.hit)
			atomic_fetch_add(&all->tried, 1);
		else
			atomic_fetch_add(&all->missed, 1);
		(void)fflush(stdout);
	}
}

static void
on_tick(int sig)
{
	(void)sig;
}

/* Prepares a worker, or main before there are any. */
static void
settle(void)
{
	struct sigaction sa;

	(void)snprintf(dir, sizeof(dir), "/tmp/faults.XXXXXX");
	if (mkdtemp(dir) == NULL ||
	    (geteuid() == 0 && chown(dir, NOBODY, NOBODY) == -1))
		err(1, "%s", dir);
	(void)snprintf(sock, sizeof(sock), "%s/sock", dir);
	note = mmap(NULL, sizeof(*note), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_tick;
	if (note == MAP_FAILED || sigaction(SIGALRM, &sa, NULL) == -1 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1)
		err(1, "settle");
}

/* Learns the plain runs of the scenes from first to end. */
static void
learn(unsigned int first, unsigned int end)
{
	struct point p = { 0, 0, 0, 0 };
	unsigned int role;
	int	     i;

	for (p.scene = (uint8_t)first; p.scene < end; p.scene++) {
		for (i = 0; i < 3; i++) {
			if (!run(&p) || WEXITSTATUS(r.client_status) != SERVED)
				errx(1, "%s: the plain run is not good:\n%s",
				    r.s->name, r.text);
			for (role = 0; role < ROLES; role++) {
				if (procs[role].k > plain[p.scene].n[role])
					plain[p.scene]
					    .n[role] = (uint16_t)procs[role].k;
			}
		}
		printf("%s: front %u calls, vault %u, network %u%s\n",
		    r.s->name, plain[p.scene].n[FRONT], plain[p.scene].n[VAULT],
		    plain[p.scene].n[NETWORK],
		    r.s->whole ? "" : "; faults at the end");
	}
}

/* The index of word in words; n if it is not there. */
static uint8_t
place(const char *word, const char *const *words, size_t n)
{
	size_t i;

	for (i = 0; word != NULL && i < n; i++) {
		if (strcmp(word, words[i]) == 0)
			return ((uint8_t)i);
	}
	return ((uint8_t)n);
}

/* The point of this name, which is cut up. */
static struct point
point_of(char *name)
{
	const char  *names[NELEM(scenes)];
	struct point p;
	size_t	     i;
	char	    *word;

	for (i = 0; i < NELEM(scenes); i++)
		names[i] = scenes[i].name;
	p.scene = place(strtok(name, "/"), names, NELEM(scenes));
	p.role = place(strtok(NULL, "/"), roles, ROLES);
	word = strtok(NULL, "/");
	p.k = (uint16_t)(word != NULL ? strtoul(word, NULL, 10) : 0);
	p.what = place(strtok(NULL, "/"), whats, WHATS);
	if (p.scene == NELEM(scenes) || p.role == ROLES || p.k == 0 ||
	    p.what == WHATS)
		errx(1, "no such point");
	return (p);
}

/* A number above 0. */
static unsigned int
number(const char *text)
{
	char	     *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end != '\0' || n == 0 || n > INT_MAX)
		errx(1, "%s: not a number", text);
	return ((unsigned int)n);
}

static noreturn void
usage(void)
{
	errx(1,
	    "usage, as root: faults [-v] [-e EVERY] [-j JOBS] [-p POINT] DAZAID");
}

int
main(int argc, char *argv[])
{
	static struct point points[CALLS * 16 * WHATS];
	char		   *only = NULL;
	unsigned int	    every = 1, jobs = 4, i;
	size_t		    n;
	pid_t		    workers[JOBS];
	int		    ch, status;

	while ((ch = getopt(argc, argv, "e:j:p:v")) != -1) {
		switch (ch) {
		case 'e':
			every = number(optarg);
			break;
		case 'j':
			jobs = number(optarg);
			break;
		case 'p':
			only = optarg;
			break;
		case 'v':
			verbose++;
			break;
		default:
			usage();
		}
	}
	if (optind != argc - 1 || geteuid() != 0 || jobs > JOBS)
		usage();
	dazaid = argv[optind];
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	settle();
	if (only != NULL) {
		points[0] = point_of(only);
		learn(points[0].scene, points[0].scene + 1U);
		n = jobs = 1;
	} else {
		learn(0, NELEM(scenes));
		n = make_points(points, NELEM(points));
	}
	(void)fflush(stdout);
	for (i = 0; i < jobs; i++) {
		if ((workers[i] = fork()) == 0) {
			settle();
			work(points, n, every);
			(void)rmdir(dir);
			_exit(0);
		}
	}
	for (i = 0; i < jobs; i++) {
		/* a worker that fails has said why */
		if (waitpid(workers[i], &status, 0) == -1 || status != 0)
			atomic_fetch_add(&all->bad, 1);
	}
	(void)rmdir(dir);
	printf(
	    "a loss behind a stopped network: the vault ended in %d ms at most\n",
	    atomic_load(&all->slowest));
	printf("%u points of %zu tried, %u came not, %u bad\n",
	    atomic_load(&all->tried), n, atomic_load(&all->missed),
	    atomic_load(&all->bad));
	return (atomic_load(&all->bad) != 0);
}

#else

#include <err.h>

int
main(void)
{
	errx(1, "knows the registers of x86-64 only");
}

#endif
