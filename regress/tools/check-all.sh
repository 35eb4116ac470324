#!/usr/bin/env bash
# SPDX-License-Identifier: ISC
# Runs everything that must pass before a change lands: lint, then make check with
# gcc, with clang and with sanitizers, as root and as an ordinary user, the package, the
# suite on Debian 13 and, on amd64, on i386, and the proofs.
# To save time it does not run every combination.  What failed is told again at the
# end; the last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.." || exit 1
export DEBIAN_FRONTEND=noninteractive
passed=0
failed=0
recap=$(mktemp) || exit 1
# Each minimal Debian is made once; see base.sh.
DEBIAN_BASES=$(mktemp -d /var/tmp/dazai-bases.XXXXXX) || exit 1
export DEBIAN_BASES
trap 'rm -rf "$recap" "$DEBIAN_BASES"' EXIT

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo env DEBIAN_BASES="$DEBIAN_BASES" "$@"
	fi
}

# failed_cases FILE: what check.sh printed of the cases that failed
failed_cases() {
	awk '/^===> [^ ]+:/ { on = 1 }
	/  ->  skipped|^[0-9]+ passed/ { on = 0 }
	on' "$1" | tail -n 200
}

# step NAME COMMAND...: runs a command that passes or fails as a whole, or prints its own
# count of what did
step() {
	local name=$1 out line status good=1 bad=1
	shift
	echo "===> $name"
	out=$(mktemp)
	"$@" 2>&1 | tee "$out" | grep -v -e '  ->  passed' -e '^  [CL][CD] '
	status=${PIPESTATUS[0]}
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$out" | tail -n 1)
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		good=${BASH_REMATCH[1]}
		bad=${BASH_REMATCH[2]}
		echo "$name: $line"
	fi
	if [ "$status" -eq 0 ] && { [ -z "$line" ] || [ "$bad" -eq 0 ]; }; then
		passed=$((passed + good))
	else
		[ -z "$line" ] || passed=$((passed + good))
		failed=$((failed + (bad > 0 ? bad : 1)))
		echo "FAILED: $name${line:+: $line}" | tee -a "$recap"
		{ failed_cases "$out" | grep . || tail -n 30 "$out"; } >>"$recap"
	fi
	rm -f "$out"
}

# as_user DIR TARGET...: runs make as nobody, in a copy of the tree at DIR, with as little
# of an environment as cron(8) gives
as_user() {
	local dir=$1 status
	shift
	rm -rf "$dir"
	mkdir -p "$dir"
	git archive HEAD | tar -x -C "$dir"
	as_root chown -R nobody "$dir"
	as_root runuser -u nobody -- env -i PATH="$PATH" HOME="$dir" TMPDIR=/tmp \
	    make --no-print-directory -C "$dir" "$@"
	status=$?
	as_root rm -rf "$dir"
	return $status
}

# in_debian SUITE ARCH: runs make check as root in a Debian of its own
in_debian() {
	as_root regress/tools/debian.sh "$1" "$2" sh -c 'apt-get -qq update &&
	    apt-get -qq install -y make >/dev/null &&
	    make --no-print-directory check WERROR=1'
}

step "an sshd for the tests" regress/tools/deps.sh sshd
step "lint" make --no-print-directory lint WERROR=1
step "the demonstration, as root" make --no-print-directory demo
step "gcc, root" make --no-print-directory check CC=gcc WERROR=1
step "the demonstration, as a user" as_user /tmp/dazaid-user demo
step "clang, user" as_user /tmp/dazaid-user check CC=clang WERROR=1
step "sanitizers, root" make --no-print-directory check CC=gcc SAN=1
step "valgrind" make --no-print-directory valgrind
step "hardening" make --no-print-directory checksec CC=gcc
step "install and uninstall" regress/tools/install.sh
step "a hostile network, root" make --no-print-directory hostile
step "a hostile network, user" as_user /tmp/dazaid-user hostile
step "package, Debian 12 and 13" as_root make --no-print-directory package-test
step "systemd" as_root timeout 1800 make --no-print-directory systemd
arch=$(dpkg --print-architecture)
step "Debian 13" in_debian trixie "$arch"
[ "$arch" != amd64 ] || step "Debian 12 on i386" in_debian bookworm i386
step "faults" make --no-print-directory faults FAULTS_EVERY=20
step "storm" make --no-print-directory storm STORM_SECONDS=60
step "model" make --no-print-directory model
step "fuzzing's corpus" make --no-print-directory fuzz FUZZ_SECONDS=0
step "audit" timeout 1800 make --no-print-directory audit

[ "$failed" -eq 0 ] || cat "$recap"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
