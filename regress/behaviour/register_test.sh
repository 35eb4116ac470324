#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# Registered processes: they die with the secrets, and nobody else does.

. "$(atf_get_srcdir)/lib.sh"

# registered: starts a process that does nothing, as $idler, which another process
# registers
registered() {
	idler
	control say "REGISTER pid=$idler" want OK
}

# The daemon panics on an order.
panics() {
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
}

# spared PID: that process, our child, lives
spared() {
	grep -q '^State:.[RS]' "/proc/$1/status" || fail "$(grep State "/proc/$1/status")"
}

# idler_of UID: a process of that user's, as $idler
idler_of() {
	spawn idler become "$1" sleep 300
	talk - log "/proc/$idler/comm" sleep
}

# nobodys ARG...: talk as user nobody, at the control socket
nobodys() {
	as 65534 "$dir/talk" "$sock.ctl" "$@" || fail "talk of nobody: $*"
}

# idlers_die COMMANDS OPTION...: what is registered with such a daemon dies with it when
# its heartbeat does these talk commands
idlers_die() {
	local commands

	commands=$(echo "$1" | tr '\n' ' ')
	shift
	start "$@"
	registered
	first=$idler
	registered
	eval "talk \"\$sock\" hello $commands"
	ends "$SIGKILL"
	ends "$SIGKILL" "$first"
	ends "$SIGKILL" "$idler"
}

behaviour an_armed_panic_kills_what_is_registered \
    'an armed panic of any kind kills by SIGKILL what is registered'
an_armed_panic_kills_what_is_registered_body() {
	for sig in USR1 HUP USR2 QUIT; do
		idlers_die "kill $sig \$vault" -a -g 0
	done
	idlers_die close -a -g 0
	idlers_die eof -a -g 0 -t 0.3
	idlers_die 'kill KILL $network' -a -g 60
	idlers_die 'to $sock.ctl say PANIC want OK eof' -a -g 0
	idlers_die 'to $sock.ctl say "PANIC hard" want OK eof' -a -g 60
	idlers_die 'to $sock.ctl say ARM want OK kill USR1 $vault' -g 0
	# Whether the connection that registered it stays or not.
	idlers_die 'to $sock.ctl say STATUS like "* registered=2 *" close
	    connect say STATUS like "* registered=2 *" kill USR1 $vault' -a -g 0
	# They stay registered while a panic is pending, and after a cancel.
	idlers_die 'kill USR1 $vault log log "panic pending" to $sock.ctl
	    say STATUS like "* registered=2 * pending=1 *" use 0 cancel
	    use 1 say STATUS like "* registered=2 * pending=0 *"
	    kill USR2 $vault' -a -g 60
}

behaviour rehearsals_and_clean_ends_spare 'a rehearsal of any kind, and a clean end, kill nobody'
rehearsals_and_clean_ends_spare_body() {
	while IFS='|' read -r options commands; do
		start $options
		registered
		eval "talk \"\$sock\" hello $commands"
		ends 0
		spared "$idler"
	done <<-'EOT'
		| kill USR1 $vault
		| kill USR2 $vault
		| close
		| kill KILL $network
		-a -g 0 | kill TERM $vault eof
		-a -g 0 | kill INT $vault eof
		-a -g 0 | quit
	EOT
}

behaviour others_are_spared \
    'a process is not killed that never was registered, is not registered any more, or has registered another one'
others_are_spared_body() {
	guarded -a -g 0
	registered
	first=$idler
	client "$sock.ctl" say "UNREGISTER pid=$first" want OK \
	    say STATUS like '* registered=0 *' \
	    say "UNREGISTER pid=$first" want 'ERROR invalid pid' echo undone hold
	registered
	second=$idler
	idler
	panics
	ends "$SIGKILL" "$second"
	ends 0 "$client"
	ends 0 "$guardian"
	spared "$first"
	spared "$idler"
}

behaviour a_process_registers_itself 'a process may register itself, and what it becomes is the same'
a_process_registers_itself_body() {
	guarded -a -g 0
	: >itself.out
	# Its pid is that of the shell, and then of talk and of sleep.
	sh -c '"$1" "$2" say "REGISTER pid=$$" want OK && echo registered &&
	    exec sleep 300' sh "$talk" "$sock.ctl" >itself.out &
	itself=$!
	remember $itself
	talk - log itself.out registered
	# The client is that very process.
	spawn direct sh -c 'exec "$1" "$2" say "REGISTER pid=$$" want OK echo too hold' \
	    sh "$talk" "$sock.ctl" >itself.out
	talk - log itself.out too
	control say STATUS like '* registered=2 *'
	panics
	ends "$SIGKILL" $itself
	ends "$SIGKILL" $direct
}

behaviour thirty_two_are_held \
    '32 processes can be registered, each once however often it asks; the next one reads BUSY until one has ended, which is forgotten before its parent has asked for it'
thirty_two_are_held_body() {
	guarded -a -g 0
	registered
	idlers=
	set --
	for _ in $(seq 31); do
		idler
		idlers="$idlers $idler"
		set -- "$@" say "REGISTER pid=$idler" want OK
	done
	last=$idler
	idler
	control "$@" say "REGISTER pid=$last" want OK \
	    say STATUS like '* registered=32 *' \
	    say "REGISTER pid=$idler" want BUSY \
	    say "UNREGISTER pid=$idler" want 'ERROR invalid pid' kill TERM "$last" \
	    ask STATUS '* registered=31 *' \
	    say "UNREGISTER pid=$last" want 'ERROR invalid pid'
	ends 143 "$last"
	control say "REGISTER pid=$last" want 'ERROR invalid pid' \
	    say "REGISTER pid=$idler" want OK say STATUS like '* registered=32 *'
	complains 5 'refused: BUSY: the daemon has too many' "$ctl" -s "$sock" run true
	panics
	for pid in ${idlers% *} "$idler"; do
		ends "$SIGKILL" "$pid"
	done
}

behaviour some_cannot_be_registered \
    'neither vault, network nor process 1 can be registered, nor a process that does not exist or that the user could not kill'
some_cannot_be_registered_body() {
	guarded -a -g 0
	sleep 0 &
	ended=$!
	wait $ended
	set -- 1 "$vault" "$network" $ended 2147483647
	if [ "$(id -u)" -ne 0 ]; then
		# A process of root's lives.
		for pid in $(pgrep -u 0); do
			[ "$pid" -eq 1 ] || break
		done
		set -- "$@" "$pid"
	fi
	for pid; do
		set -- "$@" say "REGISTER pid=$pid" want 'ERROR invalid pid'
		shift
	done
	control "$@" say "UNREGISTER pid=$vault" want 'ERROR invalid pid' \
	    say STATUS like '* registered=0 *'
	stands_down
}

behaviour u_kills_for_its_user '-u: root kills what its user has registered, and could kill itself' \
    require.user root
u_kills_for_its_user_body() {
	for_nobody guarded -a -g 0
	idler_of 65534
	nobodys say "REGISTER pid=$idler" want OK say STATUS like '* registered=1 *'
	first=$idler
	# The process registers itself.
	spawn itself become 65534 sh -c \
	    'exec "$1" "$2" say "REGISTER pid=$$" want OK echo done hold' \
	    sh "$dir/talk" "$sock.ctl" >itself.out
	talk - log itself.out 'done'
	idler
	root=$idler
	idler_of 1
	nobodys say "REGISTER pid=$root" want 'ERROR invalid pid' \
	    say "REGISTER pid=$idler" want 'ERROR invalid pid' \
	    say 'REGISTER pid=1' want 'ERROR invalid pid' \
	    say "REGISTER pid=$vault" want 'ERROR invalid pid' \
	    say "REGISTER pid=$network" want 'ERROR invalid pid' \
	    say STATUS like '* registered=2 *'
	# Nor may what root itself asks for become a way to kill others.
	control say "REGISTER pid=$idler" show >answer
	panics
	ends "$SIGKILL" "$first"
	ends "$SIGKILL" $itself
	spared "$root"
	spared "$idler"
}

behaviour u_spares_what_became_roots '-u: what was registered and became a process of root is not killed' \
    require.user root
u_spares_what_became_roots_body() {
	for_nobody guarded -a -g 0
	# A copy that only nobody can use, removed with the directory.
	cp "$(command -v setpriv)" "$dir/become"
	chown 0:65534 "$dir/become"
	chmod 4750 "$dir/become"
	: >became
	become 65534 sh -c \
	    '"$1/talk" "$2" say "REGISTER pid=$$" want OK &&
	    exec "$1/become" --reuid 0 --regid 0 --clear-groups sh -c \
	    "echo became; exec sleep 300"' sh "$dir" "$sock.ctl" >became &
	became=$!
	remember $became
	talk - log became became log "/proc/$became/comm" sleep
	rm "$dir/become"
	grep -q '^Uid:	0	0	0	0$' "/proc/$became/status" ||
	    atf_skip "no setuid programs in $dir: mount that without nosuid"
	idler_of 65534
	nobodys say "REGISTER pid=$idler" want OK say STATUS like '* registered=2 *'
	panics
	ends "$SIGKILL" "$idler"
	spared $became
}

behaviour the_wipe_comes_first 'nobody is killed before the secrets are wiped' \
    require.user root require.progs strace
the_wipe_comes_first_body() {
	guarded -a -g 0
	registered
	spawn tracer strace -f -o trace -p "$vault" 2>strace.err
	talk - log strace.err attached
	kill -USR1 "$vault"
	ends "$SIGKILL"
	talk - ended $tracer
	ends "$SIGKILL" "$idler"
	# The arena is opened, and closed again; nothing else opens it here.
	# The log is a file: its last line is sent to network.
	sed -n 's/^[0-9]* *\(mprotect\|pidfd_send_signal\|unlinkat\|sendmsg\)(.*/\1/p' \
	    trace | uniq | tr '\n' ' ' >order
	is "$(cat order)" 'mprotect pidfd_send_signal unlinkat sendmsg '
}

# leader: a process that leads a group of its own with two more in it, as $leader; their
# pids are in the file "members"
leader() {
	spawn leader setsid sh -c 'sleep 300 & echo $! >members; sleep 300 & echo $! >>members; wait'
	await test -s members
	await eval '[ "$(wc -l <members)" -eq 2 ]'
	while read -r member; do
		remember "$member"
	done <members
}

behaviour the_group_of_a_leader_dies \
    'a registered process that leads its process group dies with all of it; of any other group it dies alone'
the_group_of_a_leader_dies_body() {
	start -a -g 0
	"$talk" "$sock.ctl" say STATUS show >status || fail "no STATUS"
	if ! grep -q ' groups=1' status; then
		logged 'kills a registered process alone'
		atf_skip "this kernel cannot kill the group of a pidfd"
	fi
	leader
	idler
	other=$idler
	registered
	control say "REGISTER pid=$leader" want OK say 'PANIC hard' want OK eof
	ends "$SIGKILL"
	ends "$SIGKILL" "$leader"
	ends "$SIGKILL" "$idler"
	while read -r member; do
		talk - ended "$member"
	done <members
	spared "$other"
	rm members
	# A rehearsal kills nobody.
	start
	leader
	control say "REGISTER pid=$leader" want OK say 'PANIC hard' want OK eof
	rehearsed 'HARD PANIC (dry-run): PANIC hard'
	while read -r member; do
		grep -q '^State:.[RS]' "/proc/$member/status" || fail "$member died"
	done <members
}

behaviour the_vault_spares_its_own_group \
    'a registered leader of the group that the vault is in dies alone, and the vault ends as ever'
the_vault_spares_its_own_group_body() {
	printf '%s' "$secret" >secret
	setsid sh -c '"$1" -d -a -g 0 -s "$2" -l "$3=secret" 2>log & echo $! >its.pid
	    wait; sleep 300' sh "$dazaid" "$sock" "$name" &
	leader=$!
	remember "$leader"
	logged 'vault: ready'
	read -r vault <its.pid
	remember "$vault"
	find_network
	control say "REGISTER pid=$leader" want OK say 'PANIC hard' want OK eof
	ends "$SIGKILL" "$leader"
	talk - ended "$vault"
	logged 'HARD PANIC: PANIC hard'
	gone
}

behaviour a_rehearsal_tells_what_would_be \
    'a rehearsal logs how long an armed daemon would have waited, and which processes it would have killed'
a_rehearsal_tells_what_would_be_body() {
	start -g 7.5
	talk "$sock" hello close
	rehearsed 'heartbeat connection dropped'
	logged 'rehearsal: an armed daemon would have waited 7.5 s for CANCEL, and then killed itself'
	start
	registered
	first=$idler
	registered
	kill -USR1 "$vault"
	rehearsed 'PANIC (dry-run): SIGUSR1'
	logged "rehearsal: an armed daemon would have waited 5 s for CANCEL, and then killed itself, and process $first, $idler"
	start
	registered
	kill -USR2 "$vault"
	rehearsed 'HARD PANIC (dry-run): SIGUSR2'
	logged "rehearsal: an armed daemon would have killed itself at once, and process $idler"
	start -a -g 0
	panics
	not_logged rehearsal:
	start
	stop
	not_logged rehearsal:
}
