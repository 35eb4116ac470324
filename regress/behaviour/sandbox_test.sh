#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# The rights that the two processes have given up once they run.  That every system call which is
# not listed kills is proved in hostile_test.sh (system_calls_are_listed).

. "$(atf_get_srcdir)/lib.sh"

# status PID FIELD: what the kernel says in /proc/PID/status, blanks as one space
status() {
	sed -n "s/^$2://p" "/proc/$1/status" | tr -s '[:blank:]' ' ' |
	    sed 's/^ //; s/ $//'
}

# status_is PID FIELD WANT
status_is() {
	is "$2 of $1: $(status "$1" "$2")" "$2 of $1: $3"
}

no_capabilities() {
	for set in CapInh CapPrm CapEff CapAmb; do
		status_is "$1" $set 0000000000000000
	done
}

# not_dumpable PID: its files in /proc are root's: it can neither be traced nor dumped
not_dumpable() {
	[ "$(stat -c %u "/proc/$1/environ")" -eq 0 ] || fail "$1 can be dumped"
}

# as_a_user [OPTION...]: from now on daemons are those of an ordinary user; as root
as_a_user() {
	public
	chmod 777 "$dir"
	as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups $*"
	through "exec $as_nobody"
}

# in_a_world COMMAND...: from now on daemons are started after these, in a mount
# namespace of their own, with a copy of dazaid and of all that it needs in $dir
in_a_world() {
	dir=$(mktemp -d /var/tmp/dazai-public.XXXXXX)
	echo "$dir" >public
	chmod 755 "$dir"
	sock=$dir/sock
	cp "$real" "$dir/dazaid"
	printf '%s\n' '#!/bin/sh' 'set -e' "$@" "exec $dir/dazaid \"\$@\"" \
	    >"$dir/inside"
	chmod 755 "$dir/inside"
	real=$dir/inside
	own_mounts
	through 'exec unshare -m --propagation private'
}

shipped behaviour both_processes_are_confined \
    'each has a seccomp filter, one thread, no new privileges, no core and its name, and with an ordinary user its uid and no capability; network is the only child'
both_processes_are_confined_body() {
	through 'ulimit -S -c $(ulimit -H -c); exec'
	start
	for pid in "$vault" "$network"; do
		status_is "$pid" Seccomp 2
		status_is "$pid" NoNewPrivs 1
		status_is "$pid" Threads 1
		status_is "$pid" Name dazaid
		grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits" ||
		    fail "$(grep core "/proc/$pid/limits")"
	done
	[ "$(ps -o args= -p "$vault,$network" | sort | tr '\n' ,)" = \
	    'dazaid: network,dazaid: vault,' ] ||
	    fail "$(ps -o args= -p "$vault,$network")"
	is "$(pgrep -P "$vault")" "$network"
	[ -z "$(pgrep -P "$network")" ] || fail "network has children"
	status_is "$network" PPid "$vault"
	uid=$(id -u)
	for pid in "$vault" "$network"; do
		[ "$uid" -ne 0 ] || break
		no_capabilities "$pid"
		not_dumpable "$pid"
		status_is "$pid" Uid "$uid $uid $uid $uid"
	done
	lives
}

shipped behaviour a_namespace_of_one_uid_is_enough \
    'in a user namespace that has only the uid of root, the daemon starts, and network keeps that uid'
a_namespace_of_one_uid_is_enough_body() {
	unshare -U -r true 2>/dev/null ||
	    atf_skip "no user namespace can be made here"
	through 'exec unshare -U -r'
	start
	logged 'network keeps our uid: this user namespace has no uid'
	unshare -U -r "$talk" "$sock" hello ping quit || fail "not served"
	ends 0
}

shipped behaviour a_user_keeps_no_capability \
    'the daemon of an ordinary user also drops ambient capabilities' \
    require.user root
a_user_keeps_no_capability_body() {
	as_a_user --inh-caps +net_admin,+ipc_lock \
	    --ambient-caps +net_admin,+ipc_lock
	start
	for pid in "$vault" "$network"; do
		no_capabilities "$pid"
		not_dumpable "$pid"
	done
	lives
}

shipped behaviour network_of_root_has_nothing \
    'network of root: a uid that is nobody, no capability, no group, an empty root directory' \
    require.user root
network_of_root_has_nothing_body() {
	start
	no_capabilities "$network"
	not_dumpable "$network"
	uid=$(status "$network" Uid)
	uid=${uid%% *}
	[ "$uid" -ge 60706 ] || fail "uid $uid"
	[ "$uid" -lt 61184 ] || fail "uid $uid"
	if getent passwd "$uid"; then
		fail "uid $uid is that of an account"
	fi
	status_is "$network" Uid "$uid $uid $uid $uid"
	status_is "$network" Gid "$uid $uid $uid $uid"
	status_is "$network" Groups ''
	[ -z "$(ls -A "/proc/$network/root/")" ] || fail "something is there"
	for link in root cwd; do
		case $(readlink "/proc/$network/$link") in
		*' (deleted)' | /var/empty | /var/lib/empty | /usr/share/empty | \
		    /run/sshd) ;;
		*) fail "$link is $(readlink "/proc/$network/$link")" ;;
		esac
	done
	case $(stat -c '%u %A' "/proc/$network/root/") in
	0\ d????-??-?*) ;;
	*) fail "$(stat -c '%u %A' "/proc/$network/root/")" ;;
	esac
	# Nor has the network of another daemon that uid.
	first="$vault $network $sock"
	sock=$PWD/other
	start
	[ "$(status "$network" Uid)" != "$uid $uid $uid $uid" ] ||
	    fail "both have $uid"
	lives
	set -- $first
	vault=$1 network=$2 sock=$3
	lives
}

shipped behaviour vault_of_root_keeps_little \
    'the vault of root stays root, with the few capabilities that its end needs' \
    require.user root
vault_of_root_keeps_little_body() {
	start
	status_is "$vault" Uid '0 0 0 0'
	status_is "$vault" CapInh 0000000000000000
	status_is "$vault" CapAmb 0000000000000000
	[ "$(readlink "/proc/$vault/root")" = / ] || fail "it is in a chroot"
	for set in CapPrm CapEff; do
		# CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL, CAP_SETUID
		caps=$((0x$(status "$vault" $set) & \
		    ~(1 << 1 | 1 << 3 | 1 << 5 | 1 << 7)))
		[ $caps -eq 0 ] || fail "$set has $caps as well"
	done
	lives
}

shipped behaviour network_has_a_user_of_its_own \
    'network is _dazaid where there is that user, and otherwise no uid of an account' \
    require.user root
network_has_a_user_of_its_own_body() {
	in_a_world "mount --bind $PWD/passwd /etc/passwd"
	printf '%s\n' root:x:0:0::/:/bin/sh _dazai:x:4710:4710::/:/bin/false \
	    _dazaid:x:4711:4712::/:/bin/false >passwd
	start
	status_is "$network" Uid '4711 4711 4711 4711'
	status_is "$network" Gid '4712 4712 4712 4712'
	status_is "$network" Groups ''
	lives
	# But it never becomes root or the user whose session is guarded.
	echo _dazaid:x:0:0::/:/bin/false >passwd
	start
	[ "$(status "$network" Uid)" != '0 0 0 0' ] || fail "network is root"
	lives
	# All lower uids belong to accounts.
	seq 60706 61183 | sed 's|.*|u&:x:&:&::/:/bin/false|' >passwd
	start
	status_is "$network" Uid '61184 61184 61184 61184'
	lives
}

shipped behaviour no_room_for_an_empty_directory_is_told \
    'a full /tmp, or a read-only /run, does not matter; without a place for the empty directory it does not start, and says so' \
    require.user root
no_room_for_an_empty_directory_is_told_body() {
	full='-t tmpfs -o nr_inodes=1 tmpfs'
	for elsewhere in "$full /tmp" '-t tmpfs -o ro tmpfs /run'; do
		in_a_world "mount $elsewhere"
		start
		[ -z "$(ls -A "/proc/$network/root/")" ] ||
		    fail "something is there"
		lives
		rm -rf "$dir"
		real=$top/dazaid/dazaid
	done
	in_a_world 'for dir in /run /tmp /dev/shm /var/empty /var/lib/empty /usr/share/empty; do' \
	    "if [ -d \$dir ]; then mount $full \$dir; fi" 'done'
	# Nor is the message lost where only the caller's terminal is there to see it.
	for foreground in -d ''; do
		timeout 20 "$dazaid" $foreground -s "$sock" 2>log && fail "it started"
		grep -qx 'dazaid: network: cannot make an empty root directory in /run or /tmp: No space left on device' \
		    log || fail "another reason"
	done
}

shipped behaviour root_of_a_container_has_few_capabilities \
    'if root may not change its uid or its root directory, network keeps the uid, and a line says so' \
    require.user root
root_of_a_container_has_few_capabilities_body() {
	for set in -sys_chroot -setuid -setgid -all; do
		through "exec setpriv --no-new-privs --bounding-set $set --inh-caps $set"
		start
		logged 'network keeps our uid: root lacks CAP_SETUID, CAP_SETGID or CAP_SYS_CHROOT here'
		status_is "$network" Uid '0 0 0 0'
		status_is "$network" CapPrm 0000000000000000
		status_is "$network" Seccomp 2
		lives
	done
}

# only PID FILE...: the process has a descriptor for each FILE, and no others
only() {
	local pid=$1

	shift
	printf '%s\n' "$@" | sort >wanted
	readlink "/proc/$pid/fd/"* | sed 's/^socket:.*/socket/' | sort |
	    diff wanted - >differ || fail "of $pid: $(cat differ)"
}

shipped behaviour no_descriptor_is_inherited \
    'both processes have the descriptors that they opened, and none that was open before' \
    require.user root require.progs bash
no_descriptor_is_inherited_body() {
	inherits="exec bash -c 'exec 3</etc/passwd 4<&0 5<>five 7</dev/zero 200>more
	    exec \"\$@\"' bash"
	proc=/proc
	for who in root user; do
		through "$inherits"
		if [ $who = user ]; then
			proc=
			as_a_user
			through "$inherits $as_nobody"
		fi
		echo x >file
		start -l a=file -l b=file >stdout
		# The pid file, the last words, their directory, the line to network;
		# root's: /proc.
		set -- /dev/null "$PWD/stdout" "$PWD/log" 'anon_inode:[signalfd]' \
		    'anon_inode:[timerfd]' 'anon_inode:[eventpoll]' \
		    anon_inode:inotify "${sock%/*}" "$sock.pid" "$sock.last" socket $proc
		only "$vault" "$@"
		# The line to the vault, twice, as one is the spare; two listeners.
		only "$network" /dev/null "$PWD/stdout" "$PWD/log" \
		    'anon_inode:[signalfd]' socket socket socket socket
		client "$sock" hello echo guards hold
		# And the heartbeat's connection, and its process.
		only "$vault" "$@" 'anon_inode:[pidfd]' socket
		only "$network" /dev/null "$PWD/stdout" "$PWD/log" \
		    'anon_inode:[signalfd]' socket socket socket socket socket
		kill "$client"
		rehearsed 'heartbeat connection dropped'
	done
}

many_clients() {
	for _ in 1 2 3 4; do
		talk "$sock" many 63 hello ping
		talk "$sock" say nobody want 'ERR unknown-verb'
		talk "$sock.ctl" ask STATUS '*pending=1*'
	done
	talk "$sock" many 63 hello repeat 1000 'PING\n' wantn 1000 PONG \
	    say CANCEL want NOTHING-PENDING junk 300000 \
	    raw '\nHELLO x\n' until 'ERR bad-pid' \
	    repeat 9000 x raw '\n' want 'ERR line-too-long' \
	    to "$sock.ctl" put 'c replace' value get c value say 'PUT d 9' want GO close \
	    connect repeat 100 "$requests" shutwr rest answers
	[ "$(grep -c '^STATUS' answers)" -eq 100 ] || fail "$(cat answers)"
	talk "$sock.ctl" ask STATUS '*pending=1*'
	talk "$sock" many 37 hello close
	talk "$sock.ctl" ask STATUS '*pending=1*'
}

shipped behaviour clients_cost_nothing_that_lasts \
    'after thousands of clients and requests neither process has more descriptors or memory' \
    require.user root
clients_cost_nothing_that_lasts_body() {
	start -v -a -g 60
	idler
	head -c 20000 /dev/urandom >value
	requests="PUT a 3 ttl=9\nabcPUT b 3 reads=1\nabcGET a\nGET b\nGET b\nLIST\nDEL a\n"
	requests="${requests}REGISTER pid=$idler\nSTATUS\nUNREGISTER pid=$idler\n"
	talk "$sock" hello ping
	logged "panic pending"
	costs_nothing many_clients
	"$talk" "$sock" hello kill USR1 "$vault" say CANCEL || fail "no CANCEL"
	layout | diff layout - >differ || fail "$(cat differ)"
	stop
}

shipped behaviour a_forbidden_call_of_the_vault_wipes \
    'after a call that the vault may not make it wipes, and dies of SIGSYS' \
    require.user root require.progs gdb
a_forbidden_call_of_the_vault_wipes_body() {
	guarded -a -g 60
	calls "$vault" 'execve(0, 0, 0)'
	ends 159
	logged 'vault: SIGSYS: secrets wiped'
}

shipped behaviour the_first_process_reaps_orphans 'as process 1 of a PID namespace it leaves no zombies' \
    require.user root
the_first_process_reaps_orphans_body() {
	unshare -pf --mount-proc true 2>unshare.err ||
	    atf_skip "no PID namespace ($(head -n 1 unshare.err)): run it as root with all capabilities"
	real="sh -c '(sleep 0.2 & echo >orphan); exec \"\$@\"' first $real"
	through 'exec unshare -pf --mount-proc'
	daemon -a
	logged 'vault: ready'
	read -r vault _ <"/proc/$vault/task/$vault/children"
	remember "$vault"
	talk - mark at 400
	ps -o stat=,pid= --ppid "$vault" >children
	absent '^Z' children
	talk "$sock" hello say QUIT want BYE
}
