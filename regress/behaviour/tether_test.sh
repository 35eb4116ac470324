#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# A session of several holders: tethers, how they are lost, and what is done
# about it.

. "$(atf_get_srcdir)/lib.sh"

get="GET $name"

# holder NAME FILE: a holder of a tether, as $holder, with its output in FILE
holder() {
	: >"$2"
	spawn holder "$talk" "$sock.ctl" say "HOLD $1" want HOLDING echo holds hold >"$2"
	talk - log "$2" holds
}

behaviour any_holder_keeps_a_tether \
    'a secret is handed out until the last of three holders is lost; holders can do nothing but hold'
any_holder_keeps_a_tether_body() {
	start -a -g 60
	control say "$get" want 'ERROR unguarded this session is not guarded' \
	    say 'HOLD heartbeat' like 'ERROR bad-name *' \
	    say 'HOLD 1234567890123456' want HOLDING \
	    say QUIT like 'ERROR bad-request *' say "$get" like 'ERROR bad-request *' \
	    say 'WATCH 1' want 'ERROR invalid pid' ping say CANCEL want NOTHING-PENDING \
	    connect say 'RELEASE 1234567890123456' want OK use 0 eof
	for i in 1 2 3; do
		holder session "holder$i"
		eval "holder$i=$holder"
	done
	control say TETHERS like 'session 3 held *' want OK \
	    get "$name" secret
	kill -KILL "$holder1"
	talk - ended "$holder1"
	kill -KILL "$holder3"
	talk - ended "$holder3"
	control get "$name" secret
	not_logged 'panic pending'
	kill -KILL "$holder2"
	logged 'panic pending: tether session lost'
	control say "$get" want 'ERROR pending a panic is pending' \
	    say TETHERS want 'session 0 lost 0' want OK
	holder session again
	logged 'panic CANCELLED by a new holder'
	control get "$name" secret
}

behaviour every_tether_must_hold \
    'while one of two lost tethers is still lost, the panic goes on, and CANCEL is refused'
every_tether_must_hold_body() {
	start -a -g 60
	holder usb usb
	usb=$holder
	holder awake awake
	awake=$holder
	client "$sock" hello echo guards log go go \
	    say CANCEL want 'ERROR lost awake' echo refused log go2 go \
	    say CANCEL want NOTHING-PENDING echo nothing hold
	kill "$usb"
	logged 'panic pending: tether usb lost'
	kill "$awake"
	talk - ended "$awake"
	holder usb usb2
	not_logged CANCELLED
	echo go >go
	talk - log said refused
	holder awake awake2
	logged 'panic CANCELLED by a new holder'
	echo go >go2
	talk - log said nothing
	control get "$name" secret
	kill "$client"
	logged 'panic pending: heartbeat connection dropped'
}

behaviour a_process_is_the_proof_of_life 'a descriptor that somebody else holds keeps nothing alive'
a_process_is_the_proof_of_life_body() {
	start
	cat >inherit.py <<-'EOT'
	import os, socket, sys
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	s.sendall(b"HOLD t\n")
	s.recv(100)
	s.set_inheritable(True)
	os.spawnvp(os.P_NOWAIT, "sleep", ["sleep", "60"])
	EOT
	spawn inherit python3 inherit.py "$sock.ctl"
	logged 'tether t held'
	rehearsed 'tether t lost: its process ended'
	ends 0 "$inherit"
}

behaviour the_end_of_a_channel_is_the_loss 'a holder that closes its channel is lost, though the vault can no longer answer the PINGs before that' \
    require.progs python3
the_end_of_a_channel_is_the_loss_body() {
	start
	cat >channel.py <<-'EOT'
	import os, signal, socket, sys, time
	s = socket.socket(socket.AF_UNIX)
	s.connect(sys.argv[1])
	s.sendall(b"HOLD t\n")
	_, fds, _, _ = socket.recv_fds(s, 100, 1)
	os.kill(int(sys.argv[2]), signal.SIGSTOP)
	while ") T " not in open("/proc/%s/stat" % sys.argv[2]).read():
	    time.sleep(0.01)
	os.write(fds[0], b"PP")
	os.close(fds[0])
	os.kill(int(sys.argv[2]), signal.SIGCONT)
	s.recv(100)
	EOT
	spawn channel python3 channel.py "$sock.ctl" "$vault"
	rehearsed 'tether t lost'
	ends 0 "$channel"
}

behaviour a_holder_that_cannot_be_watched_is_lost \
    'a holder is lost at once if the kernel could not report its end, or that of a process that it names' \
    require.user root require.progs strace
a_holder_that_cannot_be_watched_is_lost_body() {
	idler
	# The first descriptor of a holder, and the fourth, which is that of WATCH.  From
	# there on the kernel is asked for flags that it refuses: EXCLUSIVE with ONESHOT.
	for from in 1 4; do
		through "exec strace -o /dev/null -e trace=epoll_ctl \
		    -e inject=epoll_ctl:poke_enter=@arg4=00000050:when=$from+"
		start -a -g 0
		client "$sock.ctl" say 'HOLD a' want HOLDING say "WATCH $idler" hold
		killed 'PANIC: tether a lost: it cannot be watched'
	done
}

behaviour a_release_is_no_loss 'a released tether is no condition any more, and its holders are let go'
a_release_is_no_loss_body() {
	start -a -g 60
	client "$sock.ctl" say 'HOLD usb' want HOLDING echo holds eof
	holder session session
	control say 'RELEASE other' \
	    want 'ERROR no-such-tether nobody holds a tether of this name' \
	    say 'RELEASE usb' want OK say TETHERS like 'session 1 held *' want OK \
	    get "$name" secret
	ends 0 "$client"
	control say 'RELEASE session' want OK say TETHERS want OK \
	    say "$get" want 'ERROR unguarded this session is not guarded'
	stands_down
}

behaviour each_holder_has_its_own_deadline \
    'a holder that misses a PING is disconnected; the tether is lost only with its last holder'
each_holder_has_its_own_deadline_body() {
	start -t 0.5
	client "$sock.ctl" say 'HOLD t' want HOLDING echo holds eof
	talk "$sock.ctl" say 'HOLD t' want HOLDING mark ping \
	    at 300 ping at 600 ping \
	    at 800 ping ended "$client" eof
	ends 0 "$client"
	rehearsed 'tether t lost: ping deadline missed'
}

behaviour nobody_came_to_guard \
    'the daemon panics if nothing guards its secret within the time of --first'
nobody_came_to_guard_body() {
	start -f 0.3
	rehearsed 'nobody came to guard'
	start -f 0.3 -a -g 60
	logged 'panic pending: nobody came to guard'
	holder t t
	logged 'panic CANCELLED by a new holder'
	control say 'RELEASE t' want OK
	talk - over 0 log log 'panic pending: nobody came to guard'
	kill -USR2 "$vault"
	killed SIGUSR2
	# Once there is a holder, the time does not count.
	start -f 0.4 -a -g 0
	holder t t
	talk - mark at 700
	control get "$name" secret
	not_logged PANIC
}

behaviour sockets_removed 'a daemon that nobody can reach any more panics'
sockets_removed_body() {
	start
	rm "$sock.ctl"
	logged 'sockets removed'
	ends 0
	start -a -g 60
	client "$sock" hello echo guards \
	    log log 'panic pending: sockets removed' cancel \
	    echo cancelled hold
	mv "$sock" "$sock.moved"
	talk - log said cancelled
	rm "$sock.moved"
	kill -USR2 "$vault"
	ends "$SIGKILL"
	rm -f "$sock.ctl"
}

# connected PID: the process has a connection
connected() {
	readlink "/proc/$1/fd/"* 2>/dev/null | grep -q '^socket:'
}

# waits EVENT: "dazaictl wait" does, as $waits, and is connected
waits() {
	spawn waits "$ctl" wait "$1"
	await connected "$waits"
}

behaviour dazaictl_shows_and_releases_tethers \
    'dazaictl tethers, release, watch and wait, with their exit statuses'
dazaictl_shows_and_releases_tethers_body() {
	export DAZAI_SOCK="$sock"
	start -a -g 60
	spawn watch "$ctl" watch >watched 2>&1
	talk - log watched 'STATUS alive=1'
	waits guarded
	holder usb usb
	ends 0 "$waits"
	"$ctl" tethers >out || fail "tethers: $?"
	"$ctl" status >status || fail "status: $?"
	present '^session:    guarded since ' status
	# It is guarded since then, whoever comes later.
	sed -n '1s/,.*//p' status >since
	now=$(date +%s)
	until [ "$(date +%s)" -ne "$now" ]; do sleep 0.05; done
	control say 'HOLD usb' want HOLDING
	"$ctl" status >status || fail "status: $?"
	present -f since status
	present '^usb 1 held [0-9][0-9]*$' out
	atf_check -s exit:4 -e match:'no-such-tether' "$ctl" release other
	atf_check -s exit:1 -e match:'no such event' "$ctl" wait nothing
	waits released
	talk - log watched 'guarded tether=usb'
	atf_check "$ctl" release usb
	atf_check "$ctl" tethers
	talk - log watched 'released tether=usb'
	waits bye
	"$ctl" panic hard || fail "panic: $?"
	ends "$SIGKILL"
	ends 0 "$waits"
	ends 0 "$watch"
}

behaviour nothing_is_given_after_a_stop 'requests that came before the vault was stopped get nothing when the session ended meanwhile'
nothing_is_given_after_a_stop_body() {
	start -a -g 60
	holder session session
	kill -STOP "$vault"
	askers=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		"$talk" "$sock.ctl" echo asks say "$get" \
		    want 'ERROR pending a panic is pending' >"asks$i" &
		remember $!
		askers="$askers $!"
		talk - log "asks$i" asks
	done
	kill -KILL "$holder"
	talk - ended "$holder"
	kill -CONT "$vault"
	for asker in $askers; do
		wait "$asker" || fail "an asker was given the secret"
	done
	logged 'panic pending: tether session lost'
}

behaviour watchers_are_told 'EVENTS: guarded, armed, pending, lost, cancelled, released, put, got, gone and bye, with names and reasons'
watchers_are_told_body() {
	start -g 60
	client "$sock.ctl" say EVENTS like 'EVENT STATUS alive=1 *' echo watches \
	    like 'EVENT guarded tether=t pid=*' want 'EVENT armed' \
	    want 'EVENT pending seconds=60 reason=tether-t-lost' \
	    like 'EVENT lost tether=t pid=*' \
	    want 'EVENT cancelled why=a-new-holder' \
	    like 'EVENT guarded tether=t pid=*' like 'EVENT released tether=t *' \
	    like 'EVENT guarded tether=u pid=*' \
	    want 'EVENT put name=once' want 'EVENT got name=once' \
	    want 'EVENT gone name=once why=read' want 'EVENT put name=brief' \
	    want 'EVENT gone name=brief why=expired' want 'EVENT put name=x' \
	    want 'EVENT gone name=x why=deleted' want 'EVENT bye why=SIGTERM' \
	    echo told eof
	holder t t
	control say ARM want OK
	kill "$holder"
	logged 'panic pending'
	holder t t2
	# RELEASE gives one event, and no loss follows.
	control say 'RELEASE t' want OK
	holder u u
	control say 'PUT once 2 reads=1' want GO raw ab want OK \
	    say 'GET once' want 'DATA 2' take 2 \
	    say 'PUT brief 1 ttl=0.1' want GO raw a want OK
	talk - mark at 200
	control say 'PUT x 1' want GO raw a want OK say 'DEL x' want OK
	stop
	talk - log said told
	# On one connection with GET no event is among the bytes of the secret.
	head -c 60000 /dev/zero | tr '\0' a >big
	guarded -z 200000 -l big=big
	talk "$sock.ctl" say EVENTS like 'EVENT STATUS *' get big big \
	    want 'EVENT got name=big'
	# The state comes first, and once; it shows what came before it.
	talk "$sock.ctl" say EVENTS like 'EVENT STATUS * armed=0 *' \
	    kill STOP "$vault" connect say ARM connect say EVENTS \
	    kill CONT "$vault" like 'EVENT STATUS * armed=1 *' \
	    say STATUS like 'STATUS alive=1 *' use 0 want 'EVENT armed'
}

behaviour a_holder_that_left_at_once_leaves_no_slot 'HOLD and a hang-up while a panic is pending, a hundred times: the socket still serves'
a_holder_that_left_at_once_leaves_no_slot_body() {
	start -a -g 60
	holder session session
	control say PANIC want OK
	logged 'panic pending'
	for _ in $(seq 100); do
		"$talk" "$sock.ctl" say 'HOLD foo' || fail "no connection"
	done
	control ask STATUS 'STATUS * pending=1 *' say 'HOLD foo' want HOLDING
}
