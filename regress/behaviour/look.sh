# SPDX-License-Identifier: ISC
# What the behaviour tests see of a daemon's processes from outside: when they run, their
# descriptors and their memory.

# used PID...: prints how often each process was scheduled until now, and for how many
# ticks
used() {
	local pid

	for pid; do
		grep ctxt_switches "/proc/$pid/status" ||
		    fail "$pid has ended"
		sed 's/.*) //' "/proc/$pid/stat" | cut -d ' ' -f 12,13
	done
}

# sleeps MS PID...: once the processes have nothing to do, none is scheduled for MS
sleeps() {
	local ms=$1 before tries=0

	shift
	until before=$(used "$@") && talk - mark at 250 &&
	    [ "$(used "$@")" = "$before" ]; do
		tries=$((tries + 1))
		[ $tries -lt 40 ] || fail "never at rest: $(used "$@")"
	done
	talk - mark at "$ms"
	[ "$(used "$@")" = "$before" ] || fail "before: $before
now: $(used "$@")"
}

# Those of both processes, by their numbers.
descriptors() {
	echo "/proc/$vault/fd/"* "/proc/$network/fd/"*
}
descriptors_are() {
	[ "$(descriptors)" = "$1" ]
}

# Both processes' memory as it is laid out, but for how far a stack has grown and
# whether the arena is open.
layout() {
	cat "/proc/$vault/maps" "/proc/$network/maps" | grep -v '\[stack\]' |
	    sed '/secretmem/s/ [-rw]*s / ---s /'
}

# in_no_memory FILE PID...: root finds the bytes of FILE in no memory of these processes
in_no_memory() {
	local file=$1 pid

	shift
	for pid; do
		"$tools/peek" "$pid" <"$file" >seen 2>&1 || fail "$(cat seen)"
		present '[0-9]\{6\} bytes read' seen
		absent 'bytes of it' seen
	done
}

# in_memory TEXT PID: the same search finds TEXT
in_memory() {
	printf '%s' "$1" | "$tools/peek" "$2" >seen 2>&1
	present 'bytes of it' seen
}

# costs_nothing COMMAND...: once it has run, it leaves neither process with more memory or
# descriptors, however often it runs
costs_nothing() {
	local before

	before=$(descriptors)
	"$@"
	layout >layout
	[ "$(wc -l <layout)" -gt 20 ] || fail "there is nothing to see"
	for _ in 1 2 3; do
		"$@"
	done
	layout | diff layout - >differ || fail "$(cat differ)"
	await descriptors_are "$before"
}

# need_secretmem: skips the case unless this daemon has it
need_secretmem() {
	grep -qF 'memory: secretmem' log || atf_skip "no memfd_secret: it needs \
Linux 6.5, or 5.14 booted with secretmem.enable=1"
}

# calls PID CALL...: makes a live process call these, as gdb can
calls() {
	local pid=$1

	shift
	gdb -nx -batch -p "$pid" -ex 'handle SIGSYS nostop noprint pass' \
	    -ex "call (long)$*" </dev/null >gdb.out 2>&1 || :
	if grep -qi 'no symbol\|not permitted\|cannot ' gdb.out; then
		fail "gdb: $(cat gdb.out)"
	fi
}
