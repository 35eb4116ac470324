#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The heartbeat socket, line by line.

. "$(atf_get_srcdir)/lib.sh"

unknown='ERR unknown-verb'
bad='ERR bad-pid'
long='ERR line-too-long'

behaviour every_line_has_its_answer \
    'HELLO, PING, CANCEL and QUIT, in any case, with blanks and CR around them, read their answer'
every_line_has_its_answer_body() {
	start
	talk "$sock" hello ping say CANCEL want NOTHING-PENDING \
	    say STATUS want "$unknown" hello ping quit
	ends 0
	logged 'QUIT from the heartbeat: secrets wiped, bye'
	start
	talk "$sock" say 'hElLo 1' want WELCOME say ping want PONG \
	    say Ping want PONG say cANCEL want NOTHING-PENDING \
	    raw 'HELLO 1\r\n' want WELCOME raw 'PING\r\n' want PONG \
	    raw ' \t PING \t\r\n' want PONG raw 'PING\r\r\n' want "$unknown" \
	    raw 'PI\rNG\n' want "$unknown" raw 'CANCEL\r\n' want NOTHING-PENDING \
	    say quit want BYE eof
	ends 0
}

behaviour bad_pids_and_verbs_are_refused \
    'a pid that is no positive number is bad, any other line is an unknown verb, and the connection stays'
bad_pids_and_verbs_are_refused_body() {
	local line pid

	start
	set --
	for pid in 0 -1 5x '' ' ' x +5 0x10 1e3 1.0 '5 6' nan 2147483648 \
	    99999999999999999999999999999999; do
		set -- "$@" say "HELLO $pid" want "$bad"
	done
	for line in '' ' ' PINGPING 'PING PING' 'PING 1' PIN PINGG 'QUIT now' \
	    QUITE 'CANCEL 1' GET STATUS ARM 'PANIC hard' HELLO5 \
	    'GET / HTTP/1.1' '%s%n%n' WELCOME PONG BYE; do
		set -- "$@" say "$line" want "$unknown"
	done
	# Before HELLO the others are unknown, too.
	talk "$sock" "$@" say HELLO want "$bad" say PING want "$unknown" \
	    say CANCEL want "$unknown" say QUIT want "$unknown" \
	    say 'HELLO 2147483647' want WELCOME "$@" ping quit
	ends 0
}

behaviour nobody_is_missed_before_hello 'a connection that closes without HELLO triggers nothing'
nobody_is_missed_before_hello_body() {
	start -a -g 0
	talk "$sock" close connect shutwr eof connect raw HELL close \
	    connect say QUIT close connect say HELLO close connect say PING \
	    want "$unknown" close
	lives
}

behaviour a_line_has_8192_bytes \
    'a longer line reads line-too-long once, noise is unknown, and the connection still works'
a_line_has_8192_bytes_body() {
	start -a -g 0
	talk "$sock" repeat 8192 x raw '\n' want "$long" \
	    repeat 100000 x raw '\n' want "$long" \
	    raw HELLO repeat 8186 ' ' raw '1\n' want "$long" \
	    raw HELLO repeat 8185 ' ' raw '1\n' want WELCOME \
	    repeat 8191 x raw '\n' want "$unknown" repeat 8192 x want "$long" \
	    raw 'PING\nPING\n' want PONG repeat 8193 x raw '\nPING\n' \
	    want "$long" want PONG quit
	ends 0
	start -a -g 0
	talk "$sock" raw '\0\n' want "$unknown" raw 'PING\0\n' want "$unknown" \
	    raw 'HELLO 1\0\n' want "$unknown" raw '\xff\xfe\x80\n' \
	    want "$unknown" raw '\x1b[2J\n' want "$unknown" junk 300000 \
	    raw '\n' say "$guard" until WELCOME junk 300000 raw '\n' \
	    say CANCEL until NOTHING-PENDING ping quit
	ends 0
}

behaviour lines_come_in_any_pieces \
    'lines that come together or byte by byte are answered one by one, in order; PINGs by as many PONGs'
lines_come_in_any_pieces_body() {
	local pings

	pings=$(printf 'PING\\n%.0s' $(seq 1637))
	start -a -g 0
	talk "$sock" bytes 'HELLO 4711\r\n' want WELCOME \
	    bytes 'PING\nPING\nFOO\nCANCEL\n' want PONG want PONG \
	    want "$unknown" want NOTHING-PENDING raw 'PING\nPI' want PONG \
	    raw 'NG\n' want PONG bytes 'QUIT\n' want BYE eof
	ends 0
	start -a -g 0
	talk "$sock" raw 'PING\nHELLO 0\nHELLO 1\nPING\nping\nPING\r\nFOO\nPING\n' \
	    want "$unknown" want "$bad" want WELCOME wantn 3 PONG \
	    want "$unknown" want PONG \
	    repeat 500 'PING\n' wantn 500 PONG repeat 20000 'PING\n' \
	    wantn 20000 PONG repeat 500 'PING\nFOO\n' raw 'CANCEL\n' \
	    until NOTHING-PENDING \
	    raw 'CANCEL\nPING\nHELLO 1\nPING\n\nPING\nQUIT\nPING\n' \
	    want NOTHING-PENDING want PONG want WELCOME want PONG \
	    want "$unknown" want PONG want BYE eof
	ends 0
	# As many PINGs as one read takes, and then the QUIT.
	start -a -g 0
	talk "$sock" hello raw "${pings}QUIT\n" wantn 1637 PONG want BYE eof
	ends 0
}

behaviour others_read_busy 'while guarded, another connection reads BUSY, is closed, and becomes nothing'
others_read_busy_body() {
	start -a -g 0
	talk "$sock" hello connect want BUSY eof connect say "$guard" want BUSY eof \
	    connect repeat 20000 x want BUSY eof \
	    connect raw 'HELLO 1\nPING\nQUIT\nCANCEL\n' want BUSY eof \
	    connect say "$guard" say QUIT want BUSY close use 0 ping close
	killed 'PANIC: heartbeat connection dropped'
}

behaviour one_of_many_is_the_heartbeat \
    'of the clients that say HELLO together one is welcomed; all others read BUSY, after the answers to what they sent before'
one_of_many_is_the_heartbeat_body() {
	table <<-'EOT'
	| connect say PING want "$unknown" kill STOP $vault use 0 say "$guard"
	    use 1 raw 'PING\nHELLO x\nHELLO 2\nPING\n' want "$unknown" want "$bad"
	    want BUSY eof kill CONT $vault use 0 want WELCOME quit | 0
	| many 5 say PING want "$unknown" use 2 hello use 0 want BUSY eof
	    use 5 want BUSY eof use 2 ping quit | 0
	| connect kill STOP $network use 0 say "$guard" use 1 say "$guard"
	    kill CONT $network use 0 want WELCOME use 1 want BUSY eof use 0 quit | 0
	EOT
}

behaviour ten_seconds_are_for_hello \
    'a client that has not said HELLO within 10 s is disconnected, and one that has is not'
ten_seconds_are_for_hello_body() {
	start -s "$sock.2"
	client "$sock.2" hello echo guards mark at 10500 ping quit
	start -a -g 0
	talk -w 15 "$sock" mark connect raw 'HELL' connect say FOO \
	    want "$unknown" use 0 eof over 9500 use 1 eof use 2 eof
	lives
	ends 0 "$client"
}

behaviour strangers_are_closed_on \
    'a client of another uid is disconnected without an answer, and root may be the heartbeat of a user' \
    require.user root
strangers_are_closed_on_body() {
	public
	start -a -g 0
	chmod 666 "$sock" "$sock.ctl"
	(as_other "$dir/talk" "$sock" say "$guard" eof to "$sock.ctl" say STATUS eof \
	    connect say "GET $name" eof connect say ARM eof connect \
	    say 'PANIC hard' eof) || fail "more than closed on"
	logged 'a client of uid 65534 refused'
	lives
	chown 65534 "$dir"
	printf %s "$secret" >"$dir/secret"
	cp "$dazaid" "$dir"
	launch as_other "$dir/dazaid" -d -s "$sock" -l "$name=-" <"$dir/secret"
	lives
}

behaviour a_heartbeat_that_never_reads_is_lost \
    'a heartbeat that sends and never reads misses its deadline, and holds no signal up'
a_heartbeat_that_never_reads_is_lost_body() {
	start -a -g 0 -t 1
	client "$sock" hello fill echo full hold
	killed 'PANIC: ping deadline missed'
	start -a
	client "$sock" hello fill echo full hold
	talk - mark kill TERM "$vault" ended "$vault" within 3000
	ends 0
	logged 'SIGTERM: secrets wiped, bye'
}
