/* SPDX-License-Identifier: ISC */
/*
 * Lets one system call of the daemon go wrong in each run, and judges what
 * becomes of the daemon.
 *
 * usage: faults [-v] [-e EVERY] [-j JOBS] [-p POINT] DAZAID, as root
 *
 * A plain run of each scene (start, guard, PUT, LIST, GET, DEL, STATUS, an end,
 * of which one is the loss of a tether with two holders, another one kills a
 * registered process and its group) shows which calls each process makes.  A
 * point is one of these calls with a fault: it fails with an error, moves one
 * byte instead of all, or its process is killed or stopped right after it.  The
 * faults are made with ptrace(2), so that no other process is touched.  After
 * each run
 *
 * - what clients were told must be true: a secret that was accepted is there,
 * what is handed out is what was put, and a refused client is served the next
 * time;
 * - or the daemon has ended, gave the reason, and left no process and no file;
 * - its last words say that it has ended;
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
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"
#include "num.h"

#ifdef __x86_64__

#define JOBS  64
#define GRACE "0.1"

const char *const  roles[] = { "front", "vault", "network" };
const struct scene scenes[] = {
	/* root, background, armed, mlock, whole */
	{ "user", false, false, false, true, true, END_CLOSE },
	{ "root", true, true, true, false, true, END_CLOSE },
	{ "quit", false, false, true, true, false, END_QUIT },
	{ "hard", true, false, true, true, false, END_HARD },
	{ "term", false, true, false, true, false, END_TERM },
	{ "tether", false, false, true, true, false, END_TETHER },
};

static const char *const whats[] = { "EINTR", "ENOMEM", "EMFILE", "EIO",
	"EAGAIN", "short", "kill", "stop" };

struct plain   plain[SCENES];
struct shared *all;
struct note   *note;
struct proc    procs[ROLES];
struct run     r;
const char     one[] = "Kp3!first-secret-by-stdin_wQ9zjXfa81LmN#";
const char     two[] = "Zt8?second-secret-by-PUT_e4RkVbC6yUo2Ds@";
char	       dir[64];
char	       sock[80];

static const char *dazaid;
static int	   verbose;

int64_t
faults_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

void
faults_become_nobody(void)
{
	if (geteuid() == 0 &&
	    (setgroups(0, NULL) == -1 ||
		setresgid(NOBODY, NOBODY, NOBODY) == -1 ||
		setresuid(NOBODY, NOBODY, NOBODY) == -1))
		err(1, "nobody");
}

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

/*
 * One run.
 */

static noreturn void
become_daemon(const struct scene *s, const int in[2], const int out[2])
{
	char line[256], *args[16];
	int  n = 0;

	(void)signal(SIGALRM, SIG_DFL);
	if (dup2(in[0], STDIN_FILENO) == -1 ||
	    dup2(out[1], STDERR_FILENO) == -1)
		_exit(1);
	(void)snprintf(line, sizeof(line),
	    "dazaid -s %s -z 65536 -g %s -l one=-%s%s%s", sock,
	    s->ending == END_QUIT ? "5" : GRACE, s->background ? "" : " -d",
	    s->armed ? " -a" : "", s->root ? " -u nobody" : "");
	args[n] = strtok(line, " ");
	while (args[n] != NULL)
		args[++n] = strtok(NULL, " ");
	if (!s->root)
		faults_become_nobody();
	(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)raise(SIGSTOP);
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
		fault_pointer(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
		    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		    PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT |
		    PTRACE_O_EXITKILL)) == -1)
		err(1, "ptrace");
	tracer_go(&procs[r.first], 0);
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
	r.deadline = faults_now() + PATIENCE_MS;
	launch(r.s);
	tracer_follow();
	read_log();
	if (procs[VAULT].pid != 0)
		judge_vault();
	judge_others();
	(void)judge_sleepers();
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
					if (fault_makes_sense(what,
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
	int64_t	    n;
	const char *why = num_int(text, 1, INT_MAX, &n);

	if (why != NULL)
		errx(1, "%s: %s", text, why);
	return ((unsigned int)n);
}

static noreturn void
usage(void)
{
	errx(1,
	    "usage, as root: faults [-v] [-e EVERY] [-j JOBS] [-p POINT] "
	    "DAZAID");
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
	printf("a loss behind a stopped network: "
	       "the vault ended in %d ms at most\n",
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
