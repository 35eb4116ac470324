#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# check.sh [FILTER...]: runs the suite, or the part of it that Kyua's filters name
# (unit, behaviour/wire_test.sh, behaviour/wire_test.sh:CASE).  Prints the output of the
# cases that failed and the reasons of those that were skipped, and ends with the line
# "N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/.." || exit 1

# A daemon, its clients and the pages that pipes take from a user.
limit=$(ulimit -l)
if [ "$limit" != unlimited ] && [ "$limit" -lt 1024 ]; then
	echo "check.sh: ulimit -l is $limit KiB, and the tests need 1024" >&2
	exit 1
fi
exec </dev/null

dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
HOME=$dir
TMPDIR=$dir
export HOME TMPDIR

# The sanitizers' search for leaks finds those of atf-c; valgrind looks for ours.
ASAN_OPTIONS=detect_leaks=0
export ASAN_OPTIONS
# atf-sh(1) finds no program in a path with a blank: a link stands for it, which other
# users can follow, too.
kyuafile=$PWD/Kyuafile
case $PWD in
*[[:space:]]*)
	chmod 711 "$dir"
	ln -s "$(cd .. && pwd)" "$dir/dazaid"
	kyuafile=$dir/dazaid/regress/Kyuafile
	;;
esac
# Six at a time, even on two processors: most cases wait for an event or a deadline.
kyua -v parallelism=6 test -r "$dir/results" \
    -k "$kyuafile" "$@"
status=$?
if [ $status -ne 0 ]; then
	kyua report --verbose -r "$dir/results" \
	    --results-filter broken,failed 2>&1 | awk '
		/^===> Execution context/ || /^Metadata:/ { quiet = 1 }
		/^===> [^ ]+:/ || /^Standard / { quiet = 0 }
		/^===> (Failed|Broken|Summary)/ { exit }
		!quiet && !/^(Start|End) time:/'
fi
kyua report -r "$dir/results" --results-filter skipped 2>/dev/null |
    sed -n -e 's/Requires an unprivileged user.*configuration[^[]*/run it as an ordinary user, too/' \
	-e 's/Requires root privileges/run it as root, too/' \
	-e 's/Required program .* not found in PATH/&: install it (make deps)/' \
	-e '/^===> Skipped/,/^===> Summary/{/^===>/!p;}'
kyua report -r "$dir/results" | awk '
	/^Test cases:/ {
		# Test cases: 9 total, 1 skipped, 0 expected failures, 0 broken, 1 failed
		for (i = 3; i < NF; i++) {
			if ($(i + 1) ~ /^total/) total = $i
			if ($(i + 1) ~ /^skipped/) skipped = $i
			if ($(i + 1) ~ /^broken/) broken = $i
			if ($(i + 1) ~ /^failed/) failed = $i
		}
		bad = broken + failed
		printf "%d passed, %d failed, %d skipped\n",
		    total - skipped - bad, bad, skipped
	}'
exit $status
