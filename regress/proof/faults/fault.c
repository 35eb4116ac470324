/* SPDX-License-Identifier: ISC */
/*
 * The faults: what becomes of a system call.
 */
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <err.h>
#include <errno.h>
#include <string.h>

#include "faults.h"

#ifdef __x86_64__

static const int fault_errors[] = { EINTR, ENOMEM, EMFILE, EIO, EAGAIN };

/* A number or an address for ptrace(2). */
void *
fault_pointer(uintptr_t number)
{
	void *p;

	memcpy(&p, &number, sizeof(p));
	return (p);
}

void
fault_set_regs(struct proc *p, const struct user_regs_struct *regs)
{
	if (ptrace(PTRACE_SETREGS, p->pid, NULL, regs) == -1)
		err(1, "PTRACE_SETREGS");
}

/*
 * Makes the call fail: it becomes close(-1), which every filter allows and
 * which does nothing.  A close is made, as the kernel makes it whatever it
 * returns.
 */
void
fault_fail(struct proc *p, int error)
{
	struct user_regs_struct regs = p->was;

	p->result = -error;
	if (p->nr == SYS_close)
		return;
	regs.orig_rax = SYS_close;
	regs.rdi = (unsigned long long)-1;
	fault_set_regs(p, &regs);
	p->restore = true;
}

/* Makes the call move one byte: its third argument, or the second iovec. */
static void
fault_shorten(struct proc *p)
{
	struct user_regs_struct regs = p->was;
	struct msghdr		msg;
	struct iovec		iov[2], local, remote;
	size_t			least = 1;

	if (p->nr != SYS_sendmsg) {
		regs.rdx = 1;
		fault_set_regs(p, &regs);
		p->restore = true;
		return;
	}
	local = (struct iovec){ &msg, sizeof(msg) };
	remote = (struct iovec){ fault_pointer(p->was.rsi), sizeof(msg) };
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

bool
fault_is_one_of(int nr, const int *nrs, size_t n)
{
	while (n > 0 && nrs[n - 1] != nr)
		n--;
	return (n > 0);
}

/*
 * Not every fault makes sense: some calls fail only for wrong arguments, and
 * some move no bytes.
 */
bool
fault_makes_sense(unsigned int what, int nr)
{
	static const int sure[] = { SYS_exit_group, SYS_getpid, SYS_getuid,
		SYS_geteuid, SYS_getgid, SYS_getegid, SYS_umask,
		SYS_set_tid_address, SYS_rseq, SYS_set_robust_list,
		SYS_rt_sigreturn, SYS_rt_sigaction, SYS_rt_sigprocmask,
		SYS_sigaltstack, SYS_futex };
	static const int moving[] = { SYS_read, SYS_write, SYS_pread64,
		SYS_recvfrom, SYS_sendto, SYS_sendmsg };

	if (fault_is_one_of(nr, sure, NELEM(sure)))
		return (nr != SYS_exit_group && what > SHORT);
	return (what != SHORT || fault_is_one_of(nr, moving, NELEM(moving)));
}

/* Makes the fault of this run, if it belongs at the start of the call. */
void
fault_make(struct proc *p)
{
	if (r.at.what < SHORT)
		fault_fail(p, fault_errors[r.at.what]);
	else if (r.at.what == SHORT)
		fault_shorten(p);
}

#endif
