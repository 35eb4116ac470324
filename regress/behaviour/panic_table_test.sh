#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# Every trigger: what the daemon does when it only rehearses, and when it is armed.
# However it ends, its files are removed, and network has ended.

. "$(atf_get_srcdir)/lib.sh"

behaviour a_lost_heartbeat_is_a_panic \
    'the heartbeat closes, shuts down for writing, dies or misses its PING: a rehearsal, or grace and SIGKILL'
a_lost_heartbeat_is_a_panic_body() {
	table <<-'EOT'
	| hello | 0
	    | PANIC (dry-run): heartbeat connection dropped: secrets wiped, WOULD SIGKILL
	    | !panic pending
	| hello shutwr eof | 0 | heartbeat connection dropped
	-a -g 0.3 | hello close mark ended $vault over 250 | 137
	    | panic pending: heartbeat connection dropped, 0.300 s
	    | PANIC: heartbeat connection dropped: secrets wiped, SIGKILL
	-t 0.5 | hello mark eof over 450 | 0
	    | PANIC (dry-run): ping deadline missed: secrets wiped, WOULD SIGKILL
	-a -t 0.3 -g 0.3 | hello mark eof over 250 ended $vault over 550 | 137
	    | panic pending: ping deadline missed, 0.300 s
	    | PANIC: ping deadline missed: secrets wiped, SIGKILL
	EOT
	guarded -a -g 0
	kill -KILL "$guardian"
	killed 'PANIC: heartbeat connection dropped'
}

behaviour only_ping_moves_the_deadline \
    'the ping deadline runs from HELLO on, and nothing but PING moves it'
only_ping_moves_the_deadline_body() {
	table <<-'EOT'
	-a -g 0 -t 0.2 | mark at 600 hello quit | 0 | !PANIC
	-t 1 | hello mark at 600 ping at 1200 ping mark at 300 hello at 600 say CANCEL
	    want NOTHING-PENDING at 800 say FOO want 'ERR unknown-verb' eof over 950 | 0
	    | ping deadline missed
	EOT
}

behaviour signals_are_triggers \
    'what each signal does to a guarded daemon: clean, graceful or hard, rehearsed or not'
signals_are_triggers_body() {
	for sig in USR1 HUP; do
		table <<-EOT
		| hello kill $sig \$vault eof | 0
		    | : PANIC (dry-run): SIG$sig: secrets wiped, WOULD SIGKILL | !HARD
		-a -g 0.2 | hello kill $sig \$vault eof | 137
		    | : PANIC: SIG$sig: secrets wiped, SIGKILL | panic pending: SIG$sig, 0.200 s
		    | !HARD
		EOT
	done
	for sig in USR2 QUIT; do
		table <<-EOT
		| hello kill $sig \$vault eof | 0
		    | HARD PANIC (dry-run): SIG$sig: secrets wiped, WOULD SIGKILL
		-a -g 60 | hello kill $sig \$vault eof | 137
		    | HARD PANIC: SIG$sig: secrets wiped, SIGKILL | !pending
		-a -g 60 | kill USR1 \$vault log log pending kill $sig \$vault eof | 137
		    | HARD PANIC: SIG$sig
		EOT
	done
	for sig in TERM INT; do
		table <<-EOT
		| hello kill $sig \$vault eof | 0 | SIG$sig: secrets wiped, bye | !PANIC
		-a -g 0 | hello kill $sig \$vault eof | 0 | SIG$sig: secrets wiped, bye
		    | !PANIC
		-a -g 60 | kill USR1 \$vault log log pending kill $sig \$vault eof | 0
		    | SIG$sig: secrets wiped, bye
		EOT
	done
}

# fatal NUMBER...: a daemon that gets one of these signals wipes first, and then dies of
# it
fatal() {
	for sig; do
		for options in '' '-a -g 60'; do
			start $options
			kill -"$sig" "$vault"
			ends $((128 + sig))
			logged ': secrets wiped'
			not_logged PANIC
		done
	done
}

behaviour fatal_signals_wipe_first \
    'every other signal that ends a program, from SIGILL to those of real time: wiped, then the default'
fatal_signals_wipe_first_body() {
	fatal 4 5 6 7 8 11 14 16 24 26 27 29 30 31 34 35 49 63 64
	table <<-'EOT'
	| kill SEGV $vault | 139 | SIGSEGV: secrets wiped
	-a -g 60 | kill USR1 $vault log log pending kill SEGV $vault eof | 139
	    | SIGSEGV: secrets wiped
	EOT
}

behaviour harmless_signals_do_nothing \
    'signals that end no program by default do nothing'
harmless_signals_do_nothing_body() {
	start -a -g 0
	for sig in CHLD CONT URG WINCH PIPE XFSZ TSTP TTIN TTOU; do
		kill -"$sig" "$vault"
		kill -"$sig" "$network"
		for pid in "$vault" "$network"; do
			grep -q '^State:.*[RS] ' "/proc/$pid/status" ||
			    fail "SIG$sig: $(grep State "/proc/$pid/status")"
		done
	done
	# The C library keeps these two for itself, and hides them from us.
	kill -32 "$vault"
	kill -33 "$vault"
	lives
}

behaviour the_end_of_network_is_a_hard_panic \
    'network is killed: a hard panic, without grace, and the log says by which signal'
the_end_of_network_is_a_hard_panic_body() {
	table <<-'EOT'
	| kill KILL $network | 0
	    | HARD PANIC (dry-run): network process lost, killed by SIGKILL | WOULD SIGKILL
	| hello mark kill KILL $network ended $vault within 1000 eof | 0
	    | HARD PANIC (dry-run): network process lost
	-a -g 60 | kill KILL $network | 137 | HARD PANIC: network process lost | !pending
	-a -g 60 | kill USR1 $vault log log pending kill KILL $network | 137
	    | HARD PANIC: network process lost
	-a -g 60 | hello kill ALRM $network eof | 137
	    | HARD PANIC: network process lost, killed by SIGALRM
	EOT
}

behaviour quit_is_a_clean_end 'QUIT from the heartbeat, inside a grace window or not: BYE, wiped, exit 0'
quit_is_a_clean_end_body() {
	table <<-'EOT'
	| hello quit | 0 | QUIT from the heartbeat: secrets wiped, bye | !PANIC
	-a -g 0 | hello quit | 0 | QUIT from the heartbeat: secrets wiped, bye | !PANIC
	-a -g 60 | hello kill USR1 $vault log log pending quit | 0
	    | QUIT from the heartbeat: secrets wiped, bye | !PANIC
	EOT
}

behaviour kill_9_of_the_vault_ends_network 'the vault is killed: network ends within a second, and the next daemon starts'
kill_9_of_the_vault_ends_network_body() {
	start -a
	talk "$sock" hello kill KILL "$vault" mark eof ended "$network" \
	    within 1000
	ends $SIGKILL "$vault"
	start -a -g 0
	lives
}
