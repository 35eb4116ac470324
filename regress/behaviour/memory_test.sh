#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# Which memory the secrets are in, and that they are in no other.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

real=$dazaid
shipped_only=1
nomemfd=$tools/nomemfd
peek=$tools/peek
warning='DEGRADED: memory: unlocked'

# through COMMAND...: daemons are started by it from now on
through() {
	cat >through <<-EOT
	#!/bin/sh
	exec $* $real "\$@"
	EOT
	chmod 755 through
	dazaid=$PWD/through
}

# A kernel may have it and not give it to us.
need_secretmem() {
	grep -qF 'memory: secretmem' log || atf_skip "no memfd_secret here"
}

# may_lock KIB: daemons may lock so much memory, root's as well
may_lock() {
	cat >may-lock <<-EOT
	#!/bin/sh
	ulimit -l $1
	[ "\$(id -u)" -eq 0 ] || exec "\$@"
	exec setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock "\$@"
	EOT
	chmod 755 may-lock
}

behaviour secretmem_if_there_is 'where the kernel has memfd_secret, that is taken'
secretmem_if_there_is_body() {
	start --require-lock
	need_secretmem
	not_logged DEGRADED
	lives
}

behaviour mlock_is_second 'without memfd_secret the arena is locked'
mlock_is_second_body() {
	through "$nomemfd"
	start --require-lock
	logged 'memory: mlock'
	not_logged DEGRADED
	lives
}

behaviour unlocked_is_degraded 'with nothing to be locked it is loud, and works'
unlocked_is_degraded_body() {
	may_lock 0
	through ./may-lock
	start
	logged "$warning"
	logged 'ready, memory: unlocked'
	lives
}

behaviour neither_is_degraded 'no memfd_secret and nothing to be locked: the same'
neither_is_degraded_body() {
	may_lock 0
	through "$nomemfd" ./may-lock
	start
	logged "$warning"
	logged 'ready, memory: unlocked'
	lives
}

behaviour require_lock_refuses '--require-lock: refused, on one line, and nothing is left'
require_lock_refuses_body() {
	may_lock 0
	for how in ./may-lock "$nomemfd ./may-lock"; do
		# shellcheck disable=SC2086 # a list of words
		through $how
		rm -f log
		daemon --require-lock
		ends 1
		printf '%s\n' "dazaid: --require-lock: no memory can be locked\
 (see ulimit -l)" >expected
		cmp -s expected log || fail "not the one line"
	done
}

behaviour memory_of_one_kind '-m: memory of that kind is taken'
memory_of_one_kind_body() {
	start -m mlock
	logged 'ready, memory: mlock'
	lives
	start
	need_secretmem
	lives
	start --memory secretmem
	logged 'ready, memory: secretmem'
	lives
}

# refuses KIND REASON: there is no memory of that kind, and so no start
refuses() {
	rm -f log
	daemon -m "$1"
	ends 1
	grep -q "^dazaid: --memory $1: $2" log || fail "not '$2'"
	[ "$(wc -l <log)" -eq 1 ] || fail 'not one line'
}

behaviour memory_of_no_other_kind '-m: where there is none of that kind, nothing starts'
memory_of_no_other_kind_body() {
	through "$nomemfd"
	refuses secretmem 'Function not implemented'
	may_lock 0
	through ./may-lock
	refuses mlock 'no memory can be locked (see ulimit -l)'
	for kind in unlocked secret ''; do
		got=0
		"$real" -d -m "$kind" 2>why || got=$?
		[ $got -eq 1 ] || fail "-m '$kind': exit $got"
		echo "dazaid: --memory: $kind: neither secretmem nor mlock" |
		    cmp - why || fail "$(cat why)"
	done
}

behaviour little_is_not_enough 'a limit below the size of the arena is as none'
little_is_not_enough_body() {
	may_lock 32
	through ./may-lock
	start
	logged "$warning"
	lives
}

behaviour size_fits_the_limit 'a smaller arena fits in the same limit'
size_fits_the_limit_body() {
	may_lock 32
	through ./may-lock
	start --require-lock -z 16384
	not_logged DEGRADED
	lives
}

behaviour soft_limit_is_raised 'a soft limit is raised to the hard one'
soft_limit_is_raised_body() {
	may_lock '4096; ulimit -S -l 0'
	through ./may-lock
	start --require-lock
	not_logged DEGRADED
	lives
}

behaviour arena_is_locked 'what is locked is at least the arena'
arena_is_locked_body() {
	for how in env "$nomemfd"; do
		through "$how"
		rm -f log
		start -z 1000000
		locked=$(sed -n 's/^VmLck:[^0-9]*\([0-9]*\) kB/\1/p' \
		    "/proc/$vault/status")
		[ "$locked" -ge 977 ] || fail "$how: only $locked kB are locked"
		lives
	done
}

# The daemon is ready, or has ended.
settles() {
	tries=0
	until grep -q 'vault: ready' log || ! kill -0 "$vault" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || fail "$1: it hangs"
		sleep 0.02
	done
}

behaviour starvation_is_told 'little address space: it starts, or says why not, whatever the limit'
starvation_is_told_body() {
	started=0 refused=0
	kib=1500 step=32
	while [ $started -lt 5 ] && [ $kib -lt 40000 ]; do
		kib=$((kib + step))
		# Not even the program fits, and it is not ours to say so.
		(ulimit -v $kib && "$real" -V) >/dev/null 2>&1 || continue
		step=4
		cat >through <<-EOT
		#!/bin/sh
		ulimit -v $kib
		exec $real "\$@"
		EOT
		chmod 755 through
		dazaid=$PWD/through
		rm -f log
		network=
		daemon
		settles "$kib KiB"
		if grep -q 'vault: ready' log; then
			lives
			started=$((started + 1))
			continue
		fi
		ends 1
		[ -s log ] || fail "$kib KiB: not a word"
		[ "$(wc -l <log)" -le 2 ] || fail "$kib KiB: too many words"
		tail -n 1 log | grep -q '^dazaid: ..*: ..*' ||
		    fail "$kib KiB: not what we say"
		refused=$((refused + 1))
	done
	echo "refused $refused times, then started with $kib KiB"
	[ $started -eq 5 ] || fail "never started"
	[ $refused -gt 0 ] || fail "never refused"
}

# Neither process has the secret in memory that root can read, nor anywhere else.
nowhere() {
	local pid

	for pid in "$vault" "$network"; do
		printf '%s' "$secret" | "$peek" "$pid" >seen 2>&1 ||
		    fail "$(cat seen)"
		grep -q '[0-9]\{6\} bytes read' seen || fail "nothing was read"
		if grep 'of it at' seen; then
			fail "$1: in the memory of $pid"
		fi
		for file in cmdline environ stat; do
			if grep -qF "$secret" "/proc/$pid/$file"; then
				fail "$1: in $file of $pid"
			fi
		done
	done
	if grep -qF "$secret" log; then
		fail "$1: in the log"
	fi
}

# At every stage of its life.
nowhere_ever() {
	nowhere ready
	client "$sock" say "$guard" want WELCOME say PING want PONG \
	    repeat 100 'PING\n' wantn 100 PONG raw "GET $name\n" \
	    want 'ERR unknown-verb' echo guards hold
	talk - log said guards
	nowhere guarded
	kill -USR1 "$vault"
	logged 'panic pending'
	nowhere pending
	kill "$client"
	talk - ended "$client"
	nowhere lost
	talk "$sock" say "$guard" want WELCOME say CANCEL want CANCELLED close
	logged CANCELLED
	nowhere cancelled
}

behaviour in_no_readable_memory 'root finds the secret in no memory of either process, at any time' \
    require.user root
in_no_readable_memory_body() {
	start -v -a -g 60
	need_secretmem
	nowhere_ever
	kill "$vault"
	ends 0
}

behaviour in_no_readable_memory_of_a_user 'nor when the daemon is that of an ordinary user' \
    require.user root
in_no_readable_memory_of_a_user_body() {
	public
	through setpriv --reuid 65534 --regid 65534 --clear-groups
	chmod 777 "$dir"
	start -v -a -g 60
	need_secretmem
	nowhere_ever
	kill "$vault"
	ends 0
}

behaviour several_secrets_in_no_readable_memory 'nor when it came in by a pipe, a FIFO and a file at once' \
    require.user root
several_secrets_in_no_readable_memory_body() {
	mkfifo fifo
	printf '%s' "$secret" >file
	printf '%s' "$secret" >fifo &
	# shellcheck disable=SC2002 # a pipe it must be
	cat file | "$dazaid" -d -s "$sock" -a -l a=- -l b=fifo -l c=file \
	    2>log &
	vault=$!
	remember "$vault"
	logged 'secrets: 3'
	need_secretmem
	find_network
	nowhere ready
	kill "$vault"
	ends 0
}

# Without this the last cases would prove nothing.
behaviour mlock_shows_once 'where root can read the arena, the secret is there and only there' \
    require.user root
mlock_shows_once_body() {
	through "$nomemfd"
	start -v
	logged 'memory: mlock'
	client "$sock" say "$guard" want WELCOME repeat 100 'PING\n' \
	    wantn 100 PONG echo guards hold
	talk - log said guards
	printf '%s' "$secret" | "$peek" "$vault" >seen || fail "$(cat seen)"
	grep 'of it at' seen >found
	[ "$(wc -l <found)" -eq 1 ] || fail "not once: $(cat found)"
	# The arena is sealed, and a shared anonymous mapping (/dev/zero).
	grep -q "^${#secret} bytes of it at .* ---s .* /dev/zero (deleted)$" found ||
	    fail "not in the arena: $(cat found)"
	printf '%s' "$secret" | "$peek" "$network" >seen || fail "$(cat seen)"
	if grep 'of it at' seen; then
		fail "network has it"
	fi
	kill "$vault"
	ends 0
}

# no_core WHAT: gcore of both processes has no secret
no_core() {
	local pid

	for pid in "$vault" "$network"; do
		gcore -o core "$pid" >gcore.out 2>&1 ||
		    fail "gcore: $(cat gcore.out)"
		[ "$(wc -c <"core.$pid")" -gt 100000 ] || fail "no real core"
		if grep -qF "$secret" "core.$pid"; then
			fail "$1: in a core of $pid"
		fi
		rm -f "core.$pid"
	done
}

behaviour in_no_core 'not even gcore as root gets it' require.user root
in_no_core_body() {
	command -v gcore >/dev/null || atf_skip "no gcore"
	start -a
	need_secretmem
	no_core ready
	client "$sock" say "$guard" want WELCOME say PING want PONG echo guards \
	    hold
	talk - log said guards
	no_core guarded
	kill "$vault"
	ends 0
}

behaviour in_no_core_of_mlock 'nor from locked memory, which is not to be dumped' \
    require.user root
in_no_core_of_mlock_body() {
	command -v gcore >/dev/null || atf_skip "no gcore"
	through "$nomemfd"
	start -a
	logged 'memory: mlock'
	no_core ready
	kill "$vault"
	ends 0
}

behaviour a_crash_leaves_no_core 'a crash that may leave a core leaves none'
a_crash_leaves_no_core_body() {
	case $(cat /proc/sys/kernel/core_pattern) in
	/* | '|'*) atf_skip "cores do not go to the directory of a program" ;;
	esac
	cat >through <<-EOT
	#!/bin/sh
	ulimit -c unlimited
	exec $real "\$@"
	EOT
	chmod 755 through
	dazaid=$PWD/through
	start -a
	kill -SEGV "$vault"
	ends "$SIGSEGV"
	for file in *core*; do
		[ ! -e "$file" ] || fail "$file"
	done
}

behaviour closed_to_its_owner 'who owns the daemon can neither read its memory nor trace it' \
    require.user unprivileged
closed_to_its_owner_body() {
	start
	for pid in "$vault" "$network"; do
		for file in mem maps environ fd auxv; do
			if { cat "/proc/$pid/$file" || ls "/proc/$pid/$file/"; } \
			    >/dev/null 2>&1; then
				fail "$file of $pid can be read"
			fi
		done
		if printf '%s' "$secret" | "$peek" "$pid" >/dev/null 2>&1; then
			fail "the memory of $pid can be read"
		fi
		status=0
		timeout 5 strace -o trace -p "$pid" 2>strace.err || status=$?
		[ $status -eq 1 ] || fail "$pid can be traced"
		grep -q 'not permitted' strace.err || fail "$(cat strace.err)"
	done
	lives
}

# An arena that is gone is one that mprotect(2) refuses to open.
behaviour stuck_arena 'an arena that cannot be opened is the end, and nothing untrue is said before' \
    require.user root
stuck_arena_body() {
	for ask in "GET $name" LIST "DEL $name"; do
		through "$nomemfd"
		guarded -v
		printf '%s' "$secret" | "$peek" "$vault" >seen
		range=$(sed -n 's/.*of it at .*: \([0-9a-f]*-[0-9a-f]*\) ---s.*/\1/p' \
		    seen)
		arena=$((0x${range%-*}))
		calls "$vault" "munmap($arena, $((0x${range#*-} - arena)))"
		control say "$ask" eof
		rehearsed 'the arena cannot be opened or shut'
		logged unmapped
	done
}

behaviour canary 'what was written where nothing may is told at the wipe' require.user root
canary_body() {
	through "$nomemfd"
	start
	logged 'memory: mlock'
	printf '%s' "$secret" | "$peek" "$vault" >seen
	# The arena begins with the canary, 16 bytes before the first secret.
	arena=$(sed -n 's/.*of it at .*: \([0-9a-f]*\)-\([0-9a-f]*\) ---s.*/\1/p' \
	    seen)
	end=$(sed -n 's/.*of it at .*: \([0-9a-f]*\)-\([0-9a-f]*\) ---s.*/\2/p' \
	    seen)
	at=$((0x$end - 65536 - 8))
	[ $at -gt $((0x$arena)) ] || fail "no arena in $(cat seen)"
	# Shared pages can be written from outside only while they are unsealed.
	calls "$vault" "mprotect($((0x$arena)), $((0x$end - 0x$arena)), 3)"
	printf XXXX | dd of="/proc/$vault/mem" bs=1 seek=$at conv=notrunc \
	    2>dd.err || fail "$(cat dd.err)"
	kill "$vault"
	ends 0
	logged 'arena canary overwritten'
}
