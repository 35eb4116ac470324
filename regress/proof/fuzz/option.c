/* SPDX-License-Identifier: ISC */
/*
 * The fuzz target "option": command lines of dazaid, dazai-hb and dazaictl end
 * or start as they should, and each option has the value that was given.
 */
#include <sys/prctl.h>
#include <sys/stat.h>

#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>

#include "fuzz.h"

#include "../../../dazai-hb/front.h"
#include "../../../dazai-hb/heartbeat.h"
#include "../../../dazaid/load.c" /* NOLINT(bugprone-suspicious-include) */
#include "options.h"
#include "stdfd.h"

#define WORDS 80
#define WORD  160 /* bytes, more than any path may have */
#define USER  1000

typedef struct passwd *passwd_entry;

int dazai_hb_main(int, char **);
int dazaictl_main(int, char **);

static char	   words[WORDS][WORD];
static char	  *args[WORDS + 1];
static int	   nargs;
static const char *called; /* the name of the program */

/* What the arguments must come to. */
static struct {
	int	     status; /* exit status; -1: it starts */
	bool	     armed, foreground, lock, quiet, background;
	const char  *memory;
	int	     verbose;
	wide	     grace, timeout, size, interval, watch;
	unsigned int npids;
	const char  *sock, *user, *file;
	const char  *load[LOAD_MAX + 1];
	unsigned int loads;
} should;

/* What the programs call. */

static noreturn void
ended(int status)
{
	CHECK(status == should.status || should.status == -2,
	    "exit %d, and not %d", status, should.status);
	fuzz_leave("exit");
}

WRAP(noreturn void, exit, int status)
{
	if (!fuzz_runs)
		__real_exit(status);
	ended(status);
}

WRAP(noreturn void, errx, int status, const char *fmt, ...)
{
	(void)fmt;
	ended(status);
}

WRAP(noreturn void, err, int status, const char *fmt, ...)
{
	(void)fmt;
	ended(status);
}

WRAP(void, warnx, const char *fmt, ...)
{
	(void)fmt;
}

WRAP(int, fputs, const char *text, FILE *to)
{
	return (fuzz_runs ? 0 : __real_fputs(text, to));
}

WRAP(int, puts, const char *text)
{
	return (fuzz_runs ? 0 : __real_puts(text));
}

WRAP(int, printf, const char *fmt, ...)
{
	(void)fmt;
	return (0);
}

WRAP(uid_t, geteuid, void)
{
	return (fuzz_runs ? (fuzz_how & 1 ? 0 : USER) : __real_geteuid());
}

WRAP(passwd_entry, getpwnam, const char *user)
{
	static struct passwd pw = { .pw_uid = USER, .pw_gid = USER };

	return (strcmp(user, "u") == 0 ? &pw : NULL);
}

WRAP(char *, getenv, const char *var)
{
	static char rundir[] = "/run/x", secret[] = "sec ret";

	if (!fuzz_runs)
		return (__real_getenv(var));
	if (strcmp(var, "XDG_RUNTIME_DIR") == 0)
		return (fuzz_how & 2 ? rundir : NULL);
	if (strcmp(var, "DAZAI_SECRET") == 0)
		return (fuzz_how & 4 ? secret + (fuzz_how & 8 ? 4 : 0) : NULL);
	if (strcmp(var, "SSH_ASKPASS_PROMPT") == 0)
		return (fuzz_how & 16 ? rundir : NULL);
	return (NULL);
}

WRAP(const char *, getprogname, void)
{
	return (called);
}

WRAP(int, isatty, int fd)
{
	return (fuzz_runs ? (int)(fuzz_how & 1) : __real_isatty(fd));
}

WRAP(int, prctl, int option, ...)
{
	CHECK(!fuzz_runs || option == PR_SET_DUMPABLE, "prctl %d", option);
	return (0);
}

WRAP(int, stat, const char *path, struct stat *st)
{
	if (!fuzz_runs)
		return (__real_stat(path, st));
	st->st_mode = S_IFDIR;
	st->st_uid = fuzz_how & 8 ? USER : 0;
	return (fuzz_how & 4 ? 0 : -1);
}

WRAP(void, closefrom, int fd)
{
	CHECK(!fuzz_runs || fd == 3, "closefrom %d", fd);
}

void
stdfd_open(void)
{
}

void
stdfd_flush(void)
{
}

/*
 * dazaid.
 */

static void
check_loads(void)
{
	const char  *name, *file;
	unsigned int i;
	size_t	     len;

	CHECK(nloads == should.loads, "%u secrets, not %u", nloads,
	    should.loads);
	for (i = 0; i < nloads; i++) {
		name = should.load[i];
		len = strcspn(name, "=");
		file = name[len] == '=' ? name + len + 1 : NULL;
		CHECK(strlen(loads[i].name) == len &&
			strncmp(loads[i].name, name, len) == 0,
		    "the name of %s", name);
		CHECK((file == NULL) == (loads[i].file == NULL) &&
			(file == NULL || strcmp(file, loads[i].file) == 0),
		    "the file of %s", name);
	}
}

/* Checks the path of the socket by the rule of sockpath.h. */
static void
check_path(const char *path)
{
	const int  uid = fuzz_how & 1 && should.user == NULL ? 0 : USER;
	const bool own = fuzz_how & 4 && uid == (fuzz_how & 8 ? USER : 0);
	char	   rule[256], dir[64];

	if (own && fuzz_how & 2 && should.user == NULL)
		(void)snprintf(dir, sizeof(dir), "/run/x");
	else
		(void)snprintf(dir, sizeof(dir),
		    own ? "/run/user/%d" : "/tmp/dazai-%d", uid);
	if (should.sock != NULL)
		(void)snprintf(rule, sizeof(rule), "%s", should.sock);
	else
		(void)snprintf(rule, sizeof(rule), "%s/dazai-%d.sock", dir,
		    uid);
	CHECK(strcmp(path, rule) == 0, "%s, and not %s", path, rule);
}

static void
run_dazaid(void)
{
	struct options o;

	options_read(&o, nargs, args);
	CHECK(should.status == -1, "it starts, and should not");
	CHECK(o.armed == should.armed && o.background == !should.foreground &&
		o.require_lock == should.lock && o.grace == should.grace &&
		o.timeout == should.timeout && (wide)o.size == should.size &&
		o.verbose == should.verbose &&
		o.one_kind == (should.memory != NULL) &&
		(!o.one_kind ||
		    strcmp(secmem_name(o.memory), should.memory) == 0) &&
		o.load == should.file &&
		o.owner == (fuzz_how & 1 && should.user == NULL ? 0 : USER),
	    "options get lost");
	check_loads();
	check_path(o.path);
	fuzz_leave("start");
}

/*
 * dazai-hb.
 */

pid_t
front_command(char *argv[])
{
	(void)argv;
	BROKEN("no command was given");
}

void
front_background(void)
{
	CHECK(should.background, "into the background unasked");
}

noreturn void
heartbeat_run(const struct heartbeat_options *o)
{
	CHECK(should.status == -1, "it starts, and should not");
	CHECK(o->tether == NULL && o->npaths == 0 && o->wait == 0,
	    "nothing of the kind");
	CHECK(o->interval == should.interval &&
		(o->npids == 0 ? 0 : o->pids[o->npids - 1]) == should.watch &&
		o->quiet == should.quiet &&
		o->background == should.background &&
		o->verbose == (should.verbose > 0),
	    "options get lost");
	check_path(o->places.path[0]);
	fuzz_leave("start");
}

/* Command lines and what they must come to. */

/* A word of the input, valid until the end. */
static char *
word(void)
{
	struct bytes b = fuzz_text();
	char	    *w = words[nargs];

	if (b.len >= WORD)
		b.len = WORD - 1;
	memcpy(w, b.at, b.len);
	w[b.len] = '\0';
	return (w);
}

static void
add(char *w)
{
	args[nargs++] = w;
}

static void
fail(int status)
{
	if (should.status == -1)
		should.status = status;
}

/*
 * Adds an option with its value in one of its four forms; returns the value.
 * An odd form abbreviates a long name by a letter.
 */
static const char *
valued(char letter, const char *name, unsigned int form)
{
	char  *w = words[nargs], value[WORD];
	size_t len;

	(void)snprintf(value, sizeof(value), "%s", word());
	value[WORD - 40] = '\0';
	if (form % 4 == 0 && value[0] != '\0') {
		(void)snprintf(w, WORD, "-%c%s", letter, value);
		add(w);
		return (w + 2);
	}
	if (form % 4 == 1) {
		len = strlen(name) - (form & 4 ? 1 : 0);
		(void)snprintf(w, WORD, "--%.*s=%s", (int)len, name, value);
		add(w);
		return (strchr(w, '=') + 1);
	}
	if (form % 4 == 2)
		(void)snprintf(w, WORD, "--%s", name);
	else
		(void)snprintf(w, WORD, "-%c", letter);
	add(w);
	w = words[nargs];
	(void)snprintf(w, WORD, "%s", value);
	add(w);
	return (w);
}

static void
flag(const char *letter, const char *name, unsigned int form)
{
	(void)snprintf(words[nargs], WORD, form & 1 ? "--%s" : "-%s",
	    form & 1 ? name : letter);
	add(words[nargs]);
}

static void
time_of(const char *value, wide *ms)
{
	const wide n = fuzz_seconds(value);

	if (n < 0 || n > 1000000000000LL)
		fail(1);
	else
		*ms = n;
}

static void
number_of(const char *value, wide min, wide max, wide *n)
{
	const char *p = value;
	const wide  number = fuzz_digits(&p);

	if (p == value || *p != '\0' || number < min || number > max)
		fail(1);
	else
		*n = number;
}

static bool
load_ok(const char *value)
{
	const size_t len = strcspn(value, "=");
	const char  *other;
	unsigned int i;

	if (len < 1 || len > 128 || value[0] == '-' ||
	    (len == 1 && value[0] == '*') ||
	    strspn(value,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789!#$%&()*+,-./:;<>?@[]^_`{|}~") < len ||
	    should.loads == LOAD_MAX)
		return (false);
	for (i = 0; i < should.loads; i++) {
		other = should.load[i];
		if (strcspn(other, "=") == len &&
		    strncmp(other, value, len) == 0)
			return (false);
		if (strcmp(value + len, "=-") == 0 &&
		    strcmp(other + strcspn(other, "="), "=-") == 0)
			return (false);
	}
	return (true);
}

static void
load_of(const char *value)
{
	if (!load_ok(value))
		fail(1);
	else if (should.status == -1)
		should.load[should.loads++] = value;
}

/* Rules for whole command lines. */
static void
settle(void)
{
	if (should.user != NULL &&
	    ((fuzz_how & 1) == 0 || strcmp(should.user, "u") != 0))
		fail(1);
	if (should.sock != NULL &&
	    (should.sock[0] == '\0' || strlen(should.sock) >= SOCKPATH_SIZE ||
		should.sock[strlen(should.sock) - 1] == '/'))
		fail(1);
}

static void
dazaid_word(unsigned int op, unsigned int form)
{
	const char *value;

	switch (op) {
	case 'a':
		flag("a", "arm", form);
		should.armed = true;
		break;
	case 'd':
		flag("d", "debug", form);
		should.foreground = true;
		break;
	case 'v':
		flag("v", "verbose", form);
		should.verbose++;
		break;
	case 'k':
		flag("", "require-lock", 1);
		should.lock = true;
		break;
	case 'g':
		time_of(valued('g', "grace", form), &should.grace);
		break;
	case 't':
		time_of(valued('t', "ping-timeout", form), &should.timeout);
		break;
	case 'z':
		number_of(valued('z', "size", form), 4096, 1 << 30,
		    &should.size);
		break;
	case 'l':
		/* Abbreviated it would be load-file, too. */
		load_of(valued('l', "load", form & 3));
		break;
	case 'L':
		should.file = valued('L', "load-file", form & 3);
		break;
	case 'm':
		value = valued('m', "memory", form);
		if (strcmp(value, "secretmem") != 0 &&
		    strcmp(value, "mlock") != 0)
			fail(1);
		should.memory = value;
		break;
	case 'u':
		value = valued('u', "user", form);
		should.user = value;
		break;
	}
}

static void
hb_word(unsigned int op, unsigned int form)
{
	switch (op) {
	case 'b':
		flag("b", "background", form);
		should.background = true;
		break;
	case 'q':
		flag("q", "quiet", form);
		should.quiet = true;
		break;
	case 'v':
		flag("v", "verbose", form);
		should.verbose++;
		break;
	case 'i':
		time_of(valued('i', "interval", form), &should.interval);
		break;
	case 'p':
		number_of(valued('p', "watch-pid", form), 1, INT_MAX,
		    &should.watch);
		if (++should.npids > HEARTBEAT_WATCHED)
			fail(1);
		break;
	}
}

/*
 * Options that dazaid and dazai-hb share, and an operand, with which the
 * options end: only a command after "--" may stand there.
 */
static void
common_word(unsigned int op, unsigned int form)
{
	switch (op) {
	case 's':
		should.sock = valued('s', "socket", form);
		break;
	case 'h':
		flag("h", "help", form);
		fail(0);
		break;
	case 'V':
		flag("V", "version", form);
		fail(0);
		break;
	case 'x': /* there is no such option */
		flag("x", "x", form);
		fail(1);
		break;
	case 'o':
		(void)snprintf(words[nargs], WORD, "operand");
		add(words[nargs]);
		fail(1);
		break;
	}
}

static void
line(void (*own)(unsigned int, unsigned int))
{
	unsigned int op, form;

	while (fuzz_more() && nargs < WORDS - 3) {
		op = fuzz_byte();
		form = fuzz_byte();
		own(op, form);
		common_word(op, form);
	}
	settle();
}

/* Any words for dazaictl, of which some are known ones. */
static void
ctl_line(void)
{
	static const char *const known[] = { "status", "arm", "panic", "put",
		"get", "del", "list", "run", "-l", "-n", "-t", "-s", "-f", "--",
		"hard", "-h", "-V", "name", "5", "-w", "tethers", "release",
		"watch", "wait", "help", "--json" };
	unsigned int		 op;

	should.status = -2;
	while (fuzz_more() && nargs < WORDS - 1 && (op = fuzz_byte()) != '.') {
		if (op >= 'A' && op < 'A' + sizeof(known) / sizeof(known[0]))
			(void)snprintf(words[nargs], WORD, "%s",
			    known[op - 'A']);
		else
			(void)word();
		add(words[nargs]);
	}
}

static void
run(unsigned int program)
{
	switch (program) {
	case 0:
		line(dazaid_word);
		break;
	case 1:
		line(hb_word);
		break;
	default:
		ctl_line();
	}
	args[nargs] = NULL;
	if (setjmp(fuzz_end) != 0)
		return;
	fuzz_runs = true;
	if (program == 0)
		run_dazaid();
	else if (program == 1)
		(void)dazai_hb_main(nargs, args);
	else
		(void)dazaictl_main(nargs, args);
	BROKEN("%s returns", called);
}

/*
 * A program that ends by exit(3) jumps out of here instead, and so leaves what
 * it has allocated.
 */
const char *__asan_default_options(void);
const char *
__asan_default_options(void)
{
	return ("detect_leaks=0");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "dazaid", "dazai-hb", "dazaictl",
		"dazai-askpass" };
	unsigned int		 program;

	fuzz_input(data, size);
	program = fuzz_byte() % 4;
	fuzz_how = fuzz_byte();
	called = names[program];
	memset(&should, 0, sizeof(should));
	should.status = -1;
	should.grace = 5000;
	should.interval = -1;
	should.size = 65536;
	nloads = 0;
	optind = 0;
	opterr = 0;
	nargs = 0;
	(void)snprintf(words[0], WORD, "%s", called);
	add(words[0]);
	run(program);
	return (0);
}
