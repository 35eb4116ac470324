#!/bin/sh
# SPDX-License-Identifier: ISC
# usage: run.sh [SECONDS [TARGET...]]
#
# Fuzzes each target for SECONDS (60), one after another, under AddressSanitizer and
# UBSan.  It begins with the kept corpus and adds new inputs to build/corpus.  With 0
# SECONDS it only tries the inputs that there are.  To keep new inputs that reach new
# code: build/fuzz/TARGET -merge=1 -use_counters=0 corpus/TARGET build/corpus/TARGET
#
# Prints the share of lines that the inputs reach, file by file.  Fails if a file that
# parses untrusted bytes has less than 95 %, or if a target has crashed: then the input
# is in build/crash.  `make fuzz' takes about five minutes, FUZZ_SECONDS=0 one.
set -u
cd "$(dirname "$0")/../../.." || exit 1

# Files that parse untrusted bytes, or keep the rules; of others a part is reached.
parsing="common/line.c common/num.c dazaid/conn.c dazaid/control.c dazaid/event.c
dazaid/heart.c dazaid/holder.c dazaid/imsg.c dazaid/network.c dazaid/panic.c
dazaid/registry.c dazaid/request.c dazaid/serve.c dazaid/session.c dazaid/store.c
dazaid/vault.c dazaictl/assuan.c dazaictl/dockercred.c dazaictl/gitcred.c dazaictl/site.c"

fuzz=regress/proof/fuzz
build=$fuzz/build
seconds=${1:-60}
[ $# -eq 0 ] || shift
all='loadfile network vault program'
targets=${*:-$all}
limit=-max_total_time=$seconds
[ "$seconds" -gt 0 ] || limit=-runs=0

make -s --no-print-directory -f $fuzz/fuzz.mk TARGETS="$targets" || exit 1
mkdir -p $build/crash $build/log
rm -f $build/log/*
status=0

# fuzz OPTION...: runs $t on what it has
fuzz() {
	"$build/fuzz/$t" "$@" -timeout=60 -close_fd_mask=1 \
	    -artifact_prefix="$build/crash/$t-" "$build/corpus/$t" \
	    "$fuzz/corpus/$t" >>"$log" 2>&1 3>&-
}

set --
for t in $targets; do
	log=$build/log/$t
	mkdir -p "$build/corpus/$t"
	if LLVM_PROFILE_FILE=/dev/null fuzz "$limit" -max_len=512 &&
	    LLVM_PROFILE_FILE=$log.profraw fuzz -runs=0; then
		echo "$t: $(sed -n 's/^Done //p' "$log" | head -n 1), no crash"
	else
		status=1
		grep -E 'BROKEN|ERROR|runtime error|SUMMARY' "$log"
		echo "FAILED: $t, see $log and $build/crash"
	fi
	set -- "$@" ${1:+-object} "$build/fuzz/$t"
done

llvm-profdata merge -o $build/log/profdata $build/log/*.profraw &&
    llvm-cov report -instr-profile=$build/log/profdata "$@" common dazaid dazai-hb \
    dazaictl >$build/log/cov || exit 1
awk -v parsing="$parsing" -v whole="$([ "$targets" = "$all" ] && echo 1)" '
	BEGIN {
		n = split(parsing, f, /[ \n]+/)
		for (i = 1; i <= n; i++)
			least[f[i]] = 95
	}
	/\.c / && $8 > $9 {
		printf "%-24s %5d of %5d lines %8s%s\n", $1, $8 - $9, $8, $10,
		    $10 + 0 < least[$1] ? "  TOO FEW" : ""
		bad = bad || $10 + 0 < least[$1]
		seen[$1] = 1
	}
	END {
		for (i = 1; whole && i <= n; i++)
			if (!(f[i] in seen)) {
				print f[i] ": NOT REACHED"
				bad = 1
			}
		exit bad
	}' $build/log/cov || status=1
exit $status
