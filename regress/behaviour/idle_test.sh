#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# A guarded session costs nothing: with nothing to do no process wakes up.

. "$(atf_get_srcdir)/lib.sh"

behaviour an_unguarded_daemon_sleeps \
    'without a heartbeat no process wakes up, in the foreground and in the background'
an_unguarded_daemon_sleeps_body() {
	start
	sleeps 3000 "$vault" "$network"
	lives
	"$dazaid" -s "$sock" -a -t 600 2>err || fail "$(cat err)"
	found
	heartbeat -i 0
	sleeps 3000 "$vault" "$network" "$heartbeat"
	kill -QUIT "$heartbeat"
	talk - ended "$vault"
	gone
}

behaviour a_guarded_daemon_sleeps \
    'while the session is guarded no process wakes up, though there is a deadline far away, or a byte out of band'
a_guarded_daemon_sleeps_body() {
	start -a -t 0
	idler
	heartbeat -i 0 -p "$idler"
	sleeps 3000 "$vault" "$network" "$heartbeat"
	kill "$idler"
	talk - ended "$heartbeat" log log 'panic pending'
	stop
	start -a -g 0 -t 600
	# A byte out of band is no part of a line.
	client "$sock" hello urgent X ping urgent Y echo guards hold
	sleeps 3000 "$vault" "$network" "$client"
	talk "$sock.ctl" ask STATUS '*guarded=1*'
	kill "$client"
	ends $SIGKILL
}

behaviour a_pending_daemon_sleeps \
    'during a long grace, and after a cancelled one, no process wakes up'
a_pending_daemon_sleeps_body() {
	start -a -g 600 -t 300
	talk "$sock" hello ping
	logged 'panic pending'
	heartbeat -i 0
	logged 'panic CANCELLED'
	kill -USR1 "$vault"
	logged 'panic pending: SIGUSR1'
	sleeps 2000 "$vault" "$network" "$heartbeat"
	kill -USR1 "$heartbeat"
	logged 'panic CANCELLED by CANCEL'
	sleeps 2000 "$vault" "$network" "$heartbeat"
	stand_down
}

behaviour deadlines_run_while_the_machine_sleeps 'the timer of the vault is on the clock that goes on in suspend' \
    require.user root
deadlines_run_while_the_machine_sleeps_body() {
	start -a -t 600
	heartbeat -i 0
	timers=
	for fd in "/proc/$vault/fd/"*; do
		[ "$(readlink "$fd")" = 'anon_inode:[timerfd]' ] || continue
		timers="$timers ${fd##*/}"
	done
	set -- $timers
	[ $# -eq 1 ] || fail "timers: $timers"
	info="/proc/$vault/fdinfo/$1"
	# CLOCK_BOOTTIME, set to an absolute time (TFD_TIMER_ABSTIME), not again.
	present -x 'clockid: 7' "$info"
	present -x 'it_interval: (0, 0)' "$info"
	left=$(sed -n 's/^it_value: (\([0-9]*\),.*/\1/p' "$info")
	[ "$left" -gt 500 ] || fail "$(cat "$info")"
	[ "$left" -le 600 ] || fail "$(cat "$info")"
	stand_down
}
