#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# The heartbeat socket, line by line.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

unknown='ERR unknown-verb'
bad='ERR bad-pid'
long='ERR line-too-long'

behaviour hello_is_welcomed 'HELLO reads WELCOME, and the log has the pid by the kernel'
hello_is_welcomed_body() {
	start
	client "$sock" say "$guard" want WELCOME hold
	logged "guarded by pid $client"
	kill "$client"
	rehearsed 'heartbeat connection dropped'
}

behaviour every_line_of_the_table 'PING, CANCEL, QUIT and all else read their answer'
every_line_of_the_table_body() {
	start
	talk "$sock" say "$guard" want WELCOME say PING want PONG \
	    say CANCEL want NOTHING-PENDING say STATUS want "$unknown" \
	    say "$guard" want WELCOME say PING want PONG say QUIT want BYE eof
	ends 0
	logged 'QUIT from the heartbeat: secrets wiped, bye'
}

behaviour cancel_while_pending 'CANCEL reads CANCELLED once, then NOTHING-PENDING'
cancel_while_pending_body() {
	start -a
	talk "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    log log 'panic pending' say CANCEL want CANCELLED \
	    say CANCEL want NOTHING-PENDING say QUIT want BYE eof
	ends 0
	logged 'panic CANCELLED'
}

behaviour verbs_in_any_case 'verbs may be in any case'
verbs_in_any_case_body() {
	start
	talk "$sock" say 'hElLo 1' want WELCOME say ping want PONG \
	    say Ping want PONG say cANCEL want NOTHING-PENDING \
	    say quit want BYE eof
	ends 0
}

behaviour carriage_return_and_blanks 'a CR before the newline and blanks around the line do not count'
carriage_return_and_blanks_body() {
	start
	talk "$sock" raw 'HELLO 1\r\n' want WELCOME raw 'PING\r\n' want PONG \
	    raw ' \t PING \t\r\n' want PONG raw 'PING\r\r\n' want "$unknown" \
	    raw 'PI\rNG\n' want "$unknown" raw 'CANCEL\r\n' want NOTHING-PENDING \
	    raw 'QUIT\r\n' want BYE eof
	ends 0
}

behaviour bad_pids 'what is no positive number is a bad pid, and the connection stays'
bad_pids_body() {
	local pid

	start
	set --
	for pid in 0 -1 5x '' ' ' x +5 0x10 1e3 1.0 '5 6' nan 2147483648 \
	    99999999999999999999999999999999; do
		set -- "$@" say "HELLO $pid" want "$bad"
	done
	talk "$sock" "$@" say HELLO want "$bad" say HELLO5 want "$unknown" \
	    say 'HELLO 2147483647' want WELCOME say 'HELLO 0' want "$bad" \
	    say PING want PONG say QUIT want BYE eof
	ends 0
}

behaviour unknown_verbs 'anything else is an unknown verb, and the connection stays'
unknown_verbs_body() {
	local line

	start
	set --
	for line in '' ' ' PINGPING 'PING PING' 'PING 1' PIN PINGG 'QUIT now' \
	    QUITE 'CANCEL 1' GET STATUS ARM 'PANIC hard' \
	    'GET / HTTP/1.1' '%s%n%n' WELCOME PONG BYE; do
		set -- "$@" say "$line" want "$unknown"
	done
	talk "$sock" "$@" say "$guard" want WELCOME "$@" say PING want PONG \
	    say QUIT want BYE eof
	ends 0
}

behaviour nobody_knows_only_hello 'PING, CANCEL and QUIT before HELLO do nothing'
nobody_knows_only_hello_body() {
	start
	talk "$sock" say PING want "$unknown" say CANCEL want "$unknown" \
	    say QUIT want "$unknown" say "$guard" want WELCOME say QUIT want BYE
	ends 0
}

behaviour nobodies_leave_without_effect 'closing without HELLO triggers nothing'
nobodies_leave_without_effect_body() {
	start -a -g 0
	talk "$sock" close connect shutwr eof connect raw HELL close \
	    connect say QUIT close connect say HELLO close connect say PING \
	    want "$unknown" close
	lives
}

behaviour longest_line 'a line of 8192 bytes with its newline is a line'
longest_line_body() {
	start
	talk "$sock" raw HELLO repeat 8185 ' ' raw '1\n' want WELCOME \
	    repeat 8191 x raw '\n' want "$unknown" say QUIT want BYE eof
	ends 0
}

behaviour line_too_long 'a longer line reads line-too-long once, and the connection still works'
line_too_long_body() {
	start
	talk "$sock" repeat 8192 x raw '\n' want "$long" \
	    repeat 100000 x raw '\n' want "$long" \
	    raw HELLO repeat 8186 ' ' raw '1\n' want "$long" \
	    say "$guard" want WELCOME repeat 8192 x want "$long" \
	    raw 'PING\nPING\n' want PONG repeat 8193 x raw '\nPING\n' \
	    want "$long" want PONG say QUIT want BYE eof
	ends 0
}

behaviour byte_by_byte 'a line may come in any pieces'
byte_by_byte_body() {
	start
	talk "$sock" bytes 'HELLO 4711\r\n' want WELCOME \
	    bytes 'PING\nPING\nFOO\nCANCEL\n' want PONG want PONG \
	    want "$unknown" want NOTHING-PENDING raw 'PING\nPI' want PONG \
	    raw 'NG\n' want PONG bytes 'QUIT\n' want BYE eof
	ends 0
}

behaviour joined_lines 'lines that come together are answered one by one, in order'
joined_lines_body() {
	start
	talk "$sock" raw 'PING\nHELLO 0\nHELLO 1\nPING\nping\nPING\r\nFOO\nPING\n' \
	    want "$unknown" want "$bad" want WELCOME wantn 3 PONG \
	    want "$unknown" want PONG \
	    raw 'CANCEL\nPING\nHELLO 1\nPING\n\nPING\nQUIT\nPING\n' \
	    want NOTHING-PENDING want PONG want WELCOME want PONG \
	    want "$unknown" want PONG want BYE eof
	ends 0
}

behaviour pipelined_pings 'as many PONGs as PINGs, however many at once'
pipelined_pings_body() {
	start
	talk "$sock" say "$guard" want WELCOME repeat 500 'PING\n' \
	    wantn 500 PONG repeat 20000 'PING\n' wantn 20000 PONG \
	    repeat 500 'PING\nFOO\n' raw 'CANCEL\n' until NOTHING-PENDING \
	    say QUIT want BYE eof
	ends 0
}

behaviour binary_junk 'noise is unknown, and does no harm'
binary_junk_body() {
	start -a -g 0
	talk "$sock" raw '\0\n' want "$unknown" raw 'PING\0\n' want "$unknown" \
	    raw 'HELLO 1\0\n' want "$unknown" raw '\xff\xfe\x80\n' \
	    want "$unknown" raw '\x1b[2J\n' want "$unknown" junk 300000 \
	    raw '\n' say "$guard" until WELCOME junk 300000 raw '\n' \
	    say CANCEL until NOTHING-PENDING say PING want PONG \
	    say QUIT want BYE eof
	ends 0
}

behaviour busy 'while guarded, another connection reads BUSY at once and is closed'
busy_body() {
	start -a -g 0
	talk "$sock" say "$guard" want WELCOME connect want BUSY eof \
	    connect say "$guard" want BUSY eof \
	    connect repeat 20000 x want BUSY eof \
	    connect raw 'HELLO 1\nPING\nQUIT\nCANCEL\n' want BUSY eof \
	    use 0 say PING want PONG say QUIT want BYE eof
	ends 0
}

behaviour busy_stranger_cannot_displace 'one who reads BUSY becomes nothing, whatever it says'
busy_stranger_cannot_displace_body() {
	start -a -g 0
	talk "$sock" say "$guard" want WELCOME connect say "$guard" say QUIT \
	    want BUSY close use 0 say PING want PONG close
	killed 'PANIC: heartbeat connection dropped'
}

behaviour busy_stranger_cannot_cancel 'one who reads BUSY cannot cancel'
busy_stranger_cannot_cancel_body() {
	start -a -g 0.5
	talk "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    log log 'panic pending' connect raw 'HELLO 1\nCANCEL\n' want BUSY \
	    eof use 0 eof
	killed 'PANIC: SIGUSR1'
	not_logged CANCELLED
}

behaviour busy_after_what_was_said 'BUSY comes behind the answers to the lines before it'
busy_after_what_was_said_body() {
	start
	# The vault has not welcomed the first yet when the second comes to its HELLO.
	talk "$sock" connect say PING want "$unknown" kill STOP "$vault" \
	    use 0 say "$guard" use 1 raw 'PING\nHELLO x\nHELLO 2\nPING\n' want "$unknown" \
	    want "$bad" want BUSY eof \
	    kill CONT "$vault" use 0 want WELCOME say QUIT want BYE eof
	ends 0
}

behaviour busy_for_those_who_wait 'when one is welcomed, all who have not said HELLO read BUSY'
busy_for_those_who_wait_body() {
	start
	talk "$sock" many 5 say PING want "$unknown" use 2 say "$guard" \
	    want WELCOME use 0 want BUSY eof use 5 want BUSY eof use 2 \
	    say PING want PONG say QUIT want BYE eof
	ends 0
}

behaviour two_hellos_one_heartbeat 'of those who say HELLO together one is welcomed, the rest read BUSY'
two_hellos_one_heartbeat_body() {
	start
	talk "$sock" connect kill STOP "$network" use 0 say "$guard" \
	    use 1 say "$guard" kill CONT "$network" use 0 want WELCOME \
	    use 1 want BUSY eof use 0 say QUIT want BYE eof
	ends 0
}

behaviour half_closed_is_lost 'a heartbeat that will say nothing more is lost'
half_closed_is_lost_body() {
	start
	talk "$sock" say "$guard" want WELCOME shutwr eof
	rehearsed 'heartbeat connection dropped'
}

behaviour ten_seconds_for_hello 'who has not said HELLO in 10 s is closed, and who has is not'
ten_seconds_for_hello_body() {
	start -s "$sock.2"
	client "$sock.2" say "$guard" want WELCOME echo guards mark at 10500 \
	    say PING want PONG say QUIT want BYE eof
	talk - log said guards
	start -a -g 0
	talk -w 15 "$sock" mark connect raw 'HELL' connect say FOO \
	    want "$unknown" use 0 eof over 9500 use 1 eof use 2 eof within 12000
	lives
	ends 0 "$client"
}

behaviour other_uid_is_closed_on 'a client of another uid is closed without an answer' require.user root
other_uid_is_closed_on_body() {
	public
	start -a -g 0
	chmod 666 "$sock"
	(as_other "$dir/talk" "$sock" say "$guard" eof) ||
	    fail "more than closed on"
	logged 'a client of uid 65534 refused'
	lives
}

behaviour other_uid_has_no_permission 'the socket is for its owner alone'
other_uid_has_no_permission_body() {
	start
	[ "$(stat -c '%a %u' "$sock")" = "600 $(id -u)" ] ||
	    fail "$(ls -l "$sock")"
	lives
}

behaviour root_may_connect 'root may be the heartbeat of a user' require.user root
root_may_connect_body() {
	public
	chown 65534 "$dir"
	printf %s "$secret" >"$dir/secret"
	cp "$dazaid" "$dir"
	as_other "$dir/dazaid" -d -s "$sock" -l "$name=-" <"$dir/secret" 2>log &
	vault=$!
	remember "$vault"
	logged 'vault: ready'
	lives
}

behaviour who_never_reads_is_lost 'a heartbeat that sends and never reads misses its deadline'
who_never_reads_is_lost_body() {
	start -a -g 0 -t 1
	client "$sock" say "$guard" want WELCOME fill echo full hold
	talk - log said full
	killed 'PANIC: ping deadline missed'
}

behaviour who_never_reads_holds_nothing_up 'signals are seen to while a heartbeat does not read'
who_never_reads_holds_nothing_up_body() {
	start -a
	client "$sock" say "$guard" want WELCOME fill echo full hold
	talk - log said full mark kill TERM "$vault" ended "$vault" within 1000
	ends 0
	logged 'SIGTERM: secrets wiped, bye'
}

behaviour quit_behind_pings 'a QUIT behind as many PINGs as one read takes is heard'
quit_behind_pings_body() {
	local pings

	# shellcheck disable=SC2046 # a word a PING
	pings=$(printf 'PING\\n%.0s' $(seq 1637))
	start -a -g 0
	talk "$sock" say "$guard" want WELCOME raw "${pings}QUIT\n" \
	    wantn 1637 PONG want BYE eof
	ends 0
}
