/* SPDX-License-Identifier: ISC */
/*
 * The daemon has ended: judges the reason by its log and status, and what it
 * left over.
 */
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

const char *const end_causes[CAUSES] = { "heartbeat connection dropped",
	"ping deadline missed", "SIGUSR1", "SIGHUP", "PANIC", "PANIC hard",
	"SIGUSR2", "SIGQUIT", "SIGTERM", "SIGINT", "QUIT from the heartbeat",
	"network process lost", "SIGKILL to the vault", "tether",
	"the command was never guarded" };

/* What the log says about the end. */
struct last_word {
	char reason[128];
	char pending[128]; /* of the last panic that was not cancelled */
	enum class class;
	bool dry;
	bool said;
};

/*
 * Splits "WORD[ (MODE)]: REASON: secrets wiped...", where REASON may have a
 * colon; false if line is another one.
 */
static bool
end_panic(const char *line, const char *word, char *mode, char *reason,
    char *end)
{
	const char *at, *wiped;

	if (strncmp(line, word, strlen(word)) != 0 ||
	    (at = strchr(line, ':')) == NULL ||
	    (wiped = strstr(at, ": secrets wiped")) == NULL || wiped == at)
		return (false);
	(void)snprintf(mode, 32, "%.*s", (int)(at - line - (int)strlen(word)),
	    line + strlen(word));
	(void)snprintf(reason, 128, "%.*s", (int)(wiped - at - 2), at + 2);
	(void)snprintf(end, 128, "%s", wiped + 2);
	return (true);
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

/* Handles a line of the log, without "dazaid: vault: ". */
static void
end_line(struct last_word *w, const char *line)
{
	char mode[32] = "", reason[128] = "", end[128] = "";

	if (strstr(line, "hostile") != NULL || strstr(line, "canary") != NULL ||
	    strstr(line, "unmapped") != NULL ||
	    strstr(line, "Sanitizer") != NULL ||
	    strstr(line, "runtime error") != NULL)
		broken("log: %s", line);
	/* The vault waits 50 ms for one that is not stopped. */
	if (w->said &&
	    (end_lines_may_lack() ||
		(l.setup.verbose && strstr(line, " from network") != NULL)))
		return;
	if (w->said)
		broken("log: a line behind the last: %s", line);
	if (sscanf(line, "panic pending: %127[^,],", reason) == 1) {
		if (w->pending[0] != '\0')
			broken("log: pending twice");
		memcpy(w->pending, reason, sizeof(reason));
	} else if (strncmp(line, "panic CANCELLED by", 18) == 0) {
		if (w->pending[0] == '\0')
			broken("log: cancelled, and nothing was pending");
		w->pending[0] = '\0';
	} else if (end_panic(line, "HARD PANIC", mode, reason, end)) {
		w->class = HARD;
		w->said = true;
	} else if (end_panic(line, "PANIC", mode, reason, end)) {
		w->class = GRACEFUL;
		w->said = true;
	} else if (sscanf(line, "%127[^:]: %127[^\n]", reason, end) == 2 &&
	    strcmp(end, "secrets wiped, bye") == 0) {
		w->class = STOP;
		w->said = true;
	}
	if (!w->said)
		return;
	memcpy(w->reason, reason, sizeof(reason));
	w->dry = mode[0] != '\0';
	if (w->class != STOP &&
	    strcmp(end,
		w->dry ? "secrets wiped, WOULD SIGKILL" :
			 "secrets wiped, SIGKILL") != 0)
		broken("log: %s", line);
}

static void
end_read_log(struct last_word *w)
{
	static const char role[] = "dazaid: vault: ";
	const char	 *line, *end;
	char		  copy[512];

	memset(w, 0, sizeof(*w));
	if (secret_leaked())
		broken("a secret is in the log");
	for (line = l.log; *line != '\0'; line = end + (*end == '\n')) {
		end = line + strcspn(line, "\n");
		(void)snprintf(copy, sizeof(copy), "%.*s", (int)(end - line),
		    line);
		if (strncmp(copy, role, sizeof(role) - 1) == 0)
			end_line(w, copy + sizeof(role) - 1);
		else if (strncmp(copy, "dazaid: ", 8) != 0)
			broken("log: %s", copy);
	}
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

/*
 * The daemon's last words: how it ended, by itself, in the words of its log;
 * or, if it was killed, that it runs.  With a COMMAND the log is syslog's, and
 * they are all that there is.
 */
static void
end_last(struct last_word *w, bool killed)
{
	static const char *const how[] = { [GRACEFUL] = " how=panic ",
		[HARD] = " how=hard ",
		[STOP] = " how=stopped " };
	unsigned int		 c;
	char	    path[100], text[257] = "", pid[32], reason[128] = "";
	const char *at;
	FILE	   *f;

	(void)snprintf(path, sizeof(path), "%s.last", l.sock);
	if ((f = fopen(path, "re")) == NULL)
		broken("no last words");
	(void)!fread(text, 1, sizeof(text) - 1, f);
	(void)fclose(f);
	(void)snprintf(pid, sizeof(pid), " pid=%ld ", (long)l.vault);
	at = strstr(text, " reason=\"");
	if (at == NULL || sscanf(at, " reason=\"%127[^\"]", reason) != 1 ||
	    strlen(text) != sizeof(text) - 1 || strstr(text, pid) == NULL)
		broken("last words: %s", text);
	for (c = 0; l.setup.front && c <= STOP; c++) {
		if (strstr(text, how[c]) == NULL)
			continue;
		*w = (struct last_word){ .class = (enum class)c,
			.dry = c != STOP && strstr(text, " armed=0 ") != NULL,
			.said = true };
		memcpy(w->reason, reason, sizeof(reason));
	}
	if (killed) {
		if (!w->said && strstr(text, " how=running ") == NULL)
			broken("last words of one that was killed: %s", text);
		return;
	}
	/* The log may say more: how network ended. */
	if (!w->said || strstr(text, how[w->class]) == NULL ||
	    strncmp(reason, w->reason, strlen(reason)) != 0 ||
	    (w->class != STOP &&
		strstr(text, w->dry ? " armed=0 " : " armed=1 ") == NULL))
		broken("it ended by %s, last words: %s", w->reason, text);
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

	end_read_log(&w);
	for (t = l.triggers; t < l.triggers + l.ntriggers; t++)
		killed = killed || t->class == KILL;
	killed = killed && l.status == SIGKILL;
	end_network();
	end_last(&w, killed);
	if (!w.said && !killed)
		broken("it ended without a word, status %#x",
		    (unsigned int)l.status);
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
