#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# More of everything than there is room for.

. "$(atf_get_srcdir)/lib.sh"

unknown='ERR unknown-verb'

# limit N: from now on network may have only descriptors below N
limit() {
	local uid

	uid=$(sed -n 's/^Uid:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$network/status")
	set -- prlimit --pid "$network" --nofile="$1:"
	# Root without CAP_SYS_RESOURCE may not, but its owner may.
	[ "$(id -u)" -eq "$uid" ] ||
	    set -- setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
	"$@" || fail "$*"
}

behaviour the_heartbeat_is_answered_in_a_flood \
    '900 silent clients, 3 hammering ones and a stuck log: the heartbeat is answered each time'
the_heartbeat_is_answered_in_a_flood_body() {
	mkfifo fifo
	exec 9<>fifo
	dd if=/dev/zero of=fifo bs=4096 oflag=nonblock 2>/dev/null
	spawn vault "$dazaid" -d -v -a -g 60 -s "$sock" 2>fifo 9>&-
	talk -r "$sock" say PING want "$unknown"
	for _ in 1 2 3; do
		client -r "$sock" hammer
	done
	# Before HELLO these are 64 that wait; then all of them are strangers.
	talk -w 30 "$sock" many 450 say "$guard" until WELCOME \
	    pong-under 1000 300 many 450 pong-under 1000 300 \
	    kill TERM "$vault" eof
	ends 0
}

behaviour the_65th_without_hello_is_turned_away \
    'of the connections that have not said HELLO the 65th is closed; when the 64 leave, all that they took is free again'
the_65th_without_hello_is_turned_away_body() {
	start
	talk "$sock" many 63 say PING want "$unknown" connect eof connect eof \
	    use 0 say PING want "$unknown" use 63 say PING want "$unknown" \
	    close connect say PING want "$unknown" \
	    connect eof use 40 hello use 39 want BUSY eof \
	    use 0 want BUSY eof use 40 quit
	ends 0
	start -a -g 60
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		talk "$sock" many 200
	done
	talk "$sock" hello
	logged 'panic pending'
	talk "$sock" many 63 use 63 hello many 200 quit
	ends 0
	logged CANCELLED
}

behaviour accepting_resumes_by_itself \
    'when the daemon has no descriptor left, the heartbeat lives; a client that waits is served when one is free'
accepting_resumes_by_itself_body() {
	start -a -g 0
	client "$sock" hello echo guards pong-under 1000 1 hold
	limit 3
	spawn client "$talk" "$sock" want BUSY eof echo served >said
	limit 1024
	talk - log said served
	ends 0 "$client"
	talk "$sock" want BUSY eof kill TERM "$vault"
	ends 0
	start -a -g 0
	limit 3
	client "$sock" echo connected hello quit
	limit 1024
	ends 0 "$client"
	ends 0
}

behaviour few_descriptors_are_enough_for_the_heartbeat \
    'with few descriptors, or none, the heartbeat is answered, however many clients connect'
few_descriptors_are_enough_for_the_heartbeat_body() {
	start -a -g 60
	client -w 30 "$sock" hello echo guards log go go pong-under 1000 300 quit
	heart=$client
	# Lower the limit until there is no descriptor for a newcomer, which would read BUSY.
	n=16
	limit $n
	while "$talk" -w 2 "$sock" want BUSY eof 2>/dev/null; do
		n=$((n - 1))
		[ $n -gt 3 ] || fail "BUSY with $n descriptors"
		limit $n
	done
	# Network keeps one descriptor to accept and close newcomers.
	talk -w 2 "$sock" eof connect eof
	for _ in 1 2 3; do
		client "$sock" hammer
	done
	echo go >go
	ends 0 "$heart"
	ends 0
	through 'ulimit -n 30; exec'
	start
	talk "$sock" say PING want "$unknown" many 25 use 25 eof use 1 \
	    hello ping use 0 want BUSY eof connect want BUSY eof use 1 quit
	ends 0
}

behaviour a_herd_is_served \
    '300 clients that get a secret at the same moment all get it'
a_herd_is_served_body() {
	guarded -a -g 0
	pids=
	for i in $(seq 300); do
		"$ctl" -s "$sock" get "$name" >"got.$i" 2>"why.$i" &
		pids="$pids $!"
		remember $!
	done
	for pid in $pids; do
		wait "$pid" || fail "$(cat why.*)"
	done
	for i in $(seq 300); do
		cmp -s "got.$i" secret || fail "client $i has $(cat "got.$i")"
	done
	stands_down
}

behaviour the_silent_make_room \
    'with 300 silent clients connected, one that asks is served at once; heartbeat, holders and watchers stay'
the_silent_make_room_body() {
	start -a -g 0
	# Usually this takes less than a second.
	talk "$sock" hello to "$sock.ctl" say 'HOLD usb' want HOLDING \
	    to "$sock.ctl" say EVENTS like 'EVENT STATUS *' \
	    to "$sock.ctl" many 300 use 0 pong-under 1000 50 \
	    to "$sock.ctl" mark get "$name" secret within 3000 \
	    to "$sock.ctl" many 300 use 0 pong-under 1000 50 \
	    use 1 say PING want PONG to "$sock.ctl" mark say "DEL $name" want OK \
	    within 3000 use 2 until "EVENT gone name=$name why=deleted" \
	    use 0 quit
	ends 0
}

behaviour who_made_room_asks_again \
    'dazaictl connects again if its request was not read, and only then'
who_made_room_asks_again_body() {
	client -l "$sock.ctl" echo up accept close accept close \
	    accept want ARM say OK
	atf_check -o inline:'armed\n' "$ctl" -s "$sock" arm
	ends 0 "$client"
	rm -f "$sock.ctl"
	client -l "$sock.ctl" echo up accept want ARM close accept echo again
	complains 6 'the daemon ended or closed the connection' "$ctl" -s "$sock" arm
	absent again said
}

behaviour pings_hold_no_signal_up '40000 PINGs at once do not delay a signal'
pings_hold_no_signal_up_body() {
	for sig in TERM USR2 HUP; do
		table <<-EOT
		| hello repeat 40000 'PING\n' mark kill $sig \$vault ended \$vault within 3000 | 0
		    | SIG$sig
		EOT
	done
}
