#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# dazai-hb: its options, its signals, and what its exit says.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

dropped='PANIC (dry-run): heartbeat connection dropped'

# refused STATUS TEXT ARG...: dazai-hb ends so, with one line that has TEXT
refused() {
	local want=$1 text=$2 got=0

	shift 2
	"$hb" "$@" >hb.out 2>hb.err </dev/null || got=$?
	[ "$got" -eq "$want" ] || fail "exit $got: $(cat hb.err)"
	[ "$(wc -l <hb.err)" -eq 1 ] || fail "not one line: $(cat hb.err)"
	grep -qF -e "$text" hb.err || fail "$(cat hb.err)"
	[ ! -s hb.out ] || fail "on standard output: $(cat hb.out)"
}

# server COMMAND...: a daemon that is none, at $sock
server() {
	client -l "$sock" echo up accept "$@"
	talk - log said up
}

behaviour bad_numbers 'nan, inf, 5x, nothing, overflow: one line, exit 1'
bad_numbers_body() {
	start -a -g 0
	for n in nan inf 5x '' ' 5' -1 +1 1e3 0x5 . 1. 1,5 infinity \
	    99999999999999999999; do
		refused 1 --interval -s "$sock" -i "$n"
		refused 1 --interval -s "$sock" "--interval=$n"
	done
	for n in nan inf 5x '' -1 0 1.5 2147483648 99999999999999999999; do
		refused 1 --watch-pid -s "$sock" -p "$n"
	done
	lives
}

behaviour bad_usage 'what is no option, no path or too much: exit 1'
bad_usage_body() {
	local got

	refused 1 'socket path' -s ''
	refused 1 'socket path' -s "/$(printf '%0110d' 0)"
	for arg in extra -x --nonsense -i; do
		got=0
		"$hb" $arg >hb.out 2>hb.err || got=$?
		[ $got -eq 1 ] || fail "$arg: exit $got"
		grep -q '^usage: dazai-hb' hb.err || fail "$(cat hb.err)"
	done
}

behaviour help_and_version '-h and -V print and exit 0'
help_and_version_body() {
	atf_check -o match:'^usage: dazai-hb ' "$hb" -h
	atf_check -o match:'^usage: dazai-hb ' "$hb" --help
	atf_check -o match:'^dazai-hb [0-9]' "$hb" -V
	atf_check -o match:'^dazai-hb [0-9]' "$hb" --version
}

behaviour guards 'it guards, and says so in one line'
guards_body() {
	start
	heartbeat
	logged "guarded by pid $heartbeat"
	atf_check_equal "'dazai-hb: guarding $heartbeat with dazaid $vault'" \
	    "'$(cat hb.out)'"
	kill "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
	[ ! -s hb.err ] || fail "$(cat hb.err)"
}

behaviour finds_the_socket 'DAZAI_SOCK, and XDG_RUNTIME_DIR without it'
finds_the_socket_body() {
	sock=$PWD/dazai-$(id -u).sock
	start
	export DAZAI_SOCK="$sock" XDG_RUNTIME_DIR=/nonexistent
	"$hb" >hb.out &
	remember $!
	talk - log hb.out guarding kill QUIT $! ended $!
	ends 0
	unset DAZAI_SOCK
	start
	export XDG_RUNTIME_DIR="$PWD"
	: >hb.out
	"$hb" >hb.out &
	remember $!
	talk - log hb.out guarding kill QUIT $! ended $!
	ends 0
	# The option goes before both.
	export DAZAI_SOCK="$sock"
	refused 2 'no daemon' -s "$PWD/other"
}

behaviour quiet '-q: nothing on standard output'
quiet_body() {
	start
	"$hb" -q -s "$sock" >hb.out 2>hb.err &
	heartbeat=$!
	remember "$heartbeat"
	logged 'guarded by pid'
	kill -QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
	[ -z "$(cat hb.out hb.err)" ] || fail "$(cat hb.out hb.err)"
}

behaviour verbose '-v: what the daemon says'
verbose_body() {
	start
	heartbeat -v -i 0.05
	talk - log hb.out PONG kill QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
	grep -q WELCOME hb.out || fail "$(cat hb.out)"
	grep -q BYE hb.out || fail "$(cat hb.out)"
}

behaviour no_daemon 'no daemon: exit 2'
no_daemon_body() {
	refused 2 "$sock: no daemon" -s "$sock"
	refused 2 "no daemon" -s "$PWD/nowhere/sock"
	start -a
	kill -KILL "$vault"
	ends $SIGKILL "$vault"
	talk - ended "$network"
	[ -S "$sock" ] || fail "no stale socket"
	refused 2 "$sock: no daemon" -s "$sock"
}

behaviour busy 'another guards: exit 3, and by whom'
busy_body() {
	local shell

	start -a -g 0
	sleep 60 &
	shell=$!
	remember "$shell"
	heartbeat -p "$shell"
	refused 3 "guarded already, by dazai-hb $heartbeat for process $shell (sleep" \
	    -s "$sock"
	refused 3 'guarded already' -s "$sock" -q
	kill -QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
}

behaviour busy_by_a_stranger 'another guards that is no dazai-hb: exit 3'
busy_by_a_stranger_body() {
	start
	client "$sock" say "$guard" want WELCOME echo guards hold
	talk - log said guards
	refused 3 'guarded already' -s "$sock"
}

behaviour refused_without_an_answer 'closed on without an answer: exit 4'
refused_without_an_answer_body() {
	server until "HELLO $$" close
	refused 4 'refused without an answer' -s "$sock" -p $$
}

behaviour refused_nonsense 'an answer that is not the protocol: exit 4'
refused_nonsense_body() {
	server say 'SSH-2.0-OpenSSH_9.2' hold
	refused 4 'not the answer of a dazaid' -s "$sock"
}

behaviour refused_by_permission 'a socket that is not of our uid, or without permission: exit 4' require.user root
refused_by_permission_body() {
	public
	cp "$hb" "$dir"
	cat >"$dir/other" <<-EOT
		#!/bin/sh
		exec setpriv --reuid 65534 --regid 65534 --clear-groups \
		    "$dir/dazai-hb" "\$@"
	EOT
	chmod 755 "$dir/other" "$dir/dazai-hb"
	hb=$dir/other
	start -a -g 0
	refused 4 'the socket of uid 0, not ours' -s "$sock"
	chown 65534 "$sock"
	chmod 400 "$sock"
	refused 4 'Permission denied' -s "$sock"
	chmod 600 "$sock"
	refused 4 'refused without an answer' -s "$sock"
	lives
}

behaviour refuses_a_strangers_daemon 'a daemon of neither us nor root is not trusted' require.user root
refuses_a_strangers_daemon_body() {
	public
	chown 65534 "$dir"
	as_other "$dir/talk" -l "$sock" echo up accept say WELCOME hold >said &
	remember $!
	talk - log said up
	refused 4 'belongs to uid 65534' -s "$sock"
}

behaviour daemon_ended 'the daemon ends: exit 5, UNGUARDED'
daemon_ended_body() {
	for sig in TERM USR1 USR2 KILL; do
		start -a -g 0
		heartbeat
		kill -$sig "$vault"
		ends 5 "$heartbeat"
		atf_check_equal 1 "$(wc -l <hb.err)"
		grep -q UNGUARDED hb.err || fail "$(cat hb.err)"
		talk - ended "$vault"
	done
}

behaviour signals_let_go 'SIGTERM, SIGINT, SIGHUP: exit 0, and the daemon triggers'
signals_let_go_body() {
	for sig in TERM INT HUP; do
		start
		heartbeat
		kill -$sig "$heartbeat"
		ends 0 "$heartbeat"
		rehearsed "$dropped"
	done
}

behaviour ignored_signals_let_go 'also where the parent ignored them'
ignored_signals_let_go_body() {
	trap '' TERM INT HUP QUIT USR1
	for sig in TERM INT HUP; do
		start
		heartbeat
		kill -$sig "$heartbeat"
		ends 0 "$heartbeat"
		rehearsed "$dropped"
	done
}

behaviour killed 'SIGKILL: the daemon triggers'
killed_body() {
	start -a -g 0
	heartbeat
	kill -KILL "$heartbeat"
	ends $SIGKILL
	logged 'PANIC: heartbeat connection dropped'
}

behaviour sigusr1_cancels 'SIGUSR1: CANCEL'
sigusr1_cancels_body() {
	start -a -g 60
	heartbeat
	talk - kill USR1 "$heartbeat" log hb.out 'no panic is pending' \
	    kill USR1 "$vault" log log 'panic pending: SIGUSR1' \
	    kill USR1 "$heartbeat" log log 'panic CANCELLED by CANCEL' \
	    log hb.out 'panic cancelled' kill QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
}

behaviour sigquit_stands_down 'SIGQUIT: QUIT, and both exit 0'
sigquit_stands_down_body() {
	start -a -g 0
	heartbeat
	kill -QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
	logged 'QUIT from the heartbeat: secrets wiped, bye'
	grep -q 'stood down' hb.out || fail "$(cat hb.out)"
}

behaviour watches_a_process '-p: ends with the process, also by SIGKILL'
watches_a_process_body() {
	for sig in KILL TERM; do
		sleep 60 &
		shell=$!
		remember "$shell"
		start
		heartbeat -p "$shell"
		kill -$sig "$shell"
		ends 0 "$heartbeat"
		rehearsed "$dropped"
		atf_check_equal "'dazai-hb: guarding $shell with dazaid $vault'" \
		    "'$(cat hb.out)'"
	done
}

behaviour watches_nobody '-p of a process that is not there: exit 1'
watches_nobody_body() {
	start -a -g 0
	sleep 60 &
	shell=$!
	kill -KILL "$shell"
	wait "$shell"
	refused 1 "--watch-pid $shell" -s "$sock" -p "$shell"
	lives
}

behaviour answers_a_command_substitution '-p: a command substitution returns once it guards'
answers_a_command_substitution_body() {
	start
	out=$("$hb" -s "$sock" -p $$ 2>&1 </dev/null & echo $! >hb.pid)
	read -r heartbeat <hb.pid
	remember "$heartbeat"
	atf_check_equal "'dazai-hb: guarding $$ with dazaid $vault'" "'$out'"
	# In a session of its own: no key reaches it.
	[ "$(cut -d ' ' -f 6 "/proc/$heartbeat/stat")" -eq "$heartbeat" ] ||
	    fail "in our session"
	kill -QUIT "$heartbeat"
	ends 0
}

behaviour says_whom_it_guards 'HELLO has the pid of the watched process'
says_whom_it_guards_body() {
	sleep 60 &
	shell=$!
	remember "$shell"
	server want "HELLO $shell" offer WELCOME use 0 eof
	heartbeat -p "$shell"
	kill -TERM "$heartbeat"
	ends 0 "$heartbeat"
	ends 0 "$client"
}

behaviour pings '-i: a PING at every interval'
pings_body() {
	server offer WELCOME take 1 say PONG take 1 mark say PONG take 1 \
	    say PONG take 1 over 300 within 2000
	heartbeat -i 0.2
	ends 0 "$client"
}

behaviour interval_zero '-i 0: only holds the connection'
interval_zero_body() {
	start -t 0.7 -v
	heartbeat -i 0
	rehearsed 'PANIC (dry-run): ping deadline missed'
	not_logged 'PING from network'
	ends 5 "$heartbeat"
}

behaviour comes_back 'cut off, it comes back, and waits for its own old connection to be seen off'
comes_back_body() {
	client -l "$sock" echo up accept like 'HELLO *' offer WELCOME use 0 close \
	    accept say BUSY close accept close accept like 'HELLO *' offer WELCOME take 1 \
	    say PONG take 1 say PONG echo back use 4 until QUIT say BYE close
	talk - log said up
	heartbeat -i 0.1
	talk - log said back
	kill -QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0 "$client"
}

behaviour is_confined 'once it guards it has a seccomp filter and no new privileges'
is_confined_body() {
	start -a -g 60 -t 2
	heartbeat -i 0.1
	talk - log "/proc/$heartbeat/status" "$(printf 'Seccomp:\t2')" \
	    log "/proc/$heartbeat/status" "$(printf 'NoNewPrivs:\t1')"
	# And does not die of it where it comes back.
	talk - kill STOP "$heartbeat" log log 'panic pending' \
	    kill CONT "$heartbeat" log log 'panic CANCELLED' \
	    kill QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
}

behaviour deaf_lets_go 'one that cannot poll any more lets go, and says why'
deaf_lets_go_body() {
	start
	heartbeat
	prlimit --pid "$heartbeat" --nofile=1: || fail "prlimit"
	kill -USR1 "$heartbeat"
	ends 1 "$heartbeat"
	grep -q '^dazai-hb: poll: ' hb.err || fail "$(cat hb.err)"
	rehearsed 'heartbeat connection dropped'
}

behaviour full_output_lets_go 'a full pipe that nobody reads does not keep it from letting go'
full_output_lets_go_body() {
	start
	mkfifo fifo
	exec 9<>fifo
	dd if=/dev/zero of=fifo bs=4096 oflag=nonblock 2>/dev/null
	"$hb" -s "$sock" -v -i 0.05 >fifo 2>hb.err 9>&- &
	heartbeat=$!
	remember "$heartbeat"
	logged "guarded by pid $heartbeat"
	kill -TERM "$heartbeat"
	ends 0 "$heartbeat"
	rehearsed 'heartbeat connection dropped'
}

behaviour comes_back_with_patience 'while it finds another one it asks again, and not all the time'
comes_back_with_patience_body() {
	client -l "$sock" accept want 'HELLO 1' offer WELCOME echo welcomed \
	    log go go use 0 close mark accept say BUSY close accept say BUSY close \
	    accept say BUSY close accept say BUSY close accept over 150 \
	    offer WELCOME echo back hold
	tries=0
	until [ -S "$sock" ]; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "nobody listens"
		sleep 0.02
	done
	"$hb" -s "$sock" -p 1 >hb.out 2>hb.err &
	heartbeat=$!
	remember "$heartbeat"
	talk - log said welcomed
	echo go >go
	talk - log said back
	kill "$heartbeat"
	ends 0 "$heartbeat"
	ends 0 "$client"
}
