/* SPDX-License-Identifier: ISC */
/*
 * Formats the lines in which network passes the vault's answers and reports on
 * to clients.  The buffer for a line of the control socket has ANSWER_BYTES.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "num.h"
#include "secmem.h"

static pid_t answer_vault; /* in STATUS */

/*
 * Stores the pid of the vault, our parent.  Call this before the sandbox, which
 * forbids getppid(2).
 */
void
answer_init(void)
{
	answer_vault = getppid();
}

/* STATUS key=value ... */
void
answer_status(char *line, const struct imsg_report *s)
{
	char grace[NUM_PRINT], left[NUM_PRINT], timeout[NUM_PRINT];
	char first[NUM_PRINT];

	(void)snprintf(line, ANSWER_BYTES,
	    "STATUS alive=1 armed=%" PRIu32 " grace=%s registered=%" PRIu32
	    " guarded=%" PRIu32 " pending=%" PRIu32
	    " memory=%s secrets=%" PRIu32 " left=%s heartbeat=%" PRIu32
	    " since=%" PRId64 " tethers=%" PRIu32
	    " timeout=%s pid=%ld size=%" PRIu64 " room=%" PRIu64
	    " groups=%" PRIu32 " first=%s\n",
	    s->armed, num_print_ms(s->grace, grace), s->registered, s->guarded,
	    s->pending, secmem_name(s->memory), s->secrets,
	    num_print_ms(s->left, left), s->heartbeat, s->since, s->tethers,
	    num_print_ms(s->timeout, timeout), (long)answer_vault, s->size,
	    s->room, s->groups, num_print_ms(s->first, first));
}

/* NAME SIZE READS-LEFT SECONDS-LEFT, with '-' for no limit */
void
answer_entry(char *line, const struct imsg_entry *e)
{
	char left[NUM_PRINT] = "-", reads[NUM_PRINT] = "-";

	if (e->reads != 0)
		(void)snprintf(reads, sizeof(reads), "%" PRIu32, e->reads);
	if (e->left != -1)
		(void)num_print_ms(e->left, left);
	(void)snprintf(line, ANSWER_BYTES, "%s %" PRIu64 " %s %s\n", e->name,
	    e->size, reads, left);
}

/* NAME HOLDERS held|lost PID */
void
answer_tether(char *line, const struct imsg_tether *t)
{
	(void)snprintf(line, ANSWER_BYTES, "%s %" PRIu32 " %s %" PRIu32 "\n",
	    t->name, t->holders, t->lost != 0 ? "lost" : "held", t->pid);
}

/* If text is not empty, appends " key=text", with '-' for each blank. */
static void
answer_word(char *line, const char *key, const char *text)
{
	const size_t len = strlen(line);
	char	    *p;

	if (text[0] == '\0')
		return;
	(void)snprintf(line + len, ANSWER_BYTES - len, " %s=%s", key, text);
	for (p = line + len + 1; (p = strchr(p, ' ')) != NULL;)
		*p = '-';
}

/* EVENT KIND key=value ... */
void
answer_event(char *line, const struct imsg_event *e)
{
	static const struct {
		const char *word, *name, *why;
	} kinds[IMSG_EVENTS_KINDS] = {
		[IMSG_EVENT_GUARDED] = { "guarded", "tether", "why" },
		[IMSG_EVENT_LOST] = { "lost", "tether", "why" },
		[IMSG_EVENT_RELEASED] = { "released", "tether", "why" },
		[IMSG_EVENT_PENDING] = { "pending", "tether", "reason" },
		[IMSG_EVENT_CANCELLED] = { "cancelled", "tether", "why" },
		[IMSG_EVENT_ARMED] = { "armed", "tether", "why" },
		[IMSG_EVENT_PUT] = { "put", "name", "why" },
		[IMSG_EVENT_GOT] = { "got", "name", "why" },
		[IMSG_EVENT_GONE] = { "gone", "name", "why" },
		[IMSG_EVENT_BYE] = { "bye", "name", "why" },
	};
	char number[NUM_PRINT] = "";

	(void)snprintf(line, ANSWER_BYTES, "EVENT %s", kinds[e->kind].word);
	answer_word(line, kinds[e->kind].name, e->name);
	if (e->kind == IMSG_EVENT_PENDING)
		answer_word(line, "seconds", num_print_ms(e->ms, number));
	if (e->pid != 0)
		(void)snprintf(number, sizeof(number), "%" PRIu32, e->pid);
	else
		number[0] = '\0';
	answer_word(line, "pid", number);
	answer_word(line, kinds[e->kind].why, e->why);
	(void)strncat(line, "\n", ANSWER_BYTES - strlen(line) - 1);
}

/*
 * If im is the answer to a PING or CANCEL, appends its line to c's answers.
 * Otherwise does nothing.
 */
void
answer_holder(struct conn *c, const struct imsg *im)
{
	char	 line[ANSWER_BYTES];
	uint32_t i;

	switch (im->type) {
	case IMSG_PONG:
		for (i = 0; i < im->u.number.n; i++)
			conn_answer(c, "PONG\n");
		break;
	case IMSG_CANCELLED:
		conn_answer(c, "CANCELLED\n");
		break;
	case IMSG_NOTHING_PENDING:
		conn_answer(c, "NOTHING-PENDING\n");
		break;
	case IMSG_STILL_LOST:
		(void)snprintf(line, sizeof(line), "ERROR lost %s\n",
		    im->u.tether.name);
		conn_answer(c, line);
		break;
	}
}
