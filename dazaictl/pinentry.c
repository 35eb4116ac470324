/* SPDX-License-Identifier: ISC */
/*
 * pinentry-dazai: gives gpg-agent the passphrase of each key for which the
 * user's file "pinentry" names a secret.  It passes all other requests on to
 * the installed pinentry, which asks the user.
 */
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "assuan.h"
#include "client.h"
#include "config.h"
#include "give.h"
#include "name.h"
#include "oneline.h"
#include "pinentry.h"
#include "stdfd.h"
#include "version.h"

#define PINENTRY_GRIP 40   /* hexadecimal digits of a keygrip */
#define PINENTRY_KEYS 64   /* in the file */
#define PINENTRY_MS   5000 /* to wait for the greeting of the other pinentry */
/* Set for the other pinentry, so that this program does not start itself. */
#define PINENTRY_MARK "DAZAI_PINENTRY"

/* The contents of the file. */
static struct {
	char grip[PINENTRY_GRIP + 1];
	char name[NAME_BYTES];
} keys[PINENTRY_KEYS];
static unsigned int nkeys;
static char	    program[PATH_MAX]; /* of the other pinentry, or empty */

static struct {
	pid_t pid; /* -1: there is none */
	int   in, out;
} other = { .pid = -1 };

/* The client's requests since the last question. */
static struct {
	char grip[PINENTRY_GRIP + 1]; /* of the key, or empty */
	bool failed;		      /* the last passphrase was wrong */
	bool new;		      /* the client wants a new passphrase */
} asked;
static char answered[PINENTRY_GRIP + 1]; /* the key of our last answer */

/*
 * The other pinentry.
 */

static bool
pinentry_is_us(const char *path)
{
	struct stat st, us;

	return (stat(path, &st) == 0 && stat("/proc/self/exe", &us) == 0 &&
	    st.st_dev == us.st_dev && st.st_ino == us.st_ino);
}

/*
 * Sets program to the other pinentry: the one in the environment, the one in
 * the file, or the first one in PATH.
 */
static void
pinentry_find(void)
{
	const char *given = getenv("PINENTRY_PROGRAM"), *path = getenv("PATH");
	size_t	    len;

	if (given != NULL && *given != '\0')
		(void)snprintf(program, sizeof(program), "%s", given);
	for (; program[0] == '\0' && path != NULL && *path != '\0';
	     path += len + (path[len] == ':')) {
		len = strcspn(path, ":");
		(void)snprintf(program, sizeof(program), "%.*s/pinentry",
		    (int)len, path);
		if (path[0] != '/' || access(program, X_OK) == -1 ||
		    pinentry_is_us(program))
			program[0] = '\0';
	}
	if (getenv(PINENTRY_MARK) != NULL || pinentry_is_us(program)) {
		warnx("pinentry is this program: there is no other");
		program[0] = '\0';
	}
}

/* Executes the other pinentry, with our arguments. */
static noreturn void
pinentry_become(const int *in, const int *out, char *argv[])
{
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)signal(SIGPIPE, SIG_DFL);
	if (dup2(in[0], STDIN_FILENO) == -1 ||
	    dup2(out[1], STDOUT_FILENO) == -1 ||
	    setenv(PINENTRY_MARK, "1", 1) == -1)
		_exit(EXIT_USAGE);
	argv[0] = program;
	execv(program, argv);
	warn("%s", oneline(program));
	_exit(EXIT_USAGE);
}

/* Ends the other pinentry, if there is one, and forgets it. */
static void
pinentry_drop(void)
{
	if (other.pid == -1)
		return;
	close(other.in);
	close(other.out);
	(void)kill(other.pid, SIGTERM);
	while (waitpid(other.pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	other.pid = -1;
}

/* Starts the other pinentry; keeps it only if it greets us in time. */
static void
pinentry_start(char *argv[])
{
	int in[2], out[2];

	pinentry_find();
	if (program[0] == '\0')
		return;
	if (pipe2(in, O_CLOEXEC) == -1 || pipe2(out, O_CLOEXEC) == -1)
		err(EXIT_USAGE, "pipe");
	if ((other.pid = fork()) == -1)
		err(EXIT_USAGE, "fork");
	if (other.pid == 0)
		pinentry_become(in, out, argv);
	close(in[0]);
	close(out[1]);
	other.in = in[1];
	other.out = out[0];
	if (assuan_read(other.out, STDIN_FILENO, PINENTRY_MS) != ASSUAN_GOT ||
	    !assuan_is("OK"))
		pinentry_drop();
}

/*
 * Passes the client's answer to an inquiry of the other pinentry on.  Returns
 * false if one of the two has ended.
 */
static bool
pinentry_inquiry(void)
{
	bool last;

	do {
		if (assuan_read(STDIN_FILENO, -1, -1) != ASSUAN_GOT)
			return (false);
		last = assuan_is("END") || assuan_is("CAN");
		if (!assuan_pass(other.in))
			return (false);
	} while (!last);
	return (true);
}

/*
 * Passes the client's line on to the other pinentry, and its answer back.
 * Returns false if it has ended.
 */
static bool
pinentry_ask(void)
{
	bool last, inquiry;

	if (!assuan_pass(other.in))
		return (false);
	do {
		if (assuan_read(other.out, STDIN_FILENO, -1) != ASSUAN_GOT)
			return (false);
		last = assuan_is("OK") || assuan_is("ERR");
		inquiry = assuan_is("INQUIRE");
		if (!assuan_pass(STDOUT_FILENO))
			exit(EXIT_DONE);
		if (inquiry && !pinentry_inquiry())
			return (false);
	} while (!last);
	return (true);
}

/* Answers the client's line if there is no other pinentry. */
static void
pinentry_alone(void)
{
	char pid[32];

	if (assuan_is("GETINFO")) {
		(void)snprintf(pid, sizeof(pid), "D %d", (int)getpid());
		if (strncmp(assuan_words(), "pid", 3) == 0)
			assuan_say(pid);
		else if (strncmp(assuan_words(), "version", 7) == 0)
			assuan_say("D " DAZAI_VERSION);
		else if (strncmp(assuan_words(), "flavor", 6) == 0)
			assuan_say("D dazai");
		assuan_say("OK");
	} else if (assuan_is("GETPIN") || assuan_is("CONFIRM") ||
	    assuan_is("MESSAGE")) {
		assuan_say(ASSUAN_NO_PINENTRY);
	} else {
		assuan_say("OK");
	}
}

/* Passes the client's line on, or answers it. */
static void
pinentry_pass_on(void)
{
	if (other.pid == -1) {
		pinentry_alone();
		return;
	}
	if (!pinentry_ask()) {
		pinentry_drop();
		assuan_say(ASSUAN_CANCELLED);
	}
}

/*
 * Our own answers.
 */

/* Reads the user's file. */
static void
pinentry_load(void)
{
	struct config config;

	config_open(&config, "pinentry");
	while (config_next(&config)) {
		if (config.words != 2)
			config_wrong(&config, "not a keygrip and a secret");
		if (strcmp(config.word[0], "pinentry") == 0) {
			if (config.word[1][0] != '/' ||
			    strlen(config.word[1]) >= sizeof(program))
				config_wrong(&config, "not an absolute path");
			memcpy(program, config.word[1],
			    strlen(config.word[1]) + 1);
			continue;
		}
		if (strlen(config.word[0]) != PINENTRY_GRIP ||
		    strspn(config.word[0], "0123456789abcdefABCDEF") !=
			PINENTRY_GRIP)
			config_wrong(&config, "not a keygrip and a secret");
		if (strlen(config.word[1]) >= NAME_BYTES)
			config_wrong(&config, "too long a name");
		if (nkeys == PINENTRY_KEYS)
			config_wrong(&config, "too many keys");
		memcpy(keys[nkeys].grip, config.word[0], PINENTRY_GRIP);
		memcpy(keys[nkeys++].name, config.word[1],
		    strlen(config.word[1]));
	}
	config_close(&config);
}

/* Returns the secret of the key that the client has named, or NULL. */
static const char *
pinentry_secret(void)
{
	unsigned int i;

	for (i = 0; i < nkeys; i++) {
		if (strcasecmp(keys[i].grip, asked.grip) == 0)
			return (keys[i].name);
	}
	return (NULL);
}

/*
 * Notes the key of "SETKEYINFO n/KEYGRIP", or of s/KEYGRIP for ssh.  Other
 * arguments, such as u/ for a file with its own passphrase, are not keys.
 */
static void
pinentry_key(void)
{
	const char *words = assuan_words();

	asked.grip[0] = '\0';
	if ((words[0] != 'n' && words[0] != 's') || words[1] != '/' ||
	    strcspn(words + 2, " \t\r\n") != PINENTRY_GRIP)
		return;
	memcpy(asked.grip, words + 2, PINENTRY_GRIP);
	asked.grip[PINENTRY_GRIP] = '\0';
}

/* Notes what the line sets for the next question. */
static void
pinentry_note(void)
{
	if (assuan_is("SETKEYINFO"))
		pinentry_key();
	else if (assuan_is("SETERROR"))
		asked.failed = true;
	else if (assuan_is("SETREPEAT") || assuan_is("SETQUALITYBAR") ||
	    assuan_is("SETGENPIN"))
		asked.new = true;
	else if (assuan_is("RESET"))
		memset(&asked, 0, sizeof(asked));
}

/* Encodes a secret as a give_encoding: gpg-agent takes the data of one line. */
static const char *
pinentry_encode(const unsigned char *secret, size_t len, unsigned char *to,
    size_t *coded)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char	 *at = to;
	size_t		  i;

	if (memchr(secret, '\0', len) != NULL)
		return ("has a NUL inside");
	for (i = 0; i < len; i++) {
		if (secret[i] == '%' || secret[i] == '\r' ||
		    secret[i] == '\n') {
			*at++ = '%';
			*at++ = (unsigned char)digits[secret[i] >> 4];
			*at++ = (unsigned char)digits[secret[i] & 0xf];
		} else {
			*at++ = secret[i];
		}
	}
	*coded = (size_t)(at - to);
	return (
	    *coded > ASSUAN_MAX - 2 ? "is too long for a passphrase" : NULL);
}

static void
pinentry_give(const void *name)
{
	give(name, "D ", pinentry_encode, "\nOK\n");
}

/*
 * Answers GETPIN.  Does not repeat a passphrase that was wrong, nor give the
 * old one if the client wants a new one.
 */
static void
pinentry_getpin(void)
{
	const char *name = pinentry_secret();

	if (name == NULL || asked.failed || asked.new ||
	    strcasecmp(answered, asked.grip) == 0) {
		pinentry_pass_on();
	} else {
		if (give_apart(pinentry_give, name) == EXIT_DONE)
			memcpy(answered, asked.grip, sizeof(answered));
		else
			assuan_say(ASSUAN_CANCELLED);
	}
	asked.failed = asked.new = false;
}

/* Handles the client's line; returns false after the last one. */
static bool
pinentry_line(void)
{
	if (assuan_is("BYE")) {
		assuan_say("OK closing connection");
		return (false);
	}
	pinentry_note();
	if (assuan_is("GETPIN"))
		pinentry_getpin();
	else if (assuan_is("D") || assuan_is("END") || assuan_is("CAN"))
		assuan_say(ASSUAN_UNKNOWN);
	else
		pinentry_pass_on();
	return (true);
}

noreturn void
pinentry_main(int argc, char *argv[])
{
	enum assuan_result result;

	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("pinentry-dazai (pinentry) " DAZAI_VERSION);
		stdfd_flush();
		exit(EXIT_DONE);
	}
	(void)signal(SIGPIPE, SIG_IGN);
	pinentry_load();
	pinentry_start(argv);
	assuan_say("OK Pleased to meet you");
	while ((result = assuan_read(STDIN_FILENO, -1, -1)) != ASSUAN_ENDED) {
		if (result == ASSUAN_TOO_LONG)
			assuan_say(ASSUAN_LONG);
		else if (!pinentry_line())
			break;
	}
	pinentry_drop();
	exit(EXIT_DONE);
}
