#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The grace window of an armed daemon: what ends it, and what does not.

. "$(atf_get_srcdir)/lib.sh"

behaviour hello_and_cancel_undo_a_panic \
    'a HELLO after the loss cancels the panic, and so does CANCEL from the living heartbeat; the next trigger begins a new grace'
hello_and_cancel_undo_a_panic_body() {
	table <<-'EOT'
	-a -g 1 | hello close log log 'panic pending: heartbeat' mark connect hello
	    log log 'panic CANCELLED' at 1300 ping say CANCEL want NOTHING-PENDING
	    close mark ended $vault over 950 | 137 | PANIC: heartbeat connection dropped
	-a -g 60 | hello close log log 'panic pending: heartbeat' connect hello quit | 0
	    | panic CANCELLED
	-a -g 60 -t 0.3 | hello eof log log 'panic pending: ping deadline missed' connect
	    hello log log 'panic CANCELLED' ping quit | 0
	EOT
	# CANCEL from the living heartbeat, after which the daemon is still armed.
	table <<-'EOT'
	-a -g 0.7 | hello mark kill USR1 $vault log log 'panic pending: SIGUSR1' cancel
	    at 1000 say CANCEL want NOTHING-PENDING quit | 0 | panic CANCELLED
	-a -g 0.5 | hello kill USR1 $vault log log 'panic pending: SIGUSR1' cancel
	    mark kill HUP $vault eof over 450 | 137 | PANIC: SIGHUP
	-a -g 60 | kill USR1 $vault log log pending hello cancel quit | 0
	EOT
}

behaviour no_trigger_moves_the_end_of_a_window \
    'signals, a missed PING and a loss during the grace do not postpone its end'
no_trigger_moves_the_end_of_a_window_body() {
	table <<-'EOT'
	-a -g 3 -t 2.4 | hello mark kill USR1 $vault log log 'panic pending' at 1000
	    kill USR1 $vault eof close at 2700 kill HUP $vault kill USR1 $network at 2900
	    kill USR1 $vault ended $vault over 2950 within 5300 | 137 | PANIC: SIGUSR1
	EOT
	[ "$(grep -c 'panic pending' log)" -eq 1 ] || fail "two windows"
}

behaviour hello_undoes_no_order 'a panic that a signal ordered is not ended by a first, second or new HELLO'
hello_undoes_no_order_body() {
	table <<-'EOT'
	-a -g 0.7 | mark kill USR1 $vault log log pending hello eof over 600 | 137
	    | PANIC: SIGUSR1 | !CANCELLED
	-a -g 0.7 | hello kill USR1 $vault log log pending hello ping eof | 137
	    | PANIC: SIGUSR1 | !CANCELLED
	-a -g 60 | hello close log log 'panic pending: heartbeat' kill USR1 $vault
	    kill HUP $network connect hello ping kill USR2 $vault ended $vault | 137
	    | HARD PANIC: SIGUSR2 | !panic CANCELLED
	EOT
}

behaviour a_stopped_heartbeat_comes_back \
    'a dazai-hb that was stopped beyond its deadline comes back within the grace, and not after it'
a_stopped_heartbeat_comes_back_body() {
	start -a -g 30 -t 0.5
	heartbeat -i 0.1
	talk - kill STOP "$heartbeat" \
	    log log 'panic pending: ping deadline missed' \
	    kill CONT "$heartbeat" log log 'panic CANCELLED by a new heartbeat'
	stand_down
	start -a -g 0.3 -t 0.5
	heartbeat -i 0.1
	talk - kill STOP "$heartbeat" log log 'PANIC: ping deadline missed' \
	    ended "$vault" kill CONT "$heartbeat"
	killed 'PANIC: ping deadline missed'
	ends 5 "$heartbeat"
}

behaviour a_timer_that_cannot_be_set_is_a_panic \
    'a vault that cannot set its timer panics at once' \
    require.user root require.progs gdb
a_timer_that_cannot_be_set_is_a_panic_body() {
	start
	timer=$(find "/proc/$vault/fd" -lname '*timerfd*')
	calls "$vault" "close(${timer##*/})"
	rehearsed 'timerfd_settime failed'
}
