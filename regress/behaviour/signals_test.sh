#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# Signals that reach both processes, or network instead of the vault.

. "$(atf_get_srcdir)/lib.sh"

# start_group OPTION...: as start, and the daemon leads a process group, as a shell's
# job does
start_group() {
	# setsid execs in its own process: a job of a script leads no group.
	through 'exec setsid'
	start "$@"
}

behaviour one_cancel_undoes_the_signals_to_both \
    'SIGUSR1 to both processes begins one grace, which one CANCEL ends'
one_cancel_undoes_the_signals_to_both_body() {
	table <<-'EOT'
	-a -g 60 | hello kill USR1 $vault kill USR1 $network log log 'panic pending' ping
	    cancel ping say CANCEL want NOTHING-PENDING quit | 0
	EOT
	[ "$(grep -c 'panic pending' log)" -eq 1 ] || fail "two windows"
}

behaviour network_passes_signals_on \
    'a signal to network does what it does to the vault'
network_passes_signals_on_body() {
	for sig in TERM INT; do
		table <<-EOT
		| hello kill $sig \$network eof | 0 | SIG$sig: secrets wiped, bye
		-a -g 0 | hello kill $sig \$network eof | 0 | SIG$sig: secrets wiped, bye
		EOT
	done
	for sig in USR1 HUP; do
		table <<-EOT
		| hello kill $sig \$network eof | 0 | : PANIC (dry-run): SIG$sig
		-a -g 0.2 | hello kill $sig \$network eof | 137 | panic pending: SIG$sig
		    | : PANIC: SIG$sig
		EOT
	done
	for sig in USR2 QUIT; do
		table <<-EOT
		| hello kill $sig \$network eof | 0 | HARD PANIC (dry-run): SIG$sig
		-a -g 60 | hello kill $sig \$network eof | 137 | HARD PANIC: SIG$sig
		EOT
	done
}

# to_both SIGNAL STATUS TEXT OPTION...: pkill SIGNAL dazaid, in the daemon's group, ends
# it with STATUS, and so does the signal to the group; the log has TEXT, and one end
to_both() {
	local how sig=$1 status=$2 text=$3

	shift 3
	for how in pkill group; do
		start_group "$@"
		[ "$(pgrep -c -g "$vault" dazaid)" -eq 2 ] || fail "not both have this name"
		case $how in
		pkill)	pkill "-$sig" -g "$vault" dazaid ;;
		group)	kill "-$sig" "-$vault" ;;
		esac
		ends "$status"
		logged "$text"
		[ "$(grep -c 'secrets wiped' log)" -eq 1 ] || fail "more than one end"
	done
}

behaviour a_signal_to_both_is_one_signal \
    'Ctrl-C, Ctrl-\\, and pkill dazaid, which reach both processes, do what one signal does' \
    require.progs pkill
a_signal_to_both_is_one_signal_body() {
	to_both TERM 0 'SIGTERM: secrets wiped, bye' -a -g 0
	to_both INT 0 'SIGINT: secrets wiped, bye' -a -g 0
	to_both USR1 0 'PANIC (dry-run): SIGUSR1'
	to_both USR1 $SIGKILL 'PANIC: SIGUSR1' -a -g 0.2
	[ "$(grep -c 'panic pending' log)" -eq 1 ] || fail "two windows"
	to_both QUIT $SIGKILL 'HARD PANIC: SIGQUIT' -a -g 60
}

behaviour ignored_signals_count 'a signal that the parent of the daemon ignored means what it always does'
ignored_signals_count_body() {
	trap '' HUP INT QUIT TERM USR1 USR2 SEGV
	table <<-'EOT'
	-a -g 0.2 | kill HUP $vault | 137 | PANIC: SIGHUP
	-a -g 60 | kill QUIT $vault | 137 | HARD PANIC: SIGQUIT
	-a -g 60 | kill SEGV $vault | 139 | SIGSEGV: secrets wiped
	-a -g 60 | kill TERM $network | 0 | SIGTERM: secrets wiped
	EOT
}

# quits TIMES COMMAND...: TIMES over, a heartbeat sends QUIT by COMMAND and closes before the BYE
quits() {
	local i=$1

	shift
	while [ "$i" -gt 0 ]; do
		start -a -g 1
		talk "$sock" "$@" close
		ends 0
		logged 'QUIT from the heartbeat: secrets wiped, bye'
		i=$((i - 1))
	done
}

behaviour quit_and_close_is_no_panic \
    'a heartbeat that says QUIT and closes before the answer ends the daemon cleanly'
quit_and_close_is_no_panic_body() {
	quits 20 hello say QUIT
	quits 5 hello raw 'PING\nQUIT\n'
	quits 10 hello repeat 40 'PING\n' say QUIT
	quits 5 raw 'HELLO 1\nQUIT\n'
	# The vault is stopped, so the heartbeat closes before it could read a PONG.
	table <<-'EOT'
	-a -g 1 | hello kill STOP $vault say PING mark at 50 say QUIT close kill CONT $vault
	    | 0 | QUIT from the heartbeat: secrets wiped, bye
	EOT
}
