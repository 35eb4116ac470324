/* SPDX-License-Identifier: ISC */
/*
 * The effects of a panic, in the order of struct panic_ops.  They may run in a
 * signal handler, so they neither format nor allocate anything.  The exception
 * is a time in the lines of a graceful panic, which only the loop triggers.
 */
#include <sys/socket.h>
#include <sys/wait.h>

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alive.h"
#include "child.h"
#include "event.h"
#include "files.h"
#include "imsg.h"
#include "last.h"
#include "log.h"
#include "notify.h"
#include "num.h"
#include "prompt.h"
#include "registry.h"
#include "vault.h"

/*
 * How long network may take to write its lines of the log, to deliver BYE or to
 * write the vault's last lines into a file, and then to end.
 */
#define EFFECTS_LOG_MS	50
#define EFFECTS_BYE_MS	200
#define EFFECTS_FILE_MS 500

#define EFFECTS_LINE 160 /* bytes of a line to the holders */
#define EFFECTS_PIDS (REGISTRY_MAX * 12 + 16) /* bytes of a list of pids */

#define EFFECTS_WATCH_MS 20 /* ms for network to tell the watchers */
/*
 * How long after the end of its socket wait(2) may take to have network's
 * status.
 */
#define EFFECTS_FATE_MS 500

static void
effects_wipe(void)
{
	v.damage = secmem_wipe(&v.mem);
}

static void
effects_remove_files(void)
{
	prompt_restore();
	files_remove();
}

/*
 * Returns whether network has closed its socket; it may be lost all the same.
 */
static bool
effects_network_closed(void)
{
	const struct timespec at_once = { 0, 0 };
	struct pollfd	      pfd = { v.imsg, 0, 0 };

	return (ppoll(&pfd, 1, &at_once, NULL) == 1 &&
	    (pfd.revents & POLLHUP) != 0);
}

/*
 * Returns words for how network ended.  If they end with the name of a signal,
 * sets *sig to that name, for the log to append.  The kernel closes network's
 * socket before wait(2) has its status, so this waits for the status, at most
 * EFFECTS_FATE_MS.  The secrets have been wiped by then.
 */
static const char *
effects_fate(pid_t pid, const char **sig)
{
	const struct timespec ms = { 0, 1000000 };
	const char	     *name;
	int		      i, status;

	for (i = 0; i < EFFECTS_FATE_MS && effects_network_closed(); i++) {
		if (waitpid(pid, &status, WNOHANG) == pid) {
			if (!WIFSIGNALED(status))
				return (", it exited");
			name = sigabbrev_np(WTERMSIG(status));
			*sig = name != NULL ? name : "NAL";
			return (", killed by SIG");
		}
		(void)ppoll(NULL, 0, &ms, NULL);
	}
	return ("");
}

/* Sends the heartbeat its BYE, if it waits for one, and waits for network. */
static void
effects_end_network(int64_t ms)
{
	const struct imsg bye = { .type = IMSG_BYE,
		.peerid = v.session.holders[SESSION_HEARTBEAT].peerid,
		.fd = -1 };

	if (v.bye)
		(void)imsg_send(v.imsg, &bye, MSG_DONTWAIT);
	v.bye = false;
	child_end(v.imsg, ms);
}

/*
 * Call this before the last lines of the log.  They come after the wipe, so
 * they may block for a while.  The vault writes them itself, after network has
 * written all earlier ones.  But if the log is a file, a write can block for
 * ever (see log.c): then network writes the last lines, too, if it still can.
 */
void
effects_log_begin(void)
{
	const bool able = !v.network_lost && !v.network_hostile &&
	    !child_is_stopped(v.network);

	if (!log_is_relayed() || (able && log_is_file()))
		return;
	if (able)
		effects_end_network(v.bye ? EFFECTS_BYE_MS : EFFECTS_LOG_MS);
	log_relay(-1);
}

/* Call this after the last lines of the log. */
void
effects_log_end(void)
{
	if (log_is_relayed())
		effects_end_network(EFFECTS_FILE_MS);
	else if (v.bye)
		effects_end_network(EFFECTS_BYE_MS);
}

/*
 * Tells the watchers that the daemon ends, and waits a moment until network has
 * passed that on.  If network writes the log, effects_log_end() waits instead.
 */
static void
effects_bye(const char *reason)
{
	const struct timespec moment = { 0, EFFECTS_WATCH_MS * 1000000L };

	if (!event_wanted())
		return;
	event_send(IMSG_EVENT_BYE, NULL, 0, 0, reason);
	if (!log_is_relayed())
		(void)ppoll(NULL, 0, &moment, NULL);
}

/*
 * Tells the holders in a line that a panic is pending, cancelled or executed.
 * The line consists of what, seconds, which may be empty, and reason.
 */
static void
effects_tell(const char *what, const char *seconds, const char *reason)
{
	char line[EFFECTS_LINE];

	(void)strlcpy(line, what, sizeof(line));
	(void)strlcat(line, seconds, sizeof(line));
	(void)strlcat(line, reason, sizeof(line) - 1);
	(void)strlcat(line, "\n", sizeof(line));
	alive_tell(line, strlen(line));
}

/*
 * Logs what an armed daemon would have done, before the line of a panic that is
 * only rehearsed.
 */
static void
effects_rehearsed(bool hard)
{
	char number[NUM_PRINT], wait[NUM_PRINT], pids[EFFECTS_PIDS] = "";
	unsigned int i;

	for (i = 0; i < registry_count(); i++) {
		(void)strlcat(pids, i == 0 ? ", and process " : ", ",
		    sizeof(pids));
		(void)strlcat(pids,
		    num_print((uint64_t)registry_pid(i), number), sizeof(pids));
	}
	if (hard || v.panic.grace == 0)
		log_alert("rehearsal: an armed daemon would have killed "
			  "itself at once",
		    pids);
	else
		log_alert("rehearsal: an armed daemon would have waited ",
		    num_print_ms(v.panic.grace, wait),
		    " s for CANCEL, and then killed itself", pids);
}

/* Tells everybody of the end but the log, and prepares the log. */
static void
effects_end(enum panic_event event, const char *reason)
{
	static const char *const how[] = { [PANIC_EXECUTED] = "panic",
		[PANIC_HARD] = "hard",
		[PANIC_STOPPED] = "stopped" };

	last_words(how[event], reason);
	if (event != PANIC_STOPPED)
		effects_tell("EVENT executed ", "", reason);
	notify_stopping(reason);
	effects_bye(reason);
	effects_log_begin();
}

static void
effects_log_pending(const char *reason)
{
	char seconds[NUM_PRINT + 1];

	(void)strlcat(num_print_ms(v.panic.grace, seconds), " ",
	    sizeof(seconds));
	effects_tell("EVENT pending ", seconds, reason);
	event_send(IMSG_EVENT_PENDING, NULL, 0, v.panic.grace, reason);
	log_info("panic pending: %s, %lld.%03lld s to cancel it", reason,
	    (long long)v.panic.grace / 1000, (long long)v.panic.grace % 1000);
}

/* Logs a panic that was executed. */
static void
effects_log_panic(bool hard, const char *reason)
{
	const char *mode = v.panic.armed ? ": " : " (dry-run): ";
	const char *end = v.panic.armed ? ": secrets wiped, SIGKILL" :
					  ": secrets wiped, WOULD SIGKILL";
	const char *fate = "", *sig = "";

	if (!v.panic.armed)
		effects_rehearsed(hard);
	if (v.network_lost)
		fate = effects_fate(v.network, &sig);
	log_alert(hard ? "HARD PANIC" : "PANIC", mode, reason, fate, sig, end);
}

/* For struct panic_ops: tells everybody of the event. */
static void
effects_log(enum panic_event event, const char *reason)
{
	if (event != PANIC_PENDING && event != PANIC_CANCELLED)
		effects_end(event, reason);
	switch (event) {
	case PANIC_PENDING:
		effects_log_pending(reason);
		break;
	case PANIC_CANCELLED:
		effects_tell("EVENT cancelled ", "", reason);
		event_send(IMSG_EVENT_CANCELLED, NULL, 0, 0, reason);
		log_info("panic CANCELLED by %s", reason);
		break;
	case PANIC_EXECUTED:
	case PANIC_HARD:
		effects_log_panic(event == PANIC_HARD, reason);
		break;
	case PANIC_STOPPED:
		log_alert(reason, ": secrets wiped, bye");
		break;
	}
	if (v.damage != NULL)
		log_alert(v.damage);
}

/*
 * Kills this process by SIGKILL.  Process 1 of a PID namespace cannot kill
 * itself; it exits with the status that a shell shows for SIGKILL.
 */
static void
effects_kill(void)
{
	effects_log_end();
	(void)kill(v.self, SIGKILL);
	_exit(128 + SIGKILL);
}

static void
effects_done(void)
{
	effects_log_end();
	_exit(0);
}

const struct panic_ops effects_ops = { .wipe = effects_wipe,
	.kill_registered = registry_kill,
	.remove_files = effects_remove_files,
	.log = effects_log,
	.kill = effects_kill,
	.done = effects_done };
