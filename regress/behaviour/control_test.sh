#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# The control socket: every request, every answer and every refusal.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

real=$dazaid
peek=$tools/peek

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

behaviour every_request 'each request reads its answer, one after another on one connection'
every_request_body() {
	guarded -g 60
	idler
	printf 'bytes of it' >value
	control say STATUS like 'STATUS alive=1 armed=0 *' \
	    say ARM want OK say ARM want ALREADY_ARMED \
	    say "REGISTER pid=$idler" want OK say "UNREGISTER pid=$idler" want OK \
	    say 'PUT one 11' want GO send-file value want OK \
	    say 'GET one' want 'DATA 11' want-file value \
	    say LIST want "$name ${#secret} - -" want 'one 11 - -' want OK \
	    say 'DEL one' want OK say LIST want "$name ${#secret} - -" want OK \
	    say STATUS like 'STATUS alive=1 armed=1 *' \
	    say PANIC want OK log log 'panic pending: PANIC'
	kill "$vault"
	ends 0
}

behaviour status_begins 'STATUS begins with the fields that scripts rely on, in their order'
status_begins_body() {
	start -g 0.5
	memory=$(sed -n 's/.*memory: \([a-z]*\),.*/\1/p' log)
	control say STATUS like "STATUS alive=1 armed=0 grace=0.5 registered=0\
 guarded=0 pending=0 memory=$memory secrets=1 *"
	lives
	start
	control say STATUS like 'STATUS alive=1 armed=0 grace=5 registered=0 *'
	lives
}

behaviour status_follows 'STATUS tells of guard, arming, processes and secrets as they come and go'
status_follows_body() {
	start -g 60
	idler
	control say STATUS \
	    like 'STATUS * armed=0 * registered=0 guarded=0 * secrets=1 *'
	client "$sock" say "$guard" want WELCOME echo guards hold
	talk - log said guards
	control say STATUS \
	    like "STATUS * registered=0 guarded=1 pending=0 * heartbeat=$client *" \
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
	kill "$vault"
	ends 0
}

behaviour status_room 'STATUS tells how much fits, and just that does'
status_room_body() {
	start
	see_room
	before=$room
	[ "$before" -lt 65536 ] || fail "room=$before in 65536 bytes"
	[ "$before" -gt 65000 ] || fail "room=$before with one small secret"
	head -c "$before" /dev/zero >value
	control say "PUT one $((before + 1))" like 'ERROR full ?*' eof \
	    connect say "PUT one $before" want GO send-file value want OK \
	    say STATUS like '* room=0*' say 'DEL one' want OK
	see_room
	[ "$room" = "$before" ] || fail "$before, then $room"
	stands_down
}

behaviour status_pending 'while a panic is pending STATUS says so, and left= falls'
status_pending_body() {
	start -a -g 60
	talk "$sock" say "$guard" want WELCOME to "$sock.ctl" \
	    say STATUS like 'STATUS * pending=0 * left=0 *' \
	    kill USR1 "$vault" log log 'panic pending' \
	    say STATUS like 'STATUS * guarded=1 pending=1 * left=[56]* *' \
	    mark at 1100 say STATUS like 'STATUS * pending=1 * left=58* *' \
	    use 0 say CANCEL want CANCELLED use 1 \
	    say STATUS like 'STATUS * guarded=1 pending=0 * left=0 *' \
	    use 0 say QUIT want BYE eof
	ends 0
}

behaviour unguarded_get 'ERROR unguarded: no secret is handed out without a heartbeat'
unguarded_get_body() {
	start -a -g 0
	control say "GET $name" like 'ERROR unguarded ?*' \
	    say 'GET nothing' like 'ERROR unguarded ?*'
	# Who has only connected, or said what is none, is no heartbeat.
	talk "$sock" say PING want 'ERR unknown-verb' to "$sock.ctl" \
	    say "GET $name" like 'ERROR unguarded ?*' \
	    use 0 say 'HELLO 0' want 'ERR bad-pid' \
	    use 1 say "GET $name" like 'ERROR unguarded ?*' \
	    use 0 say "$guard" want WELCOME \
	    use 1 say "GET $name" want "DATA ${#secret}" want-file secret \
	    use 0 say QUIT want BYE eof
	ends 0
}

behaviour unguarded_rest 'all but GET is served without a heartbeat'
unguarded_rest_body() {
	start -g 0
	idler
	control say 'PUT one 3' want GO raw abc want OK \
	    say LIST want "$name ${#secret} - -" want 'one 3 - -' want OK \
	    say "DEL $name" want OK say "REGISTER pid=$idler" want OK \
	    say "UNREGISTER pid=$idler" want OK say ARM want OK
	talk "$sock" say "$guard" want WELCOME to "$sock.ctl" \
	    say 'GET one' want 'DATA 3' raw "GET $name\n" want \
	    'abcERROR no-such-secret there is no secret of this name' \
	    use 0 say QUIT want BYE eof
	ends 0
}

behaviour pending_get 'ERROR pending: from the first trigger until a cancel nothing is handed out'
pending_get_body() {
	start -a -g 60
	for trigger in USR1 HUP; do
		"$talk" "$sock" say "$guard" want WELCOME to "$sock.ctl" \
		    say "GET $name" want "DATA ${#secret}" want-file secret \
		    kill $trigger "$vault" log log "panic pending: SIG$trigger" \
		    say "GET $name" like 'ERROR pending ?*' \
		    say 'GET nothing' like 'ERROR pending ?*' \
		    use 0 say CANCEL want CANCELLED use 1 \
		    say "GET $name" want "DATA ${#secret}" want-file secret \
		    use 0 close log log 'panic pending: heartbeat' use 1 \
		    say "GET $name" like 'ERROR pending ?*' \
		    to "$sock" say "$guard" want WELCOME use 1 \
		    say "GET $name" want "DATA ${#secret}" want-file secret ||
		    fail "at SIG$trigger"
	done
	kill "$vault"
	ends 0
}

behaviour pending_rest 'while a panic is pending nothing is put, and the rest is served'
pending_rest_body() {
	start -a -g 60
	idler
	kill -USR1 "$vault"
	logged 'panic pending'
	control say 'PUT one 3' like 'ERROR pending ?*' eof \
	    connect say LIST want "$name ${#secret} - -" want OK \
	    say ARM want ALREADY_ARMED say "REGISTER pid=$idler" want OK \
	    say "UNREGISTER pid=$idler" want OK say "DEL $name" want OK \
	    say STATUS like '* pending=1 * secrets=0 *'
	kill "$vault"
	ends 0
}

behaviour no_such_secret 'ERROR no-such-secret: for a name that is not, or no more, that of one'
no_such_secret_body() {
	guarded -a -g 0
	control say 'GET nothing' like 'ERROR no-such-secret ?*' \
	    say 'DEL nothing' like 'ERROR no-such-secret ?*' \
	    say "GET x$name" like 'ERROR no-such-secret ?*' \
	    say "GET ${name}x" like 'ERROR no-such-secret ?*' \
	    say "GET ${name%?}" like 'ERROR no-such-secret ?*' \
	    say "GET Z${name#z}" like 'ERROR no-such-secret ?*' \
	    say "DEL $name" want OK say "GET $name" like 'ERROR no-such-secret ?*' \
	    say "DEL $name" like 'ERROR no-such-secret ?*'
	stands_down
}

behaviour exists 'ERROR exists: a name that is taken is not put again, and keeps its value'
exists_body() {
	guarded -a -g 0
	control say "PUT $name 3" like 'ERROR exists ?*' eof \
	    connect say "PUT $name 3 reads=1 ttl=1" like 'ERROR exists ?*' eof \
	    connect say "GET $name" want "DATA ${#secret}" want-file secret \
	    say "DEL $name" want OK say "PUT $name 3" want GO raw new want OK \
	    say "GET $name" want 'DATA 3' raw '\n' want \
	    'newERROR bad-request no such verb'
	stands_down
}

behaviour too_large 'ERROR too-large: what would not even fit if it were alone'
too_large_body() {
	start -a -g 0 -z 16384
	every 'ERROR too-large ?*' 'PUT one 16384' 'PUT one 100000' \
	    'PUT one 4294967296' 'PUT one 4294967297' \
	    'PUT one 9223372036854775806'
	control say "DEL $name" want OK
	see_room
	every 'ERROR too-large ?*' "PUT one $((room + 1))"
	head -c "$room" /dev/zero >value
	control say "PUT one $room" want GO send-file value want OK
	stands_down
}

behaviour full 'ERROR full: what would fit if less were there'
full_body() {
	start -a -g 0 -z 16384
	head -c 9000 /dev/zero >value
	control say 'PUT one 9000' want GO send-file value want OK \
	    say 'PUT two 9000' like 'ERROR full ?*' eof connect say 'DEL one' want OK \
	    say 'PUT two 9000' want GO send-file value want OK
	stands_down
}

behaviour bad_names 'ERROR bad-name: what cannot be the name of a secret'
bad_names_body() {
	guarded -a -g 0
	sixtyfour=$(printf '%064d' 0)
	for bad in .a -a . .. a/b a=b a:b a,b "a'b" 'a*b' 'a"b' 'a%sb' 'a\b' ä \
	    "$(printf 'a\001b')" "$(printf 'a\177b')" "${sixtyfour}0" \
	    "$(printf '%08000d' 0)"; do
		every 'ERROR bad-name ?*' "PUT $bad 1" "GET $bad" "DEL $bad"
	done
	for good in a 0 _ _.- a.b a-b A_Z "$sixtyfour"; do
		control say "PUT $good 1" want GO raw x want OK \
		    say "GET $good" want 'DATA 1' take 1 say "DEL $good" want OK
	done
	stands_down
}

behaviour bad_requests 'ERROR bad-request: what is no request, and the connection stays'
bad_requests_body() {
	guarded -a -g 0
	every 'ERROR bad-request ?*' '' ' ' FOO STATUSES 'STATUS 1' STAT \
	    'ARM now' DISARM 'PANIC soft' 'PANIC hard now' 'PANIC 1' 'PANIChard' \
	    'LIST a' GET 'GET a b' DEL 'DEL a b' PUT 'PUT a' 'PUT a 0' \
	    'PUT a -1' 'PUT a +1' 'PUT a 1x' 'PUT a x' 'PUT a 0x10' 'PUT a 1e3' \
	    'PUT a 1.5' 'PUT a 1 2' 'PUT a 1 reads' 'PUT a 1 reads=' \
	    'PUT a 1 reads=0' 'PUT a 1 reads=-1' 'PUT a 1 reads=x' \
	    'PUT a 1 reads=1.5' 'PUT a 1 reads=4294967296' 'PUT a 1 ttl=' \
	    'PUT a 1 ttl=0' 'PUT a 1 ttl=-1' 'PUT a 1 ttl=x' 'PUT a 1 ttl=nan' \
	    'PUT a 1 ttl=inf' 'PUT a 1 ttl=1s' 'PUT a 1 ttl=1e3' \
	    'PUT a 1 ttl=99999999999999999999' 'PUT a 1 foo=1' \
	    'PUT a 1 reads = 1' 'PUT a 1 reads=1 ttl=1 foo=1' \
	    "$guard" PING CANCEL QUIT OK GO 'GET / HTTP/1.1' '%s%n%n'
	stands_down
}

behaviour invalid_pids 'ERROR invalid pid: what is no positive number, and the connection stays'
invalid_pids_body() {
	start -a -g 0
	for pid in 0 -1 1x x '' +5 0x10 1.0 2147483648 \
	    99999999999999999999999999; do
		every 'ERROR invalid pid' "REGISTER pid=$pid" "UNREGISTER pid=$pid"
	done
	every 'ERROR invalid pid' UNREGISTER 'REGISTER 5' \
	    "REGISTER pid $$" "REGISTER $$" "REGISTER pid=$$ now" \
	    "UNREGISTER pid=$$"
	stands_down
}

behaviour any_case 'verbs may be in any case'
any_case_body() {
	guarded -g 60
	idler
	control say status like 'STATUS alive=1 *' say aRm want OK \
	    say Arm want ALREADY_ARMED say "register pid=$idler" want OK \
	    say "UnRegister pid=$idler" want OK say 'put one 1' want GO raw x \
	    want OK say 'gEt one' want 'DATA 1' take 1 say 'del one' want OK \
	    say list want "$name ${#secret} - -" want OK say panic want OK \
	    log log 'panic pending: PANIC' say 'Panic HARD' want OK
	killed 'HARD PANIC: PANIC hard'
}

behaviour names_in_their_case 'but the names of secrets in their own'
names_in_their_case_body() {
	guarded -a -g 0
	control say 'PUT one 1' want GO raw a want OK \
	    say 'PUT ONE 1' want GO raw b want OK \
	    say 'DEL one' want OK say 'GET one' like 'ERROR no-such-secret ?*' \
	    say 'GET ONE' want 'DATA 1' raw 'ARM\n' want bALREADY_ARMED
	stands_down
}

behaviour carriage_return_and_blanks 'a CR before the newline and blanks around words do not count'
carriage_return_and_blanks_body() {
	guarded -a -g 0
	control raw 'ARM\r\n' want ALREADY_ARMED raw ' \t ARM \t\r\n' \
	    want ALREADY_ARMED raw '\tPUT  one\t 1 \t reads=1\r\n' want GO raw x \
	    want OK raw 'ARM\r\r\n' like 'ERROR bad-request ?*' \
	    raw 'A\rRM\n' like 'ERROR bad-request ?*' \
	    raw 'GET one\r\n' want 'DATA 1' take 1 \
	    raw 'GET one\r\n' like 'ERROR no-such-secret ?*'
	stands_down
}

behaviour carriage_return_in_a_secret 'but in a secret everything does'
carriage_return_in_a_secret_body() {
	guarded -a -g 0
	printf ' \r\nDEL one\r\n\n ' >value
	control say "PUT one $(stat -c %s value)" want GO send-file value want OK \
	    say 'GET one' want "DATA $(stat -c %s value)" want-file value \
	    say 'GET one' want "DATA $(stat -c %s value)" want-file value
	stands_down
}

behaviour refused_put_ends_it 'a PUT that is refused ends the connection: what is behind it is no request'
refused_put_ends_it_body() {
	guarded -a -g 0
	for put in "PUT $name 11" 'PUT a/b 11' 'PUT a 11x' 'PUT a 999999'; do
		control raw "$put\nPANIC hard\n" like 'ERROR ?*' eof
	done
	control say ARM want ALREADY_ARMED
	stands_down
}

behaviour pipelined 'requests that come together are answered one by one, in order'
pipelined_body() {
	guarded -a -g 0
	control raw 'ARM\nFOO\nGET a/\nGET no\nARM\nDEL no\nLIST\nARM\n\nARM\n' \
	    want ALREADY_ARMED like 'ERROR bad-request ?*' \
	    like 'ERROR bad-name ?*' like 'ERROR no-such-secret ?*' \
	    want ALREADY_ARMED like 'ERROR no-such-secret ?*' \
	    want "$name ${#secret} - -" want OK want ALREADY_ARMED \
	    like 'ERROR bad-request ?*' want ALREADY_ARMED
	control raw "PUT one 3\nabcGET one\nPUT two 2 reads=1\n\n\nGET two\nGET two\n" \
	    want GO want OK want 'DATA 3' want abcGO want OK want 'DATA 2' \
	    want '' want '' like 'ERROR no-such-secret ?*' \
	    raw 'DEL one\nGET one\nARM\n' want OK like 'ERROR no-such-secret ?*' \
	    want ALREADY_ARMED
	control repeat 2000 'ARM\nFOO\n' raw 'LIST\n' \
	    until "$name ${#secret} - -" want OK
	stands_down
}

behaviour byte_by_byte 'a request may come in any pieces, and a secret as well'
byte_by_byte_body() {
	guarded -a -g 0
	control bytes 'ARM\r\nPUT one 5\nab\ncdGET one\n' want ALREADY_ARMED \
	    want GO want OK want 'DATA 5' want ab raw 'AR' \
	    raw 'M\nAR' want cdALREADY_ARMED raw 'M\n' want ALREADY_ARMED
	stands_down
}

behaviour half_closed 'who has said all that it will is answered to the end'
half_closed_body() {
	guarded -a -g 0
	control raw "ARM\nGET $name\nARM\n" shutwr want ALREADY_ARMED \
	    want "DATA ${#secret}" want "${secret}ALREADY_ARMED" eof
	control raw "PUT one 3\nabcARM\n" shutwr want GO want OK \
	    want ALREADY_ARMED eof
	control shutwr eof
	control raw AR shutwr eof
	stands_down
}

behaviour longest_line 'a request of 8192 bytes with its newline is one'
longest_line_body() {
	start -a -g 0
	control raw ARM repeat 8188 ' ' raw '\n' want ALREADY_ARMED \
	    repeat 8191 x raw '\n' like 'ERROR bad-request ?*' \
	    say ARM want ALREADY_ARMED
	stands_down
}

behaviour line_too_long 'a longer one reads bad-request once, and the connection still works'
line_too_long_body() {
	start -a -g 0
	control repeat 8192 x raw '\n' like 'ERROR bad-request *too long*' \
	    say ARM want ALREADY_ARMED \
	    repeat 100000 x raw '\n' like 'ERROR bad-request *too long*' \
	    say ARM want ALREADY_ARMED raw ARM repeat 8189 ' ' raw '\n' \
	    like 'ERROR bad-request *too long*' say ARM want ALREADY_ARMED \
	    repeat 8192 x like 'ERROR bad-request *too long*' \
	    raw 'ARM\nARM\n' want ALREADY_ARMED
	stands_down
}

behaviour binary_junk 'noise is a bad request, and does no harm'
binary_junk_body() {
	guarded -a -g 0
	control raw '\0\n' like 'ERROR bad-request ?*' \
	    raw 'ARM\0\n' like 'ERROR bad-request ?*' \
	    raw 'GET '"$name"'\0\n' like 'ERROR bad-request ?*' \
	    raw 'PANIC\0hard\n' like 'ERROR bad-request ?*' \
	    raw '\xff\xfe\x80\n' like 'ERROR bad-request ?*' \
	    raw '\x1b[2J\n' like 'ERROR bad-request ?*' \
	    junk 300000 raw '\nARM\n' until ALREADY_ARMED \
	    say "GET $name" want "DATA ${#secret}" want-file secret
	stands_down
}

behaviour no_heartbeat_by_control 'the control socket makes no heartbeat, and its end is none'
no_heartbeat_by_control_body() {
	start -a -g 0
	control say "$guard" like 'ERROR bad-request ?*' \
	    say STATUS like '* guarded=0 *' close \
	    connect say STATUS like '* guarded=0 *' raw STAT close \
	    connect shutwr eof connect raw 'PUT one 5\nab' close \
	    connect say LIST close connect say "GET $name" close
	lives
}

behaviour ten_seconds_for_a_request 'who asks nothing for 10 s is closed, and who does is not'
ten_seconds_for_a_request_body() {
	guarded -a -g 0
	talk -w 15 "$sock.ctl" mark connect raw STAT connect connect at 3000 \
	    use 2 say STATUS like 'STATUS *' use 3 say FOO like 'ERROR *' \
	    use 0 eof over 9900 use 1 eof within 11500 \
	    use 2 say STATUS like 'STATUS *' use 3 say ARM want ALREADY_ARMED \
	    at 12000 say ARM want ALREADY_ARMED
	stands_down
}

behaviour busy 'beyond 32 connections a newcomer reads BUSY, and the heartbeat nothing of it'
busy_body() {
	guarded -a -g 0
	control many 31 connect want BUSY eof connect say STATUS want BUSY eof \
	    connect raw 'PUT one 3\nabc' want BUSY eof \
	    use 0 say ARM want ALREADY_ARMED close \
	    connect say ARM want ALREADY_ARMED \
	    connect want BUSY eof use 31 say ARM want ALREADY_ARMED
	kill "$guardian"
	killed 'PANIC: heartbeat connection dropped'
}

behaviour heartbeat_beside_32 'a heartbeat comes and is served while all control connections are taken'
heartbeat_beside_32_body() {
	start -a -g 0
	client "$sock.ctl" many 31 say ARM want ALREADY_ARMED echo full hold
	talk - log said full
	talk "$sock" say "$guard" want WELCOME pong-under 100 20 \
	    connect want BUSY eof use 0 say QUIT want BYE eof
	ends 0
}

behaviour nobodies_do_not_count '64 who have not said HELLO take nothing from the control socket'
nobodies_do_not_count_body() {
	start -a -g 0
	talk "$sock" many 63 say PING want 'ERR unknown-verb' \
	    to "$sock.ctl" many 31 say ARM want ALREADY_ARMED connect want BUSY eof \
	    use 63 say "$guard" want WELCOME use 64 say ARM want ALREADY_ARMED \
	    use 63 say QUIT want BYE eof
	ends 0
}

behaviour never_reads 'who asks and never reads is left alone, and holds nobody up'
never_reads_body() {
	guarded -a -g 0
	client "$sock.ctl" fill echo stuck hold
	talk - log said stuck
	control say ARM want ALREADY_ARMED \
	    say "GET $name" want "DATA ${#secret}" want-file secret
	kill "$client"
	stands_down
}

behaviour out_of_descriptors 'too few descriptors for all that clients want is no reason to panic'
out_of_descriptors_body() {
	cat >through <<-EOT
	#!/bin/sh
	ulimit -n 30
	exec $real "\$@"
	EOT
	chmod 755 through
	dazaid=$PWD/through
	guarded -a -g 0
	# Each is one that the vault holds, for as long as it gives an answer.
	set --
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
		idler
		set -- "$@" say "REGISTER pid=$idler" like '*'
	done
	"$talk" "$sock.ctl" "$@" >why 2>&1 || true
	set --
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		set -- "$@" connect say "PUT s$i 10" like '*'
	done
	"$talk" "$sock.ctl" "$@" >why 2>&1 || true
	stands_down
}

behaviour arm_arms 'ARM is for real, and for good'
arm_arms_body() {
	guarded -g 0
	control say ARM want OK say ARM want ALREADY_ARMED
	logged armed
	kill -USR1 "$vault"
	killed 'PANIC: SIGUSR1'
}

behaviour panic_rehearsed 'PANIC reads OK, then is as SIGUSR1: rehearsed'
panic_rehearsed_body() {
	start
	control say PANIC want OK eof
	rehearsed 'PANIC (dry-run): PANIC'
	not_logged 'HARD PANIC'
	start
	control say 'PANIC hard' want OK eof
	rehearsed 'HARD PANIC (dry-run): PANIC hard'
	guarded
	control say PANIC want OK eof
	rehearsed 'PANIC (dry-run): PANIC'
	ends 0 "$guardian"
}

behaviour panic_kills 'PANIC of an armed daemon opens a window, and then kills'
panic_kills_body() {
	guarded -a -g 0.7
	control mark say PANIC want OK log log 'panic pending: PANIC' \
	    say "GET $name" like 'ERROR pending ?*' say PANIC want OK \
	    eof over 690 within 1700
	killed 'PANIC: PANIC'
	not_logged 'HARD PANIC'
	[ "$(grep -c 'panic pending' log)" -eq 1 ] || fail "two windows"
}

behaviour panic_hard_kills 'PANIC hard reads OK, and has no window'
panic_hard_kills_body() {
	guarded -a -g 60
	control say 'PANIC hard' want OK eof
	killed 'HARD PANIC: PANIC hard'
	not_logged pending
}

behaviour panic_hard_in_the_window 'PANIC hard does not wait for the end of a window either'
panic_hard_in_the_window_body() {
	guarded -a -g 60
	control say PANIC want OK log log 'panic pending' \
	    say 'PANIC hard' want OK eof
	killed 'HARD PANIC: PANIC hard'
}

behaviour panic_cancelled 'a PANIC can be cancelled by the heartbeat, and by no control client'
panic_cancelled_body() {
	start -a -g 60
	talk "$sock" say "$guard" want WELCOME to "$sock.ctl" say PANIC want OK \
	    log log 'panic pending: PANIC' say CANCEL like 'ERROR bad-request ?*' \
	    say STATUS like '* pending=1 *' use 0 say CANCEL want CANCELLED \
	    use 1 say STATUS like '* pending=0 *' \
	    say "GET $name" want "DATA ${#secret}" want-file secret \
	    say PANIC want OK use 0 log log 'panic CANCELLED by CANCEL' \
	    say CANCEL want CANCELLED say QUIT want BYE eof
	ends 0
}

behaviour panic_before_a_heartbeat 'PANIC needs no heartbeat'
panic_before_a_heartbeat_body() {
	start -a -g 0
	control say PANIC want OK eof
	killed 'PANIC: PANIC'
}

behaviour panic_then_close 'PANIC counts if its client does not wait for the answer'
panic_then_close_body() {
	start -a -g 0
	control say PANIC close
	killed 'PANIC: PANIC'
	start -a -g 60
	control say 'PANIC hard' close
	killed 'HARD PANIC: PANIC hard'
}

behaviour list_columns 'LIST tells name, size, reads left and seconds left'
list_columns_body() {
	guarded -a -g 0
	control say "DEL $name" want OK say LIST want OK \
	    say 'PUT a 1' want GO raw x want OK \
	    say 'PUT b 2 reads=3' want GO raw xx want OK \
	    say 'PUT c 3 ttl=60' want GO raw xxx want OK \
	    say 'PUT d 4 ttl=60.5 reads=4294967295' want GO raw xxxx want OK \
	    say LIST want 'a 1 - -' want 'b 2 3 -' like 'c 3 - [56][09]*' \
	    like 'd 4 4294967295 60.[0-9]*' want OK \
	    say 'GET b' want 'DATA 2' take 2 say 'GET d' want 'DATA 4' take 4 \
	    say LIST want 'a 1 - -' want 'b 2 2 -' like 'c 3 - [56][09]*' \
	    like 'd 4 4294967294 60.[0-9]*' want OK \
	    say 'DEL a' want OK say 'DEL c' want OK \
	    say LIST want 'b 2 2 -' like 'd 4 *' want OK
	stands_down
}

behaviour a_thousand_secrets 'as many as there can be are held, listed and handed out'
a_thousand_secrets_body() {
	guarded -a -g 0 -z 1000000
	control raw "$(seq 1001 2023 | sed 's/.*/PUT s& 4\\n&/' | tr -d '\n')" \
	    raw 'ARM\n' until ALREADY_ARMED \
	    say STATUS like '* secrets=1024 *' say 'PUT more 1' \
	    like 'ERROR full ?*' eof connect say 'GET s1001' want 'DATA 4' raw '\n' \
	    want '1001ERROR bad-request no such verb' \
	    say 'GET s2023' want 'DATA 4' raw '\n' \
	    want '2023ERROR bad-request no such verb'
	# However slowly the list is read, and by whomever.
	control raw 'LIST\nARM\n' connect say ARM want ALREADY_ARMED use 0 \
	    want "$name ${#secret} - -" want 's1001 4 - -' until 's2023 4 - -' \
	    want OK want ALREADY_ARMED \
	    say 'DEL s1007' want OK say 'PUT more 1' want GO raw x want OK
	"$talk" "$sock.ctl" say LIST shutwr rest list || fail "no LIST"
	[ "$(wc -l <list)" -eq 1025 ] || fail "$(wc -l <list) lines"
	[ "$(sort -u list | wc -l)" -eq 1025 ] || fail "some more than once"
	stands_down
}

behaviour no_value_shows 'neither STATUS nor LIST shows a value, nor does any refusal'
no_value_shows_body() {
	guarded -a -g 0
	"$talk" "$sock.ctl" raw "LIST\nSTATUS\nGET no\nDEL no\nARM\n" \
	    shutwr rest answers || fail "no answers"
	[ "$(wc -l <answers)" -eq 6 ] || fail "$(cat answers)"
	if grep -F "$secret" answers; then
		fail "there it is"
	fi
	stands_down
}

# Puts, gets and mistakes with $name-2 and $value, on one connection.
talk_about_it() {
	control say "PUT $name-2 ${#value} reads=2 ttl=60" want GO raw "$value" \
	    want OK say "GET $name-2" want "DATA ${#value}" take ${#value} \
	    say LIST until OK say "PUT $name-2 5" like 'ERROR exists ?*' eof \
	    connect say "PUT $name-2 99999999" like 'ERROR too-large ?*' eof \
	    connect say "PUT $name-2 $value" like 'ERROR ?*' eof \
	    connect say "PUT $value 5" like 'ERROR bad-name ?*' eof \
	    connect say "$value" like 'ERROR ?*' say "GET $value" like 'ERROR ?*' \
	    say "DEL $name-2" want OK say "DEL $name-2" like 'ERROR ?*' \
	    raw "PUT $name-2 ${#value}\n$value" want GO want OK \
	    raw "PUT $name-3 100\n$value" want GO close
}

behaviour log_is_silent 'the log has no value, however verbose, and no name unless it is'
log_is_silent_body() {
	value='wOr+ds~of/a.client:9'
	for verbose in '' -v '-v -v'; do
		# shellcheck disable=SC2086 # a list of words
		guarded -a -g 0 $verbose
		talk_about_it
		control ask STATUS '* secrets=2 *'
		if [ -n "$verbose" ]; then
			logged 'PUT from network'
		else
			not_logged "$name"
		fi
		not_logged "$value"
		not_logged "$secret"
		kill "$guardian"
		killed 'PANIC: heartbeat connection dropped'
		not_logged "$value"
		rm log
	done
}

# bytes_of FILE: what network received one byte at a time, as strace(1) has it
bytes_of() {
	sed -n 's/.*recvfrom([0-9]*, "\(.*\)", 1, .* = 1$/\1/p' "$1" | tr -d '\n'
}

behaviour network_sees_no_secret 'no byte of a secret passes through network, not even of one sent unasked' \
    require.user root
network_sees_no_secret_body() {
	command -v strace >/dev/null || atf_skip "no strace"
	guarded -a -g 0
	# Of letters that neither requests nor answers have.
	value=$(printf 'zqjZQJwWzzxX%.0s' 1 2 3 4 5)
	printf %s "$value" >value
	strace -f -s 4096 -o trace -p "$network" 2>strace.err &
	tracer=$!
	remember $tracer
	talk - log strace.err attached
	control say 'PUT a 60' want GO send-file value want OK \
	    say 'GET a' want 'DATA 60' want-file value \
	    raw "PUT b 60 reads=1\n$value" want GO want OK \
	    raw "PUT c 60\n${value}GET c\nDEL c\nGET b\n" \
	    want GO want OK want 'DATA 60' want-file value want OK \
	    want 'DATA 60' want-file value \
	    bytes "PUT d 60\n${value}GET d\n" want GO want OK \
	    want 'DATA 60' want-file value raw "PUT e 99\n$value" want GO close \
	    connect say 'DEL a' want OK
	kill $tracer
	talk - ended $tracer
	bytes_of trace >seen
	for line in 'PUT a 60' 'GET a' 'GET c' 'PUT d 60' 'GET d' \
	    'PUT e 99' 'DEL a'; do
		grep -qF "$line\\n" seen || fail "'$line' was not seen: $(cat seen)"
	done
	if grep -o '"[^"]*"' trace | grep '[zqjZQJwWxX]'; then
		fail "network had bytes of it"
	fi
	[ "$(wc -c <seen)" -lt 300 ] || fail "more than the lines: $(cat seen)"
	stands_down
}

shipped_only=1
behaviour in_no_readable_memory 'what was put and got is in no memory that root can read' \
    require.user root
shipped_only=
in_no_readable_memory_body() {
	guarded -v -a -g 60
	grep -qF 'memory: secretmem' log || atf_skip "no memfd_secret here"
	value='Yx9+another~of/them:33'
	printf %s "$value" >value
	control say "PUT one ${#value}" want GO send-file value want OK \
	    say 'GET one' want "DATA ${#value}" want-file value \
	    raw "PUT two ${#value}\n$value" want GO want OK \
	    bytes "PUT three ${#value}\n$value" want GO want OK say 'DEL two' want OK \
	    raw "PUT four 1000\n$value" want GO connect ask STATUS '*'
	for pid in "$vault" "$network"; do
		"$peek" "$pid" <value >seen 2>&1 || fail "$(cat seen)"
		grep -q '[0-9]\{6\} bytes read' seen || fail "nothing was read"
		if grep 'of it at' seen; then
			fail "in the memory of $pid"
		fi
	done
	stands_down
}

shipped_only=1
behaviour nothing_is_allocated 'whatever is asked for, neither process maps or unmaps anything' \
    require.user root
shipped_only=
nothing_is_allocated_body() {
	guarded -v -a -g 0
	idler
	head -c 40000 /dev/urandom >value
	storm="PUT a 3 ttl=9\nabcPUT b 3 reads=2\nabcGET a\nGET b\nGET b\nGET b\nLIST\n"
	storm="${storm}DEL a\nREGISTER pid=$idler\nSTATUS\nUNREGISTER pid=$idler\n"
	control raw "$storm" shutwr rest answers
	layout >before
	[ "$(wc -l <before)" -gt 20 ] || fail "there is nothing to see"
	for _ in 1 2 3; do
		control repeat 100 "$storm" shutwr rest answers
		[ "$(grep -c '^STATUS' answers)" -eq 100 ] || fail "$(cat answers)"
		control many 31 connect want BUSY eof use 0 \
		    say 'PUT c 40000' want GO send-file value want OK \
		    say 'GET c' want 'DATA 40000' want-file value say 'DEL c' \
		    want OK junk 100000 raw '\nARM\n' until ALREADY_ARMED \
		    repeat 9000 x raw '\n' like 'ERROR bad-request ?*' \
		    say 'PUT d 100' want GO close
	done
	control ask STATUS '* registered=0 * secrets=1 *'
	layout >after
	cmp -s before after || fail "$(diff before after)"
	stands_down
}

# Those of both, by their numbers.
descriptors() {
	echo "/proc/$vault/fd/"* "/proc/$network/fd/"*
}

behaviour no_descriptor_leaks 'hundreds of requests later there are as many descriptors as before' \
    require.user root
no_descriptor_leaks_body() {
	guarded -a -g 0
	idler
	before=$(descriptors)
	for _ in 1 2 3 4 5; do
		control many 31 repeat 20 "GET $name\nDEL no\nPUT $name 3\nPUT x/ 1\n" \
		    repeat 20 "PUT a 3\nabcDEL a\n" \
		    repeat 20 "REGISTER pid=$idler\nUNREGISTER pid=$idler\n" \
		    raw 'REGISTER pid=1\nPUT b 100\nabc' shutwr rest answers
		control raw 'PUT b 100\nabc' close connect raw "GET $name\n" close
	done
	tries=0
	until [ "$(descriptors)" = "$before" ]; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "before: $before
now: $(descriptors)"
		sleep 0.02
	done
	stands_down
}

# as UID COMMAND...
as() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

behaviour other_uid_is_closed_on 'a client of another uid is closed on without an answer' require.user root
other_uid_is_closed_on_body() {
	public
	start -a -g 0
	chmod 666 "$sock.ctl"
	for line in STATUS "GET $name" ARM 'PANIC hard'; do
		as 65534 "$dir/talk" "$sock.ctl" say "$line" eof ||
		    fail "more than closed on at $line"
	done
	logged 'a client of uid 65534 refused'
	control say STATUS like 'STATUS alive=1 *'
	lives
}

behaviour user_and_root_only '-u: the user and root are served, and nobody else' require.user root
user_and_root_only_body() {
	public
	chown 65534:65534 "$dir"
	guarded -u nobody -a -g 0
	[ "$(stat -c '%U %G %a' "$sock.ctl")" = 'nobody nogroup 600' ] ||
	    fail "$(stat -c '%U %G %a' "$sock.ctl")"
	cp secret "$dir"
	as 65534 "$dir/talk" "$sock.ctl" say "GET $name" want "DATA ${#secret}" \
	    want-file "$dir/secret" say 'PUT one 3' want GO raw abc want OK ||
	    fail "the user is not served"
	control say "GET $name" want "DATA ${#secret}" want-file secret \
	    say 'GET one' want 'DATA 3' take 3
	chmod 666 "$sock.ctl"
	as 1 "$dir/talk" "$sock.ctl" say STATUS eof || fail "uid 1 was answered"
	stands_down
}

behaviour for_its_owner_alone 'the control socket is for its owner alone, whatever the umask'
for_its_owner_alone_body() {
	for mask in 022 000 077; do
		umask $mask
		start
		umask 022
		[ "$(stat -c '%a %F %u' "$sock.ctl")" = "600 socket $(id -u)" ] ||
		    fail "$(stat -c '%a %F %u' "$sock.ctl")"
		lives
	done
}

behaviour stale_socket_is_replaced 'a stale control socket is no hindrance'
stale_socket_is_replaced_body() {
	"$talk" -w 1 -l "$sock.ctl" echo x >/dev/null || fail "no stale socket"
	[ -S "$sock.ctl" ] || fail "no stale socket"
	start
	control say STATUS like 'STATUS alive=1 *'
	lives
}

# refused TEXT: a daemon does not start, says so on one line with TEXT, leaves what
# is in the way as it is, and nothing else
refused() {
	local was

	was=$(stat -c '%i %f %s %u' "$sock.ctl")
	daemon -a
	ends_with=0
	talk - ended "$vault"
	wait "$vault" || ends_with=$?
	[ $ends_with -eq 1 ] || fail "exit $ends_with, not 1"
	[ "$(cat log)" = "dazaid: socket: $sock.ctl: $1" ] || fail "not '$1'"
	[ "$(stat -c '%i %f %s %u' "$sock.ctl")" = "$was" ] ||
	    fail "it is not as it was"
	[ ! -e "$sock" ] || fail "the other socket was left"
	[ ! -e "$sock.pid" ] || fail "the pid file was left"
}

behaviour file_in_the_way 'what is in its way and no socket stays as it was, and is told'
file_in_the_way_body() {
	echo precious >"$sock.ctl"
	refused 'in the way, and no socket'
	[ "$(cat "$sock.ctl")" = precious ] || fail "it was written to"
	rm "$sock.ctl"
	mkdir "$sock.ctl"
	refused 'in the way, and no socket'
	rmdir "$sock.ctl"
	echo precious >target
	ln -s "$PWD/target" "$sock.ctl"
	refused 'in the way, and no socket'
	[ "$(cat target)" = precious ] || fail "its target was written to"
	rm "$sock.ctl"
	start
	lives
}

behaviour live_socket_in_the_way 'so does a socket that answers'
live_socket_in_the_way_body() {
	"$talk" -w 60 -l "$sock.ctl" accept accept &
	remember $!
	"$talk" -r "$sock.ctl" echo up || fail "nobody listens"
	refused 'in use: a daemon answers there'
}

behaviour goes_at_every_end 'the control socket goes at every end'
goes_at_every_end_body() {
	for end in TERM USR1 USR2; do
		start
		kill -$end "$vault"
		ends 0
		rm log
	done
	for end in USR1 USR2; do
		start -a -g 0
		kill -$end "$vault"
		ends "$SIGKILL"
		rm log
	done
	start
	kill -SEGV "$vault"
	ends "$SIGSEGV"
}

behaviour strangers_file_stays 'what somebody put in its place is not removed'
strangers_file_stays_body() {
	start
	rm "$sock.ctl"
	echo precious >"$sock.ctl"
	kill "$vault"
	talk - ended "$vault"
	[ "$(cat "$sock.ctl")" = precious ] || fail "it went"
}

behaviour passes_no_descriptor 'a client cannot attach a descriptor, whose closing could wait, to what it says'
passes_no_descriptor_body() {
	[ "$(printf '%s\n' 6.16 "$(uname -r)" | sort -V | head -n 1)" = 6.16 ] ||
	    atf_skip "before Linux 6.16 the kernel lets it"
	start -a -g 0
	control pass say ARM want ALREADY_ARMED
	talk "$sock" pass say "$guard" want WELCOME pass say QUIT want BYE eof
	ends 0
}

# ticks PID: processor time that it has had, in clock ticks
ticks() {
	sed 's/^.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

behaviour who_does_not_read_is_left_alone 'a client that asks and never reads costs nothing'
who_does_not_read_is_left_alone_body() {
	guarded -a -g 0
	client "$sock.ctl" repeat 2000 'STATUS\n' echo asked hold
	talk - log said asked
	# It answers until there is no more room, and then rests.
	talk "$sock.ctl" mark at 300 ask STATUS '*'
	before=$(ticks "$network")
	talk - mark at 1000
	spent=$(($(ticks "$network") - before))
	[ $spent -lt 20 ] || fail "network ran for $spent ticks of a second's 100"
	stands_down
}
