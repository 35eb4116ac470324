/* SPDX-License-Identifier: ISC */
/*
 * The daemon has ended: judges the reason by its last words and status, and
 * what it left over.
 */
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storm.h"

/* How the vault says that it ended. */
struct last_word {
	char reason[128];
	enum class class;
	bool dry;
	bool said;
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

/* No line may hold a piece of a secret, or tell of something bad. */
static void
end_log(void)
{
	static const char *const evil[] = { "hostile", "canary", "unmapped",
		"Sanitizer", "runtime error" };
	size_t			 i;

	if (secret_leaked())
		broken("a secret is in the log");
	for (i = 0; i < sizeof(evil) / sizeof(evil[0]); i++) {
		if (strstr(l.log, evil[i]) != NULL)
			broken("log: %s", evil[i]);
	}
}

/*
 * Something must have caused the reason that the vault gives, and a panic must
 * have waited for as long as it had to.  The vault counts whole ms.
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
	if (lethal && !l.setup.armed)
		broken("it killed, and was not armed");
	end_cause(w);
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
	end_log();
	if (!kid_is_dead(l.networkfd, SLOW))
		broken("network outlives the vault");
	if (killed) {
		kids_verdict(l.setup.armed, true);
		return;
	}
	end_status(&w);
	end_files();
	kids_verdict(w.class != STOP && !w.dry, false);
}
