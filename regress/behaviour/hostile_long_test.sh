#!/usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# A network process that was taken over, beside the vault that is shipped: it does
# what regress/proof/hostile/attack tells it.  The vault panics or refuses, at once, and
# nobody sees a secret who may not.  Minutes of it: not in the Kyuafile, run it with
# kyua test -k hostile.kyua.

# shellcheck source=regress/behaviour/lib.sh
. "$(atf_get_srcdir)/lib.sh"

hostile=$top/regress/proof/hostile
long=timeout

# attacked CASE [PROCESSES]: these attacks
attacked() {
	printf '%s' "$secret" >secret
	# What a client does not read at once: a GET of it takes as long as we like.
	yes "$secret" | tr -d '\n' | head -c 660000 >large
	"$hostile/attack" "$@" || fail "as $(id -un)"
}

# besieged CASE [PROCESSES]: the same, and as root once more in an ordinary user's name
besieged() {
	attacked "$@"
	[ "$(id -u)" -eq 0 ] || return 0
	public
	cp "$hostile/attack" "$hostile/dazaid" secret large "$dir"
	chmod 777 "$dir"
	chmod 755 "$dir/attack" "$dir/dazaid"
	chmod 666 "$dir/secret" "$dir/large"
	(cd "$dir" && as_other ./attack "$@") || fail "as an ordinary user"
}

shipped_only=1		# by their number

behaviour messages 'every message in every state, as it should be and not' $long 1800
messages_body() {
	besieged messages 3
}

behaviour sizes 'every message in every size' $long 1800
sizes_body() {
	attacked sizes 3
}

behaviour ends 'network exits with every status, and closes half of the line' $long 900
ends_body() {
	attacked ends 2
}

behaviour calls 'network makes every system call, and the vault sees to it' $long 900
calls_body() {
	attacked calls 2
}

behaviour calls_are_listed 'who makes a system call that is not on the list dies of SIGSYS' $long 900
calls_are_listed_body() {
	if [ "$(id -u)" -ne 0 ]; then
		"$hostile/calls" || fail "as $(id -un)"
		return 0
	fi
	"$hostile/calls" 60706 || fail "as root"
	public
	cp "$hostile/calls" "$dir"
	chmod 755 "$dir/calls"
	(cd "$dir" && as_other ./calls) || fail "as an ordinary user"
}
