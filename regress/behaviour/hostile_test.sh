#!/usr/bin/env atf-sh
# SPDX-License-Identifier: ISC
# shellcheck shell=dash
# A network process that was taken over, beside the vault that is shipped: it does
# what regress/proof/hostile/attack tells it.  The vault panics or refuses, at once, and
# nobody sees a secret who may not.

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

behaviour life 'a heartbeat that has left is none, nor is one of its own making'
life_body() {
	besieged life
}

behaviour descriptors 'descriptors where none belong, and of those who may not ask' $long 900
descriptors_body() {
	besieged descriptors 2
}

behaviour slow 'descriptors that make whoever touches them wait'
slow_body() {
	besieged slow
}

behaviour values 'names, sizes, times, pids and signals that no client has caused' $long 900
values_body() {
	besieged values 2
}

behaviour floods 'floods, stalls, and no ear for an answer'
floods_body() {
	besieged floods 4
}
