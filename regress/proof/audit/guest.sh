#!/bin/sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash disable=SC2016,SC2119,SC2120,SC2154
# The audit's part in the virtual machine, as its first process.  Each case starts a
# daemon with its own secrets, has the host search the memory, ends the daemon, and has
# the host search again.  The host is connected to the serial port; it sets in our
# environment: seed, and boot, the cases to run.

PATH=/bin
export PATH
busybox mount -t proc proc /proc
busybox --install -s /bin

s=/run/s		# the socket
hb=
vault=
network=

# A case that fails ends the audit.
fail() {
	echo "fail $case: $*" >&3
	read -r _ <&3
	poweroff -f
}

# hear: reads a line of the host.  The shell's own read would lose the half of a line
# that has come when a child dies.
hear() {
	line=$(head -n 1 <&3)
	word=${line%% *}
	pages=${line#* }
}

# row CASE READ KEPT WHAT...: begins a row.  READ says what may be left of its first
# secret in the end: none; kernel: in no program, and not the copy in the arena; some: it
# must be found; swap: it must be found in swap.  KEPT is yes if there is a second secret,
# never read, of which nothing may be left; or no.
row() {
	case=$1
	promise=$2
	kept=$3
	shift 3
	n=${bytes:-1024}
	grep -q init_on_free=1 /proc/cmdline && promise=none
	echo "row $case $n $promise $kept $*" >&3
	hear
}

# Has the host search the memory, and tells it what the pages are.
ask() {
	echo "$*" >&3
	while hear && [ "$word" = where ]; do
		# shellcheck disable=SC2086 # a list of words
		pattern where $pages >&3
	done
}

make() {
	pattern make "$seed.$case" "$n"
}

# ready: sets $vault and guards it with $hb
ready() {
	vault=$(cat $s.pid) || fail "no daemon"
	network=$(cat "/proc/$vault/task/$vault/children")
	network=${network% }
	dazai-hb -q -s $s -i 1 2>/dev/null &
	hb=$!
	talk -w 30 $s.ctl ask STATUS '*guarded=1*' || fail "no guard"
}

# daemon OPTION...: starts one without a secret; loaded: one with a secret from a pipe
daemon() {
	dazaid -a -g 0 -s $s "$@" || fail dazaid
	ready
}
loaded() {
	make | dazaid -a -g 0 -s $s -l s=- "$@" || fail dazaid
	ready
}

# in_file OPTION...: starts one with a secret from a file, of which no copy is left
in_file() {
	make >/run/file
	daemon -l s=/run/file "$@"
	shred -n 1 -u /run/file
}

put() {
	make | dazaictl -s $s put s "$@" || fail put
}

# keep OPTION...: puts the second secret by sendfile(2), which leaves no copy
keep() {
	pattern make "$seed.$case.kept" "$n" >/run/kept
	dazaictl -s $s put kept "$@" </run/kept || fail put
	shred -n 1 -u /run/kept
}

get() {
	dazaictl -s $s get s | pattern check "$seed.$case" "$n" || fail get
}

# Puts both secrets and reads one of them twice.
twice() {
	loaded "$@"
	keep
	get
	get
	ask alive
}

# Waits for the daemon to end.
gone() {
	talk -w 30 - ended "$vault" ended "$network" || fail "it does not end"
}

over() {
	ask over
	kill -9 $hb "$vault" 2>/dev/null
	gone
	rm -f $s*
}

killed() {
	ask alive
	kill -9 "$vault"
	gone
	over
}

#
# Ways to die: one secret from a pipe, read twice, and one that is never read.
#

# death CASE WHAT OPTIONS COMMAND: the command ends the daemon
death() {
	row "$1" kernel yes "$2"
	# shellcheck disable=SC2086 # a list of words
	twice $3
	eval "$4"
	gone
	over
}

deaths() {
	death quit 'QUIT from the heartbeat' '' 'kill -QUIT $hb'
	death term 'SIGTERM' '' 'kill "$vault"'
	death eof 'the heartbeat is killed' '' 'kill -9 $hb'
	death ping 'a PING is missed' '-t 4' 'kill -STOP $hb'
	death usr1 'SIGUSR1' '' 'kill -USR1 "$vault"'
	usr2
	death network 'network is killed' '' 'kill -9 "$network"'
	death kill9 'kill -9 of the vault' '' 'kill -9 "$vault"'
	death segv 'SIGSEGV in the vault' '' 'kill -SEGV "$vault"'
	death oom 'the OOM killer takes the vault' '' out_of_memory
	dmesg | grep -q "Memory cgroup out of memory: Killed process $vault " ||
	    fail "not by the OOM killer"

	row ttl kernel yes 'put -t is over, the daemon lives'
	daemon </dev/null
	put -t 15
	keep -t 15
	get
	get
	ask alive
	talk -w 60 $s.ctl ask STATUS '*secrets=0*' || fail "no end"
	over

	row reads kernel no 'put -n 2, read twice, the daemon lives'
	daemon </dev/null
	put -n 2
	get
	ask alive
	# A second pipe would leave a page of its own.
	get_file
	talk $s.ctl ask STATUS '*secrets=0*' || fail "no end"
	over
}

usr2() {
	death usr2 'SIGUSR2' '' 'kill -USR2 "$vault"'
}

# A program in the vault's cgroup takes too much memory: the kernel kills the vault.
out_of_memory() {
	mkdir -p /cg
	mount -t cgroup2 none /cg
	echo +memory >/cg/cgroup.subtree_control
	mkdir /cg/small
	echo 4M >/cg/small/memory.max
	echo 0 >/cg/small/memory.swap.max
	echo "$vault" >/cg/small/cgroup.procs
	echo 1000 >"/proc/$vault/oom_score_adj"
	(echo 0 >/cg/small/cgroup.procs && echo -500 >/proc/self/oom_score_adj &&
	    exec pattern fill oom 16 >/dev/null) &
}

# More memory is used than there is, and much of it is in swap.  That the other program's
# pattern is found there shows that the secrets would be found, too.
pressure() {
	row pressure kernel yes 'memory is short, then kill -9'
	twice
	mkfifo /full
	pattern fill "$seed.hog" 220 >/full &
	hog=$!
	read -r word </full
	[ "$word" = filled ] || fail "no hog"
	killed
	bytes=4096
	row hog swap no 'control: the program that made it short'
	bytes=
	ask alive
	kill -9 $hog
}

#
# Ways in and out; then kill -9.
#

# way CASE READ WHAT COMMAND: the command starts the daemon with the secret; it is killed
way() {
	row "$1" "$2" no "$3"
	eval "$4"
	killed
}

# typed PROGRAM...: types the secret when the program asks for it
typed() {
	pattern type "$seed.$case" "$n" 'Secret s: ' "$@" 2>/dev/null ||
	    fail typed
}

put_typed() {
	daemon </dev/null
	typed dazaictl -s $s put -1 s
}

put_file() {
	daemon </dev/null
	make >/run/file
	dazaictl -s $s put s </run/file || fail put
	shred -n 1 -u /run/file
}

load() {
	daemon </dev/null
	echo "s pattern make $seed.$case $n" >/run/secrets
	dazaictl -s $s load /run/secrets || fail load
}

get_file() {
	dazaictl -s $s get s >/run/file || fail get
	shred -n 1 -u /run/file
}

ways_in() {
	way pipe none 'loaded from a pipe (-l NAME=-)' loaded
	way file none 'loaded from a file that is overwritten' in_file
	way typed none 'typed (-l NAME)' \
	    'typed dazaid -1 -a -g 0 -s $s -l s; ready'
	way put-typed none 'typed (dazaictl put)' put_typed
	way put-pipe kernel 'put from a pipe' 'daemon </dev/null; put'
	way put-file none 'put from a file that is overwritten' put_file
	way load kernel 'put by a command (dazaictl load)' load
}

ways_out() {
	way get-pipe kernel 'loaded, read to a pipe' 'loaded; get'
	way get-file none 'loaded, read to a file that is overwritten' \
	    'loaded; get_file'
	way run-i kernel 'read by a program (dazaictl run -i)' 'loaded
	    dazaictl -s $s run -i s pattern check "$seed.$case" "$n" || fail run'
	way run-f kernel 'read by a program (dazaictl run -f)' 'loaded
	    dazaictl -s $s run -f 5=s sh -c "pattern check $seed.$case $n <&5" ||
	    fail run'
	bytes=40000
	way large kernel '40000 bytes loaded, read to a pipe' 'loaded; get'
	bytes=
}

# While memory of memfd_secret(2) is in use, the kernel does not hibernate.
no_hibernation() {
	row awake none no 'hibernation is refused; kill -9'
	in_file
	hibernate 2>/run/refused && fail "the machine slept"
	grep -q 'not permitted' /run/refused || fail "$(cat /run/refused)"
	killed
}

hibernate() {
	echo shutdown >/sys/power/disk
	sh -c 'echo disk >/sys/power/state'
}

#
# Without memfd_secret.
#

mlocked() {
	death mlock-term 'SIGTERM' '' 'kill "$vault"'

	# The kernel may use a page again at once: of many, some stay as they were.
	bytes=262144
	way mlock-kill9 some 'control: kill -9 of the vault' \
	    'in_file -z 1048576'
	bytes=

	# The machine writes its memory to its swap, and is off.
	row hibernated image no 'control: the machine hibernates'
	in_file
	ask alive
	echo off >&3
	hear
	hibernate
	fail "it does not hibernate"
}

mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /run /tmp
mount -t devpts pts /dev/pts
mount -t tmpfs run /run
stty -F /dev/ttyS0 raw -echo
exec 3<>/dev/ttyS0
case=start
for module in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci \
    virtio_blk; do
	insmod /modules/$module.ko
done
mkswap /dev/vda >/dev/null
swapon /dev/vda || fail "no swap"

for cases in $boot; do
	$cases
done
echo end >&3
read -r _ <&3
poweroff -f
