#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# The owner of the daemon can lower the vault's resource limits with prlimit(1)
# while it runs.  Whichever limit is 0, or if all are, the end is as without it, and
# wiped.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

# All of them but the time on the CPU: the kernel answers its hard limit with
# SIGKILL.
limits='as core data fsize locks memlock msgqueue nice nofile nproc rss rtprio
    rttime sigpending stack'

# without_memfd: the daemons that are started from now on have mlock memory
without_memfd() {
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$tools/nomemfd" "$dazaid" >mlocked
	chmod 755 mlocked
	dazaid=$PWD/mlocked
	memory=mlock
}

# zeroes LIMIT: the options that tell prlimit(1) to lower it, or "all", to 0
zeroes() {
	# shellcheck disable=SC2086 # a list of words
	[ "$1" != all ] || set -- $limits
	printf -- '--%s=0:0 ' "$@"
}

# at_each_limit STATUS SIGNAL PROCESS: an armed daemon whose limit is 0 ends with
# STATUS when SIGNAL comes to PROCESS (vault or guardian)
at_each_limit() {
	for limit in $limits all; do
		guarded -a -g 0
		[ -z "${memory:-}" ] || logged "memory: $memory"
		# shellcheck disable=SC2046 # a list of words
		prlimit --pid "$vault" $(zeroes "$limit") 2>prlimit.err ||
		    fail "$limit: $(cat prlimit.err)"
		eval "kill -$2 \$$3"
		echo "$limit: $3, SIG$2"
		ends "$1"
		logged 'secrets wiped'
		not_logged 'not writable'
		kill "$guardian" 2>/dev/null || :
	done
}

behaviour no_time 'at the soft limit of its time on the CPU (SIGXCPU) the vault wipes' \
    require.progs prlimit
no_time_body() {
	guarded -a
	prlimit --pid "$vault" --cpu=0: || fail prlimit
	# The kernel looks at the time only when a tick finds the vault running.
	while "$talk" "$sock.ctl" repeat 1000 'UNREGISTER pid=1\n' \
	    wantn 1000 'ERROR invalid pid' >said 2>&1; do
		:
	done
	ends 152
	logged 'SIGXCPU: secrets wiped'
	not_logged 'not writable'
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
