#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The default places of the socket, and which of them daemon and clients refuse.

. "$(atf_get_srcdir)/lib.sh"


# somebody: becomes able to run the programs as a user of its own, $user, with no
# runtime directory, in $dir; the user's directory in /tmp is $own
somebody() {
	user=$((2000000000 + $$))
	own=/tmp/dazai-$user
	sock=$own/dazai-$user.sock
	dir=$(mktemp -d /tmp/dazai-public.XXXXXX)
	printf '%s\n%s\n' "$dir" "$own" >public
	chmod 755 "$dir"
	cp "$dazaid" "$hb" "$ctl" "$talk" "$dir"
	unset DAZAI_SOCK XDG_RUNTIME_DIR
}

# users_daemon: $user starts a daemon with $secret, at the default place
users_daemon() {
	printf '%s' "$secret" >secret
	launch become "$user" sh -c "umask ${mask:-022}; exec \"\$@\"" sh \
	    "$dir/dazaid" -d -l "$name=-" <secret
}

# refuses STATUS TEXT UID PROGRAM ARG...: it exits with STATUS, with one line that has
# TEXT
refuses() {
	local status=$1 text=$2 uid=$3

	shift 3
	complains "$status" "$text" setpriv --reuid "$uid" --regid "$uid" \
	    --clear-groups "$@" </dev/null
}

# everyone_refuses TEXT: neither daemon nor clients use what is at $own
everyone_refuses() {
	refuses 1 "dazaid: socket: $own: $1" "$user" "$dir/dazaid" -d
	refuses 5 "dazaictl: $own: $1" "$user" "$dir/dazaictl" status
	refuses 4 "dazai-hb: $own: $1" "$user" "$dir/dazai-hb"
}

behaviour private_directory \
    'without a runtime directory it is a private one in /tmp, whatever the umask' \
    require.user root
private_directory_body() {
	mask=777
	somebody
	users_daemon
	is "$(stat -c '%u %a' "$own")" "$user 700"
	for file in "$sock" "$sock.ctl" "$sock.pid"; do
		[ -e "$file" ] || fail "no $file: $(ls "$own")"
	done
	as "$user" "$dir/dazaictl" status >out || fail "no status"
	spawn heartbeat become "$user" "$dir/dazai-hb" >hb.out 2>&1
	talk - log hb.out guarding
	is "$(as "$user" "$dir/dazaictl" get "$name")" "$secret"
	as "$user" "$dir/dazaictl" status >out || fail "no status"
	present "by dazai-hb $heartbeat" out
	stand_down
	# The directory stays, and the next daemon takes it.
	users_daemon
	stop
	# So does root's daemon for that user.
	sock=/tmp/dazai-65534/dazai-65534.sock
	[ ! -e /tmp/dazai-65534 ] || return 0
	echo /tmp/dazai-65534 >>public
	launch "$dazaid" -d -u nobody </dev/null
	is "$(stat -c '%u %a' "${sock%/*}")" '65534 700'
	as 65534 "$dir/dazaictl" status >out || fail "no status"
	"$ctl" -s "$sock" status >out || fail "no status for root"
	stop
}

behaviour strangers_directory \
    'if another user has made /tmp/dazai-UID, one line says so' require.user root
strangers_directory_body() {
	somebody
	mkdir -m 700 "$own"
	everyone_refuses "belongs to uid 0, but must belong to uid $user"
	refuses 1 'choose another place by -s ~/.dazai.sock' "$user" "$dir/dazaid" -d
	chown 65534 "$own"
	everyone_refuses "belongs to uid 65534, but must belong to uid $user"
	chown "$user" "$own"
	chmod 750 "$own"
	everyone_refuses 'is open to others, its mode 750 should be 700'
	rmdir "$own"
	mkdir "$dir/elsewhere"
	chown "$user" "$dir/elsewhere"
	chmod 700 "$dir/elsewhere"
	as 65534 ln -s "$dir/elsewhere" "$own"
	everyone_refuses 'is a symbolic link'
	rm "$own"
	as 65534 touch "$own"
	everyone_refuses 'is not a directory'
	[ -z "$(ls "$dir/elsewhere")" ] || fail "it was used all the same"
}

# A stranger links the name that clients look for to the socket of a service that root
# listens for, and which that stranger can influence.
behaviour strangers_socket 'a socket of another user is refused, whoever listens' require.user root
strangers_socket_body() {
	local how command text

	somebody
	sock=$dir/sock
	"$talk" -l "$dir/service" echo up accept show >said &
	remember $!
	talk - log said up
	chown 65534 "$dir/service"
	chmod 666 "$dir/service"
	for how in '' -s; do
		ln $how "$dir/service" "$sock.ctl"
		ln $how "$dir/service" "$sock"
		text='this socket belongs to uid 65534, not to you'
		[ -z "$how" ] || text='is a symbolic link'
		for command in put get; do
			refuses 5 "$sock.ctl: $text" "$user" "$dir/dazaictl" \
			    -s "$sock" $command x
		done
		refuses 4 "$sock: $text" "$user" "$dir/dazai-hb" -s "$sock"
		DAZAI_SOCK=$sock refuses 4 "$sock: $text" "$user" "$dir/dazai-hb"
		rm "$sock.ctl" "$sock"
	done
	[ "$(cat said)" = up ] || fail "it was talked to: $(cat said)"
	echo >"$sock.ctl"
	refuses 5 "$sock.ctl: is no socket" "$user" "$dir/dazaictl" -s "$sock" \
	    status
}

behaviour next_place 'a client that finds no daemon at the first place tries the next one' require.user root
next_place_body() {
	somebody
	mkdir "$dir/run"
	chown "$user" "$dir/run"
	users_daemon
	export XDG_RUNTIME_DIR="$dir/run"
	as "$user" "$dir/dazaictl" status >out || fail "not found"
	# A stale socket at the first place counts as no daemon, too.
	as "$user" "$talk" -w 1 -l "$dir/run/${sock##*/}.ctl" echo x >out
	as "$user" "$dir/dazaictl" status >out || fail "not found"
	as "$user" "$dir/dazai-hb" >hb.out 2>&1 &
	talk - log hb.out guarding
	stop
	rm "$sock.last"
	refuses 2 "dazaictl: $dir/run/${sock##*/}.ctl, $sock.ctl: no daemon: Connection refused" \
	    "$user" "$dir/dazaictl" status
	refuses 2 "dazai-hb: $dir/run/${sock##*/}, $sock: no daemon: No such file" \
	    "$user" "$dir/dazai-hb"
	# A runtime directory that su(1) has left is not ours, and not used.
	chown 65534 "$dir/run"
	refuses 2 "dazai-hb: $sock: no daemon" "$user" "$dir/dazai-hb"
	users_daemon
	[ -S "$sock" ] || fail "not there"
	stop
}

behaviour run_user 'after XDG_RUNTIME_DIR comes /run/user/UID' require.user root
run_user_body() {
	own_mounts
	somebody
	cat >"$dir/in_run" <<-EOT
		#!/bin/sh
		mount -t tmpfs none /run && mkdir -p -m 700 /run/user/\${uid:-$user} &&
		    chown \${uid:-$user} /run/user/\${uid:-$user} && exec "\$@"
	EOT
	chmod 755 "$dir/in_run"
	sock=/run/user/$user/dazai-$user.sock
	launch unshare -m --propagation private "$dir/in_run" setpriv \
	    --reuid "$user" --regid "$user" --clear-groups "$dir/dazaid" -d </dev/null
	# Those of a login and of cron: with and without the environment.
	for run in "/run/user/$user" /nonexistent ''; do
		XDG_RUNTIME_DIR=$run nsenter -m -r -t "$vault" setpriv \
		    --reuid "$user" --regid "$user" --clear-groups \
		    "$dir/dazaictl" status >out || fail "not found"
	done
	stop
	[ ! -e "$own" ] || fail "the directory in /tmp was made"
	# Root's daemon for a user takes that user's place.
	uid=65534 launch unshare -m --propagation private "$dir/in_run" \
	    "$dazaid" -d -u nobody </dev/null
	[ "$(nsenter -m -r -t "$vault" stat -c '%U %a' \
	    /run/user/65534/dazai-65534.sock)" = 'nobody 600' ] || fail "not there"
	stop
}

# Every uid that has no name in it shows as 65534 there, ours and strangers'.
behaviour unmapped_uid \
    'in a user namespace that does not map its uid, a client trusts no daemon' require.user root
unmapped_uid_body() {
	somebody
	unshare -U true 2>/dev/null ||
	    atf_skip "no user namespace: allow them (sysctl user.max_user_namespaces), and do not run it in a chroot"
	sock=$dir/sock
	for program in dazaictl dazai-hb dazaid; do
		want=5
		[ $program = dazaictl ] || want=4
		[ $program != dazaid ] || want=1
		got=0
		set -- -s "$sock"
		[ $program != dazaictl ] || set -- -s "$sock" status
		unshare -U "$dir/$program" "$@" >out 2>err || got=$?
		[ "$got" -eq "$want" ] || fail "$program: exit $got: $(cat err)"
		[ "$(cat err)" = "$program: this container does not map your uid:\
 other users cannot be told from you" ] || fail "$(cat err)"
	done
	# Nor is it one for -u, even if the namespace maps that uid itself.
	mkfifo go
	spawn mapped unshare -U sh -c 'read -r line <go; exec "$@"' sh \
	    "$dir/dazaid" -d -u "$(id -nu 65534)" -s "$sock" 2>err
	exec 9>go
	echo 0 0 70000 >"/proc/$mapped/uid_map"
	echo 0 0 70000 >"/proc/$mapped/gid_map"
	echo >&9
	exec 9>&-
	ends 1 "$mapped"
	grep -q 'does not map your uid' err || fail "-u: $(cat err)"
	# A uid that the namespace maps is trusted as usual.
	start
	unshare -U -r "$ctl" -s "$sock" status >out 2>err || fail "$(cat err)"
	stop
}

behaviour no_inherited_descriptors 'dazai-hb keeps no descriptor that it has inherited'
no_inherited_descriptors_body() {
	start
	mkfifo pipe
	spawn cat cat pipe >end
	spawn heartbeat "$hb" -s "$sock" >hb.out 2>hb.err 7>pipe
	talk - log hb.out guarding ended "$cat"
	stand_down
}
