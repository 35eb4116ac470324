#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# What dazai.sh and dazai.fish promise, in each shell: a real one, on a terminal of
# its own (see pty.c), with the real dazaid and dazai-hb.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

bourne='bash zsh ksh mksh dash'
shells="$bourne fish"

# setup SHELL [OTHER...]: it is $sh; rc files for it, for the others, and for what reads
# $ENV, since one may exec another.  They run ./before, then the integration, then ./after.
setup() {
	sh=$1
	status='$?' file=$top/shell/dazai.sh
	[ "$sh" != fish ] || status='$status' file=$top/shell/dazai.fish
	# The prompt tells shells apart: ksh shows its own twice.
	cat >rc <<-EOF
		LEVEL=\$((\${LEVEL:-0} + 1)) PS1="P\$LEVEL> "
		export LEVEL
		. '$PWD/before'
		. '$top/shell/dazai.sh'
		. '$PWD/after'
	EOF
	for shell; do
		case $shell in
		bash)	ln -s rc .bashrc ;;
		zsh)	ln -s rc .zshrc ;;
		fish)	setup_fish ;;
		esac
	done
	: >before
	: >after
	: >starts
	# Tells how often it was started.
	cat >counted <<-EOF
		#!/bin/sh
		echo "\$*" >>'$PWD/starts'
		exec '$hb' "\$@"
	EOF
	chmod +x counted
	unset LEVEL DAZAI_GUARD DAZAI_GUARD_AT DAZAI_HB DAZAI_CTL DAZAI_VERBOSE
	unset DAZAI_TETHER DAZAI_QUIET TMUX STY ZELLIJ XDG_DATA_HOME
	PATH=$top/dazaid:$top/dazai-hb:$top/dazaictl:$PATH DAZAI_SOCK=$sock TERM=dumb
	ENV=$PWD/rc HOME=$PWD ZDOTDIR=$PWD XDG_CONFIG_HOME=$PWD
	export PATH DAZAI_SOCK TERM ENV HOME ZDOTDIR XDG_CONFIG_HOME
}

setup_fish() {
	# Else fish reads every man page there is at its first start, in the background.
	mkdir -p fish .local/share/fish/generated_completions
	cat >fish/config.fish <<-EOF
		set -gx LEVEL (math 0\$LEVEL + 1)
		function fish_prompt; echo -n "P\$LEVEL> "; end
		function fish_greeting; end
		source '$PWD/before'
		source '$top/shell/dazai.fish'
	EOF
}

command_line() {
	case $1 in
	bash)	echo "bash --rcfile $PWD/rc" ;;
	*)	echo "$1" ;;
	esac
}

# expand: a script for pty from standard input, with lines "ask COMMAND | TEXT | STATUS",
# which type the command, and expect the text and that exit status
expand() {
	sed "s/^ask \(.*\) | \(.*\) | \(.*\)\$/send \1; echo \"status=$status\"\\\\n\\
expect \2\\
expect status=\3/"
}

# drive [VARIABLE=VALUE ...]: the shell on a terminal does the script on standard input;
# what pty says goes to ./out
drive() {
	expand >script
	env "$@" "$tools/pty" $(command_line "$sh") <script >out 2>err ||
	    fail "$sh on a terminal: $(cat err)"
}

# visit [VARIABLE=VALUE ...]: as drive, from the first prompt to "exit 7", with all that
# the terminal showed
visit() {
	{
		echo 'expect P1>'
		cat
		printf '%s\n' 'send exit 7\n' wait show
	} >visit
	drive "$@" <visit
	said 'exit 7'
}

# said LINE: pty did; shown N: the integration has spoken so often
said() {
	grep -qx "$1" out || fail "no '$1': $(cat out)"
}

shown() {
	[ "$(grep -c 'dazai: ' out)" -eq "$1" ] || fail "not $1 times: $(cat out)"
}

started_once() {
	[ "$(wc -l <starts)" -eq 1 ] || fail "not started once: $(cat starts)"
}

# The daemon saw the session's end, and rehearsed what it had to do.
wiped() {
	rehearsed "${1:-tether session lost}"
}

# in_each NAME TEXT [SHELL...]: declares the case NAME for each of these shells, or all
in_each() {
	local case=$1 text=$2 shell

	shift 2
	[ $# -gt 0 ] || set -- $shells
	for shell; do
		behaviour "${shell}_$case" "$shell: $text" require.progs "$shell"
		eval "${shell}_${case}_body() { setup $shell; $case; }"
	done
}

in_each is_guarded_from_start_to_exit \
    'an interactive shell is guarded until it exits, whatever its subshells do, and says nothing unasked'
is_guarded_from_start_to_exit() {
	subshells='(:); (exit 3); x=$(exit 2); echo x | (cat; exit 4); sleep 0 & wait'
	[ "$sh" != fish ] || subshells='fish -c "exit 3"; set x (false); echo x | cat; sleep 0 & wait'
	start
	visit DAZAI_HB="$PWD/counted" <<-EOF
		run $talk - log log 'held by pid'
		send $subshells\n
		send echo do''ne\n
		expect done
		ask dazai_status | dazai: session guarded by dazai-hb | 0
		run ! grep -Eq "dropped|lost" log
	EOF
	shown 1
	started_once
	wiped
}

in_each is_wiped_however_it_ends \
    'end of file, SIGKILL and a terminal that hangs up end the session as well'
is_wiped_however_it_ends() {
	for end in 'key C-d' 'signal KILL' hangup; do
		start
		# ksh shows its prompt first, and then takes the terminal.
		again=
		[ "$sh" != ksh ] || [ "$end" != 'key C-d' ] || again='expect P1>'
		drive DAZAI_VERBOSE=1 <<-EOF
			expect dazai: session guarded by dazai-hb
			expect P1>
			$again
			$end
			wait
		EOF
		case $end in
		key*)	said 'exit 0' ;;
		signal*) said 'signal 9' ;;
		esac
		wiped
	done
	start -a -g 0
	drive <<-EOF
		expect P1>
		signal KILL
		wait
	EOF
	killed 'PANIC: tether session lost'
}

in_each child_is_of_the_session \
    'a shell in the shell is of the same session, unless it asks at another socket'
child_is_of_the_session() {
	other="(DAZAI_SOCK=$PWD/other; dazai_status)"
	[ "$sh" != fish ] || other="begin; set -lx DAZAI_SOCK $PWD/other; dazai_status; end"
	start
	visit DAZAI_HB="$PWD/counted" <<-EOF
		send $(command_line "$sh")\n
		expect P2>
		send dazai_status; echo "status=$status"\n
		expect dazai: session guarded by dazai-hb
		expect for process
		expect status=0
		send exit\n
		expect P1>
		run [ \$(wc -l <starts) -eq 1 ]
		send DAZAI_SOCK=$PWD/other $(command_line "$sh")\n
		expect dazai: no daemon; session UNGUARDED
		expect P2>
		send exit\n
		expect P1>
		send $other\n
		expect dazai: session UNGUARDED
		expect P1>
		send dazai_status\n
		expect dazai: session guarded by dazai-hb
		run ! grep -Eq "dropped|lost" log
	EOF
	shown 4
	wiped
}

in_each runs_the_trap_that_was_there \
    'a trap that the user had set still runs, with its status and its quotes, and may exit'
runs_the_trap_that_was_there() {
	case $sh in
	fish)	cat >before <<-'EOF'
			function old --on-event fish_exit
				echo "it's \"$status\"" >>trap.out
			end
		EOF
		printf '%s\n' "it's \"7\"" >expected ;;
	*)	cat >before <<-'EOF'
			old() { echo "old $? $1" >>trap.out; }
			trap 'old "it'\''s"; echo "a \"quoted\"
			second line" >>trap.out # \' EXIT
			trap 'echo int
			trap' USR1
		EOF
		printf 'old 7 it'\''s\na "quoted"\nsecond line\n' >expected ;;
	esac
	start
	visit </dev/null
	cmp -s expected trap.out || fail "the trap: $(cat trap.out)"
	wiped
	[ "$sh" != fish ] || return 0
	echo "trap 'exit 5' EXIT" >before
	start
	drive <<-EOF
		expect P1>
		send exit 7\n
		wait
	EOF
	said 'exit 5'
	wiped
}

in_each is_quiet_when_sourced_again 'the integration that is sourced again does nothing'
is_quiet_when_sourced_again() {
	trap='trap'
	case $sh in
	fish)	trap='functions --handlers' ;;
	zsh)	trap='echo $zshexit_functions' ;;
	esac
	echo ". '$top/shell/dazai.sh'" >>rc
	start
	drive DAZAI_HB="$PWD/counted" <<-EOF
		expect P1>
		send . $file\n
		expect P1>
		send . $file; echo "status=$status"\n
		expect status=0
		send $trap >hooks; exit 7\n
		wait
		show
	EOF
	said 'exit 7'
	shown 0
	[ "$(grep -o _dazai_exit hooks | wc -l)" -eq 1 ] || fail "hooks: $(cat hooks)"
	started_once
	wiped
}

in_each works_under_strict_options \
    'set -euC, a strange IFS, arguments and the options of posix and ksh do not matter' $bourne
works_under_strict_options() {
	case $sh in
	bash)	echo set -o posix ;;
	zsh)	echo setopt ksh_arrays extended_glob warn_create_global \
		    no_sh_word_split ;;
	esac >before
	cat >>before <<-EOF
		set -euC
		IFS=0123456789:
		set -- first 'second third'
	EOF
	# ksh93 would end at its first prompt under -e, and resets IFS there.
	cat >after <<-EOF
		. $top/shell/dazai.sh
		dazai_status || :
		echo "\$-" >|flags
		echo "\$1,\$2,\$#,\$IFS" >|values
		set +e
	EOF
	drive <<-EOF
		expect dazai: no daemon; session UNGUARDED
		expect dazai: no daemon; session UNGUARDED
		expect dazai: session UNGUARDED: dazaictl
		expect P1>
	EOF
	start
	drive <<-EOF
		expect dazai: session guarded by dazai-hb
		expect P1>
		send exit 7\n
		wait
		show
	EOF
	said 'exit 7'
	absent -E 'not set|unset|unbound|created|not found' out
	for flag in e u C; do
		grep -q $flag flags || fail "no -$flag in $(cat flags)"
	done
	[ "$(cat values)" = 'first,second third,2,0123456789:' ] || fail "$(cat values)"
	wiped
}

in_each is_unguarded_until_a_daemon_comes \
    'a shell says that it is UNGUARDED, can be guarded later, and says when the daemon has ended'
is_unguarded_until_a_daemon_comes() {
	drive DAZAI_HB=/nonexistent/hb <<-EOF
		expect dazai: session UNGUARDED: /nonexistent/hb: not found
		expect P1>
		show
	EOF
	shown 1
	drive DAZAI_QUIET=1 DAZAI_HB="$PWD/counted" <<-EOF
		expect P1>
		show
	EOF
	shown 0
	[ ! -s starts ] || fail "dazai-hb was started for nothing"
	# The sockets of a daemon that was killed.
	start
	kill -KILL "$vault"
	ends "$SIGKILL" "$vault"
	talk - ended "$network"
	[ -e "$sock" ] || fail "no socket is left"
	drive <<-EOF
		expect dazai: no daemon; session UNGUARDED
		expect P1>
		ask dazai_guard | dazai: session UNGUARDED: dazai-hb: $sock.ctl: no daemon | 1
	EOF
	mkfifo go
	: >log
	{ read -r _ <go; exec "$dazaid" -d -s "$sock" 2>log; } &
	vault=$!
	remember "$vault"
	drive <<-EOF
		expect dazai: no daemon; session UNGUARDED
		expect P1>
		ask dazai_status | dazai: session UNGUARDED: dazaictl: $sock.ctl: no daemon | 1
		ask dazai_guard | dazai: session UNGUARDED: dazai-hb: $sock.ctl: no daemon | 1
		run echo >go; $talk - log log ready
		send dazai_guard; echo "status=$status"\n
		expect status=0
		ask dazai_status | dazai: session guarded by dazai-hb | 0
		run kill -TERM $vault
		run $talk - ended $vault ended \$(sed -n 's/.*held by pid //p' log)
		ask dazai_status | dazai: session UNGUARDED: dazaictl: $sock.ctl: no daemon | 1
		send exit 7\n
		wait
		show
	EOF
	said 'exit 7'
	absent -E 'dazai:.*dazai:|warning|/proc/' out
	ends 0
}

in_each finds_the_default_place \
    'without DAZAI_SOCK the daemon is found in the runtime directory, however the shell expands patterns'
finds_the_default_place() {
	mkdir -m 700 run
	sock=$PWD/run/dazai-$(id -u).sock
	set -- ''
	[ "$sh" = fish ] || set -- '' 'set -f'
	[ "$sh" != bash ] || set -- "$@" 'shopt -s failglob' 'shopt -s nullglob'
	[ "$sh" != zsh ] || set -- "$@" 'setopt ksh_arrays null_glob'
	for before; do
		echo "$before" >before
		# Unless whoever runs this has a daemon.
		env -u DAZAI_SOCK dazaictl status >state 2>&1 ||
		    drive -u DAZAI_SOCK XDG_RUNTIME_DIR="$PWD/run" <<-EOF
			expect dazai: no daemon; session UNGUARDED
			expect P1>
		EOF
		start
		visit -u DAZAI_SOCK XDG_RUNTIME_DIR="$PWD/run" <<-EOF
			ask dazai_status | dazai: session guarded by dazai-hb | 0
		EOF
		shown 1
		wiped
	done
}

in_each starts_the_daemon \
    'dazaid that was typed in a shell is guarded by it at once, and says so if it is not'
starts_the_daemon() {
	visit DAZAI_QUIET=1 <<-EOF
		ask dazaid -V | dazaid | 0
		ask dazaid -x | usage: dazaid | 1
		ask dazaid -g 0 -z 4096 | status | 0
		run $(holders 1)
		ask dazai_status | dazai: session guarded by dazai-hb | 0
		send exec /bin/sh\n
		run until [ /proc/\$PTY_PID/exe -ef /bin/sh ]; do sleep 0.01; done
		run dazaictl panic -w || :
		send echo no''daemon\n
		expect nodaemon
	EOF
	absent -e UNGUARDED -e 'not guarded' out
	# The environment tells that this is inside of tmux.
	drive DAZAI_QUIET=1 TMUX=x <<-EOF
		expect P1>
		run chmod g+w \$(readlink /proc/\$PTY_PID/fd/0)
		send dazaid -z 4096\n
		expect dazaid: not guarded yet: dazai_guard
		ask dazai_guard; dazai_status | dazai: session guarded by dazai-hb | 0
		run kill -TERM \$(cat $sock.pid)
		expect dazai: the daemon ended: session UNGUARDED
		send dazaid -s $sock.other\n
		expect dazaid: not guarded yet: dazai_guard
		run kill -TERM \$(cat $sock.other.pid)
	EOF
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
			send $command\n
			expect P2>
			send dazai_status\n
			expect dazai: session guarded by dazai-hb
			send $command\n
			expect P3>
			send exit\n
			expect P2>
			send exit\n
			expect P1>
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
		send $(command_line "$sh")\n
		expect P2>
		send kill -STOP $self\n
		expect P1>
		send dazai_status\n
		expect dazai: session guarded by dazai-hb
		send fg\n
		expect P2>
		send echo fore''ground\n
		expect foreground
		send exit\n
		expect P1>
		run $talk - kill STOP \$PTY_PID
		run [ "\$(dazaictl get $name)" = '$secret' ]
		run ! grep -q lost log
		signal KILL
		wait
	EOF
	said 'signal 9'
	wiped
}

holders() {
	echo "dazaictl tethers | grep -q '^session $1 held'"
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
    'a terminal that was opened from a guarded shell holds the session, too'
a_terminal_within_is_one_more() {
	start
	expand >within <<-EOF
		expect P2>
		send dazai_status\n
		expect dazai: session guarded by dazai-hb
		run $(holders 2)
		send exit 5\n
		wait
	EOF
	visit DAZAI_HB="$PWD/counted" <<-EOF
		send $tools/pty $(command_line "$sh") <within\n
		expect exit 5
		run ! grep -q lost log
	EOF
	[ "$(wc -l <starts)" -eq 2 ] || fail "not started twice: $(cat starts)"
	wiped
}

in_each the_tether_has_a_name \
    'DAZAI_TETHER is the tether to hold; if it is empty, the shell is the only heartbeat'
the_tether_has_a_name() {
	start
	visit DAZAI_TETHER=desk-2 <<-EOF
		run $talk - log log 'tether desk-2 held'
	EOF
	wiped 'tether desk-2 lost'
	start
	visit DAZAI_TETHER= <<-EOF
		run $talk - log log 'guarded by pid'
		ask dazai_status | dazai: session guarded by dazai-hb | 0
	EOF
	wiped 'heartbeat connection dropped'
}

in_each one_command_holds_nothing \
    'a shell that runs one command (-c), interactive or not, or has no terminal, holds nothing and is silent'
one_command_holds_nothing() {
	start
	export DAZAI_HB="$PWD/counted"
	printf '%s\n' wait show >one
	"$tools/pty" $(command_line "$sh") -ic 'echo do""ne; exit 3' >out 2>&1 <one ||
	    fail "$(cat out)"
	said 'exit 3'
	grep -q 'done' out || fail "$(cat out)"
	shown 0
	echo 'echo do""ne' |
	    $(command_line "$sh") -i >out 2>&1
	grep -q 'done' out || fail "$(cat out)"
	shown 0
	got=0
	"$sh" -c ". $file; echo done; exit 3" >out 2>&1 || got=$?
	[ "$got $(cat out)" = '3 done' ] || fail "exit $got: $(cat out)"
	if [ "$sh" != fish ]; then
		"$sh" -euc ". $file; echo done" >out 2>&1 || fail "$(cat out)"
		[ "$(cat out)" = 'done' ] || fail "$(cat out)"
	fi
	[ ! -s starts ] || fail "dazai-hb was started"
	not_logged guarded
	not_logged held
	lives
}

in_each inside_tmux_nothing_holds_unasked \
    'a shell inside tmux, screen or zellij says who holds, and holds when it is told to'
inside_tmux_nothing_holds_unasked() {
	start -a -g 60
	heartbeat -n session
	drive DAZAI_HB="$PWD/counted" TMUX=x <<-EOF
		expect dazai: inside tmux, this shell does not hold the session: session (1) does; dazai_guard
		expect P1>
		send . $file; echo "status=$status"\n
		expect status=0
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
    'dazai_status says that a panic is pending, and dazai_cancel ends it, unless a tether is lost'
cancels_an_ordered_panic() {
	start -a -g 60
	heartbeat -n usb
	drive <<-EOF
		expect P1>
		run chmod g-w \$(readlink /proc/\$PTY_PID/fd/0)
		ask dazai_cancel | dazai: no panic is pending | 0
		run dazaictl panic
		ask dazai_status | dazai: PANIC PENDING: in | 1
		ask dazai_cancel | dazai: panic cancelled | 0
		run grep -q 'panic CANCELLED by CANCEL' log
		ask dazai_status | dazai: session guarded by dazai-hb | 0
		run kill -KILL $heartbeat; $talk - log log 'tether usb lost'
		send dazai_status; echo "status=$status"\n
		expect dazai: PANIC PENDING: in
		expect lost: usb
		expect status=1
		ask dazai_cancel | dazai: not cancelled: tether usb is lost | 1
	EOF
}

in_each a_cancelled_panic_is_told_once \
    'on a terminal that dazai-hb writes to, dazai_cancel leaves it to dazai-hb to say that the panic is cancelled'
a_cancelled_panic_is_told_once() {
	start -a -g 60
	drive <<-EOF
		expect P1>
		run chmod g+w \$(readlink /proc/\$PTY_PID/fd/0)
		run dazaictl panic
		expect dazai: PANIC PENDING
		send dazai_cancel; echo "status=$status" >status\n
		run $talk - log status status=0
		expect dazai: panic cancelled by CANCEL
		show
	EOF
	[ "$(grep -c 'panic cancelled' out)" -eq 1 ] || fail "$(cat out)"
}

in_each second_terminal_learns_who_guards \
    'with DAZAI_TETHER empty the shell on a second terminal says which dazai-hb guards which process on which terminal'
second_terminal_learns_who_guards() {
	export DAZAI_TETHER=
	start
	expand >second <<-EOF
		expect dazai: session guarded already, by dazai-hb
		expect for process
		expect P1>
		send dazai_status; echo "status=$status"\n
		expect dazai: session guarded by dazai-hb
		expect for process
		expect status=0
		send exit 7\n
		wait
		show
	EOF
	visit <<-EOF
		run echo \$PTY_PID >shell.pid
		run $tools/pty $(command_line "$sh") <second >out.2
		send dazai_status\n
		expect dazai: session guarded by dazai-hb
		run ! grep -Eq "dropped|lost" log
	EOF
	mv out.2 out
	said 'exit 7'
	grep -qE "guarded already, by dazai-hb [0-9]+ for process $(cat shell.pid) \
\(.* on pts/[0-9]+\)" out || fail "$(cat out)"
	wiped 'heartbeat connection dropped'
}

in_each makes_no_job_noise 'dazai-hb is no job of the shell, whose end nobody is told'
makes_no_job_noise() {
	start
	visit <<-EOF
		send jobs; echo en''d\n
		expect end
		run kill -9 \$(sed -n 's/.*held by pid //p' log)
		run $talk - ended $vault
		send \n
		expect P1>
		send jobs; echo en''d\n
		expect end
	EOF
	absent -iE '\[[0-9]+\]|done|killed|terminated|running' out
	wiped
}

# The heartbeat of another process, a sleep, as $heartbeat.
other_heartbeat() {
	start
	idler
	heartbeat -p "$idler"
}

in_each lets_go_politely 'the exit of the shell ends the dazai-hb that is its own, and nothing else'
lets_go_politely() {
	# Only the exit hook can end this one, which watches another process.
	other_heartbeat
	set="export DAZAI_GUARD=\"\$\$ $heartbeat\"" sub='(sleep 0; exit 3)'
	[ "$sh" != fish ] ||
	    set="set -gx DAZAI_GUARD \"\$fish_pid $heartbeat\"" sub='fish -c "exit 3"'
	visit DAZAI_HB=/nonexistent/hb <<-EOF
		send $set; dazai_guard; echo "status=$status"\n
		expect status=0
		send $sub\n
		send echo do''ne\n
		expect done
		run ! grep -Eq "dropped|lost" log
	EOF
	wiped 'heartbeat connection dropped'
	kill -0 "$idler" || fail "the other process was ended"
}

in_each touches_no_process_of_others \
    'a dazai-hb of another shell, and a process that is no dazai-hb, outlive the shell'
touches_no_process_of_others() {
	export DAZAI_TETHER=
	other_heartbeat
	set="DAZAI_GUARD=\"\$\$ $heartbeat\"; dazai_guard; DAZAI_GUARD=\"1 $heartbeat\""
	[ "$sh" != fish ] || set="set DAZAI_GUARD \"1 $heartbeat\""
	drive <<-EOF
		expect guarded already
		expect P1>
		send $set; dazai_status\n
		expect for process 1
		send exit 7\n
		wait
	EOF
	said 'exit 7'
	kill -QUIT "$heartbeat"
	ends 0
	logged 'QUIT from the heartbeat'
	unset DAZAI_TETHER
	start
	set="export DAZAI_GUARD=\"\$\$ $idler\""
	[ "$sh" != fish ] || set="set -gx DAZAI_GUARD \"\$fish_pid $idler\""
	visit <<-EOF
		send $set\n
		expect P1>
		send dazai_status\n
		expect not by this shell: session (1)
	EOF
	wiped
	kill -0 "$idler" || fail "a stranger was ended"
}

behaviour exec_keeps_the_guard \
    'a shell that becomes another one by exec, and that one another, stays guarded by the same dazai-hb' \
    require.progs "$shells"
exec_keeps_the_guard_body() {
	setup bash zsh fish
	start
	level=1
	{
		for next in bash zsh zsh ksh ksh mksh mksh dash dash fish fish bash; do
			level=$((level + 1))
			cat <<-EOF
				send exec $(command_line $next)\n
				expect P$level>
				send dazai_status\n
				expect dazai: session guarded by dazai-hb
			EOF
		done
		echo 'run ! grep -Eq "dropped|lost" log'
	} >chain
	visit DAZAI_HB="$PWD/counted" <chain
	# Each says that it is its own, not another process's.
	absent 'for process' out
	started_once
	wiped
}
