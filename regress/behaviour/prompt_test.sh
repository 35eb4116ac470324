#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# Secrets that are typed, into dazaid -l and dazaictl put: twice, across Ctrl-Z, and not
# in vain.

. "$(atf_get_srcdir)/lib.sh"

PATH=$top/dazaid:$top/dazaictl:$PATH
export DAZAI_SOCK="$sock"

# types COMMAND...: it runs on a terminal with a script from standard input; what the
# terminal showed is in "shown", and the secret is not
types() {
	TERM=dumb on_terminal "$@"
	absent -F "$secret" shown
}

showed() {
	present -F -e "$1" shown
}

# twice PROMPT COMMAND...: the secret is typed, and something else, and then twice
twice() {
	local prompt=$1

	shift
	types "$@" <<-EOT
	expect $prompt: 
	type $secret | $prompt again: 
	type $secret, and more | They differ.  Type it again.
	expect $prompt: 
	type $secret | $prompt again: 
	send $secret\n
	wait
	show
	EOT
	showed 'exit 0'
}

# differ COMMAND...: what is typed first and nothing are not the same, and nothing is no secret
differ() {
	types "$@" <<-EOT
	expect Secret halves: 
	type abab | again: 
	send \n
	expect They differ.
	expect Secret halves: 
	send \n
	wait
	show
	EOT
	showed 'exit 1'
}

# once TEXT NAME: dazaictl put asks for the secret NAME once, and TEXT is typed
once() {
	types dazaictl put -r -1 "$2" <<-EOT
	expect Secret $2: 
	send $1\n
	wait
	show
	EOT
	showed 'exit 0'
}

# stored NAME: the daemon has the secret under this name
stored() {
	printf '%s' "$secret" >value
	control say HELLO like 'ERROR *' get "$1" value
}

behaviour a_secret_is_typed_twice 'dazaid -l and put ask twice, and again if both differ; -1 asks once'
a_secret_is_typed_twice_body() {
	twice 'Secret token' dazaid -s "$sock" -l token
	found
	heartbeat -i 0
	stored token
	twice 'Secret other' dazaictl put other
	stored other
	once "$secret" once
	stored once
	# "abab" and nothing is not "ab" twice; nothing need not be repeated.
	differ dazaictl put halves
	differ dazaid -s "$PWD/two" -l halves
	showed 'halves: the secret is empty'
}

behaviour nothing_is_typed_in_vain \
    'put asks the daemon first: a name that is taken, a pending panic, no daemon'
nothing_is_typed_in_vain_body() {
	start -a -g 60
	in_vain 'refused: exists' 'exit 5' put "$name"
	in_vain 'refused: bad-name' 'exit 5' put 'a"b'
	once new "$name"
	control say LIST want "$name 3 - -" want OK say PANIC want OK
	in_vain 'refused: pending' 'exit 3' put other
	kill -USR2 "$vault"
	ends "$SIGKILL"
	in_vain 'no daemon' 'exit 2' put other
}

behaviour what_put_has_asked_is_over \
    'once put has asked whether the daemon would take the secret, the daemon takes it, however busy the vault is' \
    require.progs strace
what_put_has_asked_is_over_body() {
	# The vault then finds all that has happened in a fifth of a second at once.
	through 'exec strace -o /dev/null -e inject=ppoll:delay_enter=200000'
	printf '%s' "$secret" >secret
	daemon -a
	logged 'vault: ready'
	once new "$name"
}

# in_vain TEXT RESULT ARG...: dazaictl fails so, and asks for nothing
in_vain() {
	local text=$1 result=$2

	shift 2
	printf 'wait\nshow\n' | types "$ctl" "$@"
	showed "$text"
	showed "$result"
	absent Secret shown
}

behaviour ctrl_c_ends_a_script 'Ctrl-C at the prompt ends the script as well, and the echo comes back'
ctrl_c_ends_a_script_body() {
	start
	for command in 'dazaictl put other' "dazaid -s $PWD/two -l other"; do
		printf '%s\necho went on\n' "$command" >script
		# A bash goes on unless its command ends by the signal.
		types sh -c 'trap : INT; bash script; echo "result $?"; stty -a' <<-EOT
		expect Secret other: 
		send $secret
		key C-c
		wait
		show
		EOT
		showed 'result 130'
		showed ' echo '
		absent 'went on' shown
	done
	for sig in 1 10 12 14 15; do # HUP, USR1, USR2, ALRM, TERM
		types sh -c 'dazaictl put other; echo "result $?"; stty -a' <<-EOT
		expect Secret other: 
		run kill -$sig \$(pgrep -P \$PTY_PID dazaictl)
		wait
		show
		EOT
		showed "result $((128 + sig))"
		showed ' echo '
	done
}

# stops SHELL COMMAND: Ctrl-Z at its prompt in the shell, something for the shell, fg,
# and then the secret
stops() {
	local shell=$1 command=$2

	cat >typed <<-EOT
	type PS1='g''o: '; tty >tty | go: 
	type $command | Secret token: 
	# ksh may give the terminal to its job only when that has asked already.
	run until ps -t \$(cat tty) -o stat=,comm= | grep -q '+ *dazai'; do sleep 0.02; done
	send half of it
	key C-z
	expect go: 
	type echo this is the she''ll | this is the shell
	expect go: 
	type fg | Secret token: 
	run until stty -F \$(cat tty) -a | grep -q -e '-echo '; do sleep 0.02; done
	type $secret | again: 
	key C-z
	expect go: 
	type echo and a''gain | and again
	expect go: 
	type fg | again: 
	run until stty -F \$(cat tty) -a | grep -q -e '-echo '; do sleep 0.02; done
	type $secret | go: 
	type echo status \$?. | status 0.
	expect go: 
	send exit\n
	wait
	show
	EOT
	types $shell <typed
}

# in_shells COMMAND AFTER: each shell stops and continues it; AFTER is run then
in_shells() {
	for shell in 'bash --norc --noprofile -i' 'dash -i' 'mksh -i' 'ksh -i' 'zsh -f -i'; do
		command -v "${shell%% *}" >/dev/null || continue
		echo "$shell: $1"
		stops "$shell" "$1"
		eval "$2"
	done
}

behaviour ctrl_z_and_fg_at_dazaid \
    'Ctrl-Z at the prompt of dazaid: the shell has the terminal; fg asks again' require.progs zsh
ctrl_z_and_fg_at_dazaid_body() {
	in_shells "dazaid -s $sock -l token" '
	    found; heartbeat; stored token; kill -QUIT "$heartbeat"; talk - ended "$vault"'
}

behaviour ctrl_z_and_fg_at_dazaictl \
    'Ctrl-Z at the prompt of dazaictl put: the shell has the terminal; fg asks again' require.progs zsh
ctrl_z_and_fg_at_dazaictl_body() {
	start
	heartbeat -i 0
	in_shells 'dazaictl put token' 'stored token; "$ctl" del token'
}

behaviour a_job_in_the_background_waits \
    'dazaid, or dazaictl put, in the background asks when it is brought to the foreground'
a_job_in_the_background_waits_body() {
	start
	heartbeat -i 0
	for command in 'dazaictl put -1 token' "dazaid -1 -s $PWD/two -l token"; do
		types bash --norc --noprofile -i <<-EOT
		type PS1='g''o: '; $command & echo sta''rted | started
		expect go: 
		type echo she''ll | shell
		expect go: 
		# Longer than ten looks for the terminal.
		run sleep 2.5
		type fg | Secret token: 
		type $secret | go: 
		type echo status \$?. | status 0.
		send exit\n
		wait
		show
		EOT
	done
	stored token
	sock=$PWD/two
	found
	end_there
}
