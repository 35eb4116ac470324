/* SPDX-License-Identifier: ISC */
/*
 * The secrets of the audit, in the guest, and the search for them in its
 * memory, on the host.  A pattern is BYTES characters that follow from KEY and
 * that nothing else has.  Both sides compute it, and no program here keeps it.
 *
 * usage: pattern make KEY BYTES
 * 	writes it to standard output
 * pattern check KEY BYTES
 * 	reads it from standard input, and nothing else
 * pattern type KEY BYTES PROMPT PROGRAM [ARG...]
 * 	types it, key by key, when PROGRAM, on a terminal of its own,
 * 	shows PROMPT; exits with PROGRAM's status
 * pattern fill KEY MIB
 * 	fills so much memory with it, prints "filled", and stays
 * pattern find KEY BYTES FILE...
 * 	prints "WHOLE PIECES [PAGE...]" for each FILE: how often it has
 * 	the whole pattern, how many of its pieces of 16 bytes, and the
 * 	numbers of the pages, as many as fit a line
 * pattern where PAGE...
 * 	prints what these pages of memory are now
 */
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <fcntl.h>
#include <pty.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE	    16
#define PATTERN_MAX ((size_t)262144)
#define PAGE	    ((size_t)4096)
#define PAGES_MAX   64	  /* numbers that are printed */
#define BUCKETS	    16384 /* of the search */

static uint64_t	     key;
static size_t	     len;
static unsigned char buf[PATTERN_MAX] __attribute__((aligned(4096)));

static size_t
number(const char *arg, size_t most)
{
	char	     *end;
	unsigned long n = strtoul(arg, &end, 10);

	if (*arg == '\0' || *end != '\0' || n == 0 || n > most)
		errx(2, "%s: not a number from 1 to %zu", arg, most);
	return (n);
}

/* FNV-1a. */
static void
set_key(const char *text)
{
	key = 0xcbf29ce484222325;
	for (; *text != '\0'; text++)
		key = (key ^ (unsigned char)*text) * 0x100000001b3;
}

/* Character i of the pattern; splitmix64 gives eight at a time. */
static unsigned char
character(size_t i)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-";
	uint64_t	  z = key + (i / 8 + 1) * 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return ((unsigned char)set[z >> 8 * (i % 8) & 63]);
}

static void
compute(unsigned char *to, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		to[i] = character(i);
}

/*
 * In the guest.
 */

static int
make(char *argv[])
{
	ssize_t n;

	(void)argv;
	compute(buf, len);
	n = write(STDOUT_FILENO, buf, len);
	explicit_bzero(buf, len);
	if (n != (ssize_t)len)
		err(1, "write");
	return (0);
}

static int
check(char *argv[])
{
	size_t	done = 0, i;
	ssize_t n;

	(void)argv;
	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0) {
		for (i = 0; i < (size_t)n && done < len; i++, done++) {
			if (buf[i] != character(done))
				errx(1, "wrong at %zu", done);
		}
		explicit_bzero(buf, sizeof(buf));
		if (i < (size_t)n)
			errx(1, "more than %zu bytes", len);
	}
	if (n == -1)
		err(1, "read");
	if (done < len)
		errx(1, "only %zu bytes of %zu", done, len);
	return (0);
}

/* Reads what the terminal shows, up to the end of text or of the program. */
static void
show_until(int fd, const char *text)
{
	size_t n = 0;

	while ((text == NULL || memmem(buf, n, text, strlen(text)) == NULL) &&
	    n < sizeof(buf) && read(fd, buf + n, 1) == 1)
		n++;
	(void)!write(STDERR_FILENO, buf, n);
}

static int
type(char *argv[])
{
	pid_t	      pid;
	size_t	      i;
	int	      fd, status;
	unsigned char c;

	if (argv[0] == NULL || argv[1] == NULL)
		errx(2, "type what for whom?");
	if ((pid = forkpty(&fd, NULL, NULL, NULL)) == -1)
		err(1, "forkpty");
	if (pid == 0) {
		execvp(argv[1], argv + 1);
		err(127, "%s", argv[1]);
	}
	show_until(fd, argv[0]);
	for (i = 0; i <= len; i++) {
		c = i < len ? character(i) : '\n';
		if (write(fd, &c, 1) != 1)
			err(1, "the terminal");
	}
	show_until(fd, NULL);
	close(fd);
	if (waitpid(pid, &status, 0) == -1)
		err(1, "waitpid");
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static int
fill(char *argv[])
{
	const size_t   size = len << 20;
	unsigned char *at, *mem;

	(void)argv;
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		err(1, "%zu MiB", len);
	compute(mem, PAGE);
	for (at = mem + PAGE; at < mem + size; at += PAGE)
		memcpy(at, mem, PAGE);
	(void)puts("filled");
	(void)fflush(stdout);
	for (;;)
		(void)pause();
}

static int
where(char *argv[])
{
	static const struct {
		int	    bit;
		const char *name;
	} kinds[] = { /* linux/kernel-page-flags.h */
		{ 10, "free" }, { 7, "slab" }, { 12, "anonymous" },
		{ 26, "page-table" }, { 11, "mapped" }, { 5, "page-cache" }
	};
	const size_t nkinds = sizeof(kinds) / sizeof(kinds[0]);
	unsigned int counts[sizeof(kinds) / sizeof(kinds[0]) + 1] = { 0 };
	uint64_t     flags;
	size_t	     i;
	int	     fd;

	if ((fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC)) == -1)
		err(1, "/proc/kpageflags");
	for (; *argv != NULL; argv++) {
		if (pread(fd, &flags, sizeof(flags),
			(off_t)(sizeof(flags) * strtoul(*argv, NULL, 10))) !=
		    (ssize_t)sizeof(flags))
			err(1, "page %s", *argv);
		for (i = 0; i < nkinds && (flags >> kinds[i].bit & 1) == 0; i++)
			continue;
		counts[i]++;
	}
	for (i = 0; i <= nkinds; i++) {
		if (counts[i] > 0)
			(void)printf(" %s:%u",
			    i < nkinds ? kinds[i].name : "other", counts[i]);
	}
	(void)putchar('\n');
	return (0);
}

/*
 * On the host.
 */

static uint16_t bucket[BUCKETS]; /* number of the first piece, from 1 */
static uint16_t chain[PATTERN_MAX / PIECE + 1];

static size_t
hash(const unsigned char *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return (v * 0x9e3779b1U >> 18);
}

/* The number of the piece at at, from 1; 0: none. */
static size_t
piece_at(const unsigned char *at)
{
	size_t n = bucket[hash(at)];

	while (n != 0 && memcmp(at, buf + (n - 1) * PIECE, PIECE) != 0)
		n = chain[n];
	return (n);
}

static void
search(const unsigned char *mem, size_t size)
{
	size_t at, whole = 0, pieces = 0, npages = 0, pages[PAGES_MAX];

	for (at = 0; at + PIECE <= size; at++) {
		if (piece_at(mem + at) == 0)
			continue;
		pieces++;
		if (size - at >= len && memcmp(mem + at, buf, len) == 0)
			whole++;
		if (npages < PAGES_MAX &&
		    (npages == 0 || pages[npages - 1] != at / PAGE))
			pages[npages++] = at / PAGE;
	}
	(void)printf("%zu %zu", whole, pieces);
	for (at = 0; at < npages; at++)
		(void)printf(" %zu", pages[at]);
	(void)putchar('\n');
}

static int
find(char *argv[])
{
	struct stat st;
	void	   *mem;
	size_t	    n;
	int	    fd;

	compute(buf, len);
	for (n = 1; n * PIECE <= len; n++) {
		chain[n] = bucket[hash(buf + (n - 1) * PIECE)];
		bucket[hash(buf + (n - 1) * PIECE)] = (uint16_t)n;
	}
	for (; *argv != NULL; argv++) {
		if ((fd = open(*argv, O_RDONLY | O_CLOEXEC)) == -1 ||
		    fstat(fd, &st) == -1 || st.st_size < PIECE)
			err(1, "%s", *argv);
		mem = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd,
		    0);
		if (mem == MAP_FAILED)
			err(1, "%s", *argv);
		search(mem, (size_t)st.st_size);
		(void)munmap(mem, (size_t)st.st_size);
		close(fd);
	}
	return (0);
}

int
main(int argc, char *argv[])
{
	static const struct {
		const char *name;
		int (*act)(char *[]);
	} commands[] = { { "make", make }, { "check", check }, { "type", type },
		{ "fill", fill }, { "find", find } };
	size_t i;

	if (argc > 2 && strcmp(argv[1], "where") == 0)
		return (where(argv + 2));
	if (argc < 4)
		errx(2, "usage: pattern COMMAND KEY BYTES [ARG...]");
	/* Our own copy must not reach the swap. */
	if (mlock(buf, sizeof(buf)) == -1 && strcmp(argv[1], "find") != 0)
		err(1, "mlock");
	set_key(argv[2]);
	len = number(argv[3], PATTERN_MAX);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name) == 0)
			return (commands[i].act(argv + 4));
	}
	errx(2, "%s: no such command", argv[1]);
}
