#!/bin/sh
# SPDX-License-Identifier: ISC
# usage: run.sh [-m] [SECONDS [TARGET...]]
#
# Fuzzes each target for SECONDS (60), one after another, under AddressSanitizer and
# UBSan.  It begins with the kept corpus and adds new inputs to build/corpus; -m moves
# those that reach new code to the kept corpus.  With 0 SECONDS it only tries the inputs
# that there are.
#
# Prints the share of lines that the inputs reach, file by file.  Fails if a file that
# parses untrusted bytes has less than 95 %, or if a target has crashed: then the input
# is in build/crash.  `make fuzz' takes about eight minutes, FUZZ_SECONDS=0 one.
set -u
cd "$(dirname "$0")/../../.." || exit 1

targets="num loadfile store heart control vault option helper"
least=95
# Files that parse untrusted bytes, or keep the rules ...
parsing="dazaid/imsg.c common/line.c common/num.c dazaid/conn.c dazaid/control.c
dazaid/heart.c dazaid/network.c dazaid/panic.c dazaid/registry.c dazaid/request.c
dazaid/event.c dazaid/holder.c dazaid/serve.c dazaid/session.c
dazaid/store.c dazaid/vault.c dazaictl/assuan.c dazaictl/dockercred.c dazaictl/gitcred.c
dazaictl/site.c"
# ... and files of which a part is reached.
others="dazaid/alive.c dazaid/log.c common/secmem.c common/sockpath.c common/loadfile.c dazaid/load.c dazaid/dazaid.c
dazaid/options.c dazaid/signals.c dazaid/transfer.c dazai-hb/dazai-hb.c dazaictl/askpass.c dazaictl/command.c
dazaictl/config.c dazaictl/dazaictl.c dazaictl/give.c dazaictl/pinentry.c dazaictl/status.c"

fuzz=regress/proof/fuzz
build=$fuzz/build
merge=
if [ "${1:-}" = -m ]; then
	merge=1
	shift
fi
seconds=${1:-60}
[ $# -gt 0 ] && shift
[ $# -gt 0 ] && targets=$*

prof=
cov=
for llvm in "" -14 -15 -16 -17 -18 -19; do
	if command -v "llvm-profdata$llvm" >/dev/null; then
		prof=llvm-profdata$llvm
		cov=llvm-cov$llvm
		break
	fi
done
[ -n "$prof" ] || {
	echo "run.sh: no llvm-profdata" >&2
	exit 1
}

make -s --no-print-directory -f $fuzz/fuzz.mk TARGETS="$targets" || exit 1
mkdir -p $build/corpus $build/crash $build/log
status=0

# fuzz_one TARGET
fuzz_one() {
	limit=-max_total_time=$seconds
	[ "$seconds" -gt 0 ] || limit=-runs=0
	mkdir -p "$build/corpus/$1"
	"$build/fuzz/$1" "$limit" -max_len=512 -timeout=60 \
	    -dict="$fuzz/$1.dict" -print_final_stats=1 -close_fd_mask=1 \
	    -artifact_prefix="$build/crash/$1-" "$build/corpus/$1" \
	    "$fuzz/corpus/$1" >"$build/log/$1" 2>&1 3>&- || {
		status=1
		grep -E 'BROKEN|ERROR|runtime error|SUMMARY' "$build/log/$1"
		echo "FAILED: $1, see $build/log/$1 and $build/crash"
		return
	}
	awk -v t="$1" '/number_of_executed_units/ { n = $2 }
	    /average_exec_per_sec/ { r = $2 }
	    END { printf "%-8s %9d runs, %6d a second, no crash\n", t, n, r }' \
	    "$build/log/$1"
}

# merge_one TARGET: keeps the new inputs that reach new code
merge_one() {
	"$build/fuzz/$1" -merge=1 -use_counters=0 "$fuzz/corpus/$1" \
	    "$build/corpus/$1" >"$build/log/$1.merge" 2>&1 3>&- || exit 1
	find "$fuzz/corpus/$1" -name '[0-9a-f]*' | while read -r f; do
		name=$(basename "$f")
		[ ${#name} -ne 40 ] || mv "$f" "$fuzz/corpus/$1/found-${name%"${name#????????}"}"
	done
}

# cover TARGET: counts the lines that the inputs reach
cover() {
	LLVM_PROFILE_FILE=$build/log/$1.profraw "$build/cov/$1" -runs=0 \
	    -close_fd_mask=1 "$build/corpus/$1" "$fuzz/corpus/$1" \
	    >"$build/log/$1.cov" 2>&1 || {
		status=1
		echo "FAILED: $1, see $build/log/$1.cov"
	}
}

for t in $targets; do
	fuzz_one "$t"
done
[ -z "$merge" ] || for t in $targets; do
	merge_one "$t"
done

: >$build/log/lcov
for t in $targets; do
	mkdir -p "$build/corpus/$t"
	cover "$t"
	$prof merge -o "$build/log/$t.profdata" "$build/log/$t.profraw" &&
	    $cov export -format=lcov -instr-profile="$build/log/$t.profdata" \
	    "$build/cov/$t" >>$build/log/lcov || exit 1
done
# Adds up the targets; the name of a file that a target includes is a longer path.
awk -v parsing="$parsing" -v others="$others" -v least=$least '
	/^SF:/ {
		file = substr($0, 4)
		while (sub(/[^\/]+\/\.\.\//, "", file))
			;
		sub(/^.*\/(common|dazaid|dazai-hb|dazaictl)\//, "&", file)
		n = split(file, part, "/")
		file = part[n - 1] "/" part[n]
	}
	/^DA:/ {
		split(substr($0, 4), da, ",")
		key = file SUBSEP da[1]
		if (!(key in hits))
			lines[file]++
		if (da[2] > 0 && hits[key] == 0) {
			reached[file]++
			hits[key] = 1
		}
		hits[key] += 0
	}
	function row(f) {
		if (lines[f] == 0)
			return
		share = 100 * reached[f] / lines[f]
		printf "%-24s %5d of %5d lines %6.1f %%\n", f, reached[f],
		    lines[f], share
		return share
	}
	END {
		n = split(parsing, f, /[ \n]+/)
		for (i = 1; i <= n; i++)
			if (f[i] in lines && row(f[i]) < least) {
				print "TOO FEW: " f[i]
				bad = 1
			}
		print "in part:"
		n = split(others, f, /[ \n]+/)
		for (i = 1; i <= n; i++)
			row(f[i])
		exit bad
	}' $build/log/lcov || status=1
exit $status
