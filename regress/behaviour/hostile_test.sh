#!/usr/bin/env -S atf-sh -s /bin/sh
# SPDX-License-Identifier: ISC
# A network process that was taken over, in front of the vault that is shipped:
# regress/proof/hostile/attack tells it what to do.  The vault must panic or refuse at
# once, and show a secret to nobody who may not see it.
#
# With DAZAI_SIEGE in the environment, as make hostile sets it, root runs every attack as
# an ordinary user as well.

. "$(atf_get_srcdir)/lib.sh"

hostile=$top/regress/proof/hostile
siege=${DAZAI_SIEGE:-}

# attack NAME: runs this attack
attack() {
	printf '%s' "$secret" >secret
	# It is larger than a client's buffers: a GET of it takes as long as the client likes.
	yes "$secret" | tr -d '\n' | head -c 660000 >large
	"$hostile/attack" "$@" || fail "as $(id -un)"
	[ -n "$siege" ] && [ "$(id -u)" -eq 0 ] || return 0
	public
	cp "$hostile/attack" "$hostile/dazaid" secret large "$dir"
	chmod 777 "$dir"
	chmod 755 "$dir/attack" "$dir/dazaid"
	chmod 666 "$dir/secret" "$dir/large"
	(cd "$dir" && become 65534 ./attack "$@") || fail "as an ordinary user"
}

# attacks ATTACK NAME TEXT: declares the case that runs it
attacks() {
	local attack=$1 case=$2

	shift
	behaviour "$@" timeout 1800
	eval "${case}_body() { attack $attack; }"
}

attacks losses no_loss_can_be_hidden \
    'network can neither hide a loss, nor invent a return, nor act in the name of a client that left'
attacks descriptors descriptors_are_checked \
    'no descriptor that network sends makes the vault serve a client that may not ask'
attacks slow slow_descriptors_do_not_block \
    'no descriptor that network sends makes the vault wait'
attacks floods floods_do_not_block \
    'a network process that floods, stalls or never reads does not hold the vault up'
shipped attacks ends every_end_of_network_is_a_panic \
    'network exits, or sends no message, or shuts down its socket: the vault panics in every state'

shipped behaviour system_calls_are_listed \
    'a system call that is not listed for the process kills it by SIGSYS' timeout 900
system_calls_are_listed_body() {
	if [ "$(id -u)" -ne 0 ]; then
		"$hostile/calls" || fail "as $(id -un)"
		return 0
	fi
	"$hostile/calls" 60706 || fail "as root"
	[ -n "$siege" ] || return 0
	public
	cp "$hostile/calls" "$dir"
	chmod 755 "$dir/calls"
	(cd "$dir" && become 65534 ./calls) || fail "as an ordinary user"
}
