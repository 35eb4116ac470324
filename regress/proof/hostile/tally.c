/* SPDX-License-Identifier: ISC */
/*
 * The attempts of a case, which several processes share, and how long the vault
 * took in each.
 */
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packet.h"
#include "siege.h"
#include "tally.h"

#define ATTEMPTS 8192
#define MOST_US	 INT64_C(100000)

static unsigned int share, shares = 1, turn;

/* The results of each process, in memory that all of them share. */
static struct seen {
	unsigned int attempts;
	int64_t	     worst;
	char	     worst_of[TALLY_TEXT];
	size_t	     ntimes;
	int64_t	     times[ATTEMPTS]; /* us; of those within 100 ms */
} * seen, *mine;

/* Returns whether this process does the next attempt. */
bool
tally_mine(void)
{
	const bool is = turn++ % shares == share;

	mine->attempts += is;
	return (is);
}

/* The number of this process, from 0. */
unsigned int
tally_share_of(void)
{
	return (share);
}

/*
 * An attempt took so many microseconds; counted: its time is one of those that
 * the median is of.
 */
void
tally_took(const char *what, int64_t us, bool counted)
{
	if (us > mine->worst) {
		mine->worst = us;
		(void)snprintf(mine->worst_of, sizeof(mine->worst_of), "%s",
		    what);
	}
	if (counted && mine->ntimes < ATTEMPTS)
		mine->times[mine->ntimes++] = us;
}

/* Forks into n processes; tally_report() in the last waits for the others. */
void
tally_share(unsigned int n)
{
	(void)fflush(stdout);
	shares = n;
	seen = mmap(NULL, n * sizeof(*seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		err(1, "mmap");
	for (share = 0; share < n - 1; share++) {
		const pid_t pid = fork();

		if (pid == -1)
			err(1, "fork");
		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
			break;
		}
	}
	mine = seen + share;
	/* The parent of network, when the vault has ended. */
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static int
by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return ((*x > *y) - (*x < *y));
}

/* Adds what the other processes have seen to what this one has. */
static void
gather(void)
{
	const struct seen *other;
	size_t		   i;

	for (other = seen; other < seen + shares - 1; other++) {
		mine->attempts += other->attempts;
		for (i = 0; i < other->ntimes && mine->ntimes < ATTEMPTS; i++)
			mine->times[mine->ntimes++] = other->times[i];
		if (other->worst > mine->worst) {
			mine->worst = other->worst;
			memcpy(mine->worst_of, other->worst_of, TALLY_TEXT);
		}
	}
}

/* Ends this process; the last one with a summary of all attempts. */
void
tally_report(const char *what)
{
	size_t late;
	int    status, bad = 0;

	if (share < shares - 1)
		exit(0);
	while (wait(&status) != -1)
		bad |= status != 0;
	gather();
	qsort(mine->times, mine->ntimes, sizeof(mine->times[0]), by_time);
	late = mine->ntimes;
	while (late > 0 && mine->times[late - 1] > MOST_US)
		late--;
	printf("%s: %u attempts, median %lld us, %zu of %zu after more than "
	       "100 ms, at most %lld us (%s)\n",
	    what, mine->attempts, (long long)mine->times[mine->ntimes / 2],
	    mine->ntimes - late, mine->ntimes, (long long)mine->worst,
	    mine->worst_of);
	(void)fflush(stdout);
	if (mine->times[mine->ntimes / 2] > INT64_C(100000))
		siege_fail("the median is above 100 ms");
	exit(bad);
}

/*
 * Time.
 */

/* The text of a file of pid's in /proc; "" if there is none. */
const char *
tally_proc(pid_t pid, const char *name)
{
	static char text[512];
	char	    path[64];
	ssize_t	    n = -1;
	int	    fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) != -1) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	return (text);
}

static int64_t
delay(pid_t pid)
{
	const char *at = strchr(tally_proc(pid, "schedstat"), ' ');

	return (at != NULL ? (int64_t)(strtoul(at, NULL, 10) / 1000) : 0);
}

/*
 * Returns how long the vault, network and this process have waited for a
 * processor, in microseconds.  Network's last number stays when it has ended.
 */
int64_t
tally_delays(void)
{
	const int64_t network = delay(s.network);

	if (network > s.network_delayed)
		s.network_delayed = network;
	return (delay(s.vault) + s.network_delayed + delay(getpid()));
}

void
tally_since(int64_t began, int64_t delayed)
{
	s.began = began;
	s.delayed = delayed;
}

/* The attack begins now. */
void
tally_now(void)
{
	tally_since(packet_now(), tally_delays());
}
