#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# What dazai.sh and dazai.fish promise one shell from its start to its end.

. "$(atf_get_srcdir)/lib.sh"
. "$(atf_get_srcdir)/shell.sh"

in_each is_guarded_from_start_to_exit \
    'an interactive shell is guarded until it exits, whatever its subshells do, and says nothing unasked, not even when its dazai-hb ends, also if the integration is sourced again'
is_guarded_from_start_to_exit() {
	subshells='(:); (exit 3); x=$(exit 2); echo x | (cat; exit 4); sleep 0 & wait'
	hooks='trap'
	case $sh in
	fish)	subshells='fish -c "exit 3"; set x (false); echo x | cat; sleep 0 & wait'
		hooks='functions --handlers' ;;
	zsh)	hooks='echo $zshexit_functions' ;;
	esac
	echo ". '$top/shell/dazai.sh'" >>rc
	start
	visit DAZAI_HB="$PWD/counted" <<-EOF
		run $talk - log log 'held by pid'
		type . $file | P1>
		type . $file; echo "status=$status" | status=0
		send $subshells\n
		type echo do''ne | done
		ask dazai_status | dazai: session guarded by dazai-hb | 0
		run ! grep -Eq "dropped|lost" log
		send $hooks >hooks\n
		type echo no''jobs; jobs; echo en''d | nojobs
		expect end
		run kill -9 \$(sed -n 's/.*held by pid //p' log)
		run $talk - ended $vault
		type jobs; echo en''d | end
	EOF
	sed '1,/nojobs/d' out >noise
	present end noise
	absent -iE '\[[0-9]+\]|done|killed|terminated|running' noise
	shown 1
	[ "$(grep -o _dazai_exit hooks | wc -l)" -eq 1 ] || fail "hooks: $(cat hooks)"
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
		present $flag flags
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
	# The sockets of a daemon that was killed are there.
	start
	kill -KILL "$vault"
	ends "$SIGKILL" "$vault"
	talk - ended "$network"
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
		type dazai_guard; echo "status=$status" | status=0
		ask dazai_status | dazai: session guarded by dazai-hb | 0
		run kill -TERM $vault
		run $talk - ended $vault ended \$(sed -n 's/.*held by pid //p' log)
		ask dazai_status | dazai: session UNGUARDED: dazaictl: $sock.ctl: no daemon | 1
		send exit 7\n
		wait
		show
	EOF
	said 'exit 7'
	absent -E 'dazai:.*dazai:|warning|/proc/|the last daemon' out
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
		type dazaid -a -g 60 -z 4096 -- true; echo by"=\$DAZAI_GUARD." | by=.
		run dazaictl panic hard
		ask dazaid -g 0 -z 4096 | status | 0
		run $(holders 1)
		ask dazai_status | dazai: session guarded by dazai-hb | 0
		send exec /bin/sh\n
		run until [ /proc/\$PTY_PID/exe -ef /bin/sh ]; do sleep 0.01; done
		run dazaictl panic -w || :
		type echo no''daemon | nodaemon
	EOF
	absent -e UNGUARDED -e 'not guarded' out
	# The environment tells that this is inside of tmux.
	drive DAZAI_QUIET=1 TMUX=x <<-EOF
		expect P1>
		run chmod g+w \$(readlink /proc/\$PTY_PID/fd/0)
		type dazaid -z 4096 | dazaid: not guarded yet: dazai_guard
		ask dazai_guard; dazai_status | dazai: session guarded by dazai-hb | 0
		run kill -TERM \$(cat $sock.pid)
		expect dazai: the daemon ended: session UNGUARDED
		type dazaid -s $sock.other | dazaid: not guarded yet: dazai_guard
		run kill -TERM \$(cat $sock.other.pid)
	EOF
}

in_each does_not_mind_aliases \
    'aliases that the user had set, even of dazaid, change nothing in it, and stay' $bourne
does_not_mind_aliases() {
	echo "alias dazaid='dazaid -a' kill='kill -KILL' sleep=false" >before
	visit DAZAI_QUIET=1 <<-EOF
		ask dazaid -g 60 -z 4096 | status | 0
		ask dazai_status | dazai: session guarded by dazai-hb | 0
		run dazaictl panic
		ask dazai_cancel | dazai: panic cancelled | 0
		run dazaictl status -l | grep ' armed=1 .* guarded=1 pending=0 '
		run dazaictl panic hard
	EOF
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
	present 'done' out
	shown 0
	echo 'echo do""ne' |
	    $(command_line "$sh") -i >out 2>&1
	present 'done' out
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
		type $set; dazai_guard; echo "status=$status" | status=0
		send $sub\n
		type echo do''ne | done
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
		type $set; dazai_status | for process 1
		send exit 7\n
		wait
	EOF
	said 'exit 7'
	stand_down
	logged 'QUIT from the heartbeat'
	unset DAZAI_TETHER
	start
	set="export DAZAI_GUARD=\"\$\$ $idler\""
	[ "$sh" != fish ] || set="set -gx DAZAI_GUARD \"\$fish_pid $idler\""
	visit <<-EOF
		type $set | P1>
		type dazai_status | not by this shell: session (1)
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
				type exec $(command_line $next) | P$level>
				type dazai_status | dazai: session guarded by dazai-hb
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
