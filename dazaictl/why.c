/* SPDX-License-Identifier: ISC */
/*
 * The command why: shows the last words of a daemon, from the file PATH.last.
 * dazai-protocol(7) has the grammar.
 */
#include <sys/stat.h>

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "client.h"
#include "json.h"
#include "num.h"
#include "oneline.h"
#include "reach.h"
#include "unit.h"
#include "why.h"

#define WHY_BYTES 512 /* of the longest file that is read */
#define WHY_WORDS 160 /* of a sentence */

struct why {
	char	    line[WHY_BYTES];
	const char *path; /* of the heartbeat's socket */
	int64_t	    time, pid, secrets;
	bool	    armed;
	char	    how[16];
	char	    reason[WHY_BYTES];
};

/*
 * Reads the line of the file name in dir into w->line.  Returns false if it is
 * not a line of last words, if anybody but the owner may write to the file, or
 * if the owner is another user, unless we are root.
 */
static bool
why_read(struct why *w, int dir, const char *name)
{
	struct stat st;
	ssize_t	    len = -1;
	int	    fd;

	fd = openat(dir, name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd == -1)
		return (false);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (st.st_uid == geteuid() || geteuid() == 0) &&
	    (st.st_mode & 022) == 0)
		len = read(fd, w->line, sizeof(w->line) - 1);
	close(fd);
	w->line[len > 0 ? len : 0] = '\0';
	w->line[strcspn(w->line, "\n")] = '\0';
	for (len = (ssize_t)strlen(w->line); len > 0 && w->line[len - 1] == ' ';
	     len--)
		w->line[len - 1] = '\0';
	return (answer_is_last(w->line));
}

/* Fills in *w from its line. */
static void
why_parse(struct why *w)
{
	char	    value[32];
	const char *reason = strstr(w->line, " reason=\"");

	(void)num_int(answer_value(w->line, "time=", value, sizeof(value)), 0,
	    INT64_MAX - 1, &w->time);
	(void)num_int(answer_value(w->line, "pid=", value, sizeof(value)), 0,
	    INT_MAX, &w->pid);
	reason += strlen(" reason=\"");
	(void)snprintf(w->reason, sizeof(w->reason), "%.*s",
	    (int)strcspn(reason, "\""), reason);
	/* The fields after the reason, whose text may look like a field. */
	reason = strchr(reason, '"');
	w->armed = strcmp(answer_value(reason, "armed=", value, sizeof(value)),
		       "1") == 0;
	(void)num_int(answer_value(reason, "secrets=", value, sizeof(value)), 0,
	    INT64_MAX - 1, &w->secrets);
	(void)answer_value(reason, "how=", w->how, sizeof(w->how));
}

/*
 * Finds the latest last words at the places; returns false if there are none.
 */
static bool
why_find(const struct sockpath *places, struct why *w)
{
	char	     name[SOCKPATH_SIZE + sizeof(".last")], wrong[SOCKPATH_WHY];
	struct why   one;
	unsigned int i;
	bool	     found = false, private;
	int	     dir;

	for (i = 0; i < places->n; i++) {
		memset(&one, 0, sizeof(one));
		one.path = places->path[i];
		dir = sockpath_opendir(one.path, false, &private, wrong);
		if (dir == -1)
			continue;
		(void)snprintf(name, sizeof(name), "%s.last",
		    sockpath_name(one.path));
		if (why_read(&one, dir, name)) {
			why_parse(&one);
			if (!found || one.time > w->time)
				*w = one;
			found = true;
		}
		close(dir);
	}
	return (found);
}

/* Returns whether the last words say that the daemon runs, and it does. */
static bool
why_lives(const struct why *w, const struct sockpath *places)
{
	static struct reach r = { .seconds = 1, .any = true };
	enum reach_result   result;

	if (strcmp(w->how, "running") != 0)
		return (false);
	result = reach_find(&r, places, ".ctl");
	if (r.fd != -1)
		close(r.fd);
	reach_close(&r);
	return ((result == REACH_FOUND || result == REACH_FULL) &&
	    strcmp(r.path, w->path) == 0);
}

/* Returns words for how the daemon ended. */
static const char *
why_words(const struct why *w, char *words)
{
	static const struct {
		const char *how, *words;
	} hows[] = { { "panic", "a panic" }, { "hard", "a hard panic" },
		{ "stopped", "a clean end" }, { "died", "a signal" },
		{ "failed", "the start failed" } };
	size_t i;

	if (strcmp(w->how, "running") == 0)
		return ("killed before it could say why, as by SIGKILL "
			"or a lack of memory");
	for (i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		if (strcmp(w->how, hows[i].how) == 0)
			break;
	}
	(void)snprintf(words, WHY_WORDS, "%s%s%.100s",
	    i < sizeof(hows) / sizeof(hows[0]) ? hows[i].words : "",
	    i < sizeof(hows) / sizeof(hows[0]) ? ": " : "", w->reason);
	return (words);
}

/* Formats the time of the last words: "2026-11-28 10:02:11, 12 min ago". */
static const char *
why_time(const struct why *w, char *words)
{
	const time_t then = (time_t)w->time, now = time(NULL);
	char	     when[64] = "", ago[UNIT_PRINT];
	struct tm    tm;

	if (localtime_r(&then, &tm) != NULL)
		(void)strftime(when, sizeof(when), "%F %T", &tm);
	(void)snprintf(words, WHY_WORDS, "%s, %s ago", when,
	    unit_time(now > then ? (int64_t)(now - then) * 1000 : 0, ago));
	return (words);
}

static void
why_print(const struct why *w, const struct sockpath *places)
{
	const bool running = strcmp(w->how, "running") == 0;
	char	   words[WHY_WORDS], when[WHY_WORDS];

	if (why_lives(w, places)) {
		printf("the daemon runs: process %" PRId64 ", since %s\n",
		    w->pid, why_time(w, when));
		return;
	}
	printf("%s %s\n",
	    running ? "started:   " : "ended:     ", why_time(w, when));
	printf("why:        %s\n", why_words(w, words));
	printf("daemon:     process %" PRId64 ", %s\n", w->pid,
	    w->armed ? "armed" : "not armed (dry-run)");
	printf("secrets:    %" PRId64 "%s\n", w->secrets,
	    running ? " when it started; what it did not wipe, the kernel "
		      "zeroes if it was secretmem" :
		      ", wiped");
}

/* Prints the latest last words at the places. */
void
why_show(const struct sockpath *places, enum list_form form)
{
	struct why w;

	if (!why_find(places, &w))
		errx(EXIT_NO_DAEMON, "%s.last: no last words of a daemon",
		    oneline(places->path[0]));
	if (form == LIST_WORDS)
		why_print(&w, places);
	else if (form == LIST_LINES)
		puts(w.line);
	else
		json_last(w.time, w.pid, w.reason, w.armed, w.secrets, w.how);
}

/* Prints to standard error how the last daemon ended, if that is known. */
void
why_warn(const struct sockpath *places)
{
	struct why w;
	char	   words[WHY_WORDS], when[WHY_WORDS];

	if (!why_find(places, &w))
		return;
	if (strcmp(w.how, "running") == 0)
		warnx("the last daemon, started %s, was %s", why_time(&w, when),
		    why_words(&w, words));
	else
		warnx("the last daemon ended %s: %s", why_time(&w, when),
		    why_words(&w, words));
}
