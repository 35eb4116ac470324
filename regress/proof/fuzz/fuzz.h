/* SPDX-License-Identifier: ISC */
/*
 * What the fuzz targets share: the input, read as a script; a way out of
 * functions that do not return; and the report of a broken rule.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdnoreturn.h>

/*
 * Replaces a system function at link time (ld(1), --wrap); fuzz.mk looks for
 * lines that begin so.  The sanitizers call some of them before they have
 * started.
 */
#define WRAP(type, name, ...)                                \
	type __real_##name(__VA_ARGS__);                     \
	type __wrap_##name(__VA_ARGS__);                     \
	__attribute__((no_sanitize("address", "undefined"))) \
	type __wrap_##name(__VA_ARGS__)

/* Replaces one without arguments while code under test runs. */
#define WRAP_VALUE(type, name, value)                           \
	WRAP(type, name, void)                                  \
	{                                                       \
		return (fuzz_runs ? (value) : __real_##name()); \
	}

/* How late the end of a connection may come that was closed. */
#define FUZZ_LATE_MS 1000
#define FUZZ_LATE                             \
	{                                     \
		.tv_sec = FUZZ_LATE_MS / 1000 \
	}

/* For a parameter: what stands in the place of a function need not use it. */
#define UNUSED __attribute__((unused))

/* A function that does nothing here. */
#define NOTHING(name, args) \
	void name args      \
	{                   \
	}
/* One that only returns a value. */
#define STUB(type, name, args, value) \
	type name args                \
	{                             \
		return (value);       \
	}

/* A broken rule is a crash, with its reason on stderr. */
#define BROKEN(...)                                           \
	do {                                                  \
		fuzz_broken(__FILE__, __LINE__, __VA_ARGS__); \
		abort();                                      \
	} while (0)
#define CHECK(rule, ...)                     \
	do {                                 \
		if (!(rule))                 \
			BROKEN(__VA_ARGS__); \
	} while (0)

#define OWNER	 1000 /* the uid of the daemon's user */
#define STRANGER 1001

struct bytes {
	const uint8_t *at;
	size_t	       len;
};

extern int64_t	    fuzz_ms;   /* the time on every clock, in ms */
extern bool	    fuzz_runs; /* code under test runs: wrapped functions act */
extern jmp_buf	    fuzz_end;  /* where fuzz_leave() returns to */
extern unsigned int fuzz_how;  /* the environment of command lines */
extern const char  *fuzz_ended; /* the word that fuzz_leave() was given */

int  LLVMFuzzerInitialize(int *, char ***);
void __asan_on_error(void);
int  LLVMFuzzerTestOneInput(const uint8_t *, size_t);

void			       fuzz_input(const uint8_t *, size_t);
bool			       fuzz_more(void);
unsigned int		       fuzz_byte(void);
uint64_t		       fuzz_number(void);
struct bytes		       fuzz_text(void);
size_t			       fuzz_string(char *, size_t);
__extension__ typedef __int128 wide;

wide	      fuzz_digits(const char **);
wide	      fuzz_seconds(const char *);
noreturn void fuzz_leave(const char *);
void	      fuzz_fds_begin(void);
void	      fuzz_fds_end(bool);
void	      fuzz_pair(int, int[2]);
void	      fuzz_close(int *);
void	      fuzz_drain(int);
void	      fuzz_noise(uint8_t *, size_t);
void	      fuzz_broken(const char *, int, const char *, ...)
    __attribute__((format(printf, 3, 4)));

#endif
