#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The two sockets and the pid file: whose they are, and what they replace.
# Whether a daemon has removed them is checked wherever one ends, by "ends" of lib.sh.

. "$(atf_get_srcdir)/lib.sh"

# refused TEXT [OPTION...]: a daemon does not start, says so on one line that has
# TEXT, and leaves the directory of its socket as it was
refused() {
	local text=$1 before

	shift
	before=$(ls -Ai "${sock%/*}" 2>/dev/null)
	complains 1 "$text" "$dazaid" -d -s "$sock" -l "$name=-" "$@" <secret
	is "$(ls -Ai "${sock%/*}" 2>/dev/null)" "$before"
}

# Makes a directory for the socket, with nothing else in it.
room() {
	mkdir room
	sock=$PWD/room/sock
	printf '%s' "$secret" >secret
}

# look FILE: prints the type, inode and times of FILE, and what is in it
look() {
	stat -c '%n %i %f %s %u:%g %h %y %N' "$1"
	[ ! -f "$1" ] || cat "$1"
}

# in_the_way FILE TEXT: a start fails with a line that has TEXT, and leaves FILE as it was
in_the_way() {
	look "$1" >was
	refused "$2"
	look "$1" | cmp -s was - || fail "$1 is not as it was"
}

# leave_stale PATH: makes a socket that nobody listens on any more
leave_stale() {
	"$talk" -w 1 -l "$1" echo x >/dev/null || fail "no stale socket"
	[ -S "$1" ] || fail "no stale socket"
}

# all_in_the_way FILE TEXT THING...: in_the_way, with each of these things at FILE
all_in_the_way() {
	local file=$1 text=$2 thing

	shift 2
	echo precious >target
	leave_stale "$PWD/stale"
	for thing; do
		case $thing in
		file)	printf 'precious\n\0' >"$file" ;;
		empty)	: >"$file" ;;
		directory) mkdir "$file" ;;
		full)	mkdir "$file" "$file/more" ;;
		link)	ln -s "$PWD/target" "$file" ;;
		dangling) ln -s nowhere "$file" ;;
		stale)	ln -s "$PWD/stale" "$file" ;;
		fifo)	mkfifo "$file" ;;
		device)	[ "$(id -u)" -eq 0 ] || continue
			mknod "$file" c 1 3 ;;
		*)	printf '%b' "$thing" >"$file" ;;
		esac
		in_the_way "$file" "$text"
		rm -r "$file"
	done
	[ "$(cat target)" = precious ] || fail "the target of a link was touched"
	[ -S stale ] || fail "the target of a link was removed"
	[ ! -e room/nowhere ] || fail "the target of a link was made"
	rm target stale
}

behaviour what_is_no_socket_stays \
    'a file, directory, link, FIFO or device at the path of a socket stays as it was, and the start fails with one line'
what_is_no_socket_stays_body() {
	room
	for file in "$sock" "$sock.ctl"; do
		all_in_the_way "$file" "$file: exists, and is not a socket; remove it, or choose another path (-s)" \
		    file empty directory full link dangling stale fifo device
	done
}

behaviour what_is_no_pid_file_stays \
    'a file at the path of the pid file that is no pid file, and a pid file or socket of another user, stays as it was, and the start fails with one line'
what_is_no_pid_file_stays_body() {
	room
	all_in_the_way "$sock.pid" "$sock.pid: exists, and is not a pid file of this user's dazaid; remove it, or choose another path (-s)" \
	    fifo precious '12 ' '12\n13\n' '-1\n' 12 '\n' '0x12\n' ' 12\n' \
	    '12\n\0' '123456789012345678901234567890123\n'
	all_in_the_way "$sock.pid" "$sock.pid: " directory link dangling
	[ "$(id -u)" -eq 0 ] || return 0
	leave_stale "$sock"
	chown 65534:65534 "$sock"
	in_the_way "$sock" "$sock: exists, and is a socket of another user"
	rm "$sock"
	echo 12 >"$sock.pid"
	chown 65534:65534 "$sock.pid"
	in_the_way "$sock.pid" "$sock.pid: exists, and is not a pid file of this user's dazaid; remove it, or choose another path (-s)"
}

# A daemon that starts has replaced what was there.
replaces() {
	start
	[ "$(cat "$sock.pid")" = "$vault" ] || fail "the pid is another"
	lives
}

behaviour stale_files_are_replaced 'stale sockets and pid files, and what killed processes have left, are replaced'
stale_files_are_replaced_body() {
	room
	leave_stale "$sock"
	leave_stale "$sock.ctl"
	echo 999999999 >"$sock.pid"
	replaces
	: >"$sock.pid"
	replaces
	for order in 'network vault' 'vault network' 'vault alone'; do
		start
		# Stopped, they die at the same moment; otherwise the other one would clean up.
		[ "$order" = 'vault alone' ] || kill -STOP "$vault" "$network"
		case $order in
		network*) kill -KILL "$network" "$vault" ;;
		*network) kill -KILL "$vault" "$network" ;;
		*)	kill -KILL "$vault" ;;
		esac
		talk - ended "$vault" ended "$network"
		wait "$vault" || true
		[ -S "$sock" ] || fail "no socket is left"
		[ -s "$sock.pid" ] || fail "no pid file is left"
		replaces
	done
}

behaviour a_live_daemon_keeps_its_path 'the path of a live daemon, guarded or not, is not taken'
a_live_daemon_keeps_its_path_body() {
	room
	start -a
	was=$(look "$sock"; look "$sock.pid")
	refused "$sock.pid: another dazaid runs here"
	heartbeat -i 5
	refused "$sock.pid: another dazaid runs here" -a
	is "$(look "$sock"; look "$sock.pid")" "$was"
	stand_down
	not_logged PANIC
}

behaviour a_live_socket_stays 'a socket that answers stays, whoever listens'
a_live_socket_stays_body() {
	room
	for file in "$sock" "$sock.ctl"; do
		"$talk" -w 60 -l "$file" accept accept &
		remember $!
		"$talk" -r "$file" echo up || fail "nobody listens"
		in_the_way "$file" "$file: another program listens there"
		kill $!
		rm "$file"
	done
}

# decided PID: it holds the pid file, or has ended
decided() {
	[ "$(cat "$sock.pid" 2>/dev/null)" = "$1" ] || ! kill -0 "$1" 2>/dev/null
}

behaviour many_start_one_lives 'of many daemons that start at once on one path one lives'
many_start_one_lives_body() {
	room
	pids=
	for i in 1 2 3 4 5 6 7 8; do
		"$dazaid" -d -s "$sock" -l "$name=-" <secret 2>log.$i &
		pids="$pids $!"
		remember $!
	done
	: >log
	alive=
	for pid in $pids; do
		await decided "$pid"
		if kill -0 "$pid" 2>/dev/null; then
			alive="$alive $pid"
		else
			ends 1 "$pid"
		fi
	done
	set -- $alive
	[ $# -eq 1 ] || fail "alive:$alive"
	vault=$1
	talk -r "$sock" hello quit
	ends 0
}

behaviour the_files_are_private 'sockets and pid file are for their owner alone, whatever the umask'
the_files_are_private_body() {
	for mask in 000 777; do
		through "umask $mask; exec"
		start
		for file in "$sock" "$sock.ctl"; do
			[ "$(stat -c '%a %F %u:%g' "$file")" = \
			    "600 socket $(id -u):$(id -g)" ] ||
			    fail "umask $mask: $(stat -c '%n %a %F %u:%g' "$file")"
		done
		is "$(stat -c '%a %F' "$sock.pid")" '600 regular file'
		lives
	done
}

behaviour files_of_others_stay 'what somebody put in the place of our files, or renamed over them, is not removed'
files_of_others_stay_body() {
	for row in TERM 'USR2 -a' 'USR1 -a -g 0' USR1; do
		rm -f "$sock" "$sock.ctl" "$sock.pid"
		set -- $row
		sig=$1
		shift
		start "$@"
		for file in "$sock" "$sock.ctl" "$sock.pid"; do
			rm "$file"
			echo precious >"$file"
		done
		kill -"$sig" "$vault" 2>/dev/null || true
		talk - ended "$vault"
		wait "$vault" || true
		for file in "$sock" "$sock.ctl" "$sock.pid"; do
			[ "$(cat "$file")" = precious ] || fail "$file went"
		done
	done
	rm "$sock" "$sock.ctl" "$sock.pid"
	start
	leave_stale "$PWD/other"
	mv "$sock" ours
	mv other "$sock"
	kill "$vault" 2>/dev/null || true
	talk - ended "$vault"
	wait "$vault" || true
	[ -S "$sock" ] || fail "it went"
	[ -S ours ] || fail "a name that we never had went"
	[ ! -e "$sock.pid" ] || fail "the pid file is still there"
}

behaviour a_moved_directory_is_cleaned \
    'if the directory was renamed, the daemon removes its files there, and leaves what took the place of the directory'
a_moved_directory_is_cleaned_body() {
	room
	start
	mv room moved
	mkdir room
	echo precious >"$sock"
	echo precious >"$sock.pid"
	kill "$vault" 2>/dev/null || true
	talk - ended "$vault" ended "$network"
	wait "$vault" || true
	[ "$(ls -A moved)" = sock.last ] || fail "left: $(ls -A moved)"
	is "$(cat "$sock")$(cat "$sock.pid")" preciousprecious
}

behaviour a_relative_path_is_that_of_the_start \
    'a relative path counts from the directory of the start, in the background as well'
a_relative_path_is_that_of_the_start_body() {
	mkdir sub
	sock=sub/sock
	start
	lives
	"$dazaid" -s "$sock" || fail "not started"
	found
	[ -S "$sock" ] || fail "no socket"
	end_there
	sock=sock
	start
	lives
}

behaviour a_path_has_1_to_103_bytes \
    'a socket path of 103 bytes is accepted; one of 104 bytes or none is refused with one line'
a_path_has_1_to_103_bytes_body() {
	sock=$(printf '%0103d' 0)
	start
	[ -S "$sock" ] || fail "no socket"
	[ -f "$sock.pid" ] || fail "no pid file"
	lives
	sock=$(printf '%0104d' 0)
	complains 1 'the socket path is too long: 104 bytes, at most 103' \
	    "$dazaid" -d -s "$sock"
	[ ! -e "$sock" ] || fail "a socket was left"
	DAZAI_SOCK=$sock complains 1 'too long: 104 bytes' "$dazaid" -d
	complains 1 'dazaid: the socket path is empty' "$dazaid" -d -s ''
	DAZAI_SOCK='' complains 1 'dazaid: the socket path is empty' "$dazaid" -d
}

behaviour a_bad_directory_is_told \
    'if the directory of the socket does not exist, is a file, or cannot be written to, one line says so'
a_bad_directory_is_told_body() {
	printf '%s' "$secret" >secret
	: >file
	: >printed
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
	# A path without a name at its end.
	complains 1 'the socket path ends in a slash' "$dazaid" -d -s "$PWD/"
	room
	if [ "$(id -u)" -ne 0 ]; then
		chmod 555 room
		refused "$sock.pid: Permission denied"
		chmod 000 room
		refused "Permission denied"
		chmod 755 room
		return 0
	fi
	own_mounts
	through "exec unshare -m sh -c 'mount -t tmpfs -o ro none $PWD/room &&
	    exec \"\$@\"' x"
	refused "$sock.pid: Read-only file system"
}

behaviour the_path_may_come_from_the_environment \
    'daemon and clients take the socket from -s, else from DAZAI_SOCK, else from XDG_RUNTIME_DIR'
the_path_may_come_from_the_environment_body() {
	mkdir run
	export XDG_RUNTIME_DIR="$PWD/run" DAZAI_SOCK="$PWD/by-environment"
	start
	[ ! -e by-environment ] || fail "that of DAZAI_SOCK"
	[ -z "$(ls -A run)" ] || fail "that of XDG_RUNTIME_DIR"
	complains 2 'no daemon' "$hb" -s "$PWD/other"
	lives
	for sock in "$DAZAI_SOCK" "$PWD/run/dazai-$(id -u).sock"; do
		: >hb.out
		launch "$dazaid" -d </dev/null
		[ -S "$sock" ] || fail "not there"
		spawn heartbeat "$hb" >hb.out
		talk - log hb.out guarding
		stand_down
		unset DAZAI_SOCK
	done
}

#
# -u: root guards the session of a user.
#

behaviour u_makes_the_files_for_the_user \
    '-u: the files belong to the user, who can guard but not signal; the vault stays root; other users are disconnected' \
    require.user root
u_makes_the_files_for_the_user_body() {
	for_nobody start -a -g 60
	cp "$hb" "$dir"
	for file in "$sock" "$sock.ctl" "$sock.pid"; do
		is "$(stat -c '%U %G %a' "$file")" 'nobody nogroup 600'
	done
	present -x "Uid:	0	0	0	0" "/proc/$vault/status"
	absent '^Uid:.*[[:space:]]\(0\|65534\)[[:space:]]' "/proc/$network/status"
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
	# Others are refused even if the mode of the socket lets them connect.
	chmod 666 "$sock" "$sock.ctl"
	as 1 "$dir/talk" "$sock" say "$guard" eof to "$sock.ctl" say STATUS eof ||
	    fail "uid 1 was answered"
	logged 'a client of uid 1 refused'
	not_logged guarded
	cp secret "$dir"
	as 65534 "$dir/talk" "$sock" hello to "$sock.ctl" get "$name" "$dir/secret" \
	    say 'PUT one 3' want GO raw abc want OK || fail "the user is not served"
	logged 'panic pending'
	talk "$sock" hello to "$sock.ctl" get "$name" secret
	: >hb.out
	as 65534 "$dir/dazai-hb" -s "$sock" >hb.out &
	remember $!
	talk - log hb.out 'dazai-hb: guarding'
	kill -QUIT "$(sed 's/.*guarding \([0-9]*\) .*/\1/' hb.out)"
	ends 0
	# At every end the files are removed from a directory that only the user may write to.
	chmod 700 "$dir"
	for row in 'USR1 0' "USR2 $SIGKILL -a -g 0" "USR1 $SIGKILL -a -g 0"; do
		set -- $row
		sig=$1 status=$2
		shift 2
		start -u nobody "$@"
		kill -"$sig" "$vault"
		ends "$status"
	done
}

behaviour u_follows_no_link_of_the_user '-u: root follows no link, and writes to nothing, of the user' \
    require.user root
u_follows_no_link_of_the_user_body() {
	for_nobody start
	lives
	echo precious >precious
	chmod 600 precious
	as 65534 ln -s "$PWD/precious" "$sock.pid"
	refused "$sock.pid: " -u nobody
	rm "$sock.pid"
	as 65534 ln -s "$PWD/precious" "$sock"
	refused "$sock: exists, and is not a socket" -u nobody
	rm "$sock"
	[ "$(cat precious)" = precious ] || fail "written to"
	# Root makes no file where the user may not.
	chown 0:0 "$dir"
	refused "$sock.pid: Permission denied" -u nobody
}

behaviour u_needs_root_and_a_user \
    '-u is refused unless root gives it, and names a user that exists'
u_needs_root_and_a_user_body() {
	room
	if [ "$(id -u)" -eq 0 ]; then
		refused 'dazaid: --user: no-such-user: no such user' -u no-such-user
		refused 'dazaid: --user: : no such user' -u ''
	else
		refused 'dazaid: --user: only root' -u root
		refused 'dazaid: --user: only root' -u "$(id -un)"
	fi
}
