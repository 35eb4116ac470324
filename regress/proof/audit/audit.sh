#!/bin/sh
# SPDX-License-Identifier: ISC
# usage: audit.sh [MACHINE...]
#
# Boots Debian's kernel in a virtual machine, where guest.sh runs daemons and ends them
# in every way, and searches all of its memory and swap for the secrets: while a daemon
# lives the search must find them, afterwards nothing may be left but what passed through
# a pipe.  Prints a table; exits 0 if every row is as promised.  `make audit' takes
# several minutes.
#
# The machines are secretmem, init_on_free and mlock.  In the environment:
#	AUDIT_PROGRAMS	the built tree whose programs are audited (this one)
#	AUDIT_ROOT	the root directory of the Debian in which they were built, if it
#			is another one; its programs may be those of i386
#	AUDIT_CPUS	processors of the machine (1)
set -u

here=$(cd "$(dirname "$0")" && pwd) || exit 1
top=$here/../../..
programs=${AUDIT_PROGRAMS:-$top}
within=${AUDIT_ROOT:-}
kernel=$here/kernel
pattern=$here/pattern
talk=$top/regress/tools/talk
cpus=${AUDIT_CPUS:-1}
mib=192			# of the machine's memory: less to search
limit=

dir=
rows=0
bad=0
seed=$(od -An -N 16 -tx1 /dev/urandom | tr -d ' \n')

cleanup() {
	trap '' HUP INT TERM
	[ -z "$machine" ] || kill -KILL "$machine" 2>/dev/null
	wait
	[ -z "$dir" ] || rm -rf "$dir"
}

fail() {
	echo "audit: $*" >&2
	[ ! -s "$dir/console" ] || tail -n 20 "$dir/console" >&2
	exit 1
}

# shellcheck source=regress/proof/vm.sh
. "$here/../vm.sh"

# libraries ROOT PROGRAM...: copies what these are linked with, in that root directory
libraries() {
	from=$1
	shift
	libs=$(${from:+chroot "$from"} ldd "$@") || fail "ldd"
	for lib in $(echo "$libs" | grep -o '[[:blank:]]/[^ ]*' | sort -u); do
		mkdir -p "$root${lib%/*}"
		cp -L "$from$lib" "$root$lib" || fail "no $lib"
	done
}

# Makes the guest's file system: our programs with their libraries, and guest.sh.
guest() {
	root=$dir/root
	mkdir -p "$root/bin"
	cp "$programs/dazaid/dazaid" "$programs/dazai-hb/dazai-hb" \
	    "$programs/dazaictl/dazaictl" "$talk" "$pattern" "$root/bin" ||
	    fail "not built"
	libraries '' "$talk" "$pattern"
	ours=${programs#"$within"}
	libraries "$within" "$ours/dazaid/dazaid" "$ours/dazai-hb/dazai-hb" \
	    "$ours/dazaictl/dazaictl"
	initramfs "$root" "$here/guest.sh"
}

# Stops the machine, and looks for both secrets in all of its memory and its swap.  Sets
# $left and $left_kept, "WHOLE/PIECES", and what count() does, for the first.
look() {
	qmp say '{"execute":"stop"}' until "$done"
	# shellcheck disable=SC2119 # it needs no more
	dump
	left_kept=-
	if [ "$kept" = yes ]; then
		count "$seed.$case.kept" "$n" "$dir/swap"
		left_kept=$whole/$pieces
		[ "$swapped" -eq 0 ] || fault "in swap, never read"
	fi
	count "$seed.$case" "$n" "$dir/swap"
	left=$whole/$pieces
	rm -f "$dir/ram"
	qmp say '{"execute":"cont"}' until "$done"
}

fault() {
	verdict="FAILED: $1"
}

# Alive: both must be found, and in swap only what is to be there.
see_alive() {
	look
	alive=$left
	alive_kept=$left_kept
	alive_pieces=$pieces
	[ "$pieces" -gt 0 ] || fault "not found"
	case $left_kept in 0/*) fault "not found" ;; esac
	[ "$promise" != none ] || [ "$pieces" -eq $((n / 16)) ] ||
		fault "more than one copy"
	if [ "$promise" = swap ]; then
		left=- left_kept=-
		[ "$swapped" -gt 0 ] || fault "not in swap"
		told ''
	elif [ "$swapped" -gt 0 ]; then
		fault "in swap"
	fi
}

# Dead: what is left, and in which pages.
see_over() {
	look
	where=
	if [ "$pieces" -gt 0 ]; then
		echo "where $pages" >&3
		read -r where <&4
	fi
	case $left_kept in -|0/0) ;; *) fault "left, never read" ;; esac
	case $promise in
	none)	[ "$pieces" -eq 0 ] || fault left ;;
	some)	[ "$pieces" -gt 0 ] || fault "not found" ;;
	kernel)	[ "$pieces" -le $((alive_pieces - n / 16)) ] ||
			fault "no copy less"
		# One copy in the page of each pipe that it passed through: at most two.
		[ "$pieces" -le $((2 * n / 16)) ] ||
			fault "more than the kernel's"
		case $where in
		*anonymous* | *mapped* | *page-*) fault "in a program" ;;
		esac ;;
	esac
	[ "$swapped" -eq 0 ] || fault "in swap"
	told "$where"
}

# Hibernated: when the machine is off, the secret must be found in its swap.
see_off() {
	echo go >&3
	! read -r word a <&4 || fail "$word $a"
	wait "$machine" || fail "the machine ended, with $?: $(cat "$dir/errors")"
	machine=
	"$pattern" find "$seed.$case" "$n" "$dir/swap" >"$dir/found" ||
		fail "no search"
	read -r _ swapped _ <"$dir/found"
	left=- left_kept=-
	[ "$swapped" -gt 0 ] || fault "not in swap"
	told ''
}

# told WHERE: prints the row, with what the pages that have a copy belong to
told() {
	rows=$((rows + 1))
	case $verdict in FAILED*) bad=$((bad + 1)) ;; esac
	printf '%-44s %10s %6s %10s %6s %6s  %s\n' "$what" "$alive" "$alive_kept" \
	    "$left" "$left_kept" "$swapped" "$verdict${1:+ ($1)}"
}

# audit TITLE CASES PARAMETERS: boots a machine and does what its guest.sh asks for
audit() {
	rm -f "$dir/swap"
	truncate -s 256M "$dir/swap"
	printf '\n%-44s %10s %6s %10s %6s %6s\n' "$1" alive kept after kept swap
	boot "seed=$seed \"boot=$2\" $3" "$dir/swap" -smp "$cpus"
	word=
	while read -r word a b c d e <&4; do
		case $word in
		row)	case=$a n=$b promise=$c kept=$d what=$e verdict=ok ;;
		alive)	see_alive ;;
		over)	see_over ;;
		off)	see_off
			break ;;
		end)	break ;;
		*)	fail "$word $a $b $c $d $e" ;;
		esac
		echo go >&3
	done
	[ -n "$machine" ] || return 0
	if [ "$word" != end ]; then
		wait "$machine"
		fail "the machine ended, with $?: $(cat "$dir/errors")"
	fi
	halt
}

trap cleanup EXIT
trap 'exit 1' HUP INT TERM
dir=$(mktemp -d) || exit 1
"$here/kernel.sh" "$kernel" || fail "no kernel"
guest
cat <<-EOT
Copies in all memory, whole/pieces of 16 bytes; in swap, pieces.  alive, after: the
secret that the row is about; kept: a second one beside it, which is never read.
EOT
[ $# -gt 0 ] || set -- secretmem init_on_free mlock
for machine; do
	case $machine in
	secretmem)
		audit memfd_secret \
		    'deaths ways_in ways_out no_hibernation pressure' \
		    secretmem.enable=1 ;;
	init_on_free)
		audit 'memfd_secret, init_on_free=1' 'usr2 ways_in ways_out' \
		    'secretmem.enable=1 init_on_free=1' ;;
	mlock)
		# An image that is not compressed can be searched.
		audit mlock mlocked 'secretmem.enable=0 hibernate=nocompress' ;;
	*)
		fail "$machine: no such machine" ;;
	esac
done
printf '\n%d rows, %d not as promised\n' $rows $bad
[ $bad -eq 0 ]
