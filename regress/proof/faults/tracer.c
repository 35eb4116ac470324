/* SPDX-License-Identifier: ISC */
/*
 * Follows the processes of a daemon by ptrace(2), makes the fault of the run,
 * and starts the client when the vault is ready.
 */
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <linux/ptrace.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"

#define STOP_MS	 300  /* longer than the vault's 100 ms, and than -g */
#define START_MS 1500 /* for network to start, instead of 10 s */
#define TICK_US	 50000

#ifdef __x86_64__

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
void
tracer_go(const struct proc *p, int sig)
{
	const enum role role = (enum role)(p - procs);
	const bool	calls = r.at.k == 0 || role == r.at.role ?
		 r.at.role == VAULT || !r.hit || p->inside :
		 role == VAULT && (!r.ready || r.s->background);

	(void)ptrace(calls ? PTRACE_SYSCALL : PTRACE_CONT, p->pid, NULL,
	    fault_pointer((unsigned int)sig));
}

static void
start_client(void)
{
	if ((r.client = fork()) == -1)
		err(1, "fork");
	if (r.client == 0)
		client_run(r.s, procs[VAULT].pid);
}

/* The process is stopped or about to end: kills the client, which is a loss. */
static void
lose_client(void)
{
	if (r.client == 0 || r.client_done)
		return;
	(void)kill(r.client, SIGKILL);
	r.lost_at = faults_now();
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
	r.hold_until = faults_now() + STOP_MS;
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
	tracer_go(&procs[role], 0);
}

/* The vault waits for the first time: starts the client. */
static void
is_ready(void)
{
	r.ready = true;
	judge_guards();
	if (r.hit && r.at.what == STOP && r.at.role != FRONT)
		stop_vault();
	else
		start_client();
}

/* Reads what the process sends to syslogd, which is not there. */
static void
hear(const struct proc *p)
{
	char	     line[512];
	struct iovec local = { line, sizeof(line) - 2 };
	struct iovec remote = { fault_pointer(p->was.rsi), p->was.rdx };
	ssize_t	     n;

	n = process_vm_readv(p->pid, &local, 1, &remote, 1, 0);
	if (n <= 0 || line[0] != '<')
		return;
	line[n] = '\n';
	line[n + 1] = '\0';
	(void)strncat(r.text, line, sizeof(r.text) - strlen(r.text) - 1);
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
			judge_bad("the arena is open while nothing is copied");
	}
	if (p->nr == SYS_sendto)
		hear(p);
	if (p->nr == SYS_memfd_secret && r.s->mlock)
		fault_fail(p, ENOSYS);
	/* The vault gives network 10 s to start: shortened. */
	if (p->nr == SYS_poll && role == VAULT && r.at.what == STOP &&
	    p->was.rdx == 10000) {
		struct user_regs_struct regs = p->was;

		regs.rdx = START_MS;
		fault_set_regs(p, &regs);
		p->restore = true;
	}
	if (r.at.k == 0 || r.at.role != role || p->k != r.at.k)
		return;
	if (!fault_makes_sense(r.at.what, p->nr))
		return; /* no run is quite like another */
	r.hit = true;
	r.hit_nr = p->nr;
	fault_make(p);
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
		fault_set_regs(p, &regs);
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
	    faults_now() - r.lost_at > atomic_load(&all->slowest))
		atomic_store(&all->slowest, (int)(faults_now() - r.lost_at));
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
			judge_memory(p, roles[role]);
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
		tracer_go(p, sig);
		return;
	}
	tracer_go(p, 0);
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
			judge_bad("hangs: %s, in call %d%s", roles[role],
			    procs[role].nr,
			    procs[role].inside ? "" : ", after it");
			r.killed[role] = true;
			(void)kill(procs[role].pid, SIGKILL);
		}
	}
	judge_bad("hangs: a client");
	if (r.client != 0 && !r.client_done)
		(void)kill(r.client, SIGKILL);
}

void
tracer_follow(void)
{
	enum role role;
	int	  i;
	pid_t	  pid;
	int	  status;

	tick(TICK_US);
	while (!is_over()) {
		if (faults_now() > r.deadline) {
			give_up();
			r.deadline += PATIENCE_MS;
		}
		if (r.held != -1 && r.held != NETWORK &&
		    faults_now() > r.hold_until)
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
			for (i = 0; i < SLEEPERS; i++) {
				if (pid == note->sleepers[i])
					note->sleepers[i] = 0;
			}
		} else if (WIFSTOPPED(status)) {
			on_stop(&procs[role], role, status);
		} else {
			on_end(&procs[role], role, status);
		}
	}
	tick(0);
}

#endif
