#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The heartbeat socket, line by line.  unit/replay_network tries every line, in any pieces,
# from many clients.

. "$(atf_get_srcdir)/lib.sh"

unknown='ERR unknown-verb'
bad='ERR bad-pid'

behaviour every_line_has_its_answer \
    'HELLO, PING, CANCEL and QUIT, in any case and in any pieces, read their answer; noise and too long a line harm nothing'
every_line_has_its_answer_body() {
	start
	talk "$sock" say STATUS want "$unknown" say PING want "$unknown" \
	    say 'HELLO 0' want "$bad" say HELLO want "$bad" \
	    bytes 'hElLo 2147483647\r\n' want WELCOME \
	    raw ' \t PING \t\r\nPi' want PONG raw 'ng\n' want PONG \
	    raw 'PING\r\r\n' want "$unknown" say cANCEL want NOTHING-PENDING \
	    repeat 100000 x raw '\n' want 'ERR line-too-long' \
	    junk 300000 raw '\nCANCEL\n' until NOTHING-PENDING \
	    repeat 20000 'PING\n' wantn 20000 PONG hello ping \
	    raw "$(printf 'PING\\n%.0s' $(seq 1637))quit\n" wantn 1637 PONG want BYE eof
	ends 0
	logged 'QUIT from the heartbeat: secrets wiped, bye'
}

behaviour there_is_one_heartbeat \
    'a connection that closes without HELLO triggers nothing; while guarded, another one reads BUSY, is closed, and becomes nothing'
there_is_one_heartbeat_body() {
	start -a -g 0
	talk "$sock" raw HELL close connect say QUIT close connect shutwr eof
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
	(become 65534 "$dir/talk" "$sock" say "$guard" eof to "$sock.ctl" say STATUS eof \
	    connect say "GET $name" eof connect say ARM eof connect \
	    say 'PANIC hard' eof) || fail "more than closed on"
	logged 'a client of uid 65534 refused'
	lives
	chown 65534 "$dir"
	printf %s "$secret" >"$dir/secret"
	cp "$dazaid" "$dir"
	launch become 65534 "$dir/dazaid" -d -s "$sock" -l "$name=-" <"$dir/secret"
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
