#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The owner of the daemon can lower the vault's resource limits with prlimit(1)
# while it runs.  If any limit is 0, or all are, the daemon ends as it does without that,
# and wipes.

. "$(atf_get_srcdir)/lib.sh"

# All limits but that of the CPU time: at its hard limit the kernel sends
# SIGKILL.
limits='as core data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack'

# zeroes LIMIT: the options that tell prlimit(1) to lower it, or "all", to 0
zeroes() {
	[ "$1" != all ] || set -- $limits
	printf -- '--%s=0:0 ' "$@"
}

# at_zero STATUS SIGNAL PROCESS LIMIT...: an armed daemon, with secretmem and with mlock
# memory, one of whose limits is 0, ends with STATUS when SIGNAL comes to PROCESS (vault
# or guardian)
at_zero() {
	local status=$1 sig=$2 process=$3 memory limit

	shift 3
	for memory in '' "$tools/nomemfd"; do
		through "exec $memory"
		for limit; do
			guarded -a -g 0
			[ -z "$memory" ] || logged 'memory: mlock'
			# No descriptor at all ends a poll(2) that has not begun.
			until grep -q '^State:.S' "/proc/$vault/status"; do
				sleep 0.02
			done
			prlimit --pid "$vault" $(zeroes "$limit") 2>prlimit.err ||
			    fail "$limit: $(cat prlimit.err)"
			eval "kill -$sig \$$process"
			echo "$memory $limit: $process, SIG$sig"
			ends "$status"
			logged 'secrets wiped'
			not_logged 'not writable'
			kill "$guardian" 2>/dev/null || :
		done
	done
}

# nothing_stops NAME TEXT STATUS SIGNAL PROCESS: declares the case
nothing_stops() {
	behaviour "no_limit_stops_$1" \
	    "with any one resource limit at 0, or all of them, $2" require.progs prlimit
	eval "no_limit_stops_${1}_body() { at_zero $3 $4 $5 $limits all; }"
}

nothing_stops a_hard_panic 'SIGUSR2 wipes and kills at once' $SIGKILL USR2 vault
nothing_stops a_loss 'a lost heartbeat wipes and kills' $SIGKILL KILL guardian
nothing_stops a_clean_end 'SIGTERM wipes and exits with 0' 0 TERM vault

behaviour a_client_without_descriptors_says_so \
    'dazaictl says that it may have too few descriptors, and does not blame the daemon; with enough it works'
a_client_without_descriptors_says_so_body() {
	guarded
	served=0 n=3
	while [ $served -lt 2 ] && [ $n -lt 30 ]; do
		n=$((n + 1))
		if (
			ulimit -n $n
			exec "$ctl" -s "$sock" get "$name"
		) >got 2>why; then
			served=$((served + 1))
			cmp -s got secret || fail "$n: another secret"
		else
			grep -q 'Too many open files' why || fail "$n: $(cat why)"
		fi
	done
	[ $served -eq 2 ] || fail "it never has enough"
	[ $n -gt 5 ] || fail "it always had"
	stands_down
}
