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
#include <stdnoreturn.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define SIZE	     32 /* bytes of the secret, and of the key */
#define CROWD	     300
#define CROWDS	     10 /* samples */
#define FILE_SECRETS 20
#define WORDS	     8 /* of a command, with the NULL at its end */

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

/* A command line in the child: execs it, split at blanks, with out as output.
 */
static noreturn void
become(const char *line, int out)
{
	char text[sizeof(root) + 256], *rest = text, *argv[WORDS];
	int  i;

	(void)snprintf(text, sizeof(text), "%s", line);
	for (i = 0; i < WORDS; i++)
		argv[i] = i < WORDS - 1 ? strsep(&rest, " ") : NULL;
	(void)dup2(out, 1);
	execvp(argv[0], argv);
	_exit(127);
}

/* A program's run, from fork(2) to the end of its output: SIZE bytes. */
static void
get_command(struct rival *v)
{
	char	      buf[SIZE + 1];
	const int64_t t = now_ns();
	size_t	      got = 0;
	ssize_t	      n;
	pid_t	      pid;
	int	      p[2], status = -1;

	if (pipe2(p, O_CLOEXEC) == -1 || (pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0)
		become(v->client, p[1]);
	close(p[1]);
	while ((n = read(p[0], buf + got, sizeof(buf) - got)) > 0)
		got += (size_t)n;
	close(p[0]);
	if (waitpid(pid, &status, 0) == -1 || status != 0 || got != SIZE)
		errx(1, "%s: status %d, %zu bytes", v->client, status, got);
	sample(v, us_since(t));
}

/* Starts all at once; milliseconds to the end of the last. */
static void
crowd(struct rival *v)
{
	const int64_t t = now_ns();
	pid_t	      pid[CROWD];
	int	      i, status = -1;

	for (i = 0; i < CROWD; i++) {
		if ((pid[i] = fork()) == -1)
			err(1, "fork");
		if (pid[i] == 0)
			become(v->client,
			    open("/dev/null", O_WRONLY | O_CLOEXEC));
	}
	for (i = 0; i < CROWD; i++) {
		if (waitpid(pid[i], &status, 0) == -1 || status != 0)
			errx(1, "%s: one of %d: status %d", v->client, CROWD,
			    status);
	}
	sample(v, us_since(t) / 1000);
}

/*
 * Runs of dazaictl get, of keyctl pipe, and of a client of the floor, each of
 * which asks for SIZE bytes.
 */
static void
get_compare(const struct figure *f, void (*take)(struct rival *), double goal,
    const char *keyctl, const char *client)
{
	struct subject ours, floor;
	const long     key = keyring_add();
	struct rival   v[] = {
		  RIVAL("dazaid", 0, take, HEARTBEAT, NULL),
		  RIVAL(keyctl, goal, take, HEARTBEAT, NULL),
		  RIVAL(client, 0, take, HEARTBEAT, NULL),
	};

	if (key == -1) {
		report_missing(f->name, "the kernel takes no such key");
		return;
	}
	subject_init(&ours, "dazaid", HEARTBEAT, getuid(),
	    "dazaid -d -a -g 60 -s @");
	subject_init(&floor, "floor", HEARTBEAT, getuid(), "floor 2 @ 32 many");
	if (asprintf(&v[0].client, "%s -s %s get key", dazaictl, ours.sock) ==
		-1 ||
	    asprintf(&v[1].client, "keyctl pipe %ld", key) == -1 ||
	    asprintf(&v[2].client, "%s/regress/proof/bench/floor get %s", root,
		floor.sock) == -1)
		err(1, "asprintf");
	subject_guard(&ours);
	subject_guard(&floor);
	close(get_open(&ours, SIZE));
	compare(f, v, NELEM(v));
	subject_stop(&ours);
	subject_stop(&floor);
}

void
figure_command(void)
{
	const struct figure f = { "dazaictl get, 32 bytes", "µs", samples,
		getuid(), 0 };

	get_compare(&f, get_command, 1, "keyctl pipe",
	    "the floor's client, its duties too");
}

void
figure_crowd(void)
{
	const struct figure f = { "300 dazaictl get at once, the last", "ms",
		samples < CROWDS ? samples : CROWDS, getuid(), 0 };

	get_compare(&f, crowd, 1.2, "300 keyctl pipe",
	    "300 of the floor's client");
}

/*
 * A file of secrets.
 */

/* Runs a command with sh(1), which must succeed; milliseconds. */
static double
shell_run(const char *command)
{
	const int64_t t = now_ns();

	/* NOLINTNEXTLINE(cert-env33-c): what a person types */
	if (system(command) != 0)
		errx(1, "%s: it fails", command);
	return (us_since(t) / 1000);
}

/* Makes the file of secrets in the directory of s. */
static void
file_make(const struct subject *s)
{
	char  path[96];
	FILE *f;
	int   i;

	(void)snprintf(path, sizeof(path), "%s/secrets", s->dir);
	f = fopen(path, "we");
	if (f == NULL || fchmod(fileno(f), 0600) == -1)
		err(1, "%s", path);
	for (i = 0; i < FILE_SECRETS; i++)
		(void)fprintf(f, "name%d printf %%s value%d\n", i, i);
	if (fclose(f) != 0)
		err(1, "%s", path);
}

static void
file_load(struct rival *v)
{
	char line[sizeof(dazaictl) + 256];

	file_make(&v->s);
	(void)snprintf(line, sizeof(line),
	    "exec %s -s %s load %s/secrets >/dev/null", dazaictl, v->s.sock,
	    v->s.dir);
	sample(v, shell_run(line));
	(void)snprintf(line, sizeof(line), "exec %s -s %s del --all", dazaictl,
	    v->s.sock);
	(void)shell_run(line);
}

static void
file_put(struct rival *v)
{
	char   line[sizeof(dazaictl) + 256];
	double ms = 0;
	int    i;

	for (i = 0; i < FILE_SECRETS; i++) {
		(void)snprintf(line, sizeof(line),
		    "printf %%s value%d | %s -s %s put name%d", i, dazaictl,
		    v->s.sock, i);
		ms += shell_run(line);
	}
	sample(v, ms);
	(void)snprintf(line, sizeof(line), "exec %s -s %s del --all", dazaictl,
	    v->s.sock);
	(void)shell_run(line);
}

void
figure_file(void)
{
	const struct figure f = { "dazaictl load, a file of 20 secrets", "ms",
		few, getuid(), ALIVE };

	struct rival v[] = {
		RIVAL("dazaid", 0, file_load, HEARTBEAT,
		    "dazaid -d -a -g 60 -s @"),
		RIVAL("20 dazaictl put, each from its command", 1, file_put,
		    HEARTBEAT, "dazaid -d -a -g 60 -s @"),
	};

	compare(&f, v, NELEM(v));
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
	const char *file; /* that it reads in its home */
	const char *prompt, *runs_true, *dot, *script;
} shells[] = {
	{ "bash", ".bashrc", SHELL_PS1, "x=$(exec true 2>&1)", ".",
	    "dazai.sh" },
	{ "zsh", ".zshrc", SHELL_PS1, "x=$(exec true 2>&1)", ".", "dazai.sh" },
	{ "dash", ".shrc", SHELL_PS1, "x=$(exec true 2>&1)", ".", "dazai.sh" },
	{ "fish", ".config/fish/config.fish",
	    "set fish_greeting; function fish_prompt; echo -n '" SHELL_PROMPT
	    "'; end",
	    "set x (command true 2>&1)", "source", "dazai.fish" },
};

/* Makes a home for the shell in the directory of s, with what it reads. */
static void
shell_make(const struct subject *s, const struct shell *sh, enum shell_rc rc)
{
	char  path[120], command[2 * sizeof(path)];
	FILE *f;

	/* Without generated_completions fish makes them in the background. */
	(void)snprintf(command, sizeof(command),
	    "mkdir -p %s/%d/.config/fish "
	    "%s/%d/.local/share/fish/generated_completions",
	    s->dir, (int)rc, s->dir, (int)rc);
	(void)shell_run(command);
	(void)snprintf(path, sizeof(path), "%s/%d/%s", s->dir, (int)rc,
	    sh->file);
	if ((f = fopen(path, "we")) == NULL)
		err(1, "%s", path);
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
	char home[96], env[120], hb[sizeof(root) + 32];

	(void)snprintf(home, sizeof(home), "%s/%d", s->dir, (int)rc);
	(void)snprintf(env, sizeof(env), "%s/.shrc", home);
	(void)snprintf(hb, sizeof(hb), "%s/dazai-hb/dazai-hb", root);
	(void)clearenv();
	(void)setenv("PATH", "/usr/bin:/bin", 1);
	(void)setenv("HOME", home, 1);
	(void)setenv("ENV", env, 1);
	(void)setenv("TERM", "dumb", 1);
	(void)setenv("DAZAI_SOCK", s->sock, 1);
	(void)setenv("DAZAI_HB", hb, 1);
	(void)setenv("DAZAI_CTL", dazaictl, 1);
	(void)setenv("DAZAI_QUIET", "1", 1);
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

static const struct shell *shell; /* that is measured */

/* Milliseconds from fork(2) to the prompt. */
static void
shell_start(struct rival *v, enum shell_rc rc)
{
	const struct subject *s = &v->s;
	char		      buf[256];
	int64_t		      t;
	pid_t		      pid;
	int		      fd;

	shell_make(s, shell, rc);
	t = now_ns();
	if ((pid = forkpty(&fd, NULL, NULL, NULL)) == -1)
		err(1, "forkpty");
	if (pid == 0)
		shell_exec(s, shell, rc);
	shell_wait(shell->name, fd);
	sample(v, us_since(t) / 1000);
	(void)!write(fd, "exit\n", 5);
	while (read(fd, buf, sizeof(buf)) > 0)
		continue;
	close(fd);
	(void)waitpid(pid, NULL, 0);
}

static void
shell_plain(struct rival *v)
{
	shell_start(v, SHELL_PLAIN);
}

static void
shell_true(struct rival *v)
{
	shell_start(v, SHELL_TRUE);
}

static void
shell_dazai(struct rival *v)
{
	shell_start(v, SHELL_DAZAI);
}

/* With its last holder the daemon ends. */
static void
shell_first(struct rival *v)
{
	subject_start(&v->s);
	subject_await(&v->s);
	subject_know(&v->s);
	shell_start(v, SHELL_DAZAI);
	subject_gone(&v->s);
}

/*
 * Beside a shell that does not read our file and, if there is a daemon, one
 * that runs true(1) instead, which is the least that a program of its own
 * costs.  With ALIVE the daemon has another holder, too.
 */
static void
shell_compare(const char *what, void (*take)(struct rival *),
    unsigned int flags, size_t n)
{
	static const char   command[] = "dazaid -d -a -g 0 -f 0 -l key=- -s @";
	char		    name[64];
	const struct figure f = { name, "ms", samples, getuid(), flags };

	struct rival v[] = {
		RIVAL("dazaid", 0, take, TETHER, command),
		RIVAL("without dazai", 1.5, shell_plain, TETHER, command),
		RIVAL("running true", 0, shell_true, TETHER, command),
	};

	(void)snprintf(name, sizeof(name), "start of %s, %s", shell->name,
	    what);
	compare(&f, v, n);
}

void
figure_shell(void)
{
	char path[64];

	for (shell = shells; shell < shells + NELEM(shells); shell++) {
		(void)snprintf(path, sizeof(path), "/usr/bin/%s", shell->name);
		if (access(path, X_OK) == -1) {
			report_missing(shell->name, "not installed");
			continue;
		}
		shell_compare("no daemon", shell_dazai, 0, 2);
		shell_compare("the first to hold", shell_first, 0, 3);
		shell_compare("one of many", shell_dazai, ALIVE, 3);
	}
}
