#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# The socket and the pid file: whose they are, what they replace and what not, and
# that they go.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

real=$dazaid

# refused TEXT [OPTION...]: a daemon does not start, says so on one line that has
# TEXT, and does not leave more than there was
refused() {
	local text=$1 before got

	shift
	before=$(ls -Ai "${sock%/*}" 2>/dev/null)
	rm -f why
	got=0
	timeout -s KILL 20 "$dazaid" -d -s "$sock" -l "$name=-" "$@" <secret \
	    2>why >&2 || got=$?
	[ $got -eq 1 ] || fail "exit $got, not 1: $(cat why)"
	[ "$(wc -l <why)" -eq 1 ] || fail "not one line: $(cat why)"
	grep -qF "$text" why || fail "not '$text': $(cat why)"
	grep -q '^dazaid: ' why || fail "not ours: $(cat why)"
	rm why
	[ "$(ls -Ai "${sock%/*}" 2>/dev/null)" = "$before" ] ||
	    fail "the directory is not as it was: $(ls -Ai "${sock%/*}")"
}

# The directory of the socket, with nothing else in it.
room() {
	mkdir room
	sock=$PWD/room/sock
	printf '%s' "$secret" >secret
	touch why
}

# look FILE: what it is, and since when
look() {
	stat -c '%n %i %f %s %u:%g %h %y %N' "$1"
}

# in_the_way FILE TEXT: what is there stays as it was, and is told with TEXT
in_the_way() {
	local was

	was=$(look "$1"; cat "$1" 2>/dev/null </dev/null || true)
	refused "$2"
	[ "$(look "$1"; cat "$1" 2>/dev/null </dev/null || true)" = "$was" ] ||
	    fail "$1 is not as it was"
}

behaviour file_in_the_way 'a file in the way of the socket stays as it was'
file_in_the_way_body() {
	room
	printf 'precious\n\0' >"$sock"
	cp "$sock" copy
	in_the_way "$sock" "$sock: in the way, and no socket"
	cmp "$sock" copy || fail "it was written to"
	: >"$sock"
	in_the_way "$sock" "$sock: in the way, and no socket"
}

behaviour directory_in_the_way 'so does a directory'
directory_in_the_way_body() {
	room
	mkdir "$sock"
	in_the_way "$sock" "$sock: in the way, and no socket"
	touch "$sock/file"
	in_the_way "$sock" "$sock: in the way, and no socket"
	[ -e "$sock/file" ] || fail "the file in it is gone"
}

behaviour symlink_in_the_way 'so does a symbolic link, wherever it leads'
symlink_in_the_way_body() {
	room
	echo precious >target
	ln -s "$PWD/target" "$sock"
	in_the_way "$sock" "$sock: in the way, and no socket"
	[ "$(cat target)" = precious ] || fail "its target was touched"
	rm "$sock"
	ln -s nowhere "$sock"
	in_the_way "$sock" "$sock: in the way, and no socket"
	rm "$sock"
	leave_stale "$PWD/stale"
	ln -s "$PWD/stale" "$sock"
	in_the_way "$sock" "$sock: in the way, and no socket"
	[ -S stale ] || fail "its target was removed"
}

behaviour fifo_in_the_way 'so does a FIFO, and nobody waits for it'
fifo_in_the_way_body() {
	room
	mkfifo "$sock"
	was=$(look "$sock")
	refused "$sock: in the way, and no socket"
	[ "$(look "$sock")" = "$was" ] || fail "it is not as it was"
}

behaviour device_in_the_way 'so does a device' require.user root
device_in_the_way_body() {
	room
	mknod "$sock" c 1 3
	was=$(look "$sock")
	refused "$sock: in the way, and no socket"
	[ "$(look "$sock")" = "$was" ] || fail "it is not as it was"
}

behaviour pid_file_in_the_way 'what is in the way of the pid file and not one stays as it was'
pid_file_in_the_way_body() {
	room
	for text in precious '12 ' '12\n13\n' '-1\n' '12' '\n' '0x12\n' ' 12\n' \
	    '12\n\0' '123456789012345678901234567890123\n'; do
		printf '%b' "$text" >"$sock.pid"
		in_the_way "$sock.pid" \
		    "$sock.pid: in the way, and no pid file of ours"
	done
}

behaviour no_file_in_the_way_of_the_pid_file 'nor is a directory, a link or a FIFO touched'
no_file_in_the_way_of_the_pid_file_body() {
	room
	mkdir "$sock.pid"
	in_the_way "$sock.pid" "$sock.pid: "
	rmdir "$sock.pid"
	echo 12 >target
	ln -s "$PWD/target" "$sock.pid"
	in_the_way "$sock.pid" "$sock.pid: "
	[ "$(cat target)" = 12 ] || fail "its target was touched"
	rm "$sock.pid"
	ln -s nowhere "$sock.pid"
	in_the_way "$sock.pid" "$sock.pid: "
	[ ! -e room/nowhere ] || fail "its target was made"
	rm "$sock.pid"
	mkfifo "$sock.pid"
	was=$(look "$sock.pid")
	refused "$sock.pid: in the way, and no pid file of ours"
	[ "$(look "$sock.pid")" = "$was" ] || fail "it is not as it was"
}

behaviour others_in_the_way 'root takes no socket and no pid file of somebody else' require.user root
others_in_the_way_body() {
	room
	leave_stale "$sock"
	chown 65534:65534 "$sock"
	in_the_way "$sock" "$sock: in the way: a socket of somebody else's"
	rm "$sock"
	echo 12 >"$sock.pid"
	chown 65534:65534 "$sock.pid"
	in_the_way "$sock.pid" "$sock.pid: in the way, and no pid file of ours"
}

# leave_stale PATH: a socket that nobody listens on any more
leave_stale() {
	"$talk" -w 1 -l "$1" echo x >/dev/null || fail "no stale socket"
	[ -S "$1" ] || fail "no stale socket"
}

behaviour stale_files_are_replaced 'a stale socket and pid file are no hindrance'
stale_files_are_replaced_body() {
	room
	leave_stale "$sock"
	echo 999999999 >"$sock.pid"
	start
	[ "$(cat "$sock.pid")" = "$vault" ] || fail "the pid is another"
	lives
	: >"$sock.pid"
	start
	[ "$(cat "$sock.pid")" = "$vault" ] || fail "the pid is another"
	lives
}

behaviour killed_daemon_is_replaced 'what both processes left when they were killed is replaced'
killed_daemon_is_replaced_body() {
	for order in 'network vault' 'vault network'; do
		rm -f log
		start
		# At one moment, or the other one would clean up.
		kill -STOP "$vault" "$network"
		case $order in
		network*) kill -KILL "$network" "$vault" ;;
		*) kill -KILL "$vault" "$network" ;;
		esac
		talk - ended "$vault" ended "$network"
		wait "$vault" || true
		[ -S "$sock" ] || fail "no socket is left"
		[ -s "$sock.pid" ] || fail "no pid file is left"
		rm log
		start
		[ "$(cat "$sock.pid")" = "$vault" ] || fail "the pid is another"
		lives
	done
}

behaviour killed_vault_alone 'a vault that was killed takes network with it, and is replaced'
killed_vault_alone_body() {
	start
	kill -KILL "$vault"
	talk -w 1 - ended "$network"
	wait "$vault" || true
	[ -S "$sock" ] || fail "nothing is left"
	rm log
	start
	lives
}

behaviour live_daemon_keeps_its_path 'the path of a live daemon is not taken, and that one not harmed'
live_daemon_keeps_its_path_body() {
	room
	start -a
	was=$(look "$sock"; look "$sock.pid"; cat "$sock.pid")
	refused "$sock.pid: another dazaid holds it"
	[ "$(look "$sock"; look "$sock.pid"; cat "$sock.pid")" = "$was" ] ||
	    fail "its files are not as they were"
	not_logged panic
	lives
}

behaviour live_guarded_daemon_keeps_its_path 'nor when it is guarded'
live_guarded_daemon_keeps_its_path_body() {
	room
	start -a
	heartbeat -i 5
	refused "$sock.pid: another dazaid holds it"
	refused "$sock.pid: another dazaid holds it" -a
	not_logged PANIC
	kill -QUIT "$heartbeat"
	ends 0 "$heartbeat"
	ends 0
	logged 'QUIT from the heartbeat'
}

behaviour live_socket_stays 'a socket that answers stays, even if it has lost its pid file'
live_socket_stays_body() {
	room
	start -a
	talk "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    log log 'panic pending' say CANCEL want CANCELLED \
	    say QUIT want BYE eof
	ends 0
	rm log
	start -a
	rm "$sock.pid"
	was=$(look "$sock")
	refused "$sock: in use: a daemon answers there"
	[ "$(look "$sock")" = "$was" ] || fail "it is not as it was"
	[ ! -e "$sock.pid" ] || fail "a pid file was left"
	talk "$sock" say "$guard" want WELCOME say PING want PONG \
	    say QUIT want BYE eof
	ends 0
	not_logged panic
}

behaviour any_live_socket_stays 'so does one of another program'
any_live_socket_stays_body() {
	room
	"$talk" -w 60 -l "$sock" accept accept &
	other=$!
	remember $other
	"$talk" -r "$sock" echo up || fail "nobody listens"
	was=$(look "$sock")
	refused "$sock: in use: a daemon answers there"
	[ "$(look "$sock")" = "$was" ] || fail "it is not as it was"
}

behaviour many_start_one_lives 'of many that start at once on one path one lives'
many_start_one_lives_body() {
	room
	pids=
	for i in 1 2 3 4 5 6 7 8; do
		"$dazaid" -d -s "$sock" -l "$name=-" <secret 2>log.$i &
		pids="$pids $!"
		remember $!
	done
	cat /dev/null >log
	alive=
	for pid in $pids; do
		tries=0
		until [ "$(cat "$sock.pid" 2>/dev/null)" = "$pid" ] ||
		    ! kill -0 "$pid" 2>/dev/null; do
			tries=$((tries + 1))
			[ $tries -lt 500 ] || fail "$pid hangs"
			sleep 0.02
		done
		if kill -0 "$pid" 2>/dev/null; then
			alive="$alive $pid"
		else
			got=0
			wait "$pid" || got=$?
			[ $got -eq 1 ] || fail "$pid ended with $got"
		fi
	done
	# shellcheck disable=SC2086 # a list of words
	set -- $alive
	[ $# -eq 1 ] || fail "alive:$alive"
	vault=$1
	talk -r "$sock" say "$guard" want WELCOME say QUIT want BYE eof
	ends 0
}

behaviour two_paths_two_daemons 'two daemons on two paths live side by side'
two_paths_two_daemons_body() {
	mkdir one two
	sock=$PWD/one/sock
	start
	first=$vault first_network=$network
	mv log log.first
	sock=$PWD/two/sock
	start
	lives
	vault=$first network=$first_network sock=$PWD/one/sock
	mv log.first log
	lives
}

behaviour both_are_private 'both files are for their owner alone, whatever the umask'
both_are_private_body() {
	for mask in 000 022 077 777; do
		umask 022
		rm -f log
		umask $mask
		daemon_with_open_log
		umask 022
		[ "$(stat -c '%a %F' "$sock")" = '600 socket' ] ||
		    fail "umask $mask: $(stat -c '%a %F' "$sock")"
		case "$mask $(stat -c '%a %F' "$sock.pid")" in
		'777 0 regular file' | ?*' 600 regular file') ;;
		*) fail "umask $mask: $(stat -c '%a %F' "$sock.pid")" ;;
		esac
		[ "$(stat -c '%u:%g' "$sock")" = "$(id -u):$(id -g)" ] ||
		    fail "owned by $(stat -c '%u:%g' "$sock")"
		lives
	done
}

# Under whatever umask.
daemon_with_open_log() {
	local mask

	mask=$(umask)
	umask 022
	: >log
	printf '%s' "$secret" >secret
	umask "$mask"
	"$dazaid" -d -s "$sock" -l "$name=-" <secret 2>log &
	vault=$!
	umask 022
	remember "$vault"
	talk - log log 'vault: ready'
	find_network
}

# gone_after STATUS COMMAND...: it ends like this, and both files go
gone_after() {
	local status=$1

	shift
	"$@"
	ends "$status"
	rm log
}

behaviour files_go_at_every_end 'both files go at every end, armed or not'
files_go_at_every_end_body() {
	for sig in TERM INT HUP USR1 USR2 QUIT; do
		start
		gone_after 0 kill -"$sig" "$vault"
		start
		gone_after 0 kill -"$sig" "$network"
	done
	for sig in HUP USR1 USR2 QUIT; do
		start -a -g 0
		gone_after "$SIGKILL" kill -"$sig" "$vault"
	done
	for sig in TERM INT; do
		start -a
		gone_after 0 kill -"$sig" "$vault"
	done
	start -a -g 0.1
	gone_after "$SIGKILL" kill -USR1 "$vault"
	start
	gone_after "$SIGSEGV" kill -SEGV "$vault"
	start -a
	gone_after 134 kill -ABRT "$vault"
	start -a
	gone_after 142 kill -ALRM "$vault"
	start -a -g 60
	gone_after "$SIGKILL" kill -KILL "$network"
	start -a -g 0 -t 0.2
	gone_after "$SIGKILL" talk "$sock" say "$guard" want WELCOME eof
}

behaviour files_go_when_the_start_fails 'and when the start fails after they were made'
files_go_when_the_start_fails_body() {
	room
	: >empty
	refused "there is nothing in it" -l more=empty
	refused "does not fit" -l more=/dev/zero
}

behaviour strangers_files_stay 'what somebody put in the place of ours is not removed'
strangers_files_stay_body() {
	for armed in '' '-a -g 0'; do
		for how in TERM USR1 USR2; do
			rm -f "$sock" "$sock.pid" log
			# shellcheck disable=SC2086 # a list of words
			start $armed
			rm "$sock" "$sock.pid"
			echo precious >"$sock"
			echo precious >"$sock.pid"
			kill -$how "$vault"
			talk - ended "$vault"
			wait "$vault" || true
			[ "$(cat "$sock")" = precious ] || fail "the socket went"
			[ "$(cat "$sock.pid")" = precious ] || fail "the pid went"
		done
	done
}

behaviour renamed_over_stay 'nor a socket that was renamed over ours'
renamed_over_stay_body() {
	start
	leave_stale "$PWD/other"
	mv "$sock" ours
	mv other "$sock"
	kill "$vault"
	talk - ended "$vault"
	wait "$vault" || true
	[ -S "$sock" ] || fail "it went"
	[ -S ours ] || fail "a name that we never had went"
	[ ! -e "$sock.pid" ] || fail "the pid file is still there"
}

behaviour moved_directory 'a directory that was renamed is cleaned, and what took its place is not'
moved_directory_body() {
	room
	start
	mv room moved
	mkdir room
	echo precious >"$sock"
	echo precious >"$sock.pid"
	kill "$vault"
	talk - ended "$vault" ended "$network"
	wait "$vault" || true
	[ -z "$(ls -A moved)" ] || fail "left: $(ls -A moved)"
	[ "$(cat "$sock")$(cat "$sock.pid")" = preciousprecious ] ||
	    fail "it was not ours"
}

behaviour relative_path 'a relative path is that of where it was started, in the background as well'
relative_path_body() {
	mkdir sub
	sock=sub/sock
	start
	lives
	"$dazaid" -s "$sock" || fail "not started"
	vault=$(cat "$sock.pid")
	remember "$vault"
	find_network
	[ -S "$sock" ] || fail "no socket"
	kill "$vault"
	talk - ended "$vault"
	gone
	sock=sock
	start
	lives
}

# path_of LENGTH: a relative path that long
path_of() {
	printf "%0$1d" 0
}

behaviour longest_path 'a path of 103 bytes is good, one more is told'
longest_path_body() {
	printf '%s' "$secret" >secret
	sock=$(path_of 103)
	start
	[ -S "$sock" ] || fail "no socket"
	[ -f "$sock.pid" ] || fail "no pid file"
	lives
	for len in 104 108 109 250 5000; do
		sock=$(path_of $len)
		got=0
		"$dazaid" -d -s "$sock" 2>why || got=$?
		[ $got -eq 1 ] || fail "exit $got"
		echo "dazaid: the socket path is too long: $len bytes, at most 103" |
		    cmp -s - why || fail "$(cat why)"
	done
	[ ! -e "$(path_of 104)" ] || fail "a socket was left"
	DAZAI_SOCK=$(path_of 104) "$dazaid" -d 2>why && fail "started"
	grep -q 'too long: 104 bytes' why || fail "$(cat why)"
}

behaviour no_path 'an empty path is told'
no_path_body() {
	"$dazaid" -d -s '' 2>why && fail "started"
	echo 'dazaid: the socket path is empty' | cmp -s - why ||
	    fail "$(cat why)"
	DAZAI_SOCK='' "$dazaid" -d 2>why && fail "started"
	echo 'dazaid: the socket path is empty' | cmp -s - why ||
	    fail "$(cat why)"
}

behaviour no_directory 'a directory that is not there, or is none, is told'
no_directory_body() {
	printf '%s' "$secret" >secret
	touch file why
	sock=$PWD/missing/sock
	refused "$sock: No such file or directory"
	sock=$PWD/file/sock
	refused "$sock: Not a directory"
	sock=$PWD/missing/more/sock
	refused "$sock: No such file or directory"
	ln -s loop loop
	sock=$PWD/loop/sock
	refused "$sock: Too many levels of symbolic links"
	[ ! -e missing ] || fail "it was made"
	# Neither a directory nor anything that could be a name.
	sock=$PWD/
	"$dazaid" -d -s "$sock" <secret 2>log && fail "started on a directory"
	[ "$(wc -l <log)" -eq 1 ] || fail "not one line"
}

behaviour unwritable_directory 'nor one that may not be written to' require.user unprivileged
unwritable_directory_body() {
	room
	chmod 555 room
	refused "$sock.pid: Permission denied"
	chmod 000 room
	refused "Permission denied"
	chmod 755 room
}

behaviour read_only_file_system 'nor a file system that is read-only' require.user root
read_only_file_system_body() {
	room
	cat >read-only <<-EOT
	#!/bin/sh
	exec unshare -m sh -c 'mount -t tmpfs -o ro none $PWD/room &&
	    exec $real "\$@"' x "\$@"
	EOT
	chmod 755 read-only
	dazaid=$PWD/read-only
	refused "$sock.pid: Read-only file system"
}

behaviour path_by_environment 'DAZAI_SOCK names the socket, to the client as well'
path_by_environment_body() {
	sock=$PWD/by-environment
	DAZAI_SOCK=$sock "$dazaid" -d </dev/null 2>log &
	vault=$!
	remember "$vault"
	talk - log log 'vault: ready'
	find_network
	[ -S "$sock" ] || fail "not there"
	: >hb.out
	DAZAI_SOCK=$sock "$hb" >hb.out &
	heartbeat=$!
	remember "$heartbeat"
	talk - log hb.out guarding
	kill -QUIT "$heartbeat"
	ends 0
}

behaviour path_in_the_run_directory 'else it is in XDG_RUNTIME_DIR'
path_in_the_run_directory_body() {
	mkdir run
	unset DAZAI_SOCK
	export XDG_RUNTIME_DIR="$PWD/run"
	sock=$PWD/run/dazai-$(id -u).sock
	"$dazaid" -d </dev/null 2>log &
	vault=$!
	remember "$vault"
	talk - log log 'vault: ready'
	find_network
	[ -S "$sock" ] || fail "not there"
	: >hb.out
	"$hb" >hb.out &
	heartbeat=$!
	remember "$heartbeat"
	talk - log hb.out guarding
	kill -QUIT "$heartbeat"
	ends 0
}

behaviour option_before_environment '-s comes before both'
option_before_environment_body() {
	mkdir run
	export XDG_RUNTIME_DIR="$PWD/run" DAZAI_SOCK="$PWD/no"
	start
	[ ! -e no ] || fail "that of DAZAI_SOCK"
	[ -z "$(ls -A run)" ] || fail "that of XDG_RUNTIME_DIR"
	lives
}

#
# -u: root guards the session of a user.
#

# for_nobody OPTION...: start, for user nobody in a directory of nobody's
for_nobody() {
	public
	chown 65534:65534 "$dir"
	cp "$hb" "$dir"
	start -u nobody "$@"
}

# as UID COMMAND...
as() {
	local uid=$1

	shift
	setpriv --reuid "$uid" --regid "$uid" --clear-groups "$@"
}

behaviour user_owns_the_files '-u: the files are made for the user, and the vault stays root' \
    require.user root
user_owns_the_files_body() {
	for_nobody
	for file in "$sock" "$sock.pid"; do
		[ "$(stat -c '%U %G %a' "$file")" = 'nobody nogroup 600' ] ||
		    fail "$(stat -c '%n %U %G %a' "$file")"
	done
	grep -q '^Uid:	0	0	0	0$' "/proc/$vault/status" ||
	    fail "$(grep Uid "/proc/$vault/status")"
	grep -q '^Gid:	0	0	0	0$' "/proc/$vault/status" ||
	    fail "$(grep Gid "/proc/$vault/status")"
	if grep -q '^Uid:.*[[:space:]]\(0\|65534\)[[:space:]]' \
	    "/proc/$network/status"; then
		fail "$(grep Uid "/proc/$network/status")"
	fi
	lives
}

behaviour user_guards '-u: the user can guard it, and so can root' require.user root
user_guards_body() {
	for_nobody -a -g 60
	as 65534 "$dir/talk" "$sock" say "$guard" want WELCOME say PING \
	    want PONG || fail "the user cannot"
	logged 'panic pending'
	"$talk" "$sock" say "$guard" want WELCOME say PING want PONG ||
	    fail "root cannot"
	: >hb.out
	setpriv --reuid 65534 --regid 65534 --clear-groups "$dir/dazai-hb" \
	    -s "$sock" >hb.out &
	heartbeat=$!
	remember "$heartbeat"
	talk - log hb.out 'dazai-hb: guarding'
	kill -QUIT "$heartbeat"
	ends 0
}

behaviour user_signals_cannot '-u: but signal it the user cannot, nor look into it' require.user root
user_signals_cannot_body() {
	for_nobody -a
	for pid in "$vault" "$network"; do
		for sig in KILL USR2 STOP TERM; do
			if as 65534 /bin/kill -$sig "$pid" 2>/dev/null; then
				fail "SIG$sig was sent to $pid"
			fi
		done
		if as 65534 head -c 1 "/proc/$pid/maps" >seen 2>/dev/null; then
			[ ! -s seen ] || fail "the memory of $pid shows"
		fi
	done
	lives
}

behaviour others_are_closed_on '-u: anybody else is closed on without an answer' require.user root
others_are_closed_on_body() {
	for_nobody -a
	# Not even the mode of the socket is what keeps them out.
	if as 1 "$dir/talk" "$sock" say "$guard" 2>/dev/null; then
		fail "uid 1 could connect"
	fi
	chmod 666 "$sock"
	as 1 "$dir/talk" "$sock" eof || fail "uid 1 was answered"
	as 1 "$dir/talk" "$sock" say "$guard" eof || fail "uid 1 was answered"
	logged 'a client of uid 1 refused'
	not_logged guarded
	lives
}

behaviour user_files_go '-u: the files go at every end' require.user root
user_files_go_body() {
	for_nobody
	kill -USR1 "$vault"
	ends 0
	rm log
	start -u nobody -a -g 0
	kill -USR2 "$vault"
	ends "$SIGKILL"
	rm log
	# Even from a directory that only its user may write to.
	chmod 700 "$dir"
	start -u nobody -a -g 0
	kill -USR1 "$vault"
	ends "$SIGKILL"
}

behaviour root_touches_no_file_for_a_user '-u: root follows no link, and writes to nothing, of the user' \
    require.user root
root_touches_no_file_for_a_user_body() {
	for_nobody
	lives
	printf '%s' "$secret" >secret
	touch why
	echo precious >precious
	chmod 600 precious
	as 65534 ln -s "$PWD/precious" "$sock.pid"
	refused "$sock.pid: " -u nobody
	rm "$sock.pid"
	as 65534 ln -s "$PWD/precious" "$sock"
	refused "$sock: in the way" -u nobody
	rm "$sock"
	[ "$(cat precious)" = precious ] || fail "written to"
	# Where the user may not write, root does not either.
	chown 0:0 "$dir"
	refused "$sock.pid: Permission denied" -u nobody
}

behaviour user_run_directory '-u: without -s it is where the clients of that user look' \
    require.user root
user_run_directory_body() {
	cat >elsewhere <<-EOT
	#!/bin/sh
	exec unshare -m --propagation private sh -c 'mount -t tmpfs none /run &&
	    mkdir -p /run/user/65534 && chmod 700 /run/user/65534 &&
	    chown \${owner:-65534} /run/user/65534 &&
	    XDG_RUNTIME_DIR=/nowhere exec $real "\$@"' x "\$@"
	EOT
	chmod 755 elsewhere
	./elsewhere -d -u nobody 2>log </dev/null &
	vault=$!
	remember "$vault"
	talk - log log 'vault: ready'
	find_network
	[ "$(nsenter -m -t "$vault" stat -c '%U %a' \
	    /run/user/65534/dazai-65534.sock)" = 'nobody 600' ] ||
	    fail "not there"
	kill "$vault"
	ends 0
	if [ -e /tmp/dazai-65534 ]; then
		atf_skip "nobody has a daemon already"
	fi
	# Not one that somebody else has made.
	rm log
	owner=1 ./elsewhere -d -u nobody 2>log </dev/null &
	vault=$!
	remember "$vault"
	talk - log log 'vault: ready'
	find_network
	sock=/tmp/dazai-65534/dazai-65534.sock
	[ "$(stat -c '%U %a' $sock)" = 'nobody 600' ] || fail "not in /tmp"
	kill "$vault"
	ends 0
	rmdir /tmp/dazai-65534
}

behaviour unknown_user '-u: a user that is none is told' require.user root
unknown_user_body() {
	room
	refused 'dazaid: --user: no-such-user: no such user' -u no-such-user
	refused 'dazaid: --user: : no such user' -u ''
}

behaviour user_needs_root '-u is for root' require.user unprivileged
user_needs_root_body() {
	room
	refused 'dazaid: --user: only root' -u root
	refused 'dazaid: --user: only root' -u "$(id -un)"
}
