/* SPDX-License-Identifier: ISC */
/*
 * The daemon has ended: judges the reason by its log and status, and what it
 * left over.
 */
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

const char *const end_causes[CAUSES] = { "heartbeat connection dropped",
	"ping deadline missed", "SIGUSR1", "SIGHUP", "PANIC", "PANIC hard",
	"SIGUSR2", "SIGQUIT", "SIGTERM", "SIGINT", "QUIT from the heartbeat",
	"network process lost", "SIGKILL to the vault", "tether",
	"the command was never guarded" };

/* How the vault says that it ended. */
struct last_word {
	char reason[128];
	enum class class;
	bool dry;
	bool said;
	char pending[128]; /* of the last panic that was not cancelled */
};

/* Reads the daemon's last words. */
static void
end_read_last(struct last_word *w)
{
	static const char *const hows
	    [] = { [GRACEFUL] = "panic", [HARD] = "hard", [STOP] = "stopped" };
	char  path[100], text[257] = "", how[16], pid[16];
	int   armed, c;
	FILE *f;

	memset(w, 0, sizeof(*w));
	(void)snprintf(path, sizeof(path), "%s.last", l.sock);
	if ((f = fopen(path, "re")) == NULL)
		broken("no last words");
	(void)!fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	armed = strstr(text, " armed=1 ") != NULL;
	if (strlen(text) != sizeof(text) - 1 ||
	    sscanf(text,
		"LAST time=%*s pid=%15s reason=\"%127[^\"]\" armed=%*s "
		"secrets=%*s how=%15s",
		pid, w->reason, how) != 3 ||
	    strtol(pid, NULL, 10) != l.vault)
		broken("last words: %s", text);
	for (c = GRACEFUL; c <= STOP; c++) {
		if (strcmp(how, hows[c]) != 0)
			continue;
		w->said = true;
		w->class = (enum class)c;
		w->dry = c != STOP && !armed;
	}
	if (!w->said && strcmp(how, "running") != 0)
		broken("last words: %s", text);
}

/*
 * Returns whether line is the last one of a vault that ended so.  It may say
 * more than the last words: how network ended.
 */
static bool
end_is_last(const struct last_word *w, const char *line)
{
	const char *end = w->class == STOP ? ": secrets wiped, bye" :
	    w->dry			   ? ": secrets wiped, WOULD SIGKILL" :
					     ": secrets wiped, SIGKILL";
	char	    begin[192];
	size_t	    n;

	n = (size_t)snprintf(begin, sizeof(begin), "%s%s%s%s",
	    w->class == HARD ? "HARD " : "", w->class == STOP ? "" : "PANIC",
	    w->class == STOP ? "" :
		w->dry	     ? " (dry-run): " :
			       ": ",
	    w->reason);
	return (w->said && strncmp(line, begin, n) == 0 &&
	    strlen(line) > strlen(end) &&
	    strcmp(line + strlen(line) - strlen(end), end) == 0);
}

/*
 * Network writes the vault's lines.  If it was stopped, the last one, which the
 * vault writes itself, may come before others, such as that a panic was
 * cancelled and another one is pending, or these may be missing.
 */
static bool
end_lines_may_lack(void)
{
	return (l.network_stopped || l.network_cont != 0);
}

/*
 * Handles a line of the log, without "dazaid: vault: ".  ended: the last one
 * has come.
 */
static void
end_line(struct last_word *w, const char *line, bool ended)
{
	static const char *const evil[] = { "hostile", "canary", "unmapped",
		"Sanitizer", "runtime error" };
	char			 reason[128];
	size_t			 i;

	for (i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		if (strstr(line, evil[i]) != NULL)
			broken("log: %s", line);
	}
	if (ended) {
		/* The vault waits 50 ms for one that is not stopped. */
		if (!end_lines_may_lack() &&
		    (!l.setup.verbose || strstr(line, " from network") == NULL))
			broken("log: a line behind the last: %s", line);
	} else if (sscanf(line, "panic pending: %127[^,],", reason) == 1) {
		if (w->pending[0] != '\0')
			broken("log: pending twice");
		memcpy(w->pending, reason, sizeof(reason));
	} else if (strncmp(line, "panic CANCELLED by", 18) == 0) {
		if (w->pending[0] == '\0')
			broken("log: cancelled, and nothing was pending");
		w->pending[0] = '\0';
	}
}

/* With a COMMAND the log is syslog's. */
static void
end_read_log(struct last_word *w, bool killed)
{
	static const char role[] = "dazaid: vault: ";
	const size_t	  n = sizeof(role) - 1;
	bool		  ended = false;
	char		 *line, *copy = strdup(l.log), *next = copy;

	if (copy == NULL)
		fatal("strdup");
	if (secret_leaked())
		broken("a secret is in the log");
	while ((line = strsep(&next, "\n")) != NULL && next != NULL) {
		if (strncmp(line, role, n) == 0) {
			end_line(w, line + n, ended);
			ended = ended || end_is_last(w, line + n);
		} else if (strncmp(line, "dazaid: ", 8) != 0) {
			broken("log: %s", line);
		}
	}
	free(copy);
	if (!ended && !killed && !l.setup.front)
		broken("log: no line tells of the end by %s", w->reason);
}

/*
 * Returns whether the plan has the reason that the log gives, and whether a
 * panic waited for as long as it had to.  The vault counts whole ms.
 */
static void
end_cause(const struct last_word *w)
{
	const usec grace = w->class == GRACEFUL && !w->dry ? l.setup.grace : 0;
	const struct trigger *t;
	bool		      early = false;

	for (t = l.triggers; t < l.triggers + l.ntriggers; t++) {
		if (t->void_ || t->class != w->class || t->inv > l.end ||
		    strncmp(t->reason, w->reason, strlen(w->reason)) != 0)
			continue;
		/* A dry run cannot end a panic that began when it was armed. */
		if (w->dry && t->inv > l.arm_hi)
			continue;
		if (t->inv + grace - TICK > l.end) {
			early = true;
			continue;
		}
		if (grace == 0 || !model_over(t, l.end))
			return;
	}
	broken("it ended by %s%s, %s", w->reason, w->dry ? " (dry-run)" : "",
	    early ? "before its time" : "which nothing has caused");
}

static void
end_status(const struct last_word *w)
{
	const bool lethal = w->class != STOP && !w->dry;

	if (lethal ? l.status != SIGKILL : l.status != 0)
		broken("it ended by %s with status %#x", w->reason,
		    (unsigned int)l.status);
	if (lethal && l.arm_lo == NEVER)
		broken("it killed, and was not armed");
	if (l.bye != NEVER && strcmp(w->reason, "QUIT from the heartbeat") != 0)
		broken("it said BYE, and ended by %s", w->reason);
	if (w->class == GRACEFUL && lethal && l.setup.grace != 0 &&
	    !l.setup.front && !end_lines_may_lack() &&
	    strcmp(w->pending, w->reason) != 0)
		broken("it ended by %s, pending was: %s", w->reason,
		    w->pending);
	end_cause(w);
}

static void
end_network(void)
{
	if (!kid_is_dead(l.networkfd, SLOW))
		broken("network outlives the vault");
}

static void
end_files(void)
{
	static const char *const names[] = { "", ".ctl", ".pid" };
	char			 path[100];
	size_t			 i;

	for (i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", l.sock, names[i]);
		if (access(path, F_OK) == 0)
			broken("%s is left behind", path);
	}
}

static void
end_count(const char *reason)
{
	int i;

	/* "PANIC hard" begins with "PANIC". */
	for (i = CAUSES - 1; i >= 0; i--) {
		if (strncmp(reason, end_causes[i], strlen(end_causes[i])) ==
		    0) {
			l.counts->causes[i]++;
			return;
		}
	}
	broken("it ended by %s", reason);
}

void
end_verdict(void)
{
	const struct trigger *t;
	struct last_word      w;
	bool		      killed = false;

	for (t = l.triggers; t < l.triggers + l.ntriggers; t++)
		killed = killed || t->class == KILL;
	killed = killed && l.status == SIGKILL;
	end_read_last(&w);
	if (!w.said && !killed)
		broken("it ended without a word, status %#x",
		    (unsigned int)l.status);
	end_read_log(&w, killed);
	end_network();
	if (killed) {
		end_count("SIGKILL to the vault");
		kids_verdict(l.arm_lo != NEVER, true);
		return;
	}
	end_status(&w);
	end_files();
	end_count(w.reason);
	kids_verdict(w.class != STOP && !w.dry, false);
}
