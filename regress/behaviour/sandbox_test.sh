#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash disable=SC2016 # text for another shell
# What the two processes have given up once they run.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

real=$dazaid
shipped_only=1

# status PID FIELD: what the kernel says in /proc/PID/status, blanks as one space
status() {
	sed -n "s/^$2://p" "/proc/$1/status" | tr -s '[:blank:]' ' ' |
	    sed 's/^ //; s/ $//'
}

# status_is PID FIELD WANT
status_is() {
	[ "$(status "$1" "$2")" = "$3" ] ||
	    fail "$2 of $1 is '$(status "$1" "$2")', not '$3'"
}

# as_a_user: daemons are those of an ordinary user from now on; as root
as_a_user() {
	public
	chmod 777 "$dir"
	cat >as-a-user <<-EOT
	#!/bin/sh
	exec setpriv --reuid 65534 --regid 65534 --clear-groups $real "\$@"
	EOT
	chmod 755 as-a-user
	dazaid=$PWD/as-a-user
}

behaviour filtered 'both are under a seccomp filter and can gain no privilege'
filtered_body() {
	start
	for pid in "$vault" "$network"; do
		status_is "$pid" Seccomp 2
		status_is "$pid" NoNewPrivs 1
		status_is "$pid" Threads 1
	done
	lives
}

no_capabilities() {
	for set in CapInh CapPrm CapEff CapAmb; do
		status_is "$1" $set 0000000000000000
	done
}

behaviour network_of_root_has_nothing 'root: network has a uid that is nobody, no capability, no group' \
    require.user root
network_of_root_has_nothing_body() {
	start
	no_capabilities "$network"
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
	lives
}

behaviour two_networks_have_two_uids 'root: not even another daemon has the same' require.user root
two_networks_have_two_uids_body() {
	start
	first=$(status "$network" Uid)
	pids="$vault $network"
	old=$sock
	sock=$PWD/other
	rm log
	start
	[ "$(status "$network" Uid)" != "$first" ] || fail "both have $first"
	lives
	sock=$old
	# shellcheck disable=SC2086 # a list of words
	set -- $pids
	vault=$1 network=$2
	lives
}

behaviour network_takes_nobodys_uid 'root: one that an account has is not for network' \
    require.user root
network_takes_nobodys_uid_body() {
	uid=60706
	while [ $uid -lt 61184 ]; do
		echo "u$uid:x:$uid:$uid::/:/bin/false"
		uid=$((uid + 1))
	done >passwd
	cat >crowded <<-EOT
	#!/bin/sh
	mount --bind $PWD/passwd /etc/passwd || exit
	exec $dazaid "\$@"
	EOT
	cat >daemon-in-crowd <<-EOT
	#!/bin/sh
	exec unshare -m --propagation private ./crowded "\$@"
	EOT
	chmod 755 crowded daemon-in-crowd
	dazaid=$PWD/daemon-in-crowd
	start
	status_is "$network" Uid "$uid $uid $uid $uid"
	lives
}

# in_a_world COMMAND...: start runs the daemon after these, in a mount namespace of its
# own, with a copy of it in $dir and all that it needs there
in_a_world() {
	dir=$(mktemp -d /var/tmp/dazai-public.XXXXXX)
	echo "$dir" >public
	chmod 755 "$dir"
	sock=$dir/sock
	cp "$dazaid" "$dir/dazaid"
	printf '%s\n' '#!/bin/sh' 'set -e' "$@" "exec $dir/dazaid \"\$@\"" \
	    >"$dir/inside"
	printf '%s\n' '#!/bin/sh' \
	    "exec unshare -m --propagation private $dir/inside \"\$@\"" \
	    >"$dir/world"
	chmod 755 "$dir/inside" "$dir/world"
	dazaid=$dir/world
}

behaviour network_has_a_user 'root: network is _dazaid where there is that user' require.user root
network_has_a_user_body() {
	in_a_world "mount --bind $PWD/passwd /etc/passwd"
	printf '%s\n' root:x:0:0::/:/bin/sh _dazai:x:4710:4710::/:/bin/false \
	    _dazaid:x:4711:4712::/:/bin/false >passwd
	start
	status_is "$network" Uid '4711 4711 4711 4711'
	status_is "$network" Gid '4712 4712 4712 4712'
	status_is "$network" Groups ''
	lives
	# But never root, nor whom it guards against it.
	echo _dazaid:x:0:0::/:/bin/false >passwd
	start
	[ "$(status "$network" Uid)" != '0 0 0 0' ] || fail "network is root"
	lives
}

behaviour network_has_no_files 'root: its root directory is empty, and only root could fill it' \
    require.user root
network_has_no_files_body() {
	start
	[ -z "$(ls -A "/proc/$network/root/")" ] || fail "something is there"
	for dir in root cwd; do
		case $(readlink "/proc/$network/$dir") in
		*' (deleted)' | /var/empty | /var/lib/empty | /usr/share/empty | \
		    /run/sshd) ;;
		*) fail "$dir is $(readlink "/proc/$network/$dir")" ;;
		esac
	done
	case $(stat -c '%u %A' "/proc/$network/root/") in
	0\ d????-??-?*) ;;
	*) fail "$(stat -c '%u %A' "/proc/$network/root/")" ;;
	esac
	[ "$(readlink "/proc/$vault/root")" = / ] || fail "the vault's, too"
	lives
}

behaviour no_inodes_in_tmp 'root: a /tmp that is full of files keeps nothing from starting' \
    require.user root
no_inodes_in_tmp_body() {
	in_a_world 'mount -t tmpfs -o nr_inodes=1 tmpfs /tmp'
	start
	[ -z "$(ls -A "/proc/$network/root/")" ] || fail "something is there"
	lives
}

behaviour no_inodes_anywhere 'root: without room for an empty directory the message says so' \
    require.user root
no_inodes_anywhere_body() {
	in_a_world 'for dir in /run /var/empty /var/lib/empty /usr/share/empty; do' \
	    'if [ -d $dir ]; then mount -t tmpfs -o nr_inodes=1 tmpfs $dir; fi' \
	    'done'
	timeout 20 "$dazaid" -d -s "$sock" 2>log && fail "it started"
	grep -qx 'dazaid: network: no empty directory in /run: No space left on device' \
	    log || fail "another reason"
	# Nor is it lost where there is only the caller's terminal to see it.
	timeout 20 "$dazaid" -s "$sock" 2>log && fail "it started"
	grep -qx 'dazaid: network: no empty directory in /run: No space left on device' \
	    log || fail "no reason in the background"
}

behaviour vault_of_root_keeps_little 'root: the vault keeps what its end needs, and stays root' \
    require.user root
vault_of_root_keeps_little_body() {
	start
	status_is "$vault" Uid '0 0 0 0'
	status_is "$vault" CapInh 0000000000000000
	status_is "$vault" CapAmb 0000000000000000
	for set in CapPrm CapEff; do
		# CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_KILL, CAP_SETUID
		caps=$((0x$(status "$vault" $set) & \
		    ~(1 << 1 | 1 << 3 | 1 << 5 | 1 << 7)))
		[ $caps -eq 0 ] || fail "$set has $caps as well"
	done
	lives
}

behaviour user_has_no_capability 'an ordinary user: neither has any capability, both are the user' \
    require.user unprivileged
user_has_no_capability_body() {
	start
	uid=$(id -u)
	for pid in "$vault" "$network"; do
		no_capabilities "$pid"
		status_is "$pid" Uid "$uid $uid $uid $uid"
	done
	lives
}

behaviour user_keeps_no_capability 'nor has it what came with its user: ambient ones go as well' \
    require.user root
user_keeps_no_capability_body() {
	public
	chmod 777 "$dir"
	cat >as-a-user <<-EOT
	#!/bin/sh
	exec setpriv --reuid 65534 --regid 65534 --clear-groups \\
	    --inh-caps +net_admin,+ipc_lock \\
	    --ambient-caps +net_admin,+ipc_lock $real "\$@"
	EOT
	chmod 755 as-a-user
	dazaid=$PWD/as-a-user
	start
	for pid in "$vault" "$network"; do
		no_capabilities "$pid"
	done
	lives
}

behaviour names 'pkill and ps find both by their names'
names_body() {
	start
	for pid in "$vault" "$network"; do
		[ "$(cat "/proc/$pid/comm")" = dazaid ] ||
		    fail "$pid is called $(cat "/proc/$pid/comm")"
	done
	[ "$(ps -o args= -p "$vault")" = 'dazaid: vault' ] ||
	    fail "$(ps -o args= -p "$vault")"
	[ "$(ps -o args= -p "$network")" = 'dazaid: network' ] ||
	    fail "$(ps -o args= -p "$network")"
	lives
}

behaviour network_is_the_only_child 'the vault is the process that was started, and network its one child'
network_is_the_only_child_body() {
	start
	[ "$(pgrep -P "$vault")" = "$network" ] ||
	    fail "children: $(pgrep -P "$vault")"
	[ -z "$(pgrep -P "$network")" ] || fail "network has children"
	status_is "$network" PPid "$vault"
	lives
}

behaviour no_core 'neither may leave a core, whatever was allowed'
no_core_body() {
	cat >unlimited <<-EOT
	#!/bin/sh
	ulimit -S -c \$(ulimit -H -c)
	exec $real "\$@"
	EOT
	chmod 755 unlimited
	dazaid=$PWD/unlimited
	start
	for pid in "$vault" "$network"; do
		grep -q '^Max core file size  *0  *0 ' "/proc/$pid/limits" ||
		    fail "$(grep core "/proc/$pid/limits")"
	done
	lives
}

behaviour not_dumpable 'the /proc of both is closed to their user' require.user unprivileged
not_dumpable_body() {
	start
	for pid in "$vault" "$network"; do
		[ "$(stat -c %u "/proc/$pid/environ")" -eq 0 ] ||
		    fail "$pid can be dumped"
		if ls "/proc/$pid/fd/" >/dev/null 2>&1; then
			fail "the descriptors of $pid show"
		fi
	done
	lives
}

behaviour not_dumpable_of_root 'nor does the uid that network has as root own its /proc' require.user root
not_dumpable_of_root_body() {
	start
	[ "$(stat -c %u "/proc/$network/environ")" -eq 0 ] || fail "it does"
	lives
	as_a_user
	start
	for pid in "$vault" "$network"; do
		[ "$(stat -c %u "/proc/$pid/environ")" -eq 0 ] ||
		    fail "$pid of a user can be dumped"
	done
	lives
}

# only PID FILE...: its descriptors are no other ones than these, and as many
only() {
	local pid=$1 fd link want

	shift
	for fd in "/proc/$pid/fd/"*; do
		link=$(readlink "$fd")
		case $link in
		socket:*) link=socket ;;
		esac
		want=
		while [ $# -gt 0 ]; do
			if [ "$1" = "$link" ]; then
				shift
				link=
				break
			fi
			want="$want $1"
			shift
		done
		# shellcheck disable=SC2086 # a list of words
		set -- $want "$@"
		[ -z "$link" ] || fail "$pid has $link as ${fd##*/}"
	done
	[ $# -eq 0 ] || fail "$pid has no $*"
}

behaviour no_inherited_descriptor 'none that was open at the start is open in either' require.user root
no_inherited_descriptor_body() {
	command -v bash >/dev/null || atf_skip "no bash"
	cat >inherits <<-EOT
	#!/usr/bin/env bash
	exec 3</etc/passwd 4<&0 5<>five 7</dev/zero 200>twohundred
	exec $real "\$@"
	EOT
	chmod 755 inherits
	proc=/proc
	for who in root user; do
		rm -f log
		if [ $who = user ]; then
			proc=
			as_a_user
			sed -i "s|^exec $real|exec $PWD/as-a-user|" inherits
		fi
		dazaid=$PWD/inherits
		echo x >file
		start -l a=file -l b=file >stdout
		# The pid file, its directory, the line to network; root's: /proc.
		only "$vault" /dev/null "$PWD/stdout" "$PWD/log" \
		    'anon_inode:[signalfd]' 'anon_inode:[timerfd]' \
		    anon_inode:inotify \
		    "${sock%/*}" "$sock.pid" socket $proc
		# The line to the vault, twice, as one is the spare; two listeners.
		only "$network" /dev/null "$PWD/stdout" "$PWD/log" \
		    'anon_inode:[signalfd]' socket socket socket socket
		client "$sock" say "$guard" want WELCOME echo guards hold
		talk - log said guards
		# And the heartbeat's connection, and its process.
		only "$vault" /dev/null "$PWD/stdout" "$PWD/log" \
		    'anon_inode:[signalfd]' 'anon_inode:[timerfd]' \
		    anon_inode:inotify \
		    'anon_inode:[pidfd]' \
		    "${sock%/*}" "$sock.pid" socket socket $proc
		only "$network" /dev/null "$PWD/stdout" "$PWD/log" \
		    'anon_inode:[signalfd]' socket socket socket socket socket
		kill "$client"
		rehearsed 'heartbeat connection dropped'
	done
}

# Those of both, by their numbers.
descriptors() {
	echo "/proc/$vault/fd/"* "/proc/$network/fd/"*
}

behaviour no_descriptor_leaks 'a thousand clients later there are as many as before' require.user root
no_descriptor_leaks_body() {
	start -a -g 60
	before=$(descriptors)
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		talk "$sock" many 63 say "$guard" want WELCOME say PING want PONG
		logged "panic pending"
		talk "$sock" say nobody want 'ERR unknown-verb'
	done
	"$talk" "$sock" say "$guard" want WELCOME close || fail "no way back"
	talk - log log 'panic CANCELLED'
	tries=0
	until [ "$(descriptors)" = "$before" ]; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || fail "before: $before
now: $(descriptors)"
		sleep 0.02
	done
	kill "$vault"
	ends 0
}

behaviour vault_forbidden_call_wipes 'a call that is not in its table: the vault wipes and dies of SIGSYS' \
    require.user root
vault_forbidden_call_wipes_body() {
	command -v gdb >/dev/null || atf_skip "no gdb"
	for call in 'getuid()' 'socket(1, 1, 0)' 'open(0, 0)' 'fork()' \
	    'execve(0, 0, 0)' 'prctl(4, 1)' 'ptrace(0, 0, 0, 0)' \
	    'setuid(0)' 'chdir(0)' 'mmap(0, 4096, 7, 34, -1, 0)'; do
		rm -f log
		guarded -a -g 60
		calls "$vault" "$call"
		ends 159
		logged 'vault: SIGSYS: secrets wiped'
		talk - ended "$client"
	done
}

behaviour vault_may_not_with_others 'what it may do with its own it may not with anything else' \
    require.user root
vault_may_not_with_others_body() {
	command -v gdb >/dev/null || atf_skip "no gdb"
	for call in 'kill(1, 0)' "kill($$, 9)" 'kill(-1, 0)' \
	    'mprotect(ARENA, 4096, 7)' 'mprotect(ARENA, 4096, 5)' \
	    'mprotect(ARENA, 1048576, 3)' \
	    'mprotect(STACK, 4096, 3)' 'munmap(STACK, 4096)' \
	    'munmap(ARENA, 4096)' 'unlinkat(-100, 0, 0)' 'read(0, 0, 0)'; do
		rm -f log
		guarded -a -g 60
		arena=$(sed -n 's/^\([0-9a-f]*\)-.*secretmem.*/0x\1/p' \
		    "/proc/$vault/maps")
		[ -n "$arena" ] || atf_skip "no memfd_secret here"
		stack=$(sed -n 's/^\([0-9a-f]*\)-.*\[stack\].*/0x\1/p' \
		    "/proc/$vault/maps")
		call=$(echo "$call" | sed "s/ARENA/$arena/; s/STACK/$stack/")
		calls "$vault" "$call"
		ends 159
		logged 'vault: SIGSYS: secrets wiped'
		talk - ended "$client"
	done
}

behaviour network_forbidden_call_is_death 'in network it is death at once, and the vault panics: rehearsed' \
    require.user root
network_forbidden_call_is_death_body() {
	command -v gdb >/dev/null || atf_skip "no gdb"
	for call in 'getuid()' 'socket(1, 1, 0)' 'open(0, 0)' 'fork()' \
	    'execve(0, 0, 0)' "kill($$, 0)" 'ptrace(0, 0, 0, 0)' \
	    'setuid(0)' 'chroot(0)' 'mmap(0, 4096, 7, 34, -1, 0)' \
	    'mprotect(0, 4096, 7)' 'unlink(0)' 'prctl(4, 1)'; do
		rm -f log
		guarded
		calls "$network" "$call"
		ends 0
		logged 'HARD PANIC (dry-run): network process lost, killed by SIGSYS'
		talk - ended "$client"
	done
}

behaviour network_forbidden_call_kills 'and armed, without any grace' require.user root
network_forbidden_call_kills_body() {
	command -v gdb >/dev/null || atf_skip "no gdb"
	guarded -a -g 60
	calls "$network" 'getuid()'
	killed 'HARD PANIC: network process lost, killed by SIGSYS'
	talk - ended "$client"
}

behaviour user_forbidden_call 'the same for the processes of an ordinary user' require.user root
user_forbidden_call_body() {
	command -v gdb >/dev/null || atf_skip "no gdb"
	as_a_user
	guarded -a -g 60
	calls "$vault" 'getuid()'
	ends 159
	logged 'vault: SIGSYS: secrets wiped'
	rm log
	guarded -a -g 60
	calls "$network" 'getuid()'
	killed 'HARD PANIC: network process lost, killed by SIGSYS'
}

behaviour nothing_is_allocated 'whatever comes, neither maps or unmaps anything' require.user root
nothing_is_allocated_body() {
	start -v -a -g 60
	talk "$sock" say "$guard" want 'WELCOME' say PING want PONG
	logged 'panic pending'
	layout >before
	[ "$(wc -l <before)" -gt 20 ] || fail "there is nothing to see"
	for _ in 1 2 3; do
		talk "$sock" many 63 say "$guard" want WELCOME \
		    repeat 1000 'PING\n' wantn 1000 PONG say CANCEL \
		    want NOTHING-PENDING junk 300000 raw '\nHELLO x\n' \
		    until 'ERR bad-pid' repeat 9000 x raw '\n' \
		    want 'ERR line-too-long'
		talk "$sock" many 37 say "$guard" want WELCOME close
	done
	layout >after
	cmp -s before after || fail "$(diff before after)"
	"$talk" "$sock" say "$guard" want WELCOME kill USR1 "$vault" \
	    say CANCEL || fail "no CANCEL"
	layout >after
	cmp -s before after || fail "$(diff before after)"
	kill "$vault"
	ends 0
}
