#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash disable=SC2016 # text for gdb
# A network process that is dead, stopped or slow holds no panic back.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

lost='heartbeat connection dropped'

behaviour killed_is_noticed 'network killed: the daemon ends within a second'
killed_is_noticed_body() {
	start
	talk "$sock" say "$guard" want WELCOME mark kill KILL "$network" \
	    ended "$vault" within 1000 eof
	rehearsed 'HARD PANIC (dry-run): network process lost, killed by SIGKILL'
}

shipped_only=1		# a sanitizer's runtime catches a crash
behaviour crashed_is_noticed 'network crashed: the same, and the log says of what'
shipped_only=
crashed_is_noticed_body() {
	for sig in SEGV ABRT SYS ALRM; do
		start -a -g 60
		talk "$sock" say "$guard" want WELCOME mark \
		    kill "$sig" "$network" ended "$vault" within 1000 eof
		killed "HARD PANIC: network process lost, killed by SIG$sig"
	done
}

behaviour signals_of_a_namesake 'a signal of whoever has the uid of network by chance is no order' \
    require.user root
signals_of_a_namesake_body() {
	guarded -a -g 0
	uid=$(sed -n 's/^Uid:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$network/status")
	for sig in USR1 USR2 HUP QUIT TERM INT; do
		setpriv --reuid "$uid" --regid "$uid" --clear-groups \
		    kill -s $sig "$network" || fail "SIG$sig was not sent"
	done
	# Each turn takes a signal, and an answer takes more than one turn.
	for _ in 1 2 3 4 5 6; do
		control say STATUS like 'STATUS * pending=0 *'
	done
	kill -s USR2 "$network"
	killed 'HARD PANIC: SIGUSR2'
}

behaviour killed_voids_the_grace 'network killed inside the grace window: nobody could come back'
killed_voids_the_grace_body() {
	start -a -g 60
	talk - kill USR1 "$vault" log log pending kill KILL "$network"
	killed 'HARD PANIC: network process lost'
}

behaviour stopped_loss_dry_run 'network stopped: the loss is noticed all the same'
stopped_loss_dry_run_body() {
	start
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" close mark \
	    ended "$vault" within 1000
	rehearsed "PANIC (dry-run): $lost"
}

behaviour stopped_loss_armed 'network stopped, armed: the loss kills'
stopped_loss_armed_body() {
	start -a -g 0.3
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" close mark \
	    ended "$vault" over 300 within 1400
	killed "PANIC: $lost"
}

behaviour stopped_client_killed 'network stopped: so is a client that was killed'
stopped_client_killed_body() {
	start
	client "$sock" say "$guard" want WELCOME echo guards hold
	talk - log said guards kill STOP "$network" kill KILL "$client" mark \
	    ended "$vault" within 1000
	rehearsed "PANIC (dry-run): $lost"
}

behaviour stopped_silence_dry_run 'network stopped: PINGs that it keeps are PINGs missed'
stopped_silence_dry_run_body() {
	start -t 0.5
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" mark \
	    say PING at 200 say PING at 400 say PING ended "$vault" within 1400
	rehearsed 'PANIC (dry-run): ping deadline missed'
}

behaviour stopped_silence_armed 'network stopped, armed: so they kill'
stopped_silence_armed_body() {
	start -a -t 0.3 -g 0.3
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" mark \
	    say PING ended "$vault" over 550 within 1600 eof
	killed 'PANIC: ping deadline missed'
}

behaviour stopped_signals 'network stopped: the vault sees to its signals'
stopped_signals_body() {
	start -a -g 0.2
	talk - kill STOP "$network" mark kill USR1 "$vault" ended "$vault" \
	    within 1200
	killed 'PANIC: SIGUSR1'
	start -a
	talk - kill STOP "$network" mark kill USR2 "$vault" ended "$vault" \
	    within 1000
	killed 'HARD PANIC: SIGUSR2'
	start -a
	talk - kill STOP "$network" mark kill TERM "$vault" ended "$vault" \
	    within 1000
	ends 0
}

# start_on_socket OPTION...: as start, but its log is a socket, to which the vault writes
# by itself; into a file its lines go through network, and wait while that is stopped
start_on_socket() {
	: >log
	printf '%s' "$secret" >secret
	"$talk" -x "$dazaid" -d -s "$sock" -l "$name=-" "$@" <secret >log &
	vault=$!
	remember "$vault"
	logged 'vault: ready'
	# The other child copies the log.
	network=$(pgrep -P "$vault" dazaid)
	remember "$network"
}

behaviour continued_new_heartbeat 'stopped, the heartbeat lost, continued: a new one cancels'
continued_new_heartbeat_body() {
	start_on_socket -a -g 60
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" close \
	    log log "panic pending: $lost" kill CONT "$network" \
	    connect say "$guard" want WELCOME log log 'panic CANCELLED' \
	    say PING want PONG say QUIT want BYE eof
	ends 0
}

behaviour continued_waiting_heartbeat 'one that came while network was stopped cancels, too'
continued_waiting_heartbeat_body() {
	start_on_socket -a -g 60
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" close \
	    connect say "$guard" log log "panic pending: $lost" \
	    kill CONT "$network" want WELCOME log log 'panic CANCELLED' \
	    say PING want PONG say QUIT want BYE eof
	ends 0
}

behaviour continued_without_a_heartbeat 'one that came and left while network was stopped does not'
continued_without_a_heartbeat_body() {
	start_on_socket -a -g 1
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" mark close \
	    connect say "$guard" say CANCEL close \
	    log log "panic pending: $lost" kill CONT "$network" \
	    ended "$vault" over 950 within 2500
	killed "PANIC: $lost"
	not_logged CANCELLED
}

behaviour continued_silence 'stopped past the deadline, continued: cut off, and a new one cancels'
continued_silence_body() {
	start_on_socket -a -g 60 -t 0.3
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" say PING \
	    log log 'panic pending: ping deadline missed' say CANCEL \
	    kill CONT "$network" eof connect say "$guard" want WELCOME \
	    log log 'panic CANCELLED by a new heartbeat' say QUIT want BYE eof
	ends 0
}

behaviour continued_in_time 'stopped and continued in time: nothing was missed'
continued_in_time_body() {
	start -a -g 0
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" \
	    repeat 100 'PING\n' kill CONT "$network" wantn 100 PONG \
	    say QUIT want BYE eof
	ends 0
}

behaviour quit_while_stopped 'QUIT and close while network is stopped, and continued at once'
quit_while_stopped_body() {
	start -a -g 60
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" say QUIT \
	    close kill CONT "$network"
	ends 0
	logged 'QUIT from the heartbeat: secrets wiped, bye'
}

behaviour quit_after_the_kernels_word 'QUIT and close, and network so slow that the kernel tells first'
quit_after_the_kernels_word_body() {
	start_on_socket -a -g 60
	talk "$sock" say "$guard" want WELCOME kill STOP "$network" say QUIT \
	    close log log "panic pending: $lost" mark at 50 \
	    kill CONT "$network" log log 'QUIT from the heartbeat: secrets wiped, bye'
	ends 0
}

behaviour vault_stopped 'a vault that was stopped answers all that came meanwhile'
vault_stopped_body() {
	start -a -g 0
	talk "$sock" say "$guard" want WELCOME kill STOP "$vault" \
	    repeat 5000 'PING\n' say CANCEL kill CONT "$vault" \
	    wantn 5000 PONG want NOTHING-PENDING say QUIT want BYE eof
	ends 0
}

behaviour vault_stopped_past_the_deadline 'a vault that was stopped past the deadline finds it missed'
vault_stopped_past_the_deadline_body() {
	start -a -g 0 -t 0.3
	talk "$sock" say "$guard" want WELCOME mark kill STOP "$vault" at 600 \
	    kill CONT "$vault" eof
	killed 'PANIC: ping deadline missed'
}

behaviour garbage_is_hostile 'network sends garbage: a hard panic, without any grace' require.user root
garbage_is_hostile_body() {
	command -v gdb >/dev/null || atf_skip "no gdb"
	start
	sendto='((long (*)(long, long, long, long, long, long))sendto)'
	calls "$network" "$sendto(3, (long)\$sp, 7, 0, 0, 0)"
	rehearsed 'HARD PANIC (dry-run): network process hostile'
	start -a -g 60
	calls "$network" "$sendto(3, (long)\$sp, 12, 0, 0, 0)"
	killed 'HARD PANIC: network process hostile'
}

behaviour dead_heartbeat_ends_no_panic 'a heartbeat that is dead ends no panic, whatever network says for it' require.user root
dead_heartbeat_ends_no_panic_body() {
	command -v gdb >/dev/null || atf_skip "no gdb"
	guarded -v -a -g 60
	gdb -nx -batch -p "$network" \
	    -ex "shell kill -KILL $guardian; $talk - ended $guardian" \
	    -ex 'set $c = heart_current' \
	    -ex 'call (int)network_send_number(IMSG_LOST, $c, 0)' \
	    -ex 'call (int)network_send_number(IMSG_HELLO, $c, 1)' \
	    -ex 'call (int)network_send_number(IMSG_CANCEL, $c, 0)' \
	    </dev/null >gdb.out 2>&1 || :
	logged 'panic pending: heartbeat connection dropped'
	logged 'CANCEL from network'
	kill -KILL "$network"
	killed 'HARD PANIC: network process lost'
	not_logged CANCELLED
}

# offers MESSAGE: network, whose standard error is a socket of root's, offers that to
# the vault as the connection of a client
offers() {
	command -v gdb >/dev/null || atf_skip "no gdb"
	start_on_socket -a -g 60
	gdb -nx -batch -p "$network" -ex 'set $c = &heart_conns[1]' \
	    -ex 'set $c->peerid = 77' -ex 'set $c->fd = 2' \
	    -ex "call (int)network_send_number($1, \$c, 4711)" </dev/null \
	    >gdb.out 2>&1 || :
	# gdb may be told only that network has ended; the log says why.
	killed 'HARD PANIC: network process hostile'
}

behaviour own_socket_is_no_heartbeat 'a socket that was there from the start is no heartbeat' \
    require.user root
own_socket_is_no_heartbeat_body() {
	offers IMSG_HELLO
}

behaviour own_socket_is_no_client 'nor a client that asks for anything' require.user root
own_socket_is_no_client_body() {
	offers IMSG_UNREGISTER
}
