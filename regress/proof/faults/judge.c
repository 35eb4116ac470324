/* SPDX-License-Identifier: ISC */
/*
 * Judges a run: what protects the daemon while it lives, what its processes
 * have in their memory when they end, how they end, and what they leave.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"

#ifdef __x86_64__

/* Notes the first broken rule of this run. */
void
judge_bad(const char *fmt, ...)
{
	va_list ap;

	if (r.bad[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(r.bad, sizeof(r.bad), fmt, ap);
	va_end(ap);
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
void
judge_memory(const struct proc *p, const char *role)
{
	static char   bytes[ARENA_LEN * 16];
	unsigned long start, end;
	char	      line[256], *perms;
	FILE	     *maps, *mem;
	size_t	      n;

	if ((maps = proc_open(p->pid, "maps")) == NULL ||
	    (mem = proc_open(p->pid, "mem")) == NULL) {
		judge_bad("%s: its memory cannot be looked into", role);
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
				judge_bad(
				    "%s ends with a secret in its memory: %s",
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
void
judge_guards(void)
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
				judge_bad("alive, but %s", line);
			known += strlen(line) + 1;
		}
}

/*
 * The vault has ended by itself, and its last words must say so, unless the
 * fault kept it from making the file, or from writing to it.
 */
static void
judge_last(int at)
{
	static const int makes[] = { SYS_openat, SYS_fchmod, SYS_pread64,
		SYS_pwritev2, SYS_newfstatat, SYS_fstat, SYS_flock };
	char		 words[512], pid[32];
	ssize_t		 n;
	int		 fd = openat(at, "sock.last", O_RDONLY);

	n = fd != -1 ? read(fd, words, sizeof(words) - 1) : 0;
	words[n > 0 ? n : 0] = '\0';
	if (fd != -1)
		close(fd);
	if (!r.ready || r.killed[VAULT] ||
	    fault_is_one_of(r.hit_nr, makes, NELEM(makes)))
		return;
	(void)snprintf(pid, sizeof(pid), " pid=%ld ", (long)procs[VAULT].pid);
	if (n != 256 || strncmp(words, "LAST time=", 10) != 0 ||
	    strstr(words, pid) == NULL || strstr(words, " how=running") != NULL)
		judge_bad("last words: %.100s", words);
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
	judge_last(dirfd(dp));
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

/* Returns whether pid lives on; kills it. */
static bool
judge_sleeper(pid_t pid)
{
	const int64_t deadline = faults_now() + 5000;

	if (pid == 0)
		return (false);
	while (faults_now() < deadline) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return (false);
		(void)poll(NULL, 0, 5);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	return (true);
}

/* Returns whether the registered process, or its group, lives on; kills it. */
bool
judge_sleepers(void)
{
	bool alive = false;
	int  i;

	for (i = 0; i < SLEEPERS; i++) {
		alive = judge_sleeper(note->sleepers[i]) || alive;
		note->sleepers[i] = 0;
	}
	return (alive);
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

void
judge_vault(void)
{
	static const int   says[] = { SYS_write, SYS_pwritev2, SYS_writev,
		  SYS_sendto };
	static const int   kills[] = { SYS_pidfd_send_signal, SYS_setresuid };
	const struct proc *v = &procs[VAULT];
	const bool	   panicked = strstr(r.text, "PANIC") != NULL;
	const bool silent = !fault_is_one_of(r.hit_nr, says, NELEM(says));
	const int  code = WEXITSTATUS(v->status);

	if (r.killed[VAULT])
		return;
	if (!v->looked)
		judge_bad("the vault's end was not seen");
	if (loading(VAULT) && r.first == VAULT)
		return;
	if (r.at.role == FRONT && !r.ready && WIFSIGNALED(v->status) &&
	    WTERMSIG(v->status) == SIGTERM)
		return; /* meant for the front, before there is a secret */
	if (WIFSIGNALED(v->status) &&
	    (WTERMSIG(v->status) != SIGKILL || !r.s->armed ||
		(r.stopping && !panicked)))
		judge_bad("the vault ends by signal %d", WTERMSIG(v->status));
	else if (WIFSIGNALED(v->status) && !panicked && silent)
		judge_bad("an end without a word");
	if (!WIFEXITED(v->status)) {
		if (judge_sleepers() && note->registered &&
		    !fault_is_one_of(r.hit_nr, kills, NELEM(kills)))
			judge_bad("what is registered lives on");
	} else if (r.ready && code != 0 &&
	    (code != 137 || r.hit_nr != SYS_kill)) {
		judge_bad("the vault ends with %d", code);
	} else if (!r.ready && code == 0 && !panicked && !r.stopping) {
		judge_bad("a start that fails ends with 0");
	} else if (r.text[0] == '\0' && silent) {
		judge_bad("an end without a word");
	} else if (r.ready && strstr(r.text, "secrets wiped") == NULL &&
	    silent) {
		judge_bad("an end that does not say that it wiped");
	}
}

void
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
		judge_bad("network ends by signal %d", WTERMSIG(network));
	if (r.first == FRONT && !r.killed[FRONT] &&
	    (!WIFEXITED(front) ||
		(WEXITSTATUS(front) != (r.ready ? 0 : 1) &&
		    !r.killed[VAULT])) &&
	    !loading(FRONT))
		judge_bad("the start ends with %#x", front);
	if (r.client != 0 && r.lost_at == 0 && WIFSIGNALED(c))
		judge_bad("a client hangs");
	else if (r.client != 0 && WIFEXITED(c) && WEXITSTATUS(c) == WRONG)
		judge_bad("%s", note->why);
	if (left_files(names, sizeof(names)) && !r.killed[r.first] &&
	    !r.killed[VAULT] && !fault_is_one_of(r.hit_nr, makes, NELEM(makes)))
		judge_bad("files are left:%s", names);
}

#endif
