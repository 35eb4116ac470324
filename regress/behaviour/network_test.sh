#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# A network process that is dead, stopped or slow holds no panic back.

. "$(atf_get_srcdir)/lib.sh"

lost='heartbeat connection dropped'

behaviour a_namesakes_signal_is_no_order \
    'a signal to network has no effect if its sender is another process with the uid of network' \
    require.user root
a_namesakes_signal_is_no_order_body() {
	guarded -a -g 0
	uid=$(sed -n 's/^Uid:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$network/status")
	for sig in USR1 USR2 HUP QUIT TERM INT; do
		as "$uid" kill -s $sig "$network" || fail "SIG$sig was not sent"
	done
	# Each turn takes a signal, and an answer takes more than one turn.
	for _ in 1 2 3 4 5 6; do
		control say STATUS like 'STATUS * pending=0 *'
	done
	kill -s USR2 "$network"
	killed 'HARD PANIC: SIGUSR2'
}

behaviour a_stopped_network_hides_nothing \
    'network is stopped: the vault notices all the same that the heartbeat closes, dies, or misses its PING, disconnects who is lost, and acts on its own signals'
a_stopped_network_hides_nothing_body() {
	table <<-'EOT'
	| hello kill STOP $network close mark ended $vault within 3000 | 0
	    | PANIC (dry-run): heartbeat connection dropped
	-a -g 0.3 | hello kill STOP $network close mark ended $vault over 300 within 3000 | 137
	    | PANIC: heartbeat connection dropped
	-t 0.5 | hello kill STOP $network mark say PING at 200 say PING at 400 say PING
	    ended $vault within 3500 | 0 | PANIC (dry-run): ping deadline missed
	-a -t 0.3 -g 0.3 | hello kill STOP $network mark say PING ended $vault over 550
	    within 3500 eof | 137 | PANIC: ping deadline missed
	-a -g 0.2 | kill STOP $network mark kill USR1 $vault ended $vault within 3000 | 137
	    | PANIC: SIGUSR1
	-a | kill STOP $network mark kill USR2 $vault ended $vault within 3000 | 137
	    | HARD PANIC: SIGUSR2
	-a | kill STOP $network mark kill TERM $vault ended $vault within 3000 | 0
	EOT
	guarded
	talk - kill STOP "$network" kill KILL "$guardian" mark \
	    ended "$vault" within 3000
	rehearsed "PANIC (dry-run): $lost"
	# Whoever the vault takes for lost is disconnected all the same.
	start -a -g 60 -t 0.5
	talk "$sock" hello to "$sock.ctl" say 'HOLD usb' want HOLDING \
	    kill STOP "$network" eof use 0 eof kill CONT "$network" \
	    log log 'panic pending: ping deadline missed'
	stop
}

# start_on_socket OPTION...: as start, but its log is a socket, to which the vault writes
# by itself; into a file its lines go through network, and wait while that is stopped
start_on_socket() {
	: >log
	printf '%s' "$secret" >secret
	spawn vault "$talk" -x "$dazaid" -d -s "$sock" -l "$name=-" "$@" <secret >log
	logged 'vault: ready'
	# The other child copies the log.
	network=$(pgrep -P "$vault" dazaid)
	remember "$network"
}

behaviour a_continued_network_can_cancel \
    'network was stopped during a loss and goes on: a heartbeat that has come, or comes then, cancels'
a_continued_network_can_cancel_body() {
	start_on_socket -a -g 60
	session kill STOP "$network" close log log "panic pending: $lost" \
	    kill CONT "$network" connect hello log log 'panic CANCELLED' ping
	start_on_socket -a -g 60
	session kill STOP "$network" close \
	    connect say "$guard" log log "panic pending: $lost" \
	    kill CONT "$network" want WELCOME log log 'panic CANCELLED' ping
	# Until network has closed the old heartbeat, a new one is told to come back.
	start_on_socket -v -a -g 60 -t 0.3
	session kill STOP "$network" say PING \
	    log log 'panic pending: ping deadline missed' say CANCEL \
	    kill CONT "$network" eof log log 'LOST from network' connect hello \
	    log log 'panic CANCELLED by a new heartbeat'
}

behaviour a_pause_of_network_harms_nobody \
    'network that was stopped, and goes on, answers all that came meanwhile: PINGs, and QUIT of one who has left'
a_pause_of_network_harms_nobody_body() {
	table <<-'EOT'
	-a -g 0 | hello kill STOP $network repeat 100 'PING\n' kill CONT $network
	    wantn 100 PONG quit | 0
	-a -g 60 | hello kill STOP $network say QUIT close kill CONT $network | 0
	    | QUIT from the heartbeat: secrets wiped, bye
	EOT
	# So slow that the vault hears of the loss from the kernel first.
	start_on_socket -a -g 60
	talk "$sock" hello kill STOP "$network" say QUIT close \
	    log log "panic pending: $lost" mark at 50 kill CONT "$network" \
	    log log 'QUIT from the heartbeat: secrets wiped, bye'
	ends 0
}

behaviour a_stopped_vault_catches_up \
    'a vault that was stopped answers all that came meanwhile, and finds a deadline missed that has passed'
a_stopped_vault_catches_up_body() {
	table <<-'EOT'
	-a -g 0 | hello kill STOP $vault repeat 5000 'PING\n' say CANCEL kill CONT $vault
	    wantn 5000 PONG want NOTHING-PENDING quit | 0
	-a -g 0 -t 0.3 | hello mark kill STOP $vault at 600 kill CONT $vault eof | 137
	    | PANIC: ping deadline missed
	EOT
}
