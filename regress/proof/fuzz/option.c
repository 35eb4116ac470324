/* SPDX-License-Identifier: ISC */
/*
 * The rules of the fuzz target "program" for command lines: dazaid, dazai-hb
 * and dazaictl end or start as they should, and each option has the value that
 * was given.
 */
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>

#include "program.h"

#include "../../../dazai-hb/front.h"
#include "../../../dazai-hb/heartbeat.h"
#include "../../../dazaid/load.c" /* NOLINT(bugprone-suspicious-include) */
#include "options.h"

#include "../../oracle/names.h"

#define WORDS 80
#define WORD  160 /* bytes, more than any path may have */

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

void
option_ended(int status)
{
	CHECK(status == should.status || should.status == -2,
	    "exit %d, and not %d", status, should.status);
}

WRAP(const char *, getprogname, void)
{
	return (called);
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
	const int  uid = fuzz_how & 1 && should.user == NULL ? 0 : OWNER;
	const bool own = fuzz_how & 4 && uid == (fuzz_how & 8 ? OWNER : 0);
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
		o.owner == (fuzz_how & 1 && should.user == NULL ? 0 : OWNER),
	    "options get lost");
	check_loads();
	check_path(o.path);
	fuzz_leave("start");
}

/*
 * dazai-hb.
 */

pid_t
front_command(char *argv[] UNUSED)
{
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

static void
add(void)
{
	args[nargs] = words[nargs];
	nargs++;
}

static void add_word(const char *, ...) __attribute__((format(printf, 1, 2)));

static void
add_word(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words[nargs], WORD, fmt, ap);
	va_end(ap);
	add();
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
	char *w = words[nargs], value[WORD - 40];

	(void)fuzz_string(value, sizeof(value));
	if (form % 4 == 0 && value[0] != '\0') {
		add_word("-%c%s", letter, value);
		return (w + 2);
	}
	if (form % 4 == 1) {
		add_word("--%.*s=%s", (int)strlen(name) - (form & 4 ? 1 : 0),
		    name, value);
		return (strchr(w, '=') + 1);
	}
	if (form % 4 == 2)
		add_word("--%s", name);
	else
		add_word("-%c", letter);
	w = words[nargs];
	add_word("%s", value);
	return (w);
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
	char	     name[WORD];
	const char  *other;
	unsigned int i;

	(void)snprintf(name, sizeof(name), "%.*s", (int)len, value);
	if (!names_secret_ok(name) || should.loads == LOAD_MAX)
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

enum kind { FLAG, COUNT, EXITS, STRING, MEMORY, LOAD, TIME, NUMBER, WATCH };

/* The options of dazaid and dazai-hb, by the byte of the input that adds one.
 */
static const struct option_rule {
	unsigned int of; /* the program */
	unsigned int op;
	const char  *name;
	enum kind    kind;
	void	    *to; /* its value */
	wide	     min, max;
} rules[] = {
	{ DAZAID, 'a', "arm", FLAG, &should.armed, 0, 0 },
	{ DAZAID, 'd', "debug", FLAG, &should.foreground, 0, 0 },
	{ DAZAID, 'k', "require-lock", FLAG, &should.lock, 0, 0 },
	{ DAZAID, 'g', "grace", TIME, &should.grace, 0, 0 },
	{ DAZAID, 't', "ping-timeout", TIME, &should.timeout, 0, 0 },
	{ DAZAID, 'z', "size", NUMBER, &should.size, 4096, 1 << 30 },
	{ DAZAID, 'l', "load", LOAD, NULL, 0, 0 },
	{ DAZAID, 'L', "load-file", STRING, &should.file, 0, 0 },
	{ DAZAID, 'm', "memory", MEMORY, &should.memory, 0, 0 },
	{ DAZAID, 'u', "user", STRING, &should.user, 0, 0 },
	{ HB, 'b', "background", FLAG, &should.background, 0, 0 },
	{ HB, 'q', "quiet", FLAG, &should.quiet, 0, 0 },
	{ HB, 'i', "interval", TIME, &should.interval, 0, 0 },
	{ HB, 'p', "watch-pid", WATCH, &should.watch, 1, INT_MAX },
	{ PROGRAMS, 'v', "verbose", COUNT, &should.verbose, 0, 0 },
	{ PROGRAMS, 's', "socket", STRING, &should.sock, 0, 0 },
	{ PROGRAMS, 'h', "help", EXITS, NULL, 0, 0 },
	{ PROGRAMS, 'V', "version", EXITS, NULL, 0, 0 },
	{ PROGRAMS, 'x', "x", EXITS, NULL, 1, 1 }, /* there is no such option */
};

/* The setting that this option must lead to; value: its argument, or NULL. */
static void
means(const struct option_rule *r, const char *value)
{
	switch (r->kind) {
	case FLAG:
		*(bool *)r->to = true;
		break;
	case COUNT:
		++*(int *)r->to;
		break;
	case EXITS:
		fail((int)r->max);
		break;
	case MEMORY:
		if (strcmp(value, "secretmem") != 0 &&
		    strcmp(value, "mlock") != 0)
			fail(1);
		/* FALLTHROUGH */
	case STRING:
		*(const char **)r->to = value;
		break;
	case LOAD:
		load_of(value);
		break;
	case TIME:
		time_of(value, r->to);
		break;
	case WATCH:
		if (++should.npids > HEARTBEAT_WATCHED)
			fail(1);
		/* FALLTHROUGH */
	case NUMBER:
		number_of(value, r->min, r->max, r->to);
		break;
	}
}

static void
rule(const struct option_rule *r, unsigned int form)
{
	if (r->op == 'k') /* it has no letter */
		form |= 1;
	if (r->op == 'l' || r->op == 'L') /* each abbreviates the other */
		form &= 3;
	if (r->kind > EXITS)
		means(r, valued((char)r->op, r->name, form));
	else if (form & 1)
		add_word("--%s", r->name);
	else
		add_word("-%c", (char)r->op);
	if (r->kind <= EXITS)
		means(r, NULL);
}

/* Options, and operands: only a command after "--" may be one. */
static void
line(unsigned int of)
{
	const struct option_rule *r;
	unsigned int		  op, form;

	while (fuzz_more() && nargs < WORDS - 3) {
		op = fuzz_byte();
		form = fuzz_byte();
		for (r = rules; r < rules + sizeof(rules) / sizeof(*r); r++) {
			if (r->op == op && (r->of == PROGRAMS || r->of == of))
				rule(r, form);
		}
		if (op == 'o') {
			add_word("operand");
			fail(1);
		}
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
		if (op >= 'A' && op < 'A' + sizeof(known) / sizeof(known[0])) {
			add_word("%s", known[op - 'A']);
		} else {
			(void)fuzz_string(words[nargs], WORD);
			add();
		}
	}
}

void
option_run(void)
{
	static const char *const names[] = { "dazaid", "dazai-hb", "dazaictl",
		"dazai-askpass" };

	called = names[program_now];
	memset(&should, 0, sizeof(should));
	should.status = -1;
	should.grace = 5000;
	should.interval = -1;
	should.size = 65536;
	nloads = 0;
	optind = 0;
	opterr = 0;
	nargs = 0;
	add_word("%s", called);
	if (program_now >= DAZAICTL)
		ctl_line();
	else
		line(program_now);
	args[nargs] = NULL;
	if (setjmp(fuzz_end) != 0)
		return;
	fuzz_runs = true;
	if (program_now == DAZAID)
		run_dazaid();
	else if (program_now == HB)
		(void)dazai_hb_main(nargs, args);
	else
		(void)dazaictl_main(nargs, args);
	BROKEN("%s returns", called);
}
