#!/bin/sh
# SPDX-License-Identifier: ISC
# Measures, prints the table, and draws it.  A whole run as root with all samples takes
# about half an hour, and is kept in results.md, bench.svg and the table of the README.
# With BENCH_ONLY="FIGURE..." or BENCH_SAMPLES=N (fewer than 100) these stay as they are.
# results-*.md are of other machines: the README has their ratios, too.
set -eu

dir=$(cd "$(dirname "$0")" && pwd)
full=100
samples=${BENCH_SAMPLES:-$full}
tmp=$(mktemp -d)
# A tmpfs, as $XDG_RUNTIME_DIR is one, which users may enter.
run=$(mktemp -d /dev/shm/dazaid-bench.XXXXXX)
chmod 711 "$run"
trap 'rm -rf "$tmp" "$run"' EXIT
trap 'exit 1' INT TERM HUP

# Prints the machine, the kernel and the date in one line.
where() {
	cpu=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1)
	memory=$(sed -n 's/^MemTotal: *\([0-9]*\).*/\1/p' /proc/meminfo)
	hypervisor=$(LC_ALL=C lscpu | sed -n 's/^Hypervisor vendor: *//p')
	echo "$cpu, $(nproc) cores, $((memory / 1048576)) GiB of memory;" \
	    "hypervisor: ${hypervisor:-none}; Linux $(uname -r); $(date +%Y-%m-%d)."
}

preface() {
	where
	echo "Load when it began: $(cut -d ' ' -f 1-3 /proc/loadavg); scheduled as" \
	    "$(chrt -p $$ | sed -n 's/.*policy: //p')."
	echo "$samples samples a figure, the subjects in turn; sockets in a tmpfs."
}

# Puts the table made of results.md and results-*.md into the README.
publish() {
	readme=$dir/../../../README.md
	{
		sed '/^<!-- make bench -->$/q' "$readme"
		awk -f "$dir/table.awk" "$dir"/results-*.md "$dir/results.md"
		sed -n '/^<!-- end -->$/,$p' "$readme"
	} >"$tmp/readme"
	cat "$tmp/readme" >"$readme"
}

# curve FIGURE NAME: the distribution of one subject
curve() {
	awk -F '\t' -v figure="$1" -v name="$2" '$1 == "sample" &&
	    $2 == figure && $3 == name { print $4 "\t" $5 }' "$tmp/data"
}

# draw FIGURE FILE: draws the goals and the distribution of one figure
draw() {
	awk -F '\t' '$1 == "goal" { n++; printf "%d\t%s\t%s (%s)\t%s\n", n, $2, $3, $4, $5 }' \
	    "$tmp/data" >"$tmp/goals"
	for name in dazaid 'one-process floor' 'two-process floor'; do
		curve "$1" "$name" >"$tmp/$name"
	done
	curve 'EOF to wiped' dazaid >"$tmp/dazaid, wiped"
	(cd "$tmp" && gnuplot -e "title='$(where | tr -d "'")'; out='$2'" \
	    "$dir/bench.gp")
}

# shellcheck disable=SC2086 # a list of words
set -- ${BENCH_ONLY:-}
{
	preface
	echo
	"$dir/bench" -n "$samples" -o "$tmp/data" "$run" "$@"
} | tee "$tmp/table"
# A pipeline has the status of its last command only.
grep -q '^sample' "$tmp/data" || [ $# -gt 0 ]

if [ $# -eq 0 ] && [ "$samples" -ge "$full" ] && [ "$(id -u)" -eq 0 ]; then
	cp "$tmp/table" "$dir/results.md"
	draw 'EOF to dead, root' "$dir/bench.svg"
	publish
	echo
	echo "kept in $dir: results.md, bench.svg; and in the README"
elif [ $# -eq 0 ]; then
	draw "EOF to dead, $([ "$(id -u)" -eq 0 ] && echo root || echo user)" \
	    "${BENCH_PLOT:-/dev/null}"
fi
