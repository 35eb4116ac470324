/* SPDX-License-Identifier: ISC */
/*
 * When the arena has been wiped.  Nobody can read memfd_secret(2) memory to see
 * that, so a uprobe records when explicit_bzero(3) of the C library, which
 * overwrites it, returns.  The binary and its memory are those that are
 * shipped; the probe costs some microseconds.  Works as root only.
 */
#include <sys/mman.h>
#include <sys/syscall.h>

#include <dlfcn.h>
#include <err.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <link.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define PROBE_SYSFS	"/sys/bus/event_source/devices/uprobe/"
#define PROBE_PAGES	4 /* of records, a power of two */
#define PROBE_FUNCTIONS 2

static const char *const probe_names[PROBE_FUNCTIONS] = { "explicit_bzero",
	"__explicit_bzero_chk" };

struct probe_event {
	struct perf_event_header header;
	uint64_t		 time;
};

static void *probe_ring[PROBE_FUNCTIONS];
static int   probe_fd[PROBE_FUNCTIONS] = { -1, -1 };

/* Where name is in the file of the C library, which all programs share. */
static uint64_t
probe_offset(const char *name, const char **file)
{
	struct link_map *map;
	Dl_info		 info;
	void		*at = dlsym(RTLD_DEFAULT, name);

	if (at == NULL ||
	    dladdr1(at, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
		errx(1, "%s: not found", name);
	*file = map->l_name;
	return ((uint64_t)((uintptr_t)at - map->l_addr));
}

static int
probe_open_one(int i, pid_t pid)
{
	const long	       type = number_in(PROBE_SYSFS "type");
	const long	       bit = number_in(PROBE_SYSFS "format/retprobe");
	const size_t	       page = (size_t)sysconf(_SC_PAGESIZE);
	const char	      *file;
	struct perf_event_attr attr;

	if (type == 0)
		return (-1);
	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = (uint32_t)type;
	attr.config = 1ULL << bit;
	attr.probe_offset = probe_offset(probe_names[i], &file);
	attr.uprobe_path = (uint64_t)(uintptr_t)file;
	attr.sample_period = 1;
	attr.sample_type = PERF_SAMPLE_TIME;
	attr.use_clockid = 1;
	attr.clockid = CLOCK_MONOTONIC;
	probe_fd[i] = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1,
	    PERF_FLAG_FD_CLOEXEC);
	if (probe_fd[i] == -1)
		return (-1);
	probe_ring[i] = mmap(NULL, (PROBE_PAGES + 1) * page,
	    PROT_READ | PROT_WRITE, MAP_SHARED, probe_fd[i], 0);
	return (probe_ring[i] == MAP_FAILED ? -1 : 0);
}

/* Starts watching pid; -1 with errno if that is not possible. */
int
probe_open(pid_t pid)
{
	int i;

	for (i = 0; i < PROBE_FUNCTIONS; i++) {
		if (probe_open_one(i, pid) == -1)
			return (-1);
	}
	return (0);
}

/* The time of the last record in ring i; all records have one size. */
static int64_t
probe_time(int i)
{
	const size_t			   page = (size_t)sysconf(_SC_PAGESIZE);
	const struct perf_event_mmap_page *head = probe_ring[i];
	const unsigned char	 *data = (unsigned char *)probe_ring[i] + page;
	const struct probe_event *e;
	uint64_t		  at;
	int64_t			  time = 0;

	for (at = 0; at + sizeof(*e) <= head->data_head; at += e->header.size) {
		e = (const void *)(data + at);
		if (e->header.type == PERF_RECORD_SAMPLE)
			time = (int64_t)e->time;
	}
	return (time);
}

/*
 * Stops watching a process that has ended; the time of its last return, or 0.
 */
int64_t
probe_last(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int64_t	     time, last = 0;
	int	     i;

	for (i = 0; i < PROBE_FUNCTIONS; i++) {
		if ((time = probe_time(i)) > last)
			last = time;
		(void)munmap(probe_ring[i], (PROBE_PAGES + 1) * page);
		close(probe_fd[i]);
	}
	return (last);
}
