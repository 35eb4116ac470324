/* SPDX-License-Identifier: ISC */
/*
 * peek PID <SECRET: looks for a secret, or any PIECE bytes in a row of it, in
 * all the memory of a process that can be read through /proc/PID/mem.  Prints
 * where it is, a line each, then "N bytes read" and "N bytes not readable".
 * Exit 0 whatever is found; 1 if the process cannot be looked into.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE  8 /* bytes that nothing else has by chance */
#define SECRET 4096
#define CHUNK  (1 << 20)

static unsigned char secret[SECRET];
static size_t	     secret_len;
static unsigned char chunk[SECRET + CHUNK];

static void
read_secret(void)
{
	ssize_t n;

	while ((n = read(STDIN_FILENO, secret + secret_len,
		    sizeof(secret) - secret_len)) > 0)
		secret_len += (size_t)n;
	if (n == -1 || secret_len < PIECE || secret_len == sizeof(secret))
		errx(1, "no secret on standard input, or too long a one");
}

/* Looks through len bytes that are those at address. */
static void
look(const unsigned char *bytes, size_t len, unsigned long address,
    const char *name)
{
	const unsigned char *at = bytes, *end = bytes + len;
	size_t		     i, piece;

	for (i = 0; i + PIECE <= secret_len; i++) {
		for (at = bytes; (at = memmem(at, (size_t)(end - at),
				      secret + i, PIECE)) != NULL;
		     at += piece) {
			for (piece = PIECE; i + piece < secret_len &&
			     at + piece < end &&
			     at[piece] == secret[i + piece];)
				piece++;
			/* The rest of a printed piece is not news. */
			if (i == 0 || at == bytes || at[-1] != secret[i - 1])
				printf("%zu bytes of it at %#lx: %s\n", piece,
				    address + (unsigned long)(at - bytes),
				    name);
		}
	}
}

/* One mapping, in chunks that overlap; returns how much of it was readable. */
static unsigned long
look_through(int mem, unsigned long start, unsigned long end, const char *name)
{
	unsigned long at, done = 0;
	size_t	      len, kept = 0;
	ssize_t	      n;

	for (at = start; at < end; at += len) {
		len = end - at < CHUNK ? end - at : CHUNK;
		n = pread(mem, chunk + kept, len, (off_t)at);
		if (n <= 0) { /* page by page, then */
			len = (size_t)sysconf(_SC_PAGESIZE);
			n = pread(mem, chunk + kept, len, (off_t)at);
		}
		if (n <= 0) {
			kept = 0;
			continue;
		}
		done += (unsigned long)n;
		len = (size_t)n;
		look(chunk, kept + len, at - kept, name);
		kept += len;
		if (kept > secret_len - 1) {
			memmove(chunk, chunk + kept - (secret_len - 1),
			    secret_len - 1);
			kept = secret_len - 1;
		}
	}
	return (done);
}

static int
open_proc(const char *pid, const char *file)
{
	char path[64];
	int  fd;

	(void)snprintf(path, sizeof(path), "/proc/%s/%s", pid, file);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		err(1, "%s", path);
	return (fd);
}

int
main(int argc, char *argv[])
{
	unsigned long start, end, done, seen = 0, all = 0;
	char	     *line = NULL, *p;
	size_t	      size = 0;
	FILE	     *maps;
	int	      mem;

	if (argc != 2)
		errx(1, "usage: peek PID <SECRET");
	read_secret();
	mem = open_proc(argv[1], "mem");
	if ((maps = fdopen(open_proc(argv[1], "maps"), "r")) == NULL)
		err(1, "fdopen");
	while (getline(&line, &size, maps) != -1) {
		line[strcspn(line, "\n")] = '\0';
		start = strtoul(line, &p, 16);
		end = strtoul(*p != '\0' ? p + 1 : p, NULL, 16);
		if (strstr(line, "[vsyscall]") != NULL)
			continue; /* the kernel's, the same for everybody */
		done = look_through(mem, start, end, line);
		seen += done;
		all += end - start;
	}
	if (all == 0)
		errx(1, "%s: it has no memory", argv[1]);
	printf("%lu bytes read\n%lu bytes not readable\n", seen, all - seen);
	free(line);
	(void)fclose(maps);
	close(mem);
	return (0);
}
