#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The control socket: what the daemon does at each request.  Every line, in any pieces,
# and every answer to it is tried by unit/replay_network, and the words of each refusal
# by unit/request_test.  Its file is tested in files_test.sh.

. "$(atf_get_srcdir)/lib.sh"

# every WANT LINE...: each of the lines reads an answer like WANT, on one connection,
# which still works then
every() {
	local want=$1 line

	shift
	for line; do
		set -- "$@" say "$line" like "$want"
		case $line in
		PUT*)	set -- "$@" eof connect ;;
		esac
		shift
	done
	control "$@" say STATUS like 'STATUS alive=1 *'
}

behaviour every_request_is_answered \
    'each request is answered on one connection, in upper and lower case, with CR and blanks or without, together or byte by byte'
every_request_is_answered_body() {
	guarded -g 60
	idler
	control say status like 'STATUS alive=1 armed=0 *' say aRm want OK \
	    say Arm want ALREADY_ARMED say "register pid=$idler" want OK \
	    raw "\t UnRegister  pid=$idler \r\n" want OK \
	    raw 'PUT one 3\nabcGET one\nFOO\nLIST\n' want GO want OK want 'DATA 3' \
	    want 'abcERROR bad-request no such verb' \
	    want "$name ${#secret} - -" want 'one 3 - -' want OK \
	    bytes 'del one\nget one\n' want OK like 'ERROR no-such-secret ?*' \
	    say LIST want "$name ${#secret} - -" want OK \
	    say STATUS like 'STATUS alive=1 armed=1 *' \
	    say panic want OK log log 'panic pending: PANIC' raw 'Panic HARD\n' shutwr \
	    want OK
	killed 'HARD PANIC: PANIC hard'
}

behaviour every_kind_of_mistake_is_refused \
    'a line that is no request reads its refusal, and the connection stays, but for a PUT, whose bytes would follow'
every_kind_of_mistake_is_refused_body() {
	guarded -a -g 0
	every 'ERROR bad-request ?*' '' FOO 'ARM now' 'PUT a 0' 'PUT a 1 ttl=nan' "$guard"
	every 'ERROR bad-name ?*' 'GET -' "DEL a'b" 'PUT ä 1' "GET $(printf '%0129d' 0)"
	every 'ERROR invalid pid' 'REGISTER pid=0' 'UNREGISTER 5' "UNREGISTER pid=$$"
	every 'ERROR no-such-secret ?*' 'GET nothing' 'DEL nothing' "GET ${name}x"
	every 'ERROR exists ?*' "PUT $name 3 reads=1"
	control raw "PUT $name 11\nPANIC hard\n" like 'ERROR exists ?*' eof
	control repeat 8192 x raw '\n' like 'ERROR bad-request *too long*' \
	    raw 'PANIC\0hard\n' like 'ERROR bad-request ?*' \
	    junk 300000 raw '\nARM\n' until ALREADY_ARMED get "$name" secret
	stands_down
}

behaviour status_tells_the_state \
    'STATUS begins with the fields that scripts rely on, and follows guard, arming, processes, secrets and panics'
status_tells_the_state_body() {
	start -g 60.5
	idler
	memory=$(sed -n 's/.*memory: \([a-z]*\),.*/\1/p' log)
	control say STATUS like "STATUS alive=1 armed=0 grace=60.5 registered=0\
 guarded=0 pending=0 memory=$memory secrets=1 * first=[23][0-9][0-9]*"
	client "$sock" hello echo guards hold
	control say STATUS \
	    like "STATUS * registered=0 guarded=1 pending=0 * heartbeat=$client * first=0" \
	    say "REGISTER pid=$idler" want OK say STATUS like '* registered=1 *' \
	    say 'PUT one 1' want GO raw x want OK say STATUS like '* secrets=2 *' \
	    say 'DEL one' want OK say STATUS like '* secrets=1 *' \
	    say "DEL $name" want OK say STATUS like '* secrets=0 *' \
	    say "UNREGISTER pid=$idler" want OK \
	    say STATUS like '* armed=0 * registered=0 *' \
	    say ARM want OK say STATUS like '* armed=1 * registered=0 *'
	kill "$client"
	logged 'panic pending'
	control say STATUS like '* guarded=0 pending=1 *'
	stop
	start -a -g 60
	talk "$sock" hello to "$sock.ctl" \
	    say STATUS like 'STATUS * pending=0 * left=0 *' \
	    kill USR1 "$vault" log log 'panic pending' \
	    say STATUS like 'STATUS * guarded=1 pending=1 * left=[56]* *' \
	    mark at 1100 say STATUS like 'STATUS * pending=1 * left=5[0-8]* *' \
	    use 0 cancel use 1 \
	    say STATUS like 'STATUS * guarded=1 pending=0 * left=0 *' \
	    use 0 quit
	ends 0
}

behaviour what_fits_is_told \
    'a secret of the size that STATUS gives as room fits, and a larger one is refused: ERROR full, or too-large if it never could fit'
what_fits_is_told_body() {
	start -a -g 0
	see_room
	before=$room
	[ "$before" -lt 65536 ] || fail "room=$before in 65536 bytes"
	[ "$before" -gt 65000 ] || fail "room=$before with one small secret"
	head -c "$before" /dev/zero >value
	control say "PUT one $((before + 1))" like 'ERROR full ?*' eof \
	    connect put one value say STATUS like '* room=0*' say 'DEL one' want OK
	see_room
	[ "$room" = "$before" ] || fail "$before, then $room"
	stands_down
	start -a -g 0
	control say "DEL $name" want OK
	see_room
	every 'ERROR too-large ?*' "PUT one $((room + 1))" 'PUT one 4294967297'
	head -c "$room" /dev/zero >value
	control put one value
	stands_down
}

behaviour unguarded_get_is_refused \
    'ERROR unguarded: without a heartbeat, which no control client is, GET is refused, and all other requests are served'
unguarded_get_is_refused_body() {
	start -a -g 0
	idler
	control say "GET $name" like 'ERROR unguarded ?*' \
	    say 'GET nothing' like 'ERROR unguarded ?*' \
	    say 'PUT one 3' want GO raw abc want OK \
	    say LIST want "$name ${#secret} - -" want 'one 3 - -' want OK \
	    say 'DEL one' want OK say "REGISTER pid=$idler" want OK \
	    say "UNREGISTER pid=$idler" want OK say ARM want ALREADY_ARMED
	# A client that has only connected, or sent a bad HELLO, is no heartbeat.
	talk "$sock" say 'HELLO 0' want 'ERR bad-pid' to "$sock.ctl" \
	    say "GET $name" like 'ERROR unguarded ?*' \
	    use 0 hello use 1 get "$name" secret use 0 quit
	ends 0
}

behaviour pending_get_is_refused \
    'ERROR pending: from a trigger until a cancel, GET and PUT are refused, and all other requests are served'
pending_get_is_refused_body() {
	start -a -g 60
	idler
	for trigger in USR1 HUP; do
		talk "$sock" hello to "$sock.ctl" get "$name" secret \
		    kill $trigger "$vault" log log "panic pending: SIG$trigger" \
		    say "GET $name" like 'ERROR pending ?*' \
		    say 'GET nothing' like 'ERROR pending ?*' \
		    use 0 cancel use 1 get "$name" secret \
		    use 0 close log log 'panic pending: heartbeat' use 1 \
		    say "GET $name" like 'ERROR pending ?*' \
		    to "$sock" hello use 1 get "$name" secret
	done
	logged 'panic pending: heartbeat'
	control say 'PUT one 3' like 'ERROR pending ?*' eof \
	    connect say LIST want "$name ${#secret} - -" want OK \
	    say ARM want ALREADY_ARMED say "REGISTER pid=$idler" want OK \
	    say "UNREGISTER pid=$idler" want OK say "DEL $name" want OK \
	    say STATUS like '* pending=1 * secrets=0 *'
	stop
}

behaviour the_33rd_connection_waits \
    'of 32 connections the one that has been silent longest makes room for a newcomer; those in a transfer do not'
the_33rd_connection_waits_body() {
	guarded -a -g 0
	# Once the last one is answered, the second has been silent longest.
	control many 31 use 31 say ARM want ALREADY_ARMED mark at 10 \
	    use 0 say ARM want ALREADY_ARMED \
	    connect say ARM want ALREADY_ARMED use 1 eof \
	    use 0 say ARM want ALREADY_ARMED use 31 say ARM want ALREADY_ARMED
	set -- say 'PUT s 3' want GO
	for i in $(seq 31); do
		set -- "$@" connect say "PUT s$i 3" want GO
	done
	control "$@" connect raw 'ARM\n' mark at 300 \
	    use 0 raw abc want OK use 32 want ALREADY_ARMED \
	    use 31 raw abc want OK use 1 close use 32 say 'GET s31' want 'DATA 3' take 3
	stands_down
}

behaviour a_client_that_never_reads_is_left_alone \
    'a client that asks and never reads costs no processor time, and holds nobody up'
a_client_that_never_reads_is_left_alone_body() {
	guarded -a -g 0
	client "$sock.ctl" fill echo stuck hold
	control say ARM want ALREADY_ARMED get "$name" secret
	sleeps 1000 "$network"
	kill "$client"
	stands_down
}

behaviour panic_is_as_a_signal \
    'PANIC does what SIGUSR1 does, and PANIC hard what SIGUSR2 does, also without a heartbeat, or when the client has left; the heartbeat alone can cancel it; after ARM they kill'
panic_is_as_a_signal_body() {
	table <<-'EOT'
	| to $sock.ctl say PANIC want OK eof | 0 | PANIC (dry-run): PANIC | !HARD PANIC
	| to $sock.ctl say "PANIC hard" want OK eof | 0 | HARD PANIC (dry-run): PANIC hard
	| hello to $sock.ctl say PANIC want OK eof | 0 | PANIC (dry-run): PANIC
	-a -g 0 | to $sock.ctl say PANIC want OK eof | 137 | PANIC: PANIC | !pending
	-a -g 0 | to $sock.ctl say PANIC close | 137 | PANIC: PANIC
	-a -g 60 | to $sock.ctl say "PANIC hard" close | 137 | HARD PANIC: PANIC hard
	-a -g 60 | hello to $sock.ctl say "PANIC hard" want OK eof | 137
	    | HARD PANIC: PANIC hard | !pending
	-a -g 60 | hello to $sock.ctl say PANIC want OK log log "panic pending"
	    say "PANIC hard" want OK eof | 137 | HARD PANIC: PANIC hard
	-a -g 0.7 | hello to $sock.ctl mark say PANIC want OK
	    log log "panic pending: PANIC" say "GET $name" like "ERROR pending ?*"
	    say PANIC want OK eof over 690 | 137 | PANIC: PANIC | !HARD PANIC
	EOT
	[ "$(grep -c 'panic pending' log)" -eq 1 ] || fail "two windows"
	# The heartbeat can cancel it, and no control client; and ARM arms for good.
	table <<-'EOT'
	-a -g 60 | hello to $sock.ctl say PANIC want OK log log "panic pending: PANIC"
	    say CANCEL like "ERROR bad-request ?*" say STATUS like "* pending=1 *"
	    use 0 cancel use 1 say STATUS like "* pending=0 *" get "$name" secret
	    say PANIC want OK use 0 log log "panic CANCELLED by CANCEL" cancel quit | 0
	-g 0 | hello to $sock.ctl say ARM want OK say ARM want ALREADY_ARMED
	    kill USR1 $vault eof | 137 | armed | PANIC: SIGUSR1
	EOT
}

behaviour list_tells_what_is_left \
    'LIST shows name, size, reads left and seconds left of 1024 secrets, the most that there can be'
list_tells_what_is_left_body() {
	guarded -a -g 0
	control say "DEL $name" want OK say LIST want OK \
	    say 'PUT a 1' want GO raw x want OK \
	    say 'PUT b 2 ttl=60' want GO raw xx want OK \
	    say 'PUT c 3 ttl=60.5 reads=4294967295' want GO raw xxx want OK \
	    say 'GET c' want 'DATA 3' take 3 \
	    say LIST want 'a 1 - -' like 'b 2 - [56][09]*' \
	    like 'c 3 4294967294 60.[0-9]*' want OK
	stop
	guarded -a -g 0 -z 1000000
	control raw "$(seq 1001 2023 | sed 's/.*/PUT s& 4\\n&/' | tr -d '\n')" \
	    raw 'ARM\n' until ALREADY_ARMED \
	    say STATUS like '* secrets=1024 *' say 'PUT more 1' \
	    like 'ERROR full ?*' eof connect say 'GET s2023' want 'DATA 4' raw '\n' \
	    want '2023ERROR bad-request no such verb'
	# A GET costs no more if somebody watches: fewer than 50 ticks of 10 ms.
	cost=$(awk '{ print $14 + $15 }' "/proc/$vault/stat")
	control say EVENTS like 'EVENT STATUS *' connect \
	    raw "$(yes 'GET s2023\n' | head -n 50 | tr -d '\n')ARM\n" \
	    until 2023ALREADY_ARMED
	cost=$(($(awk '{ print $14 + $15 }' "/proc/$vault/stat") - cost))
	[ "$cost" -lt 50 ] || fail "50 GETs took $cost ticks"
	# Another client is served before the list is read.
	control raw 'LIST\nARM\n' connect say ARM want ALREADY_ARMED use 0 \
	    want "$name ${#secret} - -" want 's1001 4 - -' until 's2023 4 - -' \
	    want OK want ALREADY_ARMED
	"$talk" "$sock.ctl" say LIST shutwr rest list || fail "no LIST"
	[ "$(wc -l <list)" -eq 1025 ] || fail "$(wc -l <list) lines"
	[ "$(sort -u list | wc -l)" -eq 1025 ] || fail "some more than once"
	stands_down
}

# bytes_of FILE: prints the bytes that network took from sockets, from strace(1)'s FILE;
# bytes that it only peeked at are left out
bytes_of() {
	sed -n 's/.*recv[from]*([0-9]*, "\(.*\)", [0-9]*, MSG_DONTWAIT[,)].*= [0-9]*$/\1/p' \
	    "$1" | tr -d '\n'
}

behaviour network_sees_no_secret 'no byte of a secret passes through network, not even of one sent unasked' \
    require.user root require.progs strace
network_sees_no_secret_body() {
	guarded -a -g 0
	# The secret has letters that neither requests nor answers have.
	value=$(printf 'zqjZQJwWzzxX%.0s' 1 2 3 4 5)
	printf %s "$value" >value
	spawn tracer strace -f -s 4096 -o trace -p "$network" 2>strace.err
	talk - log strace.err attached
	control say 'PUT a 60' want GO send-file value want OK \
	    say 'GET a' want 'DATA 60' want-file value \
	    raw "PUT b 60 reads=1\n$value" want GO want OK \
	    raw "PUT c 60\n${value}GET c\nDEL c\nGET b\n" \
	    want GO want OK want 'DATA 60' want-file value want OK \
	    want 'DATA 60' want-file value \
	    bytes "PUT d 60\n${value}GET d\n" want GO want OK \
	    want 'DATA 60' want-file value raw "PUT e 99\n$value" want GO close
	kill $tracer
	talk - ended $tracer
	bytes_of trace >seen
	for line in 'PUT a 60' 'GET a' 'GET c' 'PUT d 60' 'GET d' 'PUT e 99'; do
		present -F "$line\\n" seen
	done
	if grep -o '"[^"]*"' trace | grep '[zqjZQJwWxX]'; then
		fail "network had bytes of it"
	fi
	[ "$(wc -c <seen)" -lt 300 ] || fail "more than the lines: $(cat seen)"
	stands_down
}

behaviour no_descriptor_can_be_passed \
    'a client cannot attach a descriptor, whose closing could wait, to what it says'
no_descriptor_can_be_passed_body() {
	[ "$(printf '%s\n' 6.16 "$(uname -r)" | sort -V | head -n 1)" = 6.16 ] ||
	    atf_skip "the kernel lets it: run it on Linux 6.16 or later"
	start -a -g 0
	control pass say ARM want ALREADY_ARMED
	talk "$sock" pass hello pass quit
	ends 0
}
