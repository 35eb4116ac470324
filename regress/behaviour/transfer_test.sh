#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The bytes of PUT and GET: that they arrive whole or not at all, whoever is slow,
# dies, or comes at the same time.  unit/replay_vault has what the vault does in every
# order of requests, and unit/store_test secrets of every size and an arena that is full.

. "$(atf_get_srcdir)/lib.sh"

none='ERROR no-such-secret ?*'

# noise SIZE FILE
noise() {
	head -c "$1" /dev/urandom >"$2"
}

# only_part FILE: FILE, what was received after TAKEN bytes, is a part of "value", not all
only_part() {
	local size

	size=$(stat -c %s "$1")
	[ $((size + taken)) -lt $big ] || fail "all $big bytes were received"
	tail -c +$((taken + 1)) value | head -c "$size" | cmp -s - "$1" ||
	    fail "other bytes were received"
}

# A secret that does not fit in the buffers of a connection, as "big", of $big bytes.
big=1000000
taken=100000		# how much of it is received before something happens
with_big() {
	guarded -z 3000000 "$@"
	noise $big value
	control put big value
}

# given_back ROOM: all the room is free again, and so no client holds any
given_back() {
	control ask STATUS "* room=$1*"
}

# round_trips ARENA SIZE...: in such an arena secrets of these sizes, and one that fills
# it, come out byte by byte as they went in
round_trips() {
	local size

	guarded -a -g 0 -z "$1"
	shift
	control say "DEL $name" want OK
	see_room
	for size in "$@" $((room - 1)) "$room"; do
		noise "$size" value
		control put a value get a value get a value \
		    say LIST want "a $size - -" want OK say 'DEL a' want OK
	done
	given_back "$room"
	stands_down
}

behaviour a_secret_of_any_size_comes_back 'a secret of 1 byte to 16 MiB, of any bytes, comes out as it went in, up to all that fits'
a_secret_of_any_size_comes_back_body() {
	round_trips 4096 1
	round_trips 1100000 4096 65535 65536 65537 131073 1048576
	round_trips 17000000 16777216
}

behaviour reads_are_counted \
    'reads=N: N clients get the secret, and then it is wiped and its room is free; a GET that is refused does not count'
reads_are_counted_body() {
	start -a -g 60
	see_room
	noise 1000 value
	talk "$sock.ctl" put 'a reads=2' value \
	    say 'GET a' like 'ERROR unguarded ?*' to "$sock" hello \
	    kill USR1 "$vault" log log 'panic pending' \
	    use 0 say 'GET a' like 'ERROR pending ?*' use 1 cancel \
	    use 0 get a value \
	    say LIST want "$name ${#secret} - -" want 'a 1000 1 -' want OK \
	    get a value say 'GET a' like "$none" say STATUS like "* room=$room*" \
	    use 1 quit
	ends 0
}

behaviour a_secret_expires_on_time \
    'ttl=: a secret is there until its time is up, and a tenth of a second later it is wiped and its room is free'
a_secret_expires_on_time_body() {
	guarded -a -g 0
	see_room
	# The time of "early" ends before the first moment, that of "late" after it.
	control say 'PUT early 3 ttl=1.5' want GO raw abc want OK mark \
	    say 'PUT late 3 ttl=1.5' want GO raw abc want OK \
	    at 900 say 'GET late' want 'DATA 3' take 3 \
	    at 1600 say 'GET early' like "$none" say 'GET late' like "$none" \
	    say LIST want "$name ${#secret} - -" want OK \
	    say STATUS like "* secrets=1 * room=$room*"
	# The same if the vault was stopped when the time came.
	control say 'PUT a 3 ttl=0.5' want GO raw abc want OK mark \
	    kill STOP "$vault" say 'GET a' at 1000 kill CONT "$vault" like "$none"
	stands_down
}

behaviour the_slow_get_everything \
    'a slow client gets and puts every byte, as long as some bytes move'
the_slow_get_everything_body() {
	with_big -a -g 0
	split -b 334000 value piece.
	talk -w 15 "$sock.ctl" say "PUT slow $big" want GO mark \
	    connect say 'GET big' want "DATA $big" \
	    use 1 want-file piece.aa use 0 send-file piece.aa \
	    at 3000 use 1 want-file piece.ab use 0 send-file piece.ab \
	    at 6000 use 1 want-file piece.ac use 0 send-file piece.ac want OK
	control get slow value
	stands_down
}

behaviour the_stalled_are_cut_off 'a client that has not moved for 5 s is cut off, and stores nothing'
the_stalled_are_cut_off_body() {
	with_big -a -g 0
	see_room
	talk -w 15 "$sock.ctl" say 'GET big' want "DATA $big" take $taken \
	    connect say 'PUT a 100' want GO \
	    connect say "PUT b $big" want GO send-file secret \
	    mark eof over 4900 use 1 eof use 0 rest got within 10000
	only_part got
	given_back "$room"
	control say STATUS like '* secrets=2 *' say 'GET a' like "$none" \
	    say 'GET b' like "$none" get big value
	stands_down
}

behaviour the_stalled_delay_nobody \
    'while 32 clients stall, the heartbeat is answered, and neither a wipe nor another end waits'
the_stalled_delay_nobody_body() {
	set -- say 'GET big' want 'DATA 1000000' connect say 'PUT s1 100' want GO
	for i in 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30; do
		set -- "$@" connect say 'GET big' want 'DATA 1000000' \
		    connect say "PUT s$i 100" want GO raw x
	done
	with_big -a -g 60
	kill "$guardian"
	logged 'panic pending'
	talk "$sock" hello to "$sock.ctl" "$@" \
	    use 0 pong-under 1000 50 mark kill USR2 "$vault" ended "$vault" \
	    within 2000 eof
	killed 'HARD PANIC: SIGUSR2'
	with_big
	client "$sock.ctl" "$@" echo stuck hold
	talk - kill TERM "$guardian" mark ended "$vault" within 2000
	rehearsed 'heartbeat connection dropped'
}

# dies ARG...: talks to the control socket, and is killed then
dies() {
	local got=0

	"$talk" "$sock.ctl" "$@" die || got=$?
	[ $got -eq "$SIGKILL" ] || fail "it was not killed: $*"
}

behaviour a_dead_writer_stores_nothing \
    'a client that is killed, or closes, at any step of PUT: all or nothing is stored, and its room is given back'
a_dead_writer_stores_nothing_body() {
	guarded -a -g 0 -z 1000000
	see_room
	noise 150000 value
	head -c 70000 value >half
	put='PUT a 150000'
	# A PUT that did not get all of its bytes.
	for begun in '' 'want GO' 'want GO raw x' 'want GO send-file half' \
	    'send-file half'; do
		dies say "$put" $begun
		given_back "$room"
	done
	control raw 'PUT a 100\nARM\nPANIC hard\n' shutwr want GO eof
	given_back "$room"
	control say STATUS like '* secrets=1 *' say 'GET a' like "$none"
	# A PUT that got all of its bytes.
	for last in 'want GO' 'want GO want OK'; do
		dies say "$put" send-file value $last
		control ask STATUS '* secrets=2 *' get a value say 'DEL a' want OK
		given_back "$room"
	done
	stands_down
}

behaviour a_dead_reader_harms_nobody \
    'a client that is killed, or closes, at any step of GET has had its read, and nobody else is harmed'
a_dead_reader_harms_nobody_body() {
	with_big -a -g 0
	dies say 'GET big'
	for part in 0 $taken $big; do
		dies say 'GET big' want "DATA $big" take "$part"
		control get big value
	done
	control say 'DEL big' want OK
	see_room
	# Each of these took the only read that there was.
	for part in 0 $taken $big; do
		control put 'big reads=1' value
		dies say 'GET big' want "DATA $big" take "$part"
		given_back "$room"
	done
	control say 'GET big' like "$none"
	stands_down
}

behaviour an_unfinished_secret_is_none \
    'a secret that is not complete cannot be read, but takes its name and room; one that is read for the last time is there for that reader alone'
an_unfinished_secret_is_none_body() {
	guarded -a -g 0
	see_room
	control say "PUT a $room reads=1" want GO raw x \
	    connect say 'PUT a 3' like 'ERROR exists ?*' eof \
	    connect say 'PUT b 1' like 'ERROR full ?*' eof \
	    connect say 'GET a' like "$none" say 'DEL a' like "$none" \
	    say LIST want "$name ${#secret} - -" want OK \
	    say STATUS like '* secrets=1 * room=0*' \
	    use 0 close use 3 ask STATUS "* room=$room*" \
	    say 'PUT b 1' want GO raw x want OK
	stands_down
	with_big -a -g 0
	control put 'big replace reads=1' value
	control say 'GET big' want "DATA $big" \
	    connect say 'GET big' like "$none" say 'DEL big' like "$none" \
	    say 'PUT big 3' want GO raw abc want OK \
	    use 0 want-file value use 1 say 'DEL big' want OK
	stands_down
}

behaviour del_and_expiry_stop_a_get \
    'DEL and the end of ttl= stop the clients that are getting the secret'
del_and_expiry_stop_a_get_body() {
	with_big -a -g 0
	control say 'GET big' want "DATA $big" take $taken \
	    connect say 'GET big' want "DATA $big" take $taken \
	    connect say 'DEL big' want OK say STATUS like '* secrets=1 *' \
	    put new value use 0 rest got use 1 rest got.1 \
	    use 2 say 'DEL new' want OK
	only_part got
	only_part got.1
	see_room
	for reads in '' ' reads=1'; do
		control put "big ttl=1$reads" value
		control say 'GET big' want "DATA $big" take $taken \
		    connect ask STATUS "* secrets=1 * room=$room*" use 0 rest got
		only_part got
	done
	stands_down
}

behaviour a_pending_panic_stops_a_get \
    'a trigger, PANIC, or the loss of the heartbeat stops a GET half-way; after a cancel it works again'
a_pending_panic_stops_a_get_body() {
	with_big -a -g 60
	control say 'GET big' want "DATA $big" take $taken \
	    kill KILL "$guardian" log log 'panic pending: heartbeat' rest got
	only_part got
	for trigger in "kill USR1 $vault" "kill HUP $network" 'use 1 say PANIC want OK'; do
		talk "$sock" hello to "$sock.ctl" \
		    say STATUS like '* pending=0 *' \
		    connect say 'GET big' want "DATA $big" take $taken \
		    $trigger use 1 ask STATUS '*pending=1 *' use 2 rest got \
		    use 1 say 'GET big' like 'ERROR pending ?*' \
		    use 0 cancel to "$sock.ctl" get big value
		only_part got
	done
	stop
}

# stops_at STATUS SIGNAL WHOM [OPTION...]: the signal ends the daemon, and a GET
stops_at() {
	local status=$1 sig=$2 whom=$3

	shift 3
	with_big "$@"
	[ "$whom" = vault ] && whom=$vault || whom=$network
	control say 'GET big' want "DATA $big" take $taken \
	    kill "$sig" "$whom" ended "$vault" rest got
	only_part got
	ends "$status"
}

behaviour every_end_stops_a_get 'every end of the daemon, rehearsed or not, stops a GET half-way'
every_end_stops_a_get_body() {
	for sig in TERM USR1 USR2; do
		stops_at 0 $sig vault
	done
	stops_at 0 KILL network
	stops_at "$SIGKILL" USR1 vault -a -g 0
	stops_at "$SIGKILL" KILL network -a -g 60
}

behaviour a_secret_is_replaced_at_once \
    'PUT replace: GET hands out the old secret until the new one is stored, and then the new one'
a_secret_is_replaced_at_once_body() {
	with_big -a -g 0
	see_room
	printf 'the new value' >value.new
	control say "PUT $name 13 replace" want GO raw 'the ' \
	    connect get "$name" secret \
	    say "PUT $name 3 REPLACE" like 'ERROR exists ?*' eof \
	    use 0 raw 'new value' want OK get "$name" value.new \
	    put "$name replace reads=1 ttl=60" secret say LIST \
	    want "big $big - -" like "$name ${#secret} 1 [56][09]*" want OK \
	    get "$name" secret say "GET $name" like "$none" \
	    put "$name replace" secret get "$name" secret
	# A client that is reading the old secret reads it to its end.
	tail -c +$((taken + 1)) value >value.rest
	control say 'GET big' want "DATA $big" take $taken connect \
	    put 'big replace' secret get big secret say STATUS like '* secrets=2 *' \
	    use 0 want-file value.rest get big secret put 'big replace' value
	given_back "$room"
	stands_down
}

behaviour a_replacement_that_fails_changes_nothing \
    'PUT replace: a transfer that is cut off, or has no room beside the old secret, leaves the old one'
a_replacement_that_fails_changes_nothing_body() {
	guarded -a -g 60
	see_room
	put="PUT $name 150 replace"
	dies say "$put" want GO raw x
	control say "$put" want GO raw abc shutwr eof
	given_back "$room"
	control get "$name" secret \
	    say "PUT $name $((room + 1)) replace" like 'ERROR full ?*' eof \
	    connect say "PUT $name 99999 replace" like 'ERROR too-large ?*' eof \
	    connect get "$name" secret say "PUT $name $room replace" want GO \
	    connect get "$name" secret use 0 \
	    kill USR1 "$vault" log log 'panic pending' \
	    connect say "PUT $name 3 replace" like 'ERROR pending ?*' eof
	stop
}

behaviour del_wipes_everything 'DEL *: every secret is wiped, put and got ones too, and the daemon lives on'
del_wipes_everything_body() {
	with_big -a -g 0
	control say 'PUT * 1' like 'ERROR bad-name ?*' eof \
	    connect say 'GET *' like 'ERROR bad-name ?*'
	control say 'PUT half 100' want GO raw abc \
	    connect say "PUT $name 9 replace" want GO raw abc \
	    connect put 'spent reads=1' value say 'GET spent' want "DATA $big" take $taken \
	    connect say 'DEL *' want OK say LIST want OK \
	    say STATUS like '* guarded=1 pending=0 * secrets=0 *' \
	    use 0 eof use 1 eof use 2 rest got use 3 say "GET $name" like "$none" \
	    say 'DEL *' want OK put "$name" secret get "$name" secret say 'del *' want OK
	only_part got
	see_room
	[ "$room" -gt 2999000 ] || fail "room=$room of 3000000"
	stands_down
}

# traced STATUS COMMAND...: it ends so; "trace" has the calls that could overwrite buffers
traced() {
	local want=$1 got=0

	shift
	timeout 20 strace -o trace -e trace=pipe2,sendmmsg "$@" >out 2>err || got=$?
	[ "$got" -eq "$want" ] || fail "$*: exit $got: $(cat err)"
}

behaviour a_refusal_leaves_no_more_than_a_success \
    'dazaictl overwrites what a secret has left in pipes and sockets, also if the daemon refuses it, or another secret of run does not exist' \
    require.progs strace
a_refusal_leaves_no_more_than_a_success_body() {
	guarded
	export DAZAI_SOCK="$sock"
	printf '%s' "$secret" | traced 0 "$ctl" put new
	present '^pipe2' trace
	present '^sendmmsg' trace
	printf '%s' "$secret" | traced 5 "$ctl" put new
	present '^pipe2' trace
	traced 4 "$ctl" run -e "A=$name" -e B=none true
	present '^sendmmsg' trace
	traced 0 "$ctl" get new
	present '^sendmmsg' trace
	stands_down
}

# overwrites NUMBER PROCESSORS COMMAND...: the command makes so many calls to overwrite
# buffers where it may run on the processors of this mask
overwrites() {
	local want=$1 mask=$2

	shift 2
	timeout 20 strace -f -o trace -e trace=sched_getaffinity,sched_setaffinity,socketpair,pipe2,sendmmsg \
	    -e "inject=sched_getaffinity:retval=8:poke_exit=@arg3=$mask" "$@" >out 2>err || fail "$*: $(cat err)"
	present 'sched_getaffinity.*INJECTED' trace
	got=$(grep -c -e sched_setaffinity -e socketpair -e pipe2 -e sendmmsg trace)
	[ "$want" -eq 0 ] || [ "$got" -eq "$want" ] ||
	    fail "$*: $got calls in place of $want: $(cat trace)"
}

behaviour many_processors_cost_no_more \
    'dazaictl makes as many calls to overwrite buffers on many processors as on one' \
    require.progs strace
many_processors_cost_no_more_body() {
	guarded
	export DAZAI_SOCK="$sock"
	one=0100000000000000
	all=ffffffffffffffff
	for action in "put -r new" "get new" "run -e A=$name true"; do
		overwrites 0 $one "$ctl" $action <secret
		[ "$got" -gt 2 ] || fail "$action: $(cat trace)"
		overwrites "$got" $all "$ctl" $action <secret
	done
	stands_down
}

behaviour dazaictl_replaces_and_deletes_all \
    'dazaictl put -r replaces a secret, and del --all wipes every one'
dazaictl_replaces_and_deletes_all_body() {
	guarded -a -g 0
	printf new >value
	complains 5 'refused: exists: ' "$ctl" -s "$sock" put "$name" <value
	atf_check "$ctl" -s "$sock" put -r "$name" <value
	atf_check -o file:value "$ctl" -s "$sock" get "$name"
	atf_check "$ctl" -s "$sock" put -r -n 1 "$name" <secret
	atf_check "$ctl" -s "$sock" put other -r <value
	atf_check -o "inline:$name ${#secret} 1 -\nother 3 - -\n" \
	    "$ctl" -s "$sock" list
	atf_check -s exit:1 -e match:usage "$ctl" -s "$sock" del --all other
	atf_check -s exit:1 -e match:usage "$ctl" -s "$sock" del
	atf_check "$ctl" -s "$sock" del --all
	atf_check "$ctl" -s "$sock" del --all
	atf_check "$ctl" -s "$sock" list
	stands_down
}
