#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# Every row of the panic table: in dry-run, armed, and its files gone.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

# signalled STATUS LOG OPTION...: what $sig does to a daemon of its own
signalled() {
	local status=$1 text=$2

	shift 2
	start "$@"
	talk "$sock" say "$guard" want WELCOME kill "$sig" "$vault" eof
	ends "$status"
	logged "$text"
}

behaviour loss_dry_run 'heartbeat lost: wiped, WOULD SIGKILL, exit 0'
loss_dry_run_body() {
	start
	talk "$sock" say "$guard" want WELCOME
	rehearsed 'PANIC (dry-run): heartbeat connection dropped: secrets wiped'
	not_logged 'panic pending'
}

behaviour loss_armed 'heartbeat lost, armed: a grace window, then SIGKILL'
loss_armed_body() {
	start -a -g 0.3
	talk "$sock" say "$guard" want WELCOME close mark ended "$vault" over 250
	killed 'PANIC: heartbeat connection dropped: secrets wiped, SIGKILL'
	logged 'panic pending: heartbeat connection dropped, 0.300 s'
}

behaviour heartbeat_killed_armed 'a heartbeat that dies by SIGKILL is lost'
heartbeat_killed_armed_body() {
	start -a -g 0
	client "$sock" say "$guard" want WELCOME echo guards hold
	talk - log said guards kill KILL "$client"
	killed 'PANIC: heartbeat connection dropped'
}

behaviour ping_deadline_dry_run 'ping deadline missed: wiped, WOULD SIGKILL, exit 0'
ping_deadline_dry_run_body() {
	start -t 0.5
	talk "$sock" say "$guard" want WELCOME mark eof over 450
	rehearsed 'PANIC (dry-run): ping deadline missed: secrets wiped'
}

behaviour ping_deadline_armed 'ping deadline missed, armed: a grace window, then SIGKILL'
ping_deadline_armed_body() {
	start -a -t 0.3 -g 0.3
	talk "$sock" say "$guard" want WELCOME mark eof over 250 \
	    ended "$vault" over 550
	killed 'PANIC: ping deadline missed: secrets wiped, SIGKILL'
	logged 'panic pending: ping deadline missed, 0.300 s'
}

behaviour only_ping_moves_the_deadline 'PING moves the ping deadline, nothing else does'
only_ping_moves_the_deadline_body() {
	start -t 1
	talk "$sock" say "$guard" want WELCOME mark at 600 say PING want PONG \
	    at 1200 say PING want PONG mark at 300 say "$guard" want WELCOME \
	    at 600 say CANCEL want NOTHING-PENDING at 800 say FOO \
	    want 'ERR unknown-verb' eof over 950 within 1500
	rehearsed 'ping deadline missed'
}

behaviour no_deadline_before_hello 'no ping deadline runs before the first heartbeat'
no_deadline_before_hello_body() {
	start -a -g 0 -t 0.2
	talk "$sock" mark at 600 say "$guard" want WELCOME say QUIT want BYE eof
	ends 0
}

behaviour graceful_signals_dry_run 'SIGUSR1, SIGHUP: wiped, WOULD SIGKILL, exit 0'
graceful_signals_dry_run_body() {
	for sig in USR1 HUP; do
		signalled 0 "PANIC (dry-run): SIG$sig: secrets wiped, WOULD SIGKILL"
		not_logged HARD
	done
}

behaviour graceful_signals_armed 'SIGUSR1, SIGHUP, armed: a grace window, then SIGKILL'
graceful_signals_armed_body() {
	for sig in USR1 HUP; do
		signalled $SIGKILL "PANIC: SIG$sig: secrets wiped, SIGKILL" \
		    -a -g 0.2
		logged "panic pending: SIG$sig, 0.200 s"
		not_logged HARD
	done
}

behaviour hard_signals_dry_run 'SIGUSR2, SIGQUIT: wiped, HARD PANIC, WOULD SIGKILL, exit 0'
hard_signals_dry_run_body() {
	for sig in USR2 QUIT; do
		signalled 0 "HARD PANIC (dry-run): SIG$sig: secrets wiped, WOULD SIGKILL"
	done
}

behaviour hard_signals_armed 'SIGUSR2, SIGQUIT, armed: SIGKILL, no grace'
hard_signals_armed_body() {
	for sig in USR2 QUIT; do
		signalled $SIGKILL "HARD PANIC: SIG$sig: secrets wiped, SIGKILL" \
		    -a -g 60
		not_logged pending
	done
}

behaviour signals_before_a_heartbeat 'the same, when nobody guards yet'
signals_before_a_heartbeat_body() {
	start
	kill -USR1 "$vault"
	rehearsed 'PANIC (dry-run): SIGUSR1'
	start -a -g 0.2
	kill -HUP "$vault"
	killed 'PANIC: SIGHUP'
	start -a -g 60
	kill -USR2 "$vault"
	killed 'HARD PANIC: SIGUSR2'
	start -a
	kill -INT "$vault"
	ends 0
}

# fatal OPTION...: every number in $signals wipes first, and then is its default
fatal() {
	for sig in $signals; do
		start "$@"
		kill -"$sig" "$vault"
		ends $((128 + sig))
		logged ': secrets wiped'
		not_logged PANIC
	done
}

# Crashes: SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS.
crashes='4 5 6 7 8 11 31'
# SIGALRM, SIGSTKFLT, SIGXCPU, SIGVTALRM, SIGPROF, SIGIO, SIGPWR.
others='14 16 24 26 27 29 30'

behaviour crashes_dry_run 'SIGSEGV and its kin: wiped, then the default'
crashes_dry_run_body() {
	signals=$crashes
	fatal
	start
	kill -SEGV "$vault"
	ends $SIGSEGV
	logged 'SIGSEGV: secrets wiped'
}

behaviour crashes_armed 'SIGSEGV and its kin, armed: wiped, then the default'
crashes_armed_body() {
	signals=$crashes
	fatal -a -g 60
}

behaviour other_signals_dry_run 'every other signal that ends a process: wiped, then the default'
other_signals_dry_run_body() {
	signals=$others
	fatal
}

behaviour other_signals_armed 'every other signal that ends a process, armed: the same'
other_signals_armed_body() {
	signals=$others
	fatal -a -g 60
}

behaviour realtime_signals 'SIGRTMIN to SIGRTMAX: wiped, then the default'
realtime_signals_body() {
	signals=$(seq 34 64)
	fatal -a -g 60
}

behaviour signals_without_effect 'what ends no process does not end this one'
signals_without_effect_body() {
	start -a -g 0
	for sig in CHLD CONT URG WINCH PIPE XFSZ TSTP TTIN TTOU; do
		kill -"$sig" "$vault"
		kill -"$sig" "$network"
	done
	# The C library keeps these two for itself, and hides them from us.
	kill -32 "$vault"
	kill -33 "$vault"
	lives
}

behaviour network_killed_dry_run 'network killed: wiped, HARD PANIC, WOULD SIGKILL, exit 0'
network_killed_dry_run_body() {
	start
	kill -KILL "$network"
	rehearsed 'HARD PANIC (dry-run): network process lost'
}

behaviour network_killed_armed 'network killed, armed: SIGKILL, no grace'
network_killed_armed_body() {
	start -a -g 60
	kill -KILL "$network"
	killed 'HARD PANIC: network process lost'
	not_logged pending
}

behaviour clean_signals 'SIGTERM, SIGINT: wiped, exit 0, armed or not'
clean_signals_body() {
	for sig in TERM INT; do
		signalled 0 "SIG$sig: secrets wiped, bye"
		not_logged PANIC
		signalled 0 "SIG$sig: secrets wiped, bye" -a -g 0
		not_logged PANIC
	done
}

behaviour clean_signals_while_pending 'SIGTERM, SIGINT inside the grace window: wiped, exit 0'
clean_signals_while_pending_body() {
	for sig in TERM INT; do
		start -a -g 60
		talk - kill USR1 "$vault" log log pending kill "$sig" "$vault"
		ends 0
		logged "SIG$sig: secrets wiped, bye"
	done
}

behaviour hard_signals_while_pending 'SIGUSR2, SIGQUIT, a crash inside the grace window do not wait'
hard_signals_while_pending_body() {
	for sig in USR2 QUIT; do
		start -a -g 60
		talk - kill USR1 "$vault" log log pending kill "$sig" "$vault"
		killed "HARD PANIC: SIG$sig"
	done
	start -a -g 60
	talk - kill USR1 "$vault" log log pending kill SEGV "$vault"
	ends $SIGSEGV
}

behaviour quit_dry_run 'QUIT: BYE, wiped, exit 0'
quit_dry_run_body() {
	start
	talk "$sock" say "$guard" want WELCOME say QUIT want BYE eof
	ends 0
	logged 'QUIT from the heartbeat: secrets wiped, bye'
	not_logged PANIC
}

behaviour quit_armed 'QUIT, armed, inside a grace window or not: BYE, wiped, exit 0'
quit_armed_body() {
	start -a -g 0
	talk "$sock" say "$guard" want WELCOME say QUIT want BYE eof
	ends 0
	not_logged PANIC
	start -a -g 60
	talk "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    log log pending say QUIT want BYE eof
	ends 0
	logged 'QUIT from the heartbeat: secrets wiped, bye'
	not_logged PANIC
}

behaviour vault_killed 'when the vault is killed network ends, and a client sees it'
vault_killed_body() {
	start -a
	talk "$sock" say "$guard" want WELCOME kill KILL "$vault" mark eof \
	    ended "$network" within 1000
	ends $SIGKILL "$vault"
	start -a -g 0
	lives
}
