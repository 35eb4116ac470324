#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The start: options, where secrets come from, the background, and the terminal.

. "$(atf_get_srcdir)/lib.sh"

# refused TEXT OPTION...: dazaid ends at once with exit 1 and one line that has TEXT,
# and leaves nothing
refused() {
	local text=$1

	shift
	complains 1 "$text" "$dazaid" -d -s "$sock" "$@"
	left_nothing "$*"
}

# left_nothing WHAT: none of the daemon's files is there; WHAT is for the message
left_nothing() {
	for left in "$sock" "$sock.ctl" "$sock.pid"; do
		[ ! -e "$left" ] || fail "$1: $left is left"
	done
}

#
# Options.
#

# Every kind of bad number is tried on the function that reads them (replay_network,
# replay_program).
behaviour bad_numbers_are_refused \
    'a wrong number of seconds, and a size that is no number, too small or too large, is refused with one line, and nothing is started'
bad_numbers_are_refused_body() {
	for option in f=first g=grace t=ping-timeout; do
		long=${option#?=}
		for value in '' nan 5x; do
			refused "dazaid: --$long: $value: not a number of seconds" \
			    "-${option%=*}" "$value"
		done
		refused "dazaid: --$long: 1000000001: too large" "--$long=1000000001"
	done
	# Of several errors only the first is printed.
	refused 'dazaid: --grace: nan' -g nan -t inf -z x -l =
	refused 'dazaid: --size: 64k: not a number' -z 64k
	refused 'dazaid: --size: 4095: too small' -z 4095
	refused 'dazaid: --size: 1073741825: too large' -z 1073741825
}

behaviour help_and_version_are_printed \
    '-h and -V print on standard output and exit 0, and the help has a line for each option; wrong options show the usage, and exit 1'
help_and_version_are_printed_body() {
	for option in -h --help -V --version; do
		"$dazaid" $option >said 2>why || fail "$option: exit $?"
		[ ! -s why ] || fail "$option: $(cat why)"
		case $option in
		*h*)	grep -q '^usage: dazaid \[-1adhvV\]' said ;;
		*)	[ "$(wc -l <said)" -eq 1 ] &&
			    grep -qx 'dazaid [0-9][0-9.a-z-]*' said ;;
		esac || fail "$option: $(cat said)"
	done
	explains "$dazaid" once arm debug first grace help load load-file memory socket \
	    ping-timeout user verbose version size require-lock
	for words in -x '-d extra' extra 'true -- true' -g --arm=yes '-a -g 3 -Q'; do
		got=0
		timeout -s KILL 20 "$dazaid" -s "$sock" $words >said 2>why || got=$?
		[ $got -eq 1 ] || fail "$words: exit $got"
		[ ! -s said ] || fail "$words: said $(cat said)"
		present '^usage: dazaid ' why
		left_nothing "$words"
		case $words in
		*extra | true*) present \
		    '^dazaid: [a-z]*: not an option; put a command after --$' why ;;
		esac
	done
}

behaviour no_option_is_needed \
    'without options dazaid starts with no secrets, not armed, also if descriptors 0 to 2 are closed'
no_option_is_needed_body() {
	launch "$dazaid" -d -s "$sock" </dev/null
	logged 'secrets: 0, dry-run, ping timeout 0 ms'
	lives
	start -t 5 -t 1.25
	logged 'ping timeout 1250 ms'
	lives
	printf '%s' "$secret" >secret
	"$dazaid" -d -s "$sock" -a -l "$name=secret" <&- >&- 2>&- &
	vault=$!
	remember "$vault"
	talk -r "$sock" hello ping quit
	ends 0
	# The file of the secret must not become descriptor 0, 1 or 2, to which lines are written.
	[ "$(cat secret)" = "$secret" ] || fail "something was written to it"
}

shipped behaviour a_bare_system_is_told \
    'without /proc neither the daemon nor a client starts, and without /dev/null no daemon in the background; one line says so' \
    require.user root
a_bare_system_is_told_body() {
	own_mounts
	# bare DIR COMMAND...: the directory is empty for it
	cat >bare <<-'EOT'
	#!/bin/sh
	exec unshare -m --propagation private \
	    sh -c 'mount -t tmpfs none "$0" && exec "$@"' "$@"
	EOT
	chmod 755 bare
	why='/proc/self/uid_map: No such file or directory (is /proc mounted?)'
	complains 1 "dazaid: $why" ./bare /proc "$real" -s "$sock"
	complains 1 "dazaid: $why" ./bare /proc "$real" -d -s "$sock"
	complains 4 "dazai-hb: $why" ./bare /proc "$hb" -s "$sock"
	complains 5 "dazaictl: $why" ./bare /proc "$ctl" \
	    -s "$sock" status
	status=0
	./bare /dev "$real" -s "$sock" 2>told || status=$?
	[ $status -eq 1 ] || fail "exit $status: $(cat told)"
	present -F '/dev/null: No such file or directory' told
	gone
	through 'exec ./bare /dev'
	start
	echo 'other echo hi' >file
	status=0
	./bare /dev "$ctl" -s "$sock" load "$PWD/file" \
	    2>told || status=$?
	[ $status -eq 7 ] || fail "load: exit $status: $(cat told)"
	present -F 'dazaictl: /dev/null: No such file or directory' told
	lives
}

behaviour a_filter_of_a_container_is_told \
    'in a container whose filter refuses a system call, dazaid starts without it, or says that it needs it'
a_filter_of_a_container_is_told_body() {
	for call in pidfd_open timerfd_create epoll_create1 inotify_init1; do
		complains 1 "${call%_init1}" "$tools/nomemfd" -c $call \
		    "$dazaid" -d -s "$sock"
	done
	gone
	through "exec $tools/nomemfd -c memfd_secret -c rseq"
	guarded -a
	# For a pipe, a file and another filter.
	ctl="$tools/nomemfd -c splice -c sendfile -c vmsplice $ctl -s $sock"
	$ctl get "$name" | cmp -s - secret || fail "get into a pipe"
	$ctl put other <secret || fail "put from a file"
	$ctl get other >got || fail "get into a file"
	cmp -s got secret || fail "$(cat got)"
	stands_down
}

#
# Secrets.
#

# loads COUNT OPTION...: a daemon starts with COUNT secrets
loads() {
	local count=$1

	shift
	launch "$dazaid" -d -s "$sock" "$@"
	logged "secrets: $count,"
	lives
}

# keeps OPTION...: a daemon has the bytes of the file "secret" as its secret "token"
keeps() {
	launch "$dazaid" -d -s "$sock" "$@"
	logged 'secrets: 1,'
	talk "$sock" hello to "$sock.ctl" get token secret use 0 quit
	ends 0
}

behaviour a_secret_comes_from_anywhere \
    'a secret comes from a file, standard input, a FIFO, a descriptor, or <() of bash, and is taken as it is, a final newline included' \
    require.progs bash
a_secret_comes_from_anywhere_body() {
	printf '\001first\n\nline\r\nlast line of a secret\n' >secret
	mkfifo fifo
	keeps -l token=secret
	keeps --load=token="$PWD/secret"
	keeps -l token=- <secret
	keeps -l token=/dev/stdin <secret
	keeps -l token=/dev/fd/5 5<secret
	cat secret >fifo &
	keeps -l token=fifo
	head -c 100 secret | keeps -l token=-
	cat secret >fifo &
	loads 4 -l a=- -l b=secret -l c=/dev/fd/7 -l d=fifo <secret 7<secret
	loads 0 </dev/null
	through "exec bash -c 'exec \"\$@\" -l one=<(echo one) -l two=<(echo two)' bash"
	loads 2
}

behaviour many_secrets_are_loaded '-l loads up to 32 secrets under 32 good names, and standard input once'
many_secrets_are_loaded_body() {
	printf '%s' "$secret" >secret
	set --
	while [ $# -lt 64 ]; do
		set -- "$@" -l s$#=secret
	done
	loads 32 "$@"
	refused 'dazaid: --load: at most 32 secrets can be loaded' "$@" -l last=secret
	refused 'dazaid: --load: a: given twice' -l a=secret -l b=secret -l a=-
	refused 'dazaid: --load: not a name' -l 'a b=secret'
	refused 'dazaid: --load: not a name' -l =
	refused 'dazaid: --load: a name is at most 128 bytes long' \
	    -l "$(printf '%0129d' 0)=secret"
	loads 3 -l a=secret -l A=secret -l 'mail/me@example.org=secret'
	refused 'dazaid: --load: standard input can be read only once' -l a=- \
	    -l b=- </dev/null
}

behaviour failing_sources_are_told \
    'if the file of -l is missing, empty, unreadable or too large, one line says so'
failing_sources_are_told_body() {
	: >empty
	mkdir directory
	refused 'dazaid: missing: No such file or directory' -l a=missing
	refused 'dazaid: : No such file or directory' -l a=
	refused 'dazaid: a: the secret is empty' -l a=- </dev/null
	refused 'dazaid: a: Bad file descriptor' -l a=- <&-
	refused 'dazaid: a: Is a directory' -l a=directory
	echo x >good
	refused 'dazaid: b: the secret is empty' -l a=good -l b=empty
	# The start fails before any file is made, and so before any secret is read.
	refused 'dazaid: missing: No such file' -l a=- -l b=missing <good
	refused 'dazaid: a: the secret does not fit into the arena; make it larger with -z' -l a=/dev/zero
	head -c 4096 /dev/zero | tr '\0' x >page
	refused 'dazaid: a: the secret does not fit into the arena; make it larger with -z' -z 4096 -l a=page
	# With its name, it takes less than 192 bytes more.
	head -c 3904 page >most
	loads 1 -z 4096 -l a=most
	refused 'dazaid: b: the secret does not fit into the arena; make it larger with -z' -z 4096 -l a=most \
	    -l b=most
}

behaviour files_of_others_are_told \
    '-l refuses a file that the user may not read, with one line' require.user unprivileged
files_of_others_are_told_body() {
	echo x >mine
	chmod 000 mine
	refused 'dazaid: mine: Permission denied' -l a=mine
	refused 'dazaid: /etc/shadow: Permission denied' -l a=/etc/shadow
}

behaviour nobody_connects_before_the_secrets 'until the secrets are there nobody can connect'
nobody_connects_before_the_secrets_body() {
	waits "$dazaid" -d
	if "$talk" "$sock" say "$guard" 2>why; then
		fail "it listens"
	fi
	present refused why
	not_logged ready
	printf 'and the second' >&9
	exec 9>&-
	logged 'secrets: 1'
	lives
}

# cut_short STATUS SIGNAL TEXT OPTION...: SIGNAL while it reads a secret ends dazaid with
# STATUS and TEXT
cut_short() {
	local status=$1 sig=$2 text=$3

	shift 3
	waits "$dazaid" -d "$@"
	kill -"$sig" "$vault"
	ends "$status"
	logged "$text"
}

behaviour signals_count_while_it_reads \
    'a signal while a secret is being read does what it does later'
signals_count_while_it_reads_body() {
	cut_short 0 TERM "SIGTERM: secrets wiped, bye" -a
	for sig in HUP QUIT; do
		cut_short 0 $sig "SIG$sig: secrets wiped, WOULD SIGKILL"
	done
	cut_short "$SIGKILL" USR2 "SIGUSR2: secrets wiped, SIGKILL" -a -g 60
	cut_short "$SIGSEGV" SEGV 'SIGSEGV: secrets wiped'
	waits "$dazaid" -d -a -g 0.2
	kill -USR1 "$network"
	ends "$SIGKILL"
	logged 'PANIC: SIGUSR1'
	waits "$dazaid" -d -a -g 60
	kill -KILL "$network"
	killed 'HARD PANIC: network process lost, killed by SIGKILL'
}

#
# The background.
#

behaviour the_background_is_nowhere \
    'in the background each process has its name, a session of its own, no terminal, / as their directory, and /dev/null for descriptors 0 to 2'
the_background_is_nowhere_body() {
	# This would wait for ever if the daemon kept the pipe open.
	out=$(timeout -s KILL 20 "$dazaid" -s "$sock" -v 2>err) ||
	    fail "exit $?: $(cat err)"
	[ -z "$out" ] || fail "said $out"
	found
	printf '%s\n' "$vault" | cmp -s - "$sock.pid" ||
	    fail "$(cat "$sock.pid")"
	for pid in "$vault" "$network"; do
		set -- $(ps -o sid=,tty=,comm=,args= -p "$pid")
		[ "$1 $2 $3 $4" = "$pid ? dazaid dazaid:" ] || fail "$pid is $*"
		[ "$(id -u)" -eq 0 ] || continue
		for fd in 0 1 2; do
			is "$pid: $(readlink "/proc/$pid/fd/$fd")" "$pid: /dev/null"
		done
	done
	[ "$(id -u)" -ne 0 ] || is "$(readlink "/proc/$vault/cwd")" /
	end_there
}

behaviour the_background_tells_why 'a start in the background that fails returns 1, with the reason on one line'
the_background_tells_why_body() {
	: >empty
	set -- "$dazaid" -s "$sock"
	complains 1 'dazaid: --grace: nan: not a number of seconds' "$@" -g nan
	complains 1 'dazaid: a: the secret is empty' "$@" -l a=empty
	left_nothing background
	background -a
	complains 1 "dazaid: socket: $sock.pid: another dazaid runs here" "$@"
	end_there
}

behaviour the_front_passes_signals_on 'a signal to the process that waits for the start ends the daemon as well'
the_front_passes_signals_on_body() {
	for sig in TERM INT HUP QUIT USR1 USR2; do
		waits "$dazaid"
		[ "$front" != "$vault" ] || fail "it is in the foreground"
		kill -$sig "$front"
		# Ctrl-C ends a script, too.
		if [ $sig = INT ]; then
			ends 130 "$front"
		else
			ends 1 "$front"
		fi
		ends_there
		logged "SIG$sig: secrets wiped"
	done
	waits "$dazaid" -a -g 60
	kill -USR2 "$front"
	ends 1 "$front"
	gone
	logged 'ended by signal 9 before it was ready'
	# Ctrl-C reaches all of them, and does what it does to one.
	waits setsid "$dazaid"
	pgid=$(ps -o pgid= -p "$vault")
	kill -INT -"${pgid##* }"
	ends_there
	ends 130 "$front"
	logged 'SIGINT: secrets wiped, bye'
	# The same if somebody kills the daemon.
	waits "$dazaid"
	kill -KILL "$vault"
	ends 1 "$front"
	logged 'ended by signal 9 before it was ready'
	talk - ended "$network"
}

#
# The terminal.
#

# showed TEXT: the terminal has shown TEXT
showed() {
	present -F -- "$1" shown
}

# asked RESULT TEXT OPTIONS LINE...: a daemon asks for a secret without echo, pty does
# these lines, and the daemon ends with this result, the log TEXT, and the echo back
asked() {
	local result=$1 text=$2 options=$3

	shift 3
	cat >on-terminal <<-EOT
	#!/bin/sh
	# It ends after the daemon: what leads a session takes the terminal along.
	trap : HUP INT QUIT TSTP
	stty echo
	tty >tty
	sh -c 'echo \$\$ >pid; exec "\$@"' sh "\$@" 2>log
	echo "result \$?"
	stty -a | grep -q -- ' -echo ' && echo 'no echo'
	:
	EOT
	cat >echoes <<-EOT
	#!/bin/sh
	# Whether the terminal echoes: "on" or "off" is wanted.
	got=on
	stty -F "\$(cat tty)" -a | grep -q -- ' -echo ' && got=off
	[ \$got = \$1 ]
	EOT
	chmod 755 on-terminal echoes
	: >log
	on_terminal ./on-terminal "$dazaid" -d -s "$sock" $options <<-EOT
	expect Secret token: 
	run ./echoes off
	$(printf '%s\n' "$@" | sed 's/^signal \(.*\)/run kill -s \1 $(cat pid)/')
	wait
	show
	EOT
	showed "$result"
	absent -F -e "$secret" -e 'no echo' shown log
	logged "$text"
	gone
}

behaviour it_asks_without_echo \
    'a secret without a file, or with a terminal for its file, is asked for without echo'
it_asks_without_echo_body() {
	asked 'result 0' 'QUIT from the heartbeat' '-1 -l token' "send $secret\n" \
	    "run $talk - log log 'secrets: 1'" 'run ./echoes on' \
	    "run $talk $sock hello quit"
	asked 'result 0' 'secrets: 1' '-1 -l token=-' "send $secret\n" \
	    "run $talk - log log 'secrets: 1'" 'run ./echoes on' 'signal TERM'
	asked 'result 0' 'secrets: 3' '--once -l token -l two -l three' "send $secret\n" \
	    'expect Secret two: ' 'run ./echoes off' "send $secret\n" \
	    'expect Secret three: ' "send $secret\n" \
	    "run $talk - log log 'secrets: 3'" 'run ./echoes on' 'signal TERM'
}

behaviour the_echo_comes_back \
    'whatever ends the daemon at the question leaves a terminal that echoes; Ctrl-Z does not stop it'
the_echo_comes_back_body() {
	asked 'result 0' 'SIGINT: secrets wiped, bye' '-l token' "send $secret" 'key C-c'
	asked 'result 0' 'HARD PANIC (dry-run): SIGQUIT' '-l token' "send $secret" \
	    "key C-\\"
	asked 'result 0' 'secrets: 1' '-1 -l token' 'key C-z' "send $secret\n" \
	    "run $talk - log log 'secrets: 1'" 'signal TERM'
	for sig in TERM USR1 USR2; do
		asked 'result 0' "SIG$sig: secrets wiped" '-l token' "signal $sig"
	done
	asked 'result 139' "SIGSEGV: secrets wiped" '-a -l token' 'signal SEGV'
	asked 'result 137' 'HARD PANIC: SIGUSR2: secrets wiped, SIGKILL' \
	    '-a -g 60 -l token' 'signal USR2'
	asked 'result 0' 'HARD PANIC (dry-run): network process lost' '-l token' \
	    "run kill -KILL \$(pgrep -P \$(cat $sock.pid))"
	for keys in 'send \n' 'key C-d'; do
		asked 'result 1' 'dazaid: token: the secret is empty' '-l token' "$keys"
	done
	rm log
	on_terminal sh -c 'exec "$@" 2>log' sh "$dazaid" -d -s "$sock" -l token <<-EOT
	expect Secret token: 
	hangup
	wait
	EOT
	showed 'exit '
	logged 'secrets wiped'
	gone
}

behaviour half_a_secret_is_not_left_to_others \
    'what was typed of a secret that is not complete is not there for the next program that reads the terminal; without a terminal nothing is asked'
half_a_secret_is_not_left_to_others_body() {
	on_terminal sh -c '"$1" -d -l x -s "$2"; IFS= read -r line
	    echo "got:$line."' sh "$dazaid" "$sock" <<-EOT
	expect Secret x:
	send half a secr
	run kill -TERM \$(cat "$sock.pid")
	expect wiped
	send \n
	expect got:.
	EOT
	complains 1 \
	    'dazaid: token: -l token=- reads standard input; no terminal to ask on: ' \
	    setsid -w "$dazaid" -d -s "$sock" -l token </dev/null
	left_nothing 'no terminal'
}
