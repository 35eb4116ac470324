#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# Which memory the secrets are in, and that they are in no other.

. "$(atf_get_srcdir)/lib.sh"

nomemfd=$tools/nomemfd
peek=$tools/peek

# may_lock KIB: ./may-lock runs a program that may lock so much memory, root's as well
may_lock() {
	cat >may-lock <<-EOT
	#!/bin/sh
	ulimit -l $1
	[ "\$(id -u)" -eq 0 ] || exec "\$@"
	exec setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock "\$@"
	EOT
	chmod 755 may-lock
}

# takes KIND WORDS OPTION...: a daemon that is started through WORDS has memory of KIND;
# the log says DEGRADED if that is unlocked
takes() {
	local kind=$1

	through "exec $2"
	shift 2
	start "$@"
	logged "ready, memory: $kind"
	case $kind in
	unlocked) logged 'DEGRADED: memory: unlocked' ;;
	*)	not_logged DEGRADED ;;
	esac
	lives
}

shipped behaviour the_best_memory_is_taken \
    'secretmem where the kernel has it, else locked memory, else unlocked and DEGRADED; -m takes one kind'
the_best_memory_is_taken_body() {
	takes mlock "$nomemfd" --require-lock
	takes mlock '' -m mlock
	may_lock 0
	takes unlocked ./may-lock
	takes unlocked "$nomemfd ./may-lock"
	# 64 KiB is the limit before Linux 5.16.  If there is no room for the arena, it
	# gets smaller, but not if its size was asked for; and a soft limit is raised.
	for kib in 64 32; do
		may_lock $kib
		takes mlock ./may-lock -m mlock
		takes '' ./may-lock --require-lock
		logged "memory: $((kib * 1024 - 16)) bytes instead of 65536, because no more can be locked"
	done
	takes unlocked ./may-lock -z 65536
	takes '' ./may-lock --require-lock -z 16384
	may_lock '4096; ulimit -S -l 0'
	takes '' ./may-lock --require-lock
	start --require-lock
	need_secretmem
	lives
	takes secretmem '' --require-lock
	takes secretmem '' --memory secretmem
}

shipped behaviour what_passes_through_dazaictl_is_locked \
    'where 64 KiB may be locked, as before Linux 5.16, no secret in dazaictl can be swapped out' \
    require.user root
what_passes_through_dazaictl_is_locked_body() {
	guarded
	may_lock 64
	set -- ./may-lock "$ctl" -s "$sock"
	{
		"$@" get "$name" >got && cmp -s got secret &&
		    "$@" get "$name" | cmp -s - secret &&
		    "$@" put other <secret &&
		    printf '%s' "$secret" | "$@" put another &&
		    "$@" run -i "$name" cat | cmp -s - secret &&
		    "$@" run -e "VALUE=$name" -f "5=$name" sh -c 'cat <&5' |
		    cmp -s - secret
	} 2>told || fail "one failed: $(cat told)"
	[ ! -s told ] || fail "$(cat told)"
	stands_down
}

# catches PID SIGNAL...: the process has a handler for each
catches() {
	local caught n pid=$1

	shift
	caught=$(sed -n 's/^SigCgt:[[:space:]]*........//p' "/proc/$pid/status")
	for n; do
		[ $((0x$caught >> (n - 1) & 1)) -eq 1 ] || return 1
	done
}

shipped behaviour every_signal_wipes_dazaictl 'a signal that ends dazaictl has it wipe what passes through it first'
every_signal_wipes_dazaictl_body() {
	guarded
	mkfifo pipe
	for sig in 12 14 25; do # USR2, ALRM, XFSZ
		"$ctl" -s "$sock" put other <pipe &
		putting=$!
		remember "$putting"
		exec 9>pipe
		printf '%s' "$secret" >&9
		# All but KILL, STOP, those that end no process, and INT and QUIT,
		# which are ignored in the background of a script.
		await catches $putting 1 4 5 6 7 8 10 11 12 13 14 15 16 24 25 26 27 \
		    29 30 31
		kill -$sig $putting
		ends $((128 + sig)) $putting
		exec 9>&-
	done
	stands_down
}

shipped behaviour other_memory_is_refused \
    'if there is no memory as --require-lock or -m want it, the start fails with one line, and leaves no file'
other_memory_is_refused_body() {
	set -- "$PWD/through" -d -s "$sock"
	may_lock 0
	for words in ./may-lock "$nomemfd ./may-lock"; do
		through "exec $words"
		complains 1 'dazaid: --require-lock: no memory can be locked (see ulimit -l)' \
		    "$@" --require-lock
	done
	complains 1 'dazaid: --memory mlock: no memory can be locked (see ulimit -l)' \
	    "$@" -m mlock
	through "exec $nomemfd"
	complains 1 'dazaid: --memory secretmem: Function not implemented' \
	    "$@" -m secretmem
	for kind in unlocked secret ''; do
		complains 1 "dazaid: --memory: $kind: neither secretmem nor mlock" \
		    "$@" -m "$kind"
	done
	gone
}

# Neither process has the secret in memory that root can read, nor anywhere else.
nowhere() {
	local pid

	in_no_memory secret "$vault" "$network"
	for pid in "$vault" "$network"; do
		absent -F "$secret" log "/proc/$pid/cmdline" "/proc/$pid/environ" \
		    "/proc/$pid/stat"
	done
}

shipped behaviour no_memory_shows_the_secret \
    'root finds the secret in no memory of a daemon of root or of a user, however it came in, at any time' \
    require.user root
no_memory_shows_the_secret_body() {
	mkfifo fifo
	for who in root user; do
		if [ $who = user ]; then
			public
			chmod 777 "$dir"
			through 'exec setpriv --reuid 65534 --regid 65534 --clear-groups'
		fi
		start -v -a -g 60
		need_secretmem
		nowhere ready
		client "$sock" hello ping to "$sock.ctl" put one secret get one secret \
		    raw "PUT two ${#secret}\n$secret" want GO want OK say 'DEL two' want OK \
		    raw "PUT three 1000\n$secret" want GO echo guards hold
		nowhere guarded
		kill -USR1 "$vault"
		logged 'panic pending'
		nowhere pending
		kill "$client"
		talk - ended "$client"
		nowhere lost
		talk "$sock" hello cancel close
		nowhere cancelled
		stop
	done
	dazaid=$real
	printf '%s' "$secret" >fifo &
	start -l fifo=fifo -l file=secret
	nowhere ready
	stop
}

# This shows that the search of the case before finds a secret in memory that root can
# read.
shipped behaviour locked_memory_shows_the_secret_once \
    'in memory that root can read, the secret is in the arena, and nowhere else' \
    require.user root
locked_memory_shows_the_secret_once_body() {
	through "exec $nomemfd"
	start -v
	logged 'memory: mlock'
	client "$sock" hello repeat 100 'PING\n' wantn 100 PONG echo guards hold
	in_memory "$secret" "$vault"
	grep 'of it at' seen >found
	[ "$(wc -l <found)" -eq 1 ] || fail "not once: $(cat found)"
	# The arena is sealed, and a shared anonymous mapping (/dev/zero).
	present "^${#secret} bytes of it at .* ---s .* /dev/zero (deleted)$" found
	in_no_memory secret "$network"
	stop
}

shipped behaviour no_core_has_the_secret \
    'no core dump has the secret, not even that of gcore as root, from secretmem or from locked memory' \
    require.user root require.progs gcore
no_core_has_the_secret_body() {
	for words in '' "$nomemfd"; do
		through "exec $words"
		guarded -a
		for pid in "$vault" "$network"; do
			gcore -o core "$pid" >gcore.out 2>&1 ||
			    fail "gcore: $(cat gcore.out)"
			[ "$(wc -c <"core.$pid")" -gt 100000 ] || fail "no real core"
			absent -F "$secret" "core.$pid"
		done
		stop
	done
}

shipped behaviour a_crash_leaves_no_core 'a crash that may leave a core leaves none'
a_crash_leaves_no_core_body() {
	case $(cat /proc/sys/kernel/core_pattern) in
	/* | '|'*) atf_skip "cores go elsewhere: sysctl kernel.core_pattern=core" ;;
	esac
	through 'ulimit -c unlimited; exec'
	start -a
	kill -SEGV "$vault"
	ends "$SIGSEGV"
	for file in *core*; do
		[ ! -e "$file" ] || fail "$file"
	done
}

shipped behaviour the_owner_cannot_look_in \
    'the user of the daemon can neither read its memory nor trace it' \
    require.user unprivileged require.progs strace
the_owner_cannot_look_in_body() {
	start
	for pid in "$vault" "$network"; do
		for file in mem maps environ fd auxv; do
			if { cat "/proc/$pid/$file" || ls "/proc/$pid/$file/"; } \
			    >/dev/null 2>&1; then
				fail "$file of $pid can be read"
			fi
		done
		! printf '%s' "$secret" | "$peek" "$pid" >seen 2>&1 ||
		    fail "the memory of $pid can be read"
		present 'Permission denied' seen
		status=0
		timeout 5 strace -o trace -p "$pid" 2>strace.err || status=$?
		[ $status -eq 1 ] || fail "$pid can be traced"
		present 'not permitted' strace.err
	done
	lives
}

# find_arena: sets $start and $end to where the arena of locked memory is
find_arena() {
	range=$(sed -n 's/ ---s .* \/dev\/zero (deleted)$//p' "/proc/$vault/maps")
	start=$((0x${range%-*})) end=$((0x${range#*-}))
}

# An arena that is gone is one that mprotect(2) refuses to open.
shipped behaviour an_arena_that_cannot_be_opened_is_a_panic \
    'a vault whose mprotect fails ends, and gives no wrong answer before' \
    require.user root require.progs gdb
an_arena_that_cannot_be_opened_is_a_panic_body() {
	through "exec $nomemfd"
	guarded
	find_arena
	calls "$vault" "munmap((unsigned long)$start, $((end - start)))"
	control say "GET $name" eof
	rehearsed 'mprotect failed'
	logged "its memory was given back to the kernel"
}

shipped behaviour an_overwritten_canary_is_told \
    'at the wipe, one line says if something has been written outside of the secrets' \
    require.user root require.progs gdb
an_overwritten_canary_is_told_body() {
	through "exec $nomemfd"
	start
	logged 'memory: mlock'
	find_arena
	# Shared pages can be written from outside only while they are unsealed.
	calls "$vault" "mprotect((unsigned long)$start, $((end - start)), 3)"
	# The arena begins with the canary, 16 bytes before the first secret.
	printf XXXX | dd of="/proc/$vault/mem" bs=1 seek=$((end - 65536 - 8)) \
	    conv=notrunc 2>dd.err || fail "$(cat dd.err)"
	stop
	logged 'arena canary overwritten: something wrote outside of a secret'
}
