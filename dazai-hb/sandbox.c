/* SPDX-License-Identifier: ISC */
/*
 * Takes away the heartbeat's rights once it guards.  It has no secret, but it
 * runs for as long as the session, and reads from a socket.
 */
#include <fcntl.h>

#include "filter.h"
#include "notice.h"
#include "sandbox.h"

/*
 * Allows the calls that the loop and connecting again need, and none that opens
 * a file, starts a program or sends a signal.  If terminal is not NULL, allows
 * opening that file alone: terminal must be in memory that stays read-only,
 * because the filter compares the address of the path.  Any other call kills
 * the process, and the daemon takes that for the loss of the heartbeat.
 * Returns -1 with errno.
 */
int
sandbox_heartbeat(const char *terminal)
{
	static const struct filter_rule rules[] = {
		FILTER_ALLOW(statx), /* path.c */
		FILTER_ALLOW(readlinkat),
		FILTER_ALLOW(inotify_add_watch),
		{ SCMP_SYS(fcntl), 1, { { 1, SCMP_CMP_EQ, F_SETLK, 0 } } },
	};
	const struct filter_rule  open_terminal = { SCMP_SYS(openat), 2,
		 { { 1, SCMP_CMP_EQ, (scmp_datum_t)(uintptr_t)terminal, 0 },
		     { 2, SCMP_CMP_EQ, NOTICE_FLAGS, 0 } } };
	const struct filter_table tables[] = {
		filter_client,
		{ rules, sizeof(rules) / sizeof(rules[0]) },
		{ &open_terminal, 1 },
	};

	return (filter_load(SCMP_ACT_KILL_PROCESS, tables,
	    terminal != NULL ? 3 : 2));
}
