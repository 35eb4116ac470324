#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# The bytes of PUT and GET: that they arrive whole or not at all, whoever is slow,
# dies, or comes at the same time.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

size() {
	stat -c %s "$1"
}

# noise SIZE FILE
noise() {
	head -c "$1" /dev/urandom >"$2"
}

# put NAME FILE [OPTION...]
put() {
	local what=$1 file=$2

	shift 2
	control say "PUT $what $(size "$file") $*" want GO send-file "$file" \
	    want OK
}

# get NAME FILE: gets exactly that
get() {
	control say "GET $1" want "DATA $(size "$2")" want-file "$2"
}

# only_part FILE WHOLE: what was received, behind TAKEN bytes, is not all of it
only_part() {
	[ $(($(size "$1") + taken)) -lt "$(size "$2")" ] ||
	    fail "all $(size "$2") bytes were received"
	tail -c +$((taken + 1)) "$2" | head -c "$(size "$1")" | cmp -s - "$1" ||
	    fail "other bytes were received"
}

# A secret that does not fit in the buffers of a connection, as "big", of $big bytes.
big=1000000
taken=100000		# how much of it is received before something happens
with_big() {
	guarded -z 3000000 "$@"
	noise $big value
	put big value
}

# given_back ROOM: all the room is free again, and so no client holds any
given_back() {
	control ask STATUS "* room=$1*"
}

# round_trips SIZE...: each goes in and comes out, byte by byte the same
round_trips() {
	local s

	see_room
	for s; do
		noise "$s" value
		put a value
		get a value
		get a value
		control say LIST want "a $s - -" want OK say 'DEL a' want OK
	done
	given_back "$room"
}

behaviour sizes 'a secret of any size comes out as it went in, up to all that fits'
sizes_body() {
	guarded -a -g 0
	control say "DEL $name" want OK
	see_room
	round_trips 1 2 3 7 8 15 16 17 31 32 33 63 64 65 127 128 129 255 256 257 \
	    4095 4096 4097 8191 8192 8193 $((room - 1)) "$room"
	stands_down
}

behaviour large_sizes 'so does one of 1 MiB, and whatever is about it'
large_sizes_body() {
	guarded -a -g 0 -z 1100000
	control say "DEL $name" want OK
	see_room
	round_trips 65535 65536 65537 131071 131072 131073 500000 1048575 1048576 \
	    1048577 "$room"
	stands_down
}

behaviour sixteen_mib 'so does one of 16 MiB'
sixteen_mib_body() {
	guarded -a -g 0 -z 17000000
	control say "DEL $name" want OK
	see_room
	round_trips 16777216 "$room"
	stands_down
}

behaviour page_sized_arena 'so does one that fills the smallest of arenas'
page_sized_arena_body() {
	guarded -a -g 0 -z 4096
	control say "DEL $name" want OK
	see_room
	round_trips 1 $((room - 1)) "$room" 1
	stands_down
}

behaviour every_byte_value 'a secret may have any bytes, and at any place'
every_byte_value_body() {
	guarded -a -g 0
	: >value
	i=0
	while [ $i -lt 256 ]; do
		# shellcheck disable=SC2059 # an escape it must be
		printf "\\$(printf %03o $i)" >>value
		i=$((i + 1))
	done
	[ "$(size value)" -eq 256 ] || fail "not all of them"
	put all value
	get all value
	for byte in 000 012 015 040 377; do
		# shellcheck disable=SC2059 # an escape it must be
		printf "\\$byte" >value
		put "x$byte" value
		get "x$byte" value
	done
	stands_down
}

behaviour many_at_once 'transfers side by side do not mix'
many_at_once_body() {
	guarded -a -g 0 -z 4000000
	pids=
	for i in 1 2 3 4 5 6 7 8; do
		noise 400000 "value.$i"
		"$talk" "$sock.ctl" say "PUT s$i 400000" want GO \
		    send-file "value.$i" want OK say "GET s$i" \
		    want 'DATA 400000' want-file "value.$i" >"why.$i" 2>&1 &
		remember $!
		pids="$pids $!"
	done
	for pid in $pids; do
		ends 0 "$pid"
	done
	for i in 1 2 3 4 5 6 7 8; do
		get "s$i" "value.$i"
	done
	stands_down
}

behaviour reads_are_counted 'reads=N: N readers get it, and then it is gone with its room'
reads_are_counted_body() {
	guarded -a -g 0
	see_room
	noise 1000 value
	put a value reads=1
	get a value
	control say 'GET a' like 'ERROR no-such-secret ?*'
	given_back "$room"
	put a value reads=3
	get a value
	control say LIST want "$name ${#secret} - -" want 'a 1000 2 -' want OK
	get a value
	get a value
	control say 'GET a' like 'ERROR no-such-secret ?*' \
	    say LIST want "$name ${#secret} - -" want OK \
	    say 'DEL a' like 'ERROR no-such-secret ?*'
	given_back "$room"
	stands_down
}

behaviour refused_get_is_no_read 'a GET that is refused is none of them'
refused_get_is_no_read_body() {
	start -a -g 60
	talk "$sock.ctl" say 'PUT a 3 reads=1' want GO raw abc want OK \
	    say 'GET a' like 'ERROR unguarded ?*' to "$sock" say "$guard" \
	    want WELCOME kill USR1 "$vault" log log 'panic pending' \
	    use 0 say 'GET a' like 'ERROR pending ?*' use 1 say CANCEL \
	    want CANCELLED use 0 say 'GET a' want 'DATA 3' raw 'ARM\n' \
	    want abcALREADY_ARMED say 'GET a' like 'ERROR no-such-secret ?*' \
	    use 1 say QUIT want BYE eof
	ends 0
}

# race SIZE: 20 readers at the same time, of whom five may get it
race() {
	noise "$1" value
	put race value reads=5
	{
		echo "DATA $1"
		cat value
	} >whole
	kill -STOP "$network"
	pids=
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		: >"asked.$i"
		"$talk" -w 40 "$sock.ctl" say 'GET race' echo asked shutwr \
		    rest "got.$i" >"asked.$i" &
		pids="$pids $!"
	done
	for pid in $pids; do
		remember "$pid"
	done
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		talk - log "asked.$i" asked
	done
	kill -CONT "$network"
	for pid in $pids; do
		ends 0 "$pid"
	done
	gave=0 none=0
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		if cmp -s "got.$i" whole; then
			gave=$((gave + 1))
		elif [ "$(wc -l <"got.$i")" -eq 1 ] &&
		    grep -q '^ERROR no-such-secret ' "got.$i"; then
			none=$((none + 1))
		else
			fail "reader $i has $(head -c 100 "got.$i")"
		fi
	done
	[ $gave -eq 5 ] || fail "$gave got it"
	[ $none -eq 15 ] || fail "$none did not"
}

behaviour twenty_readers_race 'of 20 who race for reads=5 five get it, whole, and the rest nothing'
twenty_readers_race_body() {
	guarded -a -g 0 -z 2000000
	see_room
	race 1
	race 1000
	race 1000000
	given_back "$room"
	stands_down
}

behaviour expires_on_time 'ttl=: not gone before its time, and gone a tenth of a second after'
expires_on_time_body() {
	guarded -a -g 0
	see_room
	# The time of "early" ends before the first moment, that of "late" after it.
	for ttl in 0.3 1; do
		ms=${ttl#0.}
		[ "$ms" = 1 ] && ms=1000 || ms=300
		control say "PUT early 3 ttl=$ttl" want GO raw abc want OK mark \
		    say "PUT late 3 ttl=$ttl" want GO raw abc want OK \
		    at $((ms - 20)) say 'GET late' want 'DATA 3' take 3 \
		    at $((ms + 100)) say 'GET early' like 'ERROR no-such-secret ?*' \
		    say 'GET late' like 'ERROR no-such-secret ?*' \
		    say LIST want "$name ${#secret} - -" want OK \
		    say STATUS like "* secrets=1 * room=$room*"
	done
	stands_down
}

behaviour not_handed_out_late 'what has expired is not handed out, even if the vault could not run in time'
not_handed_out_late_body() {
	guarded -a -g 0
	control say 'PUT a 3 ttl=0.5' want GO raw abc want OK mark \
	    kill STOP "$vault" say 'GET a' at 1000 kill CONT "$vault" \
	    like 'ERROR no-such-secret ?*'
	stands_down
}

behaviour descriptor_used_again 'what happened to the connection of one GET does not end another'
descriptor_used_again_body() {
	with_big
	printf 'bytes of it' >small
	put small small
	# Two have hung up, are cut, and their descriptors used again, all at once.
	control say 'GET big' want "DATA $big" connect say 'GET big' \
	    want "DATA $big" connect connect mark kill STOP "$vault" \
	    use 0 close use 1 close use 2 say 'DEL big' at 300 \
	    use 3 raw 'GET small\nARM\n' at 600 kill CONT "$vault" \
	    want 'DATA 11' want 'bytes of itOK' use 2 want OK
	stands_down
}

behaviour list_counts_down 'LIST tells how many reads and seconds are left'
list_counts_down_body() {
	guarded -a -g 0
	control say "DEL $name" want OK \
	    say 'PUT a 3 reads=9 ttl=30' want GO raw abc want OK mark \
	    at 50 say LIST like 'a 3 9 29.[0-9]*' want OK \
	    say 'GET a' want 'DATA 3' take 3 at 1100 \
	    say LIST like 'a 3 8 28.[0-9]*' want OK \
	    say 'GET a' want 'DATA 3' take 3 at 2100 \
	    say LIST like 'a 3 7 27.[0-9]*' want OK
	stands_down
}

behaviour slow_but_moving 'who is slow, and not too slow, gets and puts everything'
slow_but_moving_body() {
	with_big -a -g 0
	split -b 334000 value piece.
	talk -w 15 "$sock.ctl" say "PUT slow $big" want GO mark \
	    connect say 'GET big' want "DATA $big" \
	    use 1 want-file piece.aa use 0 send-file piece.aa \
	    at 3000 use 1 want-file piece.ab use 0 send-file piece.ab \
	    at 6000 use 1 want-file piece.ac use 0 send-file piece.ac want OK
	get slow value
	stands_down
}

behaviour stalled_are_cut_off 'who has not moved for 5 s is cut off, and stores nothing'
stalled_are_cut_off_body() {
	with_big -a -g 0
	see_room
	talk -w 8 "$sock.ctl" say 'GET big' want "DATA $big" take $taken \
	    connect say 'PUT a 100' want GO \
	    connect say "PUT b $big" want GO send-file secret \
	    mark eof over 4900 within 5900 use 1 eof within 5900 \
	    use 0 rest got within 5900
	only_part got value
	given_back "$room"
	control say STATUS like '* secrets=2 *' \
	    say 'GET a' like 'ERROR no-such-secret ?*' \
	    say 'GET b' like 'ERROR no-such-secret ?*'
	get big value
	stands_down
}

# stalled N: a heartbeat answers, and a wipe does not wait, while half of N clients
# read nothing of a secret and the others send none
stalled() {
	local i=2 n=$1

	with_big -a -g 60
	kill "$guardian"
	logged 'panic pending'
	set -- say 'GET big' want "DATA $big" connect say 'PUT s1 100' want GO
	while [ $i -lt "$n" ]; do
		set -- "$@" connect say 'GET big' want "DATA $big" \
		    connect say "PUT s$i 100" want GO raw x
		i=$((i + 2))
	done
	talk "$sock" say "$guard" want WELCOME to "$sock.ctl" "$@" \
	    use 0 pong-under 100 50 mark kill USR2 "$vault" ended "$vault" \
	    within 1000 eof
	killed 'HARD PANIC: SIGUSR2'
}

behaviour eight_stalled 'eight that stall delay neither a PONG nor a wipe'
eight_stalled_body() {
	stalled 8
}

behaviour all_stalled 'nor do all of the 32 that there can be'
all_stalled_body() {
	stalled 32
}

behaviour all_stalled_end 'nor do they delay an end of another kind'
all_stalled_end_body() {
	with_big
	see_room
	set -- say 'GET big' want "DATA $big"
	i=1
	while [ $i -lt 32 ]; do
		set -- "$@" connect say "PUT s$i 100" want GO
		i=$((i + 1))
	done
	client "$sock.ctl" "$@" echo stuck hold
	talk - log said stuck kill TERM "$guardian" mark ended "$vault" within 1000
	rehearsed 'heartbeat connection dropped'
}

behaviour reader_dies 'a reader that dies half-way harms nobody, and has had its read'
reader_dies_body() {
	with_big -a -g 0
	control say 'GET big' want "DATA $big" take $taken close
	get big value
	control say 'DEL big' want OK
	see_room
	put big value reads=1
	control say 'GET big' want "DATA $big" take $taken close
	given_back "$room"
	control say 'GET big' like 'ERROR no-such-secret ?*'
	stands_down
}

behaviour writer_dies 'a writer that dies half-way stores nothing, and its room is given back'
writer_dies_body() {
	with_big -a -g 0
	head -c 500000 value >half
	see_room
	control say "PUT a $big" want GO send-file half close
	given_back "$room"
	control say 'GET a' like 'ERROR no-such-secret ?*' \
	    say STATUS like '* secrets=2 *'
	put a value
	get a value
	stands_down
}

behaviour put_cut_short 'a PUT cut short stores nothing, and is not told OK'
put_cut_short_body() {
	guarded -a -g 0
	see_room
	control say 'PUT a 100' want GO shutwr eof
	control say 'PUT a 100' want GO raw abc shutwr eof
	control say 'PUT a 4' want GO raw abc shutwr eof
	control raw 'PUT a 100\nARM\nPANIC hard\n' shutwr want GO eof
	given_back "$room"
	control say 'GET a' like 'ERROR no-such-secret ?*' \
	    say STATUS like '* armed=1 * secrets=1 *'
	stands_down
}

behaviour unfinished_is_no_secret 'what is not put yet cannot be had, and its name not be taken'
unfinished_is_no_secret_body() {
	guarded -a -g 0
	control say 'PUT a 6 reads=1' want GO raw abc \
	    connect say 'PUT a 3' like 'ERROR exists ?*' eof \
	    connect say 'GET a' like 'ERROR no-such-secret ?*' \
	    say 'DEL a' like 'ERROR no-such-secret ?*' \
	    say LIST want "$name ${#secret} - -" want OK \
	    say STATUS like '* secrets=1 *' \
	    use 0 raw def want OK use 2 say 'GET a' want 'DATA 6' raw 'ARM\n' \
	    want abcdefALREADY_ARMED
	stands_down
}

behaviour spent_while_read 'the last reader gets it all, while nobody else gets it any more'
spent_while_read_body() {
	with_big -a -g 0
	control say 'DEL big' want OK
	see_room
	put big value reads=1
	control say 'GET big' want "DATA $big" \
	    connect say 'GET big' like 'ERROR no-such-secret ?*' \
	    say 'DEL big' like 'ERROR no-such-secret ?*' \
	    say LIST want "$name ${#secret} - -" want OK \
	    say 'PUT big 3' want GO raw abc want OK \
	    use 0 want-file value use 1 say 'DEL big' want OK
	given_back "$room"
	stands_down
}

# dies ARG...: talks to the control socket, and is killed then
dies() {
	local got=0

	"$talk" "$sock.ctl" "$@" die || got=$?
	[ $got -eq "$SIGKILL" ] || fail "it was not killed: $*"
}

behaviour killed_at_every_step_of_put 'kill -9 of the client at every step of PUT: all or nothing is there'
killed_at_every_step_of_put_body() {
	guarded -a -g 0 -z 1000000
	see_room
	noise 150000 value
	head -c 70000 value >half
	put='PUT a 150000'
	# What was begun, and then came to nothing.
	dies
	dies raw 'PUT'
	dies raw "$put"
	dies say "$put"
	given_back "$room"
	dies say "$put" want GO
	given_back "$room"
	dies say "$put" want GO raw x
	given_back "$room"
	dies say "$put" want GO send-file half
	given_back "$room"
	dies say "$put" send-file half
	given_back "$room"
	control say STATUS like '* secrets=1 *' \
	    say 'GET a' like 'ERROR no-such-secret ?*'
	# What was said to the end.
	for last in 'want GO' 'want GO want OK'; do
		# shellcheck disable=SC2086 # a list of words
		dies say "$put" send-file value $last
		control ask STATUS '* secrets=2 *'
		get a value
		control say 'DEL a' want OK
		given_back "$room"
	done
	stands_down
}

behaviour killed_at_every_step_of_get 'kill -9 of the client at every step of GET: nobody else is harmed'
killed_at_every_step_of_get_body() {
	guarded -a -g 0 -z 3000000
	see_room
	noise $big value
	put big value
	dies raw 'GET'
	dies raw 'GET big'
	dies say 'GET big'
	get big value
	for more in "take 0" "take 1" "take $taken" "take $((big - 1))" "take $big"
	do
		# shellcheck disable=SC2086 # a list of words
		dies say 'GET big' want "DATA $big" $more
		get big value
	done
	control say STATUS like '* secrets=2 *' say 'DEL big' want OK
	given_back "$room"
	# Each was the one reader that there could be.
	for more in "take 0" "take $taken" "take $big"; do
		put big value reads=1
		# shellcheck disable=SC2086 # a list of words
		dies say 'GET big' want "DATA $big" $more
		given_back "$room"
	done
	stands_down
}

behaviour del_stops_a_get 'DEL stops those who get it just then'
del_stops_a_get_body() {
	with_big -a -g 0
	control say 'GET big' want "DATA $big" take $taken \
	    connect say 'GET big' want "DATA $big" take $taken \
	    connect say 'DEL big' want OK say STATUS like '* secrets=1 *' \
	    say "PUT new $big" want GO send-file value want OK \
	    use 0 rest got use 1 rest got.1 use 2 say 'DEL new' want OK
	only_part got value
	only_part got.1 value
	stands_down
}

behaviour expiry_stops_a_get 'so does the end of its time, for its last reader as well'
expiry_stops_a_get_body() {
	with_big -a -g 0
	control say 'DEL big' want OK
	see_room
	for reads in '' reads=1; do
		put big value ttl=1 $reads
		control say 'GET big' want "DATA $big" take $taken \
		    connect ask STATUS "* secrets=1 * room=$room*" use 0 rest got
		only_part got value
	done
	stands_down
}

behaviour trigger_stops_a_get 'a trigger stops a GET half-way, and after a CANCEL it works again'
trigger_stops_a_get_body() {
	with_big -a -g 60
	kill "$guardian"
	logged 'panic pending'
	for trigger in "kill USR1 $vault" "kill HUP $network" 'use 1 say PANIC want OK'; do
		# shellcheck disable=SC2086 # a list of words
		"$talk" "$sock" say "$guard" want WELCOME to "$sock.ctl" \
		    say STATUS like '* pending=0 *' \
		    connect say 'GET big' want "DATA $big" take $taken \
		    $trigger use 1 ask STATUS '*pending=1 *' use 2 rest got \
		    use 1 say 'GET big' like 'ERROR pending ?*' \
		    use 0 say CANCEL want CANCELLED \
		    to "$sock.ctl" say 'GET big' want "DATA $big" want-file value ||
		    fail "at $trigger"
		only_part got value
	done
	kill "$vault"
	ends 0
}

behaviour loss_stops_a_get 'so does the loss of the heartbeat, and a new one makes it work again'
loss_stops_a_get_body() {
	with_big -a -g 60
	control say 'GET big' want "DATA $big" take $taken \
	    kill KILL "$guardian" log log 'panic pending: heartbeat' rest got
	only_part got value
	"$talk" "$sock" say "$guard" want WELCOME to "$sock.ctl" say 'GET big' \
	    want "DATA $big" want-file value || fail "it does not work again"
	kill "$vault"
	ends 0
}

# stops_at STATUS SIGNAL WHOM [OPTION...]: the signal ends the daemon, and a GET
stops_at() {
	local status=$1 sig=$2 whom=$3

	shift 3
	rm -f log
	with_big "$@"
	[ "$whom" = vault ] && whom=$vault || whom=$network
	control say 'GET big' want "DATA $big" take $taken \
	    kill "$sig" "$whom" ended "$vault" rest got
	only_part got value
	ends "$status"
}

behaviour end_stops_a_get 'so does every end, rehearsed or not'
end_stops_a_get_body() {
	for sig in TERM USR1 USR2; do
		stops_at 0 $sig vault
	done
	stops_at 0 USR1 network
	stops_at 0 KILL network
	for sig in USR1 USR2; do
		stops_at "$SIGKILL" $sig vault -a -g 0
	done
	stops_at "$SIGKILL" KILL network -a -g 60
}

behaviour full_loses_nothing 'an arena that is full and in pieces refuses, loses nothing, and works again'
full_loses_nothing_body() {
	guarded -a -g 0
	control say "DEL $name" want OK
	see_room
	n=0
	noise 1000 value.1
	while "$talk" "$sock.ctl" say "PUT s$((n + 1)) 1000" want GO \
	    send-file value.$((n + 1)) want OK 2>answer; do
		n=$((n + 1))
		noise 1000 value.$((n + 1))
	done
	grep -q "got 'ERROR full " answer || fail "$(cat answer)"
	[ $n -gt 50 ] || fail "only $n of 1000 bytes each"
	set --
	i=1
	while [ $i -le $n ]; do
		set -- "$@" say "GET s$i" want 'DATA 1000' want-file value.$i
		[ $((i % 2)) -eq 0 ] || set -- "$@" say "DEL s$i" want OK
		i=$((i + 1))
	done
	# Half of it is free, and not in one piece.
	control "$@" say 'PUT large 5000' like 'ERROR full ?*' eof \
	    connect say 'PUT small 900' want GO shutwr eof
	set --
	i=2
	while [ $i -le $n ]; do
		set -- "$@" say "GET s$i" want 'DATA 1000' want-file value.$i \
		    say "DEL s$i" want OK
		i=$((i + 2))
	done
	control "$@"
	given_back "$room"
	noise "$room" value
	put all value
	get all value
	stands_down
}

behaviour unfinished_takes_room 'what is being put has its room from the start, until it comes to nothing'
unfinished_takes_room_body() {
	guarded -a -g 0
	see_room
	control say "PUT a $room" want GO raw x connect say "PUT b 1" \
	    like 'ERROR full ?*' eof connect say STATUS like '* room=0*' \
	    use 0 close use 2 ask STATUS "* room=$room*" say 'PUT b 1' want GO raw x want OK
	stands_down
}
