#!/usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# The owner of the daemon can lower the vault's resource limits with prlimit(1)
# while it runs.  Whichever limit is 0, the end is as without it, and wiped.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

limits='as core cpu data fsize locks memlock msgqueue nice nofile nproc rss
    rtprio rttime sigpending stack'

# without_memfd: the daemons that are started from now on have mlock memory
without_memfd() {
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$tools/nomemfd" "$dazaid" >mlocked
	chmod 755 mlocked
	dazaid=$PWD/mlocked
	memory=mlock
}

# at_each_limit STATUS SIGNAL PROCESS: an armed daemon whose limit is 0 ends with
# STATUS when SIGNAL comes to PROCESS (vault or guardian)
at_each_limit() {
	for limit in $limits; do
		guarded -a -g 0
		[ -z "${memory:-}" ] || logged "memory: $memory"
		prlimit --pid "$vault" "--$limit=0:0" 2>prlimit.err ||
		    fail "$limit: $(cat prlimit.err)"
		eval "kill -$2 \$$3"
		echo "$limit: $3, SIG$2"
		ends "$1"
		logged 'secrets wiped'
		not_logged 'not writable'
		kill "$guardian" 2>/dev/null || :
	done
}

behaviour hard_secretmem 'with any limit at 0, SIGUSR2 wipes and kills at once' \
    require.progs prlimit
hard_secretmem_body() {
	at_each_limit $SIGKILL USR2 vault
}

behaviour hard_mlock 'in mlock memory, with any limit at 0, SIGUSR2 wipes and kills at once' \
    require.progs prlimit
hard_mlock_body() {
	without_memfd
	at_each_limit $SIGKILL USR2 vault
}

behaviour lost_secretmem 'with any limit at 0, a lost heartbeat wipes and kills' \
    require.progs prlimit
lost_secretmem_body() {
	at_each_limit $SIGKILL KILL guardian
}

behaviour lost_mlock 'in mlock memory, with any limit at 0, a lost heartbeat wipes and kills' \
    require.progs prlimit
lost_mlock_body() {
	without_memfd
	at_each_limit $SIGKILL KILL guardian
}

behaviour term_secretmem 'with any limit at 0, SIGTERM wipes and exits with 0' \
    require.progs prlimit
term_secretmem_body() {
	at_each_limit 0 TERM vault
}

behaviour term_mlock 'in mlock memory, with any limit at 0, SIGTERM wipes and exits with 0' \
    require.progs prlimit
term_mlock_body() {
	without_memfd
	at_each_limit 0 TERM vault
}
