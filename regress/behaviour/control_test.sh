#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The control socket: every request, every answer and every refusal.  Its file is
# tested in files_test.sh.

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
    'each request is answered, one after another on one connection, in upper and lower case'
every_request_is_answered_body() {
	guarded -g 60
	idler
	printf 'bytes of it' >value
	control say STATUS like 'STATUS alive=1 armed=0 *' \
	    say ARM want OK say ARM want ALREADY_ARMED \
	    say "REGISTER pid=$idler" want OK say "UNREGISTER pid=$idler" want OK \
	    put one value get one value \
	    say LIST want "$name ${#secret} - -" want 'one 11 - -' want OK \
	    say 'DEL one' want OK say LIST want "$name ${#secret} - -" want OK \
	    say STATUS like 'STATUS alive=1 armed=1 *' \
	    say PANIC want OK log log 'panic pending: PANIC'
	stop
	guarded -g 60
	control say status like 'STATUS alive=1 *' say aRm want OK \
	    say Arm want ALREADY_ARMED say "register pid=$idler" want OK \
	    say "UnRegister pid=$idler" want OK say 'put one 1' want GO raw x \
	    want OK say 'gEt one' want 'DATA 1' take 1 say 'del one' want OK \
	    say list want "$name ${#secret} - -" want OK say panic want OK \
	    log log 'panic pending: PANIC' say 'Panic HARD' want OK
	killed 'HARD PANIC: PANIC hard'
}

behaviour status_tells_the_state \
    'STATUS begins with the fields that scripts rely on, and follows guard, arming, processes, secrets and panics'
status_tells_the_state_body() {
	start -g 0.5
	memory=$(sed -n 's/.*memory: \([a-z]*\),.*/\1/p' log)
	control say STATUS like "STATUS alive=1 armed=0 grace=0.5 registered=0\
 guarded=0 pending=0 memory=$memory secrets=1 * first=[23][0-9][0-9]*"
	lives
	start -g 60
	idler
	control say STATUS \
	    like 'STATUS * armed=0 * registered=0 guarded=0 * secrets=1 *'
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
	start -a -g 0 -z 16384
	every 'ERROR too-large ?*' 'PUT one 16384' 'PUT one 100000' \
	    'PUT one 4294967296' 'PUT one 4294967297' \
	    'PUT one 9223372036854775806'
	head -c 9000 /dev/zero >value
	control put one value say 'PUT two 9000' like 'ERROR full ?*' eof \
	    connect say 'DEL one' want OK put two value say 'DEL two' want OK \
	    say "DEL $name" want OK
	see_room
	every 'ERROR too-large ?*' "PUT one $((room + 1))"
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
	# HELLO here makes no heartbeat, and the end of a connection is no loss.
	control say "$guard" like 'ERROR bad-request ?*' \
	    say STATUS like '* guarded=0 *' close \
	    connect say STATUS like '* guarded=0 *' raw STAT close \
	    connect shutwr eof connect raw 'PUT two 5\nab' close \
	    connect say LIST close connect say "GET $name" close
	# A client that has only connected, or sent a bad HELLO, is no heartbeat.
	talk "$sock" say PING want 'ERR unknown-verb' to "$sock.ctl" \
	    say "GET $name" like 'ERROR unguarded ?*' \
	    use 0 say 'HELLO 0' want 'ERR bad-pid' \
	    use 1 say "GET $name" like 'ERROR unguarded ?*' \
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

behaviour unknown_and_taken_names_are_refused \
    'ERROR no-such-secret answers GET of a name that no secret has, and ERROR exists a PUT of a name that is taken'
unknown_and_taken_names_are_refused_body() {
	guarded -a -g 0
	every 'ERROR no-such-secret ?*' 'GET nothing' 'DEL nothing' \
	    "GET x$name" "GET ${name}x" "GET ${name%?}" "GET Z${name#z}"
	every 'ERROR exists ?*' "PUT $name 3" "PUT $name 3 reads=1 ttl=1"
	control get "$name" secret say "DEL $name" want OK \
	    say "GET $name" like 'ERROR no-such-secret ?*' \
	    say "DEL $name" like 'ERROR no-such-secret ?*' \
	    say "PUT $name 3" want GO raw new want OK \
	    say "GET $name" want 'DATA 3' raw '\n' want \
	    'newERROR bad-request no such verb'
	stands_down
}

behaviour bad_names_are_refused \
    'ERROR bad-name answers a name that no secret can have'
bad_names_are_refused_body() {
	guarded -a -g 0
	longest=$(printf '%0128d' 0)
	for bad in -a - "a'b" 'a"b' 'a\b' "'" ä \
	    "$(printf 'a\001b')" "$(printf 'a\177b')" "${longest}0" \
	    "$(printf '%08000d' 0)"; do
		every 'ERROR bad-name ?*' "PUT $bad 1" "GET $bad" "DEL $bad"
	done
	for good in a 0 _ _.- a.b a-b A_Z . .a .. a/b a=b a:b a,b 'a*b' '**' 'a%sb' \
	    '$(a)' '`a`' 'a;b' '~' '#a' mail/me@example.org "$longest"; do
		control say "PUT $good 1" want GO raw x want OK \
		    say "GET $good" want 'DATA 1' take 1 say "DEL $good" want OK
	done
	stands_down
}

behaviour bad_requests_are_refused \
    'ERROR bad-request or invalid pid answers a line that is no request, and the connection stays'
bad_requests_are_refused_body() {
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
	for pid in 0 -1 1x x '' +5 0x10 1.0 2147483648 \
	    99999999999999999999999999; do
		every 'ERROR invalid pid' "REGISTER pid=$pid" "UNREGISTER pid=$pid"
	done
	every 'ERROR invalid pid' UNREGISTER 'REGISTER 5' \
	    "REGISTER pid $$" "REGISTER $$" "REGISTER pid=$$ now" \
	    "UNREGISTER pid=$$"
	stands_down
}

behaviour blanks_and_cr_do_not_count \
    'a CR before the newline and blanks around words do not count, but the case of names and all bytes of a secret do'
blanks_and_cr_do_not_count_body() {
	guarded -a -g 0
	control raw 'ARM\r\n' want ALREADY_ARMED raw ' \t ARM \t\r\n' \
	    want ALREADY_ARMED raw '\tPUT  one\t 1 \t reads=1\r\n' want GO raw x \
	    want OK raw 'ARM\r\r\n' like 'ERROR bad-request ?*' \
	    raw 'A\rRM\n' like 'ERROR bad-request ?*' \
	    raw 'GET one\r\n' want 'DATA 1' take 1 \
	    raw 'GET one\r\n' like 'ERROR no-such-secret ?*'
	printf ' \r\nDEL one\r\n\n ' >value
	control put one value get one value get one value say 'DEL one' want OK \
	    say 'PUT one 1' want GO raw a want OK \
	    say 'PUT ONE 1' want GO raw b want OK \
	    say 'DEL one' want OK say 'GET one' like 'ERROR no-such-secret ?*' \
	    say 'GET ONE' want 'DATA 1' raw 'ARM\n' want bALREADY_ARMED
	stands_down
}

behaviour requests_come_in_any_pieces \
    'requests that come together, byte by byte, or before the end are answered one by one, in order, up to a PUT that is refused'
requests_come_in_any_pieces_body() {
	guarded -a -g 0
	control raw 'ARM\nFOO\nGET a"\nGET no\nARM\nDEL no\nLIST\nARM\n\nARM\n' \
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
	control bytes 'ARM\r\nPUT one 5\nab\ncdGET one\n' want ALREADY_ARMED \
	    want GO want OK want 'DATA 5' want ab raw 'AR' \
	    raw 'M\nAR' want cdALREADY_ARMED raw 'M\n' want ALREADY_ARMED
	control raw "ARM\nGET $name\nARM\n" shutwr want ALREADY_ARMED \
	    want "DATA ${#secret}" want "${secret}ALREADY_ARMED" eof
	control raw "PUT two 3\nabcARM\n" shutwr want GO want OK \
	    want ALREADY_ARMED eof
	control shutwr eof
	control raw AR shutwr eof
	# What follows a PUT that is refused is no request.
	for put in "PUT $name 11" 'PUT a" 11' 'PUT a 11x' 'PUT a 999999'; do
		control raw "$put\nPANIC hard\n" like 'ERROR ?*' eof
	done
	stands_down
}

behaviour a_line_has_8192_bytes \
    'a longer line, and noise of any kind, reads bad-request, and the connection still works'
a_line_has_8192_bytes_body() {
	guarded -a -g 0
	control raw ARM repeat 8188 ' ' raw '\n' want ALREADY_ARMED \
	    repeat 8191 x raw '\n' like 'ERROR bad-request ?*' \
	    say ARM want ALREADY_ARMED \
	    repeat 8192 x raw '\n' like 'ERROR bad-request *too long*' \
	    say ARM want ALREADY_ARMED \
	    repeat 100000 x raw '\n' like 'ERROR bad-request *too long*' \
	    say ARM want ALREADY_ARMED raw ARM repeat 8189 ' ' raw '\n' \
	    like 'ERROR bad-request *too long*' say ARM want ALREADY_ARMED \
	    repeat 8192 x like 'ERROR bad-request *too long*' \
	    raw 'ARM\nARM\n' want ALREADY_ARMED
	control raw '\0\n' like 'ERROR bad-request ?*' \
	    raw 'ARM\0\n' like 'ERROR bad-request ?*' \
	    raw 'GET '"$name"'\0\n' like 'ERROR bad-request ?*' \
	    raw 'PANIC\0hard\n' like 'ERROR bad-request ?*' \
	    raw '\xff\xfe\x80\n' like 'ERROR bad-request ?*' \
	    raw '\x1b[2J\n' like 'ERROR bad-request ?*' \
	    junk 300000 raw '\nARM\n' until ALREADY_ARMED get "$name" secret
	stands_down
}

behaviour silent_clients_are_closed_after_10_s \
    'a client that asks nothing for 10 s is disconnected, and one that asks is not'
silent_clients_are_closed_after_10_s_body() {
	guarded -a -g 0
	talk -w 15 "$sock.ctl" mark connect raw STAT connect connect at 3000 \
	    use 2 say STATUS like 'STATUS *' use 3 say FOO like 'ERROR *' \
	    use 0 eof over 9900 use 1 eof \
	    use 2 say STATUS like 'STATUS *' use 3 say ARM want ALREADY_ARMED \
	    at 12000 say ARM want ALREADY_ARMED
	stands_down
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
	# Half a request is silence, too, and so are answers that are not read.
	control raw AR mark at 10 connect repeat 400 'LIST\nSTATUS\n' many 30 \
	    connect say ARM want ALREADY_ARMED use 0 eof use 32 \
	    connect say ARM want ALREADY_ARMED
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

behaviour too_few_descriptors_are_no_panic \
    'a vault that has too few descriptors for its clients does not panic'
too_few_descriptors_are_no_panic_body() {
	through 'ulimit -n 30; exec'
	guarded -a -g 0
	# The vault has a descriptor of each of these clients until it has answered.
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
	stop
	guarded -a -g 0 -z 1000000
	control raw "$(seq 1001 2023 | sed 's/.*/PUT s& 4\\n&/' | tr -d '\n')" \
	    raw 'ARM\n' until ALREADY_ARMED \
	    say STATUS like '* secrets=1024 *' say 'PUT more 1' \
	    like 'ERROR full ?*' eof connect say 'GET s1001' want 'DATA 4' raw '\n' \
	    want '1001ERROR bad-request no such verb' \
	    say 'GET s2023' want 'DATA 4' raw '\n' \
	    want '2023ERROR bad-request no such verb'
	# Also if the list is read slowly, or several clients read it.
	control raw 'LIST\nARM\n' connect say ARM want ALREADY_ARMED use 0 \
	    want "$name ${#secret} - -" want 's1001 4 - -' until 's2023 4 - -' \
	    want OK want ALREADY_ARMED \
	    say 'DEL s1007' want OK say 'PUT more 1' want GO raw x want OK
	"$talk" "$sock.ctl" say LIST shutwr rest list || fail "no LIST"
	[ "$(wc -l <list)" -eq 1025 ] || fail "$(wc -l <list) lines"
	[ "$(sort -u list | wc -l)" -eq 1025 ] || fail "some more than once"
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

behaviour no_value_shows 'neither STATUS nor LIST nor a refusal shows a value, nor does the log, however verbose'
no_value_shows_body() {
	guarded -a -g 0
	"$talk" "$sock.ctl" raw "LIST\nSTATUS\nGET no\nDEL no\nARM\n" \
	    shutwr rest answers || fail "no answers"
	[ "$(wc -l <answers)" -eq 6 ] || fail "$(cat answers)"
	absent -F "$secret" answers
	stop
	value='wOr+ds~of"a.client:9'
	for verbose in '' -v '-v -v'; do
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
	    want 'DATA 60' want-file value raw "PUT e 99\n$value" want GO close \
	    connect say 'DEL a' want OK
	# The shortest lines that a secret can follow.
	control raw "PUT f 5\nzqjZQ" want GO want OK \
	    raw "DEL f\nPUT g 5\nzqjZQGET g\n  PUT f 5\nzqjZQ" want OK \
	    want GO want OK want 'DATA 5' take 5 want GO want OK \
	    raw "GET f\nPUT h 5\nzqjZQ" want 'DATA 5' take 5 want GO want OK
	kill $tracer
	talk - ended $tracer
	bytes_of trace >seen
	for line in 'PUT a 60' 'GET a' 'GET c' 'PUT d 60' 'GET d' \
	    'PUT e 99' 'DEL a' 'PUT f 5' 'PUT g 5' 'GET g' 'PUT h 5'; do
		grep -qF "$line\\n" seen || fail "'$line' was not seen: $(cat seen)"
	done
	if grep -o '"[^"]*"' trace | grep '[zqjZQJwWxX]'; then
		fail "network had bytes of it"
	fi
	[ "$(wc -c <seen)" -lt 300 ] || fail "more than the lines: $(cat seen)"
	stands_down
}

shipped behaviour no_memory_shows_a_value 'what was put and got is in no memory that root can read' \
    require.user root
no_memory_shows_a_value_body() {
	guarded -v -a -g 60
	need_secretmem
	value='Yx9+another~of/them:33'
	printf %s "$value" >value
	control say "PUT one ${#value}" want GO send-file value want OK \
	    say 'GET one' want "DATA ${#value}" want-file value \
	    raw "PUT two ${#value}\n$value" want GO want OK \
	    bytes "PUT three ${#value}\n$value" want GO want OK say 'DEL two' want OK \
	    raw "PUT four 1000\n$value" want GO connect ask STATUS '*'
	in_no_memory value "$vault" "$network"
	stands_down
}

many_requests() {
	control repeat 100 "$storm" shutwr rest answers
	[ "$(grep -c '^STATUS' answers)" -eq 100 ] || fail "$(cat answers)"
	control many 31 connect say ARM want ALREADY_ARMED \
	    say 'PUT c 40000' want GO send-file value want OK \
	    say 'GET c' want 'DATA 40000' want-file value say 'DEL c' \
	    want OK junk 100000 raw '\nARM\n' until ALREADY_ARMED \
	    repeat 9000 x raw '\n' like 'ERROR bad-request ?*' \
	    say 'PUT d 100' want GO close
	for _ in 1 2; do
		control many 31 repeat 20 "GET $name\nDEL no\nPUT $name 3\nPUT -x 1\n" \
		    repeat 20 "PUT a 3\nabcDEL a\n" \
		    repeat 20 "REGISTER pid=$idler\nUNREGISTER pid=$idler\n" \
		    raw 'REGISTER pid=1\nPUT b 100\nabc' shutwr rest answers
		control raw 'PUT b 100\nabc' close connect raw "GET $name\n" close
	done
	control ask STATUS '* registered=0 * secrets=1 *'
}

shipped behaviour requests_cost_nothing_that_lasts \
    'after thousands of requests neither process has more memory or descriptors' \
    require.user root
requests_cost_nothing_that_lasts_body() {
	guarded -v -a -g 0
	idler
	head -c 40000 /dev/urandom >value
	storm="PUT a 3 ttl=9\nabcPUT b 3 reads=2\nabcGET a\nGET b\nGET b\nGET b\nLIST\n"
	storm="${storm}DEL a\nREGISTER pid=$idler\nSTATUS\nUNREGISTER pid=$idler\n"
	costs_nothing many_requests
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
