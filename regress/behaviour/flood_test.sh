#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# More of everything than there is room for.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

unknown='ERR unknown-verb'

# descriptors N: network may have those below N from now on
descriptors() {
	local uid

	uid=$(sed -n 's/^Uid:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$network/status")
	set -- prlimit --pid "$network" --nofile="$1:"
	# Root without CAP_SYS_RESOURCE may not, but its owner may.
	[ "$(id -u)" -eq "$uid" ] ||
	    set -- setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
	"$@" || fail "$*"
}

behaviour heartbeat_is_not_slowed '600 silent clients, 3 hammering ones, a stuck log: PONG under 100 ms'
heartbeat_is_not_slowed_body() {
	mkfifo fifo
	exec 9<>fifo
	dd if=/dev/zero of=fifo bs=4096 oflag=nonblock 2>/dev/null
	"$dazaid" -d -v -a -g 60 -s "$sock" 2>fifo 9>&- &
	vault=$!
	remember "$vault"
	talk -r "$sock" say PING want "$unknown"
	for _ in 1 2 3; do
		client -r "$sock" hammer
	done
	# Before HELLO these are 64 that wait; then all of them are strangers.
	talk -w 30 "$sock" many 600 say "$guard" until WELCOME \
	    pong-under 100 300 many 600 pong-under 100 300 \
	    kill TERM "$vault" eof
	ends 0
}

behaviour nobodies_are_limited 'more than 64 who have not said HELLO are turned away'
nobodies_are_limited_body() {
	start
	talk "$sock" many 63 say PING want "$unknown" connect eof connect eof \
	    use 0 say PING want "$unknown" use 63 say PING want "$unknown" \
	    close connect say PING want "$unknown" \
	    connect eof use 40 say "$guard" want WELCOME use 39 want BUSY eof \
	    use 0 want BUSY eof use 40 say QUIT want BYE eof
	ends 0
}

behaviour nobodies_leave_room 'when they are gone a HELLO works, and no descriptor was lost'
nobodies_leave_room_body() {
	start -a -g 60
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		talk "$sock" many 200
	done
	talk "$sock" say "$guard" want WELCOME
	logged 'panic pending'
	talk "$sock" many 63 use 63 say "$guard" want WELCOME many 200 \
	    say QUIT want BYE eof
	ends 0
	logged CANCELLED
}

behaviour no_descriptors 'out of descriptors the heartbeat lives, and accepting resumes by itself'
no_descriptors_body() {
	start -a -g 0
	client "$sock" say "$guard" want WELCOME echo guards pong-under 1000 1 \
	    hold
	talk - log said guards
	descriptors 3
	client "$sock" want BUSY eof echo served
	descriptors 1024
	talk - log said served
	ends 0 "$client"
	talk "$sock" want BUSY eof kill TERM "$vault"
	ends 0
}

behaviour no_descriptors_before_hello 'out of descriptors before HELLO, a waiting client is served later'
no_descriptors_before_hello_body() {
	start -a -g 0
	descriptors 3
	client "$sock" echo connected say "$guard" want WELCOME say QUIT \
	    want BYE eof
	talk - log said connected
	descriptors 1024
	ends 0 "$client"
	ends 0
}

# Takes descriptors away until there is none for a newcomer who is told BUSY.
starve() {
	local n=16

	descriptors $n
	while "$talk" -w 2 "$sock" want BUSY eof 2>/dev/null; do
		n=$((n - 1))
		[ $n -gt 3 ] || fail "BUSY with $n descriptors"
		descriptors $n
	done
	# Turned away, with the one that is kept for that.
	talk -w 2 "$sock" eof connect eof
}

behaviour no_descriptors_not_slowed 'out of descriptors PONG comes in time, whoever knocks'
no_descriptors_not_slowed_body() {
	start -a -g 60
	client -w 30 "$sock" say "$guard" want WELCOME echo guards log go go \
	    pong-under 100 300 say QUIT want BYE eof
	heart=$client
	talk - log said guards
	starve
	for _ in 1 2 3; do
		client "$sock" hammer
	done
	echo go >go
	ends 0 "$heart"
	ends 0
}

behaviour few_descriptors 'with few descriptors it serves as many as there are, and the heartbeat'
few_descriptors_body() {
	printf '#!/bin/sh\nulimit -n 30\nexec "%s" "$@"\n' "$dazaid" >few
	chmod +x few
	dazaid=$PWD/few
	start
	talk "$sock" say PING want "$unknown" many 25 use 25 eof use 1 \
	    say "$guard" want WELCOME say PING want PONG use 0 want BUSY eof \
	    connect want BUSY eof use 1 say QUIT want BYE eof
	ends 0
}

behaviour pings_hold_nothing_up 'a heartbeat that only PINGs does not hold up a signal'
pings_hold_nothing_up_body() {
	for sig in TERM USR2 HUP; do
		start
		talk "$sock" say "$guard" want WELCOME repeat 40000 'PING\n' \
		    mark kill $sig "$vault" ended "$vault" within 1000
		ends 0
		logged "SIG$sig"
	done
}
