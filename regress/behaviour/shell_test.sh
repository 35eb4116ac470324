#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=sh disable=SC2016,SC2154 # text for other shells; atf-sh's names
#
# What dazai.sh and dazai.fish promise, in each shell: a real one, on a terminal of
# its own (see pty.c), with the real dazaid and dazai-hb.

shells='bash zsh ksh mksh dash fish'

# setup SHELL: an rc file for every shell, since one may exec another.  They run
# ./before and then source the integration.
setup() {
	sh=$1
	top=$(cd "$(atf_get_srcdir)/../.." && pwd)
	pty=$top/regress/tools/pty
	status='$?'
	[ "$sh" != fish ] || status='$status'
	# The prompt tells shells apart: ksh shows its own twice.
	cat >rc <<-EOF
		LEVEL=\$((\${LEVEL:-0} + 1)) PS1="P\$LEVEL> "
		export LEVEL
		. '$PWD/before'
		. '$top/shell/dazai.sh'
		. '$PWD/after'
	EOF
	cp rc .zshrc
	# Else fish reads every man page there is at its first start, in the background.
	mkdir -p fish .local/share/fish/generated_completions
	cat >fish/config.fish <<-EOF
		set -gx LEVEL (math 0\$LEVEL + 1)
		function fish_prompt; echo -n "P\$LEVEL> "; end
		function fish_greeting; end
		source '$PWD/before'
		source '$top/shell/dazai.fish'
	EOF
	: >before
	: >after
	: >starts
	# Tells how often it was started.
	cat >hb <<-EOF
		#!/bin/sh
		echo "\$*" >>'$PWD/starts'
		exec '$top/dazai-hb/dazai-hb' "\$@"
	EOF
	# Waits until a command succeeds.
	cat >await <<-'EOF'
		#!/bin/sh
		i=0
		until "$@"; do
			i=$((i + 1))
			[ $i -lt 500 ] || { echo "in vain: $*" >&2; exit 1; }
			sleep .02
		done
	EOF
	chmod +x hb await
	unset LEVEL DAZAI_GUARD DAZAI_GUARD_AT DAZAI_HB DAZAI_VERBOSE
	PATH=$top/dazai-hb:$PATH DAZAI_SOCK=$PWD/s TERM=dumb
	ENV=$PWD/rc HOME=$PWD ZDOTDIR=$PWD XDG_CONFIG_HOME=$PWD
	unset XDG_DATA_HOME
	export PATH DAZAI_SOCK TERM ENV HOME ZDOTDIR XDG_CONFIG_HOME
}

# The dazaid of a test: dazaid.pid, its log, and its exit status when it ends.
daemon() {
	launch "$@"
	./await grep -qs ready log || atf_fail 'dazaid did not start'
}

# The same without the wait.
launch() {
	rm -f dazaid.status
	{
		# shellcheck disable=SC2016 # expanded by the sh
		sh -c 'echo $$ >dazaid.pid; exec "$@"' sh \
		    "$top/dazaid/dazaid" -d -v -s "$PWD/s" "$@" 2>log
		echo $? >dazaid.status
	} </dev/null >/dev/null 2>&1 &
}

command_line() {
	case $1 in
	bash)	echo "bash --rcfile $PWD/rc" ;;
	*)	echo "$1" ;;
	esac
}

# drive [VARIABLE=VALUE ...]: the shell on a terminal; the script is on standard
# input, what pty says goes to ./out.
drive() {
	# shellcheck disable=SC2046 # words
	env "$@" "$pty" $(command_line "$sh") >out 2>err && return
	cat err
	[ ! -s log ] || sed 's/^/log: /' log
	atf_fail "$sh on a terminal"
}

# The daemon saw the session's end, and rehearsed what it had to do.
wiped() {
	./await test -s dazaid.status || atf_fail 'dazaid is still there'
	atf_check -o inline:'0\n' cat dazaid.status
	atf_check -o match:'heartbeat connection dropped.*WOULD SIGKILL' cat log
}

started_once() {
	atf_check -o match:'^1$' sh -c 'wc -l <starts'
}

stop() {
	for file in dazaid.pid sleep.pid; do
		[ ! -s "$file" ] || kill -9 "$(cat "$file")" 2>/dev/null || :
	done
}

#
# The cases.
#

is_guarded_on_start() {
	daemon
	drive <<-EOF
		expect P1>
		run ./await grep -q 'guarded by pid' log
		send dazai_status; echo "status=$status"\n
		expect dazai: session guarded by dazai-hb
		expect status=0
		send exit\n
		wait
		show
	EOF
	# Quiet but for what was asked.
	atf_check -o inline:'1\n' grep -c 'dazai: ' out
	wiped
}

speaks_of_success_if_verbose() {
	daemon
	drive DAZAI_VERBOSE=1 <<-EOF
		expect dazai: session guarded by dazai-hb
		expect P1>
	EOF
	wiped
}

is_wiped_on_exit() {
	daemon
	drive <<-EOF
		expect P1>
		send exit 7\n
		wait
	EOF
	atf_check -o inline:'exit 7\n' cat out
	wiped
}

is_wiped_on_end_of_file() {
	# ksh shows its prompt first, and then takes the terminal.
	again=
	[ "$sh" != ksh ] || again="expect P1>"
	daemon
	drive <<-EOF
		expect P1>
		$again
		key C-d
		wait
	EOF
	atf_check -o inline:'exit 0\n' cat out
	wiped
}

is_wiped_on_kill() {
	daemon
	drive <<-EOF
		expect P1>
		signal KILL
		wait
	EOF
	atf_check -o inline:'signal 9\n' cat out
	wiped
}

is_wiped_on_hangup() {
	daemon
	drive <<-EOF
		expect P1>
		hangup
		wait
	EOF
	wiped
}

kills_an_armed_daemon() {
	daemon -a -g 0
	drive <<-EOF
		expect P1>
		signal KILL
		wait
	EOF
	./await test -s dazaid.status || atf_fail 'dazaid is still there'
	atf_check -o inline:'137\n' cat dazaid.status
}

is_guarded_after_subshells() {
	subshells='(:); (exit 3); x=$(exit 2); echo x | (cat; exit 4); sleep 0 & wait'
	[ "$sh" != fish ] || subshells='fish -c "exit 3"; set x (false); echo x | cat; sleep 0 & wait'
	daemon
	drive <<-EOF
		expect P1>
		send $subshells\n
		send echo do''ne\n
		expect done
		send dazai_status; echo "status=$status"\n
		expect dazai: session guarded by dazai-hb
		expect status=0
		run ! grep -q dropped log
		send exit\n
		wait
	EOF
	wiped
}

is_guarded_across_exec() {
	daemon
	{
		echo 'expect P1>'
		level=1
		for next in $shells "$sh"; do
			level=$((level + 1))
			cat <<-EOF
				send exec $(command_line "$next")\n
				expect P$level>
				send dazai_status\n
				expect dazai: session guarded by dazai-hb
			EOF
		done
		cat <<-'EOF'
			run ! grep -q dropped log
			send exit 7\n
			wait
			show
		EOF
	} >script
	drive DAZAI_HB="$PWD/hb" <script
	atf_check -o match:'^exit 7$' cat out
	# As their own: not as another process's.
	atf_check -s exit:1 grep 'for process' out
	started_once
	wiped
}

child_is_of_the_session() {
	daemon
	drive DAZAI_HB="$PWD/hb" <<-EOF
		expect P1>
		send $(command_line "$sh")\n
		expect P2>
		send dazai_status; echo "status=$status"\n
		expect for process
		expect status=0
		send exit\n
		expect P1>
		send dazai_status\n
		expect dazai: session guarded by dazai-hb
		run ! grep -q dropped log
		send exit\n
		wait
		show
	EOF
	atf_check -o inline:'2\n' grep -c 'dazai: ' out
	started_once
	wiped
}

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
		printf 'old 7 it'\''s\na "quoted"\n\t\t\tsecond line\n' \
		    >expected
		sed 's/^\t*//' before >x && mv x before
		sed 's/^\t*//' expected >x && mv x expected ;;
	esac
	daemon
	drive <<-EOF
		expect P1>
		send exit 7\n
		wait
	EOF
	atf_check -o inline:'exit 7\n' cat out
	atf_check -o file:expected cat trap.out
	wiped
}

lets_the_trap_exit() {
	echo "trap 'exit 5' EXIT" >before
	daemon
	drive <<-EOF
		expect P1>
		send exit 7\n
		wait
	EOF
	atf_check -o inline:'exit 5\n' cat out
	wiped
}

sourced_again_does_nothing() {
	file=$top/shell/dazai.sh trap=trap
	case $sh in
	fish)	file=$top/shell/dazai.fish trap='functions --handlers' ;;
	zsh)	# shellcheck disable=SC2016 # zsh's
		trap='echo $zshexit_functions' ;;
	esac
	echo ". '$top/shell/dazai.sh'" >>rc
	cp rc .zshrc
	daemon
	drive DAZAI_HB="$PWD/hb" <<-EOF
		expect P1>
		send . $file\n
		expect P1>
		send . $file; echo "status=$status"\n
		expect status=0
		send $trap >hooks; exit 7\n
		wait
		show
	EOF
	atf_check -o match:'^exit 7$' cat out
	atf_check -s exit:1 grep 'dazai:' out
	atf_check -o inline:'1\n' sh -c 'grep -o _dazai_exit hooks | wc -l'
	started_once
	wiped
}

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
		expect dazai: session UNGUARDED
		expect dazai: session UNGUARDED
		expect dazai: session UNGUARDED
		expect P1>
	EOF
	daemon
	drive <<-EOF
		expect dazai: session guarded by dazai-hb
		expect P1>
		send exit 7\n
		wait
		show
	EOF
	atf_check -o match:'^exit 7$' cat out
	atf_check -s exit:1 grep -E 'not set|unset|unbound|created|not found' out
	atf_check -o match:e -o match:u -o match:C cat flags
	atf_check -o inline:'first,second third,2,0123456789:\n' cat values
	wiped
}

is_unguarded_without_daemon() {
	drive <<-EOF
		expect dazai: session UNGUARDED: dazai-hb: $PWD/s: no daemon
		expect P1>
		send dazai_status; echo "status=$status"\n
		expect dazai: session UNGUARDED: dazai-hb: $PWD/s: no daemon
		expect status=1
		send dazai_guard; echo "status=$status"\n
		expect dazai: session UNGUARDED: dazai-hb: $PWD/s: no daemon
		expect status=1
		show
	EOF
	atf_check -o inline:'3\n' grep -c 'dazai: ' out
}

# The daemon starts only when ./go is written to.
can_be_guarded_later() {
	mkfifo go
	{ read -r _ <go && launch; } &
	drive <<-EOF
		expect UNGUARDED
		expect P1>
		run echo >go; ./await grep -qs ready log
		send dazai_guard; echo "status=$status"\n
		expect status=0
		send dazai_status; echo "status=$status"\n
		expect dazai: session guarded by dazai-hb
		expect status=0
		send exit 7\n
		wait
	EOF
	atf_check -o inline:'exit 7\n' cat out
	wiped
}

is_unguarded_at_another_socket() {
	other="(DAZAI_SOCK=$PWD/other; dazai_status)"
	[ "$sh" != fish ] || other="begin; set -lx DAZAI_SOCK $PWD/other; dazai_status; end"
	daemon
	drive <<-EOF
		expect P1>
		send DAZAI_SOCK=$PWD/other $(command_line "$sh")\n
		expect dazai: session UNGUARDED: dazai-hb: $PWD/other: no daemon
		expect P2>
		send exit\n
		expect P1>
		send $other\n
		expect dazai: session UNGUARDED
		expect P1>
		send dazai_status\n
		expect dazai: session guarded by dazai-hb
		send exit\n
		wait
	EOF
	wiped
}

is_unguarded_without_program() {
	drive DAZAI_HB=/nonexistent/hb <<-EOF
		expect dazai: session UNGUARDED: /nonexistent/hb: not found
		expect P1>
		show
	EOF
	atf_check -o inline:'1\n' grep -c 'dazai: ' out
}

is_unguarded_when_the_daemon_ends() {
	daemon
	drive <<-EOF
		expect P1>
		run kill -TERM \$(cat dazaid.pid); ./await test -s dazaid.status
		run sed -n 's/.*guarded by pid //p' log >hb.pid
		run ./await sh -c '! grep -qs "State:.[^ZX]" /proc/\$(cat hb.pid)/status'
		send dazai_status; echo "status=$status"\n
		expect dazai: session UNGUARDED: dazai-hb
		expect has ended
		expect status=1
		send exit 7\n
		wait
		show
	EOF
	atf_check -o match:'^exit 7$' cat out
	atf_check -s exit:1 grep -E 'dazai:.*dazai:|warning|proc' out
}

second_terminal_learns_who_guards() {
	daemon
	cat >second <<-EOF
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
	drive <<-EOF
		expect P1>
		run echo \$PTY_PID >shell.pid
		run $pty $(command_line "$sh") <second >second.out
		send dazai_status\n
		expect dazai: session guarded by dazai-hb
		run ! grep -q dropped log
		send exit\n
		wait
	EOF
	atf_check -o match:'^exit 7$' cat second.out
	atf_check -o match:"guarded already, by dazai-hb [0-9]+ for process \
$(cat shell.pid) \(.* on pts/[0-9]+\)" cat second.out
	wiped
}

makes_no_job_noise() {
	daemon
	drive <<-EOF
		expect P1>
		send jobs; echo en''d\n
		expect end
		run kill -9 \$(sed -n 's/.*guarded by pid //p' log)
		run ./await test -s dazaid.status
		send \n
		expect P1>
		send jobs; echo en''d\n
		expect end
		send exit 7\n
		wait
		show
	EOF
	atf_check -o match:'^exit 7$' cat out
	atf_check -s exit:1 grep -iE '\[[0-9]+\]|done|killed|terminated|running' out
}

# Without being the one that is watched: only the exit hook can end this dazai-hb.
lets_go_politely() {
	daemon
	sleep 600 >/dev/null 2>&1 &
	echo $! >sleep.pid
	"$top/dazai-hb/dazai-hb" -p $! >hb.out &
	hb=$!
	./await grep -q guarding hb.out
	set="export DAZAI_GUARD=\"\$\$ $hb\"" sub='(sleep 0; exit 3)'
	[ "$sh" != fish ] ||
		set="set -gx DAZAI_GUARD \"\$fish_pid $hb\"" sub='fish -c "exit 3"'
	drive DAZAI_HB=/nonexistent/hb <<-EOF
		expect P1>
		send $set; dazai_guard; echo "status=$status"\n
		expect status=0
		send $sub\n
		send echo do''ne\n
		expect done
		run ! grep -q dropped log
		send exit 7\n
		wait
	EOF
	atf_check -o inline:'exit 7\n' cat out
	wiped
	atf_check kill -0 "$(cat sleep.pid)"
}

ends_only_its_own() {
	daemon
	sleep 600 >/dev/null 2>&1 &
	echo $! >sleep.pid
	"$top/dazai-hb/dazai-hb" -p $! >hb.out &
	hb=$!
	./await grep -q guarding hb.out
	set="DAZAI_GUARD=\"\$\$ $hb\"; dazai_guard; DAZAI_GUARD=\"1 $hb\""
	[ "$sh" != fish ] || set="set DAZAI_GUARD \"1 $hb\""
	drive <<-EOF
		expect guarded already
		expect P1>
		send $set; dazai_status\n
		expect for process 1
		send exit 7\n
		wait
	EOF
	atf_check -o inline:'exit 7\n' cat out
	kill -QUIT $hb
	./await test -s dazaid.status || atf_fail 'dazaid is still there'
	atf_check -o match:'QUIT from the heartbeat' cat log
}

never_kills_a_stranger() {
	daemon
	sleep 600 >/dev/null 2>&1 &
	echo $! >sleep.pid
	set='export DAZAI_GUARD="$$ '$!'"'
	[ "$sh" != fish ] || set="set -gx DAZAI_GUARD \"\$fish_pid $!\""
	drive <<-EOF
		expect P1>
		send $set\n
		expect P1>
		send dazai_status\n
		expect UNGUARDED
		send exit 7\n
		wait
	EOF
	wiped
	atf_check kill -0 "$(cat sleep.pid)"
}

does_nothing_when_not_interactive() {
	file=$top/shell/dazai.sh
	[ "$sh" != fish ] || file=$top/shell/dazai.fish
	daemon
	DAZAI_HB=$PWD/hb
	export DAZAI_HB
	atf_check -s exit:3 -o inline:'done\n' \
	    "$sh" -c ". $file; echo done; exit 3"
	[ "$sh" = fish ] ||
		atf_check -o inline:'done\n' "$sh" -euc ". $file; echo done"
	atf_check -s exit:1 -o inline:'0\n' sh -c 'grep -c . starts'
	atf_check -s exit:1 grep guarded log
}

cases='
is_guarded_on_start speaks_of_success_if_verbose
is_wiped_on_exit is_wiped_on_end_of_file is_wiped_on_kill is_wiped_on_hangup
kills_an_armed_daemon
is_guarded_after_subshells is_guarded_across_exec child_is_of_the_session
runs_the_trap_that_was_there sourced_again_does_nothing
is_unguarded_without_daemon can_be_guarded_later is_unguarded_without_program
is_unguarded_at_another_socket
is_unguarded_when_the_daemon_ends second_terminal_learns_who_guards
lets_go_politely ends_only_its_own
makes_no_job_noise never_kills_a_stranger does_nothing_when_not_interactive
'
# What fish has no like of.
bourne_cases='lets_the_trap_exit works_under_strict_options'

define() {
	needs=$1
	[ "$2" != is_guarded_across_exec ] || needs=$shells
	eval "
	atf_test_case $1_$2 cleanup
	$1_$2_head() { atf_set require.progs '$needs'; }
	$1_$2_body() { setup $1; $2; }
	$1_$2_cleanup() { stop; }"
}

all=
for name in $cases $bourne_cases; do
	for sh in $shells; do
		case $sh:" $bourne_cases " in
		fish:*" $name "*)	continue ;;
		esac
		define "$sh" "$name"
		all="$all ${sh}_$name"
	done
done

atf_init_test_cases() {
	for name in $all; do
		atf_add_test_case "$name"
	done
}
