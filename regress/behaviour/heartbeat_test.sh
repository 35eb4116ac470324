#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# dazai-hb: its options, its signals, and what its exit says.

. "$(atf_get_srcdir)/lib.sh"

dropped='PANIC (dry-run): heartbeat connection dropped'

# refused STATUS TEXT ARG...: dazai-hb ARG... exits with STATUS and one line that has TEXT
refused() {
	local status=$1 text=$2

	shift 2
	complains "$status" "$text" "$hb" "$@" </dev/null
}

# server COMMAND...: talk plays a daemon at $sock, with these commands
server() {
	client -l "$sock" echo up accept "$@"
}

# says LINE: dazai-hb has printed LINE and nothing else
says() {
	[ "$(cat hb.out)" = "$1" ] || fail "said: $(cat hb.out)"
}

behaviour bad_usage_is_told \
    'dazai-hb exits with 1 for a wrong option, number or path; -h and -V print and exit with 0'
bad_usage_is_told_body() {
	refused 1 'socket path' -s ''
	for n in nan 5x '' -1; do
		refused 1 --interval -i "$n"
		refused 1 --watch-pid -p "$n"
	done
	# A process that is not there.
	sleep 0 &
	wait $!
	refused 1 "--watch-pid $!" -s "$sock" -p $!
	# One that has ended, and whose parent does not ask for it.
	spawn parent sh -c 'sleep 0 & echo $! >zombie; exec sleep 300'
	await test -s zombie
	read -r zombie <zombie
	await grep -q '^State:	Z' "/proc/$zombie/status"
	start -a -g 60
	for background in '' -b; do
		refused 1 "--watch-pid $zombie: No such process" -s "$sock" \
		    -p "$zombie" $background
	done
	stands_down
	for arg in extra -x --nonsense -i; do
		got=0
		"$hb" $arg >hb.out 2>hb.err || got=$?
		[ $got -eq 1 ] || fail "$arg: exit $got"
		present '^usage: dazai-hb' hb.err
	done
	"$hb" extra 2>hb.err || :
	present '^dazai-hb: extra: not an option; put a command after --$' hb.err
	explains "$hb" background help interval tether watch-pid quiet socket verbose \
	    version watch-path wait
	for arg in -h --help -V --version; do
		"$hb" $arg >hb.out 2>hb.err || fail "$arg: exit $?"
		grep -q '^usage: dazai-hb \|^dazai-hb [0-9]' hb.out ||
		    fail "$arg: $(cat hb.out)"
	done
}

behaviour it_guards_and_says_so \
    'dazai-hb guards, and says so in one line; it prints nothing with -q, and every answer with -v'
it_guards_and_says_so_body() {
	start
	heartbeat
	logged "guarded by pid $heartbeat"
	says "dazai-hb: guarding $heartbeat with dazaid $vault"
	kill "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
	[ ! -s hb.err ] || fail "$(cat hb.err)"
	start
	spawn heartbeat "$hb" -q -s "$sock" >hb.out 2>hb.err
	logged 'guarded by pid'
	stand_down
	[ -z "$(cat hb.out hb.err)" ] || fail "$(cat hb.out hb.err)"
	start
	heartbeat -v -i 0.05
	talk - log hb.out PONG
	stand_down
	present WELCOME hb.out
	present BYE hb.out
}

behaviour without_a_daemon_it_exits_2 \
    'dazai-hb exits with 2 if no daemon listens'
without_a_daemon_it_exits_2_body() {
	refused 2 "$sock: no daemon" -s "$sock"
	refused 2 "no daemon" -s "$PWD/nowhere/sock"
	start -a
	kill -KILL "$vault"
	ends $SIGKILL "$vault"
	talk - ended "$network"
	[ -S "$sock" ] || fail "no stale socket"
	refused 2 "$sock: no daemon" -s "$sock"
}

behaviour beside_another_it_exits_3 \
    'dazai-hb exits with 3 if another heartbeat guards, and says which one, and for which process'
beside_another_it_exits_3_body() {
	start -a -g 0
	idler
	heartbeat -p "$idler"
	refused 3 "guarded already, by dazai-hb $heartbeat for process $idler (sleep" \
	    -s "$sock"
	refused 3 'guarded already' -s "$sock" -q
	stand_down
	# The heartbeat is another program.
	guarded -a -g 0
	refused 3 'guarded already' -s "$sock"
}

behaviour a_strange_daemon_is_refused \
    'dazai-hb exits with 4 if the daemon does not answer, answers nonsense, or is neither its own user nor root'
a_strange_daemon_is_refused_body() {
	server until "HELLO $$" close
	refused 4 'the daemon closed the connection without an answer' -s "$sock" -p $$
	rm "$sock"
	server say 'SSH-2.0-OpenSSH_9.2' hold
	refused 4 'not the answer of a dazaid' -s "$sock"
	[ "$(id -u)" -eq 0 ] || return 0
	public
	chown 65534 "$dir"
	: >said
	become 65534 "$dir/talk" -l "$sock" echo up accept say WELCOME hold >said &
	remember $!
	talk - log said up
	refused 4 'the daemon runs as uid 65534' -s "$sock"
}

behaviour without_permission_it_exits_4 \
    'dazai-hb exits with 4 if the socket belongs to another user, or it may not connect' require.user root
without_permission_it_exits_4_body() {
	public
	cp "$hb" "$dir"
	hb="$dir/dazai-hb"
	start -a -g 0
	set -- setpriv --reuid 65534 --regid 65534 --clear-groups "$hb" -s "$sock"
	complains 4 'this socket belongs to uid 0, not to you' "$@"
	chown 65534 "$sock"
	chmod 400 "$sock"
	complains 4 'Permission denied' "$@"
	chmod 600 "$sock"
	complains 4 'the daemon closed the connection without an answer' "$@"
	lives
}

behaviour the_end_of_the_daemon_is_told \
    'when the daemon ends, dazai-hb exits with 5, and one line that says UNGUARDED'
the_end_of_the_daemon_is_told_body() {
	for sig in TERM USR1 USR2 KILL; do
		start -a -g 0
		heartbeat
		kill -$sig "$vault"
		ends 5 "$heartbeat"
		[ "$(wc -l <hb.err)" -eq 1 ] || fail "$(cat hb.err)"
		present UNGUARDED hb.err
		talk - ended "$vault"
	done
}

behaviour signals_let_go \
    'SIGTERM, SIGINT and SIGHUP end dazai-hb with 0, even if its parent ignored them, and SIGKILL does; each time the daemon panics'
signals_let_go_body() {
	for trap in - ''; do
		# shellcheck disable=SC2064 # $trap is the action itself
		trap "$trap" TERM INT HUP QUIT USR1
		for sig in TERM INT HUP; do
			start
			heartbeat
			kill -$sig "$heartbeat"
			ends 0 "$heartbeat"
			rehearsed "$dropped"
		done
	done
	start -a -g 0
	heartbeat
	kill -KILL "$heartbeat"
	killed 'PANIC: heartbeat connection dropped'
}

behaviour signals_cancel_and_stand_down \
    'on SIGUSR1 dazai-hb sends CANCEL; on SIGQUIT it sends QUIT, and both programs exit with 0'
signals_cancel_and_stand_down_body() {
	start -a -g 60
	heartbeat
	talk - kill USR1 "$heartbeat" log hb.out 'no panic is pending' \
	    kill USR1 "$vault" log log 'panic pending: SIGUSR1' \
	    kill USR1 "$heartbeat" log log 'panic CANCELLED by CANCEL' \
	    log hb.out 'panic cancelled'
	stand_down
	logged 'QUIT from the heartbeat: secrets wiped, bye'
	present 'the daemon has ended cleanly' hb.out
}

behaviour p_ends_it_with_a_process \
    '-p: dazai-hb names the process in HELLO, and ends when that ends, also by SIGKILL'
p_ends_it_with_a_process_body() {
	for sig in KILL TERM; do
		idler
		start
		heartbeat -p "$idler"
		says "dazai-hb: guarding $idler with dazaid $vault"
		kill -$sig "$idler"
		ends 0 "$heartbeat"
		rehearsed "$dropped"
	done
	idler
	server want "HELLO $idler" offer WELCOME use 0 eof
	heartbeat -p "$idler"
	kill -TERM "$heartbeat"
	ends 0 "$heartbeat"
	ends 0 "$client"
}

behaviour p_lets_a_command_substitution_return \
    '-p: a command substitution returns once dazai-hb guards, and dazai-hb has a session of its own'
p_lets_a_command_substitution_return_body() {
	start
	out=$("$hb" -s "$sock" -p $$ 2>&1 </dev/null & echo $! >hb.pid)
	read -r heartbeat <hb.pid
	remember "$heartbeat"
	[ "$out" = "dazai-hb: guarding $$ with dazaid $vault" ] || fail "$out"
	# No key reaches it.
	is "$(ps -o sid= -p "$heartbeat" | tr -d ' ')" "$heartbeat"
	kill -QUIT "$heartbeat"
	ends 0
}

behaviour i_is_the_time_between_pings \
    '-i: dazai-hb sends a PING at every interval, and none with 0; the daemon says which ping timeout it has'
i_is_the_time_between_pings_body() {
	server offer WELCOME take 1 say PONG take 1 mark say PONG take 1 \
	    say PONG take 1 over 300
	heartbeat -i 0.2
	ends 0 "$client"
	rm "$sock"
	start -t 0.7 -v
	heartbeat -i 0
	rehearsed 'PANIC (dry-run): ping deadline missed'
	not_logged 'PING from network'
	logged "pid $heartbeat must send a PING every 0.700 s"
	ends 5 "$heartbeat"
}

behaviour it_comes_back \
    'a dazai-hb whose connection is closed connects again, and waits while the daemon still has its old connection'
it_comes_back_body() {
	client -l "$sock" echo up accept like 'HELLO *' offer WELCOME use 0 close \
	    mark accept say BUSY close accept close accept say BUSY close \
	    accept say BUSY close accept say BUSY close \
	    accept like 'HELLO *' over 150 offer WELCOME take 1 \
	    say PONG take 1 say PONG echo back use 7 until QUIT say BYE close
	heartbeat -i 0.1
	talk - log said back
	kill -QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0 "$client"
}

behaviour it_is_confined \
    'once dazai-hb guards it has a seccomp filter and no new privileges, also after it has connected again'
it_is_confined_body() {
	start -a -g 60 -t 2
	heartbeat -i 0.1
	talk - log "/proc/$heartbeat/status" "$(printf 'Seccomp:\t2')" \
	    log "/proc/$heartbeat/status" "$(printf 'NoNewPrivs:\t1')"
	# The filter also allows what it needs to connect again.
	talk - kill STOP "$heartbeat" log log 'panic pending' \
	    kill CONT "$heartbeat" log log 'panic CANCELLED'
	stand_down
}

behaviour trouble_lets_go \
    'a dazai-hb whose poll fails closes its connection and ends, even if its standard error is a full pipe'
trouble_lets_go_body() {
	start
	heartbeat
	prlimit --pid "$heartbeat" --nofile=1: || fail "prlimit"
	kill -USR1 "$heartbeat"
	ends 1 "$heartbeat"
	present '^dazai-hb: poll: ' hb.err
	rehearsed 'heartbeat connection dropped'
	start
	mkfifo fifo
	exec 9<>fifo
	dd if=/dev/zero of=fifo bs=4096 oflag=nonblock 2>/dev/null
	spawn heartbeat "$hb" -s "$sock" -v -i 0.05 >fifo 2>hb.err 9>&-
	logged "guarded by pid $heartbeat"
	kill -TERM "$heartbeat"
	ends 0 "$heartbeat"
	rehearsed 'heartbeat connection dropped'
}
