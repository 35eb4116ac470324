#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# Signals that reach both processes, or the one that they were not meant for.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

# A daemon that leads a process group of its own, as a shell's job does.
start_group() {
	: >log
	printf '%s' "$secret" >secret
	# setsid execs in its own process: a job of a script leads no group.
	setsid "$dazaid" -d -s "$sock" -l "$name=-" "$@" <secret 2>log &
	vault=$!
	remember "$vault"
	logged 'vault: ready'
	find_network
}

behaviour ctrl_c 'SIGINT to the whole group is one clean shutdown'
ctrl_c_body() {
	start_group -a -g 0
	kill -INT "-$vault"
	ends 0
	logged 'SIGINT: secrets wiped, bye'
	not_logged PANIC
}

behaviour group_sigterm 'SIGTERM to the whole group is one clean shutdown'
group_sigterm_body() {
	start_group -a -g 0
	kill -TERM "-$vault"
	ends 0
	logged 'SIGTERM: secrets wiped, bye'
	not_logged PANIC
}

behaviour group_sigquit 'SIGQUIT to the whole group is one hard panic'
group_sigquit_body() {
	start_group
	kill -QUIT "-$vault"
	rehearsed 'HARD PANIC (dry-run): SIGQUIT'
	start_group -a -g 60
	kill -QUIT "-$vault"
	killed 'HARD PANIC: SIGQUIT'
	[ "$(grep -c PANIC log)" -eq 1 ] || fail "more than one"
}

behaviour group_sigusr1 'SIGUSR1 to the whole group opens one window, and a cancel ends it'
group_sigusr1_body() {
	start_group -a -g 60
	talk "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    kill USR1 "$network" log log 'panic pending' say PING want PONG \
	    say CANCEL want CANCELLED say PING want PONG \
	    say CANCEL want NOTHING-PENDING say QUIT want BYE eof
	ends 0
	[ "$(grep -c 'panic pending' log)" -eq 1 ] || fail "two windows"
}

# forwarded STATUS LOG OPTION...: what $sig does when network gets it
forwarded() {
	local status=$1 text=$2

	shift 2
	start "$@"
	talk "$sock" say "$guard" want WELCOME kill "$sig" "$network" eof
	ends "$status"
	logged "$text"
}

behaviour network_passes_on_clean_signals 'SIGTERM, SIGINT to network: clean'
network_passes_on_clean_signals_body() {
	for sig in TERM INT; do
		forwarded 0 "SIG$sig: secrets wiped, bye"
		forwarded 0 "SIG$sig: secrets wiped, bye" -a -g 0
	done
}

behaviour network_passes_on_graceful_signals 'SIGUSR1, SIGHUP to network: a graceful panic'
network_passes_on_graceful_signals_body() {
	for sig in USR1 HUP; do
		forwarded 0 "PANIC (dry-run): SIG$sig"
		forwarded $SIGKILL "PANIC: SIG$sig" -a -g 0.2
		logged "panic pending: SIG$sig"
	done
}

behaviour network_passes_on_hard_signals 'SIGUSR2, SIGQUIT to network: a hard panic'
network_passes_on_hard_signals_body() {
	for sig in USR2 QUIT; do
		forwarded 0 "HARD PANIC (dry-run): SIG$sig"
		forwarded $SIGKILL "HARD PANIC: SIG$sig" -a -g 60
	done
}

# in_namespace ARG...: a shell that runs its standard input as the first process
# of a PID namespace, where pkill sees nobody else
in_namespace() {
	local flags='-pf --mount-proc --kill-child'

	atf_require_prog pkill
	[ "$(id -u)" -eq 0 ] || flags="-U --map-current-user $flags"
	# shellcheck disable=SC2086 # a list of words
	unshare $flags true 2>/dev/null ||
	    atf_skip "this kernel does not let us have a PID namespace"
	# shellcheck disable=SC2086
	unshare $flags sh -s "$dazaid" "$talk" "$sock" "$@"
}

# by_pkill SIGNAL OPTION...: the real pkill SIGNAL dazaid; prints the status
by_pkill() {
	: >log
	in_namespace "$@" <<-'EOT' >status
		dazaid=$1 talk=$2 sock=$3 sig=$4
		shift 4
		"$dazaid" -d -s "$sock" "$@" 2>log &
		"$talk" - log log 'vault: ready' || exit
		[ "$(pgrep -c dazaid)" -eq 2 ] || exit
		pkill "-$sig" dazaid
		"$talk" - ended $! || exit
		wait $!
		echo $?
	EOT
	gone
}

behaviour pkill_term 'pkill -TERM dazaid does what one signal does'
pkill_term_body() {
	by_pkill TERM -a -g 0
	atf_check_equal 0 "$(cat status)"
	logged 'SIGTERM: secrets wiped, bye'
	not_logged PANIC
}

behaviour pkill_usr1 'pkill -USR1 dazaid does what one signal does'
pkill_usr1_body() {
	by_pkill USR1
	atf_check_equal 0 "$(cat status)"
	logged 'PANIC (dry-run): SIGUSR1'
	by_pkill USR1 -a -g 0.2
	atf_check_equal $SIGKILL "$(cat status)"
	logged 'PANIC: SIGUSR1'
	[ "$(grep -c 'panic pending' log)" -eq 1 ] || fail "two windows"
}

behaviour pkill_usr2 'pkill -USR2 dazaid does what one signal does'
pkill_usr2_body() {
	by_pkill USR2
	atf_check_equal 0 "$(cat status)"
	logged 'HARD PANIC (dry-run): SIGUSR2'
	by_pkill USR2 -a -g 60
	atf_check_equal $SIGKILL "$(cat status)"
	logged 'HARD PANIC: SIGUSR2'
	[ "$(grep -c PANIC log)" -eq 1 ] || fail "more than one"
}

behaviour ignored_signals 'SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU neither end nor stop it'
ignored_signals_body() {
	start -a -g 0
	for pid in "$vault" "$network"; do
		for sig in PIPE TSTP TTIN TTOU; do
			kill -$sig "$pid"
		done
		grep -q '^State:.*[RS] ' "/proc/$pid/status" ||
		    fail "$(cat "/proc/$pid/status")"
	done
	lives
}

behaviour inherited_dispositions 'signals that our parent ignored count all the same'
inherited_dispositions_body() {
	trap '' HUP INT QUIT TERM USR1 USR2 SEGV
	start -a -g 0.2
	kill -HUP "$vault"
	killed 'PANIC: SIGHUP'
	start -a -g 60
	kill -QUIT "$vault"
	killed 'HARD PANIC: SIGQUIT'
	start -a -g 60
	kill -SEGV "$vault"
	ends $SIGSEGV
	start -a -g 60
	kill -TERM "$network"
	ends 0
}

behaviour every_signal_at_once 'any number of signals at once is one end'
every_signal_at_once_body() {
	local i

	for i in 1 2 3 4 5 6 7 8 9 10; do
		start
		kill -STOP "$vault"
		for sig in HUP USR1 TERM INT HUP USR1; do
			kill -$sig "$vault"
			kill -$sig "$network"
		done
		kill -CONT "$vault"
		ends 0
		[ "$(grep -c 'secrets wiped' log)" -eq 1 ] || fail "$i: twice"
	done
}

# quits N COMMAND...: N times a heartbeat QUITs by these, and leaves before the BYE
quits() {
	local i=$1

	shift
	while [ "$i" -gt 0 ]; do
		start -a -g 1
		talk "$sock" "$@" close
		ends 0
		grep -q 'QUIT from the heartbeat: secrets wiped, bye' log ||
		    fail "no QUIT in the log"
		i=$((i - 1))
	done
}

behaviour quit_and_close 'QUIT and close at once, 200 times: never a panic'
quit_and_close_body() {
	quits 200 say "$guard" want WELCOME say QUIT
}

behaviour ping_quit_and_close 'PINGs, QUIT and close at once, the PONGs unread: never a panic'
ping_quit_and_close_body() {
	quits 20 say "$guard" want WELCOME raw 'PING\nQUIT\n'
	quits 50 say "$guard" want WELCOME repeat 40 'PING\n' say QUIT
}

behaviour ping_quit_and_close_late 'the same, when the vault was too slow to say PONG in time'
ping_quit_and_close_late_body() {
	start -a -g 1
	talk "$sock" say "$guard" want WELCOME kill STOP "$vault" say PING \
	    mark at 50 say QUIT close kill CONT "$vault"
	ends 0
	logged 'QUIT from the heartbeat: secrets wiped, bye'
}

behaviour hello_quit_and_close 'HELLO, QUIT and close at once: never a panic'
hello_quit_and_close_body() {
	quits 20 raw 'HELLO 1\nQUIT\n'
}
