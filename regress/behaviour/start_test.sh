#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# The start: options, secrets and where they come from, the background, and who is
# told that it is ready.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

real=$dazaid
peek=$tools/peek
notify=$tools/notify
pty=$tools/pty

# left_nothing WHAT: neither of the files is there
left_nothing() {
	[ ! -e "$sock" ] || fail "$1: a socket is left"
	[ ! -e "$sock.pid" ] || fail "$1: a pid file is left"
}

# refused TEXT OPTION...: it ends at once with exit 1 and one line that has TEXT,
# and leaves nothing
refused() {
	local text=$1 got=0

	shift
	timeout -s KILL 20 "$dazaid" -d -s "$sock" "$@" >said 2>why || got=$?
	[ $got -eq 1 ] || fail "$*: exit $got: $(cat why)"
	[ ! -s said ] || fail "$*: said $(cat said)"
	[ "$(wc -l <why)" -eq 1 ] || fail "$*: not one line: $(cat why)"
	grep -qF -- "$text" why || fail "$*: not '$text': $(cat why)"
	grep -q '^dazaid: ' why || fail "$*: not ours: $(cat why)"
	left_nothing "$*"
}

# background OPTION...: starts one there, and finds it
background() {
	"$dazaid" -s "$sock" "$@" 2>err || fail "$*: exit $?: $(cat err)"
	found
}

# By its pid file, the daemon that was just started.
found() {
	vault=$(cat "$sock.pid")
	remember "$vault"
	find_network
}

# The daemon, which is not our child, ends and leaves nothing.
ends_there() {
	talk - ended "$vault"
	gone
}

#
# Options.
#

behaviour bad_seconds 'what is no number of seconds is told, and nothing starts'
bad_seconds_body() {
	for option in g t; do
		case $option in
		g) long=grace ;;
		t) long=ping-timeout ;;
		esac
		for value in '' ' ' nan NaN inf -inf infinity 5x x5 '5 ' ' 5' -1 \
		    -0 +5 0x10 1e3 1e 5. .5 . 1.2.3 5,5 5s; do
			refused "dazaid: --$long: $value: not a number of seconds" \
			    -$option "$value"
		done
		for value in 1000000001 99999999999 9223372036854775807 \
		    9223372036854775808 18446744073709551616 \
		    99999999999999999999999999999999999999999999; do
			refused "dazaid: --$long: $value: too large" -$option "$value"
			refused "dazaid: --$long: $value: too large" "--$long=$value"
		done
		refused "dazaid: --$long: nan: not" "--$long" nan
		refused "dazaid: --$long: : not" "--$long="
	done
}

behaviour bad_sizes 'nor is what is no size'
bad_sizes_body() {
	for value in '' ' ' nan inf 5x x5 '65536 ' ' 65536' -1 -65536 +65536 \
	    0x10000 1e5 65536.0 65536. 64k 64K 1M; do
		refused "dazaid: --size: $value: not a number" -z "$value"
		refused "dazaid: --size: $value: not a number" --size="$value"
	done
	for value in 0 1 4095 04095; do
		refused "dazaid: --size: $value: too small" -z $value
	done
	for value in 1073741825 4294967296 4294967297 9223372036854775807 \
	    18446744073709617152 99999999999999999999999999999; do
		refused "dazaid: --size: $value: too large" -z $value
	done
}

behaviour good_numbers 'a number may have a fraction, and zeros in front'
good_numbers_body() {
	for options in '-g 0 -t 0' '-g 0.3 -t 0.5' '-g 1000000000 -t 1000000000' \
	    '--grace=007 --ping-timeout=1.50' '-z 4096' '-z 4097' '-z 1000000' \
	    '--size 0065536' '--grace 0.0000001'; do
		rm -f log
		# shellcheck disable=SC2086 # a list of words
		start -a $options
		lives
	done
	rm log
	start -t 1.25
	logged 'ping timeout 1250 ms'
	lives
}

behaviour last_option_counts 'of an option that is given twice the last one counts'
last_option_counts_body() {
	start -t 5 -t 7
	logged 'ping timeout 7000 ms'
	lives
}

behaviour help 'the usage goes to standard output when it was asked for'
help_body() {
	for option in -h --help; do
		"$dazaid" $option >said 2>why || fail "exit $?"
		head -n 1 said | grep -q '^usage: dazaid \[-adhvV\]' ||
		    fail "$(cat said)"
		[ ! -s why ] || fail "$(cat why)"
	done
}

behaviour version 'and so does the version'
version_body() {
	for option in -V --version; do
		"$dazaid" $option >said 2>why || fail "exit $?"
		grep -qx 'dazaid [0-9][0-9.a-z-]*' said || fail "$(cat said)"
		[ "$(wc -l <said)" -eq 1 ] || fail "$(cat said)"
		[ ! -s why ] || fail "$(cat why)"
	done
}

# usage OPTION...: wrong options show the usage on standard error
usage() {
	local got=0

	timeout -s KILL 20 "$dazaid" -s "$sock" "$@" >said 2>why || got=$?
	[ $got -eq 1 ] || fail "$*: exit $got"
	[ ! -s said ] || fail "$*: said $(cat said)"
	grep -q '^usage: dazaid ' why || fail "$*: $(cat why)"
	[ ! -e "$sock" ] || fail "$*: a socket is left"
}

behaviour wrong_options 'unknown options, missing and extra arguments show the usage'
wrong_options_body() {
	usage -x
	usage --frobnicate
	usage --armed
	usage -d extra
	usage extra
	usage ''
	usage -g
	usage --load
	usage -z
	usage --arm=yes
	usage --require-lock=1
	# As after an option that is good.
	usage -a -g 3 -Q
}

behaviour many_errors_at_once 'the first of several errors is told, and nothing else'
many_errors_at_once_body() {
	refused 'dazaid: --grace: nan' -g nan -t inf -z x -l =
}

behaviour no_options 'without any option it is a rehearsal with no secrets'
no_options_body() {
	"$dazaid" -d -s "$sock" 2>log </dev/null &
	vault=$!
	remember "$vault"
	logged 'secrets: 0, dry-run, ping timeout 0 ms'
	find_network
	lives
}

behaviour closed_standard_descriptors 'without standard input, output and error it works as well'
closed_standard_descriptors_body() {
	printf '%s' "$secret" >secret
	"$dazaid" -d -s "$sock" -a -l "$name=secret" <&- >&- 2>&- &
	vault=$!
	remember "$vault"
	talk -r "$sock" say "$guard" want WELCOME say PING want PONG
	talk "$sock" say "$guard" want WELCOME say QUIT want BYE eof
	ends 0
	# None of the three becomes a secret's file, and so standard error.
	[ "$(cat secret)" = "$secret" ] || fail "something was written to it"
}

#
# Secrets.
#

# loads COUNT OPTION...: a daemon with so many
loads() {
	local count=$1

	shift
	rm -f log
	exec 6<&0		# which is not a background job's by itself
	"$dazaid" -d -s "$sock" "$@" <&6 6<&- 2>log &
	vault=$!
	exec 6<&-
	remember "$vault"
	logged "secrets: $count,"
	find_network
	lives
}

behaviour load_from_anywhere 'a secret comes from a file, standard input, a FIFO or a descriptor'
load_from_anywhere_body() {
	printf '%s' "$secret" >secret
	mkfifo fifo
	loads 1 -l token=secret
	loads 1 --load token=secret
	loads 1 --load=token="$PWD/secret"
	loads 1 -l token=- <secret
	loads 1 -l token=/dev/stdin <secret
	loads 1 -l token=/dev/fd/5 5<secret
	printf '%s' "$secret" >fifo &
	loads 1 -l token=fifo
	printf '%s' "$secret" | loads 1 -l token=-
	printf '%s' "$secret" >fifo &
	loads 4 -l a=- -l b=secret -l c=/dev/fd/7 -l d=fifo <secret 7<secret
	loads 0 </dev/null
}

behaviour load_from_a_substitution 'and from a process substitution of bash'
load_from_a_substitution_body() {
	command -v bash >/dev/null || atf_skip "no bash"
	cat >substitutes <<-EOT
	#!/usr/bin/env bash
	exec $real "\$@" -l one=<(echo one) -l two=<(echo two)
	EOT
	chmod 755 substitutes
	dazaid=$PWD/substitutes
	loads 2
}

behaviour load_many 'up to 32 of them, and no more'
load_many_body() {
	printf '%s' "$secret" >secret
	set --
	while [ $# -lt 64 ]; do
		set -- "$@" -l s$#=secret
	done
	loads 32 "$@"
	refused 'dazaid: --load: too many secrets' "$@" -l last=secret
}

shipped_only=1
behaviour bytes_are_kept 'a file is taken as it is, a final newline included' require.user root
shipped_only=
bytes_are_kept_body() {
	printf '\001first\n\nline\r\nlast line of a secret\n' >secret
	printf 'no newline at the end of this' >other
	cat >through <<-EOT
	#!/bin/sh
	exec $tools/nomemfd $real "\$@"
	EOT
	chmod 755 through
	dazaid=$PWD/through
	"$dazaid" -d -s "$sock" -l one=secret -l two=- 2>log <other &
	vault=$!
	remember "$vault"
	logged 'memory: mlock, secrets: 2'
	find_network
	"$peek" "$vault" <secret >seen || fail "$(cat seen)"
	grep -q "^$(wc -c <secret) bytes of it at" seen || fail "$(cat seen)"
	"$peek" "$vault" <other >seen || fail "$(cat seen)"
	grep -q "^$(wc -c <other) bytes of it at" seen || fail "$(cat seen)"
	lives
}

behaviour bad_names 'what is no name is told'
bad_names_body() {
	printf '%s' "$secret" >secret
	for name in '' - -x . .x .. 'a b' a/b a: 'a*' ä '%s' "a'" 'a
b'; do
		refused "dazaid: --load: not a name" -l "$name=secret"
		refused "dazaid: --load: not a name" "-l$name="
	done
	long=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
	loads 1 -l "$long=secret"
	refused "dazaid: --load: name too long" -l "${long}0=secret"
	refused "dazaid: --load: not a name" -l =
	refused "dazaid: --load: not a name" -l ''
}

behaviour names_are_not_repeated 'a name that is given twice is told'
names_are_not_repeated_body() {
	printf '%s' "$secret" >secret
	refused 'dazaid: --load: name given twice' -l a=secret -l b=secret \
	    -l a=secret
	refused 'dazaid: --load: name given twice' -l a=secret -l a=-
	loads 2 -l a=secret -l A=secret
}

behaviour standard_input_once 'standard input is read for one secret only'
standard_input_once_body() {
	refused 'dazaid: --load: standard input can be read only once' -l a=- \
	    -l b=- </dev/null
}

behaviour sources_that_fail 'a source that is missing, empty or unreadable is told'
sources_that_fail_body() {
	: >empty
	mkdir directory
	refused 'dazaid: missing: No such file or directory' -l a=missing
	refused 'dazaid: no/where: No such file or directory' -l a=no/where
	refused 'dazaid: : No such file or directory' -l a=
	refused 'dazaid: a: there is nothing in it' -l a=empty
	refused 'dazaid: a: there is nothing in it' -l a=/dev/null
	refused 'dazaid: a: there is nothing in it' -l a=- </dev/null
	refused 'dazaid: a: Bad file descriptor' -l a=- <&-
	refused 'dazaid: a: Is a directory' -l a=directory
	echo x >good
	refused 'dazaid: b: there is nothing in it' -l a=good -l b=empty
	# Before anything is made, and so before anything is read.
	refused 'dazaid: missing: No such file' -l a=- -l b=missing <good
}

behaviour sources_that_may_not_be_read 'so is a file that may not be read' require.user unprivileged
sources_that_may_not_be_read_body() {
	echo x >mine
	chmod 000 mine
	refused 'dazaid: mine: Permission denied' -l a=mine
	refused 'dazaid: /etc/shadow: Permission denied' -l a=/etc/shadow
}

behaviour what_does_not_fit 'what does not fit is told, and the option that helps'
what_does_not_fit_body() {
	refused 'dazaid: a: does not fit in the arena, see -z' -l a=/dev/zero
	head -c 4096 /dev/zero | tr '\0' x >page
	refused 'dazaid: a: does not fit in the arena, see -z' -z 4096 -l a=page
	loads 1 -l a=page
	loads 1 -z 4300 -l a=page
	# With its name, it takes less than 128 bytes more.
	head -c 3968 /dev/zero | tr '\0' x >page
	loads 1 -z 4096 -l a=page
	refused 'dazaid: b: does not fit in the arena, see -z' -z 4096 -l a=page \
	    -l b=page
	head -c 1000000 /dev/zero | tr '\0' x >million
	refused 'dazaid: a: does not fit in the arena, see -z' -l a=million
	loads 1 -z 1000200 -l a=million
}

# waits COMMAND...: a daemon, as $vault, that waits for what comes out of ./fifo,
# started by these words and the option -l; and ./fifo open as descriptor 9
waits() {
	[ -p fifo ] || mkfifo fifo
	rm -f log
	"$@" -s "$sock" -l token=fifo 2>log &
	vault=$!
	remember "$vault"
	exec 9>fifo
	waiting
}

# Its files are there, and network as well; ./fifo has been opened.
waiting() {
	local tries=0

	until [ -s "$sock.pid" ]; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || fail "it does not get so far"
		sleep 0.02
	done
	# In the background it is the child of what was started.
	front=$vault
	vault=$(cat "$sock.pid")
	remember "$vault"
	tries=0
	until network=$(pgrep -P "$vault") &&
	    grep -q '^Seccomp:	2' "/proc/$network/status"; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || fail "no network"
		sleep 0.02
	done
	remember "$network"
}

behaviour nobody_connects_before_the_secrets 'until the secrets are there nobody can connect'
nobody_connects_before_the_secrets_body() {
	waits "$dazaid" -d
	printf 'the first half, ' >&9
	if "$talk" "$sock" say "$guard" 2>why; then
		fail "it listens"
	fi
	grep -q refused why || fail "$(cat why)"
	not_logged ready
	printf 'and the second' >&9
	exec 9>&-
	logged 'secrets: 1'
	lives
}

behaviour signals_while_it_waits 'a signal in the middle of a secret means what it means later'
signals_while_it_waits_body() {
	for sig in TERM INT; do
		waits "$dazaid" -d -a
		printf 'the first half, ' >&9
		kill -$sig "$vault"
		ends 0
		logged "SIG$sig: secrets wiped, bye"
	done
	for sig in USR1 HUP USR2 QUIT; do
		waits "$dazaid" -d
		printf 'the first half, ' >&9
		kill -$sig "$vault"
		ends 0
		logged "SIG$sig: secrets wiped, WOULD SIGKILL"
	done
	for sig in USR2 QUIT; do
		waits "$dazaid" -d -a -g 60
		printf 'the first half, ' >&9
		kill -$sig "$vault"
		ends "$SIGKILL"
		logged "SIG$sig: secrets wiped, SIGKILL"
	done
	waits "$dazaid" -d -a -g 0.2
	kill -USR1 "$network"
	ends "$SIGKILL"
	logged 'PANIC: SIGUSR1'
	waits "$dazaid" -d
	kill -SEGV "$vault"
	ends "$SIGSEGV"
	logged 'SIGSEGV: secrets wiped'
}

behaviour network_lost_while_it_waits 'so does the end of network'
network_lost_while_it_waits_body() {
	waits "$dazaid" -d -a -g 60
	printf 'the first half, ' >&9
	kill -KILL "$network"
	killed 'HARD PANIC: network process lost, killed by SIGKILL'
}

#
# The background.
#

behaviour background_is_ready 'without -d it returns when clients can connect, not before'
background_is_ready_body() {
	printf '%s' "$secret" >secret
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		background -l "$name=-" <secret
		talk "$sock" say "$guard" want WELCOME say PING want PONG \
		    say QUIT want BYE eof
		ends_there
	done
}

behaviour background_pid 'the pid file names the vault'
background_pid_body() {
	background
	printf '%s\n' "$vault" | cmp -s - "$sock.pid" ||
	    fail "$(cat "$sock.pid")"
	[ "$(cat "/proc/$vault/comm")" = dazaid ] || fail "no dazaid"
	[ "$(ps -o args= -p "$vault")" = 'dazaid: vault' ] ||
	    fail "$(ps -o args= -p "$vault")"
	[ "$(ps -o args= -p "$network")" = 'dazaid: network' ] ||
	    fail "$(ps -o args= -p "$network")"
	kill "$vault"
	ends_there
}

behaviour background_lets_go 'it holds neither the pipe nor the session nor the terminal of who started it'
background_lets_go_body() {
	# Would wait for ever.
	out=$(timeout -s KILL 20 "$dazaid" -s "$sock" -v 2>err) ||
	    fail "exit $?: $(cat err)"
	[ -z "$out" ] || fail "said $out"
	found
	for pid in "$vault" "$network"; do
		# shellcheck disable=SC2046 # words
		set -- $(ps -o sid=,tty= -p "$pid")
		[ "$1 $2" = "$pid ?" ] || fail "$pid is in session $1, on $2"
	done
	kill "$vault"
	ends_there
}

behaviour background_is_nowhere 'nor the directory, and all three standard descriptors are /dev/null' \
    require.user root
background_is_nowhere_body() {
	background
	[ "$(readlink "/proc/$vault/cwd")" = / ] ||
	    fail "$(readlink "/proc/$vault/cwd")"
	for fd in 0 1 2; do
		for pid in "$vault" "$network"; do
			[ "$(readlink "/proc/$pid/fd/$fd")" = /dev/null ] ||
			    fail "$pid: $(readlink "/proc/$pid/fd/$fd")"
		done
	done
	kill "$vault"
	ends_there
}

# fails_in_front TEXT OPTION...: exit 1, and TEXT on one line of standard error
fails_in_front() {
	local text=$1 got=0

	shift
	timeout -s KILL 20 "$dazaid" -s "$sock" "$@" >said 2>why || got=$?
	[ $got -eq 1 ] || fail "$*: exit $got"
	[ ! -s said ] || fail "$*: said $(cat said)"
	printf '%s\n' "$text" | cmp -s - why || fail "$*: $(cat why)"
}

behaviour background_tells_why 'when it cannot start it returns 1, with the reason on one line'
background_tells_why_body() {
	: >empty
	fails_in_front 'dazaid: --grace: nan: not a number of seconds' -g nan
	fails_in_front 'dazaid: missing: No such file or directory' -l a=missing
	fails_in_front 'dazaid: a: there is nothing in it' -l a=empty
	fails_in_front 'dazaid: a: does not fit in the arena, see -z' \
	    -l a=/dev/zero
	left_nothing background
	echo precious >"$sock"
	fails_in_front "dazaid: socket: $sock: in the way, and no socket"
	rm "$sock"
	background
	fails_in_front "dazaid: socket: $sock.pid: another dazaid holds it"
	kill "$vault"
	ends_there
}

behaviour signals_to_the_front 'who waits for the start and gets a signal ends it all'
signals_to_the_front_body() {
	for sig in TERM INT HUP QUIT USR1 USR2; do
		waits "$dazaid"
		[ "$front" != "$vault" ] || fail "it is in the foreground"
		printf 'the first half, ' >&9
		kill -$sig "$front"
		ends 1 "$front"
		talk - ended "$vault"
		gone
		logged "SIG$sig: secrets wiped"
	done
	waits "$dazaid" -a -g 60
	kill -USR2 "$front"
	ends 1 "$front"
	gone
	logged 'ended by signal 9 before it was ready'
}

behaviour killed_before_it_is_ready 'a daemon that is killed before it is ready is told as well'
killed_before_it_is_ready_body() {
	waits "$dazaid"
	kill -KILL "$vault"
	ends 1 "$front"
	logged 'ended by signal 9 before it was ready'
	talk - ended "$network"
}

behaviour signals_to_all 'Ctrl-C reaches all of them, and does what it does to one'
signals_to_all_body() {
	waits setsid "$dazaid"
	pgid=$(ps -o pgid= -p "$vault")
	kill -INT -"${pgid##* }"
	talk - ended "$vault"
	gone
	ends 1 "$front"
	logged 'SIGINT: secrets wiped, bye'
}

#
# Who is told.
#

# listens [-x] PATH: something receives datagrams there, a line each in ./got
listens() {
	: >got
	"$notify" "$@" >got &
	receiver=$!
	remember "$receiver"
	talk - log got listening
}

# READY=1 came from the vault, and clients can connect by then.
notified() {
	talk - log got 'READY=1'
	talk "$sock" say nothing want 'ERR unknown-verb'
	printf 'listening\nMAINPID=%s\nREADY=1\n' "$vault" | cmp -s - got ||
	    fail "$(cat got)"
	ends 0 "$receiver"
}

behaviour service_manager_is_told 'NOTIFY_SOCKET: a service manager hears when it is ready, and of which process'
service_manager_is_told_body() {
	listens "$PWD/notify" 1
	NOTIFY_SOCKET=$PWD/notify
	export NOTIFY_SOCKET
	start
	notified
	lives
	rm notify
	listens "$PWD/notify" 1
	background
	notified
	kill "$vault"
	ends_there
}

behaviour service_manager_in_the_abstract 'and so it does at an abstract name'
service_manager_in_the_abstract_body() {
	listens "@dazai-start-test-$$" 1
	NOTIFY_SOCKET=@dazai-start-test-$$
	export NOTIFY_SOCKET
	start
	notified
	lives
}

behaviour secret_first_then_ready 'not before the secrets are there'
secret_first_then_ready_body() {
	listens "$PWD/notify" 1
	NOTIFY_SOCKET=$PWD/notify
	export NOTIFY_SOCKET
	waits "$dazaid" -d
	[ "$(cat got)" = listening ] || fail "too early: $(cat got)"
	echo x >&9
	exec 9>&-
	notified
	lives
}

behaviour no_service_manager 'a NOTIFY_SOCKET that is none is told on one line, and no reason not to start'
no_service_manager_body() {
	long=$(printf '/%0200d' 0)
	for path in notify '' ' ' ./notify "$long"; do
		rm -f log
		NOTIFY_SOCKET=$path
		export NOTIFY_SOCKET
		start
		[ "$(grep -c NOTIFY_SOCKET log)" -eq 1 ] || fail "$(cat log)"
		grep -q '^dazaid: NOTIFY_SOCKET: not a path' log ||
		    fail "$(cat log)"
		lives
	done
	# Nobody there is nobody to tell.
	for path in "$PWD/missing" @nobody-is-there; do
		rm -f log
		NOTIFY_SOCKET=$path
		start
		not_logged NOTIFY
		lives
	done
}

behaviour deaf_service_manager 'a service manager that never reads does not hold it up'
deaf_service_manager_body() {
	listens -x "$PWD/notify"
	NOTIFY_SOCKET=$PWD/notify
	export NOTIFY_SOCKET
	# More than a socket queues.
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
		rm -f log
		start
		lives
	done
}

#
# syslog.
#

# world: makes ./world, which runs a command on a machine of which /dev/log is what
# "notify $1" makes of it
world() {
	mkdir dev
	: >got
	cat >world <<-EOT
	#!/bin/sh
	set -e
	cd $PWD
	mount -t tmpfs none dev
	for device in null zero full random urandom; do
		touch dev/\$device
		mount --bind /dev/\$device dev/\$device
	done
	if [ '$1' != none ]; then
		$notify $1 dev/log >got 2>&1 &
		echo \$! >receiver
		until grep -q listening got; do
			sleep 0.02
		done
	fi
	mount --rbind dev /dev
	exec "\$@"
	EOT
	chmod 755 world
	real_dazaid=$dazaid
	cat >in-world <<-EOT
	#!/bin/sh
	exec unshare -m --propagation private ./world $dazaid "\$@"
	EOT
	chmod 755 in-world
	dazaid=$PWD/in-world
}

# receiver_remembered: so that it ends with the test case
receiver_remembered() {
	receiver=$(cat receiver)
	remember "$receiver"
}

behaviour syslog_gets_the_log 'in the background the log of both goes to syslog, without the secret' \
    require.user root
syslog_gets_the_log_body() {
	world ''
	printf '%s' "$secret" >secret
	background -v -l "$name=-" <secret
	receiver_remembered
	[ ! -s err ] || fail "on standard error: $(cat err)"
	talk - log got 'dazaid: vault: ready, memory'
	client "$sock" say "$guard" want WELCOME say PING want PONG echo guards \
	    hold
	talk - log said guards
	talk - log got "dazaid: vault: guarded by pid $client"
	# One that network says.
	chmod 711 .
	cp "$talk" "$PWD/talk"
	public
	chmod 755 "$dir"
	kill "$client"
	talk - log got 'heartbeat connection dropped: secrets wiped, WOULD SIGKILL'
	sock=$PWD/sock
	ends_there
	if grep -v '^listening$\|^<[23][0-9]>dazaid: \(vault\|network\): ' got; then
		fail "not as syslog wants it"
	fi
	grep -q '^<25>dazaid: vault: PANIC' got || fail "no alert"
	grep -q '^<30>dazaid: vault: ready' got || fail "no info"
	if grep -F "$secret" got err; then
		fail "the secret"
	fi
}

behaviour syslog_gets_what_network_says 'network, without a file system, has its line to it' \
    require.user root
syslog_gets_what_network_says_body() {
	public
	chown 65534:65534 "$dir"
	world ''
	background -u nobody
	receiver_remembered
	chmod 666 "$sock"
	setpriv --reuid 1 --regid 1 --clear-groups "$dir/talk" "$sock" eof ||
	    fail "it was answered"
	talk - log got '<30>dazaid: network: a client of uid 1 refused'
	kill "$vault"
	ends_there
	talk - log got '<25>dazaid: vault: SIGTERM: secrets wiped, bye'
}

behaviour no_syslog 'that there is no syslog is told once, while it can be' require.user root
no_syslog_body() {
	world none
	background -v
	printf '%s\n' 'dazaid: vault: no syslog: /dev/log: No such file or directory' |
	    cmp -s - err || fail "$(cat err)"
	talk "$sock" say "$guard" want WELCOME say PING want PONG \
	    kill USR1 "$vault" ended "$vault"
	gone
}

behaviour syslog_is_found_again 'a syslogd that was started anew is found by the vault' \
    require.user root
syslog_is_found_again_body() {
	world ''
	background -a -g 60
	receiver_remembered
	talk - log got 'vault: ready'
	kill "$receiver"
	talk - ended "$receiver"
	kill -USR1 "$vault"
	# It goes on without.
	talk "$sock" say "$guard" want WELCOME say CANCEL want CANCELLED \
	    say PING want PONG
	: >again
	nsenter -m -t "$vault" sh -c "rm /dev/log; exec $notify /dev/log" >again &
	remember $!
	talk - log again listening
	kill "$vault"
	ends_there
	talk - log again '<25>dazaid: vault: SIGTERM: secrets wiped, bye'
}

behaviour syslog_is_stuck 'a syslogd that never reads holds up neither PONG nor wipe nor death' \
    require.user root
syslog_is_stuck_body() {
	for end in close 'kill USR1 VAULT' 'kill USR2 VAULT' 'kill TERM VAULT' \
	    'say QUIT want BYE'; do
		for armed in '' '-a -g 0'; do
			rm -rf dev
			world -x
			# shellcheck disable=SC2086 # a list of words
			background -v $armed
			receiver_remembered
			# Every message is a line, and some ten are queued.
			# shellcheck disable=SC2046 # a list of words
			talk "$sock" say "$guard" want WELCOME pong-under 1000 50 \
			    mark $(echo "$end" | sed "s/VAULT/$vault/") \
			    ended "$vault" within 1000
			gone
			kill "$receiver"
			talk - ended "$receiver"
			dazaid=$real_dazaid
		done
	done
}

#
# The terminal.
#

# asks WORD...: runs a daemon with these words on a terminal, whose name is in
# ./tty, with a script from standard input; what it showed is in ./shown
asks() {
	cat >on-terminal <<-EOT
	#!/bin/sh
	stty echo
	tty >tty
	exec "\$@" 2>log
	EOT
	cat >echoes <<-EOT
	#!/bin/sh
	# Whether the terminal echoes: "on" or "off" is wanted.
	got=on
	stty -F "\$(cat tty)" -a | grep -q -- ' -echo ' && got=off
	[ \$got = \$1 ]
	EOT
	chmod 755 on-terminal echoes
	rm -f log tty
	: >log
	"$pty" ./on-terminal "$@" >shown 2>why || fail "$(cat why)"
	if grep -qF "$secret" shown log; then
		fail "the secret shows"
	fi
}

# showed TEXT: on the terminal, or what came of it
showed() {
	grep -qF -- "$1" shown || fail "'$1' not shown: $(cat shown)"
}

behaviour asked_without_echo 'a secret without a file is asked for on the terminal, with no echo'
asked_without_echo_body() {
	asks "$dazaid" -d -s "$sock" -l token <<-EOT
	expect Secret token: 
	run ./echoes off
	send $secret\n
	run $talk - log log 'secrets: 1'
	run ./echoes on
	run $talk $sock say '$guard' want WELCOME say QUIT want BYE eof
	wait
	show
	EOT
	showed 'exit 0'
	logged 'QUIT from the heartbeat'
}

behaviour asked_one_by_one 'several are asked for one by one, in their order'
asked_one_by_one_body() {
	asks "$dazaid" -d -s "$sock" -l one -l two -l three <<-EOT
	expect Secret one: 
	send $secret\n
	expect Secret two: 
	run ./echoes off
	send $secret\n
	expect Secret three: 
	send $secret\n
	run $talk - log log 'secrets: 3'
	run ./echoes on
	signal TERM
	wait
	show
	EOT
	showed 'exit 0'
}

behaviour asked_from_the_background 'so does one that goes to the background, and then lets go'
asked_from_the_background_body() {
	asks "$dazaid" -s "$sock" -l token <<-EOT
	expect Secret token: 
	run ./echoes off
	send $secret\n
	wait
	show
	EOT
	showed 'exit 0'
	found
	talk "$sock" say "$guard" want WELCOME say QUIT want BYE eof
	ends_there
}

behaviour asked_for_standard_input 'standard input that is a terminal is asked on as well'
asked_for_standard_input_body() {
	asks "$dazaid" -d -s "$sock" -l token=- <<-EOT
	expect Secret token: 
	run ./echoes off
	send $secret\n
	run $talk - log log 'secrets: 1'
	run ./echoes on
	signal TERM
	wait
	show
	EOT
	showed 'exit 0'
}

shipped_only=1
behaviour typed_bytes 'the line is the secret, without its newline' require.user root
shipped_only=
typed_bytes_body() {
	printf '%s' "$secret" >secret
	printf '%s\n' "$secret" >with-newline
	asks "$tools/nomemfd" "$dazaid" -d -s "$sock" -l token <<-EOT
	expect Secret token: 
	send $secret\n
	run $talk - log log 'memory: mlock, secrets: 1'
	run $peek \$(cat $sock.pid) <secret >seen
	run $peek \$(cat $sock.pid) <with-newline >seen.more
	signal TERM
	wait
	EOT
	grep -q "^${#secret} bytes of it at" seen || fail "$(cat seen)"
	[ "$(grep -c 'bytes of it at' seen)" -eq 1 ] || fail "$(cat seen)"
	grep -q "^${#secret} bytes of it at" seen.more || fail "$(cat seen.more)"
}

behaviour keys_at_the_question 'Ctrl-C and Ctrl-\\ end it with the echo back, Ctrl-Z does not stop it'
keys_at_the_question_body() {
	asks "$dazaid" -d -s "$sock" -l token <<-EOT
	expect Secret token: 
	run ./echoes off
	send $secret
	key C-c
	wait
	run ./echoes on
	show
	EOT
	showed 'exit 0'
	logged 'SIGINT: secrets wiped, bye'
	gone
	asks "$dazaid" -d -s "$sock" -l token <<-EOT
	expect Secret token: 
	send $secret
	key C-\\
	wait
	run ./echoes on
	show
	EOT
	showed 'exit 0'
	logged 'HARD PANIC (dry-run): SIGQUIT'
	gone
	asks "$dazaid" -d -s "$sock" -l token <<-EOT
	expect Secret token: 
	key C-z
	send $secret\n
	run $talk - log log 'secrets: 1'
	signal TERM
	wait
	show
	EOT
	showed 'exit 0'
}

behaviour signals_at_the_question 'whatever ends it at the question, the echo is back'
signals_at_the_question_body() {
	for sig in TERM HUP USR1 USR2 QUIT; do
		asks "$dazaid" -d -s "$sock" -l token <<-EOT
		expect Secret token: 
		run ./echoes off
		signal $sig
		wait
		run ./echoes on
		show
		EOT
		showed 'exit 0'
		logged "SIG$sig: secrets wiped"
		gone
	done
	for sig in SEGV ABRT ALRM; do
		asks "$dazaid" -d -s "$sock" -a -l token <<-EOT
		expect Secret token: 
		signal $sig
		wait
		run ./echoes on
		show
		EOT
		showed 'signal '
		logged "SIG$sig: secrets wiped"
		gone
	done
	asks "$dazaid" -d -s "$sock" -a -g 60 -l token <<-EOT
	expect Secret token: 
	signal USR2
	wait
	run ./echoes on
	show
	EOT
	showed 'signal 9'
	logged 'HARD PANIC: SIGUSR2: secrets wiped, SIGKILL'
	gone
}

behaviour network_lost_at_the_question 'the end of network at the question as well'
network_lost_at_the_question_body() {
	asks "$dazaid" -d -s "$sock" -l token <<-EOT
	expect Secret token: 
	run kill -KILL \$(pgrep -P \$(cat $sock.pid))
	wait
	run ./echoes on
	show
	EOT
	showed 'exit 0'
	logged 'HARD PANIC (dry-run): network process lost'
	gone
}

behaviour hang_up_at_the_question 'a terminal that hangs up at the question ends it'
hang_up_at_the_question_body() {
	asks "$dazaid" -d -s "$sock" -l token <<-EOT
	expect Secret token: 
	hangup
	wait
	EOT
	showed 'exit '
	logged 'secrets wiped'
	gone
}

behaviour nothing_typed 'nothing typed is no secret'
nothing_typed_body() {
	for keys in 'send \n' 'key C-d'; do
		asks "$dazaid" -d -s "$sock" -l token <<-EOT
		expect Secret token: 
		$keys
		wait
		run ./echoes on
		show
		EOT
		showed 'exit 1'
		logged 'dazaid: token: there is nothing in it'
		gone
	done
}

behaviour no_terminal 'without a terminal it is told that there is none to ask on'
no_terminal_body() {
	got=0
	timeout -s KILL 20 setsid -w "$dazaid" -d -s "$sock" -l token \
	    </dev/null 2>why || got=$?
	[ $got -eq 1 ] || fail "exit $got"
	[ "$(wc -l <why)" -eq 1 ] || fail "$(cat why)"
	grep -q '^dazaid: no terminal to ask on: /dev/tty: ' why ||
	    fail "$(cat why)"
	[ ! -e "$sock" ] || fail "a socket was left"
}

behaviour half_typed 'what was typed of a secret is not left for who reads the terminal next'
half_typed_body() {
	cat >script <<-EOT
	expect Secret x:
	send half a secr
	run kill -TERM \$(cat "$sock.pid")
	expect wiped
	send \\n
	expect got:.
	EOT
	# shellcheck disable=SC2016 # expanded by the sh
	"$tools/pty" sh -c '"$1" -d -l x -s "$2"; IFS= read -r line
	    echo "got:$line."' sh "$dazaid" "$sock" <script >out 2>err ||
	    fail "$(cat err)"
}
