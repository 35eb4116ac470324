#!/bin/sh
# SPDX-License-Identifier: ISC
# Runs every case of the unit tests under valgrind; any error or leak fails.
set -eu
unit=$(cd "$(dirname "$0")/../unit" && pwd)

# The cases leave files in the directory that they run in.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
n=0
for prog in "$unit"/*_test; do
	list=$("$prog" -l)
	for tc in $(echo "$list" | sed -n 's/^ident: //p'); do
		case $tc in
		# Not the cases that die by a signal, that take too long, or where
		# libseccomp loses some bytes.
		*_faults* | *every_sequence* | *libseccomps*) continue ;;
		esac
		valgrind -q --error-exitcode=99 --leak-check=full \
		    --errors-for-leak-kinds=definite "$prog" -s "$unit" -r /dev/null \
		    "$tc" >/dev/null || {
			echo "valgrind: $prog $tc" >&2
			exit 1
		}
		n=$((n + 1))
	done
done
[ $n -gt 0 ] || { echo "valgrind: no cases" >&2; exit 1; }
echo "valgrind: $n cases clean"
