# SPDX-License-Identifier: ISC
# What the behaviour tests share.  A test case starts daemons and clients with
# these functions; whatever it leaves running, because it failed, its cleanup
# kills, by the pids and start times in the file "pids".

top=$(cd "$(atf_get_srcdir)/../.." && pwd)
tools=$top/regress/tools
dazaid=$top/dazaid/dazaid
real=$dazaid			# where "dazaid" is a script that starts it
hb=$top/dazai-hb/dazai-hb
ctl=$top/dazaictl/dazaictl
talk=$tools/talk

sock=$PWD/sock
name=zebra-9152			# of the secret, and the secret
secret='Qx7~not-in-any-log~Zv3'
guard='HELLO 1'			# what makes a heartbeat
SIGKILL=137			# wait statuses
SIGSEGV=139

network=
behaviours=
built=				# with these flags

# behaviour NAME TEXT [METADATA VALUE]...: declares the test case whose body is
# NAME_body, and which leaves nothing running.  atf-sh reads a program with all
# of its cases for every case that it runs, so this starts no process.
behaviour() {
	local case=$1 head="atf_set descr '$2'"

	shift 2
	while [ $# -gt 0 ]; do
		head="$head; atf_set $1 '$2'"
		shift 2
	done
	behaviours="$behaviours $case"
	atf_test_case "$case" cleanup
	eval "${case}_head() { $head; }
	${case}_cleanup() { kill_all; }"
}

# shipped behaviour ...: declares a case that is not run in a build with sanitizers, whose
# runtime has memory of its own, makes system calls, and catches crashes
shipped() {
	[ -n "$built" ] || read -r built <"$top/.flags"
	case $built in
	*-DSANITIZE*)	set -- "$@" require.files /no-sanitizer ;;
	esac
	"$@"
}

atf_init_test_cases() {
	local tc

	for tc in $behaviours; do
		atf_add_test_case "$tc"
	done
}

# These two take the place of atf-sh's own, which start three processes each, and
# are called ten times for every case when Kyua asks for a list.
atf_set() {
	Test_Case_Vars="$Test_Case_Vars $1"
	eval "metadata_${1%.*}_${1#*.}=\$2"
}

atf_get() {
	eval "printf '%s\n' \"\$metadata_${1%.*}_${1#*.}\""
}

# started PID: sets $start to when that process started, in clock ticks, or to
# nothing if there is none: with it a pid means one process.
started() {
	local stat

	start=
	{ read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 0
	# Its name, which comes before, may have blanks.
	set -- ${stat##*) }
	start=${20}
}

remember() {
	local start

	started "$1"
	echo "$1 $start" >>pids
}

# spawn NAME COMMAND...: starts it in the background, with our standard input, as $NAME
spawn() {
	local to=$1

	shift
	exec 6<&0	# which is not a background job's by itself
	"$@" <&6 6<&- &
	exec 6<&-
	eval "$to=\$!"
	remember $!
}

kill_all() {
	local made pid start was

	[ -f public ] && while read -r made; do
		rm -rf "$made"
	done <public
	[ -f pids ] || return 0
	while read -r pid was; do
		started "$pid"
		if [ -n "$was" ] && [ "$start" = "$was" ]; then
			kill -KILL "$pid"
		fi
	done <pids
	rm -f pids
}

# Fails the test case, with the daemon's log.  Kyua takes one line as the reason.
fail() {
	local why=$*

	[ -f log ] && sed 's/^/log: /' log
	printf '%s\n' "$why"
	atf_fail "${why%%
*}"
}

# complains STATUS TEXT COMMAND...: it exits with STATUS within 20 seconds, with nothing
# on standard output and one line on standard error: the program's name, and something
# with TEXT
complains() {
	local status=$1 text=$2 got=0 why

	shift 2
	why=$(timeout -s KILL 20 "$@" 2>&1 >printed) || got=$?
	[ "$got" -eq "$status" ] || fail "$*: exit $got, not $status: $why"
	[ ! -s printed ] || fail "$*: printed $(cat printed)"
	case $why in
	*'
'*)	fail "$*: not one line: $why" ;;
	*dazai*": "?*) ;;
	*)	fail "$*: not ours: $why" ;;
	esac
	case $why in
	*"$text"*) ;;
	*)	fail "$*: not '$text': $why" ;;
	esac
}

# explains PROGRAM OPTION...: its --help has a line for each option
explains() {
	local option program=$1

	shift
	"$program" --help >help || fail "--help: $?"
	for option; do
		grep -q -e "^  .* --$option [A-Za-z= ]* *[a-z]" help ||
		    fail "--$option is not explained"
	done
}

# talk ARG...: runs the program talk, and fails the case if that fails
talk() {
	local why

	exec 8>&1
	why=$("$talk" "$@" 2>&1 >&8) || fail "$why"
}

# daemon OPTION...: starts a daemon, as $vault, with $secret, and its log in the file
# "log". When this returns the daemon may not be ready yet, or may fail.
daemon() {
	printf '%s' "$secret" >secret
	spawn vault "$dazaid" -d -s "$sock" -l "$name=-" "$@" <secret 2>log
}

# Sets $network, the vault's child.
find_network() {
	network=
	{ read -r network _ <"/proc/$vault/task/$vault/children"; } 2>/dev/null
	[ -n "$network" ] || network=$(pgrep -P "$vault")
	remember "$network"
}

# launch COMMAND...: starts a daemon in the foreground by COMMAND, with our standard
# input and the log in the file "log"; it is ready then, and its processes are $vault
# and $network
launch() {
	spawn vault "$@" 2>log
	logged 'vault: ready'
	find_network
}

# start OPTION...: starts a daemon that has $secret, and waits until it is ready
start() {
	printf '%s' "$secret" >secret
	launch "$dazaid" -d -s "$sock" -l "$name=-" "$@" <secret
}

# found: sets $vault and $network to the daemon whose pid file is there
found() {
	read -r vault <"$sock.pid"
	remember "$vault"
	find_network
}

# background OPTION...: starts a daemon in the background, and finds it
background() {
	"$dazaid" -s "$sock" "$@" 2>err || fail "$*: exit $?: $(cat err)"
	found
}

# end_there: ends a daemon that is not our child; it leaves no files
end_there() {
	kill "$vault"
	ends_there
}
ends_there() {
	talk - ended "$vault"
	gone
}

# waits COMMAND...: a daemon, as $vault, that has read the first half of a secret from
# ./fifo, started by these words and the option -l; ./fifo is open as descriptor 9.
# $front is the process that was started: in the background, not the daemon.
waits() {
	[ -p fifo ] || mkfifo fifo
	spawn front "$@" -s "$sock" -l token=fifo 2>log
	exec 9>fifo
	await test -s "$sock.pid"
	read -r vault <"$sock.pid"
	remember "$vault"
	await network_is_confined
	remember "$network"
	printf 'the first half, ' >&9
}
network_is_confined() {
	network=$(pgrep -P "$vault") &&
	    grep -q '^Seccomp:	2' "/proc/$network/status"
}

# logged TEXT: waits until the log has TEXT
logged() {
	talk - log log "$1"
}

not_logged() {
	absent -F -e "$1" log
}

# is GOT WANT: both are the same
is() {
	[ "$1" = "$2" ] || fail "'$1', and not '$2'"
}

# present ARG... FILE: grep ARG... finds something
present() {
	local file

	grep -q "$@" && return
	for file; do :; done
	cat "$file"
	fail "there is nothing: grep $*"
}

# absent ARG...: grep ARG... finds nothing
absent() {
	local got=0

	grep "$@" || got=$?
	[ "$got" -eq 1 ] || fail "there is, or grep failed: grep $*"
}

# stop: ends the daemon cleanly
stop() {
	kill "$vault"
	ends 0
}

# ends STATUS [PID]: waits until the process, our child, exits with STATUS; without PID
# it is the daemon, which leaves neither files nor network behind
ends() {
	local got=0

	talk - ended "${2:-$vault}"
	wait "${2:-$vault}" || got=$?
	[ "$got" -eq "$1" ] || fail "ended with $got, not $1"
	[ $# -eq 2 ] || gone
}

# The daemon has left neither its files nor network.
gone() {
	[ ! -e "$sock" ] || fail "the socket is still there"
	[ ! -e "$sock.ctl" ] || fail "the control socket is still there"
	[ ! -e "$sock.pid" ] || fail "the pid file is still there"
	[ -z "$network" ] || talk -w 1 - ended "$network"
}

# lives: the daemon still runs, and serves a new heartbeat
lives() {
	talk "$sock" hello ping quit
	ends 0
}

# public: makes $dir, which other users can reach, with $sock and talk in it.  What the
# file "public" names is removed at the end.
public() {
	dir=$(mktemp -d /tmp/dazai-public.XXXXXX)
	echo "$dir" >public
	chmod 711 "$dir"
	cp "$talk" "$dir"
	chmod 755 "$dir/talk"
	sock=$dir/sock
}

# as UID COMMAND...: runs it as another user
as() {
	(become "$@")
}

# become UID COMMAND...: executes it in place of this process, as another user
become() {
	local uid=$1

	shift
	exec setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

# for_nobody START [OPTION...]: runs START (start or guarded) with -u nobody, in a
# directory of nobody's
for_nobody() {
	local start=$1

	shift
	public
	chown 65534:65534 "$dir"
	"$start" -u nobody "$@"
}

# through WORD...: from now on daemons are started by a script with these words and
# then the program, as in: through 'ulimit -n 30; exec'
through() {
	printf '#!/bin/sh\n%s %s "$@"\n' "$*" "$real" >through
	chmod 755 through
	dazaid=$PWD/through
}

# await COMMAND...: waits until it succeeds, at most ten seconds
await() {
	local tries=0

	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || fail "not so: $*"
		sleep 0.02
	done
}

# client ARG...: talk in the background, as $client; its output is in "said".  When this
# returns it has done all up to its first "echo", if it has one.
client() {
	local arg before=

	spawn client "$talk" "$@" >said
	for arg; do
		[ "$before" != echo ] || talk - log said "$arg"
		[ "$before" != echo ] || return 0
		before=$arg
	done
}

# control ARG...: talk, at the control socket
control() {
	talk "$sock.ctl" "$@"
}

# guarded OPTION...: as start, with a heartbeat that stays, as $guardian
guarded() {
	start "$@"
	client "$sock" hello echo guards hold
	guardian=$client
}

# stands_down: no panic has begun: the daemon ends cleanly when it is told to
stands_down() {
	not_logged PANIC
	not_logged 'panic pending'
	kill "$vault"
	ends 0
	logged 'SIGTERM: secrets wiped, bye'
}

# held WORDS: TETHERS lists these tethers, without the pids
held() {
	"$ctl" -s "$sock" tethers >tethers || fail "tethers: $?"
	got=$(sed 's/ [0-9]*$//' tethers | tr '\n' ',')
	[ "$got" = "$1" ] || fail "'$got' and not '$1'"
}

# see_room: sets $room to the size of the largest secret that fits now
see_room() {
	"$talk" "$sock.ctl" say STATUS show >status || fail "no STATUS"
	room=$(sed 's/.* room=\([0-9]*\).*/\1/' status)
}

# idler: starts a process that does nothing, as $idler
idler() {
	spawn idler sleep 300
}

# heartbeat ARG...: starts dazai-hb in the background, as $heartbeat, and waits until it
# guards
heartbeat() {
	spawn heartbeat "$hb" -s "$sock" "$@" >hb.out 2>hb.err
	talk - log hb.out 'dazai-hb: guarding'
}

# stand_down: SIGQUIT makes dazai-hb send QUIT, and both end
stand_down() {
	kill -QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
}

# rehearsed REASON, killed REASON: the daemon ends by that panic
rehearsed() {
	logged "$1"
	logged 'WOULD SIGKILL'
	ends 0
}

killed() {
	ends $SIGKILL
	logged "$1"
	not_logged 'WOULD SIGKILL'
}

# session COMMAND...: talk is the heartbeat, does these commands, and says QUIT
session() {
	talk "$sock" hello "$@" quit
	ends 0
}

# row "OPTIONS | COMMANDS | STATUS | TEXT | TEXT...": a daemon starts with these options,
# talk does the commands on its heartbeat socket, and the daemon ends with this status,
# which is 137 for SIGKILL.  Its log has every TEXT, and none that begins with "!".
row() {
	local options commands status texts text

	IFS='|' read -r options commands status texts <<-EOT
		$1
	EOT
	echo "row: $1"
	start $options
	eval "talk \"\$sock\" $commands"
	ends $((status))
	[ $((status)) -ne "$SIGKILL" ] || not_logged 'WOULD SIGKILL'
	while [ -n "$texts" ]; do
		text=${texts%%|*}
		texts=${texts#"$text"}
		texts=${texts#|}
		text=${text# }
		text=${text% }
		case $text in
		!*)	not_logged "${text#!}" ;;
		*)	logged "$text" ;;
		esac
	done
}

# table: standard input has rows; a line that begins with four blanks goes on with one
table() {
	local line row=

	while IFS= read -r line; do
		case $line in
		'    '*) row="$row ${line#    }" ;;
		*)	[ -z "$row" ] || row "$row"
			row=$line ;;
		esac
	done
	row "$row"
}

# expand: a script for pty from standard input, in which "type TEXT | ANSWER" types the
# line TEXT, and expects ANSWER, and "ask COMMAND | ANSWER | STATUS" expects the exit
# status, too, which the shell calls $status
expand() {
	sed "s/^ask \(.*\) | \(.*\) | \(.*\)\$/type \1; echo \"status=${status-}\" | \2\\
expect status=\3/" | sed 's/^type \(.*\) | \(.*\)$/send \1\\n\
expect \2/'
}

# on_terminal COMMAND...: it runs on a terminal of its own, with such a script from
# standard input; what pty says is in "shown"
on_terminal() {
	expand >pty.script
	"$tools/pty" "$@" <pty.script >shown 2>&1 || fail "$(cat shown)"
}

# put NAME TEXT: TEXT, as printf(1) writes it, is the secret NAME
put() {
	printf "$2" >value
	"$ctl" -s "$sock" put "$1" <value || fail "put $1: exit $?"
}

# config NAME LINE...: the user's file NAME has these lines
config() {
	local file=$HOME/.config/dazai/$1

	shift
	mkdir -p "$HOME/.config/dazai"
	printf '%s\n' "$@" >"$file"
	chmod 600 "$file"
}

# own_mounts: skips the case unless a process can have mounts of its own
own_mounts() {
	unshare -m --propagation private true 2>unshare.err && return
	atf_skip "no mounts of its own ($(head -n 1 unshare.err)): run it as root with all \
capabilities, and in a chroot only if its / is a mount point (mount --bind DIR DIR)"
}

. "$(atf_get_srcdir)/look.sh"
