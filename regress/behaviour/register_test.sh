#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# Registered processes: they die with the secrets, and nobody else does.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

# registered: one that does nothing, as $idler, which another process registers
registered() {
	idler
	control say "REGISTER pid=$idler" want OK
}

# The process of that pid, our child, goes on.
spared() {
	local state

	state=$(sed -n 's/^State:.\(.\).*/\1/p' "/proc/$1/status")
	[ "$state" = S ] || fail "$1 is '$state'"
}

# as UID COMMAND...
as() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

# for_nobody OPTION...: guarded, for user nobody in a directory of nobody's
for_nobody() {
	public
	chown 65534:65534 "$dir"
	guarded -u nobody "$@"
}

# idler_of UID: a process of that user's, as $idler
idler_of() {
	setpriv --reuid "$1" --regid "$1" --clear-groups sleep 300 &
	idler=$!
	remember "$idler"
	talk - log "/proc/$idler/comm" sleep
}

# nobodys ARG...: talk as user nobody, at the control socket
nobodys() {
	as 65534 "$dir/talk" "$sock.ctl" "$@" || fail "talk of nobody: $*"
}

behaviour killed_by_an_armed_panic 'an armed panic of any kind kills with SIGKILL what is registered'
killed_by_an_armed_panic_body() {
	for sig in USR1 HUP USR2 QUIT; do
		guarded -a -g 0
		registered
		first=$idler
		registered
		kill -$sig "$vault"
		killed "PANIC: SIG$sig"
		ends "$SIGKILL" "$first"
		ends "$SIGKILL" "$idler"
	done
}

behaviour killed_by_a_loss 'so does the loss of the heartbeat, a missed PING, and that of network'
killed_by_a_loss_body() {
	guarded -a -g 0
	registered
	kill "$guardian"
	killed 'PANIC: heartbeat connection dropped'
	ends "$SIGKILL" "$idler"
	start -a -g 0 -t 0.3
	registered
	talk "$sock" say "$guard" want WELCOME eof
	killed 'PANIC: ping deadline missed'
	ends "$SIGKILL" "$idler"
	guarded -a -g 60
	registered
	kill -KILL "$network"
	killed 'HARD PANIC: network process lost'
	ends "$SIGKILL" "$idler"
}

behaviour killed_by_panic 'so do PANIC and PANIC hard'
killed_by_panic_body() {
	guarded -a -g 0
	registered
	control say PANIC want OK eof
	killed 'PANIC: PANIC'
	ends "$SIGKILL" "$idler"
	guarded -a -g 60
	registered
	control say 'PANIC hard' want OK eof
	killed 'HARD PANIC: PANIC hard'
	ends "$SIGKILL" "$idler"
}

behaviour killed_after_the_window 'in the window it lives, and after a cancel as well'
killed_after_the_window_body() {
	start -a -g 60
	registered
	talk "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    log log 'panic pending' to "$sock.ctl" say STATUS \
	    like '* registered=1 * pending=1 *' use 0 say CANCEL want CANCELLED \
	    use 1 say STATUS like '* registered=1 * pending=0 *'
	spared "$idler"
	kill -USR2 "$vault"
	killed 'HARD PANIC: SIGUSR2'
	ends "$SIGKILL" "$idler"
}

behaviour armed_later 'what was registered before ARM is killed as well'
armed_later_body() {
	guarded -g 0
	registered
	control say ARM want OK
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	ends "$SIGKILL" "$idler"
}

behaviour killed_whatever_it_ignores 'a process that ignores all signals, or is stopped, is killed too'
killed_whatever_it_ignores_body() {
	guarded -a -g 0
	sh -c 'trap "" HUP INT QUIT TERM USR1 USR2; echo ignoring; exec sleep 300' \
	    >ignorer &
	ignorer=$!
	remember $ignorer
	talk - log ignorer ignoring
	registered
	control say "REGISTER pid=$ignorer" want OK kill STOP "$idler"
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	ends "$SIGKILL" $ignorer
	ends "$SIGKILL" "$idler"
}

behaviour rehearsal_spares 'a rehearsal of any kind kills nobody'
rehearsal_spares_body() {
	for sig in USR1 USR2; do
		guarded
		registered
		kill -$sig "$vault"
		rehearsed "PANIC (dry-run): SIG$sig"
		spared "$idler"
	done
	guarded
	registered
	kill "$guardian"
	rehearsed 'heartbeat connection dropped'
	spared "$idler"
	guarded
	registered
	kill -KILL "$network"
	rehearsed 'network process lost'
	spared "$idler"
}

behaviour clean_end_spares 'an end that is no panic kills nobody, armed or not'
clean_end_spares_body() {
	for sig in TERM INT; do
		guarded -a -g 0
		registered
		kill -$sig "$vault"
		ends 0
		spared "$idler"
	done
	start -a -g 0
	registered
	talk "$sock" say "$guard" want WELCOME say QUIT want BYE eof
	ends 0
	spared "$idler"
}

behaviour unregistered_is_spared 'who was registered and is no more is spared'
unregistered_is_spared_body() {
	guarded -a -g 0
	registered
	first=$idler
	registered
	second=$idler
	registered
	control say "UNREGISTER pid=$first" want OK \
	    say STATUS like '* registered=2 *' \
	    say "UNREGISTER pid=$first" want 'ERROR invalid pid'
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	ends "$SIGKILL" "$second"
	ends "$SIGKILL" "$idler"
	spared "$first"
}

behaviour others_are_spared 'nor is anybody killed who never was, whoever registered'
others_are_spared_body() {
	guarded -a -g 0
	idler
	first=$idler
	client "$sock.ctl" say "REGISTER pid=$first" want OK echo registered hold
	talk - log said registered
	idler
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	ends "$SIGKILL" "$first"
	ends 0 "$client"
	ends 0 "$guardian"
	spared "$idler"
}

behaviour stays_without_its_client 'it stays registered when the connection that asked for it ends'
stays_without_its_client_body() {
	guarded -a -g 0
	registered
	control say STATUS like '* registered=1 *' close connect \
	    say STATUS like '* registered=1 *'
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	ends "$SIGKILL" "$idler"
}

behaviour registers_itself 'a process may register itself, and what it becomes is the same'
registers_itself_body() {
	guarded -a -g 0
	for _ in 1 2; do
		: >itself.out
		# Its pid is that of the shell, and then of talk and of sleep.
		# shellcheck disable=SC2016 # for the other shell to expand
		sh -c '"$1" "$2" say "REGISTER pid=$$" want OK && echo registered &&
		    exec sleep 300' sh "$talk" "$sock.ctl" >itself.out &
		itself=$!
		remember $itself
		talk - log itself.out registered
		# The client is that very process.
		# shellcheck disable=SC2016 # for the other shell to expand
		sh -c 'exec "$1" "$2" say "REGISTER pid=$$" want OK echo too hold' \
		    sh "$talk" "$sock.ctl" >itself.out &
		direct=$!
		remember $direct
		talk - log itself.out too
		[ -n "$others" ] || others="$itself $direct"
	done
	control say STATUS like '* registered=4 *'
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	for pid in $others $itself $direct; do
		ends "$SIGKILL" "$pid"
	done
}

behaviour forgotten_at_its_end 'a process that ends is forgotten, before its parent has asked for it'
forgotten_at_its_end_body() {
	guarded -a -g 0
	registered
	first=$idler
	registered
	kill "$first"
	control ask STATUS '* registered=1 *' \
	    say "UNREGISTER pid=$first" want 'ERROR invalid pid'
	kill "$idler"
	control ask STATUS '* registered=0 *'
	ends 143 "$first"
	ends 143 "$idler"
	control say "REGISTER pid=$first" want 'ERROR invalid pid'
	stands_down
}

behaviour thirty_two 'thirty-two are held and killed, one more is BUSY until one is gone'
thirty_two_body() {
	guarded -a -g 0
	idlers=
	set --
	i=0
	while [ $i -lt 32 ]; do
		idler
		idlers="$idlers $idler"
		set -- "$@" say "REGISTER pid=$idler" want OK
		i=$((i + 1))
	done
	last=$idler
	idler
	control "$@" say STATUS like '* registered=32 *' \
	    say "REGISTER pid=$idler" want BUSY say STATUS like '* registered=32 *' \
	    say "UNREGISTER pid=$idler" want 'ERROR invalid pid' \
	    say "UNREGISTER pid=$last" want OK say "REGISTER pid=$last" want OK \
	    say "REGISTER pid=$idler" want BUSY kill TERM "$last" \
	    ask STATUS '* registered=31 *' say "REGISTER pid=$idler" want OK \
	    say STATUS like '* registered=32 *'
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	for pid in $idlers; do
		[ "$pid" = "$last" ] || ends "$SIGKILL" "$pid"
	done
	ends 143 "$last"
	ends "$SIGKILL" "$idler"
}

behaviour twice_is_once 'who is registered twice is registered once'
twice_is_once_body() {
	guarded -a -g 0
	registered
	control say "REGISTER pid=$idler" want OK say STATUS like '* registered=1 *' \
	    connect say "REGISTER pid=$idler" want OK \
	    say STATUS like '* registered=1 *' \
	    say "UNREGISTER pid=$idler" want OK say STATUS like '* registered=0 *' \
	    say "UNREGISTER pid=$idler" want 'ERROR invalid pid'
	stands_down
}

behaviour twice_is_once_of_32 'even while 32 are held'
twice_is_once_of_32_body() {
	guarded -a -g 0
	set --
	i=0
	while [ $i -lt 32 ]; do
		idler
		set -- "$@" say "REGISTER pid=$idler" want OK
		i=$((i + 1))
	done
	control "$@" say "REGISTER pid=$idler" want OK \
	    say STATUS like '* registered=32 *'
	stands_down
}

behaviour not_these 'no process of the daemon, not init, and none that is not there'
not_these_body() {
	guarded -a -g 0
	sleep 0 &
	ended=$!
	wait $ended
	control say 'REGISTER pid=1' want 'ERROR invalid pid' \
	    say "REGISTER pid=$vault" want 'ERROR invalid pid' \
	    say "REGISTER pid=$network" want 'ERROR invalid pid' \
	    say "REGISTER pid=$ended" want 'ERROR invalid pid' \
	    say 'REGISTER pid=2147483647' want 'ERROR invalid pid' \
	    say "UNREGISTER pid=$vault" want 'ERROR invalid pid' \
	    say STATUS like '* registered=0 *'
	stands_down
}

behaviour not_roots 'a user cannot register what it could not kill' require.user unprivileged
not_roots_body() {
	guarded -a -g 0
	for pid in /proc/[0-9]*; do
		pid=${pid#/proc/}
		[ "$pid" -ne 1 ] || continue
		owner=$(stat -c %u "/proc/$pid" 2>/dev/null) || continue
		[ "$owner" -ne "$(id -u)" ] || continue
		# One of root's, and alive still.
		if kill -0 "$pid" 2>/dev/null; then
			continue
		fi
		control say "REGISTER pid=$pid" want 'ERROR invalid pid'
		stands_down
		return
	done
	atf_skip "all processes are ours"
}

behaviour killed_for_its_user '-u: root kills what its user has registered' require.user root
killed_for_its_user_body() {
	for_nobody -a -g 0
	idler_of 65534
	nobodys say "REGISTER pid=$idler" want OK say STATUS like '* registered=1 *'
	first=$idler
	# By itself, without anybody else.
	: >itself.out
	# shellcheck disable=SC2016 # for the other shell to expand
	setpriv --reuid 65534 --regid 65534 --clear-groups sh -c \
	    'exec "$1" "$2" say "REGISTER pid=$$" want OK echo done hold' \
	    sh "$dir/talk" "$sock.ctl" >itself.out &
	itself=$!
	remember $itself
	talk - log itself.out 'done'
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	ends "$SIGKILL" "$first"
	ends "$SIGKILL" $itself
}

behaviour not_for_that_user '-u: what that user could not kill it cannot register' require.user root
not_for_that_user_body() {
	for_nobody -a -g 0
	idler
	nobodys say "REGISTER pid=$idler" want 'ERROR invalid pid'
	root=$idler
	idler_of 1
	nobodys say "REGISTER pid=$idler" want 'ERROR invalid pid' \
	    say 'REGISTER pid=1' want 'ERROR invalid pid' \
	    say "REGISTER pid=$vault" want 'ERROR invalid pid' \
	    say "REGISTER pid=$network" want 'ERROR invalid pid' \
	    say STATUS like '* registered=0 *'
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	spared "$root"
	spared "$idler"
}

behaviour roots_client_is_no_way_round '-u: nor may what root itself asks for become a way to kill others' \
    require.user root
roots_client_is_no_way_round_body() {
	for_nobody -a -g 0
	idler_of 65534
	control say "REGISTER pid=$idler" want OK
	killable=$idler
	idler_of 1
	control say "REGISTER pid=$idler" show >answer
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	ends "$SIGKILL" "$killable"
	spared "$idler"
}

behaviour became_roots '-u: what was registered and became a process of root is not killed' \
    require.user root
became_roots_body() {
	for_nobody -a -g 0
	# For nobody alone, and gone with the directory.
	cp "$(command -v setpriv)" "$dir/become"
	chown 0:65534 "$dir/become"
	chmod 4750 "$dir/become"
	: >became
	# shellcheck disable=SC2016 # for the other shell to expand
	setpriv --reuid 65534 --regid 65534 --clear-groups sh -c \
	    '"$1/talk" "$2" say "REGISTER pid=$$" want OK &&
	    exec "$1/become" --reuid 0 --regid 0 --clear-groups sh -c \
	    "echo became; exec sleep 300"' sh "$dir" "$sock.ctl" >became &
	became=$!
	remember $became
	talk - log became became log "/proc/$became/comm" sleep
	rm "$dir/become"
	grep -q '^Uid:	0	0	0	0$' "/proc/$became/status" ||
	    atf_skip "no setuid programs in $dir"
	idler_of 65534
	nobodys say "REGISTER pid=$idler" want OK say STATUS like '* registered=2 *'
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	ends "$SIGKILL" "$idler"
	spared $became
}

behaviour none_for_root_of_others 'a daemon of root takes processes of root' require.user root
none_for_root_of_others_body() {
	guarded -a -g 0
	registered
	kill -USR2 "$vault"
	killed 'HARD PANIC: SIGUSR2'
	ends "$SIGKILL" "$idler"
}

behaviour killed_after_the_wipe 'nobody is killed before the secrets are wiped' require.user root
killed_after_the_wipe_body() {
	command -v strace >/dev/null || atf_skip "no strace"
	guarded -a -g 0
	registered
	strace -f -o trace -p "$vault" 2>strace.err &
	tracer=$!
	remember $tracer
	talk - log strace.err attached
	kill -USR1 "$vault"
	ends "$SIGKILL"
	talk - ended $tracer
	ends "$SIGKILL" "$idler"
	# The arena is opened, and closed again; nothing else opens it here.
	# The log is a file: its last line is sent to network.
	sed -n 's/^[0-9]* *\(mprotect\|pidfd_send_signal\|unlinkat\|sendmsg\)(.*/\1/p' \
	    trace | uniq | tr '\n' ' ' >order
	[ "$(cat order)" = 'mprotect pidfd_send_signal unlinkat sendmsg ' ] ||
	    fail "$(cat order)"
}

behaviour run_in_a_namespace 'dazaictl run in a PID namespace of its own registers itself, not a stranger' \
    require.user root
run_in_a_namespace_body() {
	guarded -a -g 0
	DAZAI_SOCK=$sock
	export DAZAI_SOCK
	unshare -pf "$top/dazaictl/dazaictl" run sleep 300 &
	idler=$!
	remember "$idler"
	control ask STATUS '* registered=1 *'
	inside=$(pgrep -P "$idler")
	remember "$inside"
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
	talk - ended "$inside"
}
