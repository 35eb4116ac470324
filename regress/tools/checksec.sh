#!/bin/sh
# SPDX-License-Identifier: ISC
# checksec.sh PROGRAM...: fails unless each is hardened as the build means it to be,
# as the files themselves say and not the flags.
set -eu

want='Full RELRO,Canary found,NX enabled,PIE enabled,No RPATH,No RUNPATH'
for prog; do
	got=$(checksec --file="$prog" --output=csv)
	case $got in
	"$want",*) ;;
	*)
		echo "$prog: $got, not $want" >&2
		exit 1
		;;
	esac
	# checksec looks for these in the dynamic symbols, which a static program has not.
	if ! nm "$prog" | grep -q ' __[a-z_]*_chk'; then
		echo "$prog: not fortified" >&2
		exit 1
	fi
	# The linker marks a program for CET only if all of it is made for that, and
	# Debian's start files are not; what we compile is.
	if [ "$(uname -m)" = x86_64 ] &&
	    ! objdump -d --disassemble=main "$prog" | grep -q endbr64; then
		echo "$prog: compiled without CET" >&2
		exit 1
	fi
	echo "$prog: full RELRO, stack protector, NX, PIE, fortified, CET"
done
