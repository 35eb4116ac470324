#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# A guarded session costs nothing: with nothing to do no process wakes up.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

real=$dazaid

# How often each of the processes PID... has been run, as of now.
switches() {
	local pid

	for pid; do
		sed -n "s/ctxt_switches/& of $pid/p" "/proc/$pid/status" ||
		    fail "$pid is gone"
	done
}

# sleeps PID...: once what it had to do is done, none is run for three seconds
sleeps() {
	local before tries=0

	# What it had to do: it is done when nothing has been run for a while.
	until before=$(switches "$@") && talk - mark at 250 &&
	    [ "$(switches "$@")" = "$before" ]; do
		tries=$((tries + 1))
		[ $tries -lt 40 ] || fail "never at rest: $(switches "$@")"
	done
	talk - mark at 3000
	[ "$(switches "$@")" = "$before" ] || fail "before: $before
now: $(switches "$@")"
}

behaviour unguarded_sleeps 'without a heartbeat nothing wakes up'
unguarded_sleeps_body() {
	start
	sleeps "$vault" "$network"
	lives
}

behaviour guarded_sleeps 'guarded, nothing wakes up, dazai-hb and its watch included'
guarded_sleeps_body() {
	start -a -t 0
	sleep 60 &
	watched=$!
	remember "$watched"
	heartbeat -i 0 -p "$watched"
	sleeps "$vault" "$network" "$heartbeat"
	kill "$watched"
	talk - ended "$heartbeat" log log 'panic pending'
	kill "$vault"
	ends 0
}

# ticks PID: how much of the processor it has had, in user and kernel mode
ticks() {
	sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 12,13
}

behaviour urgent_byte_sleeps 'a byte out of band, which is no part of a line, costs nothing either'
urgent_byte_sleeps_body() {
	start -a -g 0
	client "$sock" say "$guard" want WELCOME urgent X say PING want PONG \
	    urgent Y echo guards hold
	talk - log said guards
	before=$(ticks "$network")
	talk - mark at 1000
	[ "$(ticks "$network")" = "$before" ] ||
	    fail "before: $before, now: $(ticks "$network")"
	talk "$sock.ctl" ask STATUS '*guarded=1*'
	kill "$client"
	ends 137
}

behaviour guarded_with_a_timeout_sleeps 'a deadline that is far away is no reason to look at the clock'
guarded_with_a_timeout_sleeps_body() {
	start -a -t 600
	heartbeat -i 0
	sleeps "$vault" "$network" "$heartbeat"
	kill -QUIT "$heartbeat"
	ends 0
}

behaviour pending_sleeps 'nor is a window that closes much later'
pending_sleeps_body() {
	start -a -g 600
	heartbeat -i 0
	kill -USR1 "$vault"
	logged 'panic pending'
	sleeps "$vault" "$network"
	kill "$vault"
	ends 0
}

behaviour cancelled_sleeps 'after all was cancelled it is as quiet as before'
cancelled_sleeps_body() {
	start -a -g 600 -t 300
	talk "$sock" say "$guard" want WELCOME say PING want PONG
	logged 'panic pending'
	heartbeat -i 0
	logged 'panic CANCELLED'
	kill -USR1 "$vault"
	logged 'panic pending: SIGUSR1'
	kill -USR1 "$heartbeat"
	logged 'panic CANCELLED by CANCEL'
	sleeps "$vault" "$network" "$heartbeat"
	kill -QUIT "$heartbeat"
	ends 0
}

behaviour background_sleeps 'in the background nothing wakes up either'
background_sleeps_body() {
	"$real" -s "$sock" -a -t 600 2>err || fail "$(cat err)"
	vault=$(cat "$sock.pid")
	remember "$vault"
	find_network
	heartbeat -i 0
	sleeps "$vault" "$network" "$heartbeat"
	kill -QUIT "$heartbeat"
	talk - ended "$vault"
	gone
}

behaviour deadlines_count_sleep 'the timer of the vault is on the clock that goes on while the machine sleeps' \
    require.user root
deadlines_count_sleep_body() {
	start -a -t 600
	heartbeat -i 0
	timers=
	for fd in "/proc/$vault/fd/"*; do
		[ "$(readlink "$fd")" = 'anon_inode:[timerfd]' ] || continue
		timers="$timers ${fd##*/}"
	done
	# shellcheck disable=SC2086 # a list of words
	set -- $timers
	[ $# -eq 1 ] || fail "timers: $timers"
	info="/proc/$vault/fdinfo/$1"
	# CLOCK_BOOTTIME, set to an absolute time (TFD_TIMER_ABSTIME), not again.
	grep -qx 'clockid: 7' "$info" || fail "$(cat "$info")"
	grep -qx 'it_interval: (0, 0)' "$info" || fail "$(cat "$info")"
	left=$(sed -n 's/^it_value: (\([0-9]*\),.*/\1/p' "$info")
	[ "$left" -gt 500 ] || fail "$(cat "$info")"
	[ "$left" -le 600 ] || fail "$(cat "$info")"
	kill -QUIT "$heartbeat"
	ends 0
}
