#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# dazaictl run: the program has its secrets, or does not start.

. "$(atf_get_srcdir)/lib.sh"

export DAZAI_SOCK="$sock"

# put_file NAME FILE
put_file() {
	"$ctl" put "$1" <"$2" || fail "put $1: exit $?"
}

# gives WANT ARG...: dazaictl run ARG... prints WANT
gives() {
	local want=$1 got

	shift
	got=$("$ctl" run "$@" 2>err) || fail "run $*: exit $?: $(cat err)"
	[ "$got" = "$want" ] || fail "run $*: $got"
	[ ! -s err ] || fail "run $*: $(cat err)"
}

# starts_nothing STATUS TEXT ARG...: dazaictl run ARG... exits with STATUS, and the
# program, whose first argument is the file "started", has not run
starts_nothing() {
	local status=$1 text=$2

	shift 2
	complains "$status" "dazaictl: $text" "$ctl" run "$@" touch started \
	    </dev/null
	[ ! -e started ] || fail "run $*: the program has run"
}

behaviour a_variable_has_the_secret \
    '-e: the variable has the secret without newlines at its end, in place of an older one, and no argument has it'
a_variable_has_the_secret_body() {
	guarded
	put lines 'one\n two \n\n\n'
	gives "$secret" -e "X=$name" printenv X
	gives 'one
 two ' -e X=lines printenv X
	X=was Y=stays gives "$secret
stays" -e "X=$name" printenv X Y
	X=was gives 1 -e "X=$name" sh -c 'env | grep -c "^X="'
	gives "$secret-$secret" -e "_a=$name" -e "A_1=$name" \
	    sh -c 'echo "$_a-$A_1"'
	gives '' -e "X=$name" sh -c 'tr "\0" "\n" </proc/$$/cmdline |
	    grep -F "$X"; [ -n "$X" ]'
	stands_down
}

# sizes SIZE...: secrets of so many bytes of noise arrive as they are, on a descriptor
# twice as a file of that name, and on standard input
sizes() {
	local n

	for n; do
		head -c "$n" /dev/urandom >noise
		put_file "n$n" noise
		gives '' -f "7=n$n" cmp noise /dev/fd/7
		gives '' -i "n$n" cmp noise -
		gives '' -f "0=n$n" sh -c 'cat | cmp - noise'
	done
}

behaviour a_descriptor_has_the_secret \
    '-f and -i: every byte, in a pipe up to 64 KiB and in memory above, which nobody can change'
a_descriptor_has_the_secret_body() {
	guarded -z 1000000
	put raw 'a\0b\n\n'
	gives '0000000   a  \0   b  \n  \n
0000005' -f 3=raw od -c /dev/fd/3
	gives '0000000   a  \0   b  \n  \n
0000005' -i raw od -c
	sizes 1 4096 65535 65536 65537 200000
	gives pipe -f 3=n65536 sh -c 'readlink /proc/$$/fd/3 | sed "s/:.*//"'
	gives '/memfd:secret (deleted)' -f 3=n65537 sh -c 'readlink /proc/$$/fd/3'
	# It is not open for writing, and cannot be opened for that.
	"$ctl" run -f 3=n65537 sh -c 'echo x >&3' 2>err && fail written
	"$ctl" run -f 3=n65537 sh -c 'echo x >/dev/fd/3' 2>err && fail written
	# Each at its own place, whatever was open there, and nothing else.
	head -c 65537 /dev/urandom >noise
	gives "$secret $secret $secret" -f "4=$name" -f "3=$name" -i "$name" sh -c \
	    'echo "$(cat <&3) $(cat <&4) $(cat)"' 3<noise
	open='ls /proc/self/fd'
	gives "$(sh -c "$open" 3<noise 4<noise)" -f "3=$name" -f "4=$name" \
	    sh -c "$open"
	gives "$(cksum <noise)" -f "3=$name" cksum <noise
	stands_down
}

behaviour one_that_is_missing_starts_nothing \
    'without one of its secrets the program does not start; the name and the reason are told'
one_that_is_missing_starts_nothing_body() {
	guarded
	put once 'x'
	starts_nothing 4 'missing: refused: no-such-secret' -e "X=$name" \
	    -e Y=missing
	starts_nothing 4 'missing: refused: no-such-secret' -f "3=$name" \
	    -f 4=missing -i once
	starts_nothing 4 'missing: refused: no-such-secret' -i missing
	# A secret that was read before counts as read, and nothing is left of it.
	"$ctl" put twice -n 2 <value || fail 'put'
	starts_nothing 4 'missing:' -e X=twice -e Y=missing
	"$ctl" list | grep -q '^twice 1 1 ' || fail "$("$ctl" list)"
	# A byte that a variable cannot have, and no byte at all.
	put nul 'a\0b'
	put empty '\n\n'
	starts_nothing 1 'nul: has a NUL byte' -e X=nul
	starts_nothing 1 'empty: has only newlines' -e X=empty
	kill -USR1 "$vault"
	ends 0
	rm "$sock.last"		# or its words would be told, too
	starts_nothing 2 "$sock.ctl: no daemon" -e "X=$name"
	start
	starts_nothing 3 "$name: refused: unguarded" -e "X=$name"
	stop
}

behaviour a_daemon_that_ends_starts_nothing \
    'if the daemon ends, or sends less than DATA has announced, the program is not started'
a_daemon_that_ends_starts_nothing_body() {
	status='STATUS alive=1 armed=0 grace=5 registered=0 guarded=1 pending=0'
	status="$status memory=secretmem secrets=1 left=0 heartbeat=0 since=0"
	for answer in close 'say OK want "GET a cpu" close' \
	    'say OK want "GET a cpu" raw "DATA 5 cpu=0\n" close' \
	    'say OK want "GET a cpu" raw "DATA 5 cpu=0\nabcd" close' \
	    'say OK want "GET a cpu" raw "DATA 5 cpu=0\nabcde" want "GET b cpu" close' \
	    'say OK want "GET a cpu" raw "DATA 5 cpu=0\nabcde" want "GET b cpu"
	    raw "DATA 5 cpu=0\nab" close'; do
		rm -f "$sock.ctl"
		: >said
		# talk's own pid is the one that listens.
		spawn client sh -c 'exec "$1" -l "$2.ctl" echo up accept want STATUS \
		    say "$3 size=65536 room=65424 pid=$$" want REGISTER '"$answer" \
		    sh "$talk" "$sock" "$status" >said 2>&1
		talk - log said up
		starts_nothing 6 '' -e X=a -i b
		ends 0 "$client"
	done
}

shipped behaviour what_cannot_be_had_starts_nothing \
    'without the descriptors, the memory or the room for a secret the program does not start'
what_cannot_be_had_starts_nothing_body() {
	guarded -z 300000
	head -c 70000 /dev/urandom >noise
	put_file noise noise
	# limited LIMITS: with these the program starts, or not; sets $got
	limited() {
		got=0
		rm -f started
		sh -c "$1; exec \"\$@\"" sh "$ctl" run -e "X=$name" -f 3=noise \
		    -i "$name" touch started >out 2>err || got=$?
		if [ $got -eq 0 ]; then
			[ -e started ] || fail "$1: it has not run"
		elif [ -e started ]; then
			fail "$1: exit $got, but it has run"
		fi
	}
	failed=0
	for n in $(seq 4 16); do
		limited "ulimit -n $n"
		[ $got -eq 0 ] || failed=$((failed + 1))
	done
	[ $failed -gt 0 ] || fail 'no limit was too low'
	[ "$got" -eq 0 ] || fail "exit $got: $(cat err)"
	limited 'ulimit -f 16'	# blocks of 512 bytes
	[ "$got" -eq 1 ] || fail "memory for a large secret: exit $got"
	present '^dazaictl: noise: File too large$' err
	got=$(sh -c 'ulimit -f 0; exec "$@"' sh "$ctl" run -e "X=$name" \
	    sh -c 'ulimit -f; kill -XFSZ $$' 2>err) || got="$got,$?"
	[ "$got" = '0,153' ] || fail "ulimit -f 0: $got: $(cat err)"
	limited 'ulimit -v 1000'
	[ "$got" -ne 0 ] || fail 'it has memory for a secret'
	stands_down
}

behaviour wrong_options_start_nothing \
    'what is no variable, descriptor or name, and what is given twice, is told before the daemon is asked'
wrong_options_start_nothing_body() {
	while IFS='|' read -r text options; do
		starts_nothing 1 "$text" $options
	done <<-'EOT'
		-e: X: a '=' and a secret's name are missing|-e X
		-e: 1X: not the name of a variable|-e 1X=a
		-e: X: given twice|-e X=a -e Y=a -e X=b
		-f: 3: a '=' and a secret's name are missing|-f 3
		-f: x: not a number|-f x=a
		-f: 256: too large|-f 256=a
		-f: 2: the program writes there|-f 2=a
		descriptor 3: given twice|-f 3=a -f 03=b
		descriptor 0: given twice|-i a -f 0=a
	EOT
	starts_nothing 5 'refused: bad-name: ' -e 'X=a b'
	starts_nothing 5 'refused: bad-name: ' -i ''
	set --
	for n in $(seq 65); do
		set -- "$@" -e "X$n=a"
	done
	starts_nothing 1 'at most 64 secrets' "$@"
	while IFS='|' read -r options text; do
		complains 1 "$text; usage: dazaictl run" "$ctl" run $options
	done <<-'EOT'
		|the program is missing
		--|the program is missing
		-e X=a|the program is missing
		-x true|-x: no such option
		-e|-e: a value is missing
	EOT
}

behaviour the_program_is_as_without_us \
    'its pid, status, options, limits and processors are those that it would have; it may have no core dump'
the_program_is_as_without_us_body() {
	guarded
	for status in 0 1 3 126 255; do
		got=0
		"$ctl" run -e "X=$name" sh -c "exit $status" || got=$?
		[ $got -eq $status ] || fail "$got, not $status"
	done
	gives 'X -e X=a --' echo X -e X=a --
	gives '-e' -- printf %s -e
	complains 127 'dazaictl: ./none: No such file or directory' \
	    "$ctl" run -e "X=$name" ./none
	PATH=/usr/bin:/bin complains 127 \
	    'dazaictl: no-such-program-9: No such file or directory' \
	    "$ctl" run no-such-program-9
	complains 126 'dazaictl: /: Permission denied' "$ctl" run -i "$name" /
	# No secret is read for a program that is not there.
	"$ctl" put once -n 1 <secret || fail put
	complains 127 './none' "$ctl" run -i once ./none
	mkdir directory
	complains 126 './directory' "$ctl" run -i once ./directory
	"$ctl" list | grep -q '^once [0-9]* 1 ' || fail "$("$ctl" list)"
	head -c 140000 /dev/zero | tr '\0' x >long
	stop
	ends 0 "$guardian"
	guarded -z 300000
	put_file long long
	complains 126 'Argument list too long' "$ctl" run -e X=long true
	sh -c 'echo $$; exec "$1" run -e "$2" sh -c "echo \$\$"' sh "$ctl" \
	    "X=$name" >pids.seen
	[ "$(uniq pids.seen | wc -l)" -eq 1 ] || fail "$(cat pids.seen)"
	for what in 'ulimit -Sl' 'ulimit -Hl' 'ulimit -Hc' \
	    'grep -E "^(Sig(Blk|Ign|Cgt)|Cpus_allowed):" /proc/self/status'; do
		gives "$(sh -c "$what")" -e "X=$name" -i "$name" sh -c "$what"
	done
	(
		ulimit -Sc "$(ulimit -Hc)"
		gives 0 -i "$name" sh -c 'ulimit -Sc'
		# Without a secret nothing is changed.
		gives "$(ulimit -Hc)" sh -c 'ulimit -Sc'
	)
	stands_down
}

shipped behaviour nothing_is_left_in_the_program \
    'no memory of the program has a secret that it has not read'
nothing_is_left_in_the_program_body() {
	guarded
	spawn idler "$ctl" run -f "3=$name" -i "$name" sleep 300
	talk - log "/proc/$idler/comm" sleep
	in_no_memory secret "$idler"
	# This shows that the search would find it.
	spawn idler "$ctl" run -e "X=$name" sleep 300
	talk - log "/proc/$idler/comm" sleep
	in_memory "$secret" "$idler"
	stands_down
}

behaviour registration_comes_first \
    'the process is registered before its first secret is read, and dies of a panic'
registration_comes_first_body() {
	guarded -a -g 0
	spawn idler "$ctl" run -e "X=$name" sh -c 'echo "$X" >started; exec sleep 300'
	talk - log started "$secret"
	control say STATUS like '* registered=1 *'
	kill -USR1 "$vault"
	ends $SIGKILL
	ends $SIGKILL "$idler"
}

behaviour a_panic_kills_the_children \
    'a panic kills the program with its children, but not one that has gone to another process group'
a_panic_kills_the_children_body() {
	guarded -a -g 0
	"$talk" "$sock.ctl" say STATUS show >status || fail 'no STATUS'
	grep -q ' groups=1' status ||
	    atf_skip 'this kernel cannot kill the group of a pidfd'
	"$ctl" run -i "$name" sh -c 'sleep 300 & echo $! >child
	    setsid sleep 300 & echo $! >left; echo >started; wait' &
	idler=$!
	remember "$idler"
	await [ -e started ]
	remember "$(cat child)"
	remember "$(cat left)"
	talk - log "/proc/$(cat left)/comm" sleep
	kill -USR1 "$vault"
	ends $SIGKILL
	ends $SIGKILL "$idler"
	talk - ended "$(cat child)"
	grep -q '^State:.[RS]' "/proc/$(cat left)/status" || fail 'it died'
}

# forward: one connection to $PWD/forward is forwarded to the daemon, as ssh -L does it,
# by the process that listens
forward() {
	: >forwarded
	spawn forward socat -d -d UNIX-LISTEN:forward.ctl,unlink-early \
	    "UNIX-CONNECT:$sock.ctl" 2>forwarded
	talk - log forwarded 'listening on'
}

behaviour a_forwarded_socket_is_refused \
    'run starts nothing if another process than the daemon listens, as ssh -L does, because the daemon could not kill the program' \
    require.progs socat
a_forwarded_socket_is_refused_body() {
	guarded -a
	forward
	is "$("$ctl" -s "$PWD/forward" get "$name")" "$secret"
	ends 0 "$forward"
	forward
	DAZAI_SOCK=$PWD/forward starts_nothing 5 \
	    "$PWD/forward.ctl: the daemon is on another machine, or in another PID namespace: its panic would not kill touch" \
	    -e "X=$name"
	control say STATUS like '* registered=0 *'
	stands_down
}

behaviour another_pid_namespace_is_refused \
    'run starts nothing if the daemon is in another PID namespace, where it could not kill the program' \
    require.user root
another_pid_namespace_is_refused_body() {
	guarded -a
	is "$(unshare -pf "$ctl" get "$name")" "$secret"
	complains 5 'in another PID namespace: its panic would not kill touch' \
	    unshare -pf "$ctl" run -i "$name" touch started
	[ ! -e started ] || fail 'the program has run'
	control say STATUS like '* registered=0 *'
	stands_down
}

# group PID: prints the process group
group() {
	sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 3
}

behaviour without_a_terminal_it_leads \
    'without a terminal the program leads a process group of its own'
without_a_terminal_it_leads_body() {
	guarded
	setsid -w sh -c '"$1" run sh -c "echo \$\$; cut -d \" \" -f 5 /proc/\$\$/stat"
	    :' sh "$ctl" >seen
	[ "$(uniq seen | wc -l)" -eq 1 ] || fail "$(cat seen)"
	stands_down
}

behaviour on_a_terminal_it_is_in_reach \
    'on a terminal the program leads a process group if the shell makes it, or in the background of a script; in the foreground of a script it stays where ^C and ^Z reach it' \
    require.progs bash
on_a_terminal_it_is_in_reach_body() {
	guarded
	# A program that prints whether it leads its group, and then waits.
	cat >see <<-'EOT'
		#!/bin/sh
		[ "$(cut -d ' ' -f 5 /proc/$$/stat)" -eq $$ ] && echo le''ads ||
		    echo fol''lows
		exec sleep ${1:-300}
	EOT
	printf '#!/bin/sh\n%s run ./see\necho "ended with $?"\n' "$ctl" >script
	printf '#!/bin/sh\n%s run ./see 0 &\nwait\necho over\n' "$ctl" \
	    >background
	chmod 755 see script background
	PS1='> ' on_terminal bash --norc -i <<-EOT
		expect >
		type $ctl run ./see | leads
		key C-z
		expect Stopped
		type kill -KILL %1; wait; echo go''ne | gone
		send : | $ctl run ./see\n
		expect follows
		key C-c
		expect >
		type echo st''atus \$? | status 130
		type ./script | follows
		key C-z
		expect Stopped
		type kill -KILL %1; wait; echo go''ne | gone
		type ./script | follows
		key C-c
		expect >
		type echo st''atus \$? | status 130
		type ./background | leads
		expect over
		send exit\n
		wait
	EOT
	stands_down
}
