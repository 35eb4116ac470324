#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# What dazai.sh and dazai.fish promise several shells of one session, and those within
# others.

. "$(atf_get_srcdir)/lib.sh"
. "$(atf_get_srcdir)/shell.sh"

in_each child_is_of_the_session \
    'a shell in the shell is of the same session, unless it asks at another socket'
child_is_of_the_session() {
	other="(DAZAI_SOCK=$PWD/other; dazai_status)"
	[ "$sh" != fish ] || other="begin; set -lx DAZAI_SOCK $PWD/other; dazai_status; end"
	start
	visit DAZAI_HB="$PWD/counted" <<-EOF
		type $(command_line "$sh") | P2>
		type dazai_status; echo "status=$status" | dazai: session guarded by dazai-hb
		expect for process
		expect status=0
		type exit | P1>
		run [ \$(wc -l <starts) -eq 1 ]
		type DAZAI_SOCK=$PWD/other $(command_line "$sh") | dazai: no daemon; session UNGUARDED
		expect P2>
		type exit | P1>
		type $other | dazai: session UNGUARDED
		expect P1>
		type dazai_status | dazai: session guarded by dazai-hb
		run ! grep -Eq "dropped|lost" log
	EOF
	shown 4
	wiped
}

in_each another_group_or_user_is_the_same_session \
    'newgrp and su begin no other session, and their end is no loss'
another_group_or_user_is_the_same_session() {
	SHELL=$(command -v "$sh")
	export SHELL
	# The newgrp(1) of Debian 13 starts the shell of the passwd file.
	ln -sf rc .bashrc
	set --
	! command -v newgrp >/dev/null || set -- "newgrp $(id -gn)"
	[ "$(id -u)" -ne 0 ] || set -- "$@" "su -p"
	[ $# -gt 0 ] || atf_skip "no newgrp: install util-linux-extra, or run it as root"
	for command; do
		start
		drive DAZAI_HB="$PWD/counted" <<-EOF
			expect P1>
			type $command | P2>
			type dazai_status | dazai: session guarded by dazai-hb
			type $command | P3>
			type exit | P2>
			type exit | P1>
			run ! grep -q lost log
			send exit\n
			wait
			show
		EOF
		shown 1
		started_once
		: >starts
		wiped
	done
}

in_each a_stopped_shell_is_alive 'a shell that is stopped holds, and its death is noticed all the same'
a_stopped_shell_is_alive() {
	self='$$'
	[ "$sh" != fish ] || self='$fish_pid'
	start
	drive <<-EOF
		expect P1>
		type $(command_line "$sh") | P2>
		type kill -STOP $self | P1>
		type dazai_status | dazai: session guarded by dazai-hb
		type fg | P2>
		type echo fore''ground | foreground
		type exit | P1>
		run $talk - kill STOP \$PTY_PID
		run [ "\$(dazaictl get $name)" = '$secret' ]
		run ! grep -q lost log
		signal KILL
		wait
	EOF
	said 'signal 9'
	wiped
}

in_each many_terminals_are_one_session \
    'the first of two terminals is closed and the secret still given; with the last it is gone'
many_terminals_are_one_session() {
	start -a -g 60
	expand >second <<-EOF
		expect P1>
		run echo >second.holds; until [ -e first.ended ]; do sleep 0.02; done
		run until $(holders 1); do sleep 0.02; done
		run [ "\$(dazaictl get $name)" = '$secret' ]
		ask dazai_status | dazai: session guarded by dazai-hb | 0
		run ! grep -q pending log
		signal KILL
		wait
	EOF
	spawn second "$tools/pty" $(command_line "$sh") <second >out.2 2>&1
	drive <<-EOF
		expect P1>
		run until [ -e second.holds ]; do sleep 0.02; done
		run $(holders 2)
		send exit\n
		wait
		run echo >first.ended
	EOF
	talk - ended "$second"
	wait "$second" || fail "$(cat out.2)"
	logged 'panic pending: tether session lost'
	atf_check -s exit:3 -e match:refused dazaictl get "$name"
}

in_each a_terminal_within_is_one_more \
    'a terminal that was opened from a guarded shell holds the session, too; DAZAI_TETHER is the tether to hold'
a_terminal_within_is_one_more() {
	start
	expand >within <<-EOF
		expect P2>
		type dazai_status | dazai: session guarded by dazai-hb
		run dazaictl tethers | grep -q '^desk-2 2 held'
		send exit 5\n
		wait
	EOF
	visit DAZAI_HB="$PWD/counted" DAZAI_TETHER=desk-2 <<-EOF
		type $tools/pty $(command_line "$sh") <within | exit 5
		run ! grep -q lost log
	EOF
	[ "$(wc -l <starts)" -eq 2 ] || fail "not started twice: $(cat starts)"
	wiped 'tether desk-2 lost'
}

in_each inside_tmux_nothing_holds_unasked \
    'a shell inside tmux, screen or zellij says who holds, and holds when it is told to'
inside_tmux_nothing_holds_unasked() {
	start -a -g 60
	heartbeat -n session
	drive DAZAI_HB="$PWD/counted" TMUX=x <<-EOF
		expect dazai: inside tmux, this shell does not hold the session: session (1) does; dazai_guard
		expect P1>
		type . $file; echo "status=$status" | status=0
		ask dazai_status | dazai: session guarded, not by this shell: session (1) | 0
		run chmod g-w \$(readlink /proc/\$PTY_PID/fd/0)
		run dazaictl panic && ! [ -s starts ]
		ask dazai_cancel | does not guard | 1
		ask dazai_guard; dazai_cancel | dazai: panic cancelled | 0
		run $(holders 2)
		show
	EOF
	[ "$(grep -c 'dazai: inside' out)" -eq 1 ] || fail "said twice: $(cat out)"
	for inside in STY=screen ZELLIJ=zellij; do
		drive "${inside%=*}=0" <<-EOF
			expect dazai: inside ${inside#*=}, this shell does not hold
			expect P1>
		EOF
	done
}

in_each cancels_an_ordered_panic \
    'dazai_status says that a panic is pending, and dazai_cancel ends it, unless a tether is lost; one line says so, that of dazai-hb if the terminal takes it'
cancels_an_ordered_panic() {
	start -a -g 60
	heartbeat -n usb
	drive <<-EOF
		expect P1>
		run chmod g+w \$(readlink /proc/\$PTY_PID/fd/0)
		run dazaictl panic
		expect dazai: PANIC PENDING
		send dazai_cancel; echo "status=$status" >status\n
		run $talk - log status status=0
		expect dazai: panic cancelled by CANCEL
		run chmod g-w \$(readlink /proc/\$PTY_PID/fd/0)
		ask dazai_cancel | dazai: no panic is pending | 0
		run dazaictl panic
		ask dazai_status | dazai: PANIC PENDING: in | 1
		ask dazai_cancel | dazai: panic cancelled | 0
		run [ \$(grep -c 'panic CANCELLED by CANCEL' log) -eq 2 ]
		ask dazai_status | dazai: session guarded by dazai-hb | 0
		run kill -KILL $heartbeat; $talk - log log 'tether usb lost'
		type dazai_status; echo "status=$status" | dazai: PANIC PENDING: in
		expect lost: usb
		expect status=1
		ask dazai_cancel | dazai: not cancelled: tether usb is lost | 1
		show
	EOF
	[ "$(grep -c 'panic cancelled' out)" -eq 2 ] || fail "$(cat out)"
}

in_each second_terminal_learns_who_guards \
    'with DAZAI_TETHER empty the shell is the only heartbeat; the one on a second terminal says which dazai-hb guards which process on which terminal'
second_terminal_learns_who_guards() {
	export DAZAI_TETHER=
	start
	expand >second <<-EOF
		expect dazai: session guarded already, by dazai-hb
		expect for process
		expect P1>
		type dazai_status; echo "status=$status" | dazai: session guarded by dazai-hb
		expect for process
		expect status=0
		send exit 7\n
		wait
		show
	EOF
	visit <<-EOF
		run $talk - log log 'guarded by pid'
		run echo \$PTY_PID >shell.pid
		run $tools/pty $(command_line "$sh") <second >out.2
		type dazai_status | dazai: session guarded by dazai-hb
		run ! grep -Eq "dropped|lost" log
	EOF
	mv out.2 out
	said 'exit 7'
	grep -qE "guarded already, by dazai-hb [0-9]+ for process $(cat shell.pid) \
\(.* on pts/[0-9]+\)" out || fail "$(cat out)"
	wiped 'heartbeat connection dropped'
}
