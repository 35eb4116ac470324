/* SPDX-License-Identifier: ISC */
/* Descriptors on which a process can block: the vault must not. */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <linux/userfaultfd.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "imsg.h"
#include "net.h"
#include "order.h"

/* Sends descriptors of which the vault has the last copy when it runs. */
static void
only_the_vaults(uint32_t type, int *fds, unsigned int n)
{
	const struct imsg_secret secret = { .name = NAME };
	unsigned char		 bytes[256] = { 0 };
	const uint32_t		 size = type == IMSG_HELLO ? 16 :
		      type == IMSG_GET ? (uint32_t)(12 + sizeof(secret)) :
					 12;
	const uint32_t		 head[4] = { type, size, PEER, 1 };

	memcpy(bytes, head, sizeof(head));
	if (type == IMSG_GET)
		memcpy(bytes + 12, &secret, sizeof(secret));
	(void)kill(s.vault, SIGSTOP);
	net_attack(bytes, size, fds, n);
	while (n > 0)
		close(fds[--n]);
	(void)net_order(ORDER_DEAF, 0); /* it has closed its copies by then */
	siege_now();
	(void)kill(s.vault, SIGCONT);
}

static void
lingering(uint32_t type, unsigned int n)
{
	int	     fds[ORDER_FDS], others[ORDER_FDS];
	unsigned int i;

	descriptor_attempt(n == 1 ? "one that lingers" : "many that linger",
	    type);
	for (i = 0; i < n; i++) {
		if ((fds[i] = descriptor_tcp_lingering(&others[i])) == -1)
			siege_fail("cannot be had: %s", strerror(errno));
	}
	only_the_vaults(type, fds, n);
	descriptor_hostile(type);
	while (i > 0)
		close(others[--i]);
}

/*
 * Starts a process that locks a TCP socket: it sends from a page that is
 * missing and that nobody provides.  Only root may do so.
 */
static pid_t
lock_by_page_fault(int fd)
{
	struct uffdio_api      api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	const pid_t	       pid = fork();
	void		      *page;
	int		       uffd;

	if (pid != 0)
		return (pid);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)page;
	reg.range.len = 4096;
	if (page == MAP_FAILED || uffd == -1 ||
	    ioctl(uffd, UFFDIO_API, &api) == -1 ||
	    ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
		_exit(1);
	(void)send(fd, page, 4096, 0);
	_exit(0);
}

/* Waits until the process sleeps in send(2), for the page. */
static void
wait_until_it_sleeps(pid_t pid)
{
	int i;

	for (i = 0; i < 5000; i++) {
		if (strstr(siege_proc(pid, "wchan"), "userfault") != NULL)
			return;
		(void)usleep(1000);
	}
	siege_fail("no process waits for a page");
}

static void
locked(uint32_t type)
{
	pid_t pid;
	int   fd;

	descriptor_attempt("a socket that somebody has locked", type);
	if ((fd = descriptor_tcp_itself()) == -1 ||
	    (pid = lock_by_page_fault(fd)) == -1)
		siege_fail("cannot be had: %s", strerror(errno));
	wait_until_it_sleeps(pid);
	descriptor_send(type, fd);
	descriptor_hostile(type);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	close(fd);
}

void
attack_slow(void)
{
	static const uint32_t slow[] = { IMSG_STATUS, IMSG_GET, IMSG_HELLO };
	size_t		      i;

	for (i = 0; i < sizeof(slow) / sizeof(slow[0]); i++) {
		lingering(slow[i], 1);
		lingering(slow[i], 2);
	}
	lingering(IMSG_GET, 40);
	if (geteuid() != 0)
		return;
	locked(IMSG_GET);
	locked(IMSG_HELLO);
}
