/* SPDX-License-Identifier: ISC */
/*
 * What a person waits for: dazaictl, once, many at a time, and with a file of
 * secrets, and the start of a shell.
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define NELEM(a)     (sizeof(a) / sizeof((a)[0]))
#define SIZE	     32 /* bytes of the secret, and of the key */
#define CROWD	     300
#define CROWDS	     10 /* samples */
#define FILE_SECRETS 20
#define WORDS	     8 /* of a command, with the NULL at its end */

/* A program's run, from fork(2) to the end of its output: SIZE bytes. */
static double
get_command(char *const argv[])
{
	char	      buf[SIZE + 1];
	const int64_t t = now_ns();
	size_t	      got = 0;
	ssize_t	      n;
	pid_t	      pid;
	int	      p[2], status = -1;

	if (pipe2(p, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0) {
		(void)dup2(p[1], 1);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(p[1]);
	while ((n = read(p[0], buf + got, sizeof(buf) - got)) > 0)
		got += (size_t)n;
	close(p[0]);
	if (waitpid(pid, &status, 0) == -1 || status != 0 || got != SIZE)
		errx(1, "%s: status %d, %zu bytes", argv[0], status, got);
	return (us_since(t));
}

/* A key of SIZE bytes in a keyring of our own; -1 with errno. */
static long
keyring_add(void)
{
	char bytes[SIZE];

	memset(bytes, 'x', sizeof(bytes));
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	return (syscall(SYS_add_key, "user", "dazaid-bench", bytes,
	    sizeof(bytes), KEY_SPEC_SESSION_KEYRING));
}

/*
 * Many at a time.
 */

/* Starts all at once; milliseconds to the end of the last. */
static double
crowd(char *const argv[])
{
	const int64_t t = now_ns();
	pid_t	      pid[CROWD];
	int	      i, null, status = -1;

	for (i = 0; i < CROWD; i++) {
		if ((pid[i] = fork()) == -1)
			err(1, "fork");
		if (pid[i] == 0) {
			null = open("/dev/null", O_WRONLY | O_CLOEXEC);
			(void)dup2(null, 1);
			execvp(argv[0], argv);
			_exit(127);
		}
	}
	for (i = 0; i < CROWD; i++) {
		if (waitpid(pid[i], &status, 0) == -1 || status != 0)
			errx(1, "%s: one of %d: status %d", argv[0], CROWD,
			    status);
	}
	return (us_since(t) / 1000);
}

/* A command, split at blanks. */
struct command {
	char  text[sizeof(root) + 256];
	char *argv[WORDS];
};

static void
command_split(struct command *c)
{
	char *rest = c->text;
	int   i;

	for (i = 0; i < WORDS; i++)
		c->argv[i] = i < WORDS - 1 ? strsep(&rest, " ") : NULL;
}

/*
 * What run says of n runs of dazaictl get, of keyctl pipe, and of a client of
 * the floor, each of which asks for SIZE bytes.
 */
static void
get_compare(struct row r, const char *client, double (*run)(char *const[]),
    size_t n)
{
	enum { OURS, KEYCTL, CLIENT, KINDS };
	static struct command c[KINDS];
	struct subject	      ours, floor;
	struct series	      t[KINDS] = { { 0 } };
	const long	      key = keyring_add();
	size_t		      i;
	int		      k;

	if (key == -1) {
		report_missing(r.figure, "the kernel takes no such key");
		return;
	}
	subject_init(&ours, "dazaid", HEARTBEAT, getuid(),
	    "dazaid -d -a -g 60 -s @");
	subject_init(&floor, "floor", HEARTBEAT, getuid(), "floor 2 @ 32 many");
	(void)snprintf(c[OURS].text, sizeof(c[OURS].text), "%s -s %s get key",
	    dazaictl, ours.sock);
	(void)snprintf(c[KEYCTL].text, sizeof(c[KEYCTL].text),
	    "keyctl pipe %ld", key);
	(void)snprintf(c[CLIENT].text, sizeof(c[CLIENT].text),
	    "%s/regress/proof/bench/floor get %s", root, floor.sock);
	for (k = 0; k < KINDS; k++)
		command_split(&c[k]);
	subject_guard(&ours);
	subject_guard(&floor);
	close(get_open(&ours, SIZE));
	for (i = 0; i < n; i++) {
		for (k = 0; k < KINDS; k++)
			series_add(&t[k], run(c[k].argv));
	}
	subject_stop(&ours);
	subject_stop(&floor);
	r.ours = &t[OURS];
	r.other = &t[KEYCTL];
	report(&r);
	r.name = client;
	r.other = &t[CLIENT];
	r.goal = 0;
	report(&r);
}

void
figure_command(void)
{
	const struct row r = { .figure = "dazaictl get, 32 bytes",
		.unit = "µs",
		.name = "keyctl pipe",
		.goal = 1 };

	get_compare(r, "the floor's client, its duties too", get_command,
	    samples);
}

void
figure_crowd(void)
{
	const struct row r = { .figure = "300 dazaictl get at once, the last",
		.unit = "ms",
		.name = "300 keyctl pipe",
		.goal = 1.2 };

	get_compare(r, "300 of the floor's client", crowd,
	    samples < CROWDS ? samples : CROWDS);
}

/*
 * A file of secrets.
 */

/* Runs a command with sh(1), which must succeed; milliseconds. */
static double
shell_run(char *command)
{
	const int64_t t = now_ns();
	char	      sh[] = "sh", c[] = "-c";
	char *const   argv[] = { sh, c, command, NULL };
	const pid_t   pid = fork();
	int	      status = -1;

	if (pid == 0) {
		execv("/bin/sh", argv);
		_exit(127);
	}
	if (pid == -1 || waitpid(pid, &status, 0) == -1 || status != 0)
		errx(1, "%s: status %d", command, status);
	return (us_since(t) / 1000);
}

/* Makes the file of secrets; its name is path. */
static void
file_make(const char *path)
{
	FILE *f = fopen(path, "we");
	int   i;

	if (f == NULL || fchmod(fileno(f), 0600) == -1)
		err(1, "%s", path);
	for (i = 0; i < FILE_SECRETS; i++)
		(void)fprintf(f, "name%d printf %%s value%d\n", i, i);
	if (fclose(f) != 0)
		err(1, "%s", path);
}

void
figure_file(void)
{
	struct subject	 ours;
	struct series	 a = { 0 }, b = { 0 };
	const struct row r = { .figure = "dazaictl load, a file of 20 secrets",
		.unit = "ms",
		.name = "20 dazaictl put, each from its command",
		.ours = &a,
		.other = &b,
		.goal = 1 };
	char   path[96], load[sizeof(dazaictl) + 256], clear[sizeof(load)];
	char   put[sizeof(load)];
	double ms;
	size_t i;
	int    k;

	subject_init(&ours, "dazaid", HEARTBEAT, getuid(),
	    "dazaid -d -a -g 60 -s @");
	(void)snprintf(path, sizeof(path), "%s/secrets", ours.dir);
	file_make(path);
	(void)snprintf(load, sizeof(load), "exec %s -s %s load %s >/dev/null",
	    dazaictl, ours.sock, path);
	(void)snprintf(clear, sizeof(clear), "exec %s -s %s del --all",
	    dazaictl, ours.sock);
	subject_guard(&ours);
	for (i = 0; i < few; i++) {
		series_add(&a, shell_run(load));
		(void)shell_run(clear);
		for (ms = 0, k = 0; k < FILE_SECRETS; k++) {
			(void)snprintf(put, sizeof(put),
			    "printf %%s value%d | %s -s %s put name%d", k,
			    dazaictl, ours.sock, k);
			ms += shell_run(put);
		}
		series_add(&b, ms);
		(void)shell_run(clear);
	}
	subject_stop(&ours);
	report(&r);
}

/*
 * Shells.
 */

/* What a shell reads at its start, beside the prompt. */
enum shell_rc { SHELL_PLAIN, SHELL_TRUE, SHELL_DAZAI, SHELL_RCS };

#define SHELL_PROMPT "READY> "
#define SHELL_PS1    "PS1='" SHELL_PROMPT "'"
#define SHELL_ASKS   "\033[c" /* fish 4 asks the terminal what it is */
#define SHELL_ANSWER "\033[?62c"

static const struct shell {
	const char *name;
	const char *variable; /* names the file that it reads, ... */
	const char *file;     /* ... with this appended */
	const char *option;   /* names it instead */
	const char *prompt, *runs_true, *dot, *script;
} shells[] = {
	{ "bash", NULL, "", "--rcfile", SHELL_PS1, "x=$(exec true 2>&1)", ".",
	    "dazai.sh" },
	{ "zsh", "ZDOTDIR", "/.zshrc", NULL, SHELL_PS1, "x=$(exec true 2>&1)",
	    ".", "dazai.sh" },
	{ "dash", "ENV", "", NULL, SHELL_PS1, "x=$(exec true 2>&1)", ".",
	    "dazai.sh" },
	{ "fish", "XDG_CONFIG_HOME", "/fish/config.fish", NULL,
	    "set fish_greeting; function fish_prompt; echo -n '" SHELL_PROMPT
	    "'; end",
	    "set x (command true 2>&1)", "source", "dazai.fish" },
};

static void
shell_path(char *path, size_t size, const struct subject *s,
    const struct shell *sh, enum shell_rc rc)
{
	(void)snprintf(path, size, "%s/%s%d", s->dir, sh->name, (int)rc);
}

/* Makes what the shell reads in the directory of s. */
static void
shell_make(const struct subject *s, const struct shell *sh, enum shell_rc rc)
{
	char  path[120], command[4 * sizeof(path)];
	FILE *f;

	shell_path(path, sizeof(path), s, sh, rc);
	/* Without this directory fish makes completions in the background. */
	(void)snprintf(command, sizeof(command),
	    "mkdir -p $(dirname %s%s) %s/data/fish/generated_completions", path,
	    sh->file, s->dir);
	(void)shell_run(command);
	(void)snprintf(command, sizeof(command), "%s%s", path, sh->file);
	if ((f = fopen(command, "we")) == NULL)
		err(1, "%s", command);
	if (rc == SHELL_TRUE)
		(void)fprintf(f, "%s\n", sh->runs_true);
	if (rc == SHELL_DAZAI)
		(void)fprintf(f, "%s %s/shell/%s\n", sh->dot, root, sh->script);
	(void)fprintf(f, "%s\n", sh->prompt);
	if (fclose(f) != 0)
		err(1, "%s", path);
}

/* In the child: becomes the shell, which finds the daemon s. */
static void
shell_exec(const struct subject *s, const struct shell *sh, enum shell_rc rc)
{
	char path[120], data[120], hb[sizeof(root) + 32];

	shell_path(path, sizeof(path), s, sh, rc);
	(void)snprintf(hb, sizeof(hb), "%s/dazai-hb/dazai-hb", root);
	(void)snprintf(data, sizeof(data), "%s/data", s->dir);
	(void)clearenv();
	(void)setenv("PATH", "/usr/bin:/bin", 1);
	(void)setenv("HOME", s->dir, 1);
	(void)setenv("TERM", "dumb", 1);
	(void)setenv("XDG_DATA_HOME", data, 1);
	(void)setenv("DAZAI_SOCK", s->sock, 1);
	(void)setenv("DAZAI_HB", hb, 1);
	(void)setenv("DAZAI_CTL", dazaictl, 1);
	(void)setenv("DAZAI_QUIET", "1", 1);
	if (sh->variable != NULL)
		(void)setenv(sh->variable, path, 1);
	if (sh->option != NULL)
		(void)execlp(sh->name, sh->name, "--noprofile", sh->option,
		    path, "-i", (char *)NULL);
	else
		(void)execlp(sh->name, sh->name, "-i", (char *)NULL);
	_exit(127);
}

/* Reads up to the prompt. */
static void
shell_wait(const char *name, int fd)
{
	char	buf[4096], *asks;
	size_t	len = 0;
	ssize_t n;

	do {
		n = read(fd, buf + len, sizeof(buf) - 1 - len);
		if (n <= 0)
			errx(1, "%s: no prompt: %.*s", name, (int)len, buf);
		len += (size_t)n;
		buf[len] = '\0';
		if ((asks = strstr(buf, SHELL_ASKS)) != NULL) {
			*asks = ' ';
			(void)!write(fd, SHELL_ANSWER, strlen(SHELL_ANSWER));
		}
	} while (strstr(buf, SHELL_PROMPT) == NULL);
}

/* Milliseconds from fork(2) to the prompt. */
static double
shell_start(const struct subject *s, const struct shell *sh, enum shell_rc rc)
{
	const int64_t t = now_ns();
	char	      buf[256];
	double	      took;
	pid_t	      pid;
	int	      fd;

	if ((pid = forkpty(&fd, NULL, NULL, NULL)) == -1)
		err(1, "forkpty");
	if (pid == 0)
		shell_exec(s, sh, rc);
	shell_wait(sh->name, fd);
	took = us_since(t) / 1000;
	(void)!write(fd, "exit\n", 5);
	while (read(fd, buf, sizeof(buf)) > 0)
		continue;
	close(fd);
	(void)waitpid(pid, NULL, 0);
	return (took);
}

static void
shell_report(const struct shell *sh, const char *what, struct series *ours,
    const char *name, struct series *other, double goal)
{
	char	   figure[64];
	struct row r = { .figure = figure,
		.unit = "ms",
		.name = name,
		.ours = ours,
		.other = other,
		.goal = goal };

	(void)snprintf(figure, sizeof(figure), "start of %s, %s", sh->name,
	    what);
	report(&r);
}

/*
 * A shell without a daemon, as the first holder, and as one of many, beside one
 * that does not read our file, and one that runs true(1) instead, which is the
 * least that a program of its own costs.
 */
static void
shell_compare(const struct shell *sh)
{
	static struct subject daemon, many;
	struct series	      plain = { 0 }, program = { 0 }, off = { 0 },
		      first = { 0 }, one = { 0 };
	size_t i;
	int    rc;

	subject_init(&daemon, "dazaid", TETHER, getuid(),
	    "dazaid -d -a -g 0 -f 0 -l key=- -s @");
	subject_init(&many, "dazaid", TETHER, getuid(),
	    "dazaid -d -a -g 60 -l key=- -s @");
	for (rc = SHELL_PLAIN; rc < SHELL_RCS; rc++) {
		shell_make(&daemon, sh, (enum shell_rc)rc);
		shell_make(&many, sh, (enum shell_rc)rc);
	}
	subject_guard(&many);
	for (i = 0; i < samples; i++) {
		series_add(&plain, shell_start(&daemon, sh, SHELL_PLAIN));
		series_add(&program, shell_start(&daemon, sh, SHELL_TRUE));
		series_add(&off, shell_start(&daemon, sh, SHELL_DAZAI));
		series_add(&one, shell_start(&many, sh, SHELL_DAZAI));
		subject_start(&daemon);
		subject_await(&daemon);
		subject_know(&daemon);
		series_add(&first, shell_start(&daemon, sh, SHELL_DAZAI));
		/* With its last holder it ends, and removes its sockets. */
		subject_gone(&daemon);
	}
	subject_stop(&many);
	shell_report(sh, "no daemon", &off, "without dazai", &plain, 1.5);
	shell_report(sh, "the first to hold", &first, "without dazai", &plain,
	    1.5);
	shell_report(sh, "the first to hold", &first, "running true", &program,
	    0);
	shell_report(sh, "one of many", &one, "without dazai", &plain, 1.5);
	shell_report(sh, "one of many", &one, "running true", &program, 0);
}

void
figure_shell(void)
{
	char   path[64];
	size_t i;

	for (i = 0; i < NELEM(shells); i++) {
		(void)snprintf(path, sizeof(path), "/usr/bin/%s",
		    shells[i].name);
		if (access(path, X_OK) == 0)
			shell_compare(&shells[i]);
		else
			report_missing(shells[i].name, "not installed");
	}
}
