#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# dazaictl load: secrets from the commands in a file.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

export DAZAI_SOCK="$sock"
umask 022

# has NAME FORMAT: the secret NAME is what printf(1) makes of FORMAT
has() {
	printf "$2" >want
	"$ctl" get "$1" >got || fail "get $1: exit $?"
	cmp want got || fail "$1: $(od -c got)"
}

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

# hung: waits until a command of the file, which writes its pid to "hangs", runs, as $hung
hung() {
	await [ -s hangs ]
	read -r hung <hangs
	remember "$hung"
}

# told LINE...: "err" has these lines, and nothing else
told() {
	printf 'dazaictl: %s\n' "$@" | cmp - err || fail "$(cat err)"
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
	grep -q '^last 2 1 -$' listed || fail "$(cat listed)"
	grep -q '^late 4 7 \(1000\|999\)\.[0-9]*$' listed || fail "$(cat listed)"
	grep -q '^odd 11 - 3[56][0-9][0-9]\.' listed || fail "$(cat listed)"
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
	told 'a: exists, and stays without -r'
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

behaviour a_mistake_loads_nothing \
    'if a line is wrong, its file and number are printed, and no command is run'
a_mistake_loads_nothing_body() {
	guarded
	rule='a name is 1 to 128 printable ASCII characters, without blanks, quotes and backslashes, does not begin with -, and is not *'
	while IFS='|' read -r line why; do
		[ "$why" != RULE ] || why=$rule
		printf 'a echo x | tee ran\n\n%s\nb ?\n' "$line" >file
		load 1 file
		told "file:3: $why"
		[ ! -e ran ] || fail "$line: a command has run"
	done <<-'EOT'
		x|x: the command is missing
		x reads=1|x: the command is missing
		x reads=0 true|x: reads= too small
		x reads= true|x: reads= not a number
		x reads=-1 true|x: reads= not a number
		x reads=4294967296 true|x: reads= too large
		x ttl=0 true|x: ttl= too small
		x ttl=1e3 true|x: ttl= not a number of seconds
		x newline=drop true|x: newline= can only be keep
		x ttl=1 ? y|x: something follows the ?
		x ?y|x: something follows the ?
		a true|a: is in line 1 already
		-x true|RULE
		"x" true|RULE
		x\y true|RULE
		xö true|RULE
	EOT
	head -c 129 /dev/zero | tr '\0' x >long
	printf '%s true\n' "$(cat long)" >file
	load 1 file
	told "file:1: $rule"
	for n in $(seq 257); do
		echo "x$n true"
	done >file
	load 1 file
	told 'file:257: more than 256 secrets'
	printf 'a true\0\n' >file
	load 1 file
	told 'file: has a NUL byte'
	head -c 65536 /dev/zero | tr '\0' '\n' >file
	load 1 file
	told 'file: too large'
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
	for mode in 664 646 622; do
		chmod $mode file
		load 1 file
		told 'file: others may write to it'
	done
	load 1 none
	told 'none: No such file or directory'
	mkdir directory
	load 1 directory
	told 'directory: is no regular file'
	mkfifo fifo
	load 1 fifo
	told 'fifo: is no regular file'
	[ ! -e ran ] || fail 'a command has run'
	chmod 400 file
	ln -s file link
	load 0 link
	has a x
	rm ran
	if [ "$(id -u)" -eq 0 ]; then
		chown 65534 file
		load 1 file
		told 'file: belongs to another user'
		[ ! -e ran ] || fail 'a command has run'
	fi
	stands_down
}

behaviour a_secret_is_asked_for \
    'a ? asks on the terminal; without a terminal one line says so' \
    require.progs setsid
a_secret_is_asked_for_body() {
	guarded
	cat >file <<-'EOT'
		a echo 1
		typed reads=2 ?
		b exec 3<>/dev/tty; echo 'which word' >&3; read x <&3; echo $x
	EOT
	setsid -w "$ctl" load file 2>err && fail 'without a terminal'
	grep -q '^dazaictl: typed: there is no terminal to ask on$' err ||
	    fail "$(cat err)"
	"$ctl" list | grep -q '^a 1 ' || fail 'the rest is not loaded'
	on_terminal "$ctl" load -r file <<-'EOT'
		expect Secret typed:
		type correct horse | again:
		type correct horse | which word
		send word\n
		wait
	EOT
	grep -q 'exit 0' shown || fail "$(cat shown)"
	absent horse shown
	has typed 'correct horse'
	has b word
	on_terminal "$ctl" load -1 -r file <<-'EOT'
		expect Secret typed:
		type once | which word
		send word\n
		wait
	EOT
	has typed once
	# Nothing typed is no secret.
	on_terminal "$ctl" load -r file <<-'EOT'
		expect Secret typed:
		send \n
		expect typed: nothing was typed
		expect which word
		send more\n
		wait
	EOT
	grep -q 'exit 7' shown || fail "$(cat shown)"
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

behaviour few_descriptors_are_enough 'a file of 64 secrets is loaded with 16 descriptors'
few_descriptors_are_enough_body() {
	guarded
	seq 64 | sed 's/.*/s& echo &/' >file
	(
		ulimit -n 16
		load 0 file
	) || fail "$(cat err)"
	has s64 64
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
	grep -q 'signal' shown || fail "$(cat shown)"
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

shipped_only=1
behaviour no_ordinary_memory_has_it 'what a command has printed is in no memory of dazaictl that can be read' \
    require.user root
shipped_only=
no_ordinary_memory_has_it_body() {
	guarded
	echo "X$secret" >value
	printf 'a cat value\nb echo $$ >hangs; exec sleep 300\n' >file
	spawn load "$ctl" load file
	hung
	has a "X$secret"
	"$tools/peek" $load <value >seen 2>&1 || fail "$(cat seen)"
	absent 'bytes of it' seen
	# This shows that the search would find it.
	printf '%s' 'dazaictl: ' | "$tools/peek" $load >seen 2>&1 ||
	    fail "$(cat seen)"
	grep -q 'bytes of it' seen || fail "$(cat seen)"
	kill $load
	stands_down
}

#
# dazaid -L
#

behaviour dazaid_loads_at_its_start \
    '-L: the secrets are there when the daemon is ready; if a command fails, one line says so, and the others are loaded'
dazaid_loads_at_its_start_body() {
	cat >file <<-'EOT'
		# As for dazaictl load.
		one reads=1 ttl=1000 echo 1
		lines printf 'a\n\n\n'
		kept newline=keep printf 'a\n\n'
		raw printf '\0\1\377'
		two printf half; exit 2
		killed printf half; kill -9 $$
		none true
		blank echo
		input cat
		own for n in 3 4 5 6 7 8 9; do [ ! -e /proc/$$/fd/$n ] || echo $n; done; echo closed
		here echo "$OWN $(cat file | wc -l)"
		last echo 9
	EOT
	printf '%s echo x\n' "$name" >>file
	OWN=environment guarded -L file
	for why in 'two: its command ended with status 2' \
	    'killed: its command was ended by SIGKILL' \
	    'none: its command printed nothing, or nothing but newlines' \
	    'blank: its command printed nothing, or nothing but newlines' \
	    'input: its command printed nothing, or nothing but newlines' \
	    "$name: exists"; do
		grep -qxF "dazaid: $why" log || fail "not told: $why"
	done
	logged 'secrets: 8'
	"$ctl" list | grep -q '^one 1 1 9[0-9][0-9]\.' || fail "$("$ctl" list)"
	has one 1
	has lines a
	has kept 'a\n\n'
	has raw '\0\1\377'
	has own closed
	has here 'environment 14'
	has last 9
	has "$name" "$secret"
	# Nothing of it is left: no child, no descriptor.
	[ "$(cat "/proc/$vault/task/$vault/children")" = "$network " ] ||
	    fail 'the vault has another child'
	opened=$(descriptors | wc -w)
	stop
	ends 0 "$guardian"
	guarded
	[ "$(descriptors | wc -w)" -eq "$opened" ] || fail "$opened descriptors"
	stands_down
}

behaviour dazaid_tells_in_the_background \
    '-L in the background: dazaid returns when all is loaded, and says on standard error which commands have failed'
dazaid_tells_in_the_background_body() {
	printf 'a sleep 0.3; echo 1\nb false\n' >file
	"$dazaid" -s "$sock" --load-file file 2>err || fail "exit $?"
	found
	grep -qx 'dazaid: b: its command ended with status 1' err ||
	    fail "$(cat err)"
	"$ctl" list | grep -q '^a 1 ' || fail 'not loaded'
	end_there
}

behaviour dazaid_refuses_a_bad_file '-L: with a mistake in the file nothing is started, and no command run'
dazaid_refuses_a_bad_file_body() {
	refused() {
		complains 1 "dazaid: $1" "$dazaid" -d -s "$sock" -L file
		complains 1 "dazaid: $1" "$dazaid" -s "$sock" -L file
		[ ! -e ran ] || fail "$1: a command has run"
		[ ! -e "$sock" ] || fail "$1: there is a socket"
		[ ! -e "$sock.pid" ] || fail "$1: there is a pid file"
	}
	refused 'file: No such file or directory'
	printf 'a echo x | tee ran\nb reads=x true\n' >file
	refused 'file:2: b: reads= not a number'
	echo 'a echo x | tee ran' >file
	chmod 666 file
	refused 'file: others may write to it'
	rm file
	mkfifo file
	refused 'file: is no regular file'
}

behaviour dazaid_ends_what_hangs '-L: a command that hangs, or prints without end, ends with the start' \
    require.progs setsid
dazaid_ends_what_hangs_body() {
	printf 'big yes\na echo 1\nb echo $$ >hangs; exec sleep 300\n' >file
	for sig in TERM INT USR2; do
		: >hangs
		daemon -L file
		hung
		kill -$sig "$vault"
		ends 0
		talk - ended "$hung"
		grep -qx 'dazaid: big: there is no room for all that its command prints' log ||
		    fail 'not told'
	done
	# The process that runs them is killed.
	: >hangs
	daemon -L file
	hung
	loader=$(cut -d ' ' -f 4 "/proc/$hung/stat")
	kill -KILL "$loader"
	ends 1
	talk - ended "$hung"
	logged '--load-file: the process that runs the commands has ended'
	: >hangs
	on_terminal "$dazaid" -s "$sock" -L file <<-'EOT'
		run until [ -s hangs ]; do sleep 0.01; done
		key C-c
		wait
	EOT
	grep -q '^signal 2' shown || fail "$(cat shown)"
	talk - ended "$(cat hangs)"
	gone
}

behaviour dazaid_asks \
    '-L: a ? asks on the terminal, as -l does; without a terminal one line says so, and the others are loaded' \
    require.progs setsid
dazaid_asks_body() {
	cat >file <<-'EOT'
		a echo 1
		typed reads=2 ?
		b exec 3<>/dev/tty; echo 'which word' >&3; read x <&3; echo $x
		none ?
	EOT
	on_terminal "$dazaid" -s "$sock" -L file <<-'EOT'
		expect Secret typed:
		type correct horse | again:
		type correct horse | which word
		type word | Secret none:
		send \n
		expect dazaid: none: nothing was typed
		wait
	EOT
	grep -q '^exit 0' shown || fail "$(cat shown)"
	absent horse shown
	found
	client "$sock" hello echo guards hold
	"$ctl" list | grep -q '^typed 13 2 -' || fail "$("$ctl" list)"
	has typed 'correct horse'
	has b word
	end_there
	sed -i '/^b/d' file
	setsid -w "$dazaid" -s "$sock" -L file 2>err || fail "exit $?"
	found
	grep -qx 'dazaid: typed: there is no terminal to ask on' err ||
	    fail "$(cat err)"
	"$ctl" list | grep -q '^a 1 ' || fail 'not loaded'
	end_there
}

behaviour a_typed_secret_without_room_leaves_the_echo \
    '-L: what is typed and finds no room is told, nothing of it is left to others, and the terminal echoes again'
a_typed_secret_without_room_leaves_the_echo_body() {
	cat >file <<-'EOT'
		big head -c 3700 /dev/zero
		typed ?
		next ?
	EOT
	on_terminal sh -c '"$@" && stty -a' sh "$dazaid" -z 4096 -s "$sock" \
	    -L file <<-'EOT'
		expect Secret typed:
		type correct horse battery staple, and so on: more than is left | dazaid: typed: there is no room for another secret of this size
		expect Secret next:
		type abc | again:
		send abc\n
		wait
		show
	EOT
	grep -q '^exit 0' shown || fail "$(cat shown)"
	grep -q -- ' echo ' shown || fail "no echo: $(cat shown)"
	absent horse shown
	found
	"$ctl" list | grep -q '^next 3 ' || fail "$("$ctl" list)"
	end_there
}

behaviour an_ignored_sigchld_hides_no_status \
    'a caller that ignores SIGCHLD: commands still have a status, for load, -L and a credential helper'
an_ignored_sigchld_hides_no_status_body() {
	unwaited='env --ignore-signal=CHLD'
	printf 'a echo 1\nb echo 2; exit 3\n' >file
	: >log
	$unwaited "$dazaid" -s "$sock" -L file 2>err || fail "$(cat err)"
	found
	grep -qx 'dazaid: b: its command ended with status 3' err ||
	    fail "$(cat err)"
	client "$sock" hello echo guards hold
	has a 1
	got=0
	$unwaited "$ctl" load -r file 2>err || got=$?
	[ $got -eq 7 ] || fail "exit $got: $(cat err)"
	told 'b: its command ended with status 3'
	mkdir -p config/dazai
	echo 'https://example.org a' >config/dazai/git
	printf 'protocol=https\nhost=example.org\n\n' |
	    XDG_CONFIG_HOME=$PWD/config $unwaited \
	    "$top/dazaictl/git-credential-dazai" get >got || fail "exit $?"
	grep -qx 'password=1' got || fail "$(cat got)"
	kill "$vault"
	talk - ended "$vault"
}

behaviour u_runs_commands_as_its_user \
    '-u -L: the commands run as the user, with an environment of its own and no terminal, from a file of the user or root' \
    require.user root
u_runs_commands_as_its_user_body() {
	public
	export DAZAI_SOCK="$sock"
	chown 65534:65534 "$dir"
	cat >"$dir/file" <<-EOT
		id echo "\$(id -u):\$(id -g):\$(id -G)"
		env env | grep -v '^\(PWD\|_\|SHLVL\|OLDPWD\)=' | sort | sed 's/=.*//' | tr '\n' ' '
		home echo "\$HOME \$USER \$PATH"
		tty (: </dev/tty) 2>/dev/null && echo tty || echo none
		root cat $PWD/secret
		caps grep -q '^CapPrm:.*[1-9a-f]' /proc/\$\$/status && echo some || echo none
	EOT
	chmod 700 .
	export LD_LIBRARY_PATH=/nowhere BASH_ENV=/nowhere
	for owner in 0 65534; do
		chown $owner "$dir/file"
		guarded -u nobody -L "$dir/file"
		has id 65534:65534:65534
		grep -qx 'dazaid: root: its command ended with status 1' log ||
		    fail 'it reads a file of root'
		has home "$(getent passwd nobody | cut -d : -f 6) nobody /usr/local/bin:/usr/bin:/bin"
		has tty none
		has caps none
		"$ctl" get env >got
		case $(cat got) in
		'HOME LOGNAME PATH SHELL USER '*) ;;
		*)	fail "$(cat got)" ;;
		esac
		stop
		ends 0 "$guardian"
	done
	# They can write to root's terminal, and not read from it.
	cat >"$dir/file" <<-'EOT'
		read cat <&2 || echo nothing
		write echo told >&2; echo written
	EOT
	on_terminal "$dazaid" -s "$sock" -u nobody -L "$dir/file" <<-'EOT'
		expect told
		wait
	EOT
	found
	client "$sock" hello echo guards hold
	has read nothing
	has write written
	end_there
	chown 1 "$dir/file"
	complains 1 "file: belongs to another user" "$dazaid" -d -s "$sock" \
	    -u nobody -L "$dir/file"
	# A file that only root can read is not read for the user.
	cp "$dir/file" own
	chmod 600 own
	complains 1 'own: Permission denied' "$dazaid" -d -s "$sock" -u nobody \
	    -L "$PWD/own"
}

shipped_only=1
behaviour dazaid_keeps_it_in_the_arena '-L: what a command has printed is in no memory but the arena' \
    require.user root
shipped_only=
dazaid_keeps_it_in_the_arena_body() {
	echo "X$secret-and-more" >value
	printf 'a cat value\nb echo $$ >hangs; exec sleep 300\n' >file
	: >hangs
	spawn vault "$dazaid" -d -s "$sock" -L file 2>log </dev/null
	hung
	# Its children are network and the process that runs the commands.
	set -- "$vault" $(cat "/proc/$vault/task/$vault/children") "$hung"
	[ $# -eq 4 ] || fail "processes: $*"
	for pid; do
		remember "$pid"
		"$tools/peek" "$pid" <value >seen 2>&1 || fail "$(cat seen)"
		absent 'bytes of it' seen
	done
	stop
}
