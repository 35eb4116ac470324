#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# dazaictl load: secrets from the commands in a file.

. "$(atf_get_srcdir)/lib.sh"
. "$(atf_get_srcdir)/load.sh"

# has_none NAME...
has_none() {
	local name

	"$ctl" list >listed
	for name; do
		absent "^$name " listed
	done
}

# load STATUS ARG...: dazaictl load ARG... exits with STATUS; what it says is in "err"
load() {
	local want=$1 got=0

	shift
	timeout -s KILL 60 "$ctl" load "$@" >out 2>err </dev/null || got=$?
	[ "$got" -eq "$want" ] || fail "load $*: exit $got: $(cat err)"
	[ ! -s out ] || fail "load $*: printed $(cat out)"
	[ "$got" -ne 0 ] || [ ! -s err ] || fail "load $*: $(cat err)"
}

behaviour a_file_is_loaded \
    'each command of the file is run in order, and what it prints is the secret, newlines at its end dropped'
a_file_is_loaded_body() {
	guarded
	cat >file <<-'EOT'
		# A comment, and a line of blanks.
		   	
		plain	printf abc
		  lines printf 'a\n b \n\n\n'
		kept newline=keep printf 'a\n\n'
		raw printf '\0\1\377'
		once reads=1 echo one
		late ttl=1000.5 reads=7 echo late
		command X=1; sh -c 'echo "$1 $0" | tr 1 2' zero $X
		odd ttl=3600 true; echo reads=3 '#' "?" # a comment
	EOT
	# The last line may be without its end.
	printf 'last reads=2 echo $((6 * 7))' >>file
	load 0 file
	has plain abc
	has lines 'a\n b '
	has kept 'a\n\n'
	has raw '\0\1\377'
	has command '2 zero'
	has odd 'reads=3 # ?'
	has once one
	has last 42
	"$ctl" list >listed
	has_none once
	present '^last 2 1 -$' listed
	present '^late 4 7 \(1000\|999\)\.[0-9]*$' listed
	present '^odd 11 - 3[56][0-9][0-9]\.' listed
	# The order is that of the file.
	[ "$(cut -d ' ' -f 1 listed | tr '\n' ' ')" = \
	    "$name plain lines kept raw late command odd last " ] ||
	    fail "$(cat listed)"
	stands_down
}

behaviour the_default_file \
    'without an argument load reads dazai/secrets in XDG_CONFIG_HOME or ~/.config'
the_default_file_body() {
	guarded
	mkdir -p home/.config/dazai config/dazai
	echo 'a echo home' >home/.config/dazai/secrets
	echo 'a echo config' >config/dazai/secrets
	export HOME="$PWD/home"
	load 0
	has a home
	# A relative name does not count.
	XDG_CONFIG_HOME=config load 7
	XDG_CONFIG_HOME=config load 0 -r
	has a home
	XDG_CONFIG_HOME=$PWD/config load 0 -r
	has a config
	XDG_CONFIG_HOME=$PWD/none load 1
	told "$PWD/none/dazai/secrets: No such file or directory"
	unset HOME
	load 1
	told 'HOME is not set, and no file is named'
	stands_down
}

behaviour what_fails_is_told_and_the_rest_is_loaded \
    'if a command fails or prints nothing, one line has its name and status, and load exits with 7'
what_fails_is_told_and_the_rest_is_loaded_body() {
	guarded
	cat >file <<-'EOT'
		first echo 1
		two printf half; exit 2
		killed printf half; kill -9 $$
		none true
		blank echo; echo
		input cat
		nowhere ./no-such-command-9
		last echo 9
	EOT
	load 7 file
	sed '/no-such-command/d' err >own
	mv own err
	told 'two: its command ended with status 2' \
	    'killed: its command was ended by SIGKILL' \
	    'none: its command printed nothing' \
	    'blank: its command printed nothing but newlines' \
	    'input: its command printed nothing' \
	    'nowhere: its command ended with status 127'
	has first 1
	has last 9
	has_none two killed none blank input nowhere
	control say STATUS like '* secrets=3 *'
	stands_down
}

behaviour what_is_there_stays_without_r \
    'if a name is taken, one line says so, and its command is not run; with -r the secret is replaced, once the new one is complete'
what_is_there_stays_without_r_body() {
	guarded
	printf 'a echo new; echo x >>ran\nb echo b\n' >file
	printf old | "$ctl" put a || fail put
	load 7 file
	told 'a: exists; -r replaces it'
	has a old
	has b b
	[ ! -e ran ] || fail 'the command has run'
	load 0 -r file
	has a new
	[ "$(cat ran)" = x ] || fail 'the command has not run once'
	printf 'a echo newer; false\n' >file
	load 7 -r file
	told 'a: its command ended with status 1'
	has a new
	stands_down
}

# refuses FILE:... WHY: load refuses the file, says so in a line of these two, and runs
# no command
refuses() {
	load 1 "${1%%:*}"
	told "$1 $2"
	[ ! -e ran ] || fail "$2: a command has run"
}

behaviour a_mistake_loads_nothing \
    'if a line is wrong, its file and number are printed, and no command is run'
a_mistake_loads_nothing_body() {
	guarded
	rule='a name is 1 to 128 printable ASCII characters, without blanks, quotes and backslashes, does not begin with -, and is not *'
	while IFS='|' read -r line why; do
		[ "$why" != RULE ] || why=$rule
		printf 'a echo x | tee ran\n\n%s\nb ?\n' "$line" >file
		refuses file:3: "$why"
	done <<-'EOT'
		x reads=1|x: the command is missing
		x reads=0 true|x: reads= too small
		x ttl=1e3 true|x: ttl= not a number of seconds
		x newline=drop true|x: newline= can only be keep
		x ?y|x: unexpected text after the ?
		a true|a: is in line 1 already
		"x" true|RULE
	EOT
	for n in $(seq 257); do
		echo "x$n true"
	done >file
	refuses file:257: 'more than 256 secrets'
	printf 'a true\0\n' >file
	refuses file: 'has a NUL byte'
	head -c 65536 /dev/zero | tr '\0' '\n' >file
	refuses file: 'too large'
	for options in '-x' 'file other' '-r file -x'; do
		complains 1 'usage: dazaictl load' "$ctl" load $options
	done
	has_none a
	: >file
	load 0 file
	stands_down
}

behaviour the_file_must_be_ours \
    'a file that others can write to or own, or that is no file, is refused; a link to a good one is not'
the_file_must_be_ours_body() {
	guarded
	echo 'a echo x | tee ran' >file
	for mode in 664 646; do
		chmod $mode file
		refuses file: 'others may write to it'
	done
	refuses none: 'No such file or directory'
	mkdir directory
	refuses directory: 'is not a regular file'
	mkfifo fifo
	refuses fifo: 'is not a regular file'
	chmod 400 file
	ln -s file link
	load 0 link
	has a x
	rm ran
	if [ "$(id -u)" -eq 0 ]; then
		chown 65534 file
		refuses file: 'belongs to another user'
	fi
	stands_down
}

behaviour a_secret_is_asked_for \
    'a ? asks on the terminal; without a terminal one line says so' \
    require.progs setsid
a_secret_is_asked_for_body() {
	guarded
	asking >file
	setsid -w "$ctl" load file 2>err && fail 'without a terminal'
	present '^dazaictl: typed: there is no terminal to ask on$' err
	"$ctl" list | grep -q '^a 1 ' || fail 'the rest is not loaded'
	on_terminal "$ctl" load -r file <<-'EOT'
		expect Secret typed:
		type correct horse | again:
		type correct horse | which word
		send word\n
		wait
	EOT
	present 'exit 0' shown
	absent horse shown
	has typed 'correct horse'
	has b word
	# Nothing typed is no secret.
	on_terminal "$ctl" load -1 -r file <<-'EOT'
		expect Secret typed:
		send \n
		expect typed: nothing was typed
		expect which word
		send more\n
		wait
	EOT
	present 'exit 7' shown
	stands_down
}

behaviour what_does_not_fit_is_told \
    'a command that prints too much is ended, and one line says that there is no room'
what_does_not_fit_is_told_body() {
	guarded -z 65536
	cat >file <<-'EOT'
		endless yes
		exact head -c 65536 /dev/zero
		most head -c 60000 /dev/zero
		more head -c 6000 /dev/zero
		small echo 1
	EOT
	load 7 file
	told 'endless: its command prints more than the 65536 bytes of the arena' \
	    'exact: refused: too-large: it is larger than the arena' \
	    'more: refused: full: there is no room for another secret of this size'
	has small 1
	[ "$("$ctl" get most | wc -c)" -eq 60000 ] || fail 'most'
	stands_down
}

behaviour the_daemon_is_asked_first 'no command is run if there is no daemon, or a panic is pending'
the_daemon_is_asked_first_body() {
	echo 'a echo x | tee ran' >file
	load 2 file
	guarded -a -g 60
	kill -USR1 "$vault"
	logged 'panic pending'
	load 3 file
	told 'refused: a panic is pending'
	[ ! -e ran ] || fail 'a command has run'
	stop
	# The panic begins while a command runs: the next command is not run.
	guarded -a -g 60
	printf 'a kill -USR1 %s; cat <fifo; echo x\nb echo x | tee ran\n' "$vault" \
	    >file
	mkfifo fifo
	spawn load "$ctl" load file 2>err
	logged 'panic pending'
	echo >fifo
	ends 3 $load
	[ ! -e ran ] || fail 'the next command has run'
	stop
}

behaviour a_command_that_hangs_is_ended 'a command that hangs ends with load, by ^C or a signal'
a_command_that_hangs_is_ended_body() {
	guarded
	printf 'a echo x\nb echo $$ >hangs; exec sleep 300\nc echo x\n' >file
	on_terminal "$ctl" load file <<-'EOT'
		run until [ -s hangs ]; do sleep 0.01; done
		key C-c
		wait
	EOT
	present 'signal' shown
	talk - ended "$(cat hangs)"
	has a x
	has_none b c
	for sig in TERM KILL; do
		: >hangs
		spawn load "$ctl" load -r file
		hung
		kill -$sig $load
		talk - ended $load ended "$hung"
	done
	stands_down
}

shipped behaviour no_ordinary_memory_has_it 'what a command has printed is in no memory of dazaictl that can be read' \
    require.user root
no_ordinary_memory_has_it_body() {
	guarded
	echo "X$secret" >value
	printf 'a cat value\nb echo $$ >hangs; exec sleep 300\n' >file
	spawn load "$ctl" load file
	hung
	has a "X$secret"
	in_no_memory value "$load"
	in_memory 'dazaictl: ' "$load"
	kill $load
	stands_down
}
