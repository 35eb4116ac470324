#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# The grace window of an armed daemon: what ends it, and what does not.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

lost='panic pending: heartbeat connection dropped'
slack=1000		# ms that a busy machine may take longer

behaviour window_expires 'the window lasts as long as it was told, and then kills'
window_expires_body() {
	start -a -g 0.7
	talk - mark kill USR1 "$vault" ended "$vault" over 690 \
	    within $((700 + slack))
	killed 'PANIC: SIGUSR1'
}

behaviour no_window 'a grace of 0 does not wait'
no_window_body() {
	start -a -g 0
	talk - mark kill USR1 "$vault" ended "$vault" within $slack
	killed 'PANIC: SIGUSR1'
	not_logged pending
}

behaviour new_heartbeat_cancels 'a new HELLO after the loss cancels, and the next loss counts anew'
new_heartbeat_cancels_body() {
	start -a -g 1
	talk "$sock" say "$guard" want WELCOME close log log "$lost" \
	    mark connect say "$guard" want WELCOME log log 'panic CANCELLED' \
	    at 1300 say PING want PONG say CANCEL want NOTHING-PENDING \
	    close mark ended "$vault" over 950
	killed 'PANIC: heartbeat connection dropped'
}

behaviour new_heartbeat_stands_down 'after a cancel the new heartbeat can QUIT'
new_heartbeat_stands_down_body() {
	start -a -g 60
	talk "$sock" say "$guard" want WELCOME close log log "$lost" \
	    connect say "$guard" want WELCOME say QUIT want BYE eof
	ends 0
	logged 'panic CANCELLED'
}

behaviour cancel_cancels 'CANCEL by the living heartbeat cancels'
cancel_cancels_body() {
	start -a -g 0.7
	talk "$sock" say "$guard" want WELCOME mark kill USR1 "$vault" \
	    log log 'panic pending: SIGUSR1' say CANCEL want CANCELLED \
	    at 1000 say CANCEL want NOTHING-PENDING say QUIT want BYE eof
	ends 0
	logged 'panic CANCELLED'
}

behaviour cancel_does_not_disarm 'after a cancel the next trigger opens a window anew'
cancel_does_not_disarm_body() {
	start -a -g 0.5
	talk "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    log log 'panic pending: SIGUSR1' say CANCEL want CANCELLED \
	    mark kill HUP "$vault" eof over 450 within $((500 + slack))
	killed 'PANIC: SIGHUP'
}

behaviour second_trigger_does_not_postpone 'a second trigger of any kind moves nothing'
second_trigger_does_not_postpone_body() {
	start -a -g 1 -t 0.4
	talk "$sock" say "$guard" want WELCOME mark kill USR1 "$vault" \
	    log log 'panic pending' at 500 kill USR1 "$vault" at 600 \
	    kill HUP "$vault" kill USR1 "$network" eof close at 800 \
	    kill USR1 "$vault" ended "$vault" over 950 within 1350
	killed 'PANIC: SIGUSR1'
	[ "$(grep -c 'panic pending' log)" -eq 1 ] || fail "two windows"
}

behaviour late_triggers_do_not_postpone 'a trigger just before the end moves nothing'
late_triggers_do_not_postpone_body() {
	start -a -g 2
	talk - mark kill USR1 "$vault" log log pending at 1000 \
	    kill USR1 "$vault" at 1900 kill HUP "$vault" \
	    ended "$vault" over 1950 within 2850
	killed 'PANIC: SIGUSR1'
}

behaviour bare_connection_does_not_cancel 'connecting alone does not cancel'
bare_connection_does_not_cancel_body() {
	start -a -g 0.7
	talk "$sock" say "$guard" want WELCOME close mark log log "$lost" \
	    connect many 10 eof over 600 within $((700 + slack))
	killed 'PANIC: heartbeat connection dropped'
	not_logged CANCELLED
}

behaviour nobody_does_not_cancel 'who has not said HELLO, or not well, cannot cancel'
nobody_does_not_cancel_body() {
	start -a -g 0.7
	talk "$sock" say "$guard" want WELCOME close log log "$lost" \
	    connect say CANCEL want 'ERR unknown-verb' say PING \
	    want 'ERR unknown-verb' say QUIT want 'ERR unknown-verb' \
	    say 'HELLO 0' want 'ERR bad-pid' raw 'HELLO 1' eof
	killed 'PANIC: heartbeat connection dropped'
	not_logged CANCELLED
}

behaviour stranger_does_not_cancel 'one who reads BUSY cannot cancel what the living heartbeat can'
stranger_does_not_cancel_body() {
	start -a -g 60
	talk "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    log log pending connect raw 'HELLO 1\nCANCEL\n' want BUSY eof \
	    use 0 say CANCEL want CANCELLED say QUIT want BYE eof
	ends 0
}

behaviour first_hello_does_not_cancel 'the first HELLO ever does not undo a panic that was asked for'
first_hello_does_not_cancel_body() {
	start -a -g 0.7
	talk "$sock" mark kill USR1 "$vault" log log pending say "$guard" \
	    want WELCOME eof over 600 within $((700 + slack))
	killed 'PANIC: SIGUSR1'
	not_logged CANCELLED
}

behaviour first_heartbeat_can_cancel 'but its CANCEL does'
first_heartbeat_can_cancel_body() {
	start -a -g 60
	talk "$sock" kill USR1 "$vault" log log pending say "$guard" \
	    want WELCOME say CANCEL want CANCELLED say QUIT want BYE eof
	ends 0
}

behaviour hello_again_does_not_cancel 'a second HELLO on the same connection does not cancel'
hello_again_does_not_cancel_body() {
	start -a -g 0.7
	talk "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    log log pending say "$guard" want WELCOME say PING want PONG eof
	killed 'PANIC: SIGUSR1'
	not_logged CANCELLED
}

behaviour an_order_outlives_a_new_heartbeat 'a new heartbeat makes up for a loss, but a signal is undone by CANCEL alone'
an_order_outlives_a_new_heartbeat_body() {
	start -a -g 60
	talk "$sock" say "$guard" want WELCOME close log log "$lost" \
	    kill USR1 "$vault" kill HUP "$network" connect \
	    say "$guard" want WELCOME say PING want PONG
	not_logged 'panic CANCELLED'
	kill -USR2 "$vault"
	killed SIGUSR2
	start -a -g 60
	talk "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    log log 'panic pending: SIGUSR1' say CANCEL want CANCELLED \
	    say QUIT want BYE
	ends 0
}

behaviour too_late 'after the window nobody is welcomed'
too_late_body() {
	start -a -g 0.3
	talk "$sock" say "$guard" want WELCOME close connect \
	    log log 'PANIC: heartbeat' ended "$vault" say "$guard" eof
	killed 'PANIC: heartbeat connection dropped'
}

behaviour cut_off_client_reads_the_end 'a missed deadline closes the connection, and a new HELLO cancels'
cut_off_client_reads_the_end_body() {
	start -a -g 60 -t 0.3
	talk "$sock" say "$guard" want WELCOME eof log log \
	    'panic pending: ping deadline missed' connect say "$guard" \
	    want WELCOME log log 'panic CANCELLED' say PING want PONG \
	    say QUIT want BYE eof
	ends 0
}

behaviour stopped_heartbeat_comes_back 'dazai-hb that slept through its deadline comes back by itself'
stopped_heartbeat_comes_back_body() {
	start -a -g 30 -t 0.5
	heartbeat -i 0.1
	talk - kill STOP "$heartbeat" \
	    log log 'panic pending: ping deadline missed' \
	    kill CONT "$heartbeat" log log 'panic CANCELLED by a new heartbeat'
	kill -QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
	logged 'QUIT from the heartbeat'
}

behaviour stopped_heartbeat_too_late 'but not after the window'
stopped_heartbeat_too_late_body() {
	start -a -g 0.3 -t 0.5
	heartbeat -i 0.1
	talk - kill STOP "$heartbeat" log log 'PANIC: ping deadline missed' \
	    ended "$vault" kill CONT "$heartbeat"
	killed 'PANIC: ping deadline missed'
	ends 5 "$heartbeat"
}

behaviour no_timer 'a vault whose timer cannot be set does not wait for what never comes' \
    require.user root
no_timer_body() {
	start
	timer=$(find "/proc/$vault/fd" -lname '*timerfd*')
	calls "$vault" "close(${timer##*/})"
	rehearsed 'the timer cannot be set'
}
